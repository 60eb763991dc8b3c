"""Line items: a header row with the labels of a list's columns, and the rows below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise, takewhile

from octavo.extraction.rules.list_headers import LEAST_COLUMNS, TABLE_GAP, HeadedColumn, headed, labels_in, near
from octavo.extraction.rules.plain_lists import plain_values
from octavo.extraction.rules.running_text import headings, paragraphs
from octavo.model.contracts import CHOSEN, PLAIN, FieldSpec, Kind, Place
from octavo.model.entities import union
from octavo.model.lexicon import SUMS, current
from octavo.page import choices, lines, typed
from octavo.page.lines import Line
from octavo.page.tables import Cell, Table, rows_below
from octavo.page.values import TEXTUAL
from octavo.page.view import Printed, View, trimmed

# A gap this many times the widest between the rows so far ends the table, unless another row follows.
GAP_RATIO = 1.5
# A table whose rows end at a gap below this share of the page's height (a footer follows) goes on over the page.
PAGE_END = 0.85

SIDES = 0.3        # of a character's width is the room beside its ink, which a word's box lacks at both ends
FILLED_SHARE = 0.8  # of a table's rows fill a column that each of its items has to fill
FIGURES = (Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.DATE)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One item: what its columns print."""

    values: dict[str, Printed]

    @property
    def first(self) -> int:
        """The word that comes first of all its words."""
        return next(iter(self.values.values())).words[0]


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a table: the words that stand in each of its columns, and over several. ``ruled``: lines part it from its neighbours."""

    cells: tuple[Cell, ...]
    y0: int
    y1: int
    text: str
    ruled: bool


@dataclass(frozen=True, slots=True)
class _Carried:
    """A table that may go on over the page: the fields' columns, and the edges of all of its columns."""

    columns: tuple[HeadedColumn, ...]
    xs: tuple[int, ...]


def rows(views: Sequence[View], path: str, spec: FieldSpec) -> list[list[TableRow]]:
    """The list's rows on each of a document's pages, top to bottom.

    A table that reaches a page's end goes on at the top of the next, with its header repeated or not, unless the
    contract says that every page has its own (``continues``).
    """
    if spec.of is not None:
        return [[TableRow({PLAIN: value}) for value in plain_values(view, path, spec)] for view in views]
    if spec.rows == "left":
        return [_turned(view, path, spec) for view in views]
    found: list[list[TableRow]] = []
    carried: _Carried | None = None
    for view in views:
        on_page: list[TableRow] = []
        heads = headed(view, path, spec)
        if not spec.continues:
            carried = None
        if carried and not heads:
            on_page, carried = _going_on(view, carried, path, spec)
        if not heads and not on_page and not carried:
            turned = [] if spec.rows == "top" else _turned(view, path, spec)
            on_page = turned or _sections(view, path, spec) or _running_text(view, spec)
        others = frozenset(word for table, _, _ in heads for word in table.words)
        for table, row, columns in heads:
            lines = _lines(view, table, row) + (() if table.ruled else _beyond(view, table, others))
            below, carried = _rows_below(view, lines, _Carried(tuple(columns), table.xs), path, spec)
            on_page += below
        found.append(on_page)
    return found


def _lines(view: View, table: Table, first: int) -> tuple[_Line, ...]:
    """The rows of a table from ``first`` on; rows that one cell at the left stands beside are one."""
    joined = {row for cell in table.cells if cell.columns[0] == 0 for row in range(cell.rows[0] + 1, cell.rows[1] + 1)}
    starts: list[list[int]] = []
    for row in range(first, len(table.ys) - 1):
        if row in joined and starts:
            starts[-1].append(row)
        else:
            starts.append([row])
    group_of = {row: n for n, group in enumerate(starts) for row in group}
    cells: list[list[Cell]] = [[] for _ in starts]
    for cell in table.cells:
        if cell.rows[0] >= first:
            cells[group_of[cell.rows[0]]].append(cell)
    found = []
    for held in cells:
        words = [word for cell in held for word in cell.words]
        if words:
            box = union(view.page.words[word].box for word in words)
            y0, y1 = (table.ys[held[0].rows[0]], table.ys[max(cell.rows[1] for cell in held) + 1]) if table.ruled else (box.y0, box.y1)
            by_place = sorted(words, key=lambda word: (view.line_of[word], view.page.words[word].box.x0))
            found.append(_Line(tuple(held), y0, y1, " ".join(view.page.words[word].text for word in by_place), table.ruled))
    return tuple(found)


