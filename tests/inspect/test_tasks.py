"""What a task worked on, what waits for a person, and what was published: as data."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs, schemas
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.storage.lake import Lake
from octavo.views import contract, preview, queue, runs, tasks
from octavo.views.document import Rect
from tests import staging
from tests.inspect.conftest import DAY, Shelf

LETTER = Partition("letter", DAY)


@pytest.mark.parametrize(("task", "index", "shards", "pages"), [
    pytest.param("read", 0, ("p0000",), [(1, 1, 16)], id="the first page shard"),
    pytest.param("read", 1, ("p0001",), [(1, 17, 20), (2, 1, 2)], id="the second, with the rest of a document"),
    pytest.param("extract_molmo", 0, ("p0000", "p0001"), [(1, 1, 16), (1, 17, 20), (2, 1, 2)], id="several shards of a model's task"),
    pytest.param("merge", 0, ("d0000",), [(1, None, None)], id="a document shard"),
])
def test_a_mapped_task_has_the_documents_of_its_shard(
    tmp_path: Path, task: str, index: int, shards: tuple[str, ...], pages: list[tuple[int, int | None, int | None]]
) -> None:
    settings = Settings(lake=str(tmp_path / "lake"))
    staging.fill(staging.workspace(tmp_path / "lake/_octavo/workspaces"), {1: ["a b"] * 20, 2: ["c"] * 2}, shard_pages=16)
    run = runs.load(settings, "receipt", "r1")
    assert run is not None
    view = tasks.load(settings, run, task, index)
    assert view is not None
    assert view.shards == shards
    assert [(int(part.document, 16), part.first, part.last) for part in view.parts] == pages


@pytest.mark.parametrize(("task", "index"), [
    pytest.param("read", 9, id="an index past the last"), pytest.param("read", -1, id="no index"),
    pytest.param("tables", 0, id="a task without shards"),
])
def test_what_is_no_mapped_task_has_no_documents(tmp_path: Path, task: str, index: int) -> None:
    settings = Settings(lake=str(tmp_path / "lake"))
    staging.fill(staging.workspace(tmp_path / "lake/_octavo/workspaces"), {1: ["a b"]})
    run = runs.load(settings, "receipt", "r1")
    assert run is not None
    assert tasks.load(settings, run, task, index) is None


def test_the_snippets_read_the_rows_that_are_shown(shelf: Shelf) -> None:
    view = preview.load(shelf.settings, LETTER)
    assert view is not None
    rows = duckdb.sql(view.duckdb.replace(";", "")).fetchall()
    names: dict[str, object] = {}
    exec(view.pandas, names)
    assert len(rows) == len(names["rows"]) == view.rows == len(view.cells) == 2  # type: ignore[arg-type]
    assert preview.load(shelf.settings, Partition("letter", DAY.replace(day=5))) is None


def test_the_queue_has_what_nobody_answered_newest_day_first_a_page_at_a_time(tmp_path: Path) -> None:
    settings = Settings(lake=str(tmp_path))
    lake, store = Lake(UPath(tmp_path)), CorrectionStore(settings.correction_store)
    for number in range(2):
        day = Partition("letter", dt.date(2026, 1, 1 + number))
        rows = [
            {**dict.fromkeys(schemas.REVIEW.names), "document": staging.document_id(n), "uri": f"{n}.pdf", "field": "total",
             "value": "1.00", "verdict": "ambiguous", "reason": "two of them", "page": 1, "evidence": [{"page": 1, **staging.BOX}]}
            for n in range(20)
        ]
        fs.write_rows(lake.table("review", day), rows, schemas.REVIEW)
        pages = [{**dict.fromkeys(schemas.PAGES.names), "document": staging.document_id(n), "page": 1, "width": 600, "height": 800}
                 for n in range(20)]
        fs.write_rows(lake.table("pages", day), pages, schemas.PAGES)
    said = Correction("letter", staging.document_id(3), "total", "2.00", "2.00", Action.CORRECTED, (), "1.00", "me", "2026-01-03T00:00:00")
    store.put(said)
    pages = [queue.load(settings, {"letter"}, queue.Wanted(page=page)) for page in (1, 2)]
    assert [(len(page.items), page.more, page.rows) for page in pages] == [(25, True, 40), (13, False, 40)]
    assert [item.day.day for page in pages for item in page.items] == [2] * 19 + [1] * 19
    assert [(one.day.day, one.values) for one in pages[1].answered] == [(2, 1), (1, 1)]
    assert staging.document_id(3) not in {item.document for page in pages for item in page.items}
    merged = {**dict.fromkeys(schemas.CORRECTIONS.names), **said.row()}
    fs.write_rows(lake.table("corrections", Partition("letter", dt.date(2026, 1, 2))), [merged], schemas.CORRECTIONS)
    again = queue.load(settings, {"letter"}, queue.Wanted(day=dt.date(2026, 1, 2)))
    assert (len(again.items), again.answered) == (20, ()), "what the tables have and still doubt waits again"
    assert queue.load(settings, {"letter"}, queue.Wanted(field="company")).items == ()
    assert queue.load(settings, {"receipt"}, queue.Wanted(contract="letter")).items == ()


@pytest.mark.parametrize(("boxes", "view"), [
    pytest.param([Rect(100, 100, 50, 20)], Rect(0, 50, 450, 120), id="with room around it"),
    pytest.param([Rect(900, 10, 90, 20)], Rect(550, 0, 450, 80), id="at the page's corner"),
    pytest.param([Rect(10, 10, 980, 20), Rect(10, 40, 100, 20)], Rect(0, 0, 1000, 110), id="over the whole width"),
])
def test_a_piece_of_a_page_shows_its_boxes_within_the_page(boxes: list[Rect], view: Rect) -> None:
    shown = queue.piece(1, (1000, 1400), boxes)
    assert shown is not None
    assert shown.view == view
    assert queue.piece(1, (0, 0), boxes) is None


def test_a_contract_that_is_not_sound_is_shown_with_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: broken\ntitle: Broken\nfields:\n  total: {type: mony}\n")
    view = contract.load(Settings(lake=str(tmp_path), contracts=str(tmp_path)), "broken")
    assert view is not None
    assert "broken.yaml:4" in view.error
    assert str(tmp_path) not in view.error
    assert (view.columns, view.prompt) == ((), "")
    for name in ("nobody", "../broken", "broken.yaml", ""):
        assert contract.load(Settings(lake=str(tmp_path), contracts=str(tmp_path)), name) is None
