"""A page's words are what a viewer shows of it: nothing hidden, nothing twice, forms filled in, upright, without marks across the text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF
from PIL import Image
from upath import UPath

from octavo.model.entities import Box
from octavo.model.errors import Quarantined, Reason
from octavo.page import pdf
from octavo.page.rendering import page_image
from octavo.storage import schemas
from tests.documents import LINES, drawn_pdf, line, page_picture, stream
from tests.reading.test_mixed import read

SHOWN = "".join(line(text, 60, 760 - 20 * number) for number, text in enumerate(LINES))
WORDS = " ".join(LINES).split()
AT = (60, 500)  # where the hidden text stands
SECRET = line("Total 9999.00", *AT)
WHITE_BOX = "1 g 50 490 200 30 re f 0 g\n"


def texts(row: dict[str, Any]) -> list[str]:
    return [word["text"] for word in row["words"]]


def lies_on_its_print(box: Box, picture: Image.Image) -> bool:
    """Whether the print in a box, grown by 5 px, reaches to within 3 px of the box's own sides."""
    around = picture.convert("L").crop((box.x0 - 5, box.y0 - 5, box.x1 + 5, box.y1 + 5))
    dark = around.point(lambda level: 255 if level < 128 else 0).getbbox()
    return dark is not None and all(abs(a - b) <= 3 for a, b in zip(dark, (5, 5, box.width + 5, box.height + 5), strict=True))


def group(content: str, entries: str = "") -> str:
    """A form object that draws ``content``."""
    return stream(content, f"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> {entries}")


OFF = "/OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >>"
LAYER = "<< /Type /OCG /Name (Draft) >>"


@pytest.mark.parametrize(("content", "more"), [
    pytest.param(line("Total 9999.00", *AT, before="3 Tr"), {}, id="render mode 3"),
    pytest.param(line("Total 9999.00", *AT, before="7 Tr"), {}, id="render mode 7"),
    pytest.param(line("Total 9999.00", *AT, before="1 g"), {}, id="white"),
    pytest.param(line("Total 9999.00", *AT, before="0.97 g"), {}, id="almost white"),
    pytest.param("0.2 0.3 0.6 rg 50 490 200 30 re f\n" + line("Total 9999.00", *AT, before="0.2 0.3 0.6 rg"), {}, id="in its box's colour"),
    pytest.param(
        line("Total 9999.00", *AT, before="/G gs"), {"resources": "/ExtGState << /G << /ca 0.02 >> >>"}, id="transparent",
    ),
    pytest.param(SECRET + WHITE_BOX, {}, id="covered"),
    pytest.param(SECRET + WHITE_BOX + line("Total 17.60", *AT), {}, id="covered, and printed over"),
    pytest.param(line("Total 9999.00", *AT, before="3 Tr") + line("Total 17.60", *AT), {}, id="invisible under print"),
    pytest.param(line("Total 17.60", *AT) + line("Total 9999.00", *AT, before="3 Tr"), {}, id="invisible over print"),
    pytest.param(line("Total 9999.00", *AT, size=0.6), {}, id="tiny"),
    pytest.param(line("Total 9999.00", 700, 500), {}, id="beside the page"),
    pytest.param("q 50 600 10 10 re W n " + SECRET + "Q\n", {}, id="clipped"),
    pytest.param("50 494 200 1 re f 50 512 200 1 re f\n" + line("Total 9999.00", *AT, before="1 g"), {}, id="white between rules"),
    pytest.param(
        "/OC /L BDC " + SECRET + "EMC\n", {"catalog": OFF, "objects": [LAYER], "resources": "/Properties << /L 6 0 R >>"},
        id="in a layer that is off",
    ),
    pytest.param(
        "/X Do\n", {"catalog": OFF, "objects": [LAYER, group(SECRET, "/OC 6 0 R")], "resources": "/XObject << /X 7 0 R >>"},
        id="a form object of a layer that is off",
    ),
])
def test_what_no_viewer_shows_is_no_word_and_is_counted(content: str, more: dict[str, Any], tmp_path: Path) -> None:
    row = read(drawn_pdf(tmp_path / "page.pdf", SHOWN + content, **more))
    assert "9999.00" not in texts(row)
    assert texts(row)[: len(WORDS)] == WORDS
    assert row["hidden_words"] >= 1
    assert (row["text_source"], row["outcome"], row["ocr_reason"]) == ("text_layer", "ok", None)


