"""The boxes that a page's rulings close: the cells of a table, the fields of a form."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from octavo.model.entities import Box, Page
from octavo.page.level import levelled

# Gap that two lines may leave where they meet, as a share of the page's width: 4 pixels of A4 at 200 dpi, as far as scans wear corners off.
GAP_SHARE = 1 / 400
LEAST_GAP = 3  # pixels

Cell = tuple[int, int]


class _Grid(NamedTuple):
    """The places of all level and upright lines, and where there is a line from one place to the next.

    ``over`` has (row, column) of each field with a line along its upper side, ``before`` of each with one along its left side.
    """

    ys: list[int]
    xs: list[int]
    over: set[Cell]
    before: set[Cell]


def boxes_of(page: Page) -> list[Box]:
    """The smallest boxes that rulings close, from the top down, then from the left.

    Args:
        page: with its rulings, skewed or not.

    Returns:
        Boxes between the middle lines of their sides, in pixels of the levelled page (``page.level.levelled``). They do not overlap.
        What lines close to another shape than a rectangle is none, and neither is a box that holds another one.
    """
    level = levelled(page) if page.skew else page
    gap = max(LEAST_GAP, round(GAP_SHARE * page.width))
    grid = _grid(level, gap)
    found, seen = [], set[Cell]()
    for start in sorted(grid.over & grid.before):
        if start not in seen:
            field = _field(start, grid)
            seen |= field
            box = _box(field, grid)
            if box is not None:
                found.append(box)
    return sorted(found, key=lambda box: (box.y0, box.x0))


def _grid(page: Page, gap: int) -> _Grid:
    across = [ruling for ruling in page.rulings if ruling.level]
    down = [ruling for ruling in page.rulings if not ruling.level]
    ys, xs = _places(((r.y0 + r.y1) / 2 for r in across), gap), _places(((r.x0 + r.x1) / 2 for r in down), gap)
    over = {(_nearest(ys, (r.y0 + r.y1) / 2), column) for r in across for column in _spanned(xs, r.x0, r.x1, gap)}
    before = {(row, _nearest(xs, (r.x0 + r.x1) / 2)) for r in down for row in _spanned(ys, r.y0, r.y1, gap)}
    return _Grid(ys, xs, over, before)


def _places(values: Iterable[float], gap: int) -> list[int]:
    """The places of lines, those nearer to each other than ``gap`` as one, in order."""
    groups: list[list[float]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] < gap:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [round(sum(group) / len(group)) for group in groups]


def _nearest(places: Sequence[int], value: float) -> int:
    at = bisect_left(places, value)
    return min((index for index in (at - 1, at) if 0 <= index < len(places)), key=lambda index: abs(places[index] - value))


def _spanned(places: Sequence[int], start: int, end: int, gap: int) -> range:
    """Which of the steps from one place to the next lie between ``start`` and ``end``."""
    first = bisect_left(places, start - gap)
    last = bisect_left(places, end + gap + 1) - 1
    return range(first, max(first, last))


def _field(start: Cell, grid: _Grid) -> set[Cell]:
    """All fields that no line parts from one; empty where that leads off the grid."""
    field, waiting = {start}, [start]
    while waiting:
        row, column = waiting.pop()
        if not (0 <= row < len(grid.ys) - 1 and 0 <= column < len(grid.xs) - 1):
            return set()
        ways = [
            ((row - 1, column), (row, column) in grid.over), ((row + 1, column), (row + 1, column) in grid.over),
            ((row, column - 1), (row, column) in grid.before), ((row, column + 1), (row, column + 1) in grid.before),
        ]
        for other, parted in ways:
            if not parted and other not in field:
                field.add(other)
                waiting.append(other)
    return field


def _box(field: set[Cell], grid: _Grid) -> Box | None:
    """The box of a field that is a rectangle, else None."""
    if not field:
        return None
    rows, columns = zip(*field, strict=True)
    top, bottom, left, right = min(rows), max(rows) + 1, min(columns), max(columns) + 1
    if len(field) != (bottom - top) * (right - left):
        return None
    return Box(grid.xs[left], grid.ys[top], grid.xs[right], grid.ys[bottom])
