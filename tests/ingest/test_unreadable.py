"""Files and folders that the process may not open, and files that go away while the folder is read: the day goes on without them."""

from __future__ import annotations

import ctypes
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest
from upath import UPath

from octavo.ingest import discovery, stage
from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection, date_assignment, forget, pipeline
from octavo.workflows.date_assignment import Method
from tests.documents import LINES, make_zip, text_pdf
from tests.ingest.test_ingest import rows, run

ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
from pathlib import Path
from tests.ingest.test_ingest import rows, run
for state in sys.argv[2:]:
    report, workspace = run(Path(sys.argv[1]), Path(state))
    print(json.dumps([report.counts, rows(workspace)]))
"""


def without_override() -> None:
    """Have file modes bind root too, from the next exec on; capabilities(7)."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_what_may_not_be_opened_is_quarantined_under_an_id_that_stays(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    text_pdf(folder.mkdir() or folder / "good.pdf")
    for name in ("closed.pdf", "listed/inside.pdf", "hidden/inside.pdf", "lost+found/inside.pdf", ".private/inside.pdf"):
        (folder / name).parent.mkdir(exist_ok=True)
        text_pdf(folder / name, [[name]])
    modes = {"closed.pdf": 0, "listed": 0o444, "hidden": 0, "lost+found": 0, ".private": 0}
    for name, mode in modes.items():
        (folder / name).chmod(mode)
    try:
        command = [sys.executable, "-c", RUN, str(folder), str(tmp_path / "one"), str(tmp_path / "two")]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, preexec_fn=without_override)
    finally:
        for name in modes:
            (folder / name).chmod(0o755)
    (counts, first), (_, second) = (json.loads(line) for line in found.stdout.splitlines())
    assert {name: (row["status"], row["reason"], row["pages"]) for name, row in first.items()} == {
        "good.pdf": ("ok", None, 1), "closed.pdf": ("quarantined", "unreadable_file", 0),
        "inside.pdf": ("quarantined", "unreadable_file", 0), "hidden": ("quarantined", "unreadable_file", 0),
    }
    assert (counts["files"], counts["quarantined"]) == (4, 3)
    assert len({row["document"] for row in first.values()}) == 4
    assert first == second


@pytest.mark.parametrize("pattern", ["*.pdf", "**/*.pdf", "**/*", "sub/*"])
def test_globs_do_not_pass_over_folders_that_they_may_not_list(pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    closed = tmp_path if pattern == "*.pdf" else tmp_path / "sub"
    monkeypatch.setattr(discovery.os, "access", lambda path, mode, **options: Path(path) != closed)
    assert [Path(str(path)) for path in discovery.find(UPath(tmp_path), [pattern], 0)] == [closed]


@pytest.mark.parametrize("step", ["is_file", "stat", "sha256_of", "inspect"])
def test_a_file_that_goes_away_or_closes_while_the_folder_is_read_does_not_end_the_day(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("closed.pdf", "gone.pdf", "good.pdf"):
        text_pdf(folder / name, [[name]])
    owner = {"is_file": type(UPath(folder)), "stat": type(UPath(folder)), "sha256_of": fs, "inspect": stage.Inspector}[step]
    real = getattr(owner, step)

    def fails(*arguments: object, **options: object) -> object:
        name = next(argument.name for argument in arguments if hasattr(argument, "name"))
        if name == "gone.pdf":
            raise FileNotFoundError(name)
        if name == "closed.pdf":
            raise PermissionError(name)
        return real(*arguments, **options)

    monkeypatch.setattr(owner, step, fails)
    if step == "stat":  # whoever may not ask for a file's state may not open it either
        monkeypatch.setattr(fs, "sha256_of", lambda path, real=fs.sha256_of: fails(path) if path.name != "good.pdf" else real(path))
    _, workspace = run(folder, tmp_path)
    found = {name: row["reason"] for name, row in rows(workspace).items()}
    if step == "is_file":  # it is looked at once more where it is opened, which succeeds here
        assert found == {"closed.pdf": None, "good.pdf": None}
    else:
        assert found == {"closed.pdf": "unreadable_file", "good.pdf": None}


def test_an_archive_that_may_not_be_opened_is_named_whatever_is_selected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    make_zip(tmp_path / "in" / "day.zip", {"a.txt": b"a"})

    def closed(path: UPath) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(fs, "sha256_of", closed)
    _, workspace = run(tmp_path / "in", tmp_path, select="a*")
    assert rows(workspace)["day.zip"]["reason"] == "unreadable_file"


DAY = dt.date(2026, 11, 2)
RECEIPT = contracts.find("receipt", Settings().contracts)


def test_a_day_with_a_file_that_may_not_be_opened_is_published_and_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = tmp_path / "landing"
    folder = landing / f"receipt/{DAY:%Y/%m/%d}"
    folder.mkdir(parents=True)
    for name in ("closed.pdf", "good.pdf"):
        text_pdf(folder / name, [[*LINES, name]])
    settings = Settings(lake=str(tmp_path / "lake"), landing=str(landing), processes=1)
    real = fs.sha256_of

    def sha256_of(path: UPath) -> str:
        if path.name == "closed.pdf":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    def unchanged() -> bool:
        space = Workspace.open(settings.workspaces, Partition("receipt", DAY), "probe")
        change_detection.keep(space, UPath(folder), RECEIPT, settings, ("layout",))
        return change_detection.unchanged(Lake(UPath(settings.lake)), space, settings)

    def reasons() -> dict[str, str | None]:
        found = fs.read_table(Lake(UPath(settings.lake)).table("documents", Partition("receipt", DAY))).to_pylist()
        return {Path(row["uri"]).name: row["reason"] for row in found}

    with monkeypatch.context() as patch:
        patch.setattr(fs, "sha256_of", sha256_of)
        result = pipeline.run_day(RECEIPT, UPath(folder), DAY, settings, extractor="layout")
        assert (result.published, result.error) == (True, None)
        assert reasons() == {"closed.pdf": "unreadable_file", "good.pdf": None}
        assert not unchanged()
        placed = {Path(row.file).name: row for row in date_assignment.propose(RECEIPT, UPath(folder), settings, by=(Method.MTIME,))}
        assert placed["good.pdf"].day is not None
        assert (placed["closed.pdf"].day, placed["closed.pdf"].why) == (None, "it may not be opened: let the process read it")
        document, uris = forget.find("closed.pdf", settings)
        erased = forget.erase(document, uris, settings, landing=True)
        assert erased.left == [f"{folder / 'closed.pdf'} (it may not be opened, so its content is not known)"]
    assert pipeline.run_day(RECEIPT, UPath(folder), DAY, settings, extractor="layout").published
    assert reasons() == {"closed.pdf": None, "good.pdf": None}
    assert unchanged()
