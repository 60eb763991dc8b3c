"""The words of a PDF page's own text layer, and whether the layer can be trusted.

Boxes are the ink of the glyphs, like those of OCR, in pixels of the page's frame.
"""

from __future__ import annotations

import ctypes
import unicodedata
from dataclasses import dataclass

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
HYPHEN = "\x02"         # what pdfium makes of a hyphen at the end of a line
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
    a, b, c, d, e, f = pdf.transform(page, dpi)
    x_left, _, _, y_top = page.get_bbox()
    width, height = pdf.frame(page, dpi)
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    unicode_of, box_of = pdfium_c.FPDFText_GetUnicode, pdfium_c.FPDFText_GetCharBox
    raw, pointers = textpage.raw, [ctypes.byref(value) for value in (left, right, bottom, top)]
    words: list[Word] = []
    characters: list[str] = []
    seen = garbage = 0
    x0 = y0 = x1 = y1 = em = 0.0
    last: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def flush() -> None:
        if characters:
            word = _word("".join(characters), (x0, y0, x1, y1), width, height)
            if word is not None:
                words.append(word)
            characters.clear()

    for index in range(textpage.count_chars()):
        character = chr(unicode_of(raw, index))
        if character.isspace() or character == "\x00":
            flush()
            garbage += character == "\x00"
            seen += character == "\x00"
            continue
        seen += 1
        garbage += _means_nothing(character)
        if not box_of(raw, index, *pointers):
            continue
        px0, py0 = left.value - x_left, y_top - top.value
        px1, py1 = right.value - x_left, y_top - bottom.value
        cx0, cx1 = sorted((a * px0 + c * py0 + e, a * px1 + c * py1 + e))
        cy0, cy1 = sorted((b * px0 + d * py0 + f, b * px1 + d * py1 + f))
        if characters:
            apart = max(cx0 - last[2], last[0] - cx1, cy0 - last[3], last[1] - cy1)
            em = max(em, cx1 - cx0, cy1 - cy0)
            if apart > em:
                flush()
        if not characters:
            x0, y0, x1, y1, em = cx0, cy0, cx1, cy1, max(cx1 - cx0, cy1 - cy0)
        else:
            x0, y0, x1, y1 = min(x0, cx0), min(y0, cy0), max(x1, cx1), max(y1, cy1)
        characters.append("-" if character == HYPHEN else character)
        last = (cx0, cy0, cx1, cy1)
    flush()
    return TextLayer(tuple(words), garbage / seen if seen else 0.0)


def _word(text: str, box: tuple[float, float, float, float], width: int, height: int) -> Word | None:
    """The word, its box in whole pixels and within the page; None if its centre is off the page."""
    x0, y0, x1, y1 = box
    if not (0 <= (x0 + x1) / 2 < width and 0 <= (y0 + y1) / 2 < height):
        return None
    left, top = max(0, int(x0)), max(0, int(y0))
    right, bottom = min(width, max(left + 1, -int(-x1 // 1))), min(height, max(top + 1, -int(-y1 // 1)))
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").translate(LIGATURES)
    return Word(text, Box(left, top, right, bottom), 1.0, Source.TEXT_LAYER)


def _means_nothing(character: str) -> bool:
    """Replacement characters, private use, unassigned code points and control characters (but a line's last hyphen)."""
    if character == HYPHEN or "!" <= character <= "~":
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
