"""Tables without boxes: rows whose pieces stand below each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from octavo.model.entities import Box, Page
from octavo.page import grids
from octavo.page.grids import Grid, GridCell, Piece
from octavo.page.lines import Line, Segment, Spans, line_height, overlap, segment, words_in

# Widest gap between two rows of a table, in line heights.
ROW_GAP = 4.5
# After so many rows a gap this many times the widest before ends a table.
SETTLED, WIDER = 4, 2.5
# A row is looked for in the pieces of so many rows above it.
LOOK_BACK = 3
# Most lines of one piece between two rows: a description over several lines, the heading of a part.
BETWEEN = 4
# Lines above the first row that may head it, and the widest gap below each, in line heights.
HEADER_LINES, HEADER_GAP = 7, 2.5
# The same between the lines of a header.
STACK_GAP = 1.1
# Fewest rows; of figures beside one column of texts, more.
ROWS, PAIR_ROWS = 2, 3
# A header stands apart from a table by a gap so many times that between its rows.
APART = 1.5
# Columns nearer to each other than this are one, in line heights.
COLUMN_GAP = 0.4
# A gap between columns is so much of a piece's widest, and so many times its usual one.
WIDE_GAP, EVEN_GAPS = 0.8, 1.25
# Running text fills its column, and has so many words a line.
PROSE_FILL, PROSE_WORDS = 0.75, 5


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a page without the words of other tables: its pieces from left to right."""

    parts: tuple[Segment, ...]
    y0: int
    y1: int


def find(page: Page, lines: Sequence[Line], taken: Set[int]) -> list[Grid]:
    """The tables of a level page's lines without the words ``taken``."""
    height = line_height(page)
    rows = _rows(page, lines, taken)
    found = []
    below = len(rows)  # the first row of the table below
    for first, last in reversed(_runs(rows, height)):
        last = min(last, below - 1)
        table = _Table(page, rows[:below], first, last, height) if last > first else None
        grid = table.grid() if table else None
        if grid is not None and table is not None:
            found.append(grid)
            below = table.first
    return found


def forced(page: Page, lines: Sequence[Line], xs: Sequence[int] | None) -> Grid | None:
    """Lines of a level page as a table, whether they look like one or not; where ``xs`` does not give the columns, the first heads them."""
    rows = _rows(page, lines, frozenset())
    table = _Table(page, rows, 0, len(rows) - 1, line_height(page))
    return table.forced(None if xs is None else list(pairwise(xs)))


def _rows(page: Page, lines: Sequence[Line], taken: Set[int]) -> list[_Row]:
    rows = []
    for line in lines:
        parts: list[Segment] = []
        for part in line.segments:
            if taken and not taken.isdisjoint(part.words):
                left = sorted((w for w in part.words if w not in taken), key=lambda w: page.words[w].box.x0)
                if not left:
                    continue
                part = segment(page.words, left)
            parts.append(part)
        if parts:
            rows.append(_Row(tuple(parts), min(p.box.y0 for p in parts), max(p.box.y1 for p in parts)))
    return rows


def _runs(rows: Sequence[_Row], height: float) -> list[tuple[int, int]]:
    """Where rows follow each other whose pieces stand below each other: the first and the last of each run."""
    runs: list[tuple[int, int]] = []
    run: list[int] = []
    widest = 0  # of the gaps above the rows of the run
    for number, row in enumerate(rows):
        if len(row.parts) < 2:
            continue
        if run and not _follows(rows, run, number, height, widest):
            runs.append((run[0], run[-1]))
            run, widest = [], 0
        if run:
            widest = max(widest, row.y0 - rows[number - 1].y1)
        run.append(number)
    if run:
        runs.append((run[0], run[-1]))
    return [(first, last) for first, last in runs if last > first]


