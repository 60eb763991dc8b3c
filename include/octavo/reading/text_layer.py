"""The words of a PDF page's own text layer, and whether the layer can be trusted.

Boxes are the ink of the glyphs, like those of OCR, in pixels of the page's frame.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from octavo import pdf
from octavo.model import Box, Source, Word

# A layer with more than this share of characters that mean nothing is garbage: real text has next to none,
# a font without a Unicode map has nearly all.
GARBAGE_SHARE = 0.1
# A page of at most this many words whose pictures cover most of it is a scan with a stamp, a page number or a header.
FEW_WORDS = 12
PICTURE_SHARE = 0.5
PICTURE_DEPTH = 3       # how deep pictures are looked for in nested form objects
HYPHEN = 2              # what pdfium makes of a hyphen at the end of a line
Boxes = npt.NDArray[np.float64]
LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}


@dataclass(frozen=True, slots=True)
class TextLayer:
    """Words in the layer's own order; ``garbage`` is the share of its characters that mean nothing."""

    words: tuple[Word, ...]
    garbage: float


def read(page: pdfium.PdfPage, dpi: int) -> TextLayer:
    """The text layer of a page, with boxes in the frame at ``dpi``; words outside the frame are left out."""
    textpage = page.get_textpage()
    try:
        return _read(page, textpage, dpi)
    finally:
        textpage.close()


def trusted(page: pdfium.PdfPage, layer: TextLayer) -> bool:
    """Whether the layer says what the page shows.

    Not so: a layer without words, one of meaningless characters, a few words on a scan, and text that is
    drawn invisibly over nothing.
    """
    if not layer.words or layer.garbage > GARBAGE_SHARE:
        return False
    few, invisible = len(layer.words) <= FEW_WORDS, _all_invisible(page)
    if not few and not invisible:
        return True
    a_scan = _pictures_share(page) > PICTURE_SHARE
    # A scan's whole OCR layer is invisible and says what the scan shows; a scan's few visible words say next to nothing of it.
    return a_scan and not few if invisible else not a_scan


def _read(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, dpi: int) -> TextLayer:
    codes, boxes = _characters(textpage)
    counts = {code: count for code, count in Counter(codes).items() if not chr(code).isspace()}
    garbage = sum(count for code, count in counts.items() if not code or _means_nothing(chr(code)))
    frame = _in_frame(boxes, page, dpi)
    width, height = pdf.frame(page, dpi)
    return TextLayer(tuple(_words(codes, frame, width, height)), garbage / max(1, sum(counts.values())))


def _characters(textpage: pdfium.PdfTextPage) -> tuple[list[int], Boxes]:
    """Code and box (left, bottom, right, top in points of the page) of every character; NaN for spaces and for no box."""
    raw, count = textpage.raw, textpage.count_chars()
    unicode_of, box_of = pdfium_c.FPDFText_GetUnicode, pdfium_c.FPDFText_GetCharBox
    codes = [unicode_of(raw, index) for index in range(count)]
    blank = _blank(codes)
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pointers = [ctypes.byref(value) for value in (left, right, bottom, top)]
    none = (math.nan,) * 4
    found = [
        (left.value, bottom.value, right.value, top.value) if code not in blank and box_of(raw, index, *pointers) else none
        for index, code in enumerate(codes)
    ]
    return codes, np.array(found, np.float64).reshape(count, 4)


def _blank(codes: Sequence[int]) -> set[int]:
    """Those of the codes that part words: white space and none at all."""
    return {code for code in set(codes) if not code or chr(code).isspace()}


def _in_frame(boxes: Boxes, page: pdfium.PdfPage, dpi: int) -> Boxes:
    """The boxes as left, top, right, bottom in pixels of the frame at ``dpi``."""
    a, b, c, d, e, f = pdf.transform(page, dpi)
    x_left, _, _, y_top = page.get_bbox()
    x, y = boxes[:, (0, 2)] - x_left, y_top - boxes[:, (3, 1)]
    across, down = a * x + c * y + e, b * x + d * y + f  # one of a and c is 0, and one of b and d
    return np.column_stack((across.min(axis=1), down.min(axis=1), across.max(axis=1), down.max(axis=1)))


