"""Rulings and check boxes of scans, and that pages keep both from reading to the store. Pages are made by ``samples.ruled``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw

from octavo.model.entities import Box, CheckBox
from octavo.page import pdf
from octavo.reading import picture_rulings, worker
from samples import ruled
from samples.drawing import Scanner
from tests.documents import askew, page_picture, picture_pdf
from tests.ruled import How, Tally, measure_pdf, measure_scan

SCANS: dict[str, How] = {
    "clean": (0.0, Scanner(noise=0, shade=0, blur=0), None), "noisy": (0.0, Scanner(noise=10, shade=20), 70),
    "falling": (5.0, Scanner(noise=6, blur=0.8), 60), "rising": (-2.0, Scanner(noise=8, shade=40), 75),
}


@pytest.mark.parametrize("how", [pytest.param(how, id=name) for name, how in SCANS.items()])
@pytest.mark.parametrize("kind", ["grid", "no_lines", "form", "odd_lines"])
def test_scanned_rulings_are_found_and_nothing_else(kind: str, how: How) -> None:
    page, tally = ruled.make(kind, 7), Tally()
    measure_scan(page, page.sheet.to_bytes(), how, tally)
    assert tally.pages == 1
    assert tally.recalled >= 0.95 * tally.drawn
    assert tally.right >= 0.95 * tally.found
    assert tally.checks_right >= 0.95 * tally.checks
    assert tally.checks_false <= 1


@pytest.mark.parametrize("kind", list(ruled.KINDS))
def test_drawn_rulings_are_found_to_the_pixel(kind: str) -> None:
    page, tally = ruled.make(kind, 7), Tally()
    measure_pdf(page, page.sheet.to_bytes(), tally)
    assert (tally.recalled, tally.right) == pytest.approx((tally.drawn, tally.found), rel=0.001)
    assert (tally.checks_right, tally.checks_false) == (tally.checks, 0)


def with_lines(*lines: tuple[int, int, int, int], grey: int = 0, width: int = 2) -> Image.Image:
    """A page of A4 at 200 dpi with lines."""
    image = Image.new("L", (1654, 2339), 245)
    for one in lines:
        ImageDraw.Draw(image).line(one, fill=grey, width=width)
    return image


@pytest.mark.parametrize("width", [1, 2, 4, 6])
@pytest.mark.parametrize("grey", [0, 120, 215])
def test_place_and_thickness_of_a_line_are_exact(width: int, grey: int) -> None:
    [found] = picture_rulings.read(with_lines((200, 500, 1400, 500), grey=grey, width=width), (1654, 2339), 0.0, 200).rulings
    assert (found.x0, found.x1) == pytest.approx((200, 1400), abs=2)
    assert (found.y0, found.y1) == pytest.approx((500, 500), abs=1)
    assert found.width == pytest.approx(width, abs=1)


def test_lines_of_a_reduced_picture_lie_in_the_pages_frame() -> None:
    image = with_lines((200, 500, 1400, 500), width=4)
    [found] = picture_rulings.read(image, (2 * 1654, 2 * 2339), 0.0, 400).rulings
    assert found[:4] == pytest.approx((400, 1000, 2800, 1000), abs=3)


@pytest.mark.parametrize("image", [
    pytest.param(Image.new("L", (1654, 2339), 255), id="white"),
    pytest.param(Image.fromarray(np.random.default_rng(1).integers(0, 256, (900, 700), dtype=np.uint8)), id="noise"),
    pytest.param(page_picture(["MILLILITER I l | EFFORT", "Total amount due 17.60"], (1654, 800), 60), id="large letters"),
    pytest.param(with_lines((300, 300, 1200, 300), width=60), id="a bar"),
    pytest.param(with_lines(*((300 + 8 * n, 500, 300 + 8 * n, 620) for n in range(30)), width=3), id="a bar code"),
    pytest.param(with_lines(*((300 + 12 * n, 500, 302 + 12 * n, 500) for n in range(60))), id="a leader of dots"),
    pytest.param(Image.new("L", (40, 30), 0), id="tiny"),
    pytest.param(Image.new("L", (4000, 3), 255), id="strip"),
])
def test_what_is_no_ruling_is_not_taken_for_one(image: Image.Image) -> None:
    assert picture_rulings.read(image, image.size, 0.0, 200).rulings == ()


def boxed(image: Image.Image, x: int, y: int, side: int, mark: str = "") -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((x, y, x + side, y + side), outline=0, width=2)
    if mark == "x":
        pen.line((x + 6, y + 6, x + side - 6, y + side - 6), fill=0, width=3)
        pen.line((x + 6, y + side - 6, x + side - 6, y + 6), fill=0, width=3)
    elif mark == "full":
        pen.rectangle((x + 5, y + 5, x + side - 5, y + side - 5), fill=0)


@pytest.mark.parametrize("side", [18, 26, 40])
@pytest.mark.parametrize(("mark", "ticked"), [("", False), ("x", True), ("full", True)])
def test_a_check_box_is_found_with_its_state(side: int, mark: str, ticked: bool) -> None:
    image = page_picture(["B D O 0 Q E H", "o c a b 8 9"], (1654, 900), 30)
    boxed(image, 800, 600, side, mark)
    [found] = picture_rulings.read(image, image.size, 0.0, 200).checks
    assert found.ticked is ticked
    assert found.box == pytest.approx(Box(800, 600, 801 + side, 801 + side - 200), abs=2)


def test_a_page_may_have_more_specks_than_sixteen_bits_count() -> None:
    grey = np.full((2339, 1654), 255, np.uint8)
    grey[::5, ::5] = 0
    grey[580:660, 780:860] = 255
    image = Image.fromarray(grey)
    boxed(image, 800, 600, 40, "x")
    [found] = picture_rulings.read(image, image.size, 0.0, 200).checks
    assert found.ticked


def read(path: Path, media_type: str) -> dict[str, Any]:
    request = {"profile": "fast", "languages": "eng", "max_pixels": 1 << 30, "max_words": 20_000, "previews": False}
    page = {"path": str(path), "document": "d", "media_type": media_type, "page": 1, "flaw": None}
    [row] = worker.handle({**request, "pages": [page]})["rows"]
    return row


def lined(lines: list[str]) -> Image.Image:
    image = page_picture(lines, (1240, 900), 36)
    ImageDraw.Draw(image).line((60, 700, 1100, 700), fill=0, width=3)
    boxed(image, 100, 760, 30, "x")
    return image


BODY = ["Article one of the contract", "is followed by the second", "and that by a third one"]


def test_a_scan_has_its_rulings_and_check_boxes_in_its_row(tmp_path: Path) -> None:
    lined(BODY).save(tmp_path / "scan.png", dpi=(150, 150))
    row = read(tmp_path / "scan.png", "image/png")
    [ruling], [check] = row["rulings"], row["checks"]
    assert list(ruling.values()) == pytest.approx([60, 700, 1100, 700, 3], abs=2)
    assert list(check.values()) == pytest.approx([100, 760, 131, 791, True], abs=2)


def test_a_page_on_its_side_has_its_rulings_where_it_is_upright(tmp_path: Path) -> None:
    askew(lined(BODY * 2), 2).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", dpi=(150, 150))
    row = read(tmp_path / "side.png", "image/png")
    assert row["rotation"] == 90
    [ruling] = row["rulings"]
    assert ruling["x1"] - ruling["x0"] == pytest.approx(1040, abs=6)
    assert ruling["y1"] - ruling["y0"] == pytest.approx(1040 * 0.035, abs=6)


def test_a_letter_has_the_lines_of_its_paths_and_of_the_pictures_on_it(tmp_path: Path) -> None:
    made = FPDF()
    made.add_page()
    made.set_font("Helvetica", size=12)
    for number in range(8):
        made.text(20, 150 + 8 * number, f"Line {number} of a letter that says some more")
    made.line(20, 230, 120, 230)
    made.image(lined(BODY[:1]), 60, 20, w=120)
    made.output(str(tmp_path / "letter.pdf"))
    row = read(tmp_path / "letter.pdf", pdf.MEDIA_TYPE)
    scale = 200 / 25.4
    assert row["text_source"] == "mixed"
    places = [[round(ruling[side] / scale) for side in ("x0", "y0", "x1", "y1")] for ruling in row["rulings"]]
    assert places == [pytest.approx([66, 88, 166, 88], abs=1), [20, 230, 120, 230]]
    assert [check["ticked"] for check in row["checks"]] == [True]


def test_a_scan_with_an_ocr_layer_of_its_own_has_the_lines_of_its_picture(tmp_path: Path) -> None:
    stream = io.BytesIO()
    lined(BODY * 3).save(stream, "PNG")
    made = FPDF(unit="pt", format=(595, 432))
    made.add_page()
    made.image(stream, 0, 0, w=595)
    scale = 595 / 1240
    made.set_font("Helvetica", size=36 * scale)
    with made.local_context(text_mode=3):
        for number, text in enumerate(BODY * 3):
            made.text(60 * scale, (60 + 72 * number + 33) * scale, text)
    made.output(str(tmp_path / "scan.pdf"))
    row = read(tmp_path / "scan.pdf", pdf.MEDIA_TYPE)
    assert row["text_source"] == "text_layer"
    assert len(row["rulings"]) == len(row["checks"]) == 1


def test_what_was_left_out_is_in_the_rows_detail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octavo.reading.rulings.MOST_RULINGS", 1)
    image = lined(BODY)
    ImageDraw.Draw(image).line((60, 650, 900, 650), fill=0, width=3)
    picture_pdf(tmp_path / "scan.pdf", image)
    row = read(tmp_path / "scan.pdf", pdf.MEDIA_TYPE)
    assert (row["outcome"], len(row["rulings"]), row["detail"]) == ("ok", 1, "rulings: the longest 1 of 2 are kept")
    assert CheckBox(Box(0, 0, 1, 1), True) == (Box(0, 0, 1, 1), True)
