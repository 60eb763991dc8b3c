"""A page's words as rows in reading order, with columns of text kept apart.

A *row* is a line of words within one column; a form's label and its value, or the cells of a table's
row, are one row. All thresholds are multiples of the page's median line height, so order depends
neither on where the text stands on the page nor on its resolution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from octavo.model.entities import Box, Page, union
from octavo.page.layout import PageLayout
from octavo.page.lines import SEGMENT_GAP, Line, Segment, as_read, lines_of, segment, words_in

# A gutter between columns of text is at least this wide. Word spaces measure 0.3 to 0.7, a two-column paper's gutter 1.2 and more.
GUTTER = 0.9
# The lines of a column begin at one place but for so much.
RAGGED = 0.2
# White from edge to edge ends columns: what follows, a footer or the text below a wide figure, is read after both of them.
BAND_GAP = 3.5
# Text beside text is a column only from so many lines on, most of them running text: so many words without a wide gap.
# Fewer words are labels and values, or the cells of a table, which belong together.
COLUMN_LINES = 4
SHARED_EDGE = 3  # pieces of lines that begin at one place
COLUMN_WORDS = 3
RUNNING_SHARE = 0.6
# A column of text is at least this wide (the narrowest of a newspaper have 25 letters a line), and its lines fill it; a
# table's cells do neither.
COLUMN_WIDTH = 9.0
COLUMN_FILL = 0.75
FILLED_SHARE = 0.6  # of the text, by width, stands in such lines; the others end paragraphs or are headings
FULL_LINE = 0.9  # of the lines' widths, from the narrowest: a few wider ones may have caught a word of their neighbour


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """Words of one line within one column as they are read: indices into ``Page.words``. ``column`` counts from 0.

    ``table`` is the number of the page's table (``page.tables.tables_of``) that most of the words belong to, None for no table;
    ``table_row`` the row of it that most of them stand in, which has several lines where rulings part the rows.
    """

    words: tuple[int, ...]
    box: Box
    column: int
    table: int | None = None
    table_row: int | None = None


def rows_of(page: Page) -> list[ReadingRow]:
    """Every word of the page in exactly one row; rows in reading order, with their boxes on the page as it is."""
    rows: list[ReadingRow] = []
    layout = PageLayout(page)
    level, tables = layout.page, layout.tables
    table_of = {word: number for number, table in enumerate(tables) for word in table.words}
    row_of = {word: cell.rows[0] for table in tables for cell in table.cells for word in cell.words}
    for number, column in enumerate(_columns(level, list(range(len(page.words))), layout.height, table_of)):
        for line in _lines(level, column):
            across = sorted(line.words, key=lambda index: level.words[index].box.x0)
            (table, count), = Counter(table_of.get(word) for word in across).most_common(1)
            (table_row, _), = Counter(row_of.get(word) for word in across).most_common(1)
            box, within = union(page.words[index].box for index in across), 2 * count > len(across)
            rows.append(ReadingRow(as_read(level.words, across), box, number, table if within else None, table_row if within else None))
    return rows


def _lines(page: Page, indices: Sequence[int]) -> list[Line]:
    """The lines that some of the page's words make among themselves, with indices of the page."""
    part = replace(page, words=tuple(page.words[index] for index in indices))
    return [
        Line(tuple(replace(s, words=tuple(indices[word] for word in s.words)) for s in line.segments), line.box)
        for line in lines_of(part)
    ]


def _columns(page: Page, indices: list[int], height: float, table_of: Mapping[int, int]) -> list[list[int]]:
    """The words in blocks in reading order, cut along gutters that have columns of text on both sides, and through no table."""
    pending, done = [indices], []
    while pending:
        block = pending.pop()
        parts = _split(_lines(page, block), page, height, table_of)
        if parts is None:
            done.append(block)
        else:
            pending.extend(part for part in reversed(parts) if part)
    return done


