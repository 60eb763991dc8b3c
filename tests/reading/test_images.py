"""Images as pages: each page once, upright, square, with its print visible, in every format."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, ImageDraw
from upath import UPath

from octavo.ingest import counting
from octavo.ingest.inspection import media_type_of
from octavo.model.errors import Quarantined
from octavo.page import images
from octavo.page.rendering import page_image
from octavo.reading.picture import preview_of
from octavo.storage import schemas
from tests.documents import LINES, page_picture
from tests.reading.test_reading import box_of, ink_around, read, text

PIXELS = 1 << 30
REDUCED, PAGE, MASK = 1, 2, 4  # TIFF's NewSubfileType
pillow_heif.register_heif_opener()


def media_type(path: Path) -> str:
    return media_type_of(path.read_bytes()[:8192])


def shown(path: Path, number: int = 1) -> tuple[images.Geometry, Image.Image]:
    with images.open_image(path, media_type(path), PIXELS) as image:
        frame = images.seek(image, number, PIXELS)
        return frame, images.page_pixels(image, frame)


# Each page once.

def numbered(number: int, size: tuple[int, int] = (300, 200)) -> Image.Image:
    """A picture that ``numbers`` tells from others: its grey level."""
    return Image.new("L", size, 40 * number)


def numbers(path: Path) -> list[int]:
    """The pictures that are pages."""
    count = counting.count(path, media_type(path), PIXELS)
    return [round(np.asarray(shown(path, page)[1].convert("L")).mean() / 40) for page in range(1, count + 1)]


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, size[::-1], np.uint8))


def phone(path: Path, behind: Image.Image, cut: int = 0, damage: tuple[bytes, bytes] = (b"", b"")) -> None:
    """A JPEG with a further picture behind it, as MPF has it, less ``cut`` bytes and with the first of ``damage`` made its second."""
    numbered(1).save(path, "MPO", save_all=True, append_images=[behind], quality=95)
    data = path.read_bytes()
    assert damage[0] in data
    path.write_bytes(data.replace(*damage, 1)[:len(data) - cut])


def tiff(path: Path, *frames: tuple[Image.Image, dict[int, Any]], **options: Any) -> None:
    """A TIFF of frames with tags."""
    for image, tags in frames:
        image.encoderinfo = {"tiffinfo": tags}  # type: ignore[attr-defined]
    first, *others = (image for image, _ in frames)
    first.save(path, "TIFF", save_all=True, append_images=others, tiffinfo=frames[0][1], **options)


def with_unknown_preview(path: Path) -> None:
    """The second frame is a small copy whose compression nobody knows."""
    tiff(path, (numbered(1), {}), (numbered(2), {254: REDUCED}), (numbered(3), {}))
    data = bytearray(path.read_bytes())
    [second] = [at for at in range(len(data)) if data[at:at + 12] == struct.pack("<HHII", 254, 4, 1, REDUCED)]
    compression = data.index(struct.pack("<HHI", 259, 3, 1), second) + 8
    data[compression:compression + 2] = struct.pack("<H", 4711)
    path.write_bytes(data)


def animation(path: Path, kind: str, **options: Any) -> None:
    frames = [numbered(number).convert("RGB") for number in (1, 2, 3)]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], **options)


SMALL, LARGE = (60, 40), (300, 200)
FILES: dict[str, tuple[Callable[[Path], None], list[int]]] = {
    "a phone's JPEG with a preview": (lambda path: phone(path, numbered(2)), [1]),
    "with a small gain map": (lambda path: phone(path, numbered(2, SMALL)), [1]),
    "with a preview that is cut off": (lambda path: phone(path, noise((600, 600)), cut=90_000), [1]),
    "with a damaged list of previews": (lambda path: phone(path, numbered(2), damage=(struct.pack("<HHII", 0xB001, 4, 1, 2),
                                                                                      struct.pack("<HHII", 0xB001, 4, 1, 9))), [1]),
    "a TIFF's small copy comes last": (lambda path: tiff(path, (numbered(1), {}), (numbered(2), {254: REDUCED})), [1]),
    "first": (lambda path: tiff(path, (numbered(1, SMALL), {254: REDUCED}), (numbered(2), {254: 0})), [2]),
    "between": (lambda path: tiff(path, (numbered(1), {254: PAGE}), (numbered(2, SMALL), {254: REDUCED | PAGE}), (numbered(3), {})),
                [1, 3]),
    "and its mask": (lambda path: tiff(path, (numbered(1), {}), (numbered(2).convert("1"), {254: MASK})), [1]),
    "by the old tag": (lambda path: tiff(path, (numbered(1), {255: 1}), (numbered(2), {255: 2}), (numbered(3), {255: 3})), [1, 3]),
    "and nothing else": (lambda path: tiff(path, (numbered(1, SMALL), {254: REDUCED}), (numbered(2, LARGE), {254: REDUCED}),
                                           (numbered(3, SMALL), {254: REDUCED})), [2]),
    "of a kind that cannot be read": (with_unknown_preview, [1, 3]),
    "a TIFF of three pages": (lambda path: tiff(path, *((numbered(number), {}) for number in (1, 2, 3))), [1, 2, 3]),
    "an animated GIF": (lambda path: animation(path, "GIF"), [1]),
    "an animated PNG": (lambda path: animation(path, "PNG"), [1]),
    "an animated PNG with a picture apart": (lambda path: animation(path, "PNG", default_image=True), [1]),
    "an animated WebP": (lambda path: animation(path, "WEBP", lossless=True), [1]),
    "a sequence of AVIF": (lambda path: animation(path, "AVIF"), [1]),
    "a HEIF of several pictures": (lambda path: animation(path, "HEIF", primary_index=1), [2]),
}


@pytest.mark.parametrize(("make", "expected"), [pytest.param(*case, id=name) for name, case in FILES.items()])
def test_every_page_of_an_image_comes_once_and_nothing_else(make: Callable[[Path], None], expected: list[int], tmp_path: Path) -> None:
    make(tmp_path / "file")
    assert numbers(tmp_path / "file") == expected


def test_a_jpeg_that_ends_behind_its_thumbnail_is_truncated(tmp_path: Path) -> None:
    path, thumbnail = tmp_path / "photo.jpg", io.BytesIO()
    numbered(2, SMALL).save(thumbnail, "JPEG")
    noise((300, 200)).save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00" + thumbnail.getvalue())
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(Quarantined, match="truncated"):
        counting.count(path, "image/jpeg", PIXELS)


def test_a_page_that_cannot_be_read_is_a_page_and_not_the_one_before(tmp_path: Path) -> None:
    with_unknown_preview(path := tmp_path / "scan.tif")
    path.write_bytes(path.read_bytes().replace(struct.pack("<HHII", 254, 4, 1, REDUCED), struct.pack("<HHII", 254, 4, 1, PAGE)))
    assert counting.count(path, "image/tiff", PIXELS) == 3
    assert round(np.asarray(shown(path, 3)[1]).mean() / 40) == 3
    with pytest.raises(Quarantined, match="page_unreadable"):
        shown(path, 2)


# Upright.

T = Image.Transpose
# EXIF orientation -> what makes stored pixels of upright ones.
STORED = {
    1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270,
}
KINDS: dict[str, dict[str, Any]] = {
    "TIFF": {}, "TIFF in G4": {"compression": "group4"}, "TIFF in LZW": {"compression": "tiff_lzw"},
    "TIFF in JPEG": {"compression": "jpeg"}, "JPEG": {"quality": 95}, "PNG": {}, "WEBP": {},
    "AVIF": {"quality": 95}, "HEIF": {"quality": 95},
}


def upright_picture() -> Image.Image:
    """A picture that no turn and no mirror maps to itself."""
    image = Image.new("L", (300, 200), 255)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 99, 49), fill=0)
    draw.rectangle((280, 0, 299, 199), fill=0)
    return image


def stored(orientation: int) -> Image.Image:
    turn = STORED[orientation]
    return upright_picture() if turn is None else upright_picture().transpose(turn)


def exif(**tags: Any) -> Image.Exif:
    made = Image.Exif()
    for name, value in tags.items():
        made[ExifTags.Base[name]] = value
    return made


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return float(np.abs(np.asarray(one.convert("L"), dtype=int) - np.asarray(other.convert("L"), dtype=int)).mean())


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_turned_once_and_its_transform_says_how(kind: str, orientation: int, tmp_path: Path) -> None:
    name, path, image = kind.split()[0], tmp_path / "page", stored(orientation)
    image = image.convert("1" if "G4" in kind else "RGB" if name in ("WEBP", "AVIF", "HEIF") else "L")
    tags = exif(Orientation=orientation)
    image.save(path, name, exif=tags if name == "TIFF" else tags.tobytes(), **KINDS[kind])
    frame, pixels = shown(path)
    assert (frame.width, frame.height) == pixels.size
    assert difference(pixels, upright_picture()) < 5
    if name != "HEIF":  # libheif turns the pixels itself: for us they are stored upright
        assert frame.rotation == {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)
        a, b, c, d, e, f = frame.transform
        corners = {(a * x + c * y + e, b * x + d * y + f) for x in (0, image.width) for y in (0, image.height)}
        assert corners == {(0, 0), (300, 0), (0, 200), (300, 200)}
        y, x = np.argwhere(np.asarray(image.convert("L")) < 60)[2000] + 0.5
        assert pixels.convert("L").getpixel((int(a * x + c * y + e), int(b * x + d * y + f))) < 60  # type: ignore[operator]


def test_each_frame_of_a_tiff_has_its_own_orientation(tmp_path: Path) -> None:
    tiff(tmp_path / "scan.tif", *((stored(orientation), {274: orientation}) for orientation in (6, 1, 4, 7)))
    found = [shown(tmp_path / "scan.tif", page) for page in (1, 2, 3, 4)]
    assert [frame.orientation for frame, _ in found] == [6, 1, 4, 7]
    assert [difference(pixels, upright_picture()) for _, pixels in found] == [0, 0, 0, 0]


def test_what_xmp_says_of_an_avifs_orientation_does_not_count(tmp_path: Path) -> None:
    upright_picture().save(tmp_path / "photo.avif", xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>')
    assert shown(tmp_path / "photo.avif")[0].rotation == 0


# Square.

def jfif(path: Path, unit: int, density: tuple[int, int], **options: Any) -> None:
    Image.new("L", (100, 60)).save(path, "JPEG", dpi=(72, 72), **options)
    data = bytearray(path.read_bytes())
    data[13:18] = struct.pack(">BHH", unit, *density)
    path.write_bytes(data)


def png_aspect(path: Path) -> None:
    """A PNG with a ratio and without a unit."""
    Image.new("L", (100, 60)).save(path, "PNG", dpi=(204, 98))
    data = path.read_bytes()
    at = data.index(b"pHYs")
    chunk = b"pHYs" + struct.pack(">IIB", 2, 1, 0)
    path.write_bytes(data[:at] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[at + 17:])


def saved(kind: str, **options: Any) -> Callable[[Path], None]:
    return lambda path: Image.new("L", (100, 60)).save(path, kind, **options)


RESOLUTIONS: dict[str, tuple[Callable[[Path], None], tuple[int, int], int | None]] = {
    "standard fax": (saved("TIFF", dpi=(204, 98)), (100, 125), 204),
    "superfine columns": (saved("TIFF", dpi=(408, 98)), (100, 250), 408),
    "fine fax": (saved("TIFF", dpi=(204, 196)), (100, 62), 204),
    "coarse columns": (saved("TIFF", dpi=(98, 204)), (208, 60), 204),
    "on its side": (saved("TIFF", dpi=(204, 98), exif=exif(Orientation=6)), (125, 100), 204),
    "dots per cm": (saved("TIFF", tiffinfo={296: 3, 282: 80.0, 283: 40.0}), (100, 120), 203),
    "a TIFF's ratio": (saved("TIFF", tiffinfo={296: 1, 282: 2.0, 283: 1.0}), (100, 120), None),
    "a JFIF's ratio": (lambda path: jfif(path, 0, (1, 2)), (200, 60), None),
    "a JFIF's dpi": (lambda path: jfif(path, 1, (200, 100)), (100, 120), 200),
    "a JFIF that does not know, EXIF that does": (
        lambda path: jfif(path, 0, (1, 1), exif=exif(XResolution=100.0, YResolution=200.0, ResolutionUnit=2)), (200, 60), 200),
    "a PNG's": (saved("PNG", dpi=(204, 98)), (100, 125), 204),
    "a PNG's ratio": (png_aspect, (100, 120), None),
    "a BMP's": (saved("BMP", dpi=(204, 98)), (100, 125), 204),
    "square": (saved("TIFF", dpi=(300, 300)), (100, 60), 300),
    "rounded": (saved("TIFF", dpi=(72, 73)), (100, 60), 72),
    "absurd": (saved("TIFF", dpi=(300, 1)), (100, 60), 300),
    "nothing": (saved("PNG"), (100, 60), None),
}


@pytest.mark.parametrize(("make", "size", "dpi"), [pytest.param(*case, id=name) for name, case in RESOLUTIONS.items()])
def test_pixels_that_are_not_square_are_made_square_along_the_coarser_side(
    make: Callable[[Path], None], size: tuple[int, int], dpi: int | None, tmp_path: Path,
) -> None:
    make(tmp_path / "page")
    frame, pixels = shown(tmp_path / "page")
    assert (frame.width, frame.height) == pixels.size == size
    assert frame.dpi == dpi
    a, b, c, d, e, f = frame.transform
    assert {(abs(round(a * x + c * y + e)), abs(round(b * x + d * y + f))) for x in (0, 100) for y in (0, 60)} == {
        (0, 0), (size[0], 0), (0, size[1]), size,
    }


def test_a_page_that_squaring_makes_too_large_is_not_decoded(tmp_path: Path) -> None:
    saved("TIFF", dpi=(400, 100))(path := tmp_path / "fax.tif")
    with images.open_image(path, "image/tiff", 10_000) as image, pytest.raises(Quarantined, match="100 x 240"):
        images.seek(image, 1, 10_000)


def odd_fax(path: Path) -> None:
    """A thumbnail, then a fax page with pixels of 1 to 4 that lies on its side."""
    page = page_picture(size=(1600, 1200), pixels=60).transpose(T.ROTATE_90)  # the stored rows are the page's columns
    page = page.resize((page.width, page.height // 4), Image.Resampling.BOX)
    tiff(path, (page_picture(size=(200, 150), pixels=8), {254: REDUCED}), (page, {274: 6, 282: 400.0, 283: 100.0, 296: 2}))


def phone_photo(path: Path) -> None:
    page_picture(size=(1600, 1200), pixels=60).transpose(T.ROTATE_90).save(path, "MPO", save_all=True, exif=exif(Orientation=6).tobytes(),
                                                                           append_images=[page_picture(size=(400, 300), pixels=14)])


def photo(kind: str) -> Callable[[Path], None]:
    return lambda path: page_picture(size=(1600, 1200), pixels=60).convert("RGB").transpose(T.ROTATE_90).save(
        path, kind, exif=exif(Orientation=6).tobytes())


def light_print(path: Path) -> None:
    page = page_picture(size=(1600, 1200), pixels=60)
    Image.merge("LA", (Image.new("L", page.size, 255), page.point([255 - level for level in range(256)]))).save(path, "PNG")


@pytest.mark.parametrize("make", [
    pytest.param(odd_fax, id="a fax"), pytest.param(phone_photo, id="a phone's JPEG"), pytest.param(photo("HEIF"), id="HEIC"),
    pytest.param(photo("AVIF"), id="AVIF"), pytest.param(light_print, id="white print on nothing"),
])
def test_words_pictures_and_previews_of_a_page_agree(make: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    make(path := tmp_path / "in" / "page")
    _, [row], _ = read(tmp_path / "in", tmp_path, ocr_profile="fast")
    assert text(row) == " ".join(LINES)
    assert (row["width"], row["height"]) == (1600, 1200)
    picture = page_image(UPath(path), media_type(path), schemas.page_from_row(row)).convert("L")
    dark = np.asarray(picture).mean() < 128
    ink = picture.point([255 - level if dark else level for level in range(256)])
    assert ink_around(ink, box_of(row, *" ".join(LINES).split())) > 0.99
    frame, pixels = shown(path)
    preview = preview_of(pixels, path, media_type(path), 1, (frame.width, frame.height), PIXELS)
    assert preview is not None
    assert difference(picture.resize(preview.size, Image.Resampling.BOX), preview) < 3


# Visible.

def printed(colour: tuple[int, int, int], smoothed: bool) -> Image.Image:
    """Print of one colour on a transparent background, which is black where nobody sees it; ``smoothed``: reduced, so the black gets in."""
    mask = page_picture(size=(1000, 700), pixels=36).point([255 - level for level in range(256)])
    image = Image.new("RGBA", mask.size, (0, 0, 0, 0))
    image.paste(colour, mask=mask.point([255 if level > 128 else 0 for level in range(256)]))
    image.putalpha(mask)
    if not smoothed:
        return image
    return Image.merge("RGBA", [channel.reduce(2) for channel in image.split()])


@pytest.mark.parametrize("smoothed", [False, True])
@pytest.mark.parametrize("colour", [
    (255, 255, 255), (255, 255, 0), (200, 200, 200), (140, 140, 140), (0, 0, 0), (255, 0, 0), (0, 0, 160), (110, 110, 110),
], ids=str)
def test_print_of_any_one_colour_shows_on_a_transparent_background(colour: tuple[int, int, int], smoothed: bool, tmp_path: Path) -> None:
    printed(colour, smoothed).save(tmp_path / "page.png")
    pixels = np.asarray(shown(tmp_path / "page.png")[1].convert("L"), dtype=int)
    paper = np.bincount(pixels.ravel()).argmax()
    assert (np.abs(pixels - paper) > 90).mean() > 0.01


def test_a_page_with_a_transparent_margin_stays_dark_on_white(tmp_path: Path) -> None:
    page = Image.new("RGBA", (1200, 900), (0, 0, 0, 0))
    page.paste(page_picture().convert("RGBA"), (100, 100))
    page.save(tmp_path / "page.png")
    assert np.asarray(shown(tmp_path / "page.png")[1].convert("L"))[:50].min() == 255


# HEIC and AVIF.

@pytest.mark.parametrize(("brands", "expected"), [
    pytest.param(b"heic", "image/heic", id="HEIC"), pytest.param(b"heix", "image/heic", id="10 bits"),
    pytest.param(b"hevc", "image/heic", id="sequence"), pytest.param(b"mif1heic", "image/heic", id="HEIF that names its codec later"),
    pytest.param(b"mif1avif", "image/avif", id="AVIF likewise"), pytest.param(b"msf1hevc", "image/heic", id="sequence likewise"),
    pytest.param(b"mif1", "image/heif", id="HEIF that does not name its codec"),
    pytest.param(b"avif", "image/avif", id="AVIF"), pytest.param(b"avis", "image/avif", id="AVIF sequence"),
    pytest.param(b"isomheic", None, id="a film"),
])
def test_heif_files_are_known_by_their_brands(brands: bytes, expected: str | None) -> None:
    found = media_type_of(struct.pack(">I", 12 + len(brands)) + b"ftyp" + brands[:4] + bytes(4) + brands[4:] + bytes(64))
    assert found == expected if expected else found not in images.FORMATS


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("left", [0.6, 0.98])
def test_a_photo_that_ends_too_early_is_truncated(kind: str, left: float, tmp_path: Path) -> None:
    noise((400, 300)).convert("RGB").save(path := tmp_path / "photo", kind)
    path.write_bytes(path.read_bytes()[:int(left * path.stat().st_size)])
    with pytest.raises(Quarantined, match="truncated"):
        counting.count(path, media_type(path), PIXELS)


def test_libraries_of_photos_are_loaded_only_for_them() -> None:
    code = "import sys, octavo.ingest.counting, octavo.reading.worker; print({'pi_heif', 'PIL.AvifImagePlugin'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
