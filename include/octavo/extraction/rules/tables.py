"""Line items: a header row with the labels of a list's columns, and the rows below it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from octavo.model.contracts import FieldSpec, Kind, Place
from octavo.model.lexicon import current
from octavo.page import lines, typed
from octavo.page.labels import Label
from octavo.page.lines import Line, Segment, overlap
from octavo.page.view import Printed, Proposal, View, trimmed

# Fewest columns of a header row that must be labelled.
LEAST_COLUMNS = 2
# Gap below a row that ends the table, in line heights.
TABLE_GAP = 6.0
# A gap this many times the widest between the rows so far ends the table, unless another row follows.
GAP_RATIO = 1.5
# A heading: most words, and the gap above it and the width of the line below it against its own.
HEADING_WORDS, HEADING_GAP, HEADING_TEXT = 7, 1.0, 1.5
# A table whose rows end at a gap below this share of the page's height (a footer follows) goes on over the page.
PAGE_END = 0.85

FILLED_SHARE = 0.8  # of a table's rows fill a column that each of its items has to fill
FIGURES = (Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.DATE)
_COUNTED = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?|[a-zA-Z][.)]|[•*–-])$")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One item: what its columns print."""

    values: dict[str, Printed]

    @property
    def first(self) -> int:
        """The word that comes first of all its words."""
        return next(iter(self.values.values())).words[0]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column by its header. ``spec`` is None for one that the contract does not name: its values are nobody's."""

    name: str
    spec: FieldSpec | None
    x0: int
    x1: int

    @property
    def is_text(self) -> bool:
        return self.spec is not None and typed.is_text(self.spec.type)


def rows(views: Sequence[View], path: str, spec: FieldSpec) -> list[list[TableRow]]:
    """The list's rows on each of a document's pages, top to bottom.

    A table that reaches a page's end goes on at the top of the next, with its header repeated or not, unless the
    contract says that every page has its own (``continues``).
    """
    found: list[list[TableRow]] = []
    carried: list[_Column] | None = None
    for view in views:
        on_page: list[TableRow] = []
        number = 0
        headers = {n: columns for n in range(len(view.lines)) if (columns := _header(view, n, path, spec))}
        if not spec.continues:
            carried = None
        if carried and not headers:
            on_page, number, carried = _rows_below(view, -1, carried)
        if not headers and not on_page and not carried:
            on_page = _sections(view, path, spec) or _running_text(view, spec)
            number = len(view.lines)
        while number < len(view.lines):
            if number in headers:
                below, number, carried = _rows_below(view, number, headers[number])
                on_page += below
            else:
                number += 1
        found.append(on_page)
    return found


def _header(view: View, number: int, path: str, spec: FieldSpec) -> list[_Column] | None:
    """The columns that the line's labels name, and those of its other words; None for a line that is no header."""
    columns: dict[str, tuple[Label, FieldSpec]] = {}
    for name, leaf in spec.fields.items():
        label = view.label_lines.get(f"{path}[].{name}", {}).get(number)
        if label is not None:
            columns[name] = (label, leaf)
    if len(columns) < min(LEAST_COLUMNS, len(spec.fields)) or typed.has_amount(view.lines[number].text, view.locale):
        return None
    found = [_Column(name, leaf, label.box.x0, label.box.x1) for name, (label, leaf) in columns.items()]
    labelled = {word for label, _ in columns.values() for word in label.words}
    others = [part for part in view.lines[number].segments if not labelled & set(part.words)]
    return sorted([*found, *(_Column("", None, part.box.x0, part.box.x1) for part in others)], key=lambda c: (c.x0, c.name))


