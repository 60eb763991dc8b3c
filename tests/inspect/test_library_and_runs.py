"""Searching the lake, and what a run came to."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.errors import GateFailed
from octavo.model.settings import Settings
from octavo.publishing import gate, ledger
from octavo.publishing import staging as tables
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.views import library, runs
from octavo.views.library import Search
from tests import staging
from tests.inspect.conftest import HOSTILE_NAME, Shelf


@pytest.mark.parametrize(("wanted", "names"), [
    pytest.param(Search(), {"friendly.pdf", HOSTILE_NAME, "broken.pdf"}, id="everything"),
    pytest.param(Search(name="FRIEND"), {"friendly.pdf"}, id="part of a name in any case"),
    pytest.param(Search(name="<img"), {HOSTILE_NAME}, id="a name with markup"),
    pytest.param(Search(status="quarantined"), {"broken.pdf"}, id="an outcome"),
    pytest.param(Search(value="17.6"), {"friendly.pdf"}, id="part of a value"),
    pytest.param(Search(field="total"), {"friendly.pdf"}, id="a field"),
    pytest.param(Search(field="number", value="17.60"), set(), id="field and value of two fields"),
    pytest.param(Search(verdict="accepted", name="friendly"), {"friendly.pdf"}, id="a verdict and a name"),
    pytest.param(Search(first=dt.date(2026, 11, 5)), set(), id="a later day"),
    pytest.param(Search(last=dt.date(2026, 11, 4), contract="letter"), {"friendly.pdf", HOSTILE_NAME, "broken.pdf"}, id="day and contract"),
    pytest.param(Search(contract="receipt"), set(), id="another contract"),
    pytest.param(Search(page=2), set(), id="a page past the end"),
])
def test_a_search_finds_what_it_describes(shelf: Shelf, wanted: Search, names: set[str]) -> None:
    assert {hit.name for hit in library.search(shelf.settings, {"letter"}, wanted).hits} == names


def test_a_search_sees_only_what_may_be_seen(shelf: Shelf) -> None:
    assert library.search(shelf.settings, set(), Search()).hits == ()
    assert library.search(shelf.settings, {"receipt"}, Search(contract="letter")).hits == ()


def test_pages_of_the_library_hold_every_document_once_newest_day_first(tmp_path: Path) -> None:
    settings = Settings(lake=str(tmp_path))
    for number in range(12):  # more days than are scanned at first
        day = Partition("letter", dt.date(2026, 1, 1) + dt.timedelta(days=number))
        ids = [staging.document_id(100 * number + n) for n in range(11)]
        rows = [{"document": name, "uri": f"{name}.pdf", "copies": [], "pages": 1, "status": "ok"} for name in ids]
        fs.write_rows(Lake(UPath(tmp_path)).table("documents", day), rows, schemas.DOCUMENTS)
        fields = [staging.field(str(row["document"]), "total", "1.00") for row in rows]
        fs.write_rows(Lake(UPath(tmp_path)).table("fields", day), fields, schemas.FIELDS)
    pages = [library.search(settings, {"letter"}, Search(page=page)) for page in (1, 2, 3, 4)]
    assert [(len(page.hits), page.more) for page in pages] == [(50, True), (50, True), (32, False), (0, False)]
    found = [(hit.day, hit.document) for page in pages for hit in page.hits]
    assert found == sorted(set(found), key=lambda one: (-dt.date.fromisoformat(one[0]).toordinal(), one[1]))
    assert {str(hit.verdicts) for hit in pages[1].hits} == {"{'accepted': 1}"}
    by_value = library.search(settings, {"letter"}, Search(value="1.0", page=2))
    assert [hit.document for hit in by_value.hits] == [hit.document for hit in pages[1].hits]


def test_a_published_runs_funnel_has_every_document_and_field(shelf: Shelf) -> None:
    view = runs.load(shelf.settings, "letter", shelf.run)
    assert view is not None
    assert (view.published, view.gate, view.accounted) == (True, "passed", True)
    steps = {step.name: step for step in view.funnel}
    assert (steps["documents"].total, steps["documents"].parts) == (3, {"ok": 2, "quarantined": 1})
    assert (steps["pages"].total, steps["records"].total) == (3, 2)
    assert steps["fields"].total == sum(steps["fields"].parts.values()) > 2
    assert [row["reason"] for row in view.lost] == ["truncated"]
    assert view.documents[0].name == "broken.pdf"
    assert view.speed[0].work == "reading pages"
    assert runs.load(shelf.settings, "letter", "no-such-run") is None
    assert runs.load(shelf.settings, "receipt", shelf.run) is None
    assert runs.load(shelf.settings, "letter", "..") is None


def test_a_refused_run_shows_the_expectations_that_failed_and_its_documents_as_staged(tmp_path: Path) -> None:
    settings = Settings(lake=str(tmp_path / "lake"))
    contract = staging.CONTRACT.model_copy(update={"gate": staging.CONTRACT.gate.model_copy(update={"min_required_share": 1.0})})
    space = staging.fill(staging.workspace(tmp_path / "lake/_octavo/workspaces"), {1: ["a b"], 2: ["c"]}, contract=contract)
    for shard in space.plan.document_shards:
        lost = [{"document": staging.document_id(n), "uri": "x", "contract_hash": contract.hash, "company": None} for n in (1, 2)]
        fs.write_rows(space.shard("records", shard), lost, schemas.record_schema(contract))
    lake = Lake(UPath(settings.lake))
    tables.run(space, contract, lake, ("layout",))
    with pytest.raises(GateFailed):
        gate.run(space, contract, lake.reports(space.partition))
    before = runs.load(settings, "receipt", "r1")
    assert before is not None
    assert not before.accounted  # the ledger is not written yet
    ledger.run(space, lake, ("layout",))
    view = runs.load(settings, "receipt", "r1")
    assert view is not None
    assert (view.published, view.gate, view.accounted) == (False, "refused", True)
    failed = [one for one in view.expectations if not one["success"]]
    assert failed
    assert set(failed[0]["documents"]) == {staging.document_id(1), staging.document_id(2)}
    assert [one.staged for one in view.documents] == [True, True]
    assert {step.name: step.total for step in view.funnel} == {
        "documents": 2, "pages": 2, "chunks": 2, "answers": 2, "fields": 2, "records": 2,
    }


def test_a_run_whose_day_was_published_again_says_by_whom_and_tells_what_the_ledger_knows(tmp_path: Path) -> None:
    settings = Settings(lake=str(tmp_path / "lake"))
    lake, partition = Lake(UPath(settings.lake)), Partition("receipt", staging.DAY)
    space = staging.fill(staging.workspace(tmp_path / "lake/_octavo/workspaces"), {1: ["a b"], 2: ["c"]}, quarantined=[3])
    ledger.run(space, lake, ("layout",))
    fs.remove_tree(space.root)
    fs.write_json(lake.manifest(partition), {"run": "r2", "tables": {}})
    view = runs.load(settings, "receipt", "r1")
    assert view is not None
    assert (view.later, view.kept, view.gate, view.published) == ("r2", False, "not kept", False)
    assert [(step.name, step.total) for step in view.funnel] == [("documents", 3), ("pages", 2), ("chunks", 2), ("answers", 2)]
    assert [(int(one.document, 16), one.pages, one.status, one.staged) for one in view.documents] == [
        (3, 0, "quarantined", False), (1, 1, "ok", False), (2, 1, "ok", False),
    ]
