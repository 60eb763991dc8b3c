"""The pages of PDFs, for the child that reads: their text layer, and what has to be recognised instead of it or beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2 as pdfium
from PIL import Image

from octavo.model.errors import Quarantined
from octavo.page import pdf
from octavo.reading import deskew, pdf_rulings, picture, picture_rulings, regions, rulings, text_layer
from octavo.reading.page_objects import PageObject, objects
from octavo.reading.recogniser import Recogniser
from octavo.reading.recognition import Reading, prepare, prepare_part
from octavo.reading.rulings import PageLines

if TYPE_CHECKING:
    from octavo.reading.worker import Look

# pdfium keeps what it has parsed; a document is reopened after so many pages to keep memory bounded.
REOPEN_PAGES = 64


@dataclass
class OpenPdf:
    """The PDF that was read last, kept open for its next page."""

    path: Path | None = None
    document: pdfium.PdfDocument | None = None
    pages: int = 0

    def get(self, path: Path) -> pdfium.PdfDocument:
        if self.document is None or self.path != path or self.pages >= REOPEN_PAGES:
            if self.document is not None:
                self.document.close()
                self.document = None
            self.document, self.path, self.pages = pdf.open_pdf(path), path, 0
        self.pages += 1
        return self.document


_open_pdf = OpenPdf()


def read(look: Look, path: Path, folder: Path, max_pixels: int, recogniser: Recogniser, previews: bool) -> Reading:
    """Fill in what is known of a PDF's page, and what has to be recognised of it."""
    with pdf.open_page(_open_pdf.get(path), look.number) as page:
        reading = _read(look, page, folder, max_pixels, recogniser)
        if previews:
            look.preview = _preview(page, (reading.width, reading.height), reading.dpi or pdf.DPI)
        return reading


def _read(look: Look, page: pdfium.PdfPage, folder: Path, max_pixels: int, recogniser: Recogniser) -> Reading:
    stored = page.get_rotation()
    items = objects(page)
    layer = text_layer.read(page, items)
    why = text_layer.doubt(page, items, layer)
    if why is not None:
        page.set_rotation(stored)  # a scan is turned by what OCR sees, not by a stamp's text
    dpi = pdf.choose_dpi(page, max_pixels)
    words = layer.words(page, dpi) if why is None else ()
    parts = [] if why is not None or layer.invisible else regions.unread(page, items, words, dpi)
    if why is not None or parts:
        dpi = pdf.choose_dpi(page, max_pixels, regions.scanned_dpi(page, items))
        words = layer.words(page, dpi) if why is None else ()
        parts = parts and regions.unread(page, items, words, dpi)
    reading = look.reading = Reading(*pdf.frame(page, dpi), dpi, page.get_rotation(), pdf.transform(page, dpi), words, "text_layer")
    reading.hidden_words, reading.aside_words, reading.ocr_reason = layer.hidden, layer.aside, why
    if why is None:
        reading.lines = _lines(page, items, dpi, layer.invisible and not parts)
    if why is not None:
        look.waiting = prepare(reading, pdf.render(page, dpi, grey=True), folder, recogniser)
    elif parts:
        look.waiting = prepare_part(reading, pdf.render(page, dpi, grey=True), parts, folder, recogniser)
    return reading


def _lines(page: pdfium.PdfPage, items: Sequence[PageObject], dpi: int, scanned: bool) -> PageLines:
    """The lines of a page's paths; of a scan that has an OCR layer of its own also those of its picture.

    Args:
        page: whose text layer is trusted.
        items: its objects.
        dpi: of the frame.
        scanned: whether all words are those of such a layer.
    """
    lines = pdf_rulings.read(page, items, dpi)
    if not scanned:
        return lines
    shown = pdf.render(page, dpi, grey=True)
    return rulings.both(lines, picture_rulings.read(shown, shown.size, deskew.angle_of(deskew.ink_of(shown)), dpi))


def _preview(page: pdfium.PdfPage, frame: tuple[int, int], dpi: int) -> Image.Image | None:
    """The page with its colours, reduced; None if pdfium cannot draw it.

    Args:
        page: an open page.
        frame: width and height of the page at ``dpi``, pixels.
        dpi: resolution at which the page is read.
    """
    try:
        return pdf.render(page, dpi * picture.preview_scale(frame))
    except (Quarantined, MemoryError):
        return None  # the page itself is judged by those who read it; a missing picture loses nothing