def _beyond(view: View, table: Table, others: Set[int]) -> tuple[_Line, ...]:
    """The lines below a table's last row, to the next table or a gap that no table has: they may be rows of another shape."""
    last = max(view.line_of[word] for word in table.words)
    below = list(takewhile(lambda line: others.isdisjoint(line.words), near(view, last)))
    if below and below[0].box.y0 - view.lines[last].box.y1 > TABLE_GAP * view.height:
        return ()
    goes_on = rows_below(view.page, below, table.xs) if below else None
    return _lines(view, goes_on, 0) if goes_on else ()


def _rows_below(
    view: View, lines: Sequence[_Line], table: _Carried, path: str, spec: FieldSpec,
) -> tuple[list[TableRow], _Carried | None]:
    """The items among a table's rows until totals, another header or a wide gap, and its columns if the page ended first.

    A line without a number or amount goes on with the row above it: a description over two lines. Words of sums make no row of a sum
    where it fills as many columns with figures as the table's rows do, as an item called "Net curtain" does. A sum that other rows
    follow is passed over, and so is one that is carried over the page.
    """
    found: list[TableRow] = []
    widest = view.height
    columns = table.columns
    bottom = lines[0].y0 if lines else 0
    read = [_row(view, line, columns) for line in lines]
    usual = _usual_shape(lines, read, columns)
    last = max((number for number, row in enumerate(read) if usual.fits(row, columns)), default=-1)
    for number, (line, row) in enumerate(zip(lines, read, strict=True)):
        gap = line.y0 - bottom
        # after a wider gap than between the rows so far only another row belongs to the table
        parted = len(found) > 1 and gap > GAP_RATIO * widest and (row is None or not _has_figures(row, columns) or len(row.values) < 2)
        sums = _is_sum(line.text) and not usual.fits(row, columns)
        goes_on = sums and number < last
        words = frozenset(word for cell in line.cells for word in cell.words)
        if labels_in(view, path, spec, words) is not None:
            return found, None
        heads = any(view.line_of[word] in view.heading_lines for word in words)
        if gap > TABLE_GAP * view.height or parted or heads or (sums and not goes_on):
            carried = current().begins(line.text, "carries") or (not sums and line.y0 > PAGE_END * view.page.height)
            return found, table if carried and found else None
        widest, bottom = max(widest, gap), line.y1
        if sums or row is None:
            continue
        if _has_figures(row, columns):
            found.append(row)
        elif found and not line.ruled:
            found[-1] = _joined(found[-1], row, columns)
    follower = next((line for line in view.lines if line.box.y0 >= bottom), None)
    ends_page = follower is None or follower.box.y0 > PAGE_END * view.page.height
    return found, table if found and ends_page else None


def _going_on(view: View, carried: _Carried, path: str, spec: FieldSpec) -> tuple[list[TableRow], _Carried | None]:
    """Rows at the top of a page of a table that began on the page before."""
    lines = [*view.lines[:1], *near(view, 0)] if view.lines else []
    table = rows_below(view.page, lines, carried.xs) if lines else None
    return _rows_below(view, _lines(view, table, 0), carried, path, spec) if table else ([], carried)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What most rows of a table fill: so many columns with figures, and these columns."""

    figures: int
    filled: frozenset[str]

    def fits(self, row: TableRow | None, columns: Sequence[HeadedColumn]) -> bool:
        """Whether a row has the shape of an item, with a text."""
        if row is None or not self.filled <= row.values.keys():
            return False
        return _figures(row, columns) >= self.figures and len(row.values) > _figures(row, columns)


def _usual_shape(lines: Sequence[_Line], read: Sequence[TableRow | None], columns: Sequence[HeadedColumn]) -> _Shape:
    """The shape of the rows whose line does not begin with a word of sums; at least two columns with figures."""
    items = [
        row for line, row in zip(lines, read, strict=True)
        if row is not None and _has_figures(row, columns) and not _is_sum(line.text)
    ]
    figures = Counter(_figures(row, columns) for row in items)
    usual = max(2, max(figures, key=lambda count: (figures[count], count), default=2))
    whole = [row for row in items if _figures(row, columns) >= usual]
    filled = Counter(name for row in whole for name in row.values)
    return _Shape(usual, frozenset(name for name, count in filled.items() if count >= FILLED_SHARE * len(whole)))


def _is_sum(text: str) -> bool:
    """Whether a line begins with a word of sums, "Total", or of what is carried over, "Brought forward"."""
    return current().begins(text, *SUMS)


def _row(view: View, line: _Line, columns: Sequence[HeadedColumn]) -> TableRow | None:
    cells = _cells(view, line, columns)
    values: dict[str, Printed] = {}
    for column in columns:
        words = _with_mark(view, cells.get(column.name, []), column.spec)
        value = _wrapped(view, line, words, column.spec) or _value(view, words, column.spec)
        if value is not None:
            values[column.name] = value
    return TableRow(values) if values else None


def _wrapped(view: View, line: _Line, words: Sequence[int], spec: FieldSpec) -> Printed | None:
    """An identifier whose cell has no room for another character in each line but the last; None for anything else."""
    boxes = [view.page.words[word].box for word in words]
    if spec.type is not Kind.IDENTIFIER or not line.ruled or len({view.line_of[word] for word in words}) < max(2, len(words)):
        return None
    cell = next(cell.box for cell in line.cells if words[0] in cell.words)
    texts = [view.page.words[word].text for word in words]
    edge = cell.x1 - max(0, boxes[0].x0 - cell.x0)  # the margin at the right is that at the left
    full = all(box.x1 + box.width / (len(text) - SIDES) >= edge for box, text in zip(boxes[:-1], texts, strict=False))
    return Printed("".join(texts), tuple(words)) if full else None


def _with_mark(view: View, words: list[int], spec: FieldSpec) -> list[int]:
    """A cell's words, with a mark of the field that stands right behind them in a column of its own."""
    line = view.lines[view.line_of[words[-1]]].words if spec.marks and words else ()
    at = line.index(words[-1]) + 1 if line else 0
    text = view.page.words[line[at]].text.casefold().rstrip(".") if 0 < at < len(line) else ""
    own = spec.marks and text in {mark.casefold().rstrip(".") for mark in (*spec.marks.plus, *spec.marks.minus)}
    return [*words, line[at]] if own else words


