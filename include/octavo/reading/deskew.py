"""How far a page's lines are from level, and a level copy of its picture for recognition.

The angle is that at which the lines of print fall to the right, degrees; where they rise it is below 0. It is looked for among
all angles at once: at the right one the ink of a line falls into few rows, and rows of ink and of white alternate sharply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from octavo.model.entities import Box, Word
from octavo.page.level import LEAST, MOST

STEPS = (0.5, 0.1)      # degrees, of the search and of its refinement
# Longer side in pixels on which the angle is measured. Receipts and forms turned by 2 to 12 degrees: right to 0.1 on average, 0.5 at worst.
SIDE = 1000
MOST_PIXELS = 40_000_000  # of a straightened picture: a strip that is far longer than wide would become a square
PAPER_SHARE = 1 / 80    # of the longer side: radius of the surroundings that count as a pixel's paper
INK = 20                # grey levels (0 to 255) by which ink is darker than its surroundings
MIDDLE = 128            # grey level: what is below counts as dark
FEWEST_POINTS = 200     # pixels of ink; with less there is no line of print
MOST_POINTS = 20_000    # a page of text has about as many; of a texture a sample will do
# How many times as sharp rows are at the angle as at the median one: pages of print 7 and more, photos, textures and noise below 4.5.
CLEAR = 5.0
# And as on the level, from so many degrees on: over less a line hardly falls by its height, and its rows are nearly as sharp.
BETTER, FROM = 2.0, 2.0

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ink:
    """What of a page is darker than its surroundings: columns and rows of a sample of it, and by how much the median of it is."""

    xs: Points
    ys: Points
    depth: float  # grey levels, 0 to 255; 0 for no ink
    dark: bool    # whether most of the page is, as where white is printed on black


def ink_of(picture: Image.Image) -> Ink:
    """The ink of a page's picture, which may be reduced."""
    factor = math.ceil(max(picture.size) / SIDE)
    small = (picture.reduce(factor) if factor > 1 else picture).convert("L")
    paper = small.filter(ImageFilter.BoxBlur(max(3, round(PAPER_SHARE * max(small.size)))))
    depths = np.asarray(ImageChops.subtract(paper, small)).ravel()
    found = np.flatnonzero(depths > INK)
    ys, xs = np.divmod(found[:: max(1, len(found) // MOST_POINTS)], small.width)
    dark = 2 * sum(small.histogram()[:MIDDLE]) > depths.size
    return Ink(xs.astype(np.float32), ys.astype(np.float32), float(np.median(depths[found])) if len(found) else 0.0, dark)


def angle_of(ink: Ink) -> float:
    """The skew of a page in degrees, to 0.1; 0 where it is level, or where no lines of print tell."""
    xs, ys = ink.xs, ink.ys
    if len(xs) < FEWEST_POINTS:
        return 0.0
    coarse, fine = STEPS
    angles = np.arange(-MOST, MOST + coarse / 2, coarse)
    sharpness = [_sharpness(xs, ys, angle) for angle in angles]
    near = float(angles[int(np.argmax(sharpness))])
    refined = np.arange(near - coarse + fine, near + coarse - fine / 2, fine)
    best, angle = max((_sharpness(xs, ys, angle), round(float(angle), 1)) for angle in refined)
    clear = best >= CLEAR * float(np.median(sharpness)) and (abs(angle) < FROM or best >= BETTER * _sharpness(xs, ys, 0.0))
    return angle if clear and abs(angle) >= LEAST else 0.0


def _sharpness(xs: Points, ys: Points, angle: float) -> float:
    """How sharply rows of ink and of white alternate along lines that fall by ``angle``."""
    rows = ys - xs * np.float32(math.tan(math.radians(angle)))
    steps = np.diff(np.bincount((rows - rows.min()).astype(np.int32)).astype(np.float64))
    return float(steps @ steps)


def straightened(grey: Image.Image, angle: float) -> Image.Image | None:
    """The picture turned against its skew, all of it, in a larger frame filled with its paper; None past ``MOST_PIXELS``."""
    cos, sin = math.cos(math.radians(angle)), abs(math.sin(math.radians(angle)))
    if (grey.width * cos + grey.height * sin) * (grey.width * sin + grey.height * cos) > MOST_PIXELS:
        return None
    paper = int(np.bincount(np.asarray(grey.resize((64, 64))).ravel(), minlength=256).argmax())
    return grey.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)


def in_skewed(words: Sequence[Word], angle: float, straight: tuple[int, int], size: tuple[int, int]) -> list[Word]:
    """Words of a straightened picture with their boxes in the picture as it was.

    Args:
        words: as they were read.
        angle: that the picture was straightened by.
        straight: width and height of the straightened picture, pixels.
        size: of the picture as it was.
    """
    return [word._replace(box=_back(word.box, angle, straight, size)) for word in words]


def _back(box: Box, angle: float, straight: tuple[int, int], size: tuple[int, int]) -> Box:
    """The box around a box's turned corners, within the picture and at least a pixel wide and high."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    offsets = [(x - straight[0] / 2, y - straight[1] / 2) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
    xs = [size[0] / 2 + x * cos - y * sin for x, y in offsets]
    ys = [size[1] / 2 + x * sin + y * cos for x, y in offsets]
    left, top = (min(side - 1, max(0, int(min(all_)))) for side, all_ in zip(size, (xs, ys), strict=True))
    return Box(left, top, min(size[0], max(left + 1, math.ceil(max(xs)))), min(size[1], max(top + 1, math.ceil(max(ys)))))
