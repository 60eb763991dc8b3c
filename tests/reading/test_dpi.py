"""The resolution at which a page of a PDF is read: as much as its scan has, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image
from upath import UPath

from octavo.model.entities import Page
from octavo.page import pdf, rendering
from octavo.reading import regions
from octavo.reading.page_objects import objects
from octavo.storage import schemas
from tests.documents import LINES, page_picture, text_pdf
from tests.reading.test_mixed import read

A4_INCHES = (210 / 25.4, 297 / 25.4)


def scan(dpi: int, pixels: int = 12) -> Image.Image:
    """A page of A4 with some lines, as a scanner of that resolution gives it; ``pixels`` is the letters' height at 100 dpi."""
    return page_picture(LINES, (round(A4_INCHES[0] * dpi), round(A4_INCHES[1] * dpi)), pixels * dpi // 100)


def scanned_pdf(path: Path, *strips: tuple[Image.Image, float, float, float]) -> Path:
    """A page of A4 with pictures; the left, top and width of each in mm."""
    made = FPDF()
    made.add_page()
    for picture, x, y, width in strips:
        made.image(picture, x, y, w=width)
    made.output(str(path))
    return path


def found_dpi(path: Path) -> float:
    with pdf.open_page(pdf.open_pdf(path), 1) as page:
        return regions.scanned_dpi(page, objects(page))


@pytest.mark.parametrize(("scanned", "read_at"), [(100, 200), (200, 200), (240, 240), (300, 300), (600, 300)])
def test_a_scan_is_read_at_its_own_resolution_within_bounds(scanned: int, read_at: int, tmp_path: Path) -> None:
    path = scanned_pdf(tmp_path / "scan.pdf", (scan(scanned), 0, 0, 210))
    row = read(path)
    assert found_dpi(path) == pytest.approx(scanned, rel=0.01)
    assert (row["dpi"], row["text_source"]) == (pytest.approx(read_at, abs=1), "ocr")
    assert " ".join(word["text"] for word in row["words"]) == " ".join(LINES)


def test_the_picture_of_a_finer_page_has_its_frame(tmp_path: Path) -> None:
    path = scanned_pdf(tmp_path / "scan.pdf", (scan(300), 0, 0, 210))
    row = read(path)
    page: Page = schemas.page_from_row(row)
    shown = rendering.page_image(UPath(path), pdf.MEDIA_TYPE, page).convert("L").point(lambda value: 255 if value < 128 else 0)
    assert shown.size == (row["width"], row["height"]) == (2481, 3508)
    box = page.words[0].box
    ink = shown.crop((0, 0, shown.width, box.y1 + 8)).getbbox()
    assert ink is not None
    assert abs(ink[0] - box.x0) <= 8
    assert abs(ink[1] - box.y0) <= 8


def test_strips_are_one_scan_and_a_logo_is_none(tmp_path: Path) -> None:
    whole = scan(300)
    width, half = whole.width, whole.height // 2
    upper, lower = whole.crop((0, 0, width, half)), whole.crop((0, half, width, whole.height))
    assert found_dpi(scanned_pdf(tmp_path / "strips.pdf", (upper, 0, 0, 210), (lower, 0, 148.5, 210))) == pytest.approx(300, rel=0.01)
    assert found_dpi(scanned_pdf(tmp_path / "logo.pdf", (page_picture(["Octavo"], (1200, 400), 90), 10, 10, 60))) == 0
    coarse = Image.new("RGB", (210, 297), "white")
    assert found_dpi(scanned_pdf(tmp_path / "mask.pdf", (coarse, 0, 0, 210), (whole, 0, 0, 210))) == pytest.approx(300, rel=0.01)


def test_a_text_layer_keeps_its_frame_and_a_wide_page_is_not_drawn_larger_than_it_is_read(tmp_path: Path) -> None:
    assert read(text_pdf(tmp_path / "text.pdf"))["dpi"] == 200
    plan = FPDF(unit="in", format=(24, 18))
    plan.add_page()
    plan.image(page_picture(LINES, (7200, 5400), 180), 0, 0, w=24)
    plan.output(str(tmp_path / "plan.pdf"))
    row = read(tmp_path / "plan.pdf")
    assert (found_dpi(tmp_path / "plan.pdf"), row["dpi"]) == (pytest.approx(300, rel=0.01), 200)
