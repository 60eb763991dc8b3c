"""The rulings and check boxes that a PDF's page draws: its path objects, also those within form objects.

A ruling is a straight stroke, or a filled area that is as thin as one. The sides of a rectangle are rulings where it is stroked; the edges
of a filled area are none, as a shaded row is no line: where rows are told apart by shade alone, the words' own places tell the rows.
Only what is seen counts: within its clip and the page, not transparent, of another colour than what lies under it, and not covered
by a later area. pdfium is asked as little as possible, as each question costs a microsecond.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from octavo.page import pdf
from octavo.page.images import Affine, then
from octavo.reading import pdf_checks, rulings
from octavo.reading.page_objects import Edges, PageObject, around, matrix_of
from octavo.reading.pdf_checks import Colour, Shape
from octavo.reading.rulings import PageLines, Pieces

MOST_PATHS = 5000       # looked at on one page, in the order in which they are drawn: some 50 ms; maps have 10,000 and more
MOST_SEGMENTS = 200     # of a path; curves and outlines have more
MOST_AREAS = 500        # the largest of a page that are looked at as what lies under or over a line
LEVEL = math.tan(math.radians(2.0))  # steepest level line; text layers are level
SEEN = 10               # of 255: least difference of a colour from what lies under it that people see
OPAQUE = 250            # of 255
DOT = 2.5               # points: what is no larger may be a dot of a dotted line, in either direction
EXACT = 0.02            # points

# What pdfium writes its answers into: a child reads one page at a time, and making them anew takes as long as asking.
_floats = tuple(ctypes.c_float() for _ in range(4))
_parts = tuple(ctypes.c_uint() for _ in range(4))
_modes = tuple(ctypes.c_int() for _ in range(2))
NOWHERE = (-math.inf, -math.inf, math.inf, math.inf)
# What lies under a line, where that is a picture or a shading: other than every colour.
UNKNOWN: Colour = (-1000, -1000, -1000, 255)


class _Stroke(NamedTuple):
    """A straight piece: end points, thickness in points, colour, and when it is drawn."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    colour: Colour
    order: float


class _Area(NamedTuple):
    """A rectangle that is filled, a picture or a shading."""

    edges: Edges
    colour: Colour
    order: float


@dataclass
class _Drawing:
    """What the paths of a page draw."""

    strokes: list[_Stroke] = field(default_factory=list)
    areas: list[_Area] = field(default_factory=list)
    small: list[Shape] = field(default_factory=list)
    paths: int = 0
    drawn: int = 0

    def add(self, path: PageObject) -> None:
        self.paths += 1
        if self.paths > MOST_PATHS:
            return
        self.drawn += 1
        item, place = path.handle, path.place
        count = pdfium_c.FPDFPath_CountSegments(item)
        edges = path.bounds()
        across, down = edges[2] - edges[0], edges[3] - edges[1]
        large = max(across, down) > 1.5 * pdf_checks.SIDES[1]
        if large and count == _LINE_SEGMENTS and min(across, down) > max(2 * rulings.THICKEST, 2 * LEVEL * max(across, down)):
            return  # a slanted line
        fill, stroke = _colours(item)
        if fill is None and stroke is None:
            return
        clip = _clip(item, place)
        shown = edges if clip is NOWHERE else _common(edges, clip)
        if shown is None:
            return
        if not large:
            self.small.append(Shape(shown, self.drawn, count > _LINE_SEGMENTS and clip is NOWHERE, fill, stroke))
        if fill is None and count == _LINE_SEGMENTS:
            self._line(item, place, edges, clip, stroke or UNKNOWN)
            return
        if fill is not None:
            self._fill(item, place, count, shown, clip, fill)
        if stroke is not None and count <= MOST_SEGMENTS:
            self._stroke(item, place, count, clip, stroke)

    def _line(self, item: pdfium_c.FPDF_PAGEOBJECT, place: Affine, edges: Edges, clip: Edges, colour: Colour) -> None:
        """A stroke of two points. pdfium's bounds lie around it by its thickness, which tells where level and upright ones are."""
        left, bottom, right, top = edges
        thick = min(right - left, top - bottom) / 2
        pdfium_c.FPDFPageObj_GetStrokeWidth(item, _floats[0])
        if abs(thick - _floats[0].value) > EXACT:  # slanted, or scaled
            self._stroke(item, place, _LINE_SEGMENTS, clip, colour)
            return
        line = _line_of((left + thick / 2, bottom + thick / 2, right - thick / 2, top - thick / 2), colour, self.drawn)
        if line is not None:
            lies = right - left >= top - bottom
            x, y = (thick / 2, 0.0) if lies else (0.0, thick / 2)
            line = line._replace(x0=line.x0 + x, x1=line.x1 - x, y0=line.y0 + y, y1=line.y1 - y)
            piece = _clipped(line, clip)
            if piece is not None:
                self.strokes.append(piece)

    def _fill(
        self, item: pdfium_c.FPDF_PAGEOBJECT, place: Affine, count: int, edges: Edges, clip: Edges, colour: Colour,
    ) -> None:
        """A thin area is a line, the frame between two rectangles is four, and any other rectangle an area."""
        thin = _line_of(edges, colour, self.drawn)
        if thin is not None:
            if count <= MOST_SEGMENTS:
                self.strokes.append(thin)
        elif count == _FRAME_SEGMENTS:
            outer, inner = _two_rectangles(item, place)
            sides = ((outer[0], outer[1], inner[0], outer[3]), (inner[2], outer[1], outer[2], outer[3]),
                     (outer[0], outer[1], outer[2], inner[1]), (outer[0], inner[3], outer[2], outer[3]))
            seen = [shown for side in sides if side[0] < side[2] and side[1] < side[3] and (shown := _common(side, clip)) is not None]
            self.strokes += [line for side in seen if (line := _line_of(side, colour, self.drawn)) is not None]
        elif count <= _RECTANGLE_SEGMENTS:
            self.areas.append(_Area(edges, colour, self.drawn - 0.5))  # under its own stroke

    def _stroke(self, item: pdfium_c.FPDF_PAGEOBJECT, place: Affine, count: int, clip: Edges, colour: Colour) -> None:
        pdfium_c.FPDFPageObj_GetStrokeWidth(item, _floats[0])
        matrix = then(matrix_of(item), place)
        thick = float(_floats[0].value) * math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))
        sides = _sides(item, matrix) if count == _RECTANGLE_SEGMENTS else None
        for (x0, y0), (x1, y1) in sides or _pieces(item, count, matrix):
            if min(abs(x1 - x0), abs(y1 - y0)) <= LEVEL * max(abs(x1 - x0), abs(y1 - y0)):
                piece = _clipped(_Stroke(x0, y0, x1, y1, thick, colour, self.drawn), clip)
                if piece is not None:
                    self.strokes.append(piece)


