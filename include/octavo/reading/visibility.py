"""Which words of a text layer a viewer shows.

The page is drawn with its text and without it. A word is seen where that makes a difference: not so text in render mode 3, in the
colour of what lies under it, transparent, covered, clipped, of a layer that is switched off, or too small to be made out. The words of
an OCR layer are never seen, but lie on the ink of the scan: they count where they are most of the page's words and cover most of the
ink that it shows without its text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from octavo.page import pdf
from octavo.reading import deskew
from octavo.reading.page_objects import PageObject

# Resolution of the first look, grey, and how many times as sharp the second one is, in colour, at the words that the first does not see.
LOOK_DPI, CLOSER = 50, 3
LEAST_SIDE, MOST_SIDE = 550, 4000  # pixels of the longer side, for pages of an odd size
# By so many of 255 levels print has to stand out from what lies under it: F0F0F0 on white (15) cannot be made out on most screens.
TOLERANCE = 20
SEEN_SHARE = 0.3        # of a word's columns have to show print: half of a word that is cut or covered does
ROWS, COLUMNS = 6, 16   # samples of a word's box
OVERLAP = 0.5           # of the smaller of two words' boxes: more, and one of them may cover the other
INK_RANGE = 40          # levels between the darkest and the lightest pixel of a box that holds ink
LAYER_SHARE = 0.4       # of the ink of a page without its text that an OCR layer's words have to cover
OFF_INK_SHARE = 0.2     # of an OCR layer's words may lie on no ink; with more the layer is another page's, or it has slipped

Boxes = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int_]
BLOCK = 64              # words that are compared with all below them at once


@dataclass(frozen=True, slots=True)
class Sight:
    """What a viewer shows of n words: ``seen`` print, and words of an OCR ``layer``, which lie on the ink of a picture.

    ``off_ink``: the page has an OCR layer whose words do not lie on its ink.
    """

    seen: Mask
    layer: Mask
    off_ink: bool = False


def look(
    page: pdfium.PdfPage, items: Sequence[PageObject], boxes: Boxes, objects_of: Callable[[int], Sequence[pdfium_c.FPDF_PAGEOBJECT]],
) -> Sight:
    """What a viewer shows of words.

    Args:
        page: an open page.
        items: its objects.
        boxes: n x 4 of the words: left, bottom, right, top in points of the page as it is stored.
        objects_of: gives the text objects of a word.
    """
    dpi = _dpi(page)
    places = pdf.in_frame(boxes, page, dpi)
    texts = [item.handle for item in items if item.kind == pdfium_c.FPDF_PAGEOBJ_TEXT]
    shown = pdf.pixels(page, dpi, grey=True)
    with _inactive(texts):
        bare = pdf.pixels(page, dpi, grey=True)
    seen = _differ(shown, bare, places)
    if not seen.all():
        seen[~seen] = _seen_closer(page, dpi * CLOSER, boxes[~seen], texts)
    covered: list[int] = []  # these stay away from the later looks: of two copies one is seen
    for group in _overlapping(places, seen):
        with _inactive([handle for index in (*group.tolist(), *covered) for handle in objects_of(index)]):
            seen[group] &= _differ(shown, pdf.pixels(page, dpi, grey=True), places[group])
        covered += group[~seen[group]].tolist()
    if seen.all():
        return Sight(seen, np.zeros_like(seen))
    return _with_layer(seen, bare, places)


def _with_layer(seen: Mask, bare: Pixels, places: Boxes) -> Sight:
    """``seen`` with those of the other words that are an OCR layer's.

    Args:
        seen: n.
        bare: the page without its text.
        places: n x 4, in its pixels.
    """
    on_ink = ~seen
    on_ink[~seen] = [_holds_ink(bare, place) for place in places[~seen]]
    count, unseen = int(np.count_nonzero(on_ink)), int(np.count_nonzero(~seen))
    if count <= len(seen) - unseen or _covered_ink(bare, places[on_ink | seen]) < LAYER_SHARE:
        return Sight(seen, np.zeros_like(seen))
    return Sight(seen, on_ink, unseen - count > OFF_INK_SHARE * unseen)


def _dpi(page: pdfium.PdfPage) -> float:
    longer = max(page.get_size())
    side = LOOK_DPI / pdf.POINTS_PER_INCH * longer
    return float(LOOK_DPI * min(max(side, LEAST_SIDE), MOST_SIDE) / side)


@contextmanager
def _inactive(handles: Sequence[pdfium_c.FPDF_PAGEOBJECT]) -> Iterator[None]:
    """Draw the page without some of its objects."""
    for handle in handles:
        pdfium_c.FPDFPageObj_SetIsActive(handle, False)
    try:
        yield
    finally:
        for handle in handles:
            pdfium_c.FPDFPageObj_SetIsActive(handle, True)


def _seen_closer(page: pdfium.PdfPage, dpi: float, boxes: Boxes, texts: Sequence[pdfium_c.FPDF_PAGEOBJECT]) -> Mask:
    """Which words are seen at ``dpi`` and in colour."""
    shown = pdf.pixels(page, dpi, grey=False)
    with _inactive(texts):
        return _differ(shown, pdf.pixels(page, dpi, grey=False), pdf.in_frame(boxes, page, dpi))


def _differ(one: Pixels, other: Pixels, places: Boxes) -> Mask:
    """Whether two pictures of a page differ in enough columns of each place.

    Args:
        one: rows x columns, or rows x columns x colours.
        other: of the same shape.
        places: n x 4, in their pixels.
    """
    height, width = one.shape[:2]
    x0, y0, x1, y1 = (places + np.array((-0.5, -0.5, 0.5, 0.5))).T[:, :, None]  # a dash may be thinner than a pixel
    xs = np.clip(x0 + (x1 - x0) * (np.arange(COLUMNS) + 0.5) / COLUMNS, 0, width - 1).astype(int)[:, None, :]
    ys = np.clip(y0 + (y1 - y0) * (np.arange(ROWS) + 0.5) / ROWS, 0, height - 1).astype(int)[:, :, None]
    apart = np.abs(one[ys, xs].astype(np.int16) - other[ys, xs]) > TOLERANCE
    if apart.ndim > len(("place", "row", "column")):
        apart = apart.any(axis=-1)
    return np.asarray(apart.any(axis=1).mean(axis=1) >= SEEN_SHARE)


def _overlapping(places: Boxes, seen: Mask) -> Iterator[Indices]:
    """Seen words that may cover each other: first the earlier of each two, then the later."""
    order = np.flatnonzero(seen)[np.argsort(places[seen, 1], kind="stable")]
    tops = places[order, 1]
    pairs = []
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        below = order[start : np.searchsorted(tops, places[block, 3].max())]
        one, other = np.nonzero(np.triu(_overlap(places[block], places[below]) > OVERLAP, 1))
        pairs.append(np.column_stack((block[one], below[other])))
    found = np.concatenate(pairs) if pairs else np.empty((0, 2), int)
    if len(found):
        yield np.unique(found.min(axis=1))
        yield np.unique(found.max(axis=1))


def _overlap(some: Boxes, others: Boxes) -> npt.NDArray[np.float64]:
    """For each two the share of the smaller box that both have, 0 to 1."""
    (x0, y0, x1, y1), (u0, v0, u1, v1) = some.T[:, :, None], others.T[:, None, :]
    across, down = np.minimum(x1, u1) - np.maximum(x0, u0), np.minimum(y1, v1) - np.maximum(y0, v0)
    smaller = np.minimum((x1 - x0) * (y1 - y0), (u1 - u0) * (v1 - v0))
    return np.asarray(np.maximum(across, 0) * np.maximum(down, 0) / smaller)


def _holds_ink(bare: Pixels, place: npt.NDArray[np.float64]) -> bool:
    x0, y0, x1, y1 = (int(value) for value in (*np.floor(np.maximum(place[:2], 0)), *np.ceil(place[2:])))
    inside = bare[y0:y1, x0:x1]
    return bool(inside.size) and int(inside.max()) - int(inside.min()) >= INK_RANGE


def _covered_ink(bare: Pixels, places: Boxes) -> float:
    """The share of a picture's ink that lies within places, 0 to 1."""
    ink = deskew.ink_of(Image.fromarray(bare))
    factor = -(-max(bare.shape) // deskew.SIDE)
    covered = np.zeros([-(-side // factor) for side in bare.shape], bool)
    for x0, y0, x1, y1 in (places / factor).tolist():
        covered[max(0, int(y0) - 1) : int(y1) + 2, max(0, int(x0) - 1) : int(x1) + 2] = True
    return float(covered[ink.ys.astype(int), ink.xs.astype(int)].mean()) if len(ink.xs) else 0.0
