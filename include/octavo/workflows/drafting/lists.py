"""Lists that a page's grid shows: tables with a header and rows, as the columns of a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from octavo.extraction.rules.key_value_pairs import Pair
from octavo.model.contracts import Kind, Locale
from octavo.model.entities import Page
from octavo.page.grids import is_figure
from octavo.page.labels import LONGEST_LABEL
from octavo.page.lines import same_row
from octavo.page.tables import Cell, Table
from octavo.page.values import parser
from octavo.page.view import Printed, View

# Fewest columns with a header, and fewest rows that fill two columns where a list has no more of them.
LEAST_COLUMNS, LEAST_ROWS = 2, 2
LABEL_AND_VALUE = 2
# Words of two columns begin at most so far apart from where their header does, in line heights.
ALIGNED = 0.5
# More than this share of cells that end with a colon makes a form of a table.
FORM_SHARE = 0.2
_EDGE = " \t:;|=–—_*·>»"


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column as a page shows it: its header, and the texts of its cells by row, from 0."""

    label: str
    texts: dict[int, str]


@dataclass(frozen=True, slots=True)
class PageList:
    """A table with a header and items.

    ``sums`` are the labels and figures of the rows below its last item that fill fewer columns than items do; ``words`` are all but theirs.
    """

    columns: tuple[ListColumn, ...]
    words: frozenset[int]
    sums: tuple[Pair, ...] = ()


def lists_of(view: View) -> list[PageList]:
    """The lists of a page, from the top down; a form, whose cells are labels with their values, is none."""
    found = (_list_of(view.page, table, view.height) for table in view.tables)
    return [one for one in found if one is not None]


def _list_of(page: Page, table: Table, height: float) -> PageList | None:
    heads = _heads(table)
    texts = {cell: _text(page, cell.words) for cell in table.cells}
    body = [cell for cell in table.cells if cell.rows[0] >= table.header_rows]
    if any(is_figure(texts[head]) or texts[head].endswith(":") for head in heads) or not body:
        return None
    if sum(texts[cell].endswith(":") for cell in body) > FORM_SHARE * len(body):
        return None
    headed = [head for head in heads if any(map(str.isalpha, texts[head]))]
    body, sums = _items(body, table.figures)
    figures = {column for column in table.figures if any(head.columns[0] <= column <= head.columns[1] for head in headed)}
    if len(headed) < LEAST_COLUMNS or not figures:
        return None
    columns = []
    for head in headed:
        below = [cell for cell in body if head.columns[0] <= cell.columns[0] and cell.columns[1] <= head.columns[1]]
        columns += [_column(page, head.words, below)] if table.ruled else _columns(page, head, below, height)
    filled: dict[int, set[int]] = {}
    for cell in body:
        filled.setdefault(cell.rows[0], set()).add(cell.columns[0])
    columns = [column for column in columns if column.texts]
    if len(columns) < LEAST_COLUMNS or not any(len(own) > 1 and not own.isdisjoint(figures) for own in filled.values()):
        return None
    if len(columns) == LEAST_COLUMNS and not _is_pure(columns):
        return None
    totals = tuple(total for row in sums for total in _sum(page, row))
    return PageList(tuple(columns), table.words - {word for one in totals for word in (*one.key.words, *one.value.words)}, totals)


def _items(body: Sequence[Cell], figures: Set[int]) -> tuple[list[Cell], list[list[Cell]]]:
    """The cells of a table down to its last item, and the rows below it; an item fills more than half of the columns of most rows."""
    rows: dict[int, list[Cell]] = {}
    for cell in body:
        rows.setdefault(cell.rows[0], []).append(cell)
    counts = Counter(len(row) for row in rows.values() if any(cell.columns[0] in figures for cell in row))
    usual = max(counts, key=lambda count: (counts[count] * count, count), default=1)
    last = max((number for number, row in rows.items() if 2 * len(row) > usual), default=-1)
    return [cell for cell in body if cell.rows[0] <= last], [row for number, row in sorted(rows.items()) if number > last]


def _sum(page: Page, row: Sequence[Cell]) -> Iterator[Pair]:
    """A row of a label and a figure."""
    if len(row) == LABEL_AND_VALUE and not is_figure(_text(page, row[0].words)) and any(map(str.isdigit, _text(page, row[1].words))):
        yield Pair(*(Printed(_text(page, cell.words), cell.words) for cell in row))


def _is_pure(columns: Sequence[ListColumn]) -> bool:
    """Whether a table of two columns is a list rather than labels and their values: one is all amounts, or all dates, in several rows."""
    read = parser(Locale())
    for column in columns:
        for kind in (Kind.MONEY, Kind.DATE):
            if len(column.texts) >= LEAST_ROWS and all(read.parse(kind, text) is not None for text in column.texts.values()):
                return not any(map(str.isdigit, "".join(one.label for one in columns)))
    return False


def _heads(table: Table) -> list[Cell]:
    """The lowest cell of the header above each column, from the left."""
    found: dict[int, Cell] = {}
    for cell in table.cells:
        if cell.rows[1] < table.header_rows:
            for column in range(cell.columns[0], cell.columns[1] + 1):
                if column not in found or found[column].rows[1] < cell.rows[0]:
                    found[column] = cell
    return sorted(dict.fromkeys(found.values()), key=lambda cell: cell.columns)


def _columns(page: Page, head: Cell, below: Sequence[Cell], height: float) -> list[ListColumn]:
    """The columns under a header's cell: two where a word in the first line of all cells below begins where one of the header does."""
    for at in range(1, len(head.words)):
        box = page.words[head.words[at]].box
        if not same_row(box, page.words[head.words[0]].box) or len(below) < LEAST_ROWS:
            break
        if all(any(abs(page.words[word].box.x0 - box.x0) <= ALIGNED * height for word in _first_line(page, cell)[1:]) for cell in below):
            edge = box.x0 - ALIGNED * height
            left = [[word for word in cell.words if page.words[word].box.x0 < edge] for cell in below]
            right = [[word for word in cell.words if page.words[word].box.x0 >= edge] for cell in below]
            rows = [cell.rows[0] for cell in below]
            return [_of(page, head.words[:at], rows, left), _of(page, head.words[at:], rows, right)]
    return [_column(page, head.words, below)]


def _first_line(page: Page, cell: Cell) -> list[int]:
    return [word for word in cell.words if same_row(page.words[word].box, page.words[cell.words[0]].box)]


def _column(page: Page, head: Sequence[int], below: Sequence[Cell]) -> ListColumn:
    return _of(page, head, [cell.rows[0] for cell in below], [cell.words for cell in below])


def _of(page: Page, head: Sequence[int], rows: Sequence[int], words: Sequence[Sequence[int]]) -> ListColumn:
    texts: dict[int, str] = {}
    for row, own in zip(rows, words, strict=True):
        if own:
            texts[row] = " ".join(filter(None, [texts.get(row, ""), _text(page, own)]))
    return ListColumn(_label(page, head), texts)


def _label(page: Page, words: Sequence[int]) -> str:
    """What a header's cell is found by: its text, or its first line where that is more than a label has."""
    if len(words) > LONGEST_LABEL:
        first = page.words[words[0]].box
        words = [word for word in words if page.words[word].box.y0 < first.y1][:LONGEST_LABEL]
    return _text(page, words).strip(_EDGE)


def _text(page: Page, words: Sequence[int]) -> str:
    return " ".join(page.words[word].text for word in words)
