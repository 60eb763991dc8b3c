"""What people said wins every merge, and finds its place again however the page is cut."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from octavo.merging.documents import Merger, PageAnswers
from octavo.merging.records import record
from octavo.model.entities import Answer, Box, Evidence, Field, Support, Verdict
from octavo.storage.corrections import Action, Correction
from tests.merging.pages import INVOICE, answer, chunk, page

PAGE = """
Seller Northwind Goods Ltd
Invoice No R-2018/0042
Date 05.03.2018
Item            Qty   Price   Amount
Coffee beans    2     10.00   20.00
Tea             3     1.50    4.50
Net 44.50
VAT 8.90
Total 53.40
"""
COFFEE = {"item": "Coffee beans", "count": "2", "price": "10.00", "amount": "20.00"}
TEA = {"item": "Tea", "count": "3", "price": "1.50", "amount": "4.50"}


def said(field: str, value: str | None, typed: str | None = None, anchor: tuple[Evidence, ...] = (), **changed: Any) -> Correction:
    made: dict[str, Any] = {
        "contract": "invoice", "document": "d", "field": field, "value": value, "typed": typed, "action": Action.CORRECTED,
        "anchor": anchor, "previous": None, "by": "ann", "said": "2026-11-02T10:00:00+00:00",
    }
    return Correction(**{**made, **changed})


def merge(corrections: list[Correction], *answers: Answer, text: str = PAGE) -> dict[str, Field]:
    one = page(text)
    chunks = {a.chunk: chunk(one, a.box, a.chunk) for a in answers} or {0: chunk(one)}
    fields = Merger(INVOICE).merge("d", [PageAnswers(one, list(chunks.values()), answers)], corrections)
    return {field.path: field for field in fields}


def test_a_correction_wins_against_a_value_that_was_accepted() -> None:
    wrong = [answer({"total": "53.40"}), answer({"total": "53.40"}, "molmo")]
    assert merge([], *wrong)["total"].verdict is Verdict.ACCEPTED
    found = merge([said("total", "44.50", "44.50")], *wrong)["total"]
    assert (found.value, found.typed, found.verdict, found.extractor) == ("44.50", Decimal("44.50"), Verdict.ACCEPTED, "person")
    assert found.reason == "a person said so"
    assert {(one.extractor, one.value, one.reason) for one in found.losers} == {
        (name, "53.40", "a person said otherwise") for name in ("layout", "molmo")
    }


def test_a_correction_carries_the_words_of_the_page_that_say_it() -> None:
    found = merge([said("total", "53.40", "53.40")], answer({"total": "99.00"}))["total"]
    assert (found.support, found.page, found.chunk) == (Support.EXACT, 1, None)
    assert [one.box for one in found.evidence] == [next(w.box for w in page(PAGE).words if w.text == "53.40")]


def test_a_value_that_the_page_does_not_say_is_accepted_from_a_person_without_evidence() -> None:
    found = merge([said("total", "77.77", "77.77")], answer({"total": "53.40"}))["total"]
    assert (found.value, found.verdict, found.support, found.evidence, found.page) == (
        "77.77", Verdict.ACCEPTED, Support.NONE, (), None)


def test_a_field_that_nobody_found_gets_what_a_person_gave() -> None:
    assert merge([])["number"].value is None
    assert merge([said("number", "R-2018/0042")])["number"].verdict is Verdict.ACCEPTED


def test_a_person_may_say_that_there_is_no_such_value() -> None:
    found = merge([said("total", None)], answer({"total": "53.40"}))
    assert (found["total"].value, found["total"].verdict) == (None, Verdict.ACCEPTED)
    assert [one.value for one in found["total"].losers] == ["53.40"]
    assert record(INVOICE, "d", "d.pdf", "x", list(found.values()))["total"] is None


def test_a_date_that_a_person_gave_is_not_read_in_the_pages_order() -> None:
    american = "Date 11/17/2017\nDue Date 03/04/2018"
    found = merge([said("due", "03/04/2018", "2018-04-03")], text=american)["due"]
    assert found.typed == dt.date(2018, 4, 3)


def test_of_the_pages_that_might_show_a_value_the_one_that_does_counts() -> None:
    pages = [page("Nothing here"), page("Total 53.40", 2)]
    made = [PageAnswers(one, [chunk(one)], []) for one in pages]
    fields = {field.path: field for field in Merger(INVOICE).merge("d", made, [said("total", "53.40", "53.40")])}
    assert (fields["total"].page, fields["total"].support) == (2, Support.EXACT)


def test_an_unknown_field_of_an_older_contract_changes_nothing() -> None:
    assert merge([said("gone", "x"), said("lines[0].gone", "x")], answer({"total": "53.40"})).keys() == \
        merge([], answer({"total": "53.40"})).keys()


def row_of(fields: dict[str, Field], number: int) -> tuple[Evidence, ...]:
    return tuple(one for path, field in fields.items() if path.startswith(f"lines[{number}]") for one in field.evidence)


@pytest.mark.parametrize("rows", [
    pytest.param([COFFEE, TEA], id="same numbers"),
    pytest.param([TEA], id="the row has another number"),
    pytest.param([{"item": "Invoice"}, COFFEE, TEA], id="a row more"),
])
def test_a_correction_follows_its_row_when_the_rows_are_numbered_otherwise(rows: list[dict[str, str]]) -> None:
    before = merge([], answer({"lines": [COFFEE, {**TEA, "amount": "4.80"}]}))
    fix = said("lines[1].amount", "4.50", "4.50", row_of(before, 1))
    wrong = [{**one, "amount": "4.80"} if one.get("item") == "Tea" else one for one in rows]
    found = merge([fix], answer({"lines": wrong}))
    tea = next(path.removesuffix(".item") for path, field in found.items() if field.value == "Tea")
    assert (found[f"{tea}.amount"].value, found[f"{tea}.amount"].extractor) == ("4.50", "person")
    assert found[f"{tea}.amount"].evidence
    assert len({path.split(".")[0] for path in found if path.startswith("lines")}) == len(rows)


def test_a_corrected_row_that_nothing_finds_any_more_becomes_a_row_of_its_own() -> None:
    before = merge([], answer({"lines": [COFFEE, TEA]}))
    fixes = [said("lines[1].item", "Green tea", None, row_of(before, 1)), said("lines[1].amount", "4.50", "4.50", row_of(before, 1))]
    found = merge(fixes, answer({"lines": [COFFEE]}))
    assert (found["lines[1].item"].value, found["lines[1].amount"].value) == ("Green tea", "4.50")
    assert record(INVOICE, "d", "d.pdf", "x", list(found.values()))["lines"][1]["amount"] == Decimal("4.50")


def test_a_cell_that_a_person_emptied_is_empty() -> None:
    before = merge([], answer({"lines": [COFFEE, TEA]}))
    found = merge([said("lines[0].price", None, None, row_of(before, 0))], answer({"lines": [COFFEE, TEA]}))
    assert (found["lines[0].price"].value, found["lines[0].price"].verdict) == (None, Verdict.ACCEPTED)
    assert found["lines[1].price"].value == "1.50"


def test_a_row_without_a_place_keeps_its_number_and_one_past_the_end_is_added() -> None:
    made_up = {"item": "Golden spoon", "amount": "99.00"}
    found = merge([said("lines[1].amount", "98.00", "98.00"), said("lines[7].item", "Silver fork")], answer({"lines": [TEA, made_up]}))
    assert (found["lines[1].amount"].value, found["lines[2].item"].value) == ("98.00", "Silver fork")


def test_other_chunks_and_orders_give_the_same_correction() -> None:
    fix = [said("total", "53.40", "53.40"), said("lines[1].amount", "4.50", "4.50", (Evidence(1, Box(0, 110, 400, 122)),))]
    one = merge(fix, answer({"total": "1.00", "lines": [TEA]}))
    half = Box(0, 0, 1000, 90)
    other = merge(list(reversed(fix)), answer({"total": "1.00"}, box=half), answer({"lines": [TEA]}, box=Box(0, 90, 1000, 1000), at=1))
    assert one["total"] == other["total"]
    assert one["lines[0].amount"].value == other["lines[0].amount"].value == "4.50"


def test_a_correction_does_not_go_to_a_neighbouring_row_whose_box_it_touches() -> None:
    before = merge([], answer({"lines": [COFFEE, TEA]}))
    tall = tuple(Evidence(1, one.box._replace(y0=one.box.y0 - 10, y1=one.box.y1 + 3)) for one in row_of(before, 1))
    found = merge([said("lines[1].amount", "4.50", "4.50", tall)], answer({"lines": [COFFEE, {**TEA, "amount": "4.80"}]}))
    assert (found["lines[0].amount"].value, found["lines[0].amount"].extractor) == ("20.00", "layout")
    assert (found["lines[1].amount"].value, found["lines[1].amount"].extractor) == ("4.50", "person")
