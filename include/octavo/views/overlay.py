"""Pictures of how pages were cut: every chunk's box with its number, every word's outline."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from octavo.model.entities import Box, Chunk

# Told apart also by those who see no red or no green (Okabe and Ito's palette, without its yellow).
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0))
FREE_WORD = (120, 120, 120)  # a word of no chunk
FADED = 0.55        # how much of the page's contrast is left, so that boxes stand out
TINT = 36           # of 255: how strongly a chunk's area is coloured
FRAME_SHARE = 0.002  # of the page's longer side: width of a chunk's frame
LABEL_SHARE = 0.018  # of the page's longer side: height of a chunk's number


def draw(picture: Image.Image, words: Sequence[Box], chunks: Sequence[Chunk]) -> Image.Image:
    """The page with its chunks numbered from 1 in reading order and its words outlined in their chunk's colour, mode RGB.

    Args:
        picture: the upright page; see ``octavo.page.rendering.page_image``.
        words: boxes of the page's words in its frame; may be empty where they are not known.
        chunks: as ``chunking.cut`` gives them.
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
