"""Opening page images with Pillow: formats, frames that are pages, EXIF orientation, pixels that are not square, and odd colour modes.

Frame: the pixels of one frame of the file, upright as its EXIF orientation says and square, origin top left.
"""

from __future__ import annotations

import itertools
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from octavo.model.errors import Quarantined, Reason

# Media types that Pillow reads for us, and the Pillow formats that may claim to be one of them: a file is
# only ever given to the decoder that its content asked for.
FORMATS = {
    "image/png": ("PNG",),
    "image/apng": ("PNG",),
    "image/jpeg": ("JPEG",),
    "image/tiff": ("TIFF",),
    "image/webp": ("WEBP",),
    "image/bmp": ("BMP",),
    "image/gif": ("GIF",),
    "image/heic": ("HEIF",),
    "image/heif": ("HEIF",),
    "image/avif": ("AVIF",),
}
# What Pillow and its plugins raise over damaged files, beside Image.UnidentifiedImageError (an OSError).
DECODE_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, OverflowError, AssertionError, RuntimeError, struct.error,
)
# What decoders say of a file that ends too early, in lower case: Pillow and libavif the first, libheif the second.
_CUT_OFF = ("truncated", "unexpected end of file")

# TIFF 6.0, NewSubfileType: bits of a frame that is a smaller copy of another one, and of one that says where another is transparent.
_REDUCED, _MASK = 0b001, 0b100
# TIFF 5.0, SubfileType: a smaller copy.
_OLD_REDUCED = 2

# Pixels whose sides differ by less are taken for square: resolutions are rounded.
NEARLY_SQUARE = 1.02
# A ratio of the sides beyond this is not believed; the longest pixels of faxes are 1 to 4.2 (408 x 98 dpi).
MOST_ELONGATED = 8.0

# Print on a transparent background: pixels with at least this share of the greatest opacity are print, others smooth its edges.
_PRINT_OPACITY = 0.75
# White suits print that is darker than this grey, black any other.
_MID_GREY = 128
# A picture is light print where at most this share of it is darker: a page of dark print has more.
_DARK_SHARE = 0.005

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
"""(a, b, c, d, e, f): x' = ax + cy + e, y' = bx + dy + f."""


def then(first: Affine, second: Affine) -> Affine:
    """The affine that does ``first`` and then ``second``."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return (p * a + r * b, q * a + s * b, p * c + r * d, q * c + s * d, p * e + r * f + t, q * e + s * f + u)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a frame's stored pixels become the page: first turned upright, then stretched along one side until they are square.

    ``width`` and ``height`` are pixels of the page; ``orientation`` is EXIF's, 1 to 8; ``stretch`` has the factors of the upright
    picture's width and height, of which the finer side's is 1; ``dpi`` is the page's, None where the file does not say.
    """

    width: int
    height: int
    orientation: int
    stretch: tuple[float, float]
    dpi: int | None

    @property
    def rotation(self) -> int:
        """The clockwise turn in degrees within the orientation."""
        return turn(self.orientation)

    @property
    def transform(self) -> Affine:
        """The affine from stored pixels to those of the page."""
        across, down = self.stretch
        a, b, c, d, e, f = upright_transform(self.orientation, round(self.width / across), round(self.height / down))
        return (a * across, b * down, c * across, d * down, e * across, f * down)


