"""The child that reads pages: one request, one page, one row. Runs as ``python -m octavo.reading.worker``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from PIL import Image

from octavo import images, pdf
from octavo.children import serve
from octavo.errors import Quarantined
from octavo.model import Outcome
from octavo.reading import ocr, picture, text_layer
from octavo.reading.recognition import Reading, recognise
from octavo.reading.rows import quarantined, word_row
from octavo.reasons import Reason

# pdfium keeps what it has parsed; a document is reopened after so many pages to keep memory bounded.
REOPEN_PAGES = 64
# Formats that leptonica reads as well as Pillow does, so that the file itself can be recognised.
AS_IS = {"image/jpeg": ("L", "RGB"), "image/png": ("L", "RGB", "1"), "image/bmp": ("L", "RGB")}


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
        "text_source": reading.text_source if reading.words else "none", "words": [word_row(word) for word in reading.words],
        "outcome": outcome.value, "reason": reason, "detail": None, "seconds": _seconds(started), "cached": False,
    }


def _seconds(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _read(path: Path, media_type: str, number: int, languages: str, max_pixels: int) -> Reading:
    if media_type == pdf.MEDIA_TYPE:
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
    recognise(reading, pdf.render(page, dpi, grey=True), languages)
    return reading


def _read_image(image: Image.Image, path: Path, media_type: str, languages: str) -> Reading:
    reading, pixels, file = look(image, path, media_type)
    recognise(reading, pixels, languages, file)
    return reading


def look(image: Image.Image, path: Path, media_type: str) -> tuple[Reading, Image.Image, Path | None]:
    """The frame of an image's current page, its upright pixels, and its file if that can be recognised as it is.

    In the last case the pixels may be reduced: they only have to show whether the page is blank.
    """
    exif = images.orientation(image)
    width, height = image.size if images.turn(exif) % 180 == 0 else image.size[::-1]
    reading = Reading(width, height, images.resolution(image), images.turn(exif), images.upright_transform(exif, width, height), (), "ocr")
    as_is = image.mode in AS_IS.get(media_type, ()) and exif == 1 and picture.ocr_scale(width, height) == 1.0
    if media_type == "image/jpeg":
        # JPEG decodes faster without its colours, and at a half or a quarter of its size for a fraction of the time.
        wanted = 0.25 if as_is else min(1.0, picture.ocr_scale(width, height))
        image.draft("L", (max(1, int(image.width * wanted)), max(1, int(image.height * wanted))))
    return reading, images.upright(images.decoded(image), exif), path if as_is else None


if __name__ == "__main__":
    ocr.bind_to_this_process()
    serve(handle)