_LINE_SEGMENTS, _RECTANGLE_SEGMENTS, _FRAME_SEGMENTS = 2, 5, 10


def read(page: pdfium.PdfPage, items: Sequence[PageObject], dpi: int) -> PageLines:
    """The rulings and check boxes of a page, in pixels of its frame at ``dpi``.

    Args:
        page: an open page.
        items: its objects.
        dpi: of the frame.
    """
    drawing = _Drawing()
    _look_at(items, drawing)
    if not drawing.strokes and not drawing.small:
        return PageLines(left_out=_left_out(drawing.paths, 0))
    strokes = _seen(drawing.strokes, drawing.areas)
    point = dpi / pdf.POINTS_PER_INCH
    level, upright = _lines(strokes, page, dpi)
    level, upright = rulings.joined(level, point), rulings.joined(upright, point)
    drawn = np.array([(*stroke[:4], stroke.order) for stroke in strokes], np.float64).reshape(len(strokes), 5)
    checks = pdf_checks.find(drawing.small, drawn, page, dpi)
    found, count = rulings.rulings_of(*rulings.chosen(level, upright, point), *pdf.frame(page, dpi))
    return PageLines(tuple(rulings.outside(found, checks)), tuple(checks), _left_out(drawing.paths, count))


def _left_out(paths: int, lines: int) -> str | None:
    """What was left out, in words."""
    if paths > MOST_PATHS:
        return f"rulings: the first {MOST_PATHS:,} of {paths:,} paths were looked at"
    return rulings.too_many(lines)


def _look_at(items: Sequence[PageObject], drawing: _Drawing) -> None:
    unknown = (pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_SHADING)
    for item in items:
        if item.kind == pdfium_c.FPDF_PAGEOBJ_PATH:
            drawing.add(item)
        elif item.kind in unknown:
            drawing.drawn += 1
            drawing.areas.append(_Area(item.bounds(), UNKNOWN, drawing.drawn))


def _clip(item: pdfium_c.FPDF_PAGEOBJECT, place: Affine) -> Edges:
    """What the bounds of a path's clips have in common; ``NOWHERE`` without clips."""
    clip = pdfium_c.FPDFPageObj_GetClipPath(item)
    clips = pdfium_c.FPDFClipPath_CountPaths(clip)
    if clips <= 0:
        return NOWHERE
    left, bottom, right, top = NOWHERE
    for number in range(clips):
        count = min(pdfium_c.FPDFClipPath_CountPathSegments(clip, number), MOST_SEGMENTS)
        places = range(0, 4, 2) if count in (4, 5) else range(count)  # of a rectangle two opposite corners
        points = [_point(pdfium_c.FPDFClipPath_GetPathSegment(clip, number, index)) for index in places]
        if points:
            x0, y0, x1, y1 = around(points, place)
            left, bottom, right, top = max(left, x0), max(bottom, y0), min(right, x1), min(top, y1)
    return left, bottom, right, top


