"""The merge stage as a whole: the same answers give the same bytes, whatever way they come."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upath import UPath

from octavo.merging import stage as merging
from octavo.model.entities import Box, Evidence, Partition, Verdict
from octavo.model.errors import WorkspaceError
from octavo.reading.rows import word_row
from octavo.storage import fs, schemas
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.storage.workspace import Plan, Span, Workspace, cut_into_shards
from tests.merging.pages import INVOICE, UPRIGHT, chunk, page

DAY = dt.date(2026, 1, 2)
WORDS = [
    "Total", "Net", "VAT", "53.40", "44.50", "8.90", "R-2018/0042", "Invoice", "No", "Date", "05.03.2018", "Tea", "3", "1.50",
    "4.50", "Coffee",
]
scalar = st.sampled_from([*WORDS, "53.48", "2018-03-05", "Northwind Goods Ltd", "99,00 €"])
parsed = st.fixed_dictionaries({}, optional={
    "number": scalar, "date": scalar, "total": st.one_of(scalar, st.lists(scalar, max_size=3)), "net": scalar, "tax": scalar,
    "Weather": scalar,
    "lines": st.lists(st.fixed_dictionaries({}, optional={"item": scalar, "count": scalar, "amount": scalar}), max_size=3),
})
said = st.tuples(st.sampled_from(["layout", "molmo"]), st.booleans(), st.integers(0, 1), parsed)
pages = st.tuples(st.lists(st.sampled_from(WORDS), max_size=14), st.lists(said, max_size=4))
documents = st.lists(st.lists(pages, min_size=1, max_size=3), min_size=1, max_size=4)


def stage(root: Path, made: list, plan: Plan, shuffle: random.Random | None = None, twice: bool = False) -> Workspace:
    """A workspace with the documents read, cut and answered, by the shards of ``plan``."""
    workspace = Workspace(UPath(root), Partition("invoice", DAY), "test")
    names = [f"doc{at}" for at in range(len(made))]
    rows: dict[tuple[str, int], dict[str, list]] = {}
    for name, one in zip(names, made, strict=True):
        for number, (words, answers) in enumerate(one, 1):
            text = "\n".join(" ".join(words[at:at + 4]) for at in range(0, len(words), 4))
            read = page(text, number, document=name)
            boxes = [chunk(read), chunk(read, chunk(read).box._replace(y1=40), 1)]
            rows[name, number] = {
                "read": [{
                    "document": name, "page": number, "width": 1000, "height": 1000, "dpi": None, "rotation": 0, "transform": list(UPRIGHT),
                    "text_source": "ocr", "words": [word_row(word) for word in read.words], "outcome": "ok",
                }],
                "chunk": [schemas.chunk_to_row(read, box) for box in boxes],
            }
            for extractor in ("layout", "molmo"):
                rows[name, number][f"extract_{extractor}"] = [
                    {"document": name, "page": number, "chunk": at, **boxes[at].box._asdict(), "extractor": extractor, "hinted": hinted,
                     "raw": "", "parsed": json.dumps(value), "parse_status": "ok"}
                    for who, hinted, at, value in answers if who == extractor
                ]
    tables = {"read": schemas.READINGS, "chunk": schemas.CHUNKS, "extract_layout": schemas.ANSWERS, "extract_molmo": schemas.ANSWERS}
    for shard, spans in plan.page_shards.items():
        for kind, schema in tables.items():
            found = [row for span in spans for number in range(span.first, span.last + 1) for row in rows[span.document, number][kind]]
            if kind.startswith("extract"):
                found = found * 2 if twice else found
            if shuffle and kind != "read":
                shuffle.shuffle(found)
            full = [{name: row.get(name) for name in schema.names} for row in found]
            fs.write_table(workspace.shard(kind, shard), [pa.Table.from_pylist(full, schema=schema)], schema)
    uris = [{"document": name, "uri": f"{name}.pdf", "copies": [], "media_type": "", "bytes": 1, "pages": len(one), "day": DAY,
             "status": "ok"} for name, one in zip(names, made, strict=True)]
    fs.write_rows(workspace.documents, uris, schemas.DOCUMENTS)
    workspace.write_plan(plan)
    return workspace


def merged(workspace: Workspace, said: CorrectionStore | None = None) -> tuple[list, list]:
    """Fields and records of all shards, in order."""
    shards = list(workspace.plan.document_shards)
    for shard in shards:
        merging.run(workspace, shard, INVOICE, ["layout", "molmo"], said)
    read = [[row for shard in shards for row in workspace.read(workspace.shard(kind, shard)).to_pylist()] for kind in ("fields", "records")]
    return read[0], read[1]


def one_shard(made: list) -> Plan:
    names = [f"doc{at}" for at in range(len(made))]
    return Plan({"p0000": tuple(Span(name, 1, len(one)) for name, one in zip(names, made, strict=True))}, {"d0000": tuple(names)})


def page_by_page(made: list) -> Plan:
    spans = [Span(f"doc{at}", number, number) for at, one in enumerate(made) for number in range(1, len(one) + 1)]
    return Plan({f"p{i:04d}": (span,) for i, span in enumerate(spans)}, {f"d{i:04d}": (f"doc{i}",) for i in range(len(made))})


@st.composite
def plans(draw: st.DrawFn, made: list) -> Plan:
    """The documents cut into page shards and document shards at any places."""
    pages_of = [(f"doc{at}", number) for at, one in enumerate(made) for number in range(1, len(one) + 1)]
    page_shards: list[list[Span]] = [[]]
    for at, (name, number) in enumerate(pages_of):
        last = page_shards[-1][-1] if page_shards[-1] else None
        if at and draw(st.booleans()):
            page_shards.append([Span(name, number, number)])
        elif last and last.document == name:
            page_shards[-1][-1] = Span(name, last.first, number)
        else:
            page_shards[-1].append(Span(name, number, number))
    document_shards: list[list[str]] = [[]]
    for at in range(len(made)):
        if at and draw(st.booleans()):
            document_shards.append([])
        document_shards[-1].append(f"doc{at}")
    numbered = {f"p{i:04d}": tuple(spans) for i, spans in enumerate(page_shards)}
    return Plan(numbered, {f"d{i:04d}": tuple(ids) for i, ids in enumerate(document_shards)})


def table_bytes(workspace: Workspace) -> list[bytes]:
    """The tables as they are staged: all shards' rows one after another."""
    written = []
    for kind, schema in (("fields", schemas.FIELDS), ("records", schemas.record_schema(INVOICE)), ("corrections", schemas.CORRECTIONS)):
        path = UPath(workspace.root / f"{kind}.parquet")
        fs.write_table(path, (workspace.read(workspace.shard(kind, shard)) for shard in workspace.plan.document_shards), schema)
        written.append(path.read_bytes())
    return written


