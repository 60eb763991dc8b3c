import pytest
from upath import UPath

from octavo import ledger, storage
from octavo.errors import LedgerHole
from octavo.lake import Lake
from tests.staging import document_id, fill, workspace


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "lake"))


def rows_of(lake, space):
    return storage.read_table(lake.table("ledger", space.partition)).to_pylist()


def test_every_document_page_and_chunk_has_a_row(tmp_path, lake):
    space = fill(workspace(tmp_path), {1: ["a", "b", ""], 2: [None]}, quarantined=[3])
    counts = ledger.run(space, lake, ["layout"]).counts
    assert counts == {
        "rows": 9, "missing": 0, "pages_ok": 2, "pages_empty": 1, "pages_quarantined": 1, "chunks_ok": 2,
        "documents_ok": 1, "documents_quarantined": 2,
    }
    ends = {(row["document"], row["page"]): (row["outcome"], row["reason"]) for row in rows_of(lake, space) if row["level"] == "page"}
    assert ends[document_id(1), 3] == ("empty", "blank_page")
    assert ends[document_id(2), 1] == ("quarantined", "timeout")


@pytest.mark.parametrize("stage", ["read", "chunk", "extract_layout", "merge"])
def test_a_stage_that_left_nothing_is_a_hole_that_the_ledger_shows(tmp_path, lake, stage):
    space = fill(workspace(tmp_path), {1: ["a", "b"]}, skip=[stage])
    with pytest.raises(LedgerHole, match=r"did not come to an end.*not_processed.*Clear the failed tasks"):
        ledger.run(space, lake, ["layout"])
    assert any(row["reason"] == "not_processed" for row in rows_of(lake, space))


def test_a_chunk_that_one_of_two_extractors_did_not_answer_is_a_hole(tmp_path, lake):
    with pytest.raises(LedgerHole):
        ledger.run(fill(workspace(tmp_path), {1: ["a"]}), lake, ["layout", "molmo"])


def test_rows_of_earlier_runs_stay_and_a_repeated_run_replaces_its_own(tmp_path, lake):
    first, second = (fill(workspace(tmp_path, run), {1: ["a"]}) for run in ("r1", "r2"))
    for space in (first, second, second):
        ledger.run(space, lake, ["layout"])
    assert [row["run"] for row in rows_of(lake, first)] == ["r1"] * 3 + ["r2"] * 3
