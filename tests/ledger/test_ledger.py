import pytest
from upath import UPath

from octavo.model.errors import LedgerHole
from octavo.publishing import ledger
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from tests.staging import document_id, fill, workspace


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "lake"))


def rows_of(lake, space):
    return fs.read_table(lake.table("ledger", space.partition)).to_pylist()


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


@pytest.mark.parametrize("skip", [pytest.param([], id="a whole run"), pytest.param(["merge"], id="a run without records")])
def test_the_ledger_is_the_same_however_the_day_is_cut_and_lists_each_document_after_its_last_page(tmp_path, lake, skip):
    documents = {n: ["Total 1.00"] * (1 + n % 7 * 6) for n in range(1, 12) if n != 5}
    found = []
    for shard_pages in (16, 1000):
        space = fill(workspace(tmp_path / str(shard_pages)), documents, quarantined=[0, 5, 13], shard_pages=shard_pages, skip=skip)
        if skip:
            with pytest.raises(LedgerHole):
                ledger.run(space, lake, ["layout"])
        else:
            ledger.run(space, lake, ["layout"])
        found.append(sorted(rows_of(lake, space), key=str))
        ends = [row["document"] for row in rows_of(lake, space) if row["level"] == "document"]
        assert ends == sorted(map(document_id, {*documents, 0, 5, 13}))
        whole = rows_of(lake, space)[-1]
        assert (whole["level"], whole["chunks_asked"]) == ("run", None)
    assert found[0] == found[1]


def test_a_chunk_that_one_of_two_extractors_did_not_answer_is_a_hole(tmp_path, lake):
    with pytest.raises(LedgerHole):
        ledger.run(fill(workspace(tmp_path), {1: ["a"]}), lake, ["layout", "molmo"])


def test_rows_of_earlier_runs_stay_and_a_repeated_run_replaces_its_own(tmp_path, lake):
    first, second = (fill(workspace(tmp_path, run), {1: ["a"]}) for run in ("r1", "r2"))
    for space in (first, second, second):
        ledger.run(space, lake, ["layout"])
    assert [row["run"] for row in rows_of(lake, first)] == ["r1"] * 4 + ["r2"] * 4


def test_a_ledger_of_an_earlier_version_is_kept_and_lacks_only_what_it_did_not_know(tmp_path, lake):
    space = fill(workspace(tmp_path), {1: ["a"]})
    old = fill(workspace(tmp_path, "r0"), {1: ["a"]})
    ledger.run(old, lake, ["layout"])
    path = lake.table("ledger", space.partition)
    rows = fs.read_table(path).drop_columns(["chunks_asked", "chunks_cached"])
    fs.write_table(path, [rows], rows.schema)
    ledger.run(space, lake, ["layout"])
    assert [row["run"] for row in rows_of(lake, space)] == ["r0"] * 4 + ["r1"] * 4


def model_answers(space, shard, ends):
    """Answers of a model to the shard's chunks: (cached, attempts) of each; 10 prompt tokens and 0.5 s where it was asked."""
    chunks = fs.read_table(space.shard("chunk", shard)).to_pylist()
    assert len(chunks) == len(ends)
    rows = []
    for chunk, (cached, attempts) in zip(chunks, ends, strict=True):
        paid = attempts and not cached
        rows.append({
            **{name: chunk[name] for name in ("document", "page", "chunk", "x0", "y0", "x1", "y1")},
            "extractor": "molmo", "hinted": False, "raw": "", "parsed": "{}", "parse_status": "ok" if attempts else "blank", "model": "m",
            "attempts": attempts, "cached": cached, "prompt_tokens": 10 if attempts else 0, "completion_tokens": 2 if attempts else 0,
            "seconds": 0.5 if paid else 0.0, "cost": 0.01 if paid else 0.0,
        })
    fs.write_rows(space.shard("extract_molmo", shard), rows, schemas.ANSWERS)


def test_what_a_model_took_is_added_up_for_pages_documents_and_the_run(tmp_path, lake):
    space = fill(workspace(tmp_path), {1: ["a", "b"], 2: ["c", "d"]})
    model_answers(space, "p0000", [(False, 1), (True, 1), (False, 2), (False, 0)])  # asked, known, asked twice, blank
    assert ledger.run(space, lake, ["layout", "molmo"]).counts["rows"] == 4 + 8 + 2
    rows = rows_of(lake, space)

    def sums(level, document=None):
        return [
            tuple(row[name] for name in ("chunks_asked", "chunks_cached", "prompt_tokens", "completion_tokens", "seconds", "cost"))
            for row in rows if row["level"] == level and document in (None, row["document"])
        ]

    read = 0.25  # seconds that each page took to read
    assert sums("page", document_id(1)) == [(1, 0, 10, 2, read + 0.5, 0.01), (0, 1, 10, 2, read, 0)]
    assert sums("page", document_id(2)) == [(1, 0, 10, 2, read + 0.5, 0.01), (None, None, 0, 0, read, 0)]
    assert sums("document") == [(1, 1, 20, 4, 2 * read + 0.5, 0.01), (1, 0, 10, 2, 2 * read + 0.5, 0.01)]
    assert sums("run") == [(2, 1, 30, 6, 4 * read + 1.0, 0.02)]
    whole = ledger.of_run(lake, space.partition, "r1")
    assert (whole["outcome"], whole["document"], whole["cost"]) == ("ok", None, 0.02)
    assert ledger.of_run(lake, space.partition, "never") == {}


def test_a_run_without_a_model_asked_nobody(tmp_path, lake):
    space = fill(workspace(tmp_path), {1: ["a"]})
    ledger.run(space, lake, ["layout"])
    whole = ledger.of_run(lake, space.partition, "r1")
    assert (whole["chunks_asked"], whole["chunks_cached"], whole["seconds"]) == (None, None, 0.25)


def test_a_run_with_a_hole_says_so_in_its_own_row(tmp_path, lake):
    space = fill(workspace(tmp_path), {1: ["a"]}, skip=["merge"])
    with pytest.raises(LedgerHole):
        ledger.run(space, lake, ["layout"])
    assert ledger.of_run(lake, space.partition, "r1")["reason"] == "not_processed"
