"""Paper: drawing a page as PDF, and turning it into what a scanner makes of it.

Everything is drawn once, with the 14 fonts that every PDF reader has. A scan is that page
rasterised by pdfium, turned a little, unevenly lit and speckled. Same seed, same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pypdfium2
from fpdf import FPDF
from fpdf.enums import EncryptionMethod
from PIL import Image, ImageFilter

PRINTED = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)  # in the PDFs' metadata: a clock would change the bytes
SCAN_DPI = 200


@dataclass(frozen=True)
class Sample:
    """One file of the landing folder and what is true about it.

    ``fields`` has the contract's field names; dates are ISO, amounts have a point and two decimals.
    ``reason`` is the ledger's reason code of a file that cannot be read, or repeats another one;
    ``text`` is a page's reading order, where that is what the page is for.
    """

    contract: str
    day: dt.date
    name: str
    data: bytes
    pages: int
    scanned: bool
    fields: dict[str, Any] = field(default_factory=dict)
    outcome: str = "ok"
    reason: str | None = None
    text: str | None = None

    @property
    def path(self) -> str:
        """Where the file lies, relative to the folder that is made."""
        return f"landing/{self.contract}/{self.day:%Y/%m/%d}/{self.name}"


class Sheet(FPDF):
    """A document drawn by position: millimetres, origin top left; ``y`` is a line's baseline."""

    def __init__(self, width: float = 210, height: float = 297, family: str = "helvetica") -> None:
        super().__init__(unit="mm", format=(width, height))
        self.set_auto_page_break(False)
        self.set_creation_date(PRINTED)
        self.family = family
        self.add_page()

    def write_at(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 10,
        style: str = "",
        align: Literal["left", "right", "centre"] = "left",
        family: str = "",
    ) -> None:
        """Write one line; ``align`` says which end of it ``x`` is. ``size`` is in points."""
        self.set_font(family or self.family, style, size)
        width = self.get_string_width(text)
        self.text(x - {"left": 0, "right": width, "centre": width / 2}[align], y, text)

    def write_lines(self, x: float, y: float, lines: Sequence[str], size: float = 10, leading: float = 5, style: str = "") -> float:
        """Write lines under each other; returns the baseline after the last one."""
        for line in lines:
            self.write_at(x, y, line, size, style)
            y += leading
        return y

    def paragraph(self, x: float, y: float, width: float, text: str, size: float = 10, leading: float = 5) -> float:
        """Write text broken to ``width``; returns the baseline after the last line."""
        self.set_font(self.family, "", size)
        line = ""
        for word in text.split():
            if line and self.get_string_width(f"{line} {word}") > width:
                self.text(x, y, line)
                y, line = y + leading, word
            else:
                line = f"{line} {word}".strip()
        self.text(x, y, line)
        return y + leading

    def rule(self, x0: float, y: float, x1: float) -> None:
        self.set_line_width(0.2)
        self.line(x0, y, x1, y)

    def lock(self, password: str) -> None:
        """Ask for a password on opening. RC4, since the AES methods draw random numbers."""
        self.set_encryption(owner_password=f"{password}-owner", user_password=password, encryption_method=EncryptionMethod.RC4)

    def to_bytes(self) -> bytes:
        return bytes(self.output())


@dataclass(frozen=True)
class Scanner:
    """What goes wrong on the glass: degrees, grey levels of 255."""

    skew: float = 0.0
    noise: float = 6.0
    shade: float = 12.0
    blur: float = 0.5


def rasterise(pdf: bytes, dpi: int = SCAN_DPI) -> list[Image.Image]:
    """The pages as clean grey images."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=dpi / 72, grayscale=True).to_pil().convert("L") for page in document]
    finally:
        document.close()


def scan(image: Image.Image, rng: random.Random, scanner: Scanner) -> Image.Image:
    """The page as it comes off a scanner: turned, unevenly lit, blurred, noisy."""
    if scanner.skew:
        image = image.rotate(scanner.skew, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    if scanner.blur:
        image = image.filter(ImageFilter.GaussianBlur(scanner.blur))
    width, height = image.size
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((height, width), dtype=np.float32)
    light = np.linspace(0, scanner.shade, width, dtype=np.float32)[None, :]
    pixels = np.asarray(image, dtype=np.float32) * 0.94 + 8 - light + noise * scanner.noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def scan_pdf(pdf: bytes, rng: random.Random, scanner: Scanner, dpi: int = SCAN_DPI) -> list[Image.Image]:
    """Every page of a PDF, scanned."""
    return [scan(image, rng, scanner) for image in rasterise(pdf, dpi)]


def encode(images: Sequence[Image.Image], suffix: str, dpi: int = SCAN_DPI) -> bytes:
    """The images as one file: .jpg, .webp, .png (8 greys), .tif (fax pages) or .pdf (pages without text)."""
    first, *rest = images
    out = io.BytesIO()
    match suffix:
        case ".jpg":
            first.save(out, "JPEG", quality=60, dpi=(dpi, dpi))
        case ".webp":
            first.save(out, "WEBP", quality=55, method=4)
        case ".png":
            first.point(lambda grey: round(grey / 36.43) * 36.43).quantize(8).save(out, "PNG", optimize=True, dpi=(dpi, dpi))
        case ".tif":
            fax = [image.point(lambda grey: 255 * (grey > 150)).convert("1") for image in (first, *rest)]
            fax[0].save(out, "TIFF", compression="group4", save_all=True, append_images=fax[1:], dpi=(dpi, dpi))
        case ".pdf":
            return _image_pdf(images, dpi)
        case _:
            raise ValueError(f"no encoder for {suffix!r}")
    return out.getvalue()


def _image_pdf(images: Sequence[Image.Image], dpi: int) -> bytes:
    sheet: Sheet | None = None
    for image in images:
        width, height = image.width / dpi * 25.4, image.height / dpi * 25.4
        if sheet is None:
            sheet = Sheet(width, height)
        else:
            sheet.add_page(format=(width, height))
        sheet.image(io.BytesIO(encode([image], ".jpg", dpi)), 0, 0, width, height)
    if sheet is None:
        raise ValueError("a PDF needs at least one image")
    return sheet.to_bytes()