def _point(segment: pdfium_c.FPDF_PATHSEGMENT) -> tuple[float, float]:
    x, y, _, _ = _floats
    pdfium_c.FPDFPathSegment_GetPoint(segment, x, y)
    return x.value, y.value


def _common(edges: Edges, clip: Edges) -> Edges | None:
    left, bottom = max(edges[0], clip[0]), max(edges[1], clip[1])
    right, top = min(edges[2], clip[2]), min(edges[3], clip[3])
    return (left, bottom, right, top) if left <= right and bottom <= top else None


def _colours(item: pdfium_c.FPDF_PAGEOBJECT) -> tuple[Colour | None, Colour | None]:
    """The colours that a path is filled and stroked with; None where it is not, or not to be seen."""
    fills, strokes = _modes
    pdfium_c.FPDFPath_GetDrawMode(item, fills, strokes)
    fill = _colour(pdfium_c.FPDFPageObj_GetFillColor, item) if fills.value else None
    stroke = _colour(pdfium_c.FPDFPageObj_GetStrokeColor, item) if strokes.value else None
    return fill, stroke


def _colour(ask: object, item: pdfium_c.FPDF_PAGEOBJECT) -> Colour | None:
    if not ask(item, *_parts):  # type: ignore[operator]  # a function of pdfium, which has no types
        return UNKNOWN
    red, green, blue, alpha = _parts[0].value, _parts[1].value, _parts[2].value, _parts[3].value
    return (red, green, blue, alpha) if alpha >= SEEN else None


def _pieces(
    item: pdfium_c.FPDF_PAGEOBJECT, count: int, place: Affine,
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight pieces of a path, points of the page; curves are passed over."""
    a, b, c, d, e, f = place
    start = last = (0.0, 0.0)
    for index in range(count):
        segment = pdfium_c.FPDFPath_GetPathSegment(item, index)
        x, y = _point(segment)
        here = (a * x + c * y + e, b * x + d * y + f)
        kind = pdfium_c.FPDFPathSegment_GetType(segment)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            start = here
        elif kind == pdfium_c.FPDF_SEGMENT_LINETO:
            yield last, here
        last = here
        if count > _LINE_SEGMENTS and here != start and pdfium_c.FPDFPathSegment_GetClose(segment):
            yield here, start


def _sides(item: pdfium_c.FPDF_PAGEOBJECT, place: Affine) -> list[tuple[tuple[float, float], tuple[float, float]]] | None:
    """The sides of a path of five points that its first three tell to be an upright rectangle, else None."""
    a, b, c, d, e, f = place
    points = [_point(pdfium_c.FPDFPath_GetPathSegment(item, index)) for index in (0, 1, 2, 4)]
    (x0, y0), (x1, y1), (x2, y2), last = ((a * x + c * y + e, b * x + d * y + f) for x, y in points)
    if last != (x0, y0) or not ((y0 == y1 and x1 == x2) or (x0 == x1 and y1 == y2)):
        return None
    corners = [(x0, y0), (x1, y1), (x2, y2), (x0 + x2 - x1, y0 + y2 - y1), (x0, y0)]
    return list(pairwise(corners))


def _two_rectangles(item: pdfium_c.FPDF_PAGEOBJECT, place: Affine) -> tuple[Edges, Edges]:
    """The outer and the inner of the two halves of a path's points."""
    matrix = then(matrix_of(item), place)
    points = [_point(pdfium_c.FPDFPath_GetPathSegment(item, index)) for index in range(_FRAME_SEGMENTS)]
    first, second = around(points[:_RECTANGLE_SEGMENTS], matrix), around(points[_RECTANGLE_SEGMENTS:], matrix)
    outer = (min(first[0], second[0]), min(first[1], second[1]), max(first[2], second[2]), max(first[3], second[3]))
    return outer, (max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3]))


def _line_of(edges: Edges, colour: Colour, order: float) -> _Stroke | None:
    """The middle line of a thin area, or of a dot, else None."""
    left, bottom, right, top = edges
    across, down = right - left, top - bottom
    if min(across, down) > rulings.THICKEST or DOT < max(across, down) < rulings.SLENDER * min(across, down):
        return None
    if across >= down:
        return _Stroke(left, (bottom + top) / 2, right, (bottom + top) / 2, down, colour, order)
    return _Stroke((left + right) / 2, bottom, (left + right) / 2, top, across, colour, order)


