"""The check boxes that a PDF's page draws: small squares by themselves, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pypdfium2 as pdfium

from octavo.model.entities import Box, CheckBox
from octavo.page import pdf
from octavo.reading import rulings
from octavo.reading.page_objects import Edges
from octavo.reading.rulings import Pieces

SIDES = (5.0, 20.0)  # points: sides of check boxes
SQUARE = 0.8            # least share of a check box's longer side that its shorter one has
MARK = 0.3              # least share of a check box's side that a mark in it has
DARK = 128              # grey level
Colour = tuple[int, int, int, int]  # red, green, blue and opacity, of 255


class Shape(NamedTuple):
    """A small path, which may be a check box or a mark in one; ``closed`` if it is more than a line and not clipped."""

    edges: Edges
    order: float
    closed: bool
    fill: Colour | None
    stroke: Colour | None


def find(small: Sequence[Shape], lines: Pieces, page: pdfium.PdfPage, dpi: int) -> list[CheckBox]:
    """The check boxes: squares that no line of a table goes on from, and that do not stand side by side as cells do.

    Args:
        small: the small paths of a page.
        lines: its straight strokes that are seen, n x 5: end points, and when each is drawn.
        page: whose they are.
        dpi: of its frame.
    """
    squares = [shape for shape in small if shape.closed and shape.stroke is not None and _is_square(shape.edges)]
    framed = [(shape, edges) for shape in squares if (edges := _sides_around(shape, lines)) is not None]
    if not framed:
        return []
    around = np.array([edges for _, edges in framed], np.float64)
    boxes = [(shape, edges) for shape, edges in framed if not _is_cell(edges, around, lines)]
    places = np.array([edges for _, edges in boxes], np.float64).reshape(len(boxes), 4)
    frames = {shape.order for shape, _ in framed}
    marks = [mark for mark in small if mark.fill is not None or mark.order not in frames]
    checks = {
        Box(*place): any(_ticks(mark, shape, edges) for mark in marks)
        for place, (shape, edges) in zip(np.rint(pdf.in_frame(places, page, dpi)).astype(int).tolist(), boxes, strict=True)
    }
    return [CheckBox(box, checks[box]) for box in sorted(checks, key=lambda box: (box.y0, box.x0))]


def _is_square(edges: Edges) -> bool:
    across, down = edges[2] - edges[0], edges[3] - edges[1]
    shorter, longer = min(across, down), max(across, down)
    return SIDES[0] <= shorter and longer <= SIDES[1] and shorter >= SQUARE * longer


def _sides_around(shape: Shape, lines: Pieces) -> Edges | None:
    """The edges that a shape's straight sides make; None unless two in each direction are seen: circles and letters have none."""
    own = lines[lines[:, 4] == shape.order]
    if not len(own):
        return None
    across, down = np.abs(own[:, 2:4] - own[:, :2]).T
    half = (shape.edges[2] - shape.edges[0]) / 2
    if not (across >= half).sum() >= 2 <= (down >= half).sum():  # two and two
        return None
    low, high = np.minimum(own[:, :2], own[:, 2:4]).min(axis=0), np.maximum(own[:, :2], own[:, 2:4]).max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _is_cell(edges: Edges, squares: Pieces, lines: Pieces) -> bool:
    """Whether a square stands side by side with another one or within it, or longer lines run along its sides."""
    left, bottom, right, top = edges
    near, side = rulings.TOUCHING, max(right - left, top - bottom)
    meets_x = (np.abs(squares[:, 0] - right) <= near) | (np.abs(squares[:, 2] - left) <= near)
    meets_y = (np.abs(squares[:, 1] - top) <= near) | (np.abs(squares[:, 3] - bottom) <= near)
    same_row, same_column = np.abs(squares[:, 1] - bottom) <= near, np.abs(squares[:, 0] - left) <= near
    x0, y0 = np.minimum(lines[:, :2], lines[:, 2:4]).T
    x1, y1 = np.maximum(lines[:, :2], lines[:, 2:4]).T
    along_x = (x1 - x0 > 1.5 * side) & (np.minimum(np.abs(y0 - bottom), np.abs(y0 - top)) <= near) & (x0 <= right) & (left <= x1)
    along_y = (y1 - y0 > 1.5 * side) & (np.minimum(np.abs(x0 - left), np.abs(x0 - right)) <= near) & (y0 <= top) & (bottom <= y1)
    larger = (squares[:, 0] < left) & (squares[:, 1] < bottom) & (right < squares[:, 2]) & (top < squares[:, 3])
    return bool(((meets_x & same_row) | (meets_y & same_column) | larger).any() or along_x.any() or along_y.any())


def _ticks(mark: Shape, box: Shape, edges: Edges) -> bool:
    """Whether a shape is a mark in a check box: drawn after it, with its middle in it, of some size, and dark."""
    left, bottom, right, top = mark.edges
    x, y = (left + right) / 2, (bottom + top) / 2
    if mark.order <= box.order or not (edges[0] < x < edges[2] and edges[1] < y < edges[3]):
        return False
    share = max(right - left, top - bottom) / (edges[2] - edges[0])
    colour = mark.fill or mark.stroke
    return colour is not None and share >= MARK and sum(colour[:3]) < 3 * DARK