@contextmanager
def open_image(path: Path, media_type: str, max_pixels: int) -> Iterator[ImageFile.ImageFile]:
    """The image file at ``path``, its pixels not yet decoded.

    Raises:
        Quarantined: corrupt, or page_too_large past ``max_pixels`` (of the first frame).
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit applies, with our own error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata that does not matter here
        with ExitStack() as opened:
            try:
                # Not by its path: of a file that Pillow maps into memory it garbles TIFFs that lie on their side.
                stream = opened.enter_context(path.open("rb"))
                image = opened.enter_context(_opened(stream, media_type))
            except DECODE_ERRORS as error:
                raise Quarantined(Reason.CORRUPT, str(error)) from error
            check_size(*image.size, max_pixels)
            yield image


def _opened(stream: IO[bytes], media_type: str) -> ImageFile.ImageFile:
    formats = FORMATS[media_type]
    if formats == ("JPEG",):
        # Image.open makes frames of the previews and gain maps behind a phone's picture, and fails where their index is damaged.
        return JpegImagePlugin.JpegImageFile(stream)
    if formats == ("AVIF",):
        return _opened_avif(stream)
    if formats == ("HEIF",):
        import pi_heif  # noqa: PLC0415  # its libraries take 26 MB, and only who opens such a file needs them

        pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    return Image.open(stream, formats=formats)


def _opened_avif(stream: IO[bytes]) -> ImageFile.ImageFile:
    from PIL import AvifImagePlugin  # noqa: PLC0415  # its library takes 7 MB

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a reading child has one core
    image = AvifImagePlugin.AvifImageFile(stream)
    image.info.pop("xmp", None)  # the file's own turn counts, which the plugin tells as EXIF's; where there is none, XMP's would be taken
    return image


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises ``Quarantined`` (page_too_large) for an image past ``max_pixels``, before its pixels are decoded."""
    if width * height > max_pixels:
        raise Quarantined(
            Reason.PAGE_TOO_LARGE,
            f"the page is {width:,} x {height:,} px, over the limit of {max_pixels:,}; raise limits.page_pixels",
        )


def page_frames(image: Image.Image) -> Iterator[int]:
    """The indices of the frames of a newly opened image that are pages, in order; at least one.

    Only TIFFs have several pages. Their reduced copies and transparency masks are none; where a file has nothing else, its largest frame
    is its page. A frame that Pillow cannot make sense of is a page, which can only be read in vain.
    An animation is one page: its first frame, which is also what viewers show that do not animate, such as an APNG's default image.
    A HEIF file's page is its primary image.

    Raises:
        Quarantined: corrupt; the list of a TIFF's frames is damaged.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        yield image.tell()
        return
    only_copies, largest, most = True, 0, 0
    for index in itertools.count():
        try:
            image.seek(index)
        except EOFError:
            break
        except DECODE_ERRORS as error:
            if image.tell() != index:  # it was not this frame's content that is damaged
                raise Quarantined(Reason.CORRUPT, str(error)) from error
        else:
            if image.width * image.height > most:
                largest, most = index, image.width * image.height
        if not _is_copy(image.tag_v2):
            only_copies = False
            yield index
    if only_copies:
        yield largest


def _is_copy(tags: Mapping[int, Any]) -> bool:
    """Whether a TIFF's frame belongs to another one: a smaller copy of it or its mask."""
    kind, old = tags.get(ExifTags.Base.NewSubfileType), tags.get(ExifTags.Base.SubfileType)
    return (isinstance(kind, int) and bool(kind & (_REDUCED | _MASK))) or old == _OLD_REDUCED


def seek(image: Image.Image, number: int, max_pixels: int) -> Geometry:
    """Go to page ``number`` (from 1) of a newly opened image, and say how its pixels become the page.

    Raises:
        Quarantined: page_unreadable, or page_too_large.
    """
    try:
        index = next(itertools.islice(page_frames(image), number - 1, None), None)
        if index is None:
            raise Quarantined(Reason.PAGE_UNREADABLE, f"the image has no page {number}")
        image.seek(0)  # Pillow takes a frame that it has failed at for the current one, and would not fail again
        image.seek(index)
        found = geometry(image)
    except DECODE_ERRORS as error:
        raise Quarantined(Reason.PAGE_UNREADABLE, str(error)) from error
    check_size(found.width, found.height, max_pixels)
    return found


