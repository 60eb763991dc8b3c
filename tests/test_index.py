"""Undated archives get their days: proposed with the reason, changed by people, and put where each day's run finds them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from upath import UPath

from octavo.cli import main
from octavo.ingest import stage as ingest
from octavo.model import contracts
from octavo.model.contracts import Locale
from octavo.model.entities import Partition
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage.workspace import Workspace
from octavo.workflows import date_assignment, pipeline
from octavo.workflows.date_assignment import ManifestRow, Method, State
from octavo.workflows.date_assignment.manifest import COLUMNS
from octavo.workflows.date_assignment.patterns import DEFAULT, PathPattern, days_in
from tests.documents import LINES, make_zip, text_pdf

RECEIPT = contracts.find("receipt", Settings().contracts)
PRINTED = dt.date(2026, 3, 12)      # what tests.documents.LINES say
TOUCHED = dt.date(2021, 6, 5)
UNDATED = tuple(line for line in LINES if "Date" not in line)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(("pattern", "path", "found"), [
    pytest.param(None, "a/2019-05-03/x.pdf", ["2019-05-03"], id="year first with hyphens"),
    pytest.param(None, "scan_20190503_001.pdf", ["2019-05-03"], id="digits alone"),
    pytest.param(None, "2019/05/03/x.pdf", ["2019-05-03"], id="folders"),
    pytest.param(None, "scan_201905031.pdf", [], id="digits that go on are another number"),
    pytest.param(None, "2019-13-40 20191340.pdf", [], id="impossible days are none"),
    pytest.param(None, "2018-01-01/x 2019-05-03.pdf", ["2019-05-03", "2018-01-01"], id="the file's name comes before its folder's"),
    pytest.param("%d.%m.%Y", "03.05.2019 note.pdf", ["2019-05-03"], id="day first"),
    pytest.param("%Y-%m", "2019-05/x.pdf", ["2019-05-01"], id="a month is its first day"),
    pytest.param(r"(?P<year>\d{4})/KW\d\d/(?P<day>\d\d)-(?P<month>\d\d)", "2019/KW18/03-05 x.pdf", ["2019-05-03"], id="groups"),
    pytest.param(r"(?P<date>\d+ \w+ \d{4})", "Rechnung 3 Mai 2019.pdf", ["2019-05-03"], id="a date of the contract's languages"),
    pytest.param(r"(?P<date>\d\d-\d\d-\d{4})", "03-05-2019.pdf", ["2019-05-03"], id="a date in the contract's order"),
])
def test_a_path_says_its_day(pattern: str | None, path: str, found: list[str]) -> None:
    patterns = [PathPattern(text, Locale(languages=("de",))) for text in ([pattern] if pattern else DEFAULT)]
    assert [str(one.day) for one in days_in(path, patterns)] == found


@pytest.mark.parametrize(("pattern", "said"), [
    pytest.param("%Y-%q", "%q is not known", id="an unknown directive"),
    pytest.param("%m-%d", "name its year", id="no year"),
    pytest.param("(?P<year>", "no regular expression", id="no regular expression"),
    pytest.param(r"(?P<year>\d{4})(?P<week>\d\d)", "name its year", id="a group that means nothing"),
])
def test_a_pattern_that_means_no_day_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        PathPattern(pattern, Locale())


class Old:
    """An archive without days, and where its documents shall go."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder, self.landing = root, root / "old", root / "landing"
        self.folder.mkdir()
        self.settings = Settings(lake=str(root / "lake"), landing=str(self.landing), processes=1, ocr_profile="fast")

    def add(self, name: str, *lines: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text_pdf(path, [lines])
        moment = dt.datetime.combine(TOUCHED, dt.time(23, 30), dt.UTC).timestamp()
        os.utime(path, (moment, moment))
        return path

    def propose(self, *by: Method, folder: Path | None = None, **options: Any) -> dict[str, ManifestRow]:
        """The rows by the end of their files' paths."""
        rows = date_assignment.propose(RECEIPT, UPath(folder or self.folder), self.settings, by=by or tuple(Method), **options)
        assert [row.file for row in rows] == sorted(row.file for row in rows)
        return {row.file.removeprefix(f"{self.folder}/"): row for row in rows}

    def place(self, rows: dict[str, ManifestRow], **options: Any) -> dict[str, State]:
        placed = list(date_assignment.place(list(rows.values()), self.settings, **options))
        assert len(placed) == len(rows)
        return {one.row.file.removeprefix(f"{self.folder}/"): one.state for one in placed}

    def landed(self) -> dict[str, bytes]:
        root = self.landing / "receipt"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Old:
    return Old(tmp_path)


def test_the_first_method_that_finds_a_day_wins_and_says_why(old: Old) -> None:
    old.add("2019-05-03 a.pdf", *LINES)
    old.add("b.pdf", *LINES, "b")
    old.add("c.pdf", *UNDATED)
    (old.folder / "2018-01-01 cut.pdf").write_bytes(b"%PDF-1.7 half of")
    rows = old.propose()
    assert {name: (row.day, row.by) for name, row in rows.items()} == {
        "2018-01-01 cut.pdf": (day("2018-01-01"), "path"), "2019-05-03 a.pdf": (day("2019-05-03"), "path"),
        "b.pdf": (PRINTED, "date"), "c.pdf": (TOUCHED, "mtime"),
    }
    assert rows["b.pdf"].why == "date “12 March 2026” on page 1, accepted: beside its label “Date”"
    assert rows["2018-01-01 cut.pdf"].conflicts == "it cannot be read: truncated"
    assert {row.conflicts for name, row in rows.items() if "cut" not in name} == {""}
    assert old.propose(Method.MTIME, Method.PATH)["b.pdf"].day == TOUCHED
    undecided = old.propose(Method.PATH, Method.DATE)["c.pdf"]
    assert (undecided.day, undecided.by, undecided.why) == (None, "", "date was not found on it")


def test_whatever_speaks_against_a_day_stands_beside_it(old: Old) -> None:
    old.add("2019-05-03/a 2018-01-01.pdf", *LINES)
    old.add("2999-01-01.pdf", *LINES, "future")
    rows = old.propose(Method.PATH, Method.DATE, check=True)
    first = rows["2019-05-03/a 2018-01-01.pdf"]
    assert (first.day, first.by) == (day("2018-01-01"), "path")
    assert first.conflicts.startswith("its path also has “2019-05-03”; by date 2026-03-12: date “12 March 2026”")
    assert old.propose(Method.PATH, Method.DATE)[first.file.removeprefix(f"{old.folder}/")].conflicts == "its path also has “2019-05-03”"
    assert rows["2999-01-01.pdf"].conflicts == ""  # past the years that dates have: no day, so the document's counts
    assert rows["2999-01-01.pdf"].day == PRINTED
    old.add("2099-01-01.pdf", *LINES, "soon")
    assert old.propose(Method.PATH)["2099-01-01.pdf"].conflicts == "the day has not come yet"


def test_a_value_that_is_not_sure_is_proposed_and_disputed(old: Old) -> None:
    old.add("a.pdf", *UNDATED, "Date: 12 March 2026", "Date: 14 March 2026")
    row = old.propose(Method.DATE)["a.pdf"]
    assert row.day in (day("2026-03-12"), day("2026-03-14"))
    assert "March 2026” (" in row.conflicts


def test_of_files_with_one_content_one_is_put_and_the_others_are_told(old: Old) -> None:
    old.add("a.pdf", *LINES)
    for name in ("b/2019-05-03.pdf", "c/2020-01-01.pdf"):
        (old.folder / name).parent.mkdir()
        (old.folder / name).write_bytes((old.folder / "a.pdf").read_bytes())
    rows = old.propose(Method.PATH)
    assert {name: (row.day, row.by) for name, row in rows.items()} == {
        "a.pdf": (None, "copy"), "b/2019-05-03.pdf": (day("2019-05-03"), "path"), "c/2020-01-01.pdf": (None, "copy"),
    }
    assert rows["b/2019-05-03.pdf"].conflicts == "its copy c/2020-01-01.pdf says 2020-01-01"
    assert rows["a.pdf"].why == "the same content as b/2019-05-03.pdf"
    assert old.place(rows)["a.pdf"] is State.COPY
    assert list(old.landed()) == ["2019/05/03/b/2019-05-03.pdf"]


def test_what_was_read_for_its_date_is_not_read_again_by_its_days_run(old: Old) -> None:
    old.add("a.pdf", *LINES)
    old.place(old.propose(Method.DATE))
    (found,) = pipeline.days_of(UPath(old.landing / "receipt"))
    assert found[0] == PRINTED
    space = Workspace.open(old.settings.workspaces, Partition("receipt", PRINTED), "run")
    ingest.run(space, RECEIPT, found[1], old.settings)
    counts = reading.run(space, "p0000", old.settings).counts
    assert (counts["reads"], counts["read_hits"]) == (0, 1)


def archive(kind: str, path: Path, members: dict[str, bytes]) -> Path:
    """An archive whose members all changed on the day ``TOUCHED``."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as target:
            for name, data in members.items():
                target.writestr(zipfile.ZipInfo(name, (*TOUCHED.timetuple()[:3], 12, 0, 0)), data)
        return path
    source = path.parent.with_name("members")
    source.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            (source / "member").write_bytes(data)
            info = tar.gettarinfo(source / "member", name)
            info.mtime = int(dt.datetime.combine(TOUCHED, dt.time(12), dt.UTC).timestamp())
            with (source / "member").open("rb") as stream:
                tar.addfile(info, stream)
    return path


@pytest.mark.parametrize(("kind", "alone"), [
    pytest.param("zip", True, id="the archive itself"), pytest.param("tar.gz", False, id="a folder that holds it"),
])
def test_members_of_an_archive_get_their_own_days(old: Old, kind: str, alone: bool) -> None:
    documents = {f"{n}.pdf": text_pdf(old.root / f"{n}.pdf", [[*UNDATED, n]]).read_bytes() for n in ("one", "two")}
    members = {"x/2019-05-03 one.pdf": documents["one.pdf"], "two.pdf": documents["two.pdf"], "../evil.pdf": documents["one.pdf"]}
    path = archive(kind, old.folder / f"papers.{kind}", members)
    rows = old.propose(Method.PATH, Method.MTIME, folder=path if alone else None)
    days = {name.partition("!/")[2]: (row.day, row.by) for name, row in rows.items()}
    assert days == {
        "x/2019-05-03 one.pdf": (day("2019-05-03"), "path"), "two.pdf": (TOUCHED, "mtime"), "../evil.pdf": (None, ""),
    }
    for again in (State.PUT, State.THERE):
        states = {name.partition("!/")[2]: state for name, state in old.place({n: r for n, r in rows.items() if "evil" not in n}).items()}
        assert states == {"x/2019-05-03 one.pdf": again, "two.pdf": again}
    inner = "" if alone else "papers/"
    assert old.landed() == {
        f"2019/05/03/{inner}x/2019-05-03 one.pdf": documents["one.pdf"], f"2021/06/05/{inner}two.pdf": documents["two.pdf"],
    }


def test_a_member_that_its_archive_may_not_hand_out_is_told_and_the_others_are_put(old: Old) -> None:
    path = make_zip(old.folder / "2019-05-03.zip", {"a.pdf": text_pdf(old.root / "a.pdf").read_bytes(), "../evil.pdf": b"%PDF-"})
    rows = old.propose(Method.PATH)
    assert old.place({name: row for name, row in rows.items() if "a.pdf" in name}) == {"2019-05-03.zip!/a.pdf": State.PUT}
    evil = next(row for name, row in rows.items() if "evil" in name)
    assert evil.conflicts == "it cannot be read: unsafe_member"
    assert old.place({"evil": ManifestRow(**{**values(evil), "name": "evil.pdf"})}) == {"2019-05-03.zip!/../evil.pdf": State.REFUSED}
    path.unlink()
    assert old.place({"evil": ManifestRow(**{**values(evil), "name": "evil.pdf"})}) == {"2019-05-03.zip!/../evil.pdf": State.GONE}


def values(row: ManifestRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in COLUMNS}


def test_no_file_is_replaced_and_the_name_that_was_taken_instead_holds(old: Old) -> None:
    ours = old.add("2019-05-03 a.pdf", *LINES).read_bytes()
    theirs = old.landing / "receipt/2019/05/03/2019-05-03 a.pdf"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"another document")
    rows = old.propose(Method.PATH)
    other = f"2019/05/03/2019-05-03 a-{rows['2019-05-03 a.pdf'].sha256[:8]}.pdf"
    for state in (State.RENAMED, State.THERE):
        assert old.place(rows) == {"2019-05-03 a.pdf": state}
        assert old.landed() == {"2019/05/03/2019-05-03 a.pdf": b"another document", other: ours}
    (old.landing / "receipt" / other).write_bytes(b"a third one")
    assert old.place(rows) == {"2019-05-03 a.pdf": State.REFUSED}


def test_an_interrupted_move_is_simply_made_again_and_leaves_what_is_undecided(old: Old) -> None:
    content = {name: old.add(name, *UNDATED, name).read_bytes() for name in ("2019-05-03 a.pdf", "2019-05-03 b.pdf", "2019-05-03 c.pdf")}
    old.add("undecided.pdf", *UNDATED)
    rows = old.propose(Method.PATH)
    interrupted = date_assignment.place(list(rows.values()), old.settings, move=True)
    while next(interrupted).state is not State.PUT:
        pass
    interrupted.close()
    assert not (old.folder / "2019-05-03 a.pdf").exists()
    (old.landing / "receipt/2019/05/03/2019-05-03 b.pdf").write_bytes(content["2019-05-03 b.pdf"])  # put, and then it died
    assert old.place(rows, move=True) == {
        "2019-05-03 a.pdf": State.THERE, "2019-05-03 b.pdf": State.THERE, "2019-05-03 c.pdf": State.PUT, "undecided.pdf": State.UNDECIDED,
    }
    assert old.landed() == {f"2019/05/03/{name}": data for name, data in content.items()}
    assert [path.name for path in old.folder.iterdir()] == ["undecided.pdf"]


def test_a_file_that_lies_at_its_place_already_survives_a_move(old: Old) -> None:
    old.folder = old.landing / "receipt"
    path = old.add("2019/05/03/a.pdf", *LINES)
    link = old.root / "link"
    link.symlink_to(old.folder)
    rows = old.propose(Method.PATH, folder=link)
    assert list(old.place(rows, move=True).values()) == [State.THERE]
    assert path.exists()


def test_a_file_that_is_not_any_more_what_people_looked_at_is_not_put(old: Old) -> None:
    old.add("2019-05-03 a.pdf", *LINES)
    old.add("2019-05-03 b.pdf", *UNDATED)
    rows = old.propose(Method.PATH)
    old.add("2019-05-03 a.pdf", *LINES, "changed")
    (old.folder / "2019-05-03 b.pdf").unlink()
    assert old.place(rows) == {"2019-05-03 a.pdf": State.CHANGED, "2019-05-03 b.pdf": State.GONE}
    assert old.landed() == {}


A_ROW = ManifestRow("/old/=1.pdf", PRINTED, "path", "“2019” in its path", "", "=1.pdf", "receipt", 3, "ab")


@pytest.mark.parametrize("change", [
    pytest.param(lambda text: text, id="as it was written"),
    pytest.param(lambda text: text.replace(",", ";"), id="by a spreadsheet that separates by semicolons"),
    pytest.param(lambda text: text.lstrip("\ufeff").replace("\r\n", "\n"), id="without a mark and with other line ends"),
    pytest.param(lambda text: text.replace("sha256", "sha256,checked by").replace(",ab", ",ab,ann"), id="with a further column"),
])
def test_a_manifest_comes_back_from_a_spreadsheet(change: Any, tmp_path: Path) -> None:
    path = UPath(tmp_path / "m.csv")
    date_assignment.write(path, [A_ROW])
    text = path.read_text(encoding="utf-8")
    assert [cell for line in csv.reader(text.splitlines()) for cell in line if cell.startswith("=")] == []  # a formula it would be
    path.write_text(change(text), encoding="utf-8")
    assert date_assignment.read(path) == [A_ROW]
    with pytest.raises(SettingsError, match="is there already"):
        date_assignment.write(path, [A_ROW])


@pytest.mark.parametrize(("old_text", "new", "said"), [
    pytest.param("2026-03-12", "12/03/2026", r"m.csv:2: day is '12/03/2026'; write it as 2026-11-02", id="a day as a spreadsheet has it"),
    pytest.param("./=1.pdf", "../1.pdf", r"m.csv:2: name is '../1.pdf'", id="a name that leads out of its day"),
    pytest.param("./=1.pdf", ".1.pdf", r"m.csv:2: name is '.1.pdf'", id="a hidden name"),
    pytest.param("receipt", "Receipt!", r"m.csv:2: contract is 'Receipt!'", id="a contract that is none"),
    pytest.param("name", "nom", r"has no column name", id="a column less"),
])
def test_what_cannot_be_followed_is_named_with_its_line(old_text: str, new: str, said: str, tmp_path: Path) -> None:
    path = UPath(tmp_path / "m.csv")
    date_assignment.write(path, [A_ROW])
    path.write_text(path.read_text(encoding="utf-8").replace(old_text, new), encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        date_assignment.read(path)


def test_a_manifest_in_another_encoding_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("file,day\nmüller.pdf,".encode("cp1252"))
    with pytest.raises(SettingsError, match="CSV UTF-8"):
        date_assignment.read(UPath(tmp_path / "m.csv"))


def octavo(*args: object) -> Any:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_the_command_proposes_people_decide_and_the_command_puts(old: Old) -> None:
    old.add("2019-05-03 a.pdf", *LINES)
    old.add("b.pdf", *UNDATED)
    old.add("c.pdf", *UNDATED, "c")
    manifest = old.root / "m.csv"
    proposing = ("index", "propose", "receipt", old.folder, "--by", "path", "--out", manifest, "--lake", old.settings.lake)
    told = octavo(*proposing)
    assert told.exit_code == 0, told.output
    assert "3 files, 2 undecided, 0 with conflicts" in told.output
    assert octavo(*proposing).exit_code == 4  # somebody may be working on it
    rows = list(csv.DictReader(manifest.read_text(encoding="utf-8-sig").splitlines()))
    rows[1]["day"] = "2020-02-29"
    with manifest.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    done = octavo("index", "apply", manifest, "--landing", old.landing)
    assert done.exit_code == 0, done.output
    assert "2 put, 1 undecided" in done.output
    assert "2 days of receipt, 2019-05-03 to 2020-02-29" in done.output
    assert "c.pdf" in done.output
    assert set(old.landed()) == {"2019/05/03/2019-05-03 a.pdf", "2020/02/29/b.pdf"}
    (old.folder / "b.pdf").unlink()
    (old.landing / "receipt/2020/02/29/b.pdf").unlink()
    failed = octavo("index", "apply", manifest, "--landing", old.landing, "--json")
    assert failed.exit_code == 4
    assert [json.loads(line)["state"] for line in failed.stdout.splitlines()] == ["undecided", "there already", "gone"]


@pytest.mark.parametrize(("args", "code", "said"), [
    pytest.param(["--by", "size"], 2, "give some of path, date, mtime", id="a method that there is not"),
    pytest.param(["--date-field", "total"], 4, "its dates are date", id="a field that is no date"),
    pytest.param(["--pattern", "%m"], 4, "name its year", id="a pattern without a year"),
])
def test_a_mistake_is_told_before_anything_is_read(args: list[str], code: int, said: str, old: Old) -> None:
    told = octavo("index", "propose", "receipt", old.folder, "--out", old.root / "m.csv", *args)
    assert (told.exit_code, said in told.output) == (code, True), told.output
