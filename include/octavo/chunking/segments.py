"""Strategy ``segments``: regions of a picture, for pages without usable words.

What differs from the page's background is smeared together until neighbouring pieces touch; each connected
piece is a region. So a model still gets to see stamps, photos and pictures of text.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from PIL import Image

from octavo.model.contracts import Chunking
from octavo.model.entities import Box, Chunk, Page, union

WORKING_SIDE = 1000     # pixels: the longer side of the picture that is looked at
CONTRAST = 24           # grey levels (of 255) by which something differs from the background
SMEAR = 0.025           # of the longer side: pieces nearer than this are one region
LEAST_SHARE = 0.0005    # of the page: smaller regions are dirt
MOST_REGIONS = 12       # a texture falls into many pieces: then it is one region


def cut(page: Page, rule: Chunking, picture: Image.Image) -> list[Chunk]:
    """The regions of ``picture`` that differ from its background, top to bottom; none for an empty page.

    Words, where the page has any, belong to the region that holds their centre, or else to the nearest.

    Args:
        page: the page; its frame is that of ``picture``.
        rule: the strategy's name comes from it.
        picture: see ``octavo.page.rendering.page_image``.
    """
    boxes = regions(picture) or ([Box(0, 0, page.width, page.height)] if page.words else [])
    held: list[list[int]] = [[] for _ in boxes]
    for index, word in enumerate(page.words):
        held[_nearest(boxes, word.box.center)].append(index)
    return [Chunk(number, box, tuple(words), rule.strategy.value) for number, (box, words) in enumerate(zip(boxes, held, strict=True))]


def regions(picture: Image.Image) -> list[Box]:
    """Boxes, in the picture's pixels, of what differs from its background, in reading order."""
    factor = min(1.0, WORKING_SIDE / max(picture.size))
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    grey = np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX))
    background = int(np.bincount(grey.ravel(), minlength=256).argmax())
    ink = (np.abs(grey.astype(np.int16) - background) > CONTRAST).astype(np.uint8)
    reach = max(3, round(SMEAR * max(size)))
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    least = LEAST_SHARE * size[0] * size[1]
    found = [_enlarged((x, y, x + w, y + h), factor, picture.size) for x, y, w, h, area in stats[1:].tolist() if area >= least]
    if len(found) > MOST_REGIONS:
        found = [union(found)]
    return sorted(_merged(found), key=lambda box: (box.y0, box.x0))


def _enlarged(box: tuple[int, int, int, int], factor: float, size: tuple[int, int]) -> Box:
    """A box of the reduced picture in the pixels of the whole one, rounded outwards."""
    x0, y0, x1, y1 = box
    return Box(int(x0 / factor), int(y0 / factor), min(size[0], math.ceil(x1 / factor)), min(size[1], math.ceil(y1 / factor)))


def _merged(boxes: list[Box]) -> list[Box]:
    """The boxes with all that overlap joined, so that nothing is shown twice."""
    done: list[Box] = []
    for box in sorted(boxes):
        pending = box
        while (other := next((b for b in done if b.overlaps(pending)), None)) is not None:
            done.remove(other)
            pending = union((other, pending))
        done.append(pending)
    return done


def _nearest(boxes: list[Box], point: tuple[float, float]) -> int:
    def distance(index: int) -> float:
        box, (x, y) = boxes[index], point
        return math.hypot(max(box.x0 - x, x - box.x1, 0), max(box.y0 - y, y - box.y1, 0))

    return min(range(len(boxes)), key=distance)
