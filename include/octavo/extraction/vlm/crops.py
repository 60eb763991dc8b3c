"""The image of a chunk, as the model shall see it.

Frame: pixels of the upright page as rendered, origin top left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from octavo.model.entities import Box

# Room around a chunk's words, pixels: their boxes end at the ink.
MARGIN_PX = 8
# A pixel is ink when it differs this much from the crop's median grey, 0 to 255. Paper grain stays below.
INK_CONTRAST = 40
# Least share of inked pixels of a crop that shows something; one full stop on a 2,000 x 300 px strip is 6e-5.
INK_SHARE = 5e-5


def crop(page: Image.Image, box: Box, max_height_px: int | None, min_side_px: int) -> Image.Image:
    """The chunk's part of the page, RGB, with a margin.

    Args:
        page: the whole page.
        box: of the chunk.
        max_height_px: a taller crop is scaled down to it; None for any height.
        min_side_px: a shorter side is filled up with background on its right or bottom. Molmo sees a
            strip thinner than its tiles' overlap (112 px) squeezed into a single square.
    """
    left, top = max(0, box.x0 - MARGIN_PX), max(0, box.y0 - MARGIN_PX)
    right, bottom = min(page.width, box.x1 + MARGIN_PX), min(page.height, box.y1 + MARGIN_PX)
    image = page.crop((left, top, right, bottom)).convert("RGB")
    if max_height_px and image.height > max_height_px:
        width = max(1, round(image.width * max_height_px / image.height))
        image = image.resize((width, max_height_px), Image.Resampling.LANCZOS)
    return padded(image, min_side_px)


def padded(image: Image.Image, min_side_px: int) -> Image.Image:
    """The image, with background added right and below where a side is shorter than ``min_side_px``."""
    size = max(image.width, min_side_px), max(image.height, min_side_px)
    if size == image.size:
        return image
    canvas = Image.new("RGB", size, background(image))
    canvas.paste(image, (0, 0))
    return canvas


def background(image: Image.Image) -> tuple[int, int, int]:
    """The median colour of the image's border; white for an image without pixels."""
    pixels = np.asarray(image.convert("RGB"))
    if not pixels.size:
        return 255, 255, 255
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = np.median(border, axis=0).astype(int).tolist()
    return red, green, blue


def is_blank(image: Image.Image) -> bool:
    """Whether the image shows nothing but paper, of whatever colour."""
    grey = np.asarray(image.convert("L")).astype(np.int16)
    if not grey.size:
        return True
    inked = np.abs(grey - np.median(grey)) > INK_CONTRAST
    return bool(inked.mean() < INK_SHARE)


def halves(box: Box, words: Sequence[Box]) -> list[tuple[Box, list[int]]]:
    """A chunk's box cut in two between lines of words, as near to its middle as can be.

    Returns:
        (box, indices into ``words``) of the upper and the lower half; a chunk of one line is cut between
        two words instead, and one that cannot be cut comes back whole, as the only entry.
    """
    for axis in (1, 0):  # between lines, else between words
        edges = sorted((word[axis], word[axis + 2]) for word in words)
        reach = edges[0][1] if edges else 0
        cuts = []
        for start, end in edges[1:]:
            if start >= reach:
                cuts.append((start + reach) // 2)
            reach = max(reach, end)
        if cuts:
            middle = (box[axis] + box[axis + 2]) / 2
            cut = min(cuts, key=lambda place: (abs(place - middle), place))
            first = [index for index, word in enumerate(words) if word[axis + 2] <= cut]
            second = [index for index in range(len(words)) if index not in set(first)]
            upper = box._replace(y1=cut) if axis == 1 else box._replace(x1=cut)
            lower = box._replace(y0=cut) if axis == 1 else box._replace(x0=cut)
            return [(upper, first), (lower, second)]
    return [(box, list(range(len(words))))]