def _words(codes: Sequence[int], boxes: Boxes, width: int, height: int) -> Iterator[Word]:
    """The words, their boxes in whole pixels and within the page; without those whose centre is off the page."""
    boxed = np.flatnonzero(~np.isnan(boxes[:, 0]))
    if not len(boxed):
        return
    blank = _blank(codes)
    spaces = np.cumsum([code in blank for code in codes])[boxed]
    starts = _starts(spaces, boxes[boxed])
    x0, y0 = np.minimum.reduceat(boxes[boxed, :2], starts).T
    x1, y1 = np.maximum.reduceat(boxes[boxed, 2:], starts).T
    inside = (x0 + x1 >= 0) & (x0 + x1 < 2 * width) & (y0 + y1 >= 0) & (y0 + y1 < 2 * height)
    left, top = np.maximum(0, x0).astype(int), np.maximum(0, y0).astype(int)
    right = np.minimum(width, np.maximum(left + 1, np.ceil(x1))).astype(int)
    bottom = np.minimum(height, np.maximum(top + 1, np.ceil(y1))).astype(int)
    letters = ["-" if codes[index] == HYPHEN else chr(codes[index]) for index in boxed.tolist()]
    columns = (column.tolist() for column in (starts, np.append(starts[1:], len(boxed)), inside, left, top, right, bottom))
    for start, end, kept, *box in zip(*columns, strict=True):
        if kept:
            text = "".join(letters[start:end])
            if not text.isascii():
                text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").translate(LIGATURES)
            yield Word(text, Box(*box), 1.0, Source.TEXT_LAYER)


def _starts(spaces: npt.NDArray[np.int_], boxes: Boxes) -> npt.NDArray[np.int_]:
    """Where words start: behind white space, and where a character stands further away than any of its word so far is large.

    Args:
        spaces: how much white space stands before each character.
        boxes: of the characters.
    """
    last, this = boxes[:-1], boxes[1:]
    gaps = np.max((this[:, 0] - last[:, 2], last[:, 0] - this[:, 2], this[:, 1] - last[:, 3], last[:, 1] - this[:, 3]), axis=0)
    sizes = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    parted = np.append(True, np.diff(spaces) > 0)
    for place in (np.flatnonzero((gaps > np.maximum(sizes[:-1], sizes[1:])) & ~parted[1:]) + 1).tolist():  # few, if any
        start = int(np.flatnonzero(parted[:place])[-1])
        parted[place] = gaps[place - 1] > sizes[start : place + 1].max()
    return np.flatnonzero(parted)


def _means_nothing(character: str) -> bool:
    """Replacement characters, private use, unassigned code points and control characters (but a line's last hyphen)."""
    if ord(character) == HYPHEN or "!" <= character <= "~":
        return False
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Co", "Cn")


def _all_invisible(page: pdfium.PdfPage) -> bool:
    """Whether the page has text objects and draws none of them (as OCR layers of scans do)."""
    count = pdfium_c.FPDFPage_CountObjects(page.raw)
    found = False
    for index in range(count):
        item = pdfium_c.FPDFPage_GetObject(page.raw, index)
        if pdfium_c.FPDFPageObj_GetType(item) != pdfium_c.FPDF_PAGEOBJ_TEXT:
            continue
        found = True
        if pdfium_c.FPDFTextObj_GetTextRenderMode(item) != pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE:
            return False
    return found


def _pictures_share(page: pdfium.PdfPage) -> float:
    """The share of the page that its pictures cover, where overlaps count twice; at most 1."""
    x0, y0, x1, y1 = page.get_bbox()
    covered = 0.0
    for item in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=PICTURE_DEPTH):
        left, bottom, right, top = item.get_bounds()
        covered += max(0.0, min(right, x1) - max(left, x0)) * max(0.0, min(top, y1) - max(bottom, y0))
    return min(1.0, float(covered / ((x1 - x0) * (y1 - y0))))
