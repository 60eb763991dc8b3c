"""From a page's picture to the file that is recognised, and back from its boxes to the page's frame; and to its small preview."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from octavo.model.entities import Box, Word
from octavo.model.errors import Quarantined
from octavo.page import images

# Widths in pixels; measured with Tesseract 5 on receipts: small print wants doubling, more than about 300 dpi only costs time.
SMALL_WIDTH = 900
LARGE_WIDTH, REDUCED_WIDTH = 2600, 2480  # 2,480 px: A4 at 300 dpi
MAX_SIDE = 32_000        # Tesseract refuses sides past 32,767
MAX_OCR_PIXELS = 40_000_000  # a page that is far taller than wide is not enlarged past this
MOST_DPI = 2400          # more in a file, and Tesseract takes it for a mistake
# A page is blank when its smoothed grey levels (0 to 255) differ by less than this: paper's shading and JPEG noise do.
BLANK_RANGE = 16
# A page whose print lies within this share of its longer side is looked at closer: a few words on a large page are lost
# when recognisers look at the whole of it.
SPARSE_SHARE = 0.5
SPARSE_MARGIN = 24      # pixels around the print
INK_PERCENTILE = 2       # the darkest 2 % of a page of text are its print
JOINING_SIGMA = 1.2      # pixels: joins the dots of a dot matrix, keeps letters of 15 px apart
SMOOTHING = 4            # pixels: side of the squares that are averaged first


@dataclass(frozen=True, slots=True)
class OcrInput:
    """A file to recognise: how many of its pixels one pixel of the page became, and its resolution, where it is known."""

    path: Path
    scale: float
    dpi: int | None

    def beside(self, name: str) -> OcrInput:
        """A file of the same scale in the same folder."""
        return replace(self, path=self.path.with_name(f"{name}.tif"))

    def write(self, grey: Image.Image) -> None:
        """Write the picture. Uncompressed TIFF: Tesseract reads a PGM byte by byte, and takes a TIFF's resolution from the file."""
        dpi = min(self.dpi, MOST_DPI) if self.dpi else None
        grey.save(self.path, format="TIFF", compression="raw", **({"dpi": (dpi, dpi)} if dpi else {}))


def ocr_scale(width: int, height: int, enlarge: bool) -> float:
    """How much to enlarge (if at all) or reduce a page of this size before it is recognised."""
    scale = 1.0
    if enlarge and width < SMALL_WIDTH and 4 * width * height <= MAX_OCR_PIXELS:
        scale = 2.0
    elif width > LARGE_WIDTH:
        scale = REDUCED_WIDTH / width
    return min(scale, MAX_SIDE / max(width, height))


def is_blank(image: Image.Image) -> bool:
    """Whether a page is one nearly uniform area."""
    low, high = _extrema(image.reduce(SMOOTHING) if min(image.size) >= 2 * SMOOTHING else image)
    return high - low < BLANK_RANGE


def _extrema(image: Image.Image) -> tuple[float, float]:
    low, high = image.convert("L").getextrema()
    return float(low), float(high)  # type: ignore[arg-type]  # one band, so no tuples


def prepare(image: Image.Image, folder: Path, frame: tuple[int, int], dpi: int | None, enlarge: bool) -> OcrInput:
    """Write a page's picture as recognisers like it: grey, not too small and not too large.

    Args:
        image: the page, possibly decoded at less than its full size.
        folder: where to write.
        frame: width and height of the page, pixels.
        dpi: resolution of the frame, where it is known.
        enlarge: whether a small page is doubled in size.
    """
    grey = image.convert("L")
    scale = ocr_scale(*frame, enlarge)
    size = (max(1, round(frame[0] * scale)), max(1, round(frame[1] * scale)))
    if grey.size != size:
        grey = grey.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS, reducing_gap=2.0)
    source = OcrInput(folder / "page.tif", scale, round(dpi * scale) if dpi else None)
    source.write(grey)
    return source


