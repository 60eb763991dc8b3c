"""The words of a PDF page's own text layer, and whether the layer can be trusted.

Boxes are the ink of the glyphs, like those of OCR. A word is taken where a viewer shows it (see ``visibility``) and where it lies
along the lines of the page: diagonal watermarks and text in the margin do not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from octavo.model.entities import Box, OcrReason, Source, Word
from octavo.page import pdf
from octavo.reading import characters, regions, visibility
from octavo.reading.characters import Boxes, Mask
from octavo.reading.page_objects import PageObject

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
LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
ALONG = 20              # degrees: text at a larger angle to a page's lines is none of them; scans are askew by up to 12
# The height of the smallest print that can be made out: points, or the share of the page's longer side where that is less. Fonts are
# 4 pt and more in print; on a page of another unit (a poster, a page of 60 x 84 points) everything is larger or smaller alike.
LEAST_HEIGHT, LEAST_HEIGHT_SHARE = 2.0, 1 / 400


@dataclass(frozen=True, slots=True)
class TextLayer:
    """n words in the layer's own order.

    ``boxes`` is n x 4: left, bottom, right, top in points of the page as it is stored. ``garbage`` is the share of the layer's
    characters that mean nothing: 1 in a wrong encoding. ``hidden`` counts the words that no viewer shows, ``aside`` those at an angle to
    the page's lines; both are none of the words. ``invisible``: all words are those of an OCR layer; ``off_ink``: such words do not
    lie on the page's ink.
    """

    texts: tuple[str, ...]
    boxes: Boxes
    garbage: float
    hidden: int = 0
    aside: int = 0
    invisible: bool = False
    off_ink: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def words(self, page: pdfium.PdfPage, dpi: int) -> tuple[Word, ...]:
        """The words with boxes in whole pixels of the page's frame at ``dpi``."""
        width, height = pdf.frame(page, dpi)
        x0, y0, x1, y1 = pdf.in_frame(self.boxes, page, dpi).T
        left, top = np.maximum(0, x0).astype(int), np.maximum(0, y0).astype(int)
        right = np.minimum(width, np.maximum(left + 1, np.ceil(x1))).astype(int)
        bottom = np.minimum(height, np.maximum(top + 1, np.ceil(y1))).astype(int)
        boxes = zip(left.tolist(), top.tolist(), right.tolist(), bottom.tolist(), strict=True)
        return tuple(Word(text, Box(*box), 1.0, Source.TEXT_LAYER) for text, box in zip(self.texts, boxes, strict=True))


def read(page: pdfium.PdfPage, items: Sequence[PageObject]) -> TextLayer:
    """The text layer of a page of these objects, which is turned so that most of its text is upright."""
    stored = page.get_rotation()
    layer = _read(page, items)
    return layer if page.get_rotation() == stored else _read(page, items)  # pdfium's order of the words depends on the page's rotation


def doubt(page: pdfium.PdfPage, items: Sequence[PageObject], layer: TextLayer) -> OcrReason | None:
    """Why a layer does not say what the page shows, so that OCR has to; None where it does."""
    if not layer.texts:
        return OcrReason.HIDDEN_TEXT if layer.hidden else OcrReason.NO_TEXT
    if layer.garbage > GARBAGE_SHARE:
        return OcrReason.GARBLED
    if layer.off_ink:
        return OcrReason.OFF_INK
    few = len(layer) <= FEW_WORDS
    return OcrReason.SCAN if few and _pictures_share(page, items) > PICTURE_SHARE else None


def _read(page: pdfium.PdfPage, items: Sequence[PageObject]) -> TextLayer:
    textpage = page.get_textpage()
    try:
        return _words(page, textpage, items)
    finally:
        textpage.close()


