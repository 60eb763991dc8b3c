import tracemalloc

import pyarrow as pa
import pytest
from upath import UPath

from octavo.model.errors import WorkspaceError
from octavo.publishing import publish as publishing
from octavo.publishing import staging
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake, table_schemas
from tests.staging import CONTRACT, document_id, field, fill, workspace

ALL = tuple(table_schemas(CONTRACT))


def stage(root, documents, run="r1", selected=False, **kwargs):
    space = fill(workspace(root / "state", run), documents, **kwargs)
    staging.run(space, CONTRACT, Lake(UPath(root / "lake")), ["layout"], selected)
    return space


def publish(root, space):
    fs.write_json(space.validation, {"success": True})
    publishing.run(space, CONTRACT, Lake(UPath(root / "lake")))


@pytest.mark.parametrize("shard_pages", [pytest.param(16, id="many shards"), pytest.param(64, id="one shard")])
def test_the_size_of_shards_does_not_change_a_byte_of_the_stable_tables(tmp_path, shard_pages):
    documents = {n: ["Total 1.00"] * (1 + n % 7 * 6) for n in range(12)}
    reference = stage(tmp_path / "a", documents, shard_pages=1000)
    other = stage(tmp_path / "b", documents, shard_pages=shard_pages)
    assert len(other.plan.page_shards) > len(reference.plan.page_shards)
    for name in ALL:
        assert other.staged(name).read_bytes() == reference.staged(name).read_bytes(), name


def test_an_empty_day_stages_every_table_empty_and_typed(tmp_path):
    space = stage(tmp_path, {})
    for name, schema in table_schemas(CONTRACT).items():
        table = fs.read_table(space.staged(name))
        assert table.num_rows == 0
        assert table.schema.equals(schema), name


@pytest.mark.parametrize(("pages", "status", "reason"), [
    pytest.param(["a b", "c"], "ok", None, id="every page read"),
    pytest.param(["a", None], "partial", "pages_lost", id="one page lost"),
    pytest.param([None, None], "quarantined", "page_unreadable", id="every page lost"),
    pytest.param(["", ""], "empty", "no_words", id="no words at all"),
    pytest.param(["a", ""], "ok", None, id="an empty page among others"),
])
def test_a_document_ends_as_its_pages_did(tmp_path, pages, status, reason):
    row = fs.read_table(stage(tmp_path, {1: pages}).staged("documents")).to_pylist()[0]
    assert (row["status"], row["reason"]) == (status, reason)


def test_pages_carry_the_number_and_the_mean_confidence_of_their_words(tmp_path):
    rows = fs.read_table(stage(tmp_path, {1: ["one two three", ""]}).staged("pages")).to_pylist()
    assert [(row["words"], row["mean_confidence"]) for row in rows] == [(3, 0.6), (0, None)]


def test_review_lists_what_is_not_accepted_and_what_is_required_but_missing(tmp_path):
    rows = fs.read_table(stage(tmp_path, {1: ["a"]}, verdict="ambiguous").staged("review")).to_pylist()
    assert [(row["field"], row["verdict"], row["reason"]) for row in rows] == [
        ("company", None, "required, but nothing was found"),
        ("total", "ambiguous", "beside its label"),
    ]


def test_the_fields_of_a_long_document_are_staged_without_holding_them_as_objects(tmp_path):
    space = fill(workspace(tmp_path / "state"), {1: ["a"]})
    one = pa.Table.from_pylist([field(document_id(1), "items[0].name", "Tea", "ambiguous")], schema=schemas.FIELDS)
    fs.write_table(space.shard("fields", "d0000"), [pa.concat_tables([one] * 50_000)], schemas.FIELDS)
    tracemalloc.start()
    try:
        counts = staging.run(space, CONTRACT, Lake(UPath(tmp_path / "lake")), ["layout"]).counts
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (counts["fields"], counts["review"]) == (50_000, 50_001)  # and the company, which nothing names
    assert {row["uri"] for row in fs.read_table(space.staged("review"), ["uri"]).to_pylist()} == {f"{document_id(1)}.png"}
    assert peak < 8 << 20


def test_a_selected_run_keeps_the_published_rows_of_the_other_documents(tmp_path):
    publish(tmp_path, stage(tmp_path, {1: ["a"], 2: ["b"], 3: ["c"]}))
    space = stage(tmp_path, {2: ["b again"]}, run="r2", selected=True)
    pages = fs.read_table(space.staged("pages")).to_pylist()
    assert [(row["document"], row["words"]) for row in pages] == [(document_id(1), 1), (document_id(2), 2), (document_id(3), 1)]
    assert fs.read_table(space.staged(CONTRACT.name))["document"].to_pylist() == [document_id(n) for n in (1, 2, 3)]


def test_a_selected_run_keeps_pages_that_an_earlier_version_published_without_todays_columns(tmp_path):
    publish(tmp_path, stage(tmp_path, {1: ["a"], 2: ["b"]}))
    [path] = (tmp_path / "lake" / "pages").rglob("*.parquet")
    older = fs.read_table(UPath(path)).drop_columns(["rulings", "checks"])
    fs.write_table(UPath(path), [older], older.schema)
    pages = fs.read_table(stage(tmp_path, {2: ["b again"]}, run="r2", selected=True).staged("pages")).to_pylist()
    assert [(row["document"], row["words"], row["rulings"]) for row in pages] == [(document_id(1), 1, None), (document_id(2), 2, None)]


def test_a_missing_shard_is_an_error_that_names_the_file_and_the_remedy(tmp_path):
    with pytest.raises(WorkspaceError, match=r"chunk/p0000\.parquet is missing.*clear it and run it again"):
        stage(tmp_path, {1: ["a"]}, skip=["chunk"])
