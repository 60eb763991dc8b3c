"""Keys and values of a form: what stands beside, below or in a column under something that reads like a question.

Three readings, in this order, each over what the ones before left: tables (a row of headers, each the key
of the cells below it), keys that end with a colon, and lines of two columns (``Project leader   Mann``).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from octavo.model.entities import Box, union
from octavo.model.lexicon import current
from octavo.page import businesses, lines
from octavo.page.lines import Segment, overlap
from octavo.page.view import Printed, View

# Most words of a key, with a colon and without.
COLON_KEY_WORDS, KEY_WORDS = 12, 8
# Widest gap, in line heights, between a key and a value beside it, and between lines of one value.
BESIDE_GAP, LINE_GAP = 14.0, 0.9
# The same after a colon, and between two pieces of the value itself.
COLON_GAP, VALUE_GAP = 30.0, 2.0
# The same for a value that is not quite on the key's line, and how far off that line it may be.
RAISED_GAP, DRIFT = 8.0, 1.3
# Farthest first line below a key without a value beside it, in line heights.
BELOW_GAP = 2.5
# Most lines below a key that are its values, and below the key of a list of names.
LINES_BELOW, LINES_LISTED = 12, 30
# Fewest columns of a table's header, and the gap in line heights that ends the table.
HEADER_COLUMNS, ROW_GAP = 3, 2.5
# Rows after which text without figures is taken for no table.
ROWS_TRIED = 20
# A line that fills this share of its paragraph's width goes on in the next line.
FULL_LINE = 0.75
# A paragraph is wider than this many line heights; narrower lines are items of a list.
MOST_WRAPPED = 12.0
# How far, in line heights, a line below a key may begin from where the key begins.
INDENT = 3.0
# Most words of a value that has no colon before it.
VALUE_WORDS = 10

_TIME = re.compile(r"\d:$")
# A key that OCR glued to its value: at least two letters, a colon, and no address of the web behind it.
_GLUED = re.compile(r"^(?!https?:)[^\W\d_][\w.()/#-]*[\w.)]:(?=[\w$(\"'])")
_WORD = re.compile(r"^[^\W\d_][^\d:]*$")


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value."""

    key: Printed
    value: Printed


@dataclass(frozen=True, slots=True)
class PairPart:
    """A run of words that is one key or one value; ``colon``: it ends with one, so it is a key."""

    words: tuple[int, ...]
    box: Box
    text: str
    line: int
    colon: bool


def _has_list(key: PairPart) -> bool:
    """Whether a key has a list of names as its values, one a line."""
    return current().is_one("name_lists", key.text)


def pairs(view: View) -> list[Pair]:
    """The page's pairs, top to bottom."""
    rows = [list(_pieces(view, number)) for number in range(len(view.lines))]
    used: set[PairPart] = set()
    found: list[tuple[PairPart, list[list[PairPart]]]] = []
    found += _tables(view, rows, used)
    found += _after_colons(view, rows, used)
    found += _two_columns(view, rows, used)
    made = []
    for key, values in found:
        question = bare(key.text)
        for group in values:
            answer = bare(" ".join(piece.text for piece in group))
            if question and answer:
                words = tuple(word for piece in group for word in piece.words)
                made.append(Pair(Printed(question, key.words), Printed(answer, words)))
    return sorted(made, key=lambda pair: (view.line_of[pair.key.words[0]], pair.key.words + pair.value.words))


def _pieces(view: View, number: int) -> Iterator[PairPart]:
    """The segments of a line, cut behind every colon that ends a key."""
    for part in view.lines[number].segments:
        start, skip = 0, 0
        for n, index in enumerate(part.words):
            text = view.page.words[index].text
            glued = _GLUED.match(text)
            if n - start >= COLON_KEY_WORDS:
                continue
            if not glued and not _ends_key(text):
                continue
            if start or skip:
                # behind an earlier key: what stands here is its value first, then this key
                begin = _key_begin(view, part.words, start, n)
                if begin > start:
                    yield _piece(view, part.words[start:begin], number, False, skip)
                    start, skip = begin, 0
            yield _piece(view, part.words[start:n + 1], number, True, skip, glued.end() if glued else None)
            start, skip = (n, glued.end()) if glued else (n + 1, 0)
        if start < len(part.words):
            yield _piece(view, part.words[start:], number, False, skip)


