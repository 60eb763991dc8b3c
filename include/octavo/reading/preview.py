"""A small picture of each page, made while the page is open: what people look at beside the words."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from octavo.model.errors import Quarantined
from octavo.page import images

SIDE = 1400   # pixels of the longer side: 120 dpi for A4, where small print can still be read
QUALITY = 75  # measured: an A4 page is some 80 KB of JPEG in 10 ms; WebP halves the bytes in ten times the time


def of_image(pixels: Image.Image, path: Path, media_type: str, number: int, frame: tuple[int, int], max_pixels: int) -> Image.Image | None:
    """The image's page, upright and reduced; None if it cannot be decoded with its colours.

    Args:
        pixels: the upright page as it was decoded for reading, which for a JPEG is grey or coarse: that is decoded anew.
        path: the image's file.
        media_type: as ingest found it.
        number: of the page, from 1.
        frame: width and height of the upright page, pixels.
        max_pixels: most pixels that are decoded.
    """
    size = _size(frame)
    try:
        if media_type == "image/jpeg":
            with images.open_image(path, media_type, max_pixels) as image:
                images.seek(image, number, max_pixels)
                image.draft("RGB", size if images.turn(images.orientation(image)) % 180 == 0 else size[::-1])
                pixels = images.upright(images.decoded(image), images.orientation(image))
        return pixels.resize(size, Image.Resampling.BOX, reducing_gap=2.0) if pixels.size != size else pixels
    except (Quarantined, MemoryError):
        return None  # the page itself is judged by those who read it; a missing picture loses nothing


def encoded(picture: Image.Image | None, turn: int) -> str | None:
    """The picture as base64 of a JPEG, turned clockwise by ``turn`` degrees."""
    if picture is None:
        return None
    stream = io.BytesIO()
    images.turned(picture, turn).convert("RGB").save(stream, "JPEG", quality=QUALITY)
    return base64.b64encode(stream.getvalue()).decode()


def scale(frame: tuple[int, int]) -> float:
    """How many pixels of the picture one pixel of a page of this width and height becomes; at most 1."""
    return min(1.0, SIDE / max(frame))


def _size(frame: tuple[int, int]) -> tuple[int, int]:
    width, height = frame
    return max(1, round(width * scale(frame))), max(1, round(height * scale(frame)))