@pytest.mark.parametrize(("content", "more"), [
    pytest.param("0.2 0.3 0.6 rg 50 490 200 30 re f\n" + line("Total 9999.00", *AT, before="1 g"), {}, id="white on a dark box"),
    pytest.param(line("Total 9999.00", *AT, before="0.75 g"), {}, id="light grey"),
    pytest.param(line("Total 9999.00", *AT, size=4), {}, id="4 points"),
    pytest.param(line("Total 9999.00", *AT, before="1 1 0 rg"), {}, id="yellow"),
    pytest.param(line("Total 9999.00", *AT, before="1 Tr 0.4 w"), {}, id="outlined"),
    pytest.param(WHITE_BOX + SECRET, {}, id="over a white box"),
    pytest.param(line("- 9999.00", *AT, before="0.5 g"), {}, id="a thin dash"),
    pytest.param(
        "/X Do\n", {"objects": [LAYER, group(SECRET, "/OC 6 0 R")], "resources": "/XObject << /X 7 0 R >>"}, id="in a form object",
    ),
])
def test_what_a_viewer_shows_is_a_word(content: str, more: dict[str, Any], tmp_path: Path) -> None:
    row = read(drawn_pdf(tmp_path / "page.pdf", SHOWN + content, **more))
    assert texts(row)[-1] == "9999.00"
    assert row["hidden_words"] == 0


def scan_with_layer(path: Path, shift: float = 0.0, layer: Sequence[str] = LINES) -> Path:
    """A scan of A4 whose invisible layer lies on its print, or ``shift`` mm below it."""
    made = FPDF()
    made.add_page()
    made.image(page_picture(LINES * 3, (1240, 1754), 24), 0, 0, w=210)
    made.set_font("Helvetica", size=24 * 0.48)
    with made.local_context(text_mode=3):
        for number, text in enumerate([*layer] * 3):
            made.text(60 * 210 / 1240, (60 + 48 * number + 22) * 210 / 1240 + shift, text)
    made.output(str(path))
    return path


def test_an_invisible_layer_over_the_ink_of_a_scan_counts(tmp_path: Path) -> None:
    row = read(scan_with_layer(tmp_path / "scan.pdf"))
    assert (row["text_source"], row["ocr_reason"], row["hidden_words"]) == ("text_layer", None, 0)
    assert texts(row) == WORDS * 3


@pytest.mark.parametrize(("layer", "shift", "reason"), [
    pytest.param(LINES, 3.9, "hidden_text", id="slipped between the lines"),
    pytest.param(["Scanned by Harbour Scan 3000 serial 12345"], 150, "hidden_text", id="said by the scanner"),
    pytest.param([], 0, "no_text", id="none"),
])
def test_a_layer_off_the_ink_sends_the_page_to_ocr(layer: Sequence[str], shift: float, reason: str, tmp_path: Path) -> None:
    row = read(scan_with_layer(tmp_path / "scan.pdf", shift, layer=layer))
    assert (row["text_source"], row["ocr_reason"], row["outcome"]) == ("ocr", reason, "ok")
    assert texts(row) == WORDS * 3


def test_text_that_lies_behind_a_picture_is_hidden_and_the_picture_is_read(tmp_path: Path) -> None:
    made = FPDF()
    made.add_page()
    made.set_font("Helvetica", size=12)
    for number, text in enumerate(LINES * 3):
        made.text(20, 20 + 8 * number, text)
    made.text(32, 201, "Total 9999.00 to be paid at once")  # over the print of the picture
    made.image(page_picture(["Total 17.60"], (900, 300), 60), 25, 190, w=100)
    made.output(str(tmp_path / "page.pdf"))
    row = read(tmp_path / "page.pdf")
    assert texts(row)[len(WORDS) * 3 :] == ["Total", "17.60"]
    assert (row["hidden_words"], row["text_source"]) == (7, "mixed")


