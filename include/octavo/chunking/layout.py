"""Strategy ``layout``: few chunks, as big as a model can still read, cut where the page itself has gaps.

The page becomes rows in reading order (columns apart, label and value together). Consecutive rows are packed
into chunks so that the whole page costs least: each chunk its prompt tokens, each word that shrinks below
legibility and each word that shows in a foreign chunk a fine, each cut a fine that falls with the gap it uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from octavo.model.contracts import Chunking
from octavo.model.entities import Box, Chunk, Page, union
from octavo.model.tiling import MAX_TILES, SHARED_SIDE, canvas, tokens
from octavo.page.lines import line_height
from octavo.page.reading_order import ReadingRow, rows_of

# All costs are prompt tokens. The cheapest chunk costs 410; a page has some 100 words.
ILLEGIBLE_WORD = 200.0  # measured on receipts: 12 leaves 6 % of the words illegible, 200 leaves 1 % for 30 % more tokens
FOREIGN_WORD = 50.0
TIGHT_CUT = 200.0       # a cut between two rows that touch
CLEAR_GAP = 2.0         # the gap, in line heights, from which on a cut costs nothing
TABLE_EDGE = 1000.0     # the same above and below a table, where its title and its notes stand
TABLE_CUT = 8000.0      # a cut between two rows of a table: it stays whole unless more than 40 of its words were illegible then
ROW_CUT = 16000.0       # a cut between two lines of one of its rows
# A chunk of more than one row is not considered once more than this share of its words is illegible.
HOPELESS = 0.5


def cut(page: Page, rule: Chunking) -> list[Chunk]:
    """The page's words in as few chunks as legibility and ``rule.max_words`` allow.

    Every word is in exactly one chunk, chunks and their words are in reading order, and no row is cut
    unless it alone has more than ``max_words``. No words, no chunks.
    """
    rows = [piece for row in rows_of(page) for piece in _bounded(page, row, rule.max_words)]
    chunks: list[Chunk] = []
    for start, end in _pack(page, rows, rule.max_words, rule.tiles or MAX_TILES):
        words = tuple(index for row in rows[start:end] for index in row.words)
        chunks.append(Chunk(len(chunks), union([row.box for row in rows[start:end]]), words, rule.strategy.value))
    return chunks


def _bounded(page: Page, row: ReadingRow, most: int) -> list[ReadingRow]:
    """The row in pieces of at most ``most`` words."""
    if len(row.words) <= most:
        return [row]
    pieces = [row.words[start:start + most] for start in range(0, len(row.words), most)]
    return [replace(row, words=piece, box=union([page.words[index].box for index in piece])) for piece in pieces]


def _pack(page: Page, rows: Sequence[ReadingRow], most: int, tiles: int) -> list[tuple[int, int]]:
    """The cheapest way to pack consecutive rows, as (start, end) of each chunk.

    Dynamic programming over where a chunk ends: ``cheapest[end]`` is the least cost of packing ``rows[:end]``.
    """
    centers = np.array([word.box.center for word in page.words], dtype=np.float64).reshape(-1, 2)
    heights = [np.array([page.words[index].box.height for index in row.words]) for row in rows]
    cuts = _cut_costs(page, rows)
    cheapest = [0.0, *[float("inf")] * len(rows)]
    begins = [0] * (len(rows) + 1)
    for start in range(len(rows)):
        box, words, seen = rows[start].box, 0, np.empty(0, dtype=np.int64)
        for end in range(start + 1, len(rows) + 1):
            row = rows[end - 1]
            words += len(row.words)
            if words > most and end > start + 1:
                break
            box = union((box, row.box))
            seen = np.concatenate((seen, heights[end - 1]))
            prompt, scale = crop_cost(box.width, box.height, tiles)
            illegible = int(np.count_nonzero(seen * scale < np.minimum(seen, LEGIBLE_PX)))
            if illegible > HOPELESS * words and end > start + 1:
                break
            shown = _inside(centers, box)
            cost = cheapest[start] + prompt + ILLEGIBLE_WORD * illegible + FOREIGN_WORD * (shown - words) + cuts[end]
            if cost < cheapest[end]:
                cheapest[end], begins[end] = cost, start
    found: list[tuple[int, int]] = []
    end = len(rows)
    while end:
        found.append((begins[end], end))
        end = begins[end]
    return found[::-1]


def _inside(centers: np.ndarray, box: Box) -> int:
    x, y = centers[:, 0], centers[:, 1]
    return int(np.count_nonzero((x >= box.x0) & (x < box.x1) & (y >= box.y0) & (y < box.y1)))


def _cut_costs(page: Page, rows: Sequence[ReadingRow]) -> list[float]:
    """What it costs to cut before row i; nothing before the first, after the last and between columns, most within a table."""
    height = line_height(page)
    costs = [0.0] * (len(rows) + 1)
    for index in range(1, len(rows)):
        if rows[index].column == rows[index - 1].column:
            above, below = rows[index - 1], rows[index]
            gap = (below.box.y0 - above.box.y1) / height
            if below.table is not None and below.table == above.table:
                costs[index] = ROW_CUT if below.table_row == above.table_row else TABLE_CUT
            else:
                tight = TIGHT_CUT if below.table == above.table else TABLE_EDGE
                costs[index] = tight * min(1.0, max(0.0, 1 - gap / CLEAR_GAP))
    return costs


# What a crop costs a vision model, and how small the model sees it.
LEGIBLE_PX = 12         # height at which a word can be read; a smaller word must at least not shrink


@lru_cache(maxsize=65536)
def crop_cost(width: int, height: int, tiles: int = MAX_TILES) -> tuple[int, float]:
    """Prompt tokens of a crop of this size, and the scale (at most 1) at which Molmo2 sees it.

    Args:
        width: of the crop, pixels; filled up to the overlap of two tiles, at least, like the crop itself.
        height: likewise.
        tiles: most tiles that the model is to cut a crop into.
    """
    width, height = max(SHARED_SIDE, width), max(SHARED_SIDE, height)
    across, down = canvas(width, height, tiles)
    return tokens(width, height, tiles), min(1.0, across / width, down / height)


def is_legible(word_height: int, scale: float) -> bool:
    """Whether a word of this height in pixels can be read at ``scale``."""
    return word_height * scale >= min(LEGIBLE_PX, word_height)
