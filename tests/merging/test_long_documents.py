"""A document of any length is merged in little memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

from octavo.merging.documents import Merger, PageAnswers
from tests.merging.pages import INVOICE, answer, chunk, page

ROWS = 20
PAGE_BYTES = 31_000
TEXT = "\n".join(["Item          Amount", *(f"Article{row:02d}     {row}.50" for row in range(ROWS)), "Total  99.00"])
SAID = {"total": "99.00", "lines": [{"item": f"Article{row:02d}", "amount": f"{row}.50"} for row in range(ROWS)]}


def test_a_page_that_is_merged_leaves_little_behind():
    """A page's 41 fields take 22 KB, and its single values, which all pages' are weighed with, some more. Its words and index go."""
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
