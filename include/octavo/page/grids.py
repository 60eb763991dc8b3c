"""What both ways of finding tables share: pieces of lines in columns, rows made of lines, and what a cell's text looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from octavo.model.entities import Box, Page, union
from octavo.page.lines import as_read

# More than this share of a figure's letters and digits are digits: "EUR 1,200.00", "2 May 2026" and "125 kg" are, "No. 17" is none.
DIGITS = 0.5
DASHES = frozenset("-–—−‐‑.*·")
# A column of figures: least share of its cells that are.
FIGURE_COLUMN = 0.6
# A line goes on with the cell above it where the gap between them is at most this much, in line heights.
WRAPPED_GAP = 0.8


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one line that stand in one column, or across several: ``first`` to ``last``."""

    words: tuple[int, ...]
    box: Box
    first: int
    last: int
    figure: bool


@dataclass(frozen=True, slots=True)
class GridCell:
    words: tuple[int, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table on the levelled page: edges of its columns and rows, rows of its header, and its cells with text, row by row."""

    xs: tuple[int, ...]
    ys: tuple[int, ...]
    header_rows: int
    figures: frozenset[int]
    cells: tuple[GridCell, ...]


def piece(page: Page, words: Sequence[int], first: int, last: int) -> Piece:
    text = "".join(page.words[index].text for index in words)
    return Piece(as_read(page.words, words), union(page.words[index].box for index in words), first, last, is_figure(text))


def is_figure(text: str) -> bool:
    """Whether a text is a number, an amount, a date, a share or a dash that stands for one, by its characters alone."""
    signs = [c for c in text if c.isalnum()]
    if not signs:
        return bool(text) and all(c in DASHES for c in text)
    return sum(c.isdigit() for c in signs) > DIGITS * len(signs)


def figure_columns(rows: Sequence[Sequence[Piece]]) -> frozenset[int]:
    """The columns most of whose pieces are figures."""
    figures: dict[int, int] = {}
    counts: dict[int, int] = {}
    for one in (part for row in rows for part in row if part.first == part.last):
        counts[one.first] = counts.get(one.first, 0) + 1
        figures[one.first] = figures.get(one.first, 0) + one.figure
    return frozenset(column for column, count in counts.items() if figures[column] >= FIGURE_COLUMN * count)


def stacked(groups: Sequence[Sequence[Piece]], parted: Callable[[int, Piece], bool]) -> list[GridCell]:
    """Cells of a header: pieces below each other with the same columns are one, unless a line parts them.

    ``groups`` are the header's lines; ``parted(line, piece)`` whether a ruling lies above the piece. Rows are lines.
    """
    open_cells: dict[tuple[int, int], list[tuple[int, Piece]]] = {}
    done: list[list[tuple[int, Piece]]] = []
    for number, line in enumerate(groups):
        for part in line:
            span = (part.first, part.last)
            above = open_cells.get(span)
            for other in [s for s in open_cells if s[0] <= part.last and part.first <= s[1] and (s != span or parted(number, part))]:
                done.append(open_cells.pop(other))
            if above and span in open_cells:
                above.append((number, part))
            else:
                open_cells[span] = [(number, part)]
    done += open_cells.values()
    return [
        GridCell(tuple(word for _, part in cell for word in part.words), (cell[0][0], cell[-1][0]), (cell[0][1].first, cell[0][1].last))
        for cell in done
    ]


def compressed(cells: Sequence[GridCell], rows: int) -> tuple[list[GridCell], list[int]]:
    """Cells whose rows are lines, with as few rows as keep those apart that stand above each other.

    Returns:
        The cells, and for each line the number of its row.
    """
    by_column: dict[int, list[tuple[int, int]]] = {}
    for cell in cells:
        for column in range(cell.columns[0], cell.columns[1] + 1):
            by_column.setdefault(column, []).append(cell.rows)
    needed = []
    for spans in by_column.values():
        spans.sort()
        needed += [(upper[1], lower[0]) for upper, lower in pairwise(spans)]
    cuts: list[int] = []  # a cut at n lies between lines n - 1 and n
    for upper, lower in sorted(needed, key=lambda pair: pair[1]):
        if not cuts or cuts[-1] <= upper:
            cuts.append(lower)
    row_of, number = [], 0
    for line in range(rows):
        if number < len(cuts) and line >= cuts[number]:
            number += 1
        row_of.append(number)
    return [GridCell(cell.words, (row_of[cell.rows[0]], row_of[cell.rows[1]]), cell.columns) for cell in cells], row_of




def header_rows(rows: Sequence[Sequence[Piece]], numbers: Sequence[int]) -> int:
    """How many rows head a table: those above the first that has figures in half of the columns of figures that it fills; 1 where none has.

    Figures right below a heading over several columns, such as years, are still of the header.

    Args:
        rows: the pieces of each row.
        numbers: the rows' numbers.
    """
    columns = figure_columns(rows[len(rows) // 2 :])  # a header may have as many lines as the table has rows
    above: list[Piece] = []  # pieces of the row above, which is of the header, that head several columns together
    headed: set[int] = set()  # columns with a heading of their own: what goes over them below it heads no group
    for row, number in zip(rows, numbers, strict=True):
        filled = [part.figure for part in row if part.first == part.last and part.first in columns]
        under_group = any(sum(over.first <= part.first and part.last <= over.last for part in row) > 1 for over in above)
        if filled and 2 * sum(filled) >= len(filled) and not under_group:
            return number
        above = [part for part in row if part.first < part.last and len(headed & set(range(part.first, part.last + 1))) < 2]
        headed |= {part.first for part in row if part.first == part.last}
    return 1 if len(rows) > 1 else 0
