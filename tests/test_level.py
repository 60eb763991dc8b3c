"""What a page's words tell of its skew where the reader did not measure it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from octavo.model.entities import Box, Source, Word
from octavo.page.level import levelled, skew_of
from tests.grid import askew, page

LINES = "\n".join([
    "The ferry crossed the river eleven times a day and carried farmers",
    "their carts and what they had to sell on the other side of the town",
    "In winter it lay at the quay where the engine was kept from the ice",
    "",
    "Fare   4.50     Cart   12.00     Horse   3.00",
    "and a note below the table that says which of them were free of charge",
])


@pytest.mark.parametrize("degrees", [0.4, -0.4, 0.9, -0.9, 2.5, -2.5])
def test_long_phrases_tell_the_skew_of_a_page(degrees: float) -> None:
    turned = replace(askew(page(LINES), degrees), skew=0.0)
    assert skew_of(turned) == pytest.approx(degrees, abs=0.1)
    for word, as_drawn in zip(levelled(turned).words, page(LINES).words, strict=True):
        assert abs(word.box.y0 - as_drawn.box.y0) <= 2


def test_level_pages_short_phrases_and_empty_pages_are_level() -> None:
    assert skew_of(page(LINES)) == 0
    few = askew(page("Total   4.50\nNet   4.00"), 0.9)
    assert skew_of(replace(few, skew=0.0)) == 0
    assert skew_of(page("")) == 0
    assert levelled(page(LINES)) == page(LINES)


def test_words_without_height_and_steep_texts_tell_nothing() -> None:
    flat = page(LINES)
    flat = replace(flat, words=tuple(word._replace(box=word.box._replace(y1=word.box.y0)) for word in flat.words))
    assert skew_of(flat) == 0
    steps = [(10 * n, 200 * row + 5 * n) for row in range(4) for n in range(30)]
    stairs = tuple(Word("x", Box(x, y, x + 9, y + 12), 0.9, Source.OCR) for x, y in steps)
    assert skew_of(replace(flat, words=stairs)) == 0


def test_what_the_reader_measured_counts() -> None:
    assert skew_of(replace(page(LINES), skew=1.2)) == 1.2
