"""Strategy ``line_gap``: the loop of the tutorial that Octavo started from, kept exactly.

It knows no columns and no upper limit, and its gap is counted in pixels; ``layout`` is what replaces it.
"""

from __future__ import annotations

from octavo.model.contracts import Chunking
from octavo.model.entities import Chunk, Page, union


def cut(page: Page, rule: Chunking) -> list[Chunk]:
    """A new chunk wherever a word's top lies more than ``line_gap_px`` below the bottom of the previous word.

    Words are taken in the reader's order; every word is in exactly one chunk, whose box is that of its words.
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