def _words(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, items: Sequence[PageObject]) -> TextLayer:
    found = characters.read(textpage)
    garbage = _garbage(found.counts)
    if not len(found.codes):
        return TextLayer((), found.boxes, garbage)
    starts = _starts(found.spaces, found.boxes)
    boxes, lengths = _around(found.boxes, starts), np.diff(starts, append=len(found.codes))
    along = _turn_upright(page, _angles(textpage, found.places[starts]), lengths)
    legible = np.flatnonzero(along & _on_page(page, boxes) & _large(page, textpage, found.places[starts], boxes))

    def objects_of(word: int) -> list[pdfium_c.FPDF_PAGEOBJECT]:
        first, length = starts[legible[word]], lengths[legible[word]]
        return [pdfium_c.FPDFText_GetTextObject(textpage.raw, place) for place in found.places[first : first + length].tolist()]

    sight = visibility.look(page, items, boxes[legible], objects_of)
    shown = legible[sight.seen | sight.layer]
    numbers = np.repeat(np.arange(len(starts)), lengths)  # of each character's word
    kept = np.isin(np.arange(len(starts)), shown)[numbers]
    kept[kept] = ~characters.copies(textpage, found.of(kept))
    once, starts = found.of(kept), np.flatnonzero(np.diff(numbers[kept], prepend=-1))
    aside = int(np.count_nonzero(~along))
    return TextLayer(
        _texts(once.codes, starts), _around(once.boxes, starts), garbage, hidden=len(lengths) - aside - len(shown), aside=aside,
        invisible=bool(len(shown)) and not sight.seen.any(), off_ink=sight.off_ink,
    )


def _around(boxes: Boxes, starts: npt.NDArray[np.int_]) -> Boxes:
    """The boxes around the words that start at some of the characters."""
    if not len(starts):
        return np.empty((0, 4))
    return np.column_stack((np.minimum.reduceat(boxes[:, :2], starts), np.maximum.reduceat(boxes[:, 2:], starts)))


def _angles(textpage: pdfium.PdfTextPage, places: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """Of characters, degrees clockwise on the page as it is stored, 0 to 360."""
    return np.degrees([pdfium_c.FPDFText_GetCharAngle(textpage.raw, place) for place in places.tolist()])


def _turn_upright(page: pdfium.PdfPage, angles: npt.NDArray[np.float64], lengths: npt.NDArray[np.int_]) -> Mask:
    """Turn the page so that most of its text is upright; which of its words lie along its lines then.

    Args:
        page: an open page.
        angles: of the words, degrees clockwise on the page as it is stored.
        lengths: of the words, characters.
    """
    quarters = np.rint(angles / 90).astype(int) % 4
    most = int(np.bincount(quarters, lengths, 4).argmax())
    page.set_rotation((360 - 90 * most) % 360)
    return np.asarray(np.abs((angles - 90 * most + 180) % 360 - 180) <= ALONG)


def _on_page(page: pdfium.PdfPage, boxes: Boxes) -> Mask:
    """Which boxes have their centre on the page."""
    left, bottom, right, top = page.get_bbox()
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    return np.asarray((x >= left) & (x < right) & (y > bottom) & (y <= top))


def _large(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, places: npt.NDArray[np.int_], boxes: Boxes) -> Mask:
    """Which words are not too small to be made out.

    Args:
        page: their page.
        textpage: its text.
        places: of the first characters of the words, in that text.
        boxes: of the words.
    """
    least = min(LEAST_HEIGHT, LEAST_HEIGHT_SHARE * max(page.get_size()))
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    large = sides >= least
    for index in np.flatnonzero(~large).tolist():  # a dash of any font, or print of next to no size
        left, bottom, right, top = characters.room(textpage, int(places[index]))
        large[index] = max(right - left, top - bottom) >= least
    return np.asarray(large)


def _texts(codes: characters.Codes, starts: npt.NDArray[np.int_]) -> tuple[str, ...]:
    """The texts of words, which start at some of their characters."""
    letters = "".join(map(chr, np.where(codes == HYPHEN, ord("-"), codes).tolist()))
    texts = (letters[start:end] for start, end in pairwise([*starts.tolist(), len(letters)]))
    return tuple(text if text.isascii() else _without_surrogates(text).translate(LIGATURES) for text in texts)


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


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


def _garbage(counts: Mapping[int, int]) -> float:
    """The share of characters that mean nothing, by how often each occurs; 1 for those of no language with Latin letters."""
    if _shifted(counts):
        return 1.0
    nothing = sum(count for code, count in counts.items() if not code or _means_nothing(chr(code)))
    return nothing / max(1, sum(counts.values()))


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


def _pictures_share(page: pdfium.PdfPage, items: Sequence[PageObject]) -> float:
    """The share of the page that its pictures cover, where overlaps count twice; at most 1."""
    x0, y0, x1, y1 = page.get_bbox()
    left, bottom, right, top = regions.pictures(items).T
    covered = np.maximum(0, np.minimum(right, x1) - np.maximum(left, x0)) * np.maximum(0, np.minimum(top, y1) - np.maximum(bottom, y0))
    return min(1.0, float(covered.sum() / ((x1 - x0) * (y1 - y0))))