FIELD = "/Type /Annot /Subtype /Widget /Rect [200 495 400 515] /DA (/F1 12 Tf 0 g)"
FORM = "/AcroForm << /Fields [6 0 R] /NeedAppearances true /DR << /Font << /F1 5 0 R >> >> /DA (/F1 12 Tf 0 g) >>"


@pytest.mark.parametrize(("annotation", "catalog", "shown"), [
    pytest.param(f"<< {FIELD} /FT /Tx /T (total) /V (17.60) >>", FORM, ["17.60"], id="text without appearance"),
    pytest.param(f"<< {FIELD} /FT /Tx /T (total) /V (17.60) /F 2 >>", FORM, [], id="hidden field"),
    pytest.param(f"<< {FIELD} /FT /Ch /Ff 131072 /T (unit) /Opt [(box) (bag)] /V (bag) >>", FORM, ["bag"], id="combo box"),
    pytest.param(f"<< {FIELD} /FT /Tx /T (total) /AP << /N 7 0 R >> >>", FORM.replace("true", "false"), ["drawn"], id="appearance"),
    pytest.param("<< /Type /Annot /Subtype /FreeText /Rect [200 495 400 515] /AP << /N 7 0 R >> >>", "", ["drawn"], id="free text"),
    pytest.param("<< /Type /Annot /Subtype /Text /Rect [200 495 220 515] /Contents (a note) >>", "", [], id="note"),
])
def test_form_values_and_annotations_are_read_as_they_are_shown(annotation: str, catalog: str, shown: list[str], tmp_path: Path) -> None:
    appearance = group("BT /F1 12 Tf 2 5 Td (drawn) Tj ET").replace("[0 0 595 842]", "[0 0 200 20]")
    row = read(drawn_pdf(tmp_path / "form.pdf", SHOWN, page="/Annots [6 0 R]", catalog=catalog, objects=[annotation, appearance]))
    assert texts(row)[len(WORDS) :] == shown


def test_a_form_that_only_asks_to_wait_is_refused(tmp_path: Path) -> None:
    form = "/NeedsRendering true /AcroForm << /Fields [] /XFA [(template) 6 0 R] >>"
    path = drawn_pdf(tmp_path / "xfa.pdf", line("Please wait...", 60, 700), catalog=form, objects=[stream("<xdp/>")])
    with pytest.raises(Quarantined) as refused:
        pdf.open_pdf(path)
    assert refused.value.reason is Reason.XFA_FORM


@pytest.mark.parametrize("offset", [0.3, 0.7, 1.2])
@pytest.mark.parametrize("by", ["letter", "line"])
def test_what_is_printed_twice_to_be_bold_is_read_once(by: str, offset: float, tmp_path: Path) -> None:
    text = "Illicit invoice 1,111.00"
    if by == "line":
        content = line(text, 60, 500) + line(text, 60 + offset, 500)
    else:
        font, x, content = FPDF(), 60.0, ""
        font.set_font("Helvetica", size=12)
        for letter in text:
            content += line(letter, x, 500) + line(letter, x + offset, 500)
            x += font.get_string_width(letter) * 72 / 25.4
    row = read(drawn_pdf(tmp_path / "bold.pdf", SHOWN + content))
    assert texts(row)[len(WORDS) :] == text.split()


def test_marks_across_the_text_and_in_the_margin_are_no_words_and_are_counted(tmp_path: Path) -> None:
    across = "q 0.8 g BT /F1 90 Tf 0.7 0.7 -0.7 0.7 150 200 Tm (COPY) Tj ET Q\n"
    margin = "q BT /F1 9 Tf 0 1 -1 0 20 200 Tm (Registered office: 4 Quay Street) Tj ET Q\n"
    row = read(drawn_pdf(tmp_path / "page.pdf", SHOWN + across + margin))
    assert texts(row) == WORDS
    assert row["aside_words"] == 1 + 5


