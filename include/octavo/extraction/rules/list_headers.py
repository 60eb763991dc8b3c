"""The headers of a list: the rows of a page's tables and lines that name its columns."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from octavo.model.contracts import FieldSpec
from octavo.page import typed
from octavo.page.labels import Label
from octavo.page.lines import Line
from octavo.page.tables import Cell, Table, rows_below
from octavo.page.values import TEXTUAL
from octavo.page.view import View

# Fewest columns of a header row that must be labelled.
LEAST_COLUMNS = 2
# Gap below a row that ends the table, in line heights.
TABLE_GAP = 6.0


@dataclass(frozen=True, slots=True)
class HeadedColumn:
    """A field's column: where its header stands, and ``over`` which of the table's columns, the first and the last."""

    name: str
    spec: FieldSpec
    x0: int
    x1: int
    y0: int
    over: tuple[int, int]

    @property
    def is_text(self) -> bool:
        return self.spec.type in TEXTUAL


def headed(view: View, path: str, spec: FieldSpec) -> list[tuple[Table, int, list[HeadedColumn]]]:
    """The headers of the list on a page, from the top down: their table, the first row below, and the fields' columns.

    Where a line has the labels of a header and no table does, it and the lines below it are taken for one.
    """
    found: list[tuple[Table, int, list[HeadedColumn]]] = []
    taken: set[int] = set()
    for table in view.tables:
        heads = _headers(view, table, path, spec)
        if heads and not table.ruled and _above(view, table, heads[0]):
            continue  # its columns are found anew, without what stands above its header
        found += ((table, row, columns) for row, columns in heads)
        taken |= table.words if heads else set()
    number = 0
    while number < len(view.lines):
        line = view.lines[number]
        if taken.isdisjoint(line.words) and labels_in(view, path, spec, frozenset(line.words)) is not None:
            below = [line, *near(view, number)]
            made = rows_below(view.page, [one for one in below if taken.isdisjoint(one.words)])
            heads = _headers(view, made, path, spec) if made else []
            if made and heads:
                found += ((made, row, columns) for row, columns in heads)
                taken |= made.words
        number += 1
    return sorted(found, key=lambda one: (one[0].ys[one[1] - 1], one[0].xs[0]))


def _above(view: View, table: Table, head: tuple[int, list[HeadedColumn]]) -> bool:
    """Whether lines of a table lie wholly above the labels of its header."""
    row, columns = head
    top = min(column.y0 for column in columns)
    return any(cell.rows[1] < row and max(view.page.words[word].box.y1 for word in cell.words) <= top for cell in table.cells)


def labels_in(view: View, path: str, spec: FieldSpec, words: Set[int], header: bool = False) -> dict[str, Label] | None:
    """The labels of a list's columns among some words; None for too few, or where amounts stand among what may be no ``header``."""
    paths = {f"{path}[].{name}": name for name in spec.fields}
    printed: dict[str, list[Label]] = {}
    for of, label in (one for word in words for one in view.column_labels.get(word, ())):
        if of in paths:
            printed.setdefault(paths[of], []).append(label)
    longer = [frozenset(label.words) for labels in printed.values() for label in labels]
    found: dict[str, Label] = {}
    for name in spec.fields:
        whole = [label for label in printed.get(name, ()) if not any(other > frozenset(label.words) for other in longer)]
        if whole:
            found[name] = min(whole, key=lambda label: (-len(label.name), label.box.x0, label.words))
    if len(found) < min(LEAST_COLUMNS, len(spec.fields)):
        return None
    return None if not header and typed.has_amount(" ".join(view.page.words[word].text for word in sorted(words)), view.locale) else found


def _headers(view: View, table: Table, path: str, spec: FieldSpec) -> list[tuple[int, list[HeadedColumn]]]:
    """The rows of a table that name the list's columns, and those columns; the rows at its top that head it are one."""
    found = []
    begin: dict[int, list[Cell]] = {}
    for cell in table.cells:
        begin.setdefault(cell.rows[0], []).append(cell)
    row, count = 0, len(table.ys) - 1
    while row < count:
        last = table.header_rows - 1 if row < table.header_rows else row
        cells = [cell for number in range(row, last + 1) for cell in begin.get(number, ())]
        labels = labels_in(view, path, spec, {word for cell in cells for word in cell.words}, last > row)
        if labels is None and last > row:  # lines above the header that are none of it
            cells = [cell for cell in cells if cell.rows[1] == last]
            labels = labels_in(view, path, spec, {word for cell in cells for word in cell.words})
        if labels is not None:
            found.append((last + 1, _columns(table, cells, labels, spec)))
        row = last + 1
    return found


def _columns(table: Table, cells: Sequence[Cell], labels: dict[str, Label], spec: FieldSpec) -> list[HeadedColumn]:
    """The fields' columns. Columns that no header names belong to the texts to their left."""
    cell_of = {word: cell for cell in cells for word in cell.words}
    headed = {column for cell in cells for column in range(cell.columns[0], cell.columns[1] + 1)}
    found = []
    for name, label in labels.items():
        first, last = cell_of[label.words[-1]].columns
        box = label.box
        while spec.fields[name].type in TEXTUAL and last + 2 < len(table.xs) and last + 1 not in headed | table.figures:
            last += 1
        found.append(HeadedColumn(name, spec.fields[name], box.x0, box.x1, box.y0, (first, last)))
    return sorted(found, key=lambda column: (column.x0, column.name))


def near(view: View, header: int) -> list[Line]:
    """The lines below a header, to the first one behind a gap that no table has."""
    below = view.lines[header + 1 :]
    far = (n for n, (upper, lower) in enumerate(pairwise(below), 1) if lower.box.y0 - upper.box.y1 > TABLE_GAP * view.height)
    return list(below[: next(far, len(below)) + 1])
