"""Documents that tests make for themselves: PDFs with a text layer, page images, and damaged ones."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

Members = dict[str, bytes]
LINES = (
    "HARBOUR COFFEE LTD", "Invoice number: 48213", "Date: 12 March 2026", "Flat white 3.40", "Total amount 17.60",
    "Thank you for your visit",
)


def text_pdf(path: Path, pages: Sequence[Sequence[str]] = (LINES,), password: str | None = None, owner: str | None = None) -> Path:
    """A PDF with one line of 12 pt Helvetica after another, 20 mm from the left, 10 mm apart."""
    pdf = FPDF()
    if password is not None or owner is not None:
        pdf.set_encryption(owner_password=owner or "owner", user_password=password or "")
    for lines in pages:
        pdf.add_page()
        pdf.set_font("Helvetica", size=12)
        for number, line in enumerate(lines):
            pdf.text(20, 20 + 10 * number, line)
    pdf.output(str(path))
    return path


def page_picture(lines: Sequence[str] = LINES, size: tuple[int, int] = (1000, 700), pixels: int = 36) -> Image.Image:
    """A grey page with one line of print after another."""
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(pixels)
    for number, line in enumerate(lines):
        draw.text((60, 60 + 2 * pixels * number), line, font=font, fill=0)
    return image


def picture_pdf(path: Path, image: Image.Image) -> Path:
    """A PDF whose only page is a picture, as a scanner makes it."""
    pdf = FPDF(unit="pt", format=(image.width * 72 / 200, image.height * 72 / 200))
    pdf.add_page()
    pdf.image(image, 0, 0, w=pdf.w, h=pdf.h)
    pdf.output(str(path))
    return path


def askew(image: Image.Image, degrees: float) -> Image.Image:
    """The page as it is scanned when its lines fall to the right by ``degrees``, with white around it, nothing cut off."""
    return image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def make_zip(path: Path, members: Members, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path