def _clipped(stroke: _Stroke, clip: Edges) -> _Stroke | None:
    """What a clip leaves of a stroke; of a slanted one its ends are cut as those of a level one."""
    if clip is NOWHERE:
        return stroke
    half = stroke.width / 2
    level = abs(stroke.x1 - stroke.x0) >= abs(stroke.y1 - stroke.y0)
    x, y = (0.0, half) if level else (half, 0.0)
    left, right = sorted((stroke.x0, stroke.x1))
    bottom, top = sorted((stroke.y0, stroke.y1))
    shown = _common((left - x, bottom - y, right + x, top + y), clip)
    if shown is None:
        return None
    slanted = min(abs(stroke.x1 - stroke.x0), abs(stroke.y1 - stroke.y0)) > half
    return stroke if slanted else _line_of(shown, stroke.colour, stroke.order)


def _seen(strokes: Sequence[_Stroke], areas: Sequence[_Area]) -> list[_Stroke]:
    """The strokes that have another colour than what lies under them, and that nothing covers."""
    if not strokes:
        return []
    lines = np.array([(*stroke[:5], *stroke.colour, stroke.order) for stroke in strokes], np.float64)
    seen = np.ones(len(lines), bool)
    before = np.full((len(lines), 3), 255.0)  # paper
    large = sorted(areas, key=lambda area: (area.edges[2] - area.edges[0]) * (area.edges[3] - area.edges[1]))[-MOST_AREAS:]
    if large:
        large.sort(key=lambda area: area.order)
        table = np.array([(*area.edges, *area.colour, area.order) for area in large], np.float64)
        left, bottom, right, top = table[:, :4].T
        earlier = lines[:, 9, None] > table[:, 8]  # lines by areas
        low, high = np.minimum(lines[:, :2], lines[:, 2:4]), np.maximum(lines[:, :2], lines[:, 2:4])
        x, y = ((low + high) / 2).T[:, :, None]
        under = earlier & (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
        upmost = np.where(under, np.arange(1, len(large) + 1), 0).max(axis=1)
        before = np.vstack(([255.0, 255.0, 255.0], table[:, 4:7]))[upmost]
        covers = (table[:, 7] >= OPAQUE) & (table[:, 4] >= 0)
        inside = (left <= low[:, :1]) & (bottom <= low[:, 1:]) & (high[:, :1] <= right) & (high[:, 1:] <= top)
        seen = ~(covers & inside & ~earlier).any(axis=1)
    contrast = np.abs(lines[:, 5:8] - before).max(axis=1) * lines[:, 8] / 255
    return [stroke for stroke, kept in zip(strokes, (seen & (contrast >= SEEN)).tolist(), strict=True) if kept]


def _lines(strokes: Sequence[_Stroke], page: pdfium.PdfPage, dpi: int) -> tuple[Pieces, Pieces]:
    """The strokes as level and as upright pieces of the page's frame."""
    held = np.array([stroke[:5] for stroke in strokes], np.float64).reshape(len(strokes), 5)
    first, last = _in_frame(held[:, 0:2], page, dpi), _in_frame(held[:, 2:4], page, dpi)
    width = held[:, 4] * dpi / pdf.POINTS_PER_INCH
    size = np.array(pdf.frame(page, dpi), np.float64)
    found = []
    for along, across in ((0, 1), (1, 0)):
        right_way = np.abs(last[:, along] - first[:, along]) >= np.abs(last[:, across] - first[:, across])
        forwards = first[:, along] <= last[:, along]
        start = np.where(forwards[:, None], first, last)
        end = np.where(forwards[:, None], last, first)
        on_page = (start[:, across] >= 0) & (start[:, across] <= size[across]) & (end[:, along] > 0) & (start[:, along] < size[along])
        columns = (np.maximum(start[:, along], 0), np.minimum(end[:, along], size[along]), start[:, across], end[:, across], width)
        # A dot lies as well along one direction as along the other.
        tiny = np.hypot(*(last - first).T) <= DOT * dpi / pdf.POINTS_PER_INCH
        found.append(np.column_stack(columns)[(right_way | tiny) & on_page])
    return found[0], found[1]


def _in_frame(points: Pieces, page: pdfium.PdfPage, dpi: int) -> Pieces:
    """Points of the page as it is stored, in pixels of its frame."""
    a, b, c, d, e, f = pdf.transform(page, dpi)
    x_left, _, _, y_top = page.get_bbox()
    x, y = points[:, 0] - x_left, y_top - points[:, 1]
    return np.column_stack((a * x + c * y + e, b * x + d * y + f))