def _rows_below(view: View, header: int, columns: list[_Column]) -> tuple[list[TableRow], int, list[_Column] | None]:
    """Rows until totals or a wide gap, the number of the line to go on with, and the columns if the page ended first.

    A line without a number or amount goes on with the row above it: a description over two lines. Words of sums make no row of a sum
    where it fills as many columns with figures as the table's rows do, as an item called "Net curtain" does. A sum that other rows
    follow is passed over, and so is one that is carried over the page.
    """
    found: list[TableRow] = []
    widest = view.height
    bottom = view.lines[header].box.y1 if header >= 0 else view.lines[0].box.y0 if view.lines else 0
    read = [_row(view, line, columns) for line in _near(view, header)]
    usual = _usual_shape(view, header, read, columns)
    last = max((n for n, row in enumerate(read) if usual.fits(row, columns)), default=-1)
    for number, row in enumerate(read, header + 1):
        line = view.lines[number]
        gap = line.box.y0 - bottom
        # after a wider gap than between the rows so far only another row belongs to the table
        parted = len(found) > 1 and gap > GAP_RATIO * widest and (row is None or not _has_figures(row, columns) or len(row.values) < 2)
        sums = _is_sum(line.text) and not usual.fits(row, columns)
        goes_on = sums and number - header <= last
        if gap > TABLE_GAP * view.height or parted or number in view.heading_lines or (sums and not goes_on):
            carried = _begins(line.text, "carries") or (not sums and line.box.y0 > PAGE_END * view.page.height)
            return found, number, columns if carried and found else None
        if sums:
            widest, bottom = max(widest, gap), line.box.y1
            continue
        widest = max(widest, gap)
        bottom = line.box.y1
        if row is None:
            continue
        if _has_figures(row, columns):
            found.append(row)
        elif found:
            found[-1] = _joined(found[-1], row)
    return found, len(view.lines), columns if found else None


def _near(view: View, header: int) -> list[Line]:
    """The lines below a header, to the first one behind a gap that no table has."""
    below = view.lines[header + 1 :]
    far = (n for n, (upper, lower) in enumerate(pairwise(below), 1) if lower.box.y0 - upper.box.y1 > TABLE_GAP * view.height)
    return list(below[: next(far, len(below)) + 1])


@dataclass(frozen=True, slots=True)
class _Shape:
    """What most rows of a table fill: so many columns with figures, and these columns."""

    figures: int
    filled: frozenset[str]

    def fits(self, row: TableRow | None, columns: Sequence[_Column]) -> bool:
        """Whether a row has the shape of an item, with a text."""
        if row is None or not self.filled <= row.values.keys():
            return False
        return _figures(row, columns) >= self.figures and len(row.values) > _figures(row, columns)


def _usual_shape(view: View, header: int, read: Sequence[TableRow | None], columns: Sequence[_Column]) -> _Shape:
    """The shape of the rows whose line does not begin with a word of sums; at least two columns with figures."""
    items = [
        row for number, row in enumerate(read, header + 1)
        if row is not None and _has_figures(row, columns) and not _is_sum(view.lines[number].text)
    ]
    figures = Counter(_figures(row, columns) for row in items)
    usual = max(2, max(figures, key=lambda count: (figures[count], count), default=2))
    whole = [row for row in items if _figures(row, columns) >= usual]
    filled = Counter(name for row in whole for name in row.values)
    return _Shape(usual, frozenset(name for name, count in filled.items() if count >= FILLED_SHARE * len(whole)))


def _is_sum(text: str) -> bool:
    """Whether a line begins with a word of sums, "Total", or of what is carried over, "Brought forward"."""
    return _begins(text, "sums") or _begins(text, "carries")


def _begins(text: str, words: str) -> bool:
    """Whether a line begins with one of the lexicons' ``words``."""
    found = current().pattern(words).search(text)
    return found is not None and not any(map(str.isalnum, text[:found.start()]))


def _row(view: View, line: Line, columns: Sequence[_Column]) -> TableRow | None:
    cells = _cells(view, line, columns)
    values: dict[str, Printed] = {}
    for column in columns:
        cell = cells.get(column.name, [])
        if column.spec is None:
            continue
        if not typed.is_text(column.spec.type):
            match = next(iter(typed.matches(typed.Run(view.page, cell), column.spec.type, view.locale)), None)
            if match is not None:
                values[column.name] = Printed(match.text, match.words)
        else:
            cut = trimmed(view.page, cell)
            if cut is not None:
                values[column.name] = cut.printed
    return TableRow(values) if values else None


def _cells(view: View, line: Line, columns: Sequence[_Column]) -> dict[str, list[int]]:
    """The words of a line by column: that of the nearest header, but for words that go on with what stands before them.

    A text goes on over the headers of figures, and a date of several words is one cell's, however narrow its own header is.
    """
    column_of = {index: _column_of(view, index, columns) for index in line.words}
    for part in line.segments:
        for before, index in pairwise(part.words):
            text, column = column_of[before], column_of[index]
            if text.is_text and not column.is_text and not any(map(str.isdigit, view.page.words[index].text)):
                column_of[index] = text
    if any(column.spec and column.spec.type is Kind.DATE for column in columns):
        for match in typed.matches(typed.Run(view.page, line.words, 0, view.segment_of), Kind.DATE, view.locale):
            column = column_of[match.words[0]]
            if column.spec and column.spec.type is Kind.DATE:
                column_of |= dict.fromkeys(match.words, column)
    cells: dict[str, list[int]] = {}
    for index, column in column_of.items():
        cells.setdefault(column.name, []).append(index)
    return cells


