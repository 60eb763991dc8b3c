"""A page's words as rows in reading order, with columns of text kept apart.

A *row* is a line of words within one column; a form's label and its value, or the cells of a table's
row, are one row. All thresholds are multiples of the page's median line height, so order depends
neither on where the text stands on the page nor on its resolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from octavo.lines import Line, Segment, line_height, lines_of
from octavo.model import Box, Page

# A gutter between columns of text is at least this wide. Word spaces measure 0.3 to 0.7, a two-column paper's gutter 1.2 and more.
GUTTER = 0.9
# Text beside text is a column only from so many lines on, each of so many words on average: fewer words a line are
# labels and values, or the cells of a table, which belong together.
COLUMN_LINES = 4
COLUMN_WORDS = 3.0
# Lines of a column of text fill it; a table's cells do not.
COLUMN_FILL = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """Words of one line within one column, left to right: indices into ``Page.words``. ``column`` counts from 0."""

    words: tuple[int, ...]
    box: Box
    column: int


def rows_of(page: Page) -> list[Row]:
    """Every word of the page in exactly one row; rows in reading order."""
    rows: list[Row] = []
    for number, column in enumerate(_columns(page, list(range(len(page.words))), line_height(page))):
        rows.extend(Row(line.words, line.box, number) for line in _lines(page, column))
    return rows


def _lines(page: Page, indices: Sequence[int]) -> list[Line]:
    """The lines that some of the page's words make among themselves, with indices of the page."""
    part = replace(page, words=tuple(page.words[index] for index in indices))
    return [
        Line(tuple(replace(s, words=tuple(indices[word] for word in s.words)) for s in line.segments), line.box)
        for line in lines_of(part)
    ]


def _columns(page: Page, indices: list[int], height: float) -> list[list[int]]:
    """The words in blocks in reading order, cut along gutters that have columns of text on both sides."""
    pending, done = [indices], []
    while pending:
        block = pending.pop()
        parts = _split(_lines(page, block), height)
        if parts is None:
            done.append(block)
        else:
            pending.extend(part for part in reversed(parts) if part)
    return done


def _split(lines: Sequence[Line], height: float) -> tuple[list[int], ...] | None:
    """The words of ``lines`` as (above, left, right, below) the tallest gutter; None without one."""
    best: tuple[int, tuple[list[int], ...]] | None = None
    for x in _candidates(lines, height):
        for start, end in _free_runs(lines, x):
            run = lines[start:end]
            left = [[s for s in line.segments if s.box.x1 <= x] for line in run]
            right = [[s for s in line.segments if s.box.x0 >= x] for line in run]
            if not (_is_column(left) and _is_column(right)):
                continue
            gap = min(s.box.x0 for part in right for s in part) - max(s.box.x1 for part in left for s in part)
            tall = run[-1].box.y1 - run[0].box.y0
            if gap >= GUTTER * height and (best is None or tall > best[0]):
                above, below = ([i for line in part for i in line.words] for part in (lines[:start], lines[end:]))
                best = tall, (above, _words(left), _words(right), below)
    return best[1] if best else None


def _candidates(lines: Sequence[Line], height: float) -> list[float]:
    """Where a gutter may run: the middles of gaps that several lines have at about the same place."""
    gaps: dict[int, list[float]] = {}
    for line in lines:
        for one, two in pairwise(line.segments):
            middle = (one.box.x1 + two.box.x0) / 2
            gaps.setdefault(round(middle / height), []).append(middle)
    return [median(middles) for _, middles in sorted(gaps.items())]


def _free_runs(lines: Sequence[Line], x: float) -> Iterator[tuple[int, int]]:
    """Runs of lines, as (start, end), of which no segment crosses ``x``."""
    start = 0
    for index, line in enumerate(lines):
        if any(s.box.x0 < x < s.box.x1 for s in line.segments):
            yield start, index
            start = index + 1
    yield start, len(lines)


def _is_column(parts: Sequence[Sequence[Segment]]) -> bool:
    """Whether one side of a gutter is text that was set as a column, line by line."""
    kept = [part for part in parts if part]
    if len(kept) < COLUMN_LINES:
        return False
    widths = [part[-1].box.x1 - part[0].box.x0 for part in kept]
    words = [sum(len(s.words) for s in part) for part in kept]
    whole = max(part[-1].box.x1 for part in kept) - min(part[0].box.x0 for part in kept)
    return median(words) >= COLUMN_WORDS and median(widths) >= COLUMN_FILL * whole


def _words(parts: Sequence[Sequence[Segment]]) -> list[int]:
    return [index for part in parts for s in part for index in s.words]