def _value(view: View, words: Sequence[int], spec: FieldSpec) -> Printed | None:
    """What a cell's words print of a field's type; None for nothing."""
    if spec.type in TEXTUAL:
        cut = trimmed(view.page, words)
        return cut.printed if cut else None
    if spec.type in CHOSEN:
        text = " ".join(view.page.words[i].text for i in words)
        return Printed(text, tuple(words)) if words and choices.read(spec, text, view.locale) is not None else None
    match = next(iter(typed.values(typed.Run(view.page, words), spec, view.locale)), None)
    return Printed(match.text, match.words) if match else None


def _cells(view: View, line: _Line, columns: Sequence[HeadedColumn]) -> dict[str, list[int]]:
    """The words of a row by field: those of the table's columns that a field's header stands over.

    Where the headers of several fields do, and words go on over several columns, each word is that of the nearest header, but for words
    that go on with a text before them. Where lines part the table, what stands below a field's first cell in the same item is not its own.
    """
    cells: dict[str, list[int]] = {}
    began: dict[str, int] = {}
    for cell in line.cells:
        over = [column for column in columns if column.over[0] <= cell.columns[1] and cell.columns[0] <= column.over[1]]
        if line.ruled:
            over = [column for column in over if began.setdefault(column.name, cell.rows[0]) == cell.rows[0]]
        if len(over) == 1:
            cells.setdefault(over[0].name, []).extend(cell.words)
        elif over:
            for name, words in _shared(view, cell.words, over).items():
                cells.setdefault(name, []).extend(words)
    return cells


def _shared(view: View, words: Sequence[int], columns: Sequence[HeadedColumn]) -> dict[str, list[int]]:
    """Words under several headers by the field of the nearest.

    A text goes on over the headers of figures, and a date of several words is one cell's, however narrow its own header is.
    """
    column_of = {index: _column_of(view, index, columns) for index in words}
    for before, index in pairwise(words):
        text, column = column_of[before], column_of[index]
        if text.is_text and not column.is_text and not any(map(str.isdigit, view.page.words[index].text)):
            column_of[index] = text
    if any(column.spec.type is Kind.DATE for column in columns):
        dated = next(column.spec for column in columns if column.spec.type is Kind.DATE)
        for match in typed.values(view.run(words), dated, view.locale):
            column = column_of[match.words[0]]
            if column.spec.type is Kind.DATE:
                column_of |= dict.fromkeys(match.words, column)
    cells: dict[str, list[int]] = {}
    for index, column in column_of.items():
        cells.setdefault(column.name, []).append(index)
    return cells


