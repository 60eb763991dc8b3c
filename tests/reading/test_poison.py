"""Pages that crash or hang native code: they cost their own time, never their neighbours'."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Partition
from octavo.model.settings import Limits, Settings
from octavo.reading import pool
from octavo.reading import stage as reading
from octavo.storage import fs
from octavo.storage.children import Child
from octavo.storage.workspace import Workspace
from tests.documents import LINES, text_pdf

PAGE_SECONDS = 3.0
PAGES = 6


def read(
    root: Path, monkeypatch: pytest.MonkeyPatch, poison: str, profile: str = "best", column: str = "reason", **limits: float,
) -> dict[int, str | None]:
    """The reason of each page of a document, None for one that was read, by children that ``poison`` ends."""
    monkeypatch.setenv("POISON", poison)
    monkeypatch.setenv("POISON_FLAG", str(root / "crashed"))
    poisoned = "tests.reading.poisoned"
    monkeypatch.setattr(pool, "Child", lambda module, address_bytes, _: Child(poisoned, address_bytes, ("POISON", "POISON_FLAG")))
    folder = root / "in"
    folder.mkdir()
    text_pdf(folder / "a.pdf", [[*LINES, f"page {number}"] for number in range(1, PAGES + 1)])
    bounds = Limits(page_seconds=PAGE_SECONDS, **limits)  # type: ignore[arg-type]
    settings = Settings(state=str(root), processes=2, ocr_profile=profile, page_images=False, limits=bounds)  # type: ignore[arg-type]
    workspace = Workspace.open(UPath(root), Partition("letter", dt.date(2026, 3, 1)), "r1")
    ingest.run(workspace, Contract(name="letter", title="Letters", fields={"text": FieldSpec()}), UPath(folder), settings)
    reading.run(workspace, "p0000", settings)
    return {row["page"]: row[column] for row in fs.read_table(workspace.shard("read", "p0000")).to_pylist()}


@pytest.mark.parametrize("profile", [pytest.param("best", id="a page a request"), pytest.param("fast", id="several pages a request")])
def test_a_page_that_crashes_its_reader_and_one_that_hangs_it_cost_only_themselves(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = time.monotonic()
    assert read(tmp_path, monkeypatch, "2:crash,5:hang", profile) == {
        1: None, 2: "reader_crashed", 3: None, 4: None, 5: "timeout", 6: None,
    }
    assert time.monotonic() - started < 60  # the hanging page alone sleeps an hour


def test_pages_of_a_document_that_all_hang_their_reader_cost_no_more_than_a_document_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As pages do that share one content stream."""
    poison = ",".join(f"{page}:hang" for page in range(1, PAGES + 1))
    details = read(tmp_path, monkeypatch, poison, column="detail", document_seconds=PAGE_SECONDS)
    waited_for = [detail for detail in details.values() if str(detail).startswith("no answer")]
    assert 1 <= len(waited_for) <= 3  # two children at work, one of which may begin another page
    assert [detail for detail in details.values() if "raise limits.document_seconds" not in str(detail)] == waited_for


def test_a_page_whose_reader_was_killed_once_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(read(tmp_path, monkeypatch, "3:once").values()) == {None}
    assert (tmp_path / "crashed").exists()
