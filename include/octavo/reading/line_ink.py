"""The ink of a picture's level lines, and each line as exactly as the picture tells it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from octavo.reading.rulings import Pieces

Pixels = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

THICK = 4.5             # points: thickest line that is looked for
LEAST_DEPTH = 12        # grey levels of 255 by which ink is darker than its surroundings, at least
NOISE = 2.2             # and how many times the black hat's median, which is the paper's noise
# Least share of the inked columns of a line with paper on both of its sides: rows of small print have up to .80, longer ones than
# ``LONG`` points and noise .77; lines that noise wears have .85 and, over such a length, .75 (scans of made pages, ``bench/rulings.py``).
PAPER, PAPER_LONG, LONG = 0.82, 0.72, 60.0
INKED = 0.3             # least share of a line's columns with ink: dashes and their gaps
MOST_COLUMNS = 120      # of a line that are looked at: more tell no more
STRETCHES = 8           # in which a line's place is measured, to tell its slope
# A line of more rows than this has ink in this share of them at most columns; of less it may be a pixel higher or lower at some.
THIN_ROWS, SOLID = 4, 0.6
EVEN = 0.45             # least share of a line's depth against its brighter side that its darker side has; less is an edge of a dark area
FEWEST_ROWS = 3         # of a picture: in less nothing is told from its surroundings
EDGE = 0.3              # share of the middle's depth to which a line reaches on both sides


def share_of(values: npt.NDArray[np.number], share: float = 0.5, axis: int = -1) -> npt.NDArray[np.float64]:
    """The value below which a share of values lies, along an axis; by default the (upper) median. numpy's own takes five times as long."""
    at = min(values.shape[axis] - 1, int(share * values.shape[axis]))
    found: npt.NDArray[np.float64] = np.partition(values, at, axis).take(at, axis)
    return found


def odd(length: float) -> int:
    """The odd number next to a length."""
    return 2 * round(length / 2) + 1


@dataclass(frozen=True, slots=True)
class GreyPicture:
    """A page's picture: grey, and reduced, which is enough to see where lines are.

    ``reduced`` has one pixel for a square of ``factor`` pixels a side, and ``point`` of its pixels to a point. ``fall`` is how far level
    lines fall on a pixel to the right. ``across``: it is transposed, so that upright lines are level in it.
    """

    pixels: Pixels
    reduced: Pixels
    factor: int
    point: float
    fall: float
    across: bool = False

    def transposed(self) -> GreyPicture:
        """The picture in which upright lines are level, and level ones upright."""
        import cv2  # noqa: PLC0415  # its import takes 60 ms, and born-digital pages do without

        return GreyPicture(self.pixels.T, cv2.transpose(self.reduced), self.factor, self.point, -self.fall, not self.across)


def darker(pixels: Pixels, width: int, height: int) -> Pixels:
    """255 where a picture is darker than what lies around it, for things less wide or less high than a window; else 0."""
    import cv2  # noqa: PLC0415

    depth = cv2.subtract(cv2.morphologyEx(pixels, cv2.MORPH_CLOSE, np.ones((height, width), np.uint8)), pixels)
    noise = float(share_of(depth[::5, ::7].ravel()))
    dark: Pixels = cv2.threshold(depth, LEAST_DEPTH + NOISE * noise, 255, cv2.THRESH_BINARY)[1]
    return dark


