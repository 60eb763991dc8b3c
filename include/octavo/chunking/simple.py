"""The strategies that look at nothing but where words stand: the whole page, its quadrants, gaps between lines."""

from __future__ import annotations

from octavo.model.contracts import Chunking
from octavo.model.entities import Box, Chunk, Page, union


def whole_page(page: Page, rule: Chunking) -> list[Chunk]:
    """Strategy ``page``: one chunk over the whole page with all its words, in the reader's order; also for a page without words."""
    return [Chunk(0, Box(0, 0, page.width, page.height), tuple(range(len(page.words))), rule.strategy.value)]


def quadrants(page: Page, rule: Chunking) -> list[Chunk]:
    """Strategy ``quadrants``: the quarters of the page, left to right and top to bottom.

    A word belongs to the quarter that holds its centre. Quarters without words are left out, unless no
    quarter has any: then the page is a picture, and each is kept.
    """
    middle_x, middle_y = page.width // 2, page.height // 2
    boxes = (
        Box(0, 0, middle_x, middle_y), Box(middle_x, 0, page.width, middle_y),
        Box(0, middle_y, middle_x, page.height), Box(middle_x, middle_y, page.width, page.height),
    )
    held: list[list[int]] = [[], [], [], []]
    for index, word in enumerate(page.words):
        x, y = word.box.center
        held[(x >= middle_x) + 2 * (y >= middle_y)].append(index)
    kept = [(box, words) for box, words in zip(boxes, held, strict=True) if words or not page.words]
    return [Chunk(number, box, tuple(words), rule.strategy.value) for number, (box, words) in enumerate(kept)]


def line_gap(page: Page, rule: Chunking) -> list[Chunk]:
    """Strategy ``line_gap``: the loop of the tutorial that Octavo started from, kept exactly.

    A new chunk begins wherever a word's top lies more than ``line_gap_px`` below the bottom of the previous word.

    Words are taken in the reader's order; every word is in exactly one chunk, whose box is that of its words.
    The loop knows no columns and no upper limit, and its gap is counted in pixels; ``layout`` is what replaces it.
    """
    groups: list[list[int]] = []
    last_bottom: int | None = None
    for index, word in enumerate(page.words):
        if last_bottom is None or word.box.y0 - last_bottom > rule.line_gap_px:
            groups.append([])
        groups[-1].append(index)
        last_bottom = word.box.y1
    return [
        Chunk(number, union(page.words[index].box for index in group), tuple(group), rule.strategy.value)
        for number, group in enumerate(groups)
    ]