def _key_begin(view: View, words: Sequence[int], start: int, end: int) -> int:
    """Where the key that ends with ``words[end]`` begins: with its last words without digits, but leave the value one."""
    begin = end
    while begin > start and end - begin < 2 and _WORD.match(view.page.words[words[begin - 1]].text):
        begin -= 1
    return end if begin == start else begin


def _ends_key(text: str) -> bool:
    """Whether a word ends a key: with a colon that is no clock time's, or with the blank that was to be filled in."""
    return (text.endswith(":") and not _TIME.search(text)) or text.endswith("__")


def _piece(view: View, words: Sequence[int], number: int, colon: bool, skip: int = 0, end: int | None = None) -> PairPart:
    """The words as one piece, without the first ``skip`` characters of the first, and up to ``end`` of the last."""
    part: Segment = lines.segment(view.page.words, words)
    first, last = view.page.words[words[0]], view.page.words[words[-1]]
    stop = len(last.text) if end is None else end
    x0 = first.box.x0 + first.box.width * skip // len(first.text)
    x1 = last.box.x0 + last.box.width * stop // len(last.text)
    text = part.text[skip:len(part.text) - (len(last.text) - stop)]
    return PairPart(part.words, part.box._replace(x0=x0, x1=max(x0 + 1, x1)), text, number, colon)


def bare(text: str) -> str:
    """A text without the punctuation around it; empty for nothing but punctuation."""
    return text.strip(" \t:;|=–—_*").lstrip(" .,-#·>»") if any(c.isalnum() for c in text) else ""


def _tables(view: View, rows: list[list[PairPart]], used: set[PairPart]) -> Iterator[tuple[PairPart, list[list[PairPart]]]]:
    for number, header in enumerate(rows):
        if len(header) < HEADER_COLUMNS or any(piece in used or piece.colon or not reads_like_key(piece.text) for piece in header):
            continue
        columns: list[list[PairPart]] = [[] for _ in header]
        bottom = max(piece.box.y1 for piece in header)
        count = cells = figures = 0
        for below in range(number + 1, len(rows)):
            row = rows[below]
            if not row or row[0].box.y0 - bottom > ROW_GAP * view.height or any(piece.colon for piece in row):
                break
            if count >= ROWS_TRIED and figures * 2 < cells:
                break
            placed = [(piece, _column(header, piece)) for piece in row]
            hits = [column for _, column in placed if column is not None]
            if len(hits) < min(2, len(row)) or len(hits) != len(set(hits)) or any(businesses.reads_like_label(piece.text) for piece in row):
                break
            for piece, column in placed:
                if column is not None:
                    columns[column].append(piece)
                    cells += 1
                    figures += any(map(str.isdigit, piece.text))
            bottom = max(piece.box.y1 for piece in row)
            count += 1
        if count and figures * 2 >= cells:
            used.update(header, *columns)
            for key, cells_below in zip(header, columns, strict=True):
                yield key, [[cell] for cell in cells_below]


def _column(header: Sequence[PairPart], piece: PairPart) -> int | None:
    """The header that the piece stands under: the one it overlaps most, or whose middle is near its own."""
    best = max(range(len(header)), key=lambda n: overlap(header[n].box.x0, header[n].box.x1, piece.box.x0, piece.box.x1))
    return best if overlap(header[best].box.x0, header[best].box.x1, piece.box.x0, piece.box.x1) > 0 else None


