"""Pictures on a page with a text layer, of which the layer says nothing: scans, stamps and letterheads set into a page.

They are read by OCR beside the layer. Logos cost nothing: a picture has to be of some size, and free of the layer's words.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from octavo.model.entities import Box, Word, union
from octavo.page import pdf
from octavo.reading.page_objects import PageObject

# Share of the page that a picture must cover. On 109 pages of invoices and orders logos and seals cover up to .031;
# .04 is 6 x 4 cm of A4.
LEAST_SHARE = 0.04
LEAST_SIDE = 0.4        # inches: a thinner one is an ornament
TOUCHING = 4            # pixels between the strips in which scanners store one picture
MOST_PICTURES = 200     # a page of more is drawn of tiles: they count as one picture
# Pictures that cover this share of a page without a text layer are what is to be read of it: a till receipt on A4 covers .25.
SCANNED_SHARE = 0.2
# A picture with words of the layer in more than this share of its 8 x 8 fields is a background, or a scan whose layer says what it
# shows; a header and a footer stamped onto a scan reach into 16 of the 64.
FIELDS, WORDED = 8, 0.25

Boxes = npt.NDArray[np.float64]


def pictures(items: Sequence[PageObject]) -> Boxes:
    """The pictures among a page's objects, k x 4: left, bottom, right, top in points of the page as it is stored."""
    found = [picture.bounds() for picture in _pictures(items)]
    return np.array(found, np.float64).reshape(len(found), 4)


def scanned_dpi(page: pdfium.PdfPage, items: Sequence[PageObject]) -> float:
    """The resolution that half of the area of a page's pictures has at least; 0 where they cover too little to be a scan.

    Scanners store a page as one picture, as strips, or as a sharp mask of its print over a coarse background.
    """
    sized = []
    for picture in _pictures(items):
        left, bottom, right, top = picture.bounds()
        across, down = ctypes.c_uint(), ctypes.c_uint()
        area = (right - left) * (top - bottom) / pdf.POINTS_PER_INCH**2
        if area > 0 and pdfium_c.FPDFImageObj_GetImagePixelSize(picture.handle, across, down):
            sized.append((math.sqrt(across.value * down.value / area), area))
    width, height = page.get_size()
    covered = sum(area for _, area in sized)
    if covered < SCANNED_SHARE * width * height / pdf.POINTS_PER_INCH**2:
        return 0.0
    sized.sort(reverse=True)
    reached = list(accumulate(area for _, area in sized))
    return next(dpi for (dpi, _), area in zip(sized, reached, strict=True) if 2 * area >= covered)


def _pictures(items: Sequence[PageObject]) -> Iterator[PageObject]:
    return (item for item in items if item.kind == pdfium_c.FPDF_PAGEOBJ_IMAGE)


def unread(page: pdfium.PdfPage, items: Sequence[PageObject], words: Sequence[Word], dpi: int) -> list[Box]:
    """The pictures of some size that hold no words, or next to none, pixels of the page's frame at ``dpi``.

    Args:
        page: with a trusted text layer.
        items: the page's objects.
        words: of that layer.
        dpi: of the frame.
    """
    found = pictures(items)
    if not len(found):
        return []
    width, height = pdf.frame(page, dpi)
    least = LEAST_SIDE * dpi
    large = (
        box for box in _joined(_within(found, page, dpi, (width, height)))
        if box.width * box.height >= LEAST_SHARE * width * height and min(box.width, box.height) >= least
    )
    return [box for box in large if _worded(box, words) <= WORDED]


def _within(found: Boxes, page: pdfium.PdfPage, dpi: int, frame: tuple[int, int]) -> list[Box]:
    """The pictures' boxes, cut to the frame; without those outside."""
    boxes = np.rint(pdf.in_frame(found, page, dpi)).astype(int)
    boxes = np.column_stack((np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], frame)))
    return [Box(*box) for box in boxes.tolist() if box[0] < box[2] and box[1] < box[3]]


def _joined(boxes: list[Box]) -> list[Box]:
    """The boxes with all that touch made one."""
    if len(boxes) > MOST_PICTURES:
        return [union(boxes)]
    done: list[Box] = []
    for box in sorted(boxes):
        pending = box
        while (other := next((one for one in done if _grown(one).overlaps(pending)), None)) is not None:
            done.remove(other)
            pending = union((other, pending))
        done.append(pending)
    return sorted(done, key=lambda box: (box.y0, box.x0))


def _grown(box: Box) -> Box:
    return Box(box.x0 - TOUCHING, box.y0 - TOUCHING, box.x1 + TOUCHING, box.y1 + TOUCHING)


def _worded(box: Box, words: Sequence[Word]) -> float:
    """The share of a box's fields in which a word has its centre."""
    centers = (word.box.center for word in words)
    fields = {
        (int((x - box.x0) * FIELDS / box.width), int((y - box.y0) * FIELDS / box.height)) for x, y in centers if box.holds((x, y))
    }
    return len(fields) / FIELDS**2
