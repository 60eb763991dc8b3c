"""What a crop costs a vision model, and how small the model sees it.

Geometry of Molmo2's image processor (transformers 5.23, processing_molmo2): an image is stretched onto a canvas of at
most 8 overlapping crops of 378 px. r x c crops make a canvas of (266 r + 112) x (266 c + 112) px; a crop gives 14 px
patches, pooled 2 x 2 into tokens, with one more token a row and two a view; the whole image is shown once more in one crop.
"""

from __future__ import annotations

import math
from functools import lru_cache

PATCH = 14              # pixels
CROP = 27               # patches on a side of a crop
SHARED = 8              # patches that neighbouring crops share
STEP = CROP - SHARED
MAX_CROPS = 8
MIN_SIDE = SHARED * PATCH  # 112 px: crops are padded to this, since a thinner one collapses into a single square
LEGIBLE_PX = 12         # height at which a word can be read; a smaller word must at least not shrink

_GRIDS = sorted(
    ((rows, columns) for rows in range(1, MAX_CROPS + 1) for columns in range(1, MAX_CROPS + 1) if rows * columns <= MAX_CROPS),
    key=lambda grid: (grid[0] * grid[1], grid[0]),
)


@lru_cache(maxsize=65536)
def crop_cost(width: int, height: int) -> tuple[int, float]:
    """Prompt tokens of a crop of this size, and the scale (at most 1) at which the model sees it.

    Args:
        width: of the crop, pixels; padded to ``MIN_SIDE`` like the crop itself.
        height: likewise.
    """
    width, height = max(MIN_SIDE, width), max(MIN_SIDE, height)
    rows, columns = _grid(width, height)
    scale = min(1.0, _canvas(columns) / width, _canvas(rows) / height)
    return _view_tokens(CROP, CROP) + _view_tokens(rows * STEP + SHARED, columns * STEP + SHARED), scale


def is_legible(word_height: int, scale: float) -> bool:
    """Whether a word of this height in pixels can be read at ``scale``."""
    return word_height * scale >= min(LEGIBLE_PX, word_height)


def _canvas(crops: int) -> int:
    return (crops * STEP + SHARED) * PATCH


def _grid(width: int, height: int) -> tuple[int, int]:
    """The smallest grid whose canvas is not smaller than the image; without one, that which shrinks it least."""

    def growth(grid: tuple[int, int]) -> float:
        return min(_fill(grid[0], height), _fill(grid[1], width))

    enough = [grid for grid in _GRIDS if growth(grid) >= 1]
    if enough:
        return min(enough, key=growth)  # min and max keep the first, which is the smallest, of equals
    return max(_GRIDS, key=growth)


def _fill(crops: int, pixels: int) -> float:
    inner = pixels - MIN_SIDE
    return math.inf if inner <= 0 else crops * STEP * PATCH / inner


def _view_tokens(rows: int, columns: int) -> int:
    return -(-rows // 2) * (-(-columns // 2) + 1) + 2