def _after_colons(view: View, rows: list[list[PairPart]], used: set[PairPart]) -> Iterator[tuple[PairPart, list[list[PairPart]]]]:
    for row in rows:
        for n, key in enumerate(row):
            if not key.colon or key in used:
                continue
            value = _beside(view, rows, key, row[n + 1] if n + 1 < len(row) else None, used)
            if value is not None:
                lower = _listed(view, rows, key, used) if _has_list(key) else _hanging(view, rows, value, used)
                beside = [*_pieces_of(view, rows[value.line], value, used), *lower]
                used.update(beside)
                wrapped = _under(view, rows, key, beside[-1], used)
                values = [*([[piece] for piece in beside] if _has_list(key) else [beside]), *_paragraphs(view, wrapped)]
                used.update(wrapped)
            else:
                listed = _has_list(key)
                under = _listed(view, rows, key, used) if listed else _under(view, rows, key, key, used)
                values = [[piece] for piece in under] if listed else list(_paragraphs(view, under))
                used.update(under)
            if values:
                used.add(key)
                yield key, values


def _pieces_of(view: View, row: list[PairPart], value: PairPart, used: set[PairPart]) -> list[PairPart]:
    """A value's first piece with those right behind it, where OCR spaced words out ("October 29,   2026")."""
    found = [value]
    for piece in row[row.index(value) + 1:]:
        if piece.colon or piece in used or piece.box.x0 - found[-1].box.x1 > VALUE_GAP * view.height:
            break
        found.append(piece)
    return found


def _beside(view: View, rows: list[list[PairPart]], key: PairPart, following: PairPart | None, used: set[PairPart]) -> PairPart | None:
    """The value right of a key: the next piece of its line, or one written a little above or below the line."""
    if following is not None and following.box.x0 - key.box.x1 <= COLON_GAP * view.height:
        return None if following.colon or following in used else following
    drift = DRIFT * max(view.height, key.box.height)
    around = [piece for other in rows[max(0, key.line - 2):key.line + 3] for piece in other if piece.line != key.line]
    near = [
        piece for piece in around
        if 0 <= piece.box.x0 - key.box.x1 <= RAISED_GAP * view.height and abs(piece.box.center[1] - key.box.center[1]) <= drift
    ]
    near.sort(key=lambda piece: (abs(piece.box.center[1] - key.box.center[1]), piece.box.x0))
    if not near or near[0].colon or near[0] in used or any(piece.colon for piece in rows[near[0].line] if piece.box.x1 <= near[0].box.x0):
        return None
    return near[0]


def _hanging(view: View, rows: list[list[PairPart]], value: PairPart, used: set[PairPart]) -> list[PairPart]:
    """The lines right below a value that begin where it begins, with no key beside them."""
    found: list[PairPart] = []
    last = value
    for row in rows[value.line + 1:value.line + 1 + LINES_BELOW]:
        if any(piece.box.y0 - last.box.y1 > LINE_GAP * view.height for piece in row):
            break
        under = [piece for piece in row if abs(piece.box.x0 - value.box.x0) <= view.height]
        if not under:
            continue
        piece = under[0]
        before = [other for other in row if other.box.x1 <= piece.box.x0]
        if piece.colon or piece in used or any(other.colon or reads_like_key(other.text) for other in before):
            break
        found.append(piece)
        last = piece
    return found


def _listed(view: View, rows: list[list[PairPart]], key: PairPart, used: set[PairPart]) -> list[PairPart]:
    """Everything in the lines right below the key of a list of names, which may stand in several columns."""
    found: list[PairPart] = []
    bottom = key.box.y1
    for row in rows[key.line + 1:key.line + 1 + LINES_LISTED]:
        if not row or row[0].box.y0 - bottom > BELOW_GAP * view.height or any(piece.colon or piece in used for piece in row):
            break
        found += row
        bottom = max(piece.box.y1 for piece in row)
    return found


