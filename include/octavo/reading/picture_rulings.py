"""The rulings and check boxes of a scan or a photo: long thin dark runs with paper on both sides.

What is darker than its surroundings above and below, within the thickness of a line, is the ink of level lines: a black hat, which knows no
edges of pictures and of shaded areas. Where such ink fills most of a window that is long and one pixel high, there may be a line; each that
is long enough is then looked at in the picture itself. Uprights are found the same way in the transposed picture. A skewed page is not
turned: its columns are moved up or down by whole pixels, which is quicker and blurs nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from octavo.reading import picture_checks, rulings
from octavo.reading.line_ink import THICK, GreyPicture, LineInk, Pixels, levelled, odd
from octavo.reading.rulings import PageLines, Pieces

REDUCED = 1.45          # pixels of a point, 104 dpi: to about as many a picture is reduced to see where lines are
# All lengths in points, as in ``rulings``. The resolution that a file names is believed as long as it makes the page no larger than A3 and
# no smaller than A6; without one a page is taken for A4.
PAGE_SIDES, PAGE_SIDE = (420.0, 1191.0), 842.0
WINDOW = 11.0           # length of the window
FILLED = 0.8            # least share of it that is ink: lines have gaps of noise and of worn print
LONG = 40.0             # parts from this length on tell by how much the skew is not quite what was measured
# Shortest level and upright lines by themselves: shorter ones are strokes of letters, unless lines of the other direction hold both ends.
SHORTEST = (20.0, 36.0)
# Dashed lines: length of the window, least share of it that is ink with nothing else near, and shortest line.
DASH_WINDOW, DASH_FILLED, SHORTEST_DASHED = 44.0, 0.3, 50.0
FEWEST_DASHES = 5
DASH_SHAPE = 1.6        # dashes are so many times as long as thick; shorter ones are a leader of dots, which is text
SMALLEST = 8            # pixels of the reduced picture: a narrower one holds no lines
CLEAR = 3.0             # how far above and below a dashed line nothing else is


def read(image: Image.Image, frame: tuple[int, int], skew: float, dpi: int | None) -> PageLines:
    """The rulings and check boxes of a page, in pixels of its frame.

    Args:
        image: the upright page, in any mode; possibly smaller than the frame.
        frame: width and height of the page, pixels.
        skew: degrees at which its lines fall to the right.
        dpi: of the frame, where it is known.
    """
    import cv2  # noqa: PLC0415  # its import takes 60 ms, and born-digital pages do without

    picture = _prepared(image, frame, skew, dpi)
    if min(picture.reduced.shape) < SMALLEST:
        return PageLines()
    inks = LineInk.of(picture), LineInk.of(picture.transposed())
    everything = picture_checks.all_ink(picture)
    pairs = [_candidates(inks[0], everything), _candidates(inks[1], cv2.transpose(everything))]
    point = picture.point
    level, upright = (rulings.joined(found, point) for found in pairs)
    chosen = rulings.chosen(level, upright, point, SHORTEST)
    measured = [ink.into_level(ink.measured(ink.from_level(found))) for ink, found in zip(inks, chosen, strict=True)]
    point *= picture.factor
    level, upright = (rulings.joined(found, point) for found in measured)
    level, upright = rulings.chosen(level, upright, point, SHORTEST)
    back = frame[0] / picture.pixels.shape[1]
    found, count = rulings.rulings_of(inks[0].on_page(level) * back, inks[1].on_page(upright) * back, *frame)
    checks = picture_checks.find(picture, everything, back)
    return PageLines(tuple(rulings.outside(found, checks)), tuple(checks), rulings.too_many(count))


def _prepared(image: Image.Image, frame: tuple[int, int], skew: float, dpi: int | None) -> GreyPicture:
    grey = image.convert("L")
    longer = max(grey.size)
    least, most = longer / PAGE_SIDES[1], longer / PAGE_SIDES[0]
    point = min(most, max(least, dpi / 72 * longer / max(frame))) if dpi else longer / PAGE_SIDE
    factor = max(1, round(point / REDUCED))
    pixels = np.asarray(grey)
    reduced = np.asarray(grey.reduce(factor)) if factor > 1 else pixels
    return GreyPicture(pixels, reduced, factor, point / factor, rulings.tangent(skew))


def _candidates(ink: LineInk, everything: Pixels) -> Pieces:
    """What may be parts of level lines, on the page turned upright."""
    return ink.into_level(np.concatenate((_solid(ink), _dashed(ink, everything))))


def _solid(ink: LineInk) -> Pieces:
    """Parts of the level lines of a picture, as pieces whose thickness is the height of all of the part."""
    import cv2  # noqa: PLC0415

    point = ink.picture.point
    window = odd(WINDOW * point)
    dense = cv2.blur(ink.level, (window, 1), borderType=cv2.BORDER_CONSTANT)
    _, core = cv2.threshold(dense, FILLED * 255, 255, cv2.THRESH_BINARY)
    boxes, slopes = [], []
    # Most rows are empty: what is in each band of others is labelled by itself, which takes a tenth of the time of labelling all.
    bands = np.flatnonzero(np.diff(np.concatenate(([False], core.any(axis=1), [False])).astype(np.int8)))
    for top, bottom in bands.reshape(-1, 2).tolist():
        _, labels, stats, middles = cv2.connectedComponentsWithStats(core[top:bottom], connectivity=8)
        for number, (x, y, width, height, _) in enumerate(stats.tolist()[1:], 1):
            boxes.append((x, x + width, top + middles[number][1], height))
            if width >= LONG * point:
                slopes.append((_slope(labels[y : y + height, x : x + width] == number), width))
    if not boxes:
        return np.zeros((0, 5))
    ink.slope = _median(slopes)
    starts, ends, middle, heights = np.array(boxes, np.float64).T
    flat = middle - ink.slope * (starts + ends) / 2
    reach = round(window * (FILLED - 0.5))
    drop = abs(ink.slope) * (ends - starts)
    thin = heights - drop <= (THICK + 1) * point
    starts, ends = np.maximum(0, starts - reach), np.minimum(ink.level.shape[1], ends + reach)
    pieces: Pieces = np.column_stack((starts, ends, flat, flat, np.ones(len(starts))))[thin]
    return pieces


def _slope(part: npt.NDArray[np.bool_]) -> float:
    """The slope of the straight line nearest to the pixels of a part."""
    ys, xs = np.nonzero(part)
    x_apart = xs - xs.mean()
    return float((x_apart * (ys - ys.mean())).sum() / (x_apart**2).sum())


def _median(weighed: list[tuple[float, int]]) -> float:
    """The median of numbers by weight; 0 for none."""
    if not weighed:
        return 0.0
    values, weights = np.array(sorted(weighed)).T
    return float(values[int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))])


def _dashed(ink: LineInk, everything: Pixels) -> Pieces:
    """The dashed lines of a picture, as pieces: rows of dashes with nothing else near.

    Args:
        ink: of level lines.
        everything: all that is drawn or written, not yet level.
    """
    import cv2  # noqa: PLC0415

    point = ink.picture.point
    around = levelled(everything, ink.picture.fall)
    near, far = odd(THICK * point), odd((THICK + 2 * CLEAR) * point)
    within, outside = (cv2.boxFilter(around, cv2.CV_8U, (1, size), normalize=False) for size in (near, far))
    alone = cv2.bitwise_and(ink.level, cv2.compare(within, outside, cv2.CMP_EQ))
    dense = cv2.blur(alone, (odd(DASH_WINDOW * point), 3), borderType=cv2.BORDER_CONSTANT)
    rows = (cv2.threshold(dense, DASH_FILLED / 3 * 255, 255, cv2.THRESH_BINARY)[1]).any(axis=1)
    pieces = []
    for top, bottom in np.flatnonzero(np.diff(np.concatenate(([False], rows, [False])).astype(np.int8))).reshape(-1, 2).tolist():
        band = alone[max(0, top - 1) : bottom + 1]
        pieces += _dashes(band.any(axis=0), max(0, top - 1) + (band.shape[0] - 1) / 2, point, _thickness(band))
    return np.array(pieces, np.float64).reshape(len(pieces), 5)


def _thickness(band: Pixels) -> float:
    """The mean height of the ink of a band, pixels."""
    heights = (band > 0).sum(axis=0)
    return float(heights[heights > 0].mean()) if heights.any() else 0.0


def _dashes(inked: npt.NDArray[np.bool_], place: float, point: float, thick: float) -> list[tuple[float, float, float, float, float]]:
    """The dashed lines in a band, whose columns have ink or not, as pieces at ``place``."""
    runs = np.flatnonzero(np.diff(np.concatenate(([False], inked, [False])).astype(np.int8))).reshape(-1, 2)
    if len(runs) < FEWEST_DASHES:
        return []
    lengths, gaps = runs[:, 1] - runs[:, 0], runs[1:, 0] - runs[:-1, 1]
    cuts = np.flatnonzero((gaps > rulings.DASH_GAP * point) | (np.maximum(lengths[1:], lengths[:-1]) > 1.5 * rulings.DASH * point)) + 1
    found = []
    for group in np.split(np.arange(len(runs)), cuts):
        start, end = float(runs[group[0], 0]), float(runs[group[-1], 1])
        is_line = len(group) >= FEWEST_DASHES and end - start >= SHORTEST_DASHED * point
        if is_line and float(np.median(lengths[group])) >= DASH_SHAPE * thick:
            found.append((start, end, place, place, 1.0))
    return found
