"""A document of any length is merged in little memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

from octavo.merging.documents import Merger, PageAnswers
from octavo.merging.packed import BLOCK_FIELDS, Packed
from octavo.model.entities import Box, Evidence, Field, Support, Verdict
from tests.merging.pages import INVOICE, answer, chunk, page

ROWS = 20
PAGE_BYTES = 8_000
TEXT = "\n".join(["Item          Amount", *(f"Article{row:02d}     {row}.50" for row in range(ROWS)), "Total  99.00"])
SAID = {"total": "99.00", "lines": [{"item": f"Article{row:02d}", "amount": f"{row}.50"} for row in range(ROWS)]}


def field(number: int) -> Field:
    evidence = (Evidence(number, Box(number, 1, number + 9, 9)),)
    text = f"Article {number}"
    return Field("d", f"lines[{number}].item", text, text, Support.EXACT, Verdict.ACCEPTED, "", number, 0, evidence, "layout")


def test_packed_fields_come_out_as_they_went_in_and_as_often_as_wanted():
    for length in (0, 1, BLOCK_FIELDS - 1, BLOCK_FIELDS, 2 * BLOCK_FIELDS + 3):
        made = [field(number) for number in range(length)]
        packed = Packed(made)
        assert len(packed) == length
        assert list(packed) == list(packed) == made


def test_a_page_that_is_merged_leaves_little_behind():
    """A page's 41 fields would keep 22 KB as objects. What is left are its single values, which all pages' are weighed with, and bytes."""
    held: dict[int, int] = {}

    def pages() -> Iterator[PageAnswers]:
        for number in range(1, 152):
            if number in (51, 151):
                gc.collect()
                held[number] = tracemalloc.get_traced_memory()[0]
            one = page(TEXT, number)
            yield PageAnswers(one, [chunk(one)], [answer(SAID, number=number)])

    tracemalloc.start()
    try:
        fields = Merger(INVOICE).merge("d", pages())
    finally:
        tracemalloc.stop()
    assert sum("lines" in one.path for one in fields) == 151 * ROWS * 2
    assert (held[151] - held[51]) / 100 < PAGE_BYTES
