"""Tables whose cells are boxes that rulings close."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from octavo.model.entities import Box, Page
from octavo.page import grids
from octavo.page.grids import Grid, GridCell, Piece
from octavo.page.lines import Line, line_height
from octavo.page.ruling_boxes import boxes_of

# Edges nearer to each other than this are one, in line heights: double lines, and the white between shaded cells.
SNAP = 0.35
# Words beside the boxes are a column without a line on its far side where most rows have some, so near, in line heights.
OPEN_SIDE, OPEN_SHARE = 4.0, 0.6
# A header stands so near above the boxes, in line heights.
HEADER_GAP = 1.5
# Words so near to each other, in line heights, are one cell's.
EDGE_GAP = 0.6


def find(page: Page, lines: Sequence[Line]) -> list[Grid]:
    """The tables that a level page's boxes make: two columns and two rows of them or more, most of them with words."""
    boxes = _snapped(boxes_of(page), max(2.0, SNAP * line_height(page)))
    if len(boxes) < 4:
        return []
    line_of = {word: number for number, line in enumerate(lines) for word in line.words}
    boxed = frozenset(word for words in _held(page, boxes, range(len(page.words))).values() for word in words)
    found = []
    for group in _touching(boxes):
        grid = _grid(page, group, line_of, lines, boxed)
        if grid is not None:
            found.append(grid)
    return found


def _snapped(boxes: Sequence[Box], reach: float) -> list[Box]:
    xs, ys = _places((x for b in boxes for x in (b.x0, b.x1)), reach), _places((y for b in boxes for y in (b.y0, b.y1)), reach)
    snapped = {Box(xs[b.x0], ys[b.y0], xs[b.x1], ys[b.y1]) for b in boxes}
    return sorted(box for box in snapped if box.width > 0 and box.height > 0)


