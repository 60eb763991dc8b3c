"""The tables of a page, found from the page alone: where its words stand and which lines are drawn, whatever a contract asks for.

Rulings that close boxes give a table's cells (``page.ruled_tables``); elsewhere rows whose pieces stand below each other do
(``page.open_tables``). Nothing is decided by words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from octavo.model.entities import Box, Page, union
from octavo.page import open_tables, ruled_tables
from octavo.page.grids import Grid
from octavo.page.level import levelled, unlevelled
from octavo.page.lines import Line, Segment, lines_of

# A header's cell of more words is a text.
HEADER_WORDS = 16


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with text.

    ``words`` are indices into ``Page.words`` as they are read; ``rows`` and ``columns`` the first and the last that it covers, from 0.
    """

    words: tuple[int, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    box: Box


@dataclass(frozen=True, slots=True)
class Table:
    """A grid of rows and columns.

    ``xs`` and ``ys`` are the edges of its columns and rows, one more than there are of them, in pixels of the levelled page
    (``page.level.levelled``); ``box`` and the cells' boxes are in pixels of the page itself. ``header_rows`` is how many rows at the top
    head the columns, 0 where none is told apart. ``figures`` are the columns that hold numbers, amounts or dates, most of them.
    ``ruled`` says whether lines close its cells. ``cells`` come row by row, from left to right; every word is in one cell at most.
    """

    box: Box
    xs: tuple[int, ...]
    ys: tuple[int, ...]
    header_rows: int
    figures: frozenset[int]
    ruled: bool
    cells: tuple[Cell, ...]

    @property
    def words(self) -> frozenset[int]:
        return frozenset(word for cell in self.cells for word in cell.words)

    def row(self, number: int) -> Iterator[Cell]:
        """The cells that cover a row, from left to right."""
        return (cell for cell in self.cells if cell.rows[0] <= number <= cell.rows[1])


def tables_of(page: Page, lines: Sequence[Line] | None = None) -> tuple[Table, ...]:
    """The tables of a page, from the top down, then from the left.

    Args:
        page: with its rulings, skewed or not.
        lines: those of the levelled page (``page.lines.lines_of``), where they are at hand.

    Returns:
        Tables of two columns or more. A word is in one table at most; a page without tables has none.
    """
    level = levelled(page)
    found = level_tables(level, lines_of(level) if lines is None else lines)
    return found if level is page else tuple(_shown(page, table) for table in found)


def level_tables(page: Page, lines: Sequence[Line]) -> tuple[Table, ...]:
    """As ``tables_of`` for a page that is level; all boxes are in its own pixels."""
    if not page.words:
        return ()
    ruled = ruled_tables.find(page, lines)
    taken = frozenset(word for grid in ruled for cell in grid.cells for word in cell.words)
    found = [_table(grid, True) for grid in ruled] + [_table(grid, False) for grid in open_tables.find(page, lines, taken)]
    return tuple(sorted(found, key=lambda table: (table.ys[0], table.xs[0])))


def rows_below(page: Page, lines: Sequence[Line], xs: Sequence[int] | None = None) -> Table | None:
    """Lines of a level page as a table: the first heads it, and what follows are its rows, however few they are.

    Args:
        page: level.
        lines: the header and the lines below it.
        xs: the edges of the columns, of a table that goes on here without a header; None to find them.

    Returns:
        None where the lines make no two columns.
    """
    grid = open_tables.forced(page, lines, xs)
    return _table(grid, False) if grid else None


def grouped_headers(page: Page, tables: Sequence[Table]) -> Iterator[Segment]:
    """The headers of columns with those of the groups over them, as they are read: "Fish" over "2024" and "2025"."""
    for table in tables:
        heads = [cell for cell in table.cells if cell.rows[0] < max(1, table.header_rows) and len(cell.words) <= HEADER_WORDS]
        for cell in heads:
            over = [up for up in heads if up.rows[1] < cell.rows[0] and up.columns != cell.columns
                    and up.columns[0] <= cell.columns[0] and cell.columns[1] <= up.columns[1]]
            for first in range(len(over)):
                words = (*(word for up in over[first:] for word in up.words), *cell.words)
                yield Segment(words, union(page.words[word].box for word in words), " ".join(page.words[word].text for word in words))


def header_elsewhere(page: Page, tables: Sequence[Table], words: Collection[int]) -> str:
    """What heads the columns of tables that words of a page belong to, where it is not among them: cells from the left, ``|`` between.

    Args:
        page: skewed or not.
        tables: all of the page's.
        words: indices into ``Page.words``, of a part of the page.
    """
    held, found = set(words), []
    for table in tables:
        heads = sorted((cell for cell in table.cells if cell.rows[1] < table.header_rows), key=lambda cell: (cell.columns[0], cell.rows[0]))
        own = {word for cell in heads for word in cell.words}
        if not held.isdisjoint(table.words - own) and not held >= own:
            found += [" ".join(page.words[word].text for word in cell.words) for cell in heads]
    return " | ".join(found)


def _table(grid: Grid, ruled: bool) -> Table:
    cells = tuple(
        Cell(cell.words, cell.rows, cell.columns, Box(
            grid.xs[cell.columns[0]], grid.ys[cell.rows[0]], grid.xs[cell.columns[1] + 1], grid.ys[cell.rows[1] + 1]))
        for cell in grid.cells
    )
    return Table(Box(grid.xs[0], grid.ys[0], grid.xs[-1], grid.ys[-1]), grid.xs, grid.ys, grid.header_rows, grid.figures, ruled, cells)


def _shown(page: Page, table: Table) -> Table:
    """A table of the levelled page with its boxes where they lie on the page itself."""
    cells = tuple(replace(cell, box=unlevelled(page, cell.box)) for cell in table.cells)
    return replace(table, box=unlevelled(page, table.box), cells=cells)
