"""The tables of a page, found from the page alone: where its words stand and which lines are drawn, whatever a contract asks for.

Rulings that close boxes give a table's cells (``page.ruled_tables``); elsewhere rows whose pieces stand below each other do
(``page.open_tables``). Nothing is decided by words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from octavo.model.entities import Box, Page
from octavo.page import open_tables, ruled_tables
from octavo.page.grids import Grid
from octavo.page.level import levelled, unlevelled
from octavo.page.lines import Line, lines_of


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
    head the columns, 0 where none is told apart. ``cells`` come row by row, from left to right; every word is in one cell at most.
    """

    box: Box
    xs: tuple[int, ...]
    ys: tuple[int, ...]
    header_rows: int
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
    if not level.words:
        return ()
    lines = lines_of(level) if lines is None else lines
    ruled = ruled_tables.find(level, lines)
    taken = frozenset(word for grid in ruled for cell in grid.cells for word in cell.words)
    found = [_table(page, level, grid) for grid in [*ruled, *open_tables.find(level, lines, taken)]]
    return tuple(sorted(found, key=lambda table: (table.ys[0], table.xs[0])))


def _table(page: Page, level: Page, grid: Grid) -> Table:
    turned = page if page is level else None

    def shown(box: Box) -> Box:
        return box if turned is None else unlevelled(page, box)

    cells = tuple(
        Cell(cell.words, cell.rows, cell.columns, shown(Box(
            grid.xs[cell.columns[0]], grid.ys[cell.rows[0]], grid.xs[cell.columns[1] + 1], grid.ys[cell.rows[1] + 1])))
        for cell in grid.cells
    )
    return Table(shown(Box(grid.xs[0], grid.ys[0], grid.xs[-1], grid.ys[-1])), grid.xs, grid.ys, grid.header_rows, cells)
