"""Strategy ``page``: the whole page is one chunk."""

from __future__ import annotations

from octavo.model.contracts import Chunking
from octavo.model.entities import Box, Chunk, Page


def cut(page: Page, rule: Chunking) -> list[Chunk]:
    """One chunk over the whole page with all its words, in the reader's order; also for a page without words."""
    return [Chunk(0, Box(0, 0, page.width, page.height), tuple(range(len(page.words))), rule.strategy.value)]