def _split(lines: Sequence[Line], page: Page, height: float, table_of: Mapping[int, int]) -> tuple[list[int], ...] | None:
    """The words of ``lines`` as (above, left, right, below) the tallest gutter; None without one."""
    best: tuple[int, tuple[list[int], ...]] | None = None
    pieces = [_pieces(line, page, GUTTER * height) for line in lines]
    edges = _edges(pieces, height)
    pieces = [_of_tables(_joined(line, edges, height, page), page, table_of) for line in pieces]
    bands = _bands(lines, BAND_GAP * height)
    ragged = max(1, round(RAGGED * height))
    for x in sorted(edge - ragged for edge in edges.values()):
        for start, end in _free_runs(pieces, x, GUTTER * height - ragged, bands):
            left = [[p for p in line if p.box.x1 <= x] for line in pieces[start:end]]
            right = [[p for p in line if p.box.x0 >= x] for line in pieces[start:end]]
            tall = lines[end - 1].box.y1 - lines[start].box.y0 if end > start else 0
            if (best is None or tall > best[0]) and _is_column(left, height) and _is_column(right, height):
                above, below = ([i for line in part for i in line.words] for part in (lines[:start], lines[end:]))
                best = tall, (above, _words(left), _words(right), below)
    return best[1] if best else None


def _pieces(line: Line, page: Page, gap: float) -> list[Segment]:
    """The line's segments cut wherever a gutter could run: a narrow one is no wider than the gaps within a segment may be."""
    pieces: list[Segment] = []
    for whole in line.segments:
        start = 0
        for place in range(1, len(whole.words) + 1):
            if place == len(whole.words) or page.words[whole.words[place]].box.x0 - page.words[whole.words[place - 1]].box.x1 >= gap:
                pieces.append(segment(page.words, whole.words[start:place]))
                start = place
    return pieces


def _edges(lines: Sequence[Sequence[Segment]], height: float) -> dict[int, int]:
    """Where a column may begin: the left edges that pieces share, as place (in line heights) and leftmost edge there."""
    found: dict[int, list[int]] = {}
    for line in lines:
        for piece in line:
            found.setdefault(round(piece.box.x0 / height), []).append(piece.box.x0)
    return {place: min(edges) for place, edges in found.items() if len(edges) >= SHARED_EDGE}


def _joined(line: Sequence[Segment], edges: Collection[int], height: float, page: Page) -> list[Segment]:
    """The pieces of a line with those joined that only a wide space parts, as in justified lines of few words."""
    joined: list[Segment] = []
    for piece in line:
        gap = piece.box.x0 - joined[-1].box.x1 if joined else 0
        if joined and gap <= SEGMENT_GAP * height and round(piece.box.x0 / height) not in edges:
            joined[-1] = segment(page.words, (*joined[-1].words, *piece.words))
        else:
            joined.append(piece)
    return joined


def _of_tables(line: Sequence[Segment], page: Page, table_of: Mapping[int, int]) -> list[Segment]:
    """The pieces of a line with those joined that are cells of one table's row."""
    joined: list[Segment] = []
    for piece in line:
        table = table_of.get(piece.words[0])
        if joined and table is not None and table == table_of.get(joined[-1].words[-1]):
            joined[-1] = segment(page.words, (*joined[-1].words, *piece.words))
        else:
            joined.append(piece)
    return joined


def _bands(lines: Sequence[Line], gap: float) -> set[int]:
    """The lines before which the page is white from edge to edge over more than ``gap`` pixels."""
    found, bottom = set(), 0
    for index, line in enumerate(lines):
        if index and line.box.y0 - bottom > gap:
            found.add(index)
        bottom = max(bottom, line.box.y1)
    return found


def _free_runs(lines: Sequence[Sequence[Segment]], x: int, gap: float, bands: set[int]) -> Iterator[tuple[int, int]]:
    """Runs of lines within one band, as (start, end), of which no piece reaches into the ``gap`` pixels left of ``x`` or across it."""
    start = 0
    for index, line in enumerate(lines):
        if index in bands:
            yield start, index
            start = index
        if any(piece.box.x0 < x and piece.box.x1 > x - gap for piece in line):
            yield start, index
            start = index + 1
    yield start, len(lines)


def _is_column(parts: Sequence[Sequence[Segment]], height: float) -> bool:
    """Whether one side of a gutter is text that was set as a column, line by line, or as several columns."""
    if sum(map(bool, parts)) < COLUMN_LINES:
        return False
    pieces = [piece for part in parts for piece in part]
    widths = sorted(piece.box.width for piece in pieces)
    full = widths[int(FULL_LINE * (len(widths) - 1))]
    running = sum(words_in(piece.text) >= COLUMN_WORDS for piece in pieces)
    filled = sum(width for width in widths if width >= COLUMN_FILL * full)
    return running >= RUNNING_SHARE * len(pieces) and full >= COLUMN_WIDTH * height and filled >= FILLED_SHARE * sum(widths)


def _words(parts: Sequence[Sequence[Segment]]) -> list[int]:
    return [index for part in parts for piece in part for index in piece.words]
