import pytest
from upath import UPath

from octavo.model.errors import GateFailed, Superseded
from octavo.publishing import publish, staging
from octavo.storage import fs
from octavo.storage.lake import Lake, table_schemas
from tests.staging import CONTRACT, fill, publish_at_once, workspace


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "lake"))


def staged(tmp_path, lake, documents, run="r1", passed=True):
    space = fill(workspace(tmp_path / "state", run), documents)
    staging.run(space, CONTRACT, lake, ["layout"])
    if passed is not None:
        fs.write_json(space.validation, {"success": passed})
    return space


def test_a_published_day_names_the_digest_of_every_table(tmp_path, lake):
    space = staged(tmp_path, lake, {1: ["a"]})
    publish.run(space, CONTRACT, lake)
    manifest = lake.published(space.partition)
    assert set(manifest["tables"]) == set(table_schemas(CONTRACT))
    for name, entry in manifest["tables"].items():
        assert fs.sha256_of(lake.table(name, space.partition)) == entry["sha256"]
    assert manifest["contract_hash"] == CONTRACT.hash


@pytest.mark.parametrize("passed", [pytest.param(False, id="the gate failed"), pytest.param(None, id="the gate has not run")])
def test_nothing_is_published_that_the_gate_did_not_pass(tmp_path, lake, passed):
    publish.run(staged(tmp_path, lake, {1: ["a"]}), CONTRACT, lake)
    before = {path: path.read_bytes() for path in lake.root.rglob("*") if path.is_file()}
    with pytest.raises(GateFailed):
        publish.run(staged(tmp_path, lake, {1: ["b c"]}, run="r2", passed=passed), CONTRACT, lake)
    assert {path: path.read_bytes() for path in lake.root.rglob("*") if path.is_file()} == before


def test_publishing_the_same_again_replaces_no_table(tmp_path, lake):
    publish.run(staged(tmp_path, lake, {1: ["a"]}), CONTRACT, lake)
    again = publish.run(staged(tmp_path, lake, {1: ["a"]}, run="r2"), CONTRACT, lake)
    assert again.counts["published"] == 0
    assert again.counts["unchanged"] == len(table_schemas(CONTRACT))


def test_a_table_that_someone_removed_is_published_again(tmp_path, lake):
    space = staged(tmp_path, lake, {1: ["a"]})
    publish.run(space, CONTRACT, lake)
    lake.table("pages", space.partition).unlink()
    assert publish.run(space, CONTRACT, lake).counts["published"] == 1
    assert lake.table("pages", space.partition).exists()


def test_a_run_that_was_started_earlier_does_not_replace_what_a_later_one_found(tmp_path, lake):
    early = staged(tmp_path, lake, {1: ["a"]}, run="early")
    late = staged(tmp_path, lake, {1: ["a"], 2: ["b"]}, run="late")
    publish.run(late, CONTRACT, lake)
    before = {path: path.read_bytes() for path in lake.root.rglob("*") if path.is_file()}
    with pytest.raises(Superseded, match="late was started later"):
        publish.run(early, CONTRACT, lake)
    assert {path: path.read_bytes() for path in lake.root.rglob("*") if path.is_file()} == before


def test_a_run_that_was_killed_while_it_published_leaves_nothing_that_the_next_one_takes_for_its_own(tmp_path, lake):
    first = staged(tmp_path, lake, {1: ["a"]}, run="r1")
    publish.run(first, CONTRACT, lake)
    killed = staged(tmp_path, lake, {1: ["a b"]}, run="r2")
    fs.copy(killed.staged("chunks"), lake.table("chunks", killed.partition))  # and then it died, before the manifest
    again = staged(tmp_path, lake, {1: ["a"]}, run="r3")
    publish.run(again, CONTRACT, lake)
    assert fs.sha256_of(lake.table("chunks", again.partition)) == fs.sha256_of(again.staged("chunks"))


def test_two_runs_that_publish_one_day_at_a_time_leave_the_tables_of_one(tmp_path, lake):
    spaces = [staged(tmp_path, lake, {n: [f"text {n}"] for n in range(1, size)}, run=f"r{size}") for size in (2, 3, 4)]
    assert publish_at_once(spaces, lake) == "r4"
