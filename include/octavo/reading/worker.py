"""The child that reads pages: some pages a request, a row for each. Runs as ``python -m octavo.reading.worker``."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from octavo.model.entities import Outcome, Page
from octavo.model.errors import Quarantined, Reason
from octavo.page import images
from octavo.reading import picture
from octavo.reading.recogniser import Recogniser
from octavo.reading.recognition import Reading, Recognition, prepare, recognise
from octavo.reading.rows import IDENTITY, check_row, quarantined, ruling_row, word_row
from octavo.reading.rulings import with_words
from octavo.storage.children import serve

# What ingest saw of pages that can be read in part only.
FLAWS = {
    Reason.DAMAGED_CONTENT: "what is drawn on the page is cut or damaged; deliver the document again",
    Reason.PORTFOLIO: "the page is the cover of files that are attached to it; deliver those",
}


@dataclass
class Look:
    """One page of a request: what is known of it before OCR, or why it cannot be read."""

    document: str
    number: int
    reading: Reading | None = None
    waiting: Recognition | None = None
    failure: Quarantined | None = None
    preview: Image.Image | None = None  # as the page was before OCR turned it
    turned: int = 0                     # the reading's rotation then
    seconds: float = 0.0

    def row(self) -> dict[str, Any]:
        """The page as a ``READINGS`` row, with its picture as ``preview``."""
        failure = self.failure or (self.waiting.failure if self.waiting else None)
        reading = self.reading
        reason, detail = (failure.reason, failure.detail) if failure else (None, None)
        if reading is None or (failure and not reading.words):
            return quarantined(self.document, self.number, reason or Reason.PAGE_UNREADABLE, detail or "", self.seconds)
        outcome = Outcome.PARTIAL if failure else Outcome.OK  # the text layer is there, its pictures are not
        if not reading.words:
            outcome, reason = Outcome.EMPTY, Reason.BLANK_PAGE if reading.blank else Reason.NO_WORDS
        page = Page(self.document, self.number, reading.width, reading.height, None, 0, IDENTITY, tuple(reading.words), reading.skew)
        lines = with_words(reading.lines, page)
        return {
            "document": self.document, "page": self.number, "width": reading.width, "height": reading.height, "dpi": reading.dpi,
            "rotation": reading.rotation, "transform": [round(value, 6) for value in reading.transform],
            "skew": reading.skew if reading.words else 0.0, "text_source": reading.text_source if reading.words else "none",
            "words": [word_row(word) for word in reading.words], "outcome": outcome.value,
            "reason": reason.value if reason else None, "detail": detail or lines.left_out, "seconds": self.seconds, "cached": False,
            "rulings": [ruling_row(ruling) for ruling in lines.rulings], "checks": [check_row(check) for check in lines.checks],
            "hidden_words": reading.hidden_words, "aside_words": reading.aside_words,
            "ocr_reason": reading.ocr_reason.value if reading.ocr_reason else None,
            "preview": picture.encoded_preview(self.preview, reading.rotation - self.turned),
        }


def handle(request: dict[str, Any]) -> dict[str, Any]:
    """``rows``: a ``READINGS`` row for each of the request's ``pages``, in their order, with a JPEG in base64 where ``previews`` asks."""
    scratch = Path(tempfile.gettempdir()) / f"octavo-pages-{os.getpid()}"  # made by the first page that needs it: most text layers do not
    try:
        recogniser = _recogniser(request["profile"], request["languages"])
        looks = [_look(page, scratch / str(place), request, recogniser) for place, page in enumerate(request["pages"])]
        started = time.monotonic()
        waiting = [look for look in looks if look.waiting is not None]
        recognise([look.waiting for look in waiting if look.waiting is not None], recogniser)
        for look in waiting:
            look.seconds = round(look.seconds + (time.monotonic() - started) / len(waiting), 3)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {"rows": [_bounded(look, request["max_words"]) for look in looks]}


def _bounded(look: Look, max_words: int) -> dict[str, Any]:
    """The page's row; one with more words than what comes after reading can take is kept out."""
    words = len(look.reading.words) if look.reading else 0
    if words > max_words:
        return quarantined(look.document, look.number, Reason.TOO_MANY_WORDS, f"{words:,} words; raise limits.page_words", look.seconds)
    return look.row()


@cache
def _recogniser(profile: str, languages: str) -> Recogniser:
    """The engine of a profile; only that one is loaded."""
    if profile == "best":
        from octavo.reading.rapid_ocr import RapidOcr  # noqa: PLC0415

        return RapidOcr()
    from octavo.reading import tesseract  # noqa: PLC0415

    tesseract.bind_to_this_process()
    return tesseract.Tesseract(languages)


def _look(page: dict[str, Any], folder: Path, request: dict[str, Any], recogniser: Recogniser) -> Look:
    started = time.monotonic()
    look = Look(page["document"], page["page"])
    try:
        _read(look, Path(page["path"]), page["media_type"], folder, request["max_pixels"], recogniser, request["previews"])
    except Quarantined as error:
        look.failure = error
    except MemoryError:
        look.failure = Quarantined(Reason.OUT_OF_MEMORY, "raise limits.child_bytes")
    if look.failure is None and page["flaw"] is not None:
        look.failure = Quarantined(Reason(page["flaw"]), FLAWS[Reason(page["flaw"])])
    look.seconds = _seconds(started)
    return look


def _seconds(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _read(page: Look, path: Path, media_type: str, folder: Path, max_pixels: int, recogniser: Recogniser, previews: bool) -> None:
    """Fill in what is known of a page, and what has to be recognised of it."""
    if media_type in images.FORMATS:
        with images.open_image(path, media_type, max_pixels) as image:
            reading, pixels = look(image, images.seek(image, page.number, max_pixels), recogniser.enlarges)
            page.reading = reading
            page.waiting = prepare(reading, pixels, folder, recogniser)
            if previews:
                size = (reading.width, reading.height)
                page.preview = picture.preview_of(pixels, path, media_type, page.number, size, max_pixels)
    else:
        from octavo.reading import pdf_pages  # noqa: PLC0415  # pdfium is a tenth of a child's start, and images do not need it

        reading = pdf_pages.read(page, path, folder, max_pixels, recogniser, previews)
    page.turned = reading.rotation


def look(image: Image.Image, frame: images.Geometry, enlarge: bool) -> tuple[Reading, Image.Image]:
    """An image's current page without its words, and its pixels as the page shows them, as many as recognition takes.

    Args:
        image: at the page's frame, not decoded.
        frame: how its pixels become the page.
        enlarge: whether a small page is enlarged for recognition.
    """
    reading = Reading(frame.width, frame.height, frame.dpi, frame.rotation, frame.transform, (), "ocr")
    if image.format == "JPEG":
        # JPEG decodes faster without its colours, and at a half or a quarter of its size for a fraction of the time.
        wanted = min(1.0, picture.ocr_scale(frame.width, frame.height, enlarge))
        image.draft("L", (max(1, int(image.width * wanted)), max(1, int(image.height * wanted))))
    return reading, images.page_pixels(image, frame)


if __name__ == "__main__":
    serve(handle)
