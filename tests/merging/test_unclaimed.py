"""What no field took is counted and listed, and what a list left out waits for review."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.merging.unclaimed import parts_of, unclaimed
from octavo.model.contracts import Contract
from octavo.model.entities import Box, Evidence, Field, Page, Source, Support, Verdict, Word
from octavo.model.errors import GateFailed
from octavo.page.layout import PageLayout
from octavo.publishing import gate, staging
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from tests.quality.test_gate import contract, failed, name, record, stage
from tests.staging import document_id, fill, workspace

LEFTS = (100, 600, 900, 1200)
BILL = (
    ("Item", "Quantity", "Price", "Amount"), ("Cable drum", "2", "4.00", "8.00"), ("Net curtain", "1", "9.50", "9.50"),
    ("Paint bucket", "3", "2.00", "6.00"), ("Total", "6", "15.50", "23.50"),
)


def page(*rows: tuple[str, ...], foot: str = "") -> Page:
    words = []
    for n, row in enumerate([*rows, (foot,)] if foot else rows):
        for left, text in zip(LEFTS, row, strict=False):
            for word in text.split():
                words.append(Word(word, Box(left, 100 + 40 * n, left + 12 * len(word), 120 + 40 * n), 1.0, Source.TEXT_LAYER))
                left += 12 * (len(word) + 1)
    return Page("d", 1, 1500, 900, 200, 0, (1, 0, 0, 1, 0, 0), tuple(words))


def on(given: Page, values: Mapping[str, str], matched: bool = True) -> list[Field]:
    """Fields by path, each with the first word of the page that says it as its evidence."""
    boxes = {word.text: word.box for word in reversed(given.words)}
    return [
        Field("d", path, text, text, Support.EXACT, Verdict.ACCEPTED, "", 1, 0, (Evidence(1, boxes[text]),), "layout", (), matched)
        for path, text in values.items()
    ]


def left_by(given: Page, fields: list[Field]) -> tuple[int, list[tuple[str, str]], list[tuple[str, int]]]:
    found = unclaimed([parts_of(PageLayout(given))], fields)
    parts, dropped = ([tuple(one[name] for name in names) for one in found[key]] for key, names in (
        ("parts", ("kind", "text")), ("dropped", ("field", "rows")),
    ))
    return found["claimable"], parts, dropped


def test_a_column_that_no_field_took_is_listed_by_its_header() -> None:
    given = page(*BILL)
    taken = on(given, {"items[0].name": "Cable", "items[0].amount": "8.00", "items[1].name": "Net", "items[2].name": "Paint"})
    assert left_by(given, taken) == (4, [("column", "Quantity"), ("column", "Price")], [])


def test_a_table_that_no_field_took_counts_once() -> None:
    given = page(*BILL)
    claimable, parts, _ = left_by(given, on(given, {"Item": "Cable"}, matched=False))
    assert claimable == 1
    assert [(kind, text.split()[0]) for kind, text in parts] == [("table", "Item")]


@pytest.mark.parametrize(("taken", "left"), [
    pytest.param({}, [("value", "Order no: A17")], id="no field"),
    pytest.param({"number": "A17"}, [], id="a field"),
])
def test_a_value_behind_a_label_that_no_field_took_is_listed(taken: dict[str, str], left: list[tuple[str, str]]) -> None:
    given = page(("Thanks for all that you do",), foot="Order no: A17")
    assert left_by(given, on(given, taken)) == (1, left, [])


def test_a_row_in_the_shape_of_the_items_that_is_none_is_counted_and_a_sum_below_them_is_not() -> None:
    given = page(*BILL)
    rows = {f"items[{n}].{column}": row[at].split()[0] for n, row in enumerate((BILL[1], BILL[3])) for at, column in enumerate("abcd")}
    assert left_by(given, on(given, rows))[2] == [("items", 1)]


def test_the_labels_of_single_values_in_a_table_are_no_column_that_was_left() -> None:
    given = page(("Invoice date", "12/03/2026"), ("Due date", "19/03/2026"), ("Order of", "17/02/2026"), ("Sent", "18/02/2026"))
    assert left_by(given, on(given, {"date": "12/03/2026", "due": "19/03/2026"}))[1] == []


LISTED = Contract.model_validate({
    "name": "receipt", "title": "R", "fields": {"items": {"type": "list", "required": True, "fields": {"name": {}}}},
})
PART = {"kind": "column", "text": "Quantity", "page": 1, "x0": 1, "y0": 2, "x1": 3, "y1": 4}
DROPPED = {"field": "items", "rows": 3, "page": 1, "x0": 1, "y0": 2, "x1": 3, "y1": 4}


def staged(root: Path, left: list[dict[str, Any]]) -> Workspace:
    space = fill(workspace(root / "state"), {1: ["a", "b"], 2: ["c"]}, contract=LISTED)
    shard = next(iter(space.document_shards))
    fields = [{"document": document_id(1), "field": "items[0].name", "matched": True, "value": "x", "verdict": "accepted"}]
    fs.write_rows(space.shard("fields", shard), fields, schemas.FIELDS)
    fs.write_rows(space.shard("records", shard), [], schemas.record_schema(LISTED))
    if left:
        fs.write_rows(space.shard("unclaimed", shard), left, schemas.UNCLAIMED)
    staging.run(space, LISTED, Lake(UPath(root / "lake")), ["layout"])
    return space


def test_documents_and_pages_carry_what_no_field_took_and_review_what_a_list_left_out(tmp_path: Path) -> None:
    space = staged(tmp_path, [
        {"document": document_id(1), "claimable": 7, "parts": [PART], "dropped": [DROPPED]},
        {"document": document_id(2), "claimable": 0, "parts": [], "dropped": []},
    ])
    documents = fs.read_table(space.staged("documents")).to_pylist()
    assert [(row["claimable"], row["unclaimed"], row["unclaimed_parts"]) for row in documents] == [(7, 1, [PART]), (0, 0, [])]
    assert [row["unclaimed"] for row in fs.read_table(space.staged("pages")).to_pylist()] == [1, 0, 0]
    review = fs.read_table(space.staged("review")).to_pylist()
    assert [(row["document"][-1], row["field"], row["reason"], len(row["evidence"] or ())) for row in review] == [
        ("1", "items[]", "3 rows of its table are in none of its items", 1), ("2", "items[]", "required, but no row was found", 0),
    ]


def test_what_an_earlier_version_merged_is_staged_without_a_count(tmp_path: Path) -> None:
    space = staged(tmp_path, [])
    assert {row["unclaimed"] for table in ("documents", "pages") for row in fs.read_table(space.staged(table)).to_pylist()} == {None}


@pytest.mark.parametrize(("most", "broken"), [
    pytest.param(0.3, {}, id="just within"),
    pytest.param(0.2, {"at most 20% of the columns and labelled values are no field's": (3, 10)}, id="past the bound"),
])
def test_a_day_of_which_too_much_is_in_no_field_is_refused(tmp_path: Path, most: float, broken: dict[str, tuple[int, int]]) -> None:
    used = contract(max_unclaimed_share=most)
    space = stage(tmp_path, [record(1)], used)
    rows = [{"document": name(1), "uri": "1", "pages": 1, "status": "ok", "claimable": 10, "unclaimed": 3}]
    fs.write_rows(space.staged("documents"), rows, schemas.DOCUMENTS)
    with contextlib.suppress(GateFailed):
        gate.run(space, used, UPath(tmp_path / "reports"))
    assert failed({entry["name"]: entry for entry in gate.read_result(space)["expectations"]}) == broken
