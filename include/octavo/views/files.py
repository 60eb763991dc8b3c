"""Files that people keep: a document as one HTML file, and pictures of how its pages were cut."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from upath import UPath

from octavo.model.entities import Box, Chunk
from octavo.model.errors import Quarantined, SettingsError
from octavo.model.settings import Settings
from octavo.page.rendering import page_image
from octavo.storage import schemas
from octavo.views import html
from octavo.views.document import DocumentView, PageView, load, load_page
from octavo.views.sources import DocumentDay, Row, partition_of

MOST_PAGES = 1000  # some 150 MB of HTML
SIDE, QUALITY = 1400, 75  # pixels and JPEG quality where no picture was kept, as ``reading.picture`` has them


def write_html(settings: Settings, found: Sequence[tuple[UPath, Row]], target: Path) -> tuple[int, int]:
    """Write the pages and fields of a published document into one file; returns the number of pages in it and of the document.

    Args:
        settings: stores and limits.
        found: the documents that were named, each with the file of the table ``documents`` that lists it.
        target: the file.

    Raises:
        SettingsError: several documents were named, or one that several contracts read.
    """
    ids = {row["document"] for _, row in found}
    if len(ids) > 1:
        listed = ", ".join(sorted(f"{row['document'][:12]} {row['uri']}" for _, row in found)[:5])
        raise SettingsError(f"--html takes one document, and {len(ids)} have that name: {listed}; give more of the path or of the sha256")
    contracts = sorted({partition_of(path).contract for path, _ in found})
    if len(contracts) > 1:
        raise SettingsError(f"--html takes one document as one contract read it; say which with --contract: {', '.join(contracts)}")
    path, row = found[-1]  # of several days the last
    return write_page(DocumentDay(settings, partition_of(path)), row["document"], settings, target)


def write_page(place: DocumentDay, document: str, settings: Settings, target: Path) -> tuple[int, int]:
    """Write the pages and fields of a document of a day into one file; returns the number of pages in it and of the document."""
    view = load(place, document)
    numbers = range(1, min(view.pages, MOST_PAGES) + 1)
    pages = [page for number in numbers if (page := load_page(place, view.document, number, settings)) is not None]
    target.write_text(html.standalone(view, [_with_picture(view, page, place, settings) for page in pages]), encoding="utf-8")
    return len(pages), view.pages


def _with_picture(view: DocumentView, page: PageView, place: DocumentDay, settings: Settings) -> PageView:
    """The page with the picture that reading kept, or one made of the document where that is still there."""
    if page.picture is not None or not page.readable:
        return page
    frame = next(row for row in place.rows("pages", view.document) if row["page"] == page.number)
    try:
        image = page_image(UPath(view.uri), view.media_type, schemas.page_from_row({**frame, "words": []}), settings.limits)
    except (FileNotFoundError, Quarantined):
        return page  # gone or replaced: the page is shown by its words
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return replace(page, picture=stream.getvalue())


# Told apart also by those who see no red or no green (Okabe and Ito's palette, without its yellow).
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0))
FREE_WORD = (120, 120, 120)  # a word of no chunk
FADED = 0.55        # how much of the page's contrast is left, so that boxes stand out
TINT = 36           # of 255: how strongly a chunk's area is coloured
FRAME_SHARE = 0.002  # of the page's longer side: width of a chunk's frame
LABEL_SHARE = 0.018  # of the page's longer side: height of a chunk's number


def draw_chunks(picture: Image.Image, words: Sequence[Box], chunks: Sequence[Chunk]) -> Image.Image:
    """The page with its chunks numbered from 1 in reading order and its words outlined in their chunk's colour, mode RGB.

    Args:
        picture: the upright page; see ``octavo.page.rendering.page_image``.
        words: boxes of the page's words in its frame; may be empty where they are not known.
        chunks: as ``chunking.stage.cut`` gives them.
    """
    page = picture.convert("RGB")
    page = Image.blend(Image.new("RGB", page.size, "white"), page, FADED)
    pen = ImageDraw.Draw(page, "RGBA")
    side = max(page.size)
    width = max(2, round(FRAME_SHARE * side))
    held = {index: chunk.number for chunk in chunks for index in chunk.words}
    for index, box in enumerate(words):
        pen.rectangle(_inner(box), outline=_colour(held[index]) if index in held else FREE_WORD)
    for chunk in chunks:
        pen.rectangle(_inner(chunk.box), outline=_colour(chunk.number), width=width, fill=(*_colour(chunk.number), TINT))
    font = ImageFont.load_default(max(10, round(LABEL_SHARE * side)))
    for chunk in chunks:
        _label(pen, chunk, font, page.width)
    return page


def _colour(number: int) -> tuple[int, int, int]:
    return COLOURS[number % len(COLOURS)]


def _inner(box: Box) -> tuple[int, int, int, int]:
    """The box's own pixels, as Pillow counts them: right and bottom inclusive."""
    return box.x0, box.y0, max(box.x0, box.x1 - 1), max(box.y0, box.y1 - 1)


def _label(pen: ImageDraw.ImageDraw, chunk: Chunk, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, page_width: int) -> None:
    """The chunk's number on its colour: left of the box, or right of it, or within it where the page has no room."""
    text = str(chunk.number + 1)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = (bottom - top) / 3
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x, y = chunk.box.x0 - width, float(chunk.box.y0)
    if x < 0:
        x = chunk.box.x1 if chunk.box.x1 + width <= page_width else chunk.box.x1 - width
    pen.rectangle((x, y, x + width, y + height), fill=_colour(chunk.number))
    pen.text((x + pad - left, y + pad - top), text, fill="white", font=font)
