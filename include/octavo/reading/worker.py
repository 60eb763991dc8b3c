"""The child that reads pages: one request, one page, one row. Runs as ``python -m octavo.reading.worker``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from PIL import Image

from octavo import images, pages, pdf
from octavo.children import serve
from octavo.errors import Quarantined
from octavo.images import Affine
from octavo.model import Outcome, Word
from octavo.reading import ocr, picture, text_layer
from octavo.reading.rows import quarantined
from octavo.reasons import Reason
from octavo.schemas import word_to_row

# pdfium keeps what it has parsed; a document is reopened after so many pages to keep memory bounded.
REOPEN_PAGES = 64
# Formats that leptonica reads as well as Pillow does, so that the file itself can be recognised.
AS_IS = {"image/jpeg": ("L", "RGB"), "image/png": ("L", "RGB", "1"), "image/bmp": ("L", "RGB")}


@dataclass
class Reading:
    """One page as it was read; see ``model.Page``."""

    width: int
    height: int
    dpi: int | None
    rotation: int
    transform: Affine
    words: Sequence[Word]
    text_source: str
    blank: bool = False


@dataclass
class OpenPdf:
    """The PDF that was read last, kept open for its next page."""

    path: Path | None = None
    document: pdfium.PdfDocument | None = None
    pages: int = field(default=0)

    def get(self, path: Path) -> pdfium.PdfDocument:
        if self.document is None or self.path != path or self.pages >= REOPEN_PAGES:
            if self.document is not None:
                self.document.close()
                self.document = None
            self.document, self.path, self.pages = pdf.open_pdf(path), path, 0
        self.pages += 1
        return self.document


_open_pdf = OpenPdf()


def handle(request: dict[str, Any]) -> dict[str, Any]:
    """A ``READINGS`` row for one page of one document."""
    started = time.monotonic()
    document, number = request["document"], request["page"]
    try:
        reading = _read(Path(request["path"]), request["media_type"], number, request["languages"], request["max_pixels"])
    except Quarantined as error:
        return quarantined(document, number, error.reason, error.detail, _seconds(started))
    except MemoryError:
        return quarantined(document, number, Reason.OUT_OF_MEMORY, "raise limits.child_bytes", _seconds(started))
    outcome, reason = Outcome.OK, None
    if not reading.words:
        outcome, reason = Outcome.EMPTY, (Reason.BLANK_PAGE if reading.blank else Reason.NO_WORDS).value
    return {
        "document": document, "page": number, "width": reading.width, "height": reading.height, "dpi": reading.dpi,
        "rotation": reading.rotation, "transform": [round(value, 6) for value in reading.transform],
        "text_source": reading.text_source if reading.words else "none", "words": [word_to_row(word) for word in reading.words],
        "outcome": outcome.value, "reason": reason, "detail": None, "seconds": _seconds(started), "cached": False,
    }


def _seconds(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _read(path: Path, media_type: str, number: int, languages: str, max_pixels: int) -> Reading:
    if media_type == pages.PDF:
        with pdf.open_page(_open_pdf.get(path), number) as page:
            return _read_pdf_page(page, languages, max_pixels)
    with images.open_image(path, media_type, max_pixels) as image:
        images.seek(image, number, max_pixels)
        return _read_image(image, path, media_type, languages)


def _read_pdf_page(page: pdfium.PdfPage, languages: str, max_pixels: int) -> Reading:
    dpi = pdf.choose_dpi(page, max_pixels)
    width, height = pdf.frame(page, dpi)
    reading = Reading(width, height, dpi, page.get_rotation(), pdf.transform(page, dpi), (), "text_layer")
    layer = text_layer.read(page, dpi)
    if text_layer.trusted(page, layer):
        reading.words = layer.words
        return reading
    _recognise(reading, pdf.render(page, dpi, grey=True), languages)
    return reading


def _read_image(image: Image.Image, path: Path, media_type: str, languages: str) -> Reading:
    exif = images.orientation(image)
    stored = image.size
    width, height = stored if images.turn(exif) % 180 == 0 else stored[::-1]
    reading = Reading(width, height, images.resolution(image), images.turn(exif), images.upright_transform(exif, width, height), (), "ocr")
    scale = picture.ocr_scale(width, height)
    as_is = image.mode in AS_IS.get(media_type, ()) and exif == 1 and scale == 1.0
    if media_type == "image/jpeg":
        # JPEG decodes at half, a quarter or an eighth of its size for a fraction of the time.
        wanted = 0.25 if as_is else min(1.0, scale)
        image.draft("L", (max(1, int(image.width * wanted)), max(1, int(image.height * wanted))))
    pixels = images.upright(images.decoded(image), exif)
    _recognise(reading, pixels, languages, path if as_is else None)
    return reading


def _recognise(reading: Reading, image: Image.Image, languages: str, file: Path | None = None) -> None:
    """Fill in the words of a page by OCR.

    Args:
        reading: the page; its width and height are the frame's.
        image: the upright page, possibly smaller than the frame.
        languages: Tesseract's names, joined by ``+``.
        file: the page's own file, where Tesseract can take it as it is.
    """
    reading.text_source = "ocr"
    if picture.is_blank(image):
        reading.blank = True
        return
    with tempfile.TemporaryDirectory() as folder:
        source = picture.OcrInput(file, 1.0) if file else picture.prepare(image, Path(folder), (reading.width, reading.height))
        words = ocr.recognise(source.path, languages, round(reading.dpi * source.scale) if reading.dpi else None)
        reading.words = picture.into_frame(words, source.scale, reading.width, reading.height)


if __name__ == "__main__":
    ocr.bind_to_this_process()
    serve(handle)
