"""Documents that tests make for themselves: PDFs with a text layer, page images, and damaged ones."""

from __future__ import annotations

import io
import tarfile
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


def drawn_pdf(path: Path, content: str, page: str = "", catalog: str = "", objects: Sequence[str] = (), resources: str = "") -> Path:
    """A PDF of one page of 595 x 842 points, written by hand: what no library writes on purpose.

    Args:
        path: where to write.
        content: the page's content stream; ``/F1`` is Helvetica.
        page: further entries of the page's dictionary.
        catalog: further entries of the catalog.
        objects: further objects, the first of which is number 6: a dictionary, or a dictionary and a stream.
        resources: further entries of the page's resources.
    """
    return written_pdf(path, [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R {page} "
        f"/Resources << /Font << /F1 5 0 R >> {resources} >> >>",
        stream(content), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>", *objects,
    ])


def written_pdf(path: Path, bodies: Sequence[str]) -> Path:
    """A PDF of these objects, numbered from 1; the first is its catalog."""
    out, places = "%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = f"trailer << /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    path.write_bytes(f"{out}xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1"))
    return path


def stream(content: str, entries: str = "") -> str:
    """A stream object's body; ``entries`` are further ones of its dictionary."""
    return f"<< /Length {len(content)} {entries} >>\nstream\n{content}\nendstream"


def line(text: str, x: float, y: float, size: float = 12, before: str = "") -> str:
    """Drawing operators of a line of text whose baseline starts at ``x``, ``y`` points from the bottom left."""
    return f"q {before} BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET Q\n"


def tar_bytes(members: Members) -> bytes:
    """A TAR archive with these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
