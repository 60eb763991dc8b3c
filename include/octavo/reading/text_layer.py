"""The words of a PDF page's own text layer, and whether the layer can be trusted.

Boxes are the ink of the glyphs, like those of OCR, in pixels of the page's frame.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from octavo.model.entities import Box, Source, Word
from octavo.page import pdf
from octavo.reading import regions

# A layer with more than this share of characters that mean nothing is garbage: real text has next to none,
# a font without a Unicode map has nearly all.
GARBAGE_SHARE = 0.1
# Text whose letters have fewer vowels than this was written in a wrong encoding: with every letter three places further on, as fonts
# without a map of their glyphs come out, it is .15 to .20; random letters have .23, real pages of five languages .29 to .45 (135 pages).
LEAST_VOWELS = 0.22
VOWELS = frozenset("aeiouyAEIOUY")
ENOUGH_LETTERS = 200    # fewer are too few to tell
# A page of at most this many words whose pictures cover most of it is a scan with a stamp, a page number or a header.
FEW_WORDS = 12
PICTURE_SHARE = 0.5
ASCII_END = 128
HYPHEN = 2              # what pdfium makes of a hyphen at the end of a line
NO_TEXT = 0xFFFE        # stands in pdfium's text for that, and for characters without a code
Boxes = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}


@dataclass(frozen=True, slots=True)
class TextLayer:
    """Words in the layer's own order; ``garbage`` is the share of its characters that mean nothing: 1 in a wrong encoding."""

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

    Not so: a layer without words, one of meaningless characters or of wrong letters, a few words on a scan, and text
    that is drawn invisibly over nothing.
    """
    if not layer.words or layer.garbage > GARBAGE_SHARE:
        return False
    few, invisible = len(layer.words) <= FEW_WORDS, all_invisible(page)
    if not few and not invisible:
        return True
    a_scan = _pictures_share(page) > PICTURE_SHARE
    # A scan's whole OCR layer is invisible and says what the scan shows; a scan's few visible words say next to nothing of it.
    return a_scan and not few if invisible else not a_scan


def _read(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, dpi: int) -> TextLayer:
    codes = _codes(textpage)
    found, numbers = np.unique(codes, return_counts=True)
    kinds = dict(zip(found.tolist(), numbers.tolist(), strict=True))
    blank = [code for code in kinds if not code or chr(code).isspace()]
    counts = {code: count for code, count in kinds.items() if not chr(code).isspace()}
    nothing = sum(count for code, count in counts.items() if not code or _means_nothing(chr(code)))
    garbage = 1.0 if _shifted(counts) else nothing / max(1, sum(counts.values()))
    parts = np.isin(codes, blank)
    places, boxes = _boxes(textpage, np.flatnonzero(~parts).tolist())
    if not places:
        return TextLayer((), garbage)
    spaces = np.cumsum(parts, dtype=np.int_)[places]
    return TextLayer(tuple(_words(codes[places], spaces, pdf.in_frame(boxes, page, dpi), *pdf.frame(page, dpi))), garbage)


def _codes(textpage: pdfium.PdfTextPage) -> Codes:
    """The code of every character. Asked for all at once, which is quick; then for each that has none in pdfium's text."""
    raw, count = textpage.raw, textpage.count_chars()
    text = (ctypes.c_ushort * (count + 1))()
    one = pdfium_c.FPDFText_GetUnicode
    if pdfium_c.FPDFText_GetText(raw, 0, count, text) != count + 1:
        return np.array([one(raw, index) for index in range(count)], np.int64)
    codes = np.array(text[:count], np.int64)
    for index in np.flatnonzero(codes == NO_TEXT).tolist():
        codes[index] = one(raw, index)
    return codes


def _boxes(textpage: pdfium.PdfTextPage, places: Sequence[int]) -> tuple[list[int], Boxes]:
    """Those of the places in the text whose character has a box, and the boxes: left, bottom, right, top in points of the page."""
    raw, box_of = textpage.raw, pdfium_c.FPDFText_GetCharBox
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pointers = [ctypes.byref(value) for value in (left, right, bottom, top)]
    found = [
        (place, left.value, bottom.value, right.value, top.value) for place in places if box_of(raw, place, *pointers)
    ]
    boxes = np.array(found, np.float64).reshape(len(found), 5)
    return boxes[:, 0].astype(int).tolist(), boxes[:, 1:]


def _words(codes: Codes, spaces: npt.NDArray[np.int_], boxes: Boxes, width: int, height: int) -> Iterator[Word]:
    """The words, their boxes in whole pixels and within the page; without those whose centre is off the page.

    Args:
        codes: of the characters that have boxes, at least one.
        spaces: how much white space stands before each.
        boxes: of the characters, in the page's frame.
        width: of the frame, pixels.
        height: of the frame.
    """
    starts = _starts(spaces, boxes)
    x0, y0 = np.minimum.reduceat(boxes[:, :2], starts).T
    x1, y1 = np.maximum.reduceat(boxes[:, 2:], starts).T
    inside = (x0 + x1 >= 0) & (x0 + x1 < 2 * width) & (y0 + y1 >= 0) & (y0 + y1 < 2 * height)
    left, top = np.maximum(0, x0).astype(int), np.maximum(0, y0).astype(int)
    right = np.minimum(width, np.maximum(left + 1, np.ceil(x1))).astype(int)
    bottom = np.minimum(height, np.maximum(top + 1, np.ceil(y1))).astype(int)
    letters = "".join(map(chr, np.where(codes == HYPHEN, ord("-"), codes).tolist()))
    columns = (column.tolist() for column in (starts, np.append(starts[1:], len(codes)), inside, left, top, right, bottom))
    source = Source.TEXT_LAYER
    for start, end, kept, *box in zip(*columns, strict=True):
        if kept:
            text = letters[start:end]
            if not text.isascii():
                text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").translate(LIGATURES)
            yield Word(text, Box(*box), 1.0, source)


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


def _shifted(counts: Mapping[int, int]) -> bool:
    """Whether characters, by how often they occur, are those of no language with Latin letters."""
    letters = {chr(code): count for code, count in counts.items() if code < ASCII_END and chr(code).isalpha()}
    number = sum(letters.values())
    return number >= ENOUGH_LETTERS and sum(letters.get(vowel, 0) for vowel in VOWELS) < LEAST_VOWELS * number


def all_invisible(page: pdfium.PdfPage) -> bool:
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
    left, bottom, right, top = regions.pictures(page).T
    covered = np.maximum(0, np.minimum(right, x1) - np.maximum(left, x0)) * np.maximum(0, np.minimum(top, y1) - np.maximum(bottom, y0))
    return min(1.0, float(covered.sum() / ((x1 - x0) * (y1 - y0))))
