"""Values are tied to what heads their box, and cells to what heads their column of the page's grid."""

from __future__ import annotations

from octavo.merging.documents import Merger, PageAnswers
from octavo.model.contracts import Contract
from octavo.model.entities import Box, Field, Page, Ruling, Source, Verdict, Word
from tests.merging.pages import UPRIGHT, answer, by_rules, chunk, merge

FORM = Contract.model_validate({
    "name": "form", "title": "Forms", "locale": {"languages": ["en"]},
    "fields": {
        "total": {"type": "money", "labels": ["Total value"]},
        "freight": {"type": "money", "labels": ["Freight"]},
        "items": {"type": "list", "fields": {
            "code": {"type": "identifier", "labels": ["Code"]},
            "name": {"type": "text", "labels": ["Description"]},
            "unit": {"type": "text", "labels": ["Unit"]},
            "price": {"type": "money", "labels": ["Unit price"]},
            "amount": {"type": "money", "labels": ["Amount"]},
        }},
    },
})


def word(text: str, x0: int, y0: int) -> Word:
    return Word(text, Box(x0, y0, x0 + 10 * len(text) - 2, y0 + 12), 1.0, Source.TEXT_LAYER)


def ruled(words: list[Word], boxes: list[tuple[int, int, int, int]]) -> Page:
    """A page with these words and lines around these boxes (left, top, right, bottom)."""
    rulings = {
        line for x0, y0, x1, y1 in boxes
        for line in (Ruling(x0, y0, x1, y0, 1), Ruling(x0, y1, x1, y1, 1), Ruling(x0, y0, x0, y1, 1), Ruling(x1, y0, x1, y1, 1))
    }
    return Page("d", 1, 1000, 1000, None, 0, UPRIGHT, tuple(words), rulings=tuple(sorted(rulings)))


def test_a_value_at_the_other_side_of_its_labels_box_is_its_labels() -> None:
    boxes = [(0, 100, 300, 150), (300, 100, 600, 150)]
    fields = merge(FORM, ruled([
        word("Freight", 10, 105), word("Total", 310, 105), word("value", 370, 105), word("7.50", 250, 130), word("1,950.00", 510, 130),
    ], boxes), answer({"total": "1,950.00", "freight": "7.50"}))
    assert fields["total"].verdict is fields["freight"].verdict is Verdict.ACCEPTED
    assert fields["total"].reason == "in the box of its label “Total value”"
    assert "boxed_label" in fields["total"].features


def test_a_value_in_the_box_of_another_label_is_not_taken() -> None:
    boxes = [(0, 100, 300, 150), (0, 150, 300, 200)]
    fields = merge(FORM, ruled([
        word("Freight", 10, 105), word("Total", 10, 155), word("value", 70, 155), word("7.50", 250, 180),
    ], boxes), answer({"freight": "7.50"}))
    assert fields["freight"].verdict is Verdict.AMBIGUOUS
    assert fields["freight"].reason == "it stands by the label “Total value”"


TABLE = """
            Unit
Code        price    Amount
AB-1           2.00    4.00
AB-2           3.00    9.00
AB-3           4.00    8.00
"""


def test_a_header_of_several_lines_heads_its_column() -> None:
    fields = merge(FORM, TABLE, answer({"items": [{"code": "AB-1", "price": "2.00", "amount": "4.00"}]}))
    assert fields["items[0].price"].reason.startswith("in the column “Unit price”")


CATCHES = Contract.model_validate({"name": "catch", "title": "Catches", "fields": {"lines": {"type": "list", "fields": {
    "port": {"labels": ["Port"]}, "fish": {"type": "integer", "labels": ["Fish 2025"]},
    "grain": {"type": "integer", "labels": ["Grain 2025"]},
}}}})


def test_a_header_below_that_of_its_group_heads_its_column() -> None:
    text = """
Port          Fish          Grain
           2024  2025    2024  2025
Eastholm    120   130      80    85
Wick         70    75      20    25
"""
    fields = merge(CATCHES, text, answer({"lines": [{"port": "Wick", "fish": "75", "grain": "25"}]}))
    assert fields["lines[0].fish"].reason.startswith("in the column “Fish 2025”")
    assert fields["lines[0].grain"].reason.startswith("in the column “Grain 2025”")


def test_a_row_whose_cells_read_like_labels_does_not_head_the_rows_below() -> None:
    text = """
Code        Description        Unit     Amount
AB-1        Unit price: 7      Unit       4.00
AB-2        Hooks              Unit       9.00
AB-3        Nails              Unit       8.00
"""
    fields = merge(FORM, text, answer({"items": [{"code": "AB-2", "name": "Hooks", "amount": "9.00"}]}))
    assert fields["items[0].name"].reason.startswith("in the column “Description”")


def test_a_cell_far_from_its_header_is_its_columns() -> None:
    boxes = [(x0, y0, x1, y1) for y0, y1 in ((100, 130), (130, 160)) for x0, x1 in ((0, 100), (100, 300), (300, 600), (600, 900))]
    page = ruled([
        word("Code", 10, 110), word("Description", 110, 110), word("Unit", 310, 110), word("price", 360, 110), word("Amount", 610, 110),
        word("9911", 10, 140), word("Easel", 110, 140), word("12.00", 540, 140), word("24.00", 840, 140),
    ], boxes)
    found = by_rules(FORM, page)
    assert {name: found[f"items[0].{name}"].verdict for name in ("price", "amount")} == dict.fromkeys(("price", "amount"), Verdict.ACCEPTED)


def test_a_row_that_goes_on_in_the_next_chunk_stays_where_it_begins() -> None:
    page = ruled([
        word("Code", 10, 10), word("Description", 110, 10), word("Amount", 310, 10),
        word("A-11", 10, 30), word("Easel", 110, 30), word("12.00", 310, 30),
        word("B-22", 10, 50), word("Chart", 110, 50), word("24.00", 310, 50), word("large", 110, 70),
    ], [])
    said = {"items": [{"code": "A-11", "name": "Easel", "amount": "12.00"}, {"code": "B-22", "name": "Chart large", "amount": "24.00"}]}
    chunks = [chunk(page, Box(0, 0, 1000, 68), 0), chunk(page, Box(0, 68, 1000, 1000), 1)]
    fields = Merger(FORM).merge("d", [PageAnswers(page, chunks, [answer(said, box=chunks[0].box)])])
    assert [field.value for field in fields if field.path.endswith(".code")] == ["A-11", "B-22"]


NARROW = [(x0, y0, x1, y1) for y0, y1 in ((100, 130), (130, 180), (180, 230)) for x0, x1 in ((0, 60), (60, 300), (300, 400))]


def in_narrow_cells(first: str, second: str) -> Field:
    page = ruled([
        word("Code", 10, 110), word("Description", 70, 110), word("Amount", 310, 110),
        word(first, 10, 140), word("Flipchart", 70, 140), word(second, 10, 160), word("12.00", 310, 140),
        word("9911", 10, 190), word("Easel", 70, 190), word("8", 10, 210), word("9.50", 310, 190),
    ], NARROW)
    return by_rules(FORM, page)["items[0].code"]


def test_an_identifier_that_its_cell_is_too_narrow_for_goes_on_in_the_next_line() -> None:
    field = in_narrow_cells("9610", "02")
    assert (field.value, field.verdict) == ("961002", Verdict.ACCEPTED)


def test_an_identifier_with_room_left_in_its_cell_does_not_go_on() -> None:
    assert in_narrow_cells("961", "02").value == "961 02"