@dataclass
class LineInk:
    """The ink of level lines (255, else 0) in the reduced picture, its columns moved so that the lines are level.

    ``slope`` is what is left of the skew then. Pieces of the level picture lie across at y - slope * x.
    """

    picture: GreyPicture
    level: Pixels = field(repr=False)
    slope: float = 0.0

    @classmethod
    def of(cls, picture: GreyPicture) -> LineInk:
        """What is darker than what lies above and below it."""
        return cls(picture, levelled(darker(picture.reduced, 1, odd(THICK * picture.point)), picture.fall))

    def into_level(self, pieces: Pieces) -> Pieces:
        """Pieces as they lie on the page turned upright, where both directions meet."""
        fall = self.picture.fall
        cos = 1 / math.hypot(1, fall)
        sin = fall * cos
        found = pieces.copy()
        for along, across in ((0, 2), (1, 3)):
            place = pieces[:, across] + self.slope * pieces[:, along]
            found[:, along], found[:, across] = pieces[:, along] / cos + place * sin, place * cos
        return found

    def from_level(self, pieces: Pieces) -> Pieces:
        """The pieces that ``into_level`` gave."""
        fall = self.picture.fall
        cos = 1 / math.hypot(1, fall)
        sin = fall * cos
        found = pieces.copy()
        for along, across in ((0, 2), (1, 3)):
            found[:, along] = (pieces[:, along] - pieces[:, across] / cos * sin) * cos
            found[:, across] = pieces[:, across] / cos - self.slope * found[:, along]
        return found

    def on_page(self, pieces: Pieces) -> Pieces:
        """Pieces that ``into_level`` gave, in the picture as it is."""
        found = self.from_level(pieces)
        for along, across in ((0, 2), (1, 3)):
            found[:, across] += (self.slope + self.picture.fall) * found[:, along]
        return found

    def measured(self, pieces: Pieces) -> Pieces:
        """The pieces that are lines, with their places, ends and thickness as the picture itself tells them, in its own pixels."""
        found = [line for piece in pieces.tolist() if (line := self._measured(*piece)) is not None]
        return np.array(found, np.float64).reshape(len(found), 5)

    def _measured(self, start: float, end: float, first: float, last: float, _: float) -> tuple[float, float, float, float, float] | None:
        factor, (height, width) = self.picture.factor, self.picture.pixels.shape
        xs = np.arange(max(0, int(factor * start)), min(width, math.ceil(factor * end)))
        if len(xs) < 2 or height < FEWEST_ROWS:  # a line has two ends
            return None
        share = (xs / factor - start) / max(1.0, end - start)
        fall = self.slope + self.picture.fall
        ys = factor * (first + (last - first) * share) + (factor - 1) / 2 + fall * xs
        ys = ys + self._course(xs, ys)
        rows = np.clip(np.rint(ys).astype(int), 1, height - 2)
        line = np.minimum(np.minimum(self.picture.pixels[rows - 1, xs], self.picture.pixels[rows + 1, xs]), self.picture.pixels[rows, xs])
        inked = np.flatnonzero(line <= self._ink_level(xs, ys, line))
        if len(inked) < max(2, INKED * len(xs)):
            return None
        across = self._profile(xs[inked], ys[inked], xs[inked[-1]] - xs[inked[0]] >= LONG * factor * self.picture.point)
        if across is None:
            return None
        offset, thick = across
        ends = [(float(xs[at]), float(ys[at]) + offset + 0.5 - fall * float(xs[at])) for at in (inked[0], inked[-1])]
        return ends[0][0], ends[1][0] + 1, ends[0][1], ends[1][1], thick

    def _ink_level(self, xs: Ints, ys: Pieces, line: Pixels) -> float:
        """The grey level half way between a line's ink and the paper beside it."""
        levels, _ = self._levels(xs, ys, self._reach)
        paper = np.maximum(levels[:4].max(axis=0), levels[-4:].max(axis=0))
        return (float(share_of(paper)) + float(share_of(line, 0.1))) / 2

    @property
    def _reach(self) -> int:
        """How far across a line is looked at from its middle, pixels of the picture."""
        return odd(THICK * self.picture.factor * self.picture.point) // 2 + 4

    def _course(self, xs: Ints, ys: Pieces) -> Pieces:
        """How far the line lies below ``ys`` at each of ``xs``: a straight line through the middles of its stretches."""
        levels, offsets = self._levels(xs, ys, math.ceil(self.picture.factor * self.picture.point) + self.picture.factor)
        count = min(STRETCHES, max(1, levels.shape[1] // 12))
        ends = np.linspace(0, levels.shape[1], count + 1).astype(int)
        means = np.add.reduceat(levels, ends[:-1], axis=1) / np.diff(ends)  # offsets by stretches
        depth = (means.max(axis=0) - means) ** 2 + 1e-6
        middles = (depth * offsets[:, None]).sum(axis=0) / depth.sum(axis=0)
        if count < 3:  # too few to tell a slope
            return np.full(len(xs), float(share_of(middles)))
        places = (np.arange(count) + 0.5) / count
        one, other = np.triu_indices(count, 1)
        # Theil and Sen's: crossings do not bend it.
        slope = float(share_of((middles[other] - middles[one]) / (places[other] - places[one])))
        course: Pieces = float(share_of(middles - slope * places)) + slope * np.linspace(0, 1, len(xs))
        return course

    def _levels(self, xs: Ints, ys: Pieces, reach: int) -> tuple[npt.NDArray[np.float32], Ints]:
        """The grey levels across a line, offsets by columns, and the offsets."""
        step = max(1, len(xs) // MOST_COLUMNS)
        offsets = np.arange(-reach, reach + 1)
        rows = np.clip(np.rint(ys[::step]).astype(int) + offsets[:, None], 0, len(self.picture.pixels) - 1)
        return self.picture.pixels[rows, xs[::step]].astype(np.float32), offsets

    def _profile(self, xs: Ints, ys: Pieces, long: bool) -> tuple[float, float] | None:
        """How far a line's middle lies below ``ys``, and its thickness, pixels; None where it has no paper on both sides.

        Args:
            xs: the line's columns that have ink.
            ys: where it is thought to be in each.
            long: whether it is longer than ``LONG``.
        """
        reach = self._reach
        levels, offsets = self._levels(xs, ys, reach)
        profile = share_of(levels, axis=1)
        middle = reach - 2 + int(np.argmin(profile[reach - 2 : reach + 3]))
        sides = float(profile[:middle].max()), float(profile[middle + 1 :].max())
        depth = min(sides) - profile
        peak = float(depth[middle])
        if peak < max(LEAST_DEPTH / 2, EVEN * (max(sides) - float(profile[middle]))):
            return None
        first = last = middle
        while first > 0 and depth[first - 1] > EDGE * peak:
            first -= 1
        while last < 2 * reach and depth[last + 1] > EDGE * peak:
            last += 1
        if first == 0 or last == 2 * reach:
            return None
        above, below = share_of(levels[max(0, first - 3) : first], axis=0), share_of(levels[last + 1 : last + 4], axis=0)
        clear = np.minimum(above, below) - peak / 2  # lighter than that is no ink
        if last - first < THIN_ROWS:  # low scans have steps of a pixel
            inked = levels[max(first, middle - 1) : min(last, middle + 1) + 1].min(axis=0) <= clear
        else:
            inked = (levels[first + 1 : last] <= clear).mean(axis=0) >= SOLID
        if float(inked.mean()) < (PAPER_LONG if long else PAPER):
            return None
        ink = np.maximum(0, depth[first : last + 1])
        return float((ink * offsets[first : last + 1]).sum() / ink.sum()), max(1.0, float(ink.sum() / peak))


def levelled(ink: Pixels, fall: float) -> Pixels:
    """The picture with its columns moved up by as much as lines have fallen."""
    height, width = ink.shape
    shifts = np.rint(np.arange(width) * fall).astype(int)
    if not shifts.any():
        return ink
    level = np.zeros_like(ink)
    starts = np.flatnonzero(np.append(True, np.diff(shifts) != 0))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), width], strict=True):
        shift = int(shifts[start])
        if abs(shift) >= height:
            continue
        if shift >= 0:
            level[: height - shift, start:end] = ink[shift:, start:end]
        else:
            level[-shift:, start:end] = ink[: height + shift, start:end]
    return level
