"""The check boxes of a scan or a photo: small squares of four straight sides that nothing else touches, and what is in them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from octavo.model.entities import Box, CheckBox
from octavo.reading.line_ink import THICK, GreyPicture, Pixels, darker, levelled, odd

SIDES = (5.5, 22.0)     # points, from outer edge to outer edge
SQUARE = 0.8            # least share of the longer side that the shorter one has
# Least share of each side that is ink, in the reduced picture and then in the picture itself: letters that are round or open have less.
ROUGH, STRAIGHT = 0.75, 0.85
WHOLE = 0.9             # least share of each side's outermost two pixels, corners included: a round letter has .6
STROKE = 1.4            # points: within so much of its edge a box has its sides
INK = 0.45              # share of the way from the paper's grey level to the sides' from which on a pixel is ink
MARKED = 0.08           # least darkness of what is in a box, its sides' being 1: a thin cross has .15, an empty box .02


def all_ink(picture: GreyPicture) -> Pixels:
    """1 where something is drawn or written, else 0, in the reduced picture."""
    size = odd(THICK * picture.point)
    return darker(picture.reduced, size, size) // 255


def find(picture: GreyPicture, small: Pixels, back: float) -> list[CheckBox]:
    """The check boxes of a page, from the top down.

    Args:
        picture: the page.
        small: its ``all_ink``.
        back: pixels of the page's frame that one of the picture is.
    """
    import cv2  # noqa: PLC0415

    fall, factor = picture.fall, picture.factor
    level = cv2.transpose(levelled(cv2.transpose(levelled(small, fall)), -fall)) if fall else small
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(level, 8, cv2.CV_32S, cv2.CCL_SPAGHETTI)
    x, y, width, height = stats[1:, :4].T.astype(np.int64)
    least, most = (side * picture.point for side in SIDES)
    shorter, longer = np.minimum(width, height), np.maximum(width, height)
    right_size = (shorter >= least) & (longer <= most) & (shorter >= SQUARE * longer)
    x, y, width, height = (values[right_size] for values in (x, y, width, height))
    if not len(x):
        return []
    framed = _framed(cv2.integral(level), x, y, width, height)
    found = []
    for left, top, across, down in np.column_stack((x, y, width, height))[framed].tolist():
        row = factor * (top + down / 2)
        column = factor * (left + across / 2) - fall * row
        check = _looked_at(picture, (column, row + fall * column), (factor * across, factor * down))
        if check is not None:
            found.append(CheckBox(Box(*(round(side * back) for side in check.box)), check.ticked))
    return sorted(found, key=lambda check: (check.box.y0, check.box.x0))


Ints = npt.NDArray[np.int64]


def _framed(sums: Ints, x: Ints, y: Ints, width: Ints, height: Ints) -> npt.NDArray[np.bool_]:
    """Whether boxes have ink along all of their four sides, of a picture whose sums over rectangles are known."""

    def ink(left: Ints, top: Ints, right: Ints, bottom: Ints) -> Ints:
        total: Ints = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return total

    right, bottom = x + width, y + height
    sides = [
        np.maximum(ink(x, y, right, y + 1), ink(x, y + 1, right, y + 2)) / width,
        np.maximum(ink(x, bottom - 1, right, bottom), ink(x, bottom - 2, right, bottom - 1)) / width,
        np.maximum(ink(x, y, x + 1, bottom), ink(x + 1, y, x + 2, bottom)) / height,
        np.maximum(ink(right - 1, y, right, bottom), ink(right - 2, y, right - 1, bottom)) / height,
    ]
    framed: npt.NDArray[np.bool_] = np.min(sides, axis=0) >= ROUGH
    return framed


def _looked_at(picture: GreyPicture, middle: tuple[float, float], size: tuple[int, int]) -> CheckBox | None:
    """A check box in the picture itself, of about that size around a point; None if its sides are not straight up to the corners."""
    import cv2  # noqa: PLC0415

    point = picture.factor * picture.point
    margin = round(point)
    cos = 1 / math.hypot(1, picture.fall)
    sin = picture.fall * cos
    width, height = size[0] + 2 * margin, size[1] + 2 * margin
    shift = [middle[0] - (cos * width - sin * height) / 2, middle[1] - (sin * width + cos * height) / 2]
    into_picture = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    turned = cv2.INTER_LINEAR if picture.fall else cv2.INTER_NEAREST
    flags = turned | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(picture.pixels, into_picture, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    grey = crop.astype(np.float32)
    stroke = max(3, round(STROKE * point)) + margin
    paper = float(np.percentile(np.concatenate((grey[:2].ravel(), grey[-2:].ravel(), grey[:, :2].ravel(), grey[:, -2:].ravel())), 60))
    strips = (grey[:stroke].min(axis=0), grey[-stroke:].min(axis=0), grey[:, :stroke].min(axis=1), grey[:, -stroke:].min(axis=1))
    sides = float(np.median(np.concatenate([strip[stroke:-stroke] for strip in strips])))
    dark = grey < paper - INK * (paper - sides)
    rows = np.flatnonzero(dark[:, stroke:-stroke].mean(axis=1) >= STRAIGHT)
    columns = np.flatnonzero(dark[stroke:-stroke].mean(axis=0) >= STRAIGHT)
    if not len(rows) or not len(columns):
        return None
    y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if max(y0, x0, len(dark) - y1, dark.shape[1] - x1) > stroke or min(y1 - y0, x1 - x0) < SQUARE * max(y1 - y0, x1 - x0):
        return None
    box = dark[y0:y1, x0:x1]
    outermost = (box[:2].any(axis=0), box[-2:].any(axis=0), box[:, :2].any(axis=1), box[:, -2:].any(axis=1))
    if min(float(side.mean()) for side in outermost) < WHOLE:
        return None
    thick = max(2, round(STROKE * point))
    inner = grey[y0 + thick : y1 - thick, x0 + thick : x1 - thick]
    darkness = float(np.clip(paper - inner - 0.2 * (paper - sides), 0, None).mean()) / max(1.0, paper - sides) if inner.size else 0.0
    corners = into_picture @ np.array([(x, y, 1.0) for x in (x0, x1) for y in (y0, y1)]).T
    left, top, right, bottom = (round(float(side)) for side in (*corners.min(axis=1), *corners.max(axis=1)))
    return CheckBox(Box(left, top, right, bottom), darkness >= MARKED)