def _follows(rows: Sequence[_Row], run: Sequence[int], number: int, height: float, widest: int) -> bool:
    if number - run[-1] > BETWEEN + 1:
        return False
    gap = max(lower.y0 - upper.y1 for upper, lower in pairwise(rows[run[-1] : number + 1]))
    if gap > ROW_GAP * height:
        return False
    if len(run) > SETTLED and gap > max(height, WIDER * widest):
        return False
    return any(_stand_below(rows[other].parts, rows[number].parts) for other in run[-LOOK_BACK:])


def _stand_below(upper: Sequence[Segment], lower: Sequence[Segment]) -> bool:
    """Whether two pieces at least, and half of those of the shorter row, stand below one piece each, which has none other below it."""
    above = Spans([(part.box.x0, part.box.x1) for part in upper])
    over = [above.overlapping(part.box.x0, part.box.x1) for part in lower]
    uses = Counter(n for found in over for n in found)
    single = sum(len(found) == 1 and uses[found[0]] == 1 for found in over)
    return single >= 2 and 2 * single >= min(len(upper), len(lower))


class _Table:
    """Rows ``first`` to ``last`` of a page as a table, with the lines above that head them and those below that go on with the last."""

    def __init__(self, page: Page, rows: Sequence[_Row], first: int, last: int, height: float) -> None:
        self.page, self.rows, self.height = page, rows, height
        self.first, self.last = first, last

    def grid(self) -> Grid | None:
        columns = _columns([self.rows[n].parts for n in range(self.first, self.last + 1)], self.height)
        if len(columns) < 2 or self._is_prose(columns):
            return None
        body = [self._pieces(self.rows[n], columns) for n in range(self.first, self.last + 1)]
        columns = _under_headers(columns, body)
        body = [self._pieces(self.rows[n], columns) for n in range(self.first, self.last + 1)]
        apart = self._apart(grids.header_rows(body, range(len(body))))
        self.first += apart
        body = body[apart:]
        if not self._is_table(body, columns):
            return None
        above = self._header(columns, grids.figure_columns(body), grids.header_rows(body, range(len(body))) > 0)
        below = self._tail(columns, body[-1])
        self.first -= above
        self.last += below
        return self._assembled(columns)

    def forced(self, columns: list[tuple[int, int]] | None) -> Grid | None:
        """All rows as a table; None where they make no two columns."""
        head = columns is None
        if columns is None:
            columns = _columns([row.parts for row in self.rows], self.height, headed=True)
            columns = _under_headers(columns, [self._pieces(row, columns) for row in self.rows], 1)
        if len(columns) < 2:
            return None
        return self._assembled(columns, int(head))

    def _is_prose(self, columns: Sequence[tuple[int, int]]) -> bool:
        """Whether two columns are running text, as a page's own columns are."""
        full = 0
        parts_of: list[list[Segment]] = [[] for _ in columns]
        for row in self.rows[self.first : self.last + 1]:
            for part in row.parts:
                column = bisect_right(columns, part.box.center[0], key=lambda span: span[0]) - 1
                if column >= 0 and part.box.center[0] <= columns[column][1]:
                    parts_of[column].append(part)
        for (x0, x1), parts in zip(columns, parts_of, strict=True):
            long = [part for part in parts if part.box.width >= PROSE_FILL * (x1 - x0) and words_in(part.text) >= PROSE_WORDS]
            full += 2 * len(long) > len(parts)
        return full >= max(2, len(columns) / 2) or (full == 1 and len(columns) == 2)

    def _apart(self, head: int) -> int:
        """How many rows of a header stand too far above what is below them: they are none of it."""
        gaps = [self.rows[n + 1].y0 - self.rows[n].y1 for n in range(self.first, self.last)]
        usual = median(gaps[head:] or gaps)
        least = [STACK_GAP * self.height] * (head - 1) + [HEADER_GAP * self.height]
        wide = [n for n, (gap, most) in enumerate(zip(gaps, least, strict=False), 1) if n <= head and gap > max(APART * usual, most)]
        return wide[-1] if wide else 0

    def _is_table(self, body: Sequence[Sequence[Piece]], columns: Sequence[tuple[int, int]]) -> bool:
        whole = [line for line in body if len({part.first for part in line}) > 1]
        figures = grids.figure_columns(body)
        if len(columns) == 2:
            return len(whole) >= PAIR_ROWS and bool(figures)
        return len(whole) >= ROWS and (len(whole) > ROWS or bool(figures))

    def _pieces(self, row: _Row, columns: Sequence[tuple[int, int]]) -> list[Piece]:
        """A row's words by the columns that they stand in; what goes on over several without a gap between them stays one."""
        found: list[Piece] = []
        for part in row.parts:
            words = sorted(part.words, key=lambda w: self.page.words[w].box.x0)
            for run, first, last in self._split(words, columns):
                if found and found[-1].last >= first and found[-1].first <= last:
                    before = found.pop()
                    run, first, last = [*before.words, *run], min(before.first, first), max(before.last, last)
                found.append(grids.piece(self.page, run, first, last))
        return found

    def _split(self, words: list[int], columns: Sequence[tuple[int, int]]) -> list[tuple[list[int], int, int]]:
        boxes = [self.page.words[w].box for w in words]
        first, last = _over(boxes[0].x0, boxes[-1].x1, columns, self.height)
        if first == last or len(words) == 1:
            return [(words, first, last)]
        gaps = [b.x0 - a.x1 for a, b in pairwise(boxes)]
        widest, usual = max(gaps), median(gaps)
        if len(gaps) == 1:
            usual = 0.3 * self.height
        cuts = []
        for n, gap in enumerate(gaps, 1):
            left, right = boxes[n - 1].x1, boxes[n].x0
            white = ((columns[c][1], columns[c + 1][0]) for c in range(first, last))
            parts = gap > 0 and any(overlap(a, b, left, right) > min(gap, b - a) / 2 for a, b in white)
            if parts and gap >= max(WIDE_GAP * widest, EVEN_GAPS * usual):
                cuts.append(n)
        runs = [words[a:b] for a, b in pairwise([0, *cuts, len(words)])]
        placed = [(run, *_over(self.page.words[run[0]].box.x0, self.page.words[run[-1]].box.x1, columns, self.height)) for run in runs]
        return placed if all(a[2] < b[1] for a, b in pairwise(placed)) else [(words, first, last)]

    def _header(self, columns: Sequence[tuple[int, int]], figures: Set[int], headed: bool) -> int:
        """How many lines above the first row head its columns."""
        best = 0
        for count in range(1, HEADER_LINES + 1):
            number = self.first - count
            widest = HEADER_GAP if count == 1 and not headed else STACK_GAP
            if number < 0 or self.rows[number + 1].y0 - self.rows[number].y1 > widest * self.height:
                break
            row = self.rows[number]
            if row.parts[0].box.x0 < columns[0][0] - 2 * self.height or row.parts[-1].box.x1 > columns[-1][1] + 2 * self.height:
                break
            pieces = self._pieces(row, columns)
            marked = [part.figure for part in pieces if part.first in figures]
            if marked and 2 * sum(marked) > len(marked) and not all(part.figure for part in pieces):
                break
            if any(part.first == 0 and part.last > 0 for part in pieces):
                break
            if any(part.first > 0 for part in pieces):
                best = count
        return best

    def _tail(self, columns: Sequence[tuple[int, int]], above: Sequence[Piece]) -> int:
        """How many lines below the last row go on with its texts."""
        count = 0
        while self.last + 1 + count < len(self.rows):
            row, upper = self.rows[self.last + 1 + count], self.rows[self.last + count]
            if row.y0 - upper.y1 > grids.WRAPPED_GAP * self.height:
                break
            pieces = self._pieces(row, columns)
            over = {(part.first, part.last): part for part in above}
            if not all(part.first == part.last and not part.figure and (part.first, part.last) in over for part in pieces):
                break
            if not all(self._wraps(over[part.first, part.last], part, columns) for part in pieces):
                break
            above, count = pieces, count + 1
        return count

    def _wraps(self, upper: Piece, lower: Piece, columns: Sequence[tuple[int, int]]) -> bool:
        """Whether the lower piece goes on with the upper one: its first word had no room there."""
        end = max(columns[upper.last][1], columns[upper.last + 1][0] - self.height if upper.last + 1 < len(columns) else 0)
        word = self.page.words[lower.words[0]].box
        return upper.box.x1 + 0.3 * self.height + word.width > end

    def _assembled(self, columns: Sequence[tuple[int, int]], head: int | None = None) -> Grid:
        """The rows as a grid; ``head`` says how many lines head it, None to tell by their figures."""
        held = self.rows[self.first : self.last + 1]
        lines, spans = [self._pieces(row, columns) for row in held], [(row.y0, row.y1) for row in held]
        if head is None:
            head = grids.header_rows(lines, range(len(lines)))
        figures = grids.figure_columns(lines[head:])
        rulings = [r for r in self.page.rulings if r.level]
        ys = sorted((r.y0 + r.y1) / 2 for r in rulings)

        def parted(upper: int, lower: int, part: Piece) -> bool:
            top, bottom = (spans[upper][0] + spans[upper][1]) / 2, (spans[lower][0] + spans[lower][1]) / 2
            if bisect_left(ys, top) == bisect_left(ys, bottom):
                return False
            return any(top < (r.y0 + r.y1) / 2 < bottom and overlap(r.x0, r.x1, part.box.x0, part.box.x1) > 0 for r in rulings)

        cells = grids.stacked(lines[:head], lambda n, part: n > 0 and parted(n - 1, n, part))
        cells, row_of = grids.compressed(cells, head)
        top = row_of[-1] + 1 if row_of else 0
        groups: list[list[int]] = []
        usual = median(len(line) for line in lines[head:]) if lines[head:] else 0
        for n in range(head, len(lines)):
            has_figure = any(part.figure and part.first in figures for part in lines[n])
            near = bool(groups) and spans[n][0] - spans[groups[-1][-1]][1] <= grids.WRAPPED_GAP * self.height
            if near and not has_figure and len(lines[n]) <= max(1, usual / 2):
                above = [part for m in groups[-1] for part in lines[m]]
                goes_on = self._goes_on(above, lines[n], columns)
                if goes_on and not any(parted(groups[-1][-1], n, part) for part in lines[n]):
                    groups[-1].append(n)
                    continue
            groups.append([n])
        for number, group in enumerate(groups):
            merged: dict[tuple[int, int], list[int]] = {}
            for n in group:
                for part in lines[n]:
                    merged.setdefault((part.first, part.last), []).extend(part.words)
            cells += [GridCell(tuple(words), (top + number, top + number), key) for key, words in merged.items()]
        rows = [[n for n, row in enumerate(row_of) if row == r] for r in range(top)] + groups
        between = ((max(spans[n][1] for n in a) + min(spans[n][0] for n in b)) // 2 for a, b in pairwise(rows))
        edges = [spans[0][0], *between, max(bottom for _, bottom in spans)]
        xs = [columns[0][0], *((a[1] + b[0]) // 2 for a, b in pairwise(columns)), columns[-1][1]]
        boxes = [part.box for line in lines for part in line]
        xs[0], xs[-1] = min(xs[0], *(b.x0 for b in boxes)), max(xs[-1], *(b.x1 for b in boxes))
        cells.sort(key=lambda cell: (cell.rows, cell.columns))
        return Grid(tuple(xs), tuple(edges), top, figures, tuple(cells))

    def _goes_on(self, above: Sequence[Piece], line: Sequence[Piece], columns: Sequence[tuple[int, int]]) -> bool:
        """Whether a line without figures goes on with the row above it: each piece below one that it may belong to.

        In the first column that is one that had no room for it, in others any.
        """
        for part in line:
            over = [piece for piece in above if (piece.first, piece.last) == (part.first, part.last)]
            if part.first != part.last or not over or (part.first == 0 and not self._wraps(over[-1], part, columns)):
                return False
        return True


def _over(x0: int, x1: int, columns: Sequence[tuple[int, int]], height: float) -> tuple[int, int]:
    """The first and the last column that an interval stands in, or the nearest one."""
    least = min(0.3 * height, (x1 - x0) / 3)
    near = range(bisect_right(columns, x0, key=lambda c: c[1]), bisect_left(columns, x1, key=lambda c: c[0]))
    found = [n for n in near if overlap(*columns[n], x0, x1) > min(least, (columns[n][1] - columns[n][0]) / 2)]
    if found:
        return found[0], found[-1]
    nearest = max(range(len(columns)), key=lambda n: overlap(*columns[n], x0, x1))
    return nearest, nearest


def _under_headers(columns: list[tuple[int, int]], body: Sequence[Sequence[Piece]], head: int | None = None) -> list[tuple[int, int]]:
    """Columns with those joined of which one has a header alone and its neighbour everything but one: a header beside its figures."""
    head = grids.header_rows(body, range(len(body))) if head is None else head
    above, below = ({column for row in rows for part in row for column in (part.first, part.last)} for rows in (body[:head], body[head:]))
    joined: dict[int, int] = {}
    for column in sorted(above - below):
        sides = [n for n in (column - 1, column + 1) if n in below - above and n not in joined.values()]
        if sides:
            joined[column] = max(sides, key=lambda n: overlap(*columns[n], *columns[column]))
    merged = [columns[n] for n in range(len(columns)) if n not in joined and n not in joined.values()]
    merged += [(min(columns[a][0], columns[b][0]), max(columns[a][1], columns[b][1])) for a, b in joined.items()]
    return sorted(merged)


def _columns(rows: Sequence[Sequence[Segment]], height: float, headed: bool = False) -> list[tuple[int, int]]:
    """Columns from left to right: the narrowest pieces begin them, and two are one unless rows have a piece in each.

    A piece over two columns makes them one where more rows have such a piece than have one in each. ``headed``: the first row's pieces head
    columns of their own.
    """
    pieces = sorted((part.box.width, n, part.box) for n, row in enumerate(rows) for part in row)
    columns: list[_Cluster] = []
    spanning: list[tuple[int, Box]] = []
    for _, n, box in pieces:
        first, last = bisect_right(columns, box.x0, key=lambda c: c.x1), bisect_left(columns, box.x1, key=lambda c: c.x0)
        over = columns[first:last]
        if any(not a.rows.isdisjoint(b.rows) for a, b in pairwise(over)):
            spanning.append((n, box))
        elif len(over) == 1:
            over[0].add(n, box)
        else:
            spans = [(box.x0, box.x1), *((c.x0, c.x1) for c in over)]
            rows_of = {n}.union(*(c.rows for c in over))
            columns[first:last] = [_Cluster(min(x0 for x0, _ in spans), max(x1 for _, x1 in spans), rows_of)]
    changed = True
    while changed:
        changed = False
        for a, b in pairwise(columns):
            if headed and 0 in a.rows & b.rows:
                continue
            across = {n for n, box in spanning if overlap(a.x0, a.x1, box.x0, box.x1) > 0 and overlap(b.x0, b.x1, box.x0, box.x1) > 0}
            if len(across) > len(a.rows & b.rows) or (b.x0 - a.x1 < COLUMN_GAP * height and not a.rows & b.rows):
                columns[columns.index(a) : columns.index(a) + 2] = [_Cluster(a.x0, b.x1, a.rows | b.rows)]
                changed = True
                break
    return [(c.x0, c.x1) for c in columns]


class _Cluster:
    def __init__(self, x0: int, x1: int, rows: set[int]) -> None:
        self.x0, self.x1, self.rows = x0, x1, rows

    def add(self, row: int, box: Box) -> None:
        self.x0, self.x1 = min(self.x0, box.x0), max(self.x1, box.x1)
        self.rows.add(row)
