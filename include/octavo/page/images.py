"""Opening page images with Pillow: formats, frames, EXIF orientation and odd colour modes.

Frame: the pixels of one frame of the file, upright as its EXIF orientation says, origin top left.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from octavo.model.errors import Quarantined, Reason

# Media types that Pillow reads for us, and the Pillow formats that may claim to be one of them: a file is
# only ever given to the decoder that its content asked for.
FORMATS = {
    "image/png": ("PNG",),
    "image/apng": ("PNG",),
    "image/jpeg": ("JPEG", "MPO"),
    "image/tiff": ("TIFF",),
    "image/webp": ("WEBP",),
    "image/bmp": ("BMP",),
    "image/gif": ("GIF",),
}
# What Pillow raises over damaged files, beside Image.UnidentifiedImageError (an OSError).
DECODE_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, OverflowError, AssertionError, struct.error,
)

# EXIF orientation -> how the stored pixels become upright, and the clockwise turn in degrees within it.
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180),
    5: (Image.Transpose.TRANSPOSE, 90),
    6: (Image.Transpose.ROTATE_270, 90),  # Pillow turns counter-clockwise
    7: (Image.Transpose.TRANSVERSE, 270),
    8: (Image.Transpose.ROTATE_90, 270),
}
# Pillow counts the other way.
_CLOCKWISE = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}

Affine = tuple[float, float, float, float, float, float]


@contextmanager
def open_image(path: Path, media_type: str, max_pixels: int) -> Iterator[Image.Image]:
    """The image file at ``path``, its pixels not yet decoded.

    Raises:
        Quarantined: corrupt, or page_too_large past ``max_pixels`` (of the first frame).
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit applies, with our own error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata that does not matter here
        try:
            image = Image.open(path, formats=FORMATS[media_type])
        except DECODE_ERRORS as error:
            raise Quarantined(Reason.CORRUPT, str(error)) from error
        with image:
            check_size(image, max_pixels)
            yield image


def check_size(image: Image.Image, max_pixels: int) -> None:
    """Raises ``Quarantined`` (page_too_large) for an image past ``max_pixels``, before its pixels are decoded."""
    if image.width * image.height > max_pixels:
        raise Quarantined(
            Reason.PAGE_TOO_LARGE,
            f"the page is {image.width:,} x {image.height:,} px, over the limit of {max_pixels:,}; raise limits.page_pixels",
        )


def seek(image: Image.Image, number: int, max_pixels: int) -> None:
    """Go to frame ``number`` (from 1).

    Raises:
        Quarantined: page_unreadable, or page_too_large.
    """
    try:
        image.seek(number - 1)
    except DECODE_ERRORS as error:
        raise Quarantined(Reason.PAGE_UNREADABLE, str(error)) from error
    check_size(image, max_pixels)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 for none, and for one that cannot be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DECODE_ERRORS:
        return 1
    return value if value in _TURNS else 1


def turn(exif: int) -> int:
    """The clockwise turn in degrees that EXIF orientation ``exif`` asks for."""
    return _TURNS[exif][1] if exif in _TURNS else 0


def upright(image: Image.Image, exif: int) -> Image.Image:
    return image.transpose(_TURNS[exif][0]) if exif in _TURNS else image


def turned(image: Image.Image, degrees: int) -> Image.Image:
    """The image turned clockwise by a multiple of 90 degrees."""
    return image.transpose(_CLOCKWISE[degrees % 360]) if degrees % 360 else image


def upright_transform(exif: int, width: int, height: int) -> Affine:
    """The affine from stored pixels to upright ones; ``width`` and ``height`` are the upright image's."""
    return {
        2: (-1.0, 0.0, 0.0, 1.0, float(width), 0.0),
        3: (-1.0, 0.0, 0.0, -1.0, float(width), float(height)),
        4: (1.0, 0.0, 0.0, -1.0, 0.0, float(height)),
        5: (0.0, 1.0, 1.0, 0.0, 0.0, 0.0),
        6: (0.0, 1.0, -1.0, 0.0, float(width), 0.0),
        7: (0.0, -1.0, -1.0, 0.0, float(width), float(height)),
        8: (0.0, -1.0, 1.0, 0.0, 0.0, float(height)),
    }.get(exif, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0))


def resolution(image: Image.Image) -> int | None:
    """Dots per inch as the file says; None where it does not, or says something absurd."""
    try:
        dpi = round(float(image.info["dpi"][0]))
    except (*DECODE_ERRORS, ZeroDivisionError):
        return None
    return dpi if 30 <= dpi <= 2400 else None


def decoded(image: Image.Image) -> Image.Image:
    """The current frame's pixels, in mode L or RGB, transparency on white.

    Raises:
        Quarantined: truncated or page_unreadable.
    """
    try:
        image.load()
        return flattened(image)
    except DECODE_ERRORS as error:
        reason = Reason.TRUNCATED if "truncated" in str(error) else Reason.PAGE_UNREADABLE
        raise Quarantined(reason, str(error)) from error


def flattened(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as L or RGB: 16-bit scaled to 8, palettes resolved, transparency on white."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "P" and image.palette is None:  # a GIF's grey frame
        return Image.fromarray(np.asarray(image))
    if image.mode.startswith("I") or image.mode == "F":
        pixels = np.asarray(image, dtype=np.float32)
        # 16-bit files keep their own scale; 32-bit and float ones have none, so their brightest pixel is white.
        white = 65535.0 if image.mode.startswith("I;16") or pixels.max() > 255 else max(float(pixels.max()), 1.0)
        return Image.fromarray(np.clip(pixels * (255.0 / white), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white_page = Image.new("RGBA", image.size, "white")
        white_page.alpha_composite(image)
        return white_page.convert("RGB")
    return image.convert("RGB")
