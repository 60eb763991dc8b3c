"""Strategy ``quadrants``: the page's four quarters, wherever its text is."""

from __future__ import annotations

from octavo.model.contracts import Chunking
from octavo.model.entities import Box, Chunk, Page


def cut(page: Page, rule: Chunking) -> list[Chunk]:
    """The quarters of the page, left to right and top to bottom.

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
