"""Ordinary mistakes: one text that names the thing and the remedy, a documented exit code, no traceback."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from octavo.cli import output
from octavo.model import errors, lexicon
from octavo.model.errors import INTERRUPTED, OctavoError
from octavo.storage import fs
from tests.command_line import octavo
from tests.documents import text_pdf

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples" / "landing"
RECEIPT = ROOT / "include" / "octavo" / "contracts" / "receipt.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which somebody makes mistakes: ``in`` holds a document, ``none`` nothing, ``file`` is no folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCTAVO_LAKE", str(tmp_path / "lake"))
    for name in ("in", "none", "lake", "dated/2026/02/31"):
        (tmp_path / name).mkdir(parents=True)
    text_pdf(tmp_path / "in" / "a.pdf")
    files = {
        "file": b"not a folder", "contract.yaml": RECEIPT.read_bytes(), "latin.yaml": b"name: caf\xe9\n", "empty.yaml": b"",
        "tabs.yaml": b"name: tabs\n\ttitle: x\n", "kind.yaml": b"name: kind\ntitle: K\nfields:\n  total: {type: monney}\n",
        "typo.yaml": b"name: typo\ntitle: T\nfieldz: {}\n", "bare.yaml": b"name: bare\n", "bad.csv": b"a,b\n1,2\n", "w.jsonl": b"{}\n",
        "lake/documents/contract=receipt/day=2026-11-02/part.parquet": b"no parquet",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def case(command: str, code: int, *says: str, id: str, **environment: str) -> Any:
    return pytest.param(command, environment, code, says, id=id)


@pytest.mark.parametrize(("command", "environment", "code", "says"), [
    case("rnu receipt in", 2, "No such command 'rnu'", "'run'", id="a command that is not there"),
    case("run receipt in --laek x", 2, "No such option '--laek'", "--lake", id="an option that is not there"),
    case("run receipt", 2, "Missing argument 'FOLDER'", id="no folder"),
    case("run receipt nowhere", 2, "'nowhere' does not exist", id="a folder that is not there"),
    case("run receipt file", 2, "'file' is a file, not a folder", id="a file for a folder"),
    case("run receipt https://example.com/x", 4, "https://example.com/x is a web address", "fetch", id="a web address for a folder"),
    case("run receipt foo://bucket/x", 4, "no store foo://", "s3://bucket", id="a store that nobody knows"),
    case("run receipt in --lake https://example.com/x", 4, "is a web address", id="a web address for a lake"),
    case("run receipt in --lake file", 2, "'file' is a file", id="a file for a lake"),
    case("run receipt in --lake file/lake", 4, "file/lake", "Not a directory", "name another", id="a lake below a file"),
    case("run receipt in --lake /sys/lake", 4, "/sys/lake", "another", id="a lake where nobody may write"),
    case("show a.pdf --lake nowhere", 2, "'nowhere' does not exist", id="a lake that is not there"),
    case("show b.pdf --lake none", 4, "no document 'b.pdf' in none", "end of its path", id="a document that is not there"),
    case("show a.pdf", 13, "day=2026-11-02/part.parquet is damaged", "run its day again", id="a damaged table"),
    case("forget b.pdf --lake none", 4, "no document 'b.pdf'", "sha256", id="forgetting what is not there"),
    case("run recipt in", 3, "no contract 'recipt'", "receipt", id="a contract misnamed"),
    case("run contract.yaml in", 3, "contract.yaml:1: name is 'receipt'", "call the file receipt.yaml", id="a contract under another name"),
    case("run nowhere.yaml in", 3, "nowhere.yaml: no such contract file", id="a contract's file that is not there"),
    case("contracts check latin.yaml", 3, "latin.yaml", "save it as UTF-8", id="a contract in another encoding"),
    case("contracts check empty.yaml", 3, "empty.yaml:1", "docs/contracts.md", id="an empty contract"),
    case("contracts check tabs.yaml", 3, "tabs.yaml:2: not valid YAML", "tab", id="a contract with tabs"),
    case("contracts check kind.yaml", 3, "kind.yaml:4: fields.total.type", "money", id="a type that is not there"),
    case("contracts check typo.yaml", 3, "typo.yaml:3: fieldz: no such key", "spelling", id="a key misspelt"),
    case("contracts check bare.yaml", 3, "title: is missing; add it", id="a contract without fields"),
    case("contracts check", 3, "none has no contract", "OCTAVO_CONTRACTS", id="a folder without contracts", OCTAVO_CONTRACTS="none"),
    case("contracts check", 3, "nowhere: no such folder; OCTAVO_LEXICONS", id="lexicons that are not there", OCTAVO_LEXICONS="nowhere"),
    case("run receipt in --day 2026-13-40", 2, "'2026-13-40' is no day; give it as 2026-11-02", id="a day that is none"),
    case("run receipt dated", 4, "2026/02/31 is no day of the calendar", "rename", id="a folder that is no day"),
    case("run receipt in --extractor molmo", 4, "none is configured", "OCTAVO_MOLMO_MODEL", id="a model that is not there"),
    case("remerge receipt --days 2.11.2026", 4, "--days 2.11.2026", "2026-11-02..2026-11-30", id="days that are none"),
    case("remerge receipt --days 2026-11-05..2026-11-02", 4, "it ends before it begins", id="days the wrong way round"),
    case("run receipt in", 4, "OCTAVO_PROCESSES=many", "integer", "docs/settings.md", id="processes as a word", OCTAVO_PROCESSES="many"),
    case("run receipt in", 4, "OCTAVO_PROCESSES=0", "greater than 0", id="no processes", OCTAVO_PROCESSES="0"),
    case("run receipt in", 4, "OCTAVO_SHARE=all", "'everybody'", id="a word that is no choice", OCTAVO_SHARE="all"),
    case("run receipt in", 4, "OCTAVO_LIMIT_PAGES=-1", "greater than 0", id="a limit below zero", OCTAVO_LIMIT_PAGES="-1"),
    case("run receipt in", 4, "OCTAVO_NOTIFIER_ARGS is no JSON", id="arguments that are no JSON", OCTAVO_NOTIFIER_ARGS="{x"),
    case("run receipt in", 4, "'best' does not read rus", "=fast", id="a language of the other reader", OCTAVO_LANGUAGES="rus"),
    case("run receipt in", 5, "no language 'xyz'", "apt-get install tesseract-ocr-xyz", id="a missing language pack",
         OCTAVO_LANGUAGES="xyz", OCTAVO_OCR_PROFILE="fast"),
    case("run receipt in", 4, "runtime: Input should be", "'openai'", id="a runtime that is not there",
         OCTAVO_MOLMO_MODEL="x", OCTAVO_MOLMO_RUNTIME="vllm"),
    case("run receipt in", 4, "needs base_url", "--base-url", id="an endpoint without its address",
         OCTAVO_MOLMO_MODEL="x", OCTAVO_MOLMO_RUNTIME="openai"),
    case("merge file w.jsonl --contract receipt", 4, "file:1: no JSON", id="answers that are no JSON"),
    case("merge latin.yaml w.jsonl --contract receipt", 4, "latin.yaml is not UTF-8", "save it", id="answers in another encoding"),
    case("index apply nowhere.csv", 4, "no such manifest", "octavo index propose", id="a manifest that is not there"),
    case("index apply none", 4, "none", "directory", id="a folder for a manifest"),
    case("index apply bad.csv", 4, "bad.csv has no column", id="a table that is no manifest"),
    case("index propose receipt in --by name", 2, "give some of path, date, mtime", id="a method that is not there"),
    case("molmo-try file --model x --prompt y", 4, "file is no picture", "PNG", id="a picture that is none"),
    case("init file", 2, "'file' is a file", id="a file for a folder of one's own"),
    case("init own --contract recipt", 4, "no contract recipt is shipped", "receipt", id="a contract that is not shipped"),
    case("review a.pdf --lake none --set total", 4, "no document 'a.pdf'", id="a correction of what is not there"),
])
def test_a_mistake_has_one_text_that_names_it_and_its_remedy(
    command: str, environment: dict[str, str], code: int, says: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    lexicon.current.cache_clear()
    answered(octavo(*command.split()), code, *says)


def answered(done: Result, code: int, *says: str) -> None:
    assert done.exit_code == code, done.output
    assert [part for part in says if part not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.output
    assert len(done.stderr.strip().splitlines()) <= 4, done.stderr


@pytest.mark.parametrize(("number", "code", "says"), [
    pytest.param(errno.ENOSPC, 9, "the disk is full; make room, what was done is kept", id="a full disk"),
    pytest.param(errno.EROFS, 4, "Read-only file system; let this user read and write there", id="a read-only lake"),
    pytest.param(errno.EACCES, 4, "Permission denied; let this user read and write there", id="a lake of another user"),
])
def test_a_lake_that_takes_nothing_is_named_with_the_remedy(
    number: int, code: int, says: str, here: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: Any, *rest: Any) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(fs, "write_table", refuse)
    answered(octavo("run", "receipt", "in", "--day", "2026-11-02"), code, says, str(here / "lake"))


@pytest.mark.parametrize(("url", "package", "extra"), [("gs://bucket/in", "gcsfs", "gcs"), ("s3://bucket/in", "s3fs", "s3")])
def test_a_store_without_its_package_says_what_to_install(
    url: str, package: str, extra: str, here: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(import_module("fsspec.registry")._registry, url.partition(":")[0], raising=False)
    answered(octavo("run", "receipt", url), 5, f"pip install 'octavo[{extra}]'")


def test_a_store_without_keys_says_which_are_wanted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import NoCredentialsError

    def refuse(*rest: Any, **more: Any) -> None:
        raise NoCredentialsError

    monkeypatch.setattr("octavo.cli.common.folder_of", refuse)
    answered(octavo("run", "receipt", "s3://bucket/in"), 4, "AWS_ACCESS_KEY_ID")


def test_what_only_a_developer_can_mend_keeps_its_traceback(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*rest: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("octavo.model.contracts.find", broken)
    with pytest.raises(ZeroDivisionError):
        octavo("run", "receipt", "in")


def test_an_error_tells_where_it_came_from_when_it_is_asked_to(here: Path) -> None:
    assert "contracts.py" in octavo("--traceback", "run", "recipt", "in").stderr
    assert "contracts.py" not in octavo("run", "recipt", "in").stderr


def test_two_contracts_of_one_document_are_told_apart(here: Path) -> None:
    lake = here / "two"
    for contract in ("receipt", "generic"):
        assert octavo("run", contract, "in", "--day", "2026-11-02", "--lake", lake).exit_code == 0
    both, one = (octavo("show", "a.pdf", "--lake", lake, *more).stdout for more in ([], ["--contract", "generic"]))
    assert ("receipt 2026-11-02" in both, "generic 2026-11-02" in both) == (True, True)
    assert ("receipt 2026-11-02" in one, "generic 2026-11-02" in one) == (False, True)
    page = ("show", "a.pdf", "--lake", lake, "--html", here / "a.html")
    answered(octavo(*page), 4, "--contract: generic, receipt")
    assert octavo(*page, "--contract", "generic").exit_code == 0
    answered(octavo("show", "a.pdf", "--lake", lake, "--contract", "form"), 4, "no document 'a.pdf' of contract form")


def test_a_long_document_is_shown_whole_or_says_what_is_left_out(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "long").mkdir()
    text_pdf(here / "long" / "long.pdf", pages=[["Page", str(number)] for number in range(5)])
    lake, page = here / "one", here / "long.html"
    assert octavo("run", "generic", "long", "--day", "2026-11-02", "--lake", lake).exit_code == 0
    command = ("show", "long.pdf", "--lake", lake, "--html", page)
    assert octavo(*command).stdout.strip().endswith("5 pages")
    monkeypatch.setattr("octavo.views.files.MOST_PAGES", 2)
    assert "2 pages; of 5 only the first 2 are shown" in octavo(*command).stdout
    assert "2 of 5 pages; the others are not in this file" in page.read_text()


@pytest.mark.parametrize("wait", [0.3, 5.0], ids=["while it starts", "while it reads"])
def test_ctrl_c_ends_a_run_within_a_second_and_says_what_is_kept(wait: float, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "octavo", "run", "receipt", str(SAMPLES / "receipt"), "--lake", str(tmp_path), "--day", "2026-11-02"]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores Ctrl-C
    )
    time.sleep(wait)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does it: to the children too
    said = time.monotonic()
    text, _ = run.communicate(timeout=60)
    assert run.returncode == INTERRUPTED, text
    assert time.monotonic() - said < 1 + 2  # a second, on a machine that has nothing else to do
    assert "interrupted: " in text
    assert "Traceback" not in text


def test_progress_counts_pages_and_prints_lines_where_there_is_no_terminal(
    here: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "LINE_SECONDS", 0.0)
    text_pdf(here / "in" / "more.pdf", pages=[["Page", str(number)] for number in range(3)])
    done = octavo("run", "generic", "in", "--day", "2026-11-02", "--json")
    read = re.findall(r"generic 2026-11-02  read: (\d) of (\d) pages, \d+ s", done.stderr)
    assert read[0][0] == "0"
    assert read[-1] == ("4", "4")
    assert re.search(r"merge: 2 of 2 documents", done.stderr)


def test_tables_are_readable_at_80_columns(here: Path) -> None:
    console = output.CleanConsole(width=80, record=True, file=(here / "said").open("w"))
    names = ("field", "value", "verdict", "support", "evidence: page x0,y0,x1,y1", "why", "instead of")
    long = "a whole line at the top that names a legal form, which is why it was taken"
    output.records(console, names, [("company", "ACME", "accepted", "exact", "1  79,76,589,107", long, ""), ("total", "5.00", *[""] * 5)])
    said = console.export_text()
    assert max(map(len, said.splitlines())) <= 80
    assert "company\n" in said
    assert "value ACME" in said
    assert " ".join(said.split()).count(long) == 1
    assert "instead of" not in said, "an empty cell has no line"
    output.records(console, ("day", "rows"), [("2026-11-02", "7")])
    assert "│ 2026-11-02 │ 7" in console.export_text(), "a table that fits stays one"


def test_every_exit_code_is_documented_and_no_other() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OctavoError)]
    codes = {kind.exit_code for kind in kinds} | {0, 2, INTERRUPTED}
    text = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    assert sorted(codes) == [int(code) for code in re.findall(r"(?m)^\| (\d+) \|", text)]