def geometry(image: Image.Image) -> Geometry:
    """How the current frame's stored pixels become the page; to be asked before they are decoded."""
    exif, (across, down) = orientation(image), _stretch(image)
    dpi = _resolution(image, across)
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # its size may be that of the turned picture already
        width, height = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
    if turn(exif) % 180:
        width, height, across, down = height, width, down, across
    return Geometry(round(width * across), round(height * down), exif, (across, down), dpi)


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


def _resolution(image: Image.Image, across: float) -> int | None:
    """Dots per inch once the stored width is stretched by ``across``; None where the file says nothing, or something absurd."""
    try:
        dpi = round(float(image.info["dpi"][0]) * across)
    except (*DECODE_ERRORS, ZeroDivisionError):
        return None
    return dpi if 30 <= dpi <= 2400 else None


def _stretch(image: Image.Image) -> tuple[float, float]:
    """The factors of the stored width and height that make the pixels square: 1 for the finer side, and where the file says nothing."""
    try:
        x, y = (float(dots) for dots in _density(image))
        elongation = max(x, y) / min(x, y)
    except (*DECODE_ERRORS, ZeroDivisionError):
        return 1.0, 1.0
    if not (x > 0 and y > 0 and NEARLY_SQUARE <= elongation <= MOST_ELONGATED):
        return 1.0, 1.0
    return (elongation, 1.0) if x < y else (1.0, elongation)


def _density(image: Image.Image) -> tuple[Any, Any]:
    """Dots along the stored rows and along the columns, of whatever unit; (1, 1) where the file does not say."""
    info = image.info
    if info.get("jfif_density", (1, 1)) != (1, 1):  # whoever does not know writes 1:1
        return tuple(info["jfif_density"])
    if isinstance(image, JpegImagePlugin.JpegImageFile):  # Pillow's dpi is EXIF's of one side then
        exif = image.getexif()
        return exif.get(ExifTags.Base.XResolution, 1), exif.get(ExifTags.Base.YResolution, 1)
    return tuple(next((info[key] for key in ("dpi", "aspect", "resolution") if key in info), (1, 1)))


def page_pixels(image: Image.Image, frame: Geometry) -> Image.Image:
    """The current frame's pixels as the page shows them, in mode L or RGB; smaller than ``frame`` where ``draft`` has made them so.

    Raises:
        Quarantined: truncated or page_unreadable.
    """
    pixels = decoded(image)
    pixels = upright(pixels, orientation(image))  # a plugin that turns the pixels itself, as TIFF's does, has taken the orientation out
    if frame.stretch == (1.0, 1.0):
        return pixels
    across, down = frame.stretch
    return pixels.resize((round(pixels.width * across), round(pixels.height * down)), Image.Resampling.BICUBIC)


def decoded(image: Image.Image) -> Image.Image:
    """The current frame's pixels, in mode L or RGB, nothing transparent.

    Raises:
        Quarantined: truncated or page_unreadable.
    """
    try:
        image.load()
        return flattened(image)
    except DECODE_ERRORS as error:
        reason = Reason.TRUNCATED if any(words in str(error).lower() for words in _CUT_OFF) else Reason.PAGE_UNREADABLE
        raise Quarantined(reason, str(error)) from error


def flattened(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as L or RGB: 16-bit scaled to 8, palettes resolved, transparency on white, or on black under light print."""
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
        page = Image.new("RGBA", image.size, _background(image))
        page.alpha_composite(image)
        return page.convert("RGB")
    return image.convert("RGB")


def _background(image: Image.Image) -> str:
    """What to put an RGBA picture on so that its print shows: black where nearly all of it is light, else white."""
    opacity = image.getchannel("A")
    least = max(1.0, _PRINT_OPACITY * float(opacity.getextrema()[1]))  # type: ignore[arg-type]  # one band, so no tuples
    levels = image.convert("L").histogram(opacity.point([255 if level >= least else 0 for level in range(256)]))
    return "black" if sum(levels[:_MID_GREY]) < _DARK_SHARE * sum(levels) else "white"
