"""Lists: rows found on the page one by one, joined across answers, never dropped for being equal."""

from __future__ import annotations

from octavo.merging.documents import Merger, PageAnswers
from octavo.model import Box, Verdict
from tests.merging.pages import INVOICE, answer, chunk, merge, page

COFFEE = {"item": "Coffee beans", "count": "2", "price": "10.00", "amount": "20.00"}
TEA = {"item": "Tea", "count": "3", "price": "1.50", "amount": "4.50"}
PAGE = """
Item            Qty   Price   Amount
Coffee beans    2     10.00   20.00
Coffee beans    2     10.00   20.00
Tea             3     1.50    4.50
"""


def values(fields, cell):
    return [field.value for path, field in fields.items() if path.endswith(f"].{cell}")]


def test_two_equal_rows_stay_two_each_with_its_own_words():
    found = merge(INVOICE, PAGE, answer({"lines": [COFFEE, COFFEE, TEA]}))
    assert values(found, "item") == ["Coffee beans", "Coffee beans", "Tea"]
    assert found["lines[0].amount"].evidence[0].box.y0 < found["lines[1].amount"].evidence[0].box.y0
    assert {field.verdict for path, field in found.items() if path.startswith("lines")} == {Verdict.ACCEPTED}


def test_rows_of_two_extractors_become_one_row():
    found = merge(INVOICE, PAGE, answer({"lines": [COFFEE, COFFEE, TEA]}), answer({"lines": [COFFEE, COFFEE, TEA]}, "molmo"))
    assert values(found, "item") == ["Coffee beans", "Coffee beans", "Tea"]


def test_a_row_that_one_extractor_misread_is_still_one_row():
    wrong = {**TEA, "amount": "4.80"}
    found = merge(INVOICE, PAGE, answer({"lines": [COFFEE, TEA]}), answer({"lines": [COFFEE, wrong]}, "molmo"))
    assert (values(found, "item"), found["lines[1].amount"].value) == (["Coffee beans", "Tea"], "4.50")
    assert [one.value for one in found["lines[1].amount"].losers] == ["4.80"]


def test_a_row_repeated_in_overlapping_chunks_is_one():
    upper, lower = Box(0, 0, 1000, 66), Box(0, 46, 1000, 1000)
    found = merge(
        INVOICE, PAGE.replace("Coffee beans    2     10.00   20.00\nTea", "Tea"),
        answer({"lines": [COFFEE, TEA]}, box=upper), answer({"lines": [TEA]}, box=lower, at=1),
    )
    assert values(found, "item") == ["Coffee beans", "Tea"]


def test_equal_rows_of_chunks_that_do_not_overlap_stay_two():
    found = merge(
        INVOICE, PAGE, answer({"lines": [COFFEE]}, box=Box(0, 0, 1000, 48)), answer({"lines": [COFFEE]}, box=Box(0, 48, 1000, 1000), at=1),
    )
    assert values(found, "item") == ["Coffee beans", "Coffee beans"]


def test_a_list_goes_on_over_pages_in_reading_order():
    first, second = page("Tea  3  1.50  4.50"), page("Coffee beans  2  10.00  20.00", number=2)
    fields = Merger(INVOICE).merge("d", [
        PageAnswers(first, [chunk(first)], [answer({"lines": [TEA]})]),
        PageAnswers(second, [chunk(second)], [answer({"lines": [COFFEE]}, number=2)]),
    ])
    assert [(field.path, field.value, field.page) for field in fields if field.path.endswith("item")] == [
        ("lines[0].item", "Tea", 1), ("lines[1].item", "Coffee beans", 2),
    ]


def test_cells_that_changed_columns_are_not_accepted():
    found = merge(INVOICE, PAGE, answer({"lines": [{**TEA, "price": "4.50", "amount": "1.50"}]}))
    assert Verdict.ACCEPTED not in {found["lines[0].price"].verdict, found["lines[0].amount"].verdict}


def test_a_made_up_row_is_unsupported():
    found = merge(INVOICE, PAGE, answer({"lines": [TEA, {"item": "Golden spoon", "amount": "99.00"}]}))
    assert {found["lines[1].item"].verdict, found["lines[1].amount"].verdict} == {Verdict.UNSUPPORTED}
