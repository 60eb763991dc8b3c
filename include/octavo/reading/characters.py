"""The characters of a PDF page as pdfium gives them: their codes, the boxes of their ink, and those that are printed twice."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

NO_TEXT = 0xFFFE    # stands in pdfium's text for a hyphen at the end of a line, and for characters without a code
# A copy of a character, printed beside it to make it bold, covers more than this share of the room that the character takes on its
# line; an "i" that follows another covers none of its room. pdfium leaves out copies of wider characters itself.
COPY_SHARE = 0.5
NARROW = 0.6        # of the median height of ink: an "f" or "t" is narrower
NEAR = 0.5          # of it: further apart no two characters are copies

# FPDFText_GetCharBox that writes where an address says: asked for thousands of characters, it takes a quarter of the time so.
_char_box = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, *4 * (ctypes.c_void_p,))(
    ctypes.cast(pdfium_c.FPDFText_GetCharBox, ctypes.c_void_p).value or 0,
)

Boxes = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Characters:
    """n characters with ink, in the text layer's order.

    ``places`` are their indices in pdfium's text, ``spaces`` how much white space stands before each, ``boxes`` (n x 4) the ink:
    left, bottom, right, top in points of the page as it is stored. ``counts`` says how often each code stands on the page,
    white space apart.
    """

    codes: Codes
    places: npt.NDArray[np.int_]
    spaces: npt.NDArray[np.int_]
    boxes: Boxes
    counts: dict[int, int]

    def of(self, kept: Mask) -> Characters:
        """Some of the characters."""
        return Characters(self.codes[kept], self.places[kept], self.spaces[kept], self.boxes[kept], self.counts)


def read(textpage: pdfium.PdfTextPage) -> Characters:
    """The characters of a page."""
    codes = _codes(textpage)
    kinds, kind_of, numbers = np.unique(codes, return_inverse=True, return_counts=True)
    counted = list(zip(kinds.tolist(), numbers.tolist(), strict=True))
    blank = np.array([not code or chr(code).isspace() for code, _ in counted], bool)[kind_of]
    places, boxes = _ink(textpage, np.flatnonzero(~blank).tolist())
    counts = {code: count for code, count in counted if not chr(code).isspace()}
    return Characters(codes[places], places, np.cumsum(blank, dtype=np.int_)[places], boxes, counts)


def _codes(textpage: pdfium.PdfTextPage) -> Codes:
    """The code of every character. Asked for all at once, which is quick; then for each that has none in pdfium's text."""
    raw, count = textpage.raw, textpage.count_chars()
    text = (ctypes.c_ushort * (count + 1))()
    one = pdfium_c.FPDFText_GetUnicode
    if pdfium_c.FPDFText_GetText(raw, 0, count, text) != count + 1:
        return np.array([one(raw, index) for index in range(count)], np.int64)
    codes = np.frombuffer(text, np.uint16, count).astype(np.int64)
    for index in np.flatnonzero(codes == NO_TEXT).tolist():
        codes[index] = one(raw, index)
    return codes


def _ink(textpage: pdfium.PdfTextPage, places: Sequence[int]) -> tuple[npt.NDArray[np.int_], Boxes]:
    """Those of the places in the text whose character has a box, and the boxes."""
    boxes = np.empty((len(places), 4))
    raw = ctypes.cast(textpage.raw, ctypes.c_void_p).value
    lefts, rights, bottoms, tops = (
        range(boxes.ctypes.data + column * boxes.itemsize, boxes.ctypes.data + boxes.nbytes, 4 * boxes.itemsize) for column in (0, 2, 1, 3)
    )
    found = np.array(list(map(_char_box, repeat(raw), places, lefts, rights, bottoms, tops)), bool)
    return np.array(places, np.int_)[found], boxes[found]


def room(textpage: pdfium.PdfTextPage, place: int) -> tuple[float, float, float, float]:
    """The room that a character takes on its line: left, bottom, right, top in points; as high as its font, as wide as its advance."""
    held = pdfium_c.FS_RECTF()
    pdfium_c.FPDFText_GetLooseCharBox(textpage.raw, place, held)
    return held.left, held.bottom, held.right, held.top


def copies(textpage: pdfium.PdfTextPage, found: Characters) -> Mask:
    """Which characters are copies of one that comes before them."""
    again = np.zeros(len(found.codes), bool)
    if not len(again):
        return again
    height = float(np.median(found.boxes[:, 3] - found.boxes[:, 1]))
    narrow = np.flatnonzero(np.min(found.boxes[:, 2:] - found.boxes[:, :2], axis=1) < NARROW * height)
    codes, boxes, reach = found.codes[narrow], found.boxes[narrow], NEAR * height
    xs, ys = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    pairs: set[tuple[int, int]] = set()
    for shift in (0.0, 0.5):  # the second time for those that the first puts into two bands
        bands = np.floor(ys / max(4 * reach, 1e-6) + shift)
        order = np.lexsort((xs, bands, codes))
        for step in (1, 2):
            one, other = order[:-step], order[step:]
            near = (codes[one] == codes[other]) & (np.abs(xs[one] - xs[other]) < reach) & (np.abs(ys[one] - ys[other]) < reach)
            pairs |= {(min(pair), max(pair)) for pair in zip(one[near].tolist(), other[near].tolist(), strict=True)}
    for first, second in sorted(pairs):
        a, b = (room(textpage, int(found.places[narrow[index]])) for index in (first, second))
        again[narrow[second]] |= _shared(a, b) > COPY_SHARE * min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return again


def _shared(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """The area that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