def _column_of(view: View, index: int, columns: Sequence[HeadedColumn]) -> HeadedColumn:
    """The column whose header the word overlaps most, or else whose header is nearest."""
    box = view.page.words[index].box
    return max(columns, key=lambda c: (min(0, lines.overlap(c.x0, c.x1, box.x0, box.x1)), lines.overlap(c.x0, c.x1, box.x0, box.x1), -c.x0))


def _has_figures(row: TableRow, columns: Sequence[HeadedColumn]) -> bool:
    return _figures(row, columns) > 0


def _figures(row: TableRow, columns: Sequence[HeadedColumn]) -> int:
    """How many columns of numbers, amounts and dates the row fills."""
    return sum(column.name in row.values for column in columns if column.spec.type in FIGURES)


def _joined(upper: TableRow, lower: TableRow, columns: Sequence[HeadedColumn]) -> TableRow:
    """A row with the texts of a line that goes on with it."""
    values = dict(upper.values)
    for column in columns:
        below, above = lower.values.get(column.name), values.get(column.name)
        if below and above and column.is_text:
            values[column.name] = Printed(f"{above.text} {below.text}", above.words + below.words)
        elif below and not above:
            values[column.name] = below
    return TableRow({name: values[name] for name in (*upper.values, *lower.values)})


def _turned(view: View, path: str, spec: FieldSpec) -> list[TableRow]:
    """The items of a table whose headers stand at the left: one in each of its columns.

    What heads these columns is the one field's that no label names there.
    """
    for table in view.tables:
        if len(table.xs) < 4:
            continue
        rows_of = {frozenset(cell.words): cell.rows for cell in table.cells if cell.columns == (0, 0)}
        labels = {
            name: rows_of[words] for name in spec.fields for label in view.prints.get(f"{path}[].{name}", ())
            if (words := frozenset(label.words)) in rows_of
        }
        if len(labels) < min(LEAST_COLUMNS, len(spec.fields)):
            continue
        unnamed = [name for name in spec.fields if name not in labels]
        if len(unnamed) == 1 and (0, 0) not in labels.values():
            labels[unnamed[0]] = (0, 0)
        found = []
        for column in range(1, len(table.xs) - 1):
            cells = {cell.rows: cell.words for cell in table.cells if cell.columns == (column, column)}
            values = {name: _value(view, cells[rows], spec.fields[name]) for name, rows in labels.items() if rows in cells}
            row = TableRow({name: value for name in spec.fields if (value := values.get(name))})
            if row.values:
                found.append(row)
        return found
    return []


def _sections(view: View, path: str, spec: FieldSpec) -> list[TableRow]:
    """Rows below a heading that names the list: in each line the first piece is the name, the rest holds the typed values."""
    found: list[TableRow] = []
    for label in view.headings.get(path, ()):
        start = view.line_of[label.words[0]]
        bottom, widest = view.lines[start].box.y1, 2 * view.height
        for number in range(start + 1, len(view.lines)):
            line = view.lines[number]
            gap = line.box.y0 - bottom
            if number in view.heading_lines or _is_sum(line.text) or gap > GAP_RATIO * widest:
                break
            widest = max(widest, gap) if found else gap + view.height
            bottom = line.box.y1
            row = _section_row(view, line, spec)
            if row is not None:
                found.append(row)
    return found


def _section_row(view: View, line: Line, spec: FieldSpec) -> TableRow | None:
    """One line of a section: typed values wherever they stand, then the text fields with what is left, from the left."""
    left = list(line.words)
    values: dict[str, Printed] = {}
    for name, leaf in spec.fields.items():
        if leaf.type in TEXTUAL:
            continue
        match = next(iter(typed.values(view.run(left), leaf, view.locale)), None)
        if match is not None:
            values[name] = Printed(match.text, match.words)
            left = [i for i in left if i not in match.words]
    for name, leaf in spec.fields.items():
        if leaf.type not in TEXTUAL or leaf.type is Kind.GENERATED or not left:
            continue
        piece = [i for i in left if view.segment_of[i] is view.segment_of[left[0]]]
        left = left[len(piece):]
        cut = trimmed(view.page, piece)
        if cut is not None:
            values[name] = cut.printed
    return TableRow({name: values[name] for name in spec.fields if name in values}) if len(values) > 1 else None


def _running_text(view: View, spec: FieldSpec) -> list[TableRow]:
    """The page's headings or paragraphs, for a list with a field whose place they are."""
    finders = {Place.HEADING: headings, Place.PARAGRAPH: paragraphs}
    name = next((name for name, leaf in spec.fields.items() if leaf.place in finders), None)
    place = spec.fields[name].place if name else None
    return [TableRow({name: cut.printed}) for cut in finders[place](view)] if name and place else []