PATHS = ["total", "net", "number", "date", "lines[0].amount", "lines[1].item", "lines[5].count"]
anchors = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 60)), max_size=2).map(
    lambda places: tuple(Evidence(page_at, Box(0, top, 400, top + 14)) for page_at, top in places))
corrected = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(PATHS), st.none() | scalar, anchors), max_size=4)


def store_of(root: Path, said_of: list) -> CorrectionStore:
    store = CorrectionStore(UPath(root))
    for at, path, value, anchor in said_of:
        store.put(Correction("invoice", f"doc{at}", path, value, None, Action.CORRECTED, anchor, None, "ann", "2026-01-02T00:00:00+00:00"))
    return store


@given(st.data(), documents, corrected, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_answers_and_chunks_any_repetition_and_any_shards_give_the_same_bytes(tmp_path_factory, data, made, said_of, order):
    root = tmp_path_factory.mktemp("merge")
    store = store_of(root / "said", said_of)
    plain = stage(root / "plain", made, one_shard(made))
    merged(plain, store)
    other = stage(root / "other", made, data.draw(plans(made)), order, twice=data.draw(st.booleans()))
    merged(other, store)
    assert table_bytes(other) == table_bytes(plain)
    merged(other, store)
    assert table_bytes(other) == table_bytes(plain)


@given(documents, corrected)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_people_said_wins_and_loses_nothing_that_others_said(tmp_path_factory, made, said_of):
    root = tmp_path_factory.mktemp("merge")
    store = store_of(root / "said", said_of)
    without, _ = merged(stage(root / "without", made, one_shard(made)))
    fields, _ = merged(stage(root / "with", made, one_shard(made)), store)
    last = {(f"doc{at}", path): value for at, path, value, _ in said_of if at < len(made)}
    for (name, path), value in last.items():
        if "[" not in path:
            found = next(row for row in fields if row["document"] == name and row["field"] == path)
            assert (found["value"], found["verdict"], found["extractor"]) == (value, Verdict.ACCEPTED, "person")
    for at in range(len(made)):
        before = Counter(values_of(without, f"doc{at}"))
        after = Counter(values_of(fields, f"doc{at}"))
        assert not before - after
        assert sum((after - before).values()) <= sum(value is not None for (name, _), value in last.items() if name == f"doc{at}")


def values_of(fields: list, document: str) -> list[str]:
    """All values of a document, those that lost as well."""
    own = [row for row in fields if row["document"] == document]
    return [row["value"] for row in own if row["value"]] + [loser["value"] for row in own for loser in row["losers"]]


@given(documents, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_repetition_and_shards_change_nothing(tmp_path_factory, made, order):
    root = tmp_path_factory.mktemp("merge")
    plain = stage(root / "plain", made, one_shard(made))
    expected = merged(plain)
    other = stage(root / "other", made, page_by_page(made), order, twice=True)
    assert merged(other) == expected
    shuffled = stage(root / "shuffled", made, one_shard(made), order)
    merged(shuffled)
    for kind in ("fields", "records"):
        assert shuffled.shard(kind, "d0000").read_bytes() == plain.shard(kind, "d0000").read_bytes()


@given(documents)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_candidate_ends_as_winner_loser_or_unmatched(tmp_path_factory, made):
    workspace = stage(tmp_path_factory.mktemp("merge"), made, one_shard(made))
    fields, _ = merged(workspace)
    for at, one in enumerate(made):
        kept = [row["value"] for row in fields if row["document"] == f"doc{at}" and row["value"]]
        kept += [loser["value"] for row in fields if row["document"] == f"doc{at}" for loser in row["losers"]]
        distinct = {(number, who, hinted, chunk_at, json.dumps(value)): value for number, (_, answers) in enumerate(one)
                    for who, hinted, chunk_at, value in answers}
        assert sorted(kept) == sorted(text for value in distinct.values() for text in texts(value))


def texts(value):
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    return [text for inner in value for text in texts(inner)] if isinstance(value, list) else [value]


@given(documents)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_without_support_is_accepted_or_recorded(tmp_path_factory, made):
    fields, _ = merged(stage(tmp_path_factory.mktemp("merge"), made, one_shard(made)))
    accepted = [row for row in fields if row["verdict"] == Verdict.ACCEPTED]
    assert all(row["support"] in ("exact", "normalised") and row["evidence"] for row in accepted)


MADE = [[(["Total", "53.40", "Net", "44.50"], [("layout", False, 0, {"total": "53.40", "net": "99.99"})])]]


def test_merging_again_gives_the_same_bytes(tmp_path):
    workspace = stage(tmp_path, MADE, one_shard(MADE))
    first = merging.run(workspace, "d0000", INVOICE, ["layout"])
    before = workspace.shard("fields", "d0000").read_bytes()
    again = merging.run(workspace, "d0000", INVOICE, ["layout"])
    assert workspace.shard("fields", "d0000").read_bytes() == before
    assert first.counts == again.counts == {
        "documents": 1, "records": 1, "fields": 3, "corrections": 0, "accepted": 1, "ambiguous": 0, "conflicting": 0, "unsupported": 2,
        "unreadable": 0, "paraphrase": 0,
    }


def test_a_record_holds_typed_values_but_none_that_the_page_does_not_say(tmp_path):
    workspace = stage(tmp_path, MADE, one_shard(MADE))
    merging.run(workspace, "d0000", INVOICE, ["layout"])
    row = workspace.read(workspace.shard("records", "d0000")).to_pylist()[0]
    assert (row["document"], row["uri"], str(row["total"]), row["net"], row["lines"]) == ("doc0", "doc0.pdf", "53.40", None, [])


def test_the_answers_of_a_named_extractor_must_be_there(tmp_path):
    workspace = stage(tmp_path, MADE, one_shard(MADE))
    with pytest.raises(WorkspaceError, match="extract_other"):
        merging.run(workspace, "d0000", INVOICE, ["layout", "other"])


def test_a_document_may_span_page_shards(tmp_path):
    made = [[(["Total", "53.40"], [("layout", False, 0, {"total": "53.40"})])] * 20, *MADE]
    plan = cut_into_shards([("doc0", 20), ("doc1", 1)], 16)
    assert len(plan.page_shards) == 2
    fields, _ = merged(stage(tmp_path, made, plan))
    assert [(row["document"], row["field"]) for row in fields if row["field"] == "total"] == [("doc0", "total"), ("doc1", "total")]
    assert len(fields[1]["losers"]) == 19
