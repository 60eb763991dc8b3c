"""How Molmo2 sees an image: stretched onto a canvas of overlapping tiles, and once more as a whole in one tile.

Geometry of its image processor (transformers 5.23, image_processing_molmo2; AllenAI's own code is the same): r x c tiles of
378 px make a canvas of (266 r + 112) x (266 c + 112) px. A tile gives 14 px patches, pooled 2 x 2 into tokens. The canvas has
one more token a row, each of the two views a token before and after it. The whole image has none for its rows in the released
checkpoints (``use_single_crop_col_tokens`` is false in their processor_config.json and in AllenAI's training; a processor made
without that file has them, 14 more).

Sides are pixels.
"""

from __future__ import annotations

import math
from functools import lru_cache

PATCH = 14
TILE = 27               # patches on a side of a tile
SHARED = 8              # patches that neighbouring tiles share
STEP = TILE - SHARED
MAX_TILES = 8           # as the model was trained and is released
HIGH_TILES = 24         # as AllenAI evaluates it (launch_scripts/eval_molmo2.py)
TILE_SIDE = TILE * PATCH        # 378: the least side of a canvas
SHARED_SIDE = SHARED * PATCH    # 112: an image that is not larger than this on one side is seen in one tile


def grid(width: int, height: int, tiles: int = MAX_TILES) -> tuple[int, int]:
    """Rows and columns of tiles: the fewest whose canvas is not smaller than the image; without any, those that shrink it least."""

    def growth(shape: tuple[int, int]) -> float:
        return min(_fill(shape[0], height), _fill(shape[1], width))

    shapes = _shapes(tiles)
    enough = [shape for shape in shapes if growth(shape) >= 1]
    if enough:
        return min(enough, key=growth)  # min and max keep the first, which is the smallest, of equals
    return max(shapes, key=growth)


def canvas(width: int, height: int, tiles: int = MAX_TILES) -> tuple[int, int]:
    """Width and height that the processor stretches an image to."""
    rows, columns = grid(width, height, tiles)
    return _side(columns), _side(rows)


def tokens(width: int, height: int, tiles: int = MAX_TILES) -> int:
    """Prompt tokens of an image."""
    rows, columns = (-(-(count * STEP + SHARED) // 2) for count in grid(width, height, tiles))
    whole = -(-TILE // 2)
    return whole * whole + 2 + rows * (columns + 1) + 2


def _side(count: int) -> int:
    return (count * STEP + SHARED) * PATCH


@lru_cache
def _shapes(tiles: int) -> list[tuple[int, int]]:
    shapes = [(rows, columns) for rows in range(1, tiles + 1) for columns in range(1, tiles // rows + 1)]
    return sorted(shapes, key=lambda shape: (shape[0] * shape[1], shape[0]))


def _fill(count: int, pixels: int) -> float:
    inner = pixels - SHARED_SIDE
    return math.inf if inner <= 0 else count * STEP * PATCH / inner