def _column_of(view: View, index: int, columns: Sequence[_Column]) -> _Column:
    """The column whose header the word overlaps most, or else whose header is nearest."""
    box = view.page.words[index].box
    return max(columns, key=lambda c: (min(0, lines.overlap(c.x0, c.x1, box.x0, box.x1)), lines.overlap(c.x0, c.x1, box.x0, box.x1), -c.x0))


def _has_figures(row: TableRow, columns: Sequence[_Column]) -> bool:
    return _figures(row, columns) > 0


def _figures(row: TableRow, columns: Sequence[_Column]) -> int:
    """How many columns of numbers, amounts and dates the row fills."""
    return sum(column.name in row.values for column in columns if column.spec and column.spec.type in FIGURES)


def _joined(upper: TableRow, lower: TableRow) -> TableRow:
    values = dict(upper.values)
    for name, below in lower.values.items():
        above = values.get(name)
        values[name] = Printed(f"{above.text} {below.text}", above.words + below.words) if above else below
    return TableRow(values)


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
        if typed.is_text(leaf.type):
            continue
        match = next(iter(typed.matches(typed.Run(view.page, left, 0, view.segment_of), leaf.type, view.locale)), None)
        if match is not None:
            values[name] = Printed(match.text, match.words)
            left = [i for i in left if i not in match.words]
    for name, leaf in spec.fields.items():
        if not typed.is_text(leaf.type) or leaf.type is Kind.GENERATED or not left:
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


def headings(view: View) -> list[Proposal]:
    """Short lines with room above them and a longer line of text below, without the number that counts them."""
    found = []
    for above, line, below in zip(view.lines, view.lines[1:], view.lines[2:], strict=False):
        text = line.text
        spaced = line.box.y0 - above.box.y1 >= HEADING_GAP * view.height and below.box.y0 - line.box.y1 < 2 * (line.box.y0 - above.box.y1)
        if not spaced or len(line.segments) > 1 or len(text.split()) > HEADING_WORDS or text.rstrip().endswith((".", ":", ",", ";")):
            continue
        if below.box.width < HEADING_TEXT * line.box.width or abs(below.box.x0 - line.box.x0) > 3 * view.height:
            continue
        words = [i for i in line.words if not (i == line.words[0] and _COUNTED.match(view.page.words[i].text))]
        cut = trimmed(view.page, words)
        if cut is not None:
            found.append(cut)
    return found


# Widest distance between the middles of two lines of a paragraph, in line heights. Running text measures 1.6 to 2.0.
PARAGRAPH_PITCH = 2.2
# Least share of the narrower line's width by which two lines of a paragraph overlap sideways.
PARAGRAPH_OVERLAP = 0.5
# Pixels: lines are compared with those that reach into the same upright strips of the page.
STRIP = 200


def paragraphs(view: View) -> list[Proposal]:
    """Every word of the page in one paragraph, from top to bottom."""
    found: list[list[Segment]] = []
    across: defaultdict[int, list[int]] = defaultdict(list)  # the paragraphs whose last line reaches into an upright strip of the page
    for line, top in zip(view.lines, view.tops_below, strict=True):
        for segment in line.segments:
            strips = range(segment.box.x0 // STRIP, segment.box.x1 // STRIP + 1)
            for strip in strips:  # paragraphs end where neither this line nor one after it may go on with them
                across[strip] = [n for n in across[strip] if top - found[n][-1].box.center[1] < PARAGRAPH_PITCH * view.height]
            near = sorted({n for strip in strips for n in across[strip]})
            above = [n for n in near if _goes_on(found[n][-1], segment, view.height)]
            number = min(above, key=lambda n: abs(found[n][-1].box.x0 - segment.box.x0)) if above else len(found)
            if above:
                found[number].append(segment)
            else:
                found.append([segment])
            for strip in strips:
                if number not in across[strip]:
                    across[strip].append(number)
    texts = (trimmed(view.page, [word for segment in group for word in segment.words]) for group in found)
    return [text for text in texts if text is not None]


def _goes_on(above: Segment, below: Segment, height: float) -> bool:
    shared = overlap(above.box.x0, above.box.x1, below.box.x0, below.box.x1)
    close = 0 < below.box.center[1] - above.box.center[1] < PARAGRAPH_PITCH * height
    return close and shared >= PARAGRAPH_OVERLAP * min(above.box.width, below.box.width)
