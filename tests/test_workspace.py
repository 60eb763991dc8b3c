import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.errors import WorkspaceError
from octavo.storage import fs
from octavo.storage.workspace import BLOCK_PAGES, MOST_SHARDS, Span, Workspace, cut_into_shards
from tests.staging import CONTRACT, workspace

documents = st.lists(st.integers(0, 100), max_size=20).map(lambda pages: [(f"{i:03d}", n) for i, n in enumerate(pages)])


@given(documents=documents, shard_pages=st.integers(1, 90))
def test_shards_hold_every_page_once_in_order_and_stay_within_their_bound(documents, shard_pages):
    plan = cut_into_shards(documents, shard_pages)
    pages = [(s.document, n) for spans in plan.page_shards.values() for s in spans for n in range(s.first, s.last + 1)]
    assert pages == [(document, n) for document, count in documents for n in range(1, count + 1)]
    assert all(sum(span.pages for span in spans) <= max(shard_pages, BLOCK_PAGES) for spans in plan.page_shards.values())
    assert [d for ids in plan.document_shards.values() for d in ids] == [d for d, count in documents if count]


@given(documents=documents, shard_pages=st.integers(1, 90))
def test_blocks_lie_on_fixed_borders_whatever_the_size_of_shards(documents, shard_pages):
    blocks = {b for spans in cut_into_shards(documents, shard_pages).page_shards.values() for s in spans for b in s.blocks()}
    expected = {b for document, count in documents if count for b in Span(document, 1, count).blocks()}
    assert blocks == expected


def test_a_plan_and_a_contract_come_back_from_the_workspace_as_they_went_in(tmp_path):
    space = workspace(tmp_path, "scheduled__2026-11-02T00:00:00+00:00")
    plan = cut_into_shards([("a", 3), ("b", 70)], 64)
    space.write_plan(plan)
    space.pin(CONTRACT)
    assert space.plan == plan
    assert (space.page_shards, space.document_shards) == (list(plan.page_shards), list(plan.document_shards))
    assert {shard: space.spans(shard) for shard in plan.page_shards} == plan.page_shards
    found = {shard: space.shards_of(shard) for shard in plan.document_shards}
    assert found == {"d0000": {"a": ["p0000"]}, "d0001": {"b": ["p0000", "p0001"]}}
    assert space.contract() == CONTRACT
    assert ":" not in space.root.name


def test_a_shard_that_the_plan_does_not_have_is_named_with_what_to_do(tmp_path):
    space = workspace(tmp_path)
    space.write_plan(cut_into_shards([("a", 3)], 64))
    for ask in (space.spans, space.shards_of):
        with pytest.raises(WorkspaceError, match=r"plan\.parquet has no shard x0001: .* clear run r1 from ingest on"):
            ask("x0001")


def test_a_task_reads_of_a_large_plan_what_is_near_its_own_shard(tmp_path):
    space = workspace(tmp_path)
    plan = cut_into_shards([(f"{number:06}", 1) for number in range(3 * fs.ROW_GROUP_ROWS)], 128)
    space.write_plan(plan)
    page_shard, document_shard = list(plan.page_shards)[-1], list(plan.document_shards)[-1]
    assert space.spans(page_shard) == plan.page_shards[page_shard]
    assert list(space.shards_of(document_shard)) == list(plan.document_shards[document_shard])
    data = bytearray((space.root / "plan.parquet").read_bytes())
    data[4:len(data) // 2] = bytes(len(data) // 2 - 4)  # the first row groups are no longer readable
    (space.root / "plan.parquet").write_bytes(bytes(data))
    assert space.spans(page_shard) == plan.page_shards[page_shard]


def test_a_workspace_without_a_plan_says_what_to_do(tmp_path):
    with pytest.raises(WorkspaceError, match=r"plan\.parquet is missing: an earlier stage of run r1 did not finish"):
        _ = workspace(tmp_path).plan


def test_only_the_workspaces_of_earlier_runs_that_have_ended_are_superseded(tmp_path):
    runs = [Workspace.open(UPath(tmp_path), Partition("receipt", dt.date(2026, 11, 2)), name) for name in ("first", "second", "third")]
    for hour, run in enumerate(runs):
        run.pin(CONTRACT, dt.datetime(2026, 11, 3, hour, tzinfo=dt.UTC))
    asked = []
    assert runs[1].remove_superseded(lambda run: bool(asked.append(run))) == 0
    assert asked == ["first"]
    assert runs[1].remove_superseded(lambda run: True) == 1
    assert [run.root.exists() for run in runs] == [False, True, True]


def test_a_run_that_asks_anew_keeps_its_moment_when_it_is_repeated(tmp_path):
    space = workspace(tmp_path)
    assert space.fresh_since is None
    since = dt.datetime(2026, 11, 2, 6, 0, 1, tzinfo=dt.UTC)
    space.ask_anew(since)
    space.ask_anew(since + dt.timedelta(hours=1))
    assert space.fresh_since == since


@settings(max_examples=40, deadline=None)
@given(pages=st.lists(st.integers(0, 400), max_size=400), times=st.integers(1, 40), shard_pages=st.integers(1, 128))
def test_however_many_pages_a_day_has_it_is_cut_into_a_bounded_number_of_shards(pages, times, shard_pages):
    documents = [(f"{number:05}", count) for number, count in enumerate(pages * times)]
    plan = cut_into_shards(documents, shard_pages)
    assert max(len(plan.page_shards), len(plan.document_shards)) <= MOST_SHARDS
    held = [(span.document, number) for spans in plan.page_shards.values() for span in spans for number in range(span.first, span.last + 1)]
    assert held == [(document, number) for document, count in documents for number in range(1, count + 1)]
    assert [document for ids in plan.document_shards.values() for document in ids] == [document for document, count in documents if count]