def print_box(grey: Image.Image) -> Box | None:
    """The box of all that differs from the page's background, with a margin; None where that is hardly smaller than the page."""
    small = np.asarray(grey.reduce(SMOOTHING) if min(grey.size) >= 2 * SMOOTHING else grey).astype(np.int16)
    ink = np.abs(small - int(np.bincount(small.ravel(), minlength=256).argmax())) > 2 * BLANK_RANGE
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    if not len(rows):
        return None
    margin, factor = SPARSE_MARGIN, SMOOTHING if min(grey.size) >= 2 * SMOOTHING else 1
    box = Box(
        max(0, int(columns[0]) * factor - margin), max(0, int(rows[0]) * factor - margin),
        min(grey.width, (int(columns[-1]) + 1) * factor + margin), min(grey.height, (int(rows[-1]) + 1) * factor + margin),
    )
    return box if max(box.width, box.height) <= SPARSE_SHARE * max(grey.size) else None


def cleaned(grey: Image.Image) -> Image.Image:
    """A faint or unevenly lit page with its background made white, its print dark, and the dots of dotted print joined."""
    import cv2  # noqa: PLC0415  # only few pages need it, and every child would load it

    pixels = np.asarray(grey)
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((7, 7), np.uint8)), 21)
    paper = cv2.resize(paper, (pixels.shape[1], pixels.shape[0]))
    flat = Image.fromarray(cv2.divide(pixels, paper, scale=255))
    darkest = int(np.searchsorted(np.cumsum(flat.histogram()), INK_PERCENTILE / 100 * pixels.size))
    stretched = flat.point([min(255, max(0, round((level - darkest) * 255 / max(1, 255 - darkest)))) for level in range(256)])
    return Image.fromarray(cv2.GaussianBlur(np.asarray(stretched), (0, 0), JOINING_SIGMA))


def into_frame(words: Sequence[Word], scale: float, width: int, height: int) -> list[Word]:
    """Words of an ``OcrInput`` with their boxes in the page's frame of ``width`` x ``height`` pixels."""
    if scale == 1.0:
        return list(words)
    return [Word(word.text, _scaled(word.box, scale, width, height), word.confidence, word.source) for word in words]


def _scaled(box: Box, scale: float, width: int, height: int) -> Box:
    x0, y0 = min(width - 1, int(box.x0 / scale)), min(height - 1, int(box.y0 / scale))
    return Box(x0, y0, min(width, max(x0 + 1, -int(-box.x1 / scale // 1))), min(height, max(y0 + 1, -int(-box.y1 / scale // 1))))


# The small picture of each page, made while the page is open: what people look at beside the words.
PREVIEW_SIDE = 1400   # pixels of the longer side: 120 dpi for A4, where small print can still be read
PREVIEW_QUALITY = 75  # measured: an A4 page is some 80 KB of JPEG in 10 ms; WebP halves the bytes in ten times the time


def preview_of(
    pixels: Image.Image, path: Path, media_type: str, number: int, frame: tuple[int, int], max_pixels: int,
) -> Image.Image | None:
    """The image's page, upright and reduced; None if it cannot be decoded with its colours.

    Args:
        pixels: the upright page as it was decoded for reading, which for a JPEG is grey or coarse: that is decoded anew.
        path: the image's file.
        media_type: as ingest found it.
        number: of the page, from 1.
        frame: width and height of the upright page, pixels.
        max_pixels: most pixels that are decoded.
    """
    size = _preview_size(frame)
    try:
        if media_type == "image/jpeg":
            with images.open_image(path, media_type, max_pixels) as image:
                found = images.seek(image, number, max_pixels)
                image.draft("RGB", size if found.rotation % 180 == 0 else size[::-1])
                pixels = images.page_pixels(image, found)
        return pixels.resize(size, Image.Resampling.BOX, reducing_gap=2.0) if pixels.size != size else pixels
    except (Quarantined, MemoryError):
        return None  # the page itself is judged by those who read it; a missing picture loses nothing


def encoded_preview(picture: Image.Image | None, turn: int) -> str | None:
    """The picture as base64 of a JPEG, turned clockwise by ``turn`` degrees."""
    if picture is None:
        return None
    stream = io.BytesIO()
    images.turned(picture, turn).convert("RGB").save(stream, "JPEG", quality=PREVIEW_QUALITY)
    return base64.b64encode(stream.getvalue()).decode()


def preview_scale(frame: tuple[int, int]) -> float:
    """How many pixels of the picture one pixel of a page of this width and height becomes; at most 1."""
    return min(1.0, PREVIEW_SIDE / max(frame))


def _preview_size(frame: tuple[int, int]) -> tuple[int, int]:
    width, height = frame
    return max(1, round(width * preview_scale(frame))), max(1, round(height * preview_scale(frame)))
