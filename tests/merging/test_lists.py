"""Lists: rows found on the page one by one, joined across answers, never dropped for being equal."""

from __future__ import annotations

from octavo.merging.documents import Merger, PageAnswers
from octavo.model.entities import Box, Verdict
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


NEXT_PAGE = """
Tea             3     1.75    4.50
Milk            1     0.99    0.99
"""
MILK = {"item": "Milk", "count": "1", "price": "0.99", "amount": "0.99"}


def over_pages(continues: bool, second: str = NEXT_PAGE, pages_between: int = 0) -> list:
    fields = {name: spec.model_dump() for name, spec in INVOICE.fields.items()}
    contract = INVOICE.model_validate({**INVOICE.model_dump(), "fields": {**fields, "lines": {**fields["lines"], "continues": continues}}})
    said = [answer({"lines": [COFFEE]})]
    pages = [(page(PAGE), said)]
    pages += [(page("Nothing here", 2 + n), []) for n in range(pages_between)]
    number = len(pages) + 1
    pages.append((page(second, number), [answer({"lines": [MILK]}, number=number)]))
    return [f for f in Merger(contract).merge("d", [PageAnswers(one, [chunk(one)], a) for one, a in pages]) if f.page == number]


def test_a_table_that_goes_on_over_the_page_keeps_its_columns():
    found = over_pages(True)
    assert {field.verdict for field in found} == {Verdict.ACCEPTED}
    assert {field.reason for field in found if field.path.endswith("item")} == {"in the column “Item” of an earlier page"}


def test_a_contract_may_say_that_every_page_has_its_own_table():
    assert Verdict.ACCEPTED not in {field.verdict for field in over_pages(False)}


def test_a_table_does_not_go_on_past_a_page_without_rows():
    assert Verdict.ACCEPTED not in {field.verdict for field in over_pages(True, pages_between=1)}


def test_cells_that_stand_under_another_column_of_the_page_before_are_not_accepted():
    swapped = over_pages(True, NEXT_PAGE.replace("Milk            1     0.99    0.99", "0.99            1     Milk    0.99"))
    assert {f.verdict for f in swapped if f.path.endswith((".item", ".price"))} == {Verdict.AMBIGUOUS}


def test_a_lone_label_on_the_next_page_is_not_taken_for_a_new_header():
    three = [PAGE, "Milk            1     0.99    0.99\nAmount is in euros", "Milk            1     0.99    0.99"]
    pages = [page(text, number) for number, text in enumerate(three, 1)]
    said = [[COFFEE], [MILK], [MILK]]
    made = [PageAnswers(one, [chunk(one)], [answer({"lines": rows}, number=one.number)]) for one, rows in zip(pages, said, strict=True)]
    last = [field for field in Merger(INVOICE).merge("d", made) if field.page == 3]
    assert {field.verdict for field in last} == {Verdict.ACCEPTED}