def _places(values: Iterable[int], reach: float) -> dict[int, int]:
    """For each value the middle of the values that it is one place with."""
    groups: list[list[int]] = []
    for value in sorted(set(values)):
        if groups and value - groups[-1][-1] <= reach and value - groups[-1][0] <= 2 * reach:
            groups[-1].append(value)
        else:
            groups.append([value])
    return {value: (group[0] + group[-1]) // 2 for group in groups for value in group}


def _touching(boxes: Sequence[Box]) -> list[list[Box]]:
    """Boxes that share a part of a side with each other, in groups."""
    parent = list(range(len(boxes)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for start, end, low, high in ((0, 2, 1, 3), (1, 3, 0, 2)):
        begins: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for n, box in enumerate(boxes):
            begins[box[start]].append((box[low], box[high], n))
        for spans in begins.values():
            spans.sort()
        for n, box in enumerate(boxes):
            spans = begins.get(box[end], [])
            at = max(0, bisect_left(spans, (box[low], 0, 0)) - 1)
            while at < len(spans) and spans[at][0] < box[high]:
                if spans[at][1] > box[low]:
                    parent[root(n)] = root(spans[at][2])
                at += 1
    groups: defaultdict[int, list[Box]] = defaultdict(list)
    for n, box in enumerate(boxes):
        groups[root(n)].append(box)
    return list(groups.values())


def _grid(
    page: Page, boxes: Sequence[Box], line_of: dict[int, int], lines: Sequence[Line], boxed: frozenset[int],
) -> Grid | None:
    xs, ys = sorted({x for b in boxes for x in (b.x0, b.x1)}), sorted({y for b in boxes for y in (b.y0, b.y1)})
    if len(xs) < 3 or len(ys) < 3:
        return None
    words = _words(page, xs[0], ys[0], xs[-1], ys[-1], lines)
    held = _held(page, boxes, words)
    whole = boxes
    boxes, ys = _trimmed(boxes, xs, ys)
    trimmed = [held[box] for box in whole if box not in boxes]
    xs = sorted({x for b in boxes for x in (b.x0, b.x1)})
    if len(xs) < 3 or len(ys) < 3:
        return None
    filled = [box for box in boxes if held[box]]
    if len({box.x0 for box in filled}) < 2 or len({box.y0 for box in filled}) < 2:
        return None
    strays = _strays(page, held, words, xs, ys)
    held |= strays
    boxes = [*boxes, *strays]
    beside: dict[Box, list[int]] = {}
    for left in (True, False):
        beside |= _beside(page, xs, ys, lines, boxed, left)
    if beside:
        held |= beside
        boxes = [*boxes, *beside]
        xs = sorted({x for b in boxes for x in (b.x0, b.x1)})
    ys, cells = _split(page, boxes, held, ys, line_of)
    placed = []
    for box, words_in in cells:
        columns = (bisect_left(xs, box.x0), bisect_left(xs, box.x1) - 1)
        over = (bisect_left(ys, box.y0), bisect_left(ys, box.y1) - 1)
        order = sorted(words_in, key=lambda w: (line_of[w], page.words[w].box.x0))
        placed.append(GridCell(_read(page, order, line_of), over, columns))
    placed.sort(key=lambda cell: (cell.rows, cell.columns))
    rows: dict[int, list[Piece]] = {}
    for cell in placed:
        if cell.rows[0] == cell.rows[1]:
            rows.setdefault(cell.rows[0], []).append(grids.piece(page, cell.words, *cell.columns))
    headed = grids.header_rows([rows[row] for row in sorted(rows)], sorted(rows)) > 0
    above = [] if headed else _above(page, xs, ys[0], lines, boxed.difference(*trimmed))
    if above:
        ys = [min(page.words[word].box.y0 for cell in above for word in cell.words), *ys]
        placed = above + [replace(cell, rows=(cell.rows[0] + 1, cell.rows[1] + 1)) for cell in placed]
        rows = {number + 1: row for number, row in rows.items()} | {0: [grids.piece(page, cell.words, *cell.columns) for cell in above]}
    head = grids.header_rows([rows[row] for row in sorted(rows)], sorted(rows))
    figures = grids.figure_columns([row for number, row in rows.items() if number >= head])
    return Grid(tuple(xs), tuple(ys), head, figures, tuple(placed))


def _read(page: Page, order: Sequence[int], line_of: dict[int, int]) -> tuple[int, ...]:
    by_line: dict[int, list[int]] = {}
    for word in order:
        by_line.setdefault(line_of[word], []).append(word)
    return tuple(word for line in by_line.values() for word in grids.piece(page, line, 0, 0).words)


def _words(page: Page, x0: int, y0: int, x1: int, y1: int, lines: Sequence[Line]) -> list[int]:
    near = [line for line in lines if line.box.y1 > y0 and line.box.y0 < y1 and line.box.x1 > x0 and line.box.x0 < x1]
    return [word for line in near for word in line.words if Box(x0, y0, x1, y1).holds(page.words[word].box.center)]


def _held(page: Page, boxes: Sequence[Box], words: Sequence[int]) -> dict[Box, list[int]]:
    """The words in each box, by their middles."""
    held: dict[Box, list[int]] = {box: [] for box in boxes}
    by_top = sorted(boxes, key=lambda box: box.y0)
    tops = [box.y0 for box in by_top]
    tallest = max(box.height for box in boxes)
    for word in words:
        middle = page.words[word].box.center
        for n in range(bisect_right(tops, middle[1]) - 1, -1, -1):
            if by_top[n].y0 < middle[1] - tallest:
                break
            if by_top[n].holds(middle):
                held[by_top[n]].append(word)
                break
    return held


def _trimmed(boxes: Sequence[Box], xs: Sequence[int], ys: Sequence[int]) -> tuple[list[Box], list[int]]:
    """The boxes without those over the whole width at the top and at the bottom: a frame's title and notes."""
    left = list(boxes)
    ys = list(ys)
    while len(ys) > 2 and any(b.y0 == ys[0] and b.x0 == xs[0] and b.x1 == xs[-1] for b in left):
        left = [b for b in left if b.y0 != ys[0]]
        ys = sorted({y for b in left for y in (b.y0, b.y1)})
    while len(ys) > 2 and any(b.y1 == ys[-1] and b.x0 == xs[0] and b.x1 == xs[-1] for b in left):
        left = [b for b in left if b.y1 != ys[-1]]
        ys = sorted({y for b in left for y in (b.y0, b.y1)})
    return left, ys


def _strays(
    page: Page, held: dict[Box, list[int]], words: Sequence[int], xs: Sequence[int], ys: Sequence[int],
) -> dict[Box, list[int]]:
    """The words among the boxes that no box holds, since a line of it is missing, by the places of the grid."""
    inside = {word for found in held.values() for word in found}
    strays: dict[Box, list[int]] = {}
    for word in words:
        x, y = page.words[word].box.center
        if word not in inside and xs[0] <= x < xs[-1] and ys[0] <= y < ys[-1]:
            column, row = bisect_right(xs, x) - 1, bisect_right(ys, y) - 1
            strays.setdefault(Box(xs[column], ys[row], xs[column + 1], ys[row + 1]), []).append(word)
    return {box: found for box, found in strays.items() if box not in held}


def _beside(
    page: Page, xs: Sequence[int], ys: Sequence[int], lines: Sequence[Line], boxed: frozenset[int], left: bool,
) -> dict[Box, list[int]]:
    """The words of a column without a line on its far side, by the boxes that its far edge would close; empty for none."""
    edge, reach = (xs[0] if left else xs[-1]), OPEN_SIDE * line_height(page)
    rows: dict[int, list[int]] = {}
    gaps, counts = [], []
    for line in lines:
        middle = (line.box.y0 + line.box.y1) / 2
        if not ys[0] <= middle < ys[-1]:
            continue
        parts = [s for s in line.segments if (s.box.x1 <= edge + 3 if left else s.box.x0 >= edge - 3)]
        if not parts or not boxed.isdisjoint(parts[-1 if left else 0].words):
            continue
        part = parts[-1] if left else parts[0]
        gaps.append(edge - part.box.x1 if left else part.box.x0 - edge)
        row = bisect_right(ys, middle) - 1
        rows.setdefault(row, []).extend(part.words)
        counts.append(row)
    bands = len(ys) - 1
    if len(rows) < max(2, OPEN_SHARE * bands) or min(gaps) > reach or len(counts) > 1.5 * len(rows) + 1:
        return {}
    words = [word for row in rows.values() for word in row]
    far = min(page.words[w].box.x0 for w in words) if left else max(page.words[w].box.x1 for w in words)
    return {Box(min(far, edge), ys[row], max(far, edge), ys[row + 1]): found for row, found in rows.items()}


def _above(page: Page, xs: Sequence[int], top: int, lines: Sequence[Line], boxed: frozenset[int]) -> list[GridCell]:
    """The cells of a header that stands above the boxes: lines that have words over most columns, and no figures; empty for none."""
    height, number = line_height(page), bisect_right([line.box.y1 for line in lines], top + SNAP * line_height(page)) - 1
    columns: dict[int, list[int]] = {}
    while number >= 0 and 0 <= top - lines[number].box.y1 + SNAP * height <= HEADER_GAP * height:
        words = lines[number].words
        by_column: dict[int, list[int]] = {}
        for word in words:
            by_column.setdefault(bisect_right(xs, page.words[word].box.center[0]) - 1, []).append(word)
        cut = any(
            page.words[b].box.x0 - page.words[a].box.x1 < EDGE_GAP * height
            for part in lines[number].segments for a, b in pairwise(part.words)
            if any(a in some and b not in some for some in by_column.values())
        )
        outside = cut or not by_column.keys() <= set(range(len(xs) - 1))
        if outside or not boxed.isdisjoint(words) or any(grids.piece(page, some, 0, 0).figure for some in by_column.values()):
            break
        for column, some in by_column.items():
            columns[column] = [*grids.piece(page, some, 0, 0).words, *columns.get(column, [])]
        if 2 * len(columns) > len(xs) - 1:
            return [GridCell(tuple(some), (0, 0), (column, column)) for column, some in sorted(columns.items())]
        top, number = lines[number].box.y0, number - 1
    return []


def _split(
    page: Page, boxes: Sequence[Box], held: dict[Box, list[int]], ys: Sequence[int], line_of: dict[int, int],
) -> tuple[list[int], list[tuple[Box, list[int]]]]:
    """Rows that no line parts: where a column of a row of boxes holds figures below each other, each of them begins a row."""
    cells: list[tuple[Box, list[int]]] = []
    cuts: set[int] = set()
    for top, bottom in pairwise(ys):
        band = [box for box in boxes if (box.y0, box.y1) == (top, bottom) and held[box]]
        tops = _row_tops(page, band, held, line_of)
        cuts |= set(tops)
        bounds = [top, *tops, bottom]
        for box in band:
            parts: dict[int, list[int]] = {}
            for word in held[box]:
                parts.setdefault(bisect_right(tops, page.words[word].box.center[1]), []).append(word)
            for n, part in parts.items():
                cells.append((Box(box.x0, bounds[n], box.x1, bounds[n + 1]), part))
    steps = set(pairwise(ys))
    cells += [(box, held[box]) for box in boxes if (box.y0, box.y1) not in steps and held[box]]
    return sorted({*ys, *cuts}), cells


def _row_tops(page: Page, band: Sequence[Box], held: dict[Box, list[int]], line_of: dict[int, int]) -> list[int]:
    columns: list[dict[int, Piece]] = []
    for box in sorted(band):
        by_line: dict[int, list[int]] = {}
        for word in held[box]:
            by_line.setdefault(line_of[word], []).append(word)
        columns.append({line: grids.piece(page, words, 0, 0) for line, words in by_line.items()})
    tall = [column for column in columns if len(column) > 1]
    figures = [column for column in tall if all(part.figure for part in column.values())]
    if 2 * len(tall) <= len(columns) or columns[0] not in tall or len(tall) < 2 or not figures:
        return []
    begins = sorted({line for column in figures for line in column})
    tops = []
    for line in begins[1:]:
        above = max((part.box.y1 for column in columns for number, part in column.items() if number < line), default=0)
        below = min(part.box.y0 for column in columns for number, part in column.items() if number == line)
        tops.append((above + below) // 2)
    return tops