def _under(view: View, rows: list[list[PairPart]], key: PairPart, above: PairPart, used: set[PairPart]) -> list[PairPart]:
    """The lines below a key that begin near its own beginning, until another key, a gap or another column."""
    found: list[PairPart] = []
    bottom = above.box.y1
    for row in rows[above.line + 1:above.line + 1 + LINES_BELOW]:
        column = [piece for piece in row if abs(piece.box.x0 - key.box.x0) <= INDENT * view.height]
        if not column and not found:
            column = [piece for piece in row if overlap(piece.box.x0, piece.box.x1, key.box.x0, key.box.x1) > 0]
        if not column:
            continue
        piece = column[0]
        limit = LINE_GAP if found or above is not key else BELOW_GAP
        if piece.box.y0 - bottom > limit * view.height or piece.colon or piece in used:
            break
        beside = next((other for other in row if other.box.x0 >= piece.box.x1), None)
        if above is key and beside is not None and not beside.colon and reads_like_key(piece.text) and piece not in used:
            break   # a line of another label and its value: the key heads a section
        if above is not key and piece.box.width < MOST_WRAPPED * view.height:
            break   # beside its value a key is only followed by more of a paragraph
        found.append(piece)
        bottom = piece.box.y1
    return found


def _two_columns(view: View, rows: list[list[PairPart]], used: set[PairPart]) -> Iterator[tuple[PairPart, list[list[PairPart]]]]:
    """Neighbours that read like a label and its value, or that stand in two columns with another such line."""
    free = [[piece for piece in row if piece not in used] for row in rows]
    neighbours = [(row[n], row[n + 1]) for row in free for n in range(len(row) - 1) if _fits(view, row[n], row[n + 1])]
    columns = _Columns(neighbours, view.height)
    taken: set[PairPart] = set()
    for key, value in neighbours:
        if key in taken or value in taken:
            continue
        labelled = businesses.reads_like_label(key.text) and not businesses.reads_like_label(value.text)
        if labelled or columns.repeat(key, value):
            taken.update((key, value))
            yield key, [[value]]
    used.update(taken)


class _Columns:
    """Where the neighbours of a page begin, kept by cells as large as they may lie apart to stand in two columns."""

    def __init__(self, neighbours: Sequence[tuple[PairPart, PairPart]], height: float) -> None:
        self._reach = height / 2, height
        self._starts: defaultdict[tuple[int, int], Counter[tuple[int, int]]] = defaultdict(Counter)
        for key, value in neighbours:
            self._starts[self._cell(key.box.x0, value.box.x0)][key.box.x0, value.box.x0] += 1

    def _cell(self, key: int, value: int) -> tuple[int, int]:
        return int(key / self._reach[0]), int(value / self._reach[1])

    def repeat(self, key: PairPart, value: PairPart) -> bool:
        """Whether other neighbours begin where these two do."""
        across, beside = self._cell(key.box.x0, value.box.x0)
        near = (self._starts.get((across + i, beside + j), Counter()) for i in (0, -1, 1) for j in (0, -1, 1))
        aligned = (
            times for cell in near for (x, y), times in cell.items()
            if abs(x - key.box.x0) <= self._reach[0] and abs(y - value.box.x0) <= self._reach[1]
        )
        return any(total > 1 for total in accumulate(aligned))


def _fits(view: View, key: PairPart, value: PairPart) -> bool:
    near = value.box.x0 - key.box.x1 <= BESIDE_GAP * view.height
    # two texts in capitals are two labels, or two parts of a title
    capitals = key.text.isupper() and value.text.isupper() and not any(c.isdigit() for c in value.text)
    return near and not value.colon and not capitals and reads_like_key(key.text) and len(value.text.split()) <= VALUE_WORDS


def _paragraphs(view: View, pieces: Sequence[PairPart]) -> Iterator[list[PairPart]]:
    """Lines of a value as paragraphs: a line that fills the width goes on in the next one, a short one ends."""
    if not pieces:
        return
    width = union(piece.box for piece in pieces).width
    group = [pieces[0]]
    for piece in pieces[1:]:
        if group[-1].box.width >= FULL_LINE * width and width > MOST_WRAPPED * view.height:
            group.append(piece)
        else:
            yield group
            group = [piece]
    yield group


def reads_like_key(text: str) -> bool:
    """Whether a text without a colon may be a key: a few words that are more letters than digits and begin like a title."""
    words = text.split()
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    first = next((c for c in text if c.isalnum()), "")
    return len(words) <= KEY_WORDS and letters >= 2 and letters > 2 * digits and (first.isupper() or first.isdigit() or first == "#")
