"""What a day was made of: unchanged days are known, late documents are found, and nothing is taken for the other."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from upath import UPath

from octavo.model import contracts, lexicon
from octavo.model.entities import Partition
from octavo.model.settings import Limits, Settings
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.storage.fs import sha256_of
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection, forget, pipeline
from tests.documents import LINES, text_pdf

DAY = dt.date(2026, 11, 2)
RECEIPT = contracts.find("receipt", Settings().contracts)


class World:
    """A landing folder and a lake in which one day is published."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = Settings(lake=str(root / "lake"), landing=str(root / "landing"), processes=1, languages="eng")
        self.contract = RECEIPT
        self.folder = self.day_folder(DAY)
        text_pdf(self.folder / "one.pdf", [LINES])
        text_pdf(self.folder / "two.pdf", [[*LINES, "two"]])
        self.run()

    def day_folder(self, day: dt.date) -> Path:
        folder = self.root / "landing" / "receipt" / f"{day:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def run(self, select: str | None = None) -> None:
        result = pipeline.run_day(self.contract, UPath(self.folder), DAY, self.settings, extractor="layout", select=select)
        assert result.published, result.error

    def unchanged(self) -> bool:
        space = Workspace.open(self.settings.workspaces, Partition("receipt", DAY), "probe")
        change_detection.keep(space, UPath(self.folder), self.contract, self.settings, ("layout",))
        return change_detection.unchanged(Lake(UPath(self.settings.lake)), space, self.settings)

    def late(self, before: dt.date = DAY + dt.timedelta(days=1), within: int = 5) -> list[tuple[dt.date, int, bool]]:
        days = change_detection.late_days("receipt", self.settings, before - dt.timedelta(days=within), before)
        return [(one.day, one.files, one.published) for one in days if one.files]

    def correct(self) -> None:
        document = sha256_of(UPath(self.folder / "one.pdf"))
        said = Correction("receipt", document, "total", "1.00", "1.00", Action.CORRECTED, (), None, "ann", "2026-11-03T00:00:00+00:00")
        CorrectionStore(self.settings.correction_store).put(said)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def change_contract(world: World) -> None:
    world.contract = RECEIPT.model_copy(update={"title": "Other receipts"})


def change_settings(world: World) -> None:
    world.settings = world.settings.model_copy(update={"limits": Limits(pages=7)})


CHANGES: dict[str, Callable[[World], object]] = {
    "a new file": lambda world: text_pdf(world.folder / "three.pdf"),
    "another content": lambda world: text_pdf(world.folder / "two.pdf", [["other", "text"]]),
    "a file that is touched": lambda world: os.utime(world.folder / "two.pdf", (1, 1)),
    "a file that went away": lambda world: (world.folder / "two.pdf").unlink(),
    "the contract": change_contract,
    "a setting": change_settings,
    "a correction": World.correct,
    "a run of selected documents": lambda world: world.run("one*"),
}


def test_a_day_of_which_nothing_has_changed_is_known(world: World) -> None:
    assert world.unchanged()
    assert world.late() == []
    (world.folder / ".hidden").touch()
    assert world.unchanged()


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in CHANGES.items()])
def test_whatever_the_tables_follow_from_is_noticed(change: Callable[[World], object], world: World) -> None:
    change(world)
    assert not world.unchanged()
    world.run()
    assert world.unchanged()


def test_another_version_of_the_code_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_detection, "_code", lambda: "another")
    assert not world.unchanged()


def test_another_lexicon_of_the_users_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world.root / "lexicons"
    folder.mkdir()
    monkeypatch.setenv("OCTAVO_LEXICONS", str(folder))
    try:
        for text, same in (("", True), ("# only a comment", True), ("trades: [chandlery]", False)):
            (folder / "en.yaml").write_text(text)
            lexicon.current.cache_clear()
            assert world.unchanged() == same
        world.run()
        assert world.unchanged()
    finally:
        lexicon.current.cache_clear()


def test_the_packages_data_counts_as_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lexicons").mkdir()
    (tmp_path / "__pycache__").mkdir()
    monkeypatch.setattr("octavo.__file__", str(tmp_path / "__init__.py"))
    digests = []
    for name, text in (("a.py", ""), ("lexicons/en.yaml", "a: 1"), ("lexicons/en.yaml", "a: 2"), ("__pycache__/a.pyc", "")):
        (tmp_path / name).write_text(text)
        digests.append(change_detection._code.__wrapped__())
    assert len(set(digests)) == 3
    assert digests[2] == digests[3]


def test_documents_that_came_late_are_found_for_their_days_and_no_longer_once_they_ran(world: World) -> None:
    text_pdf(world.folder / "three.pdf")
    text_pdf(world.day_folder(DAY - dt.timedelta(days=1)) / "never.pdf")
    text_pdf(world.day_folder(DAY - dt.timedelta(days=9)) / "old.pdf")
    text_pdf(world.day_folder(DAY + dt.timedelta(days=1)) / "today.pdf")
    assert world.late() == [(DAY - dt.timedelta(days=1), 1, False), (DAY, 1, True)]
    world.run()
    assert world.late() == [(DAY - dt.timedelta(days=1), 1, False)]


def test_the_name_of_a_late_day_changes_with_its_files_only(world: World) -> None:
    text_pdf(world.folder / "three.pdf")
    span = DAY, DAY + dt.timedelta(days=1)
    first, again = (change_detection.late_days("receipt", world.settings, *span)[0].digest for _ in range(2))
    text_pdf(world.folder / "four.pdf")
    then = change_detection.late_days("receipt", world.settings, *span)[0].digest
    assert first == again != then


def test_the_files_of_a_landing_folder_that_was_cleared_are_counted_as_vanished(world: World) -> None:
    count = len(list(world.folder.iterdir()))
    for path in world.folder.iterdir():
        path.unlink()
    found, = change_detection.late_days("receipt", world.settings, DAY, DAY + dt.timedelta(days=1))
    assert (found.day, found.files, found.vanished, found.published) == (DAY, 0, count, True)


def test_a_file_that_is_still_settling_is_not_late_yet(world: World) -> None:
    text_pdf(world.folder / "three.pdf")
    world.settings = world.settings.model_copy(update={"settle_seconds": 3600.0})
    assert world.late() == []


def test_forgetting_takes_the_documents_name_out_and_leaves_the_day_alone(world: World) -> None:
    document, uris = forget.find("two.pdf", world.settings)
    forget.erase(document, uris, world.settings, landing=True)
    assert [path for path in Path(world.settings.lake).rglob("*.json") if "two.pdf" in path.read_text()] == []
    assert world.late() == []