@pytest.mark.parametrize("matrix", [
    pytest.param("0 1 -1 0 {y} {x}", id="90"), pytest.param("-1 0 0 -1 {right} {y}", id="180"),
    pytest.param("0 -1 1 0 {down} {top}", id="270"),
])
@pytest.mark.parametrize("stored", [0, 90])
def test_a_text_layer_on_its_side_is_turned_upright(matrix: str, stored: int, tmp_path: Path) -> None:
    content = ""
    for number, text in enumerate(LINES):
        x, y = 60, 80 + 20 * number
        content += f"BT /F1 12 Tf {matrix.format(x=x, y=y, right=595 - x, down=595 - y, top=842 - x)} Tm ({text}) Tj ET\n"
    path = drawn_pdf(tmp_path / "page.pdf", content, page=f"/Rotate {stored}")
    row = read(path)
    page = schemas.page_from_row(row)
    assert texts(row) == WORDS
    tops = [next(word.box for word in page.words if word.text == text.split()[0]) for text in LINES]
    assert all(above.y1 <= below.y0 and above.x0 == pytest.approx(below.x0, abs=6) for above, below in pairwise(tops))
    assert all(box.width > box.height for box in tops)
    assert all(lies_on_its_print(box, page_image(UPath(path), pdf.MEDIA_TYPE, page)) for box in tops)


def test_a_scan_is_not_turned_by_a_stamps_text(tmp_path: Path) -> None:
    made = FPDF()
    made.add_page()
    made.image(page_picture(LINES * 3, (1240, 1754), 24), 0, 0, w=210)
    made.set_font("Helvetica", size=9)
    with made.rotation(90, 10, 200):
        made.text(10, 200, "Filed 4711")
    made.output(str(tmp_path / "scan.pdf"))
    row = read(tmp_path / "scan.pdf")
    assert (row["text_source"], row["ocr_reason"], row["rotation"]) == ("ocr", "scan", 0)


def test_a_page_of_another_unit_is_read_at_enough_pixels(tmp_path: Path) -> None:
    small = "0.1 0 0 0.1 0 0 cm\n" + SHOWN
    path = drawn_pdf(tmp_path / "unit.pdf", small, page="/UserUnit 10")
    path.write_bytes(path.read_bytes().replace(b"[0 0 595 842]", b"[0 0 59.5 84]"))
    row = read(path)
    assert texts(row) == WORDS
    assert max(row["width"], row["height"]) >= 999


@pytest.mark.parametrize(("size", "read_at"), [((59.5, 84.2), 1240), ((5950, 8420), 2480)], ids=["stamp", "wall"])
def test_a_scan_on_a_page_of_an_odd_size_is_read_at_about_its_own_pixels(size: tuple[float, float], read_at: int, tmp_path: Path) -> None:
    made = FPDF(unit="pt", format=size)
    made.add_page()
    made.image(page_picture(LINES * 3, (1240, 1754), 24), 0, 0, w=size[0])
    made.output(str(tmp_path / "scan.pdf"))
    row = read(tmp_path / "scan.pdf")
    assert row["width"] == pytest.approx(read_at, rel=0.03)
    assert texts(row) == WORDS * 3


def test_the_picture_that_people_see_has_the_form_filled_in(tmp_path: Path) -> None:
    annotation = f"<< {FIELD} /FT /Tx /T (total) /V (17.60) >>"
    path = drawn_pdf(tmp_path / "form.pdf", SHOWN, page="/Annots [6 0 R]", catalog=FORM, objects=[annotation])
    page = schemas.page_from_row(read(path))
    [box] = [word.box for word in page.words if word.box.x0 > 500]
    assert lies_on_its_print(box, page_image(UPath(path), pdf.MEDIA_TYPE, page))
