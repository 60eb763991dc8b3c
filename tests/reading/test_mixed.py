"""Pages with a text layer and with pictures of which the layer says nothing; and layers that do not say what the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from fpdf import FPDF
from PIL import Image

from octavo.model.entities import OcrReason, Word
from octavo.model.errors import Quarantined, Reason
from octavo.page import pdf
from octavo.reading import regions, text_layer, worker
from octavo.reading.page_objects import objects
from octavo.reading.recognition import Recognition
from octavo.reading.tesseract import Tesseract
from tests.documents import LINES, page_picture

WHOLE = (page_picture(LINES, (1240, 1754), 36), 0.0, 0.0, 210.0)  # a scan of the whole page
STAMP = page_picture(["RECEIVED 48213", "Harbour Office"], (700, 260), 50)
BODY = [f"Line {n} of a letter that says some more" for n in range(8)]
STORY = "The house by the harbour has been sold to a family from the north who will open a bakery there before the winter comes again. " * 3


def letter(path: Path, *pictures: tuple[Image.Image, float, float, float], body: list[str] = BODY, mode: int = 0) -> Path:
    """A letter of A4 with text from 110 mm down; ``pictures`` with the left, top and width of each, mm; ``mode`` is the text's."""
    made = FPDF()
    made.add_page()
    for picture, x, y, width in pictures:
        made.image(picture, x, y, w=width)
    made.set_font("Helvetica", size=12)
    with made.local_context(text_mode=mode):
        for number, line in enumerate(body):
            made.text(20, 110 + 8 * number, line)
    made.output(str(path))
    return path


def read(path: Path, profile: str = "best") -> dict[str, Any]:
    request = {"profile": profile, "languages": "eng", "max_pixels": 1 << 30, "max_words": 20_000, "previews": False}
    page = {"path": str(path), "document": "d", "media_type": pdf.MEDIA_TYPE, "page": 1, "flaw": None}
    [row] = worker.handle({**request, "pages": [page]})["rows"]
    return row


@pytest.mark.parametrize("profile", ["best", "fast"])
def test_a_stamp_on_a_letter_is_read_beside_the_letters_own_words(profile: str, tmp_path: Path) -> None:
    row = read(letter(tmp_path / "letter.pdf", (STAMP, 100, 30, 90)), profile)
    layer = [word["text"] for word in row["words"] if word["source"] == "text_layer"]
    found = {word["text"]: word for word in row["words"] if word["source"] == "ocr"}
    assert (row["outcome"], row["text_source"]) == ("ok", "mixed")
    assert layer == " ".join(BODY).split()
    assert set(found) == {"RECEIVED", "48213", "Harbour", "Office"}
    x0, y0, x1, y1 = (found["48213"][side] for side in ("x0", "y0", "x1", "y1"))
    shown = pdf.render(pdfium.PdfDocument(tmp_path / "letter.pdf")[0], 200, grey=True)
    assert shown.size == (row["width"], row["height"])
    number = shown.point(lambda value: 255 if value < 128 else 0).crop((x0 - 4, y0 - 4, shown.width, y1 + 4)).getbbox()
    assert number is not None
    assert abs(number[0] - 4) <= 2
    assert abs(number[2] - 4 - (x1 - x0)) <= 2


def test_a_header_over_a_scan_is_neither_lost_nor_said_twice(tmp_path: Path) -> None:
    made = FPDF()
    made.add_page()
    made.image(page_picture(LINES, (1240, 1754), 36), 0, 0, w=made.w, h=made.h)
    made.set_font("Helvetica", size=10)
    made.text(20, 285, "Stamped by the registry of the court on 12 March 2026 as page 1 of 48")
    made.output(str(tmp_path / "scan.pdf"))
    row = read(tmp_path / "scan.pdf")
    texts = [word["text"] for word in row["words"]]
    assert row["text_source"] == "mixed"
    assert (texts.count("registry"), texts.count("court"), texts.count("48213")) == (1, 1, 1)
    assert " ".join(texts).startswith("Stamped by the registry")


@pytest.mark.parametrize("pictures", [
    pytest.param([(STAMP, 20, 20, 40)], id="small logo"),
    pytest.param([(page_picture([], (1200, 30), 20), 10, 20, 190)], id="ornament"),
    pytest.param([(page_picture([], (600, 400), 20), 20, 20, 100)], id="blank picture"),
    pytest.param([(Image.new("L", (210, 297), 230), 0, 0, 210)], id="background"),
    pytest.param([], id="no picture"),
])
def test_no_ocr_is_spent_on_what_is_no_picture_of_text(pictures: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[Recognition]] = []
    monkeypatch.setattr(worker, "recognise", lambda pages, recogniser: asked.append(list(pages)))
    row = read(letter(tmp_path / "letter.pdf", *pictures, body=[*BODY, *BODY]))
    assert asked == [[]]
    assert (row["text_source"], row["outcome"]) == ("text_layer", "ok")


@pytest.mark.parametrize("turned", [0, 90, 270])
def test_a_picture_within_a_form_and_on_a_turned_page_is_found_at_its_place(turned: int, tmp_path: Path) -> None:
    stamped = pdfium.PdfDocument(letter(tmp_path / "stamped.pdf", (STAMP, 20, 20, 130), body=[]))
    made = pdfium.PdfDocument.new()
    page = made.new_page(595, 842)
    form = stamped.page_as_xobject(0, made).as_pageobject()
    form.set_matrix(pdfium.PdfMatrix().scale(0.8, 0.8).translate(60, 100))
    page.insert_obj(form)
    page.gen_content()
    page.set_rotation(turned)
    [box] = regions.unread(page, objects(page), [], 100)
    dark = pdf.render(page, 100, grey=True).point(lambda value: 255 if value < 128 else 0).getbbox()
    assert dark is not None
    assert box.x0 <= dark[0] < dark[2] <= box.x1
    assert box.y0 <= dark[1] < dark[3] <= box.y1
    inches = sorted((0.8 * 130 / 25.4, 0.8 * 130 / 25.4 * STAMP.height / STAMP.width))
    assert sorted((box.width / 100, box.height / 100)) == pytest.approx(inches, abs=0.03)


def test_strips_of_one_scan_are_one_picture(tmp_path: Path) -> None:
    strips = [(STAMP.crop((0, 52 * n, 700, 52 * n + 52)), 20.0, 20 + 8.32 * n, 112.0) for n in range(5)]
    page = pdfium.PdfDocument(letter(tmp_path / "strips.pdf", *strips))[0]
    [box] = regions.unread(page, objects(page), [], 100)
    assert (box.width, box.height) == pytest.approx((112 / 25.4 * 100, 5 * 8.32 / 25.4 * 100), abs=3)


def test_a_letter_whose_stamp_cannot_be_read_keeps_its_words_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Tesseract):
        def recognise(self, path: Path) -> list[Word]:
            raise Quarantined(Reason.READER_CRASHED, "tesseract ended by signal 11")

    monkeypatch.setattr(worker, "_recogniser", lambda profile, languages: Broken(languages))
    row = read(letter(tmp_path / "letter.pdf", (STAMP, 100, 30, 90)))
    assert (row["outcome"], row["reason"], row["text_source"]) == ("partial", "reader_crashed", "text_layer")
    assert "signal 11" in row["detail"]
    assert [word["text"] for word in row["words"]] == " ".join(BODY).split()


def shifted(text: str, by: int) -> str:
    """The text as a font without a map of its glyphs gives it: every letter some places further on."""
    return "".join(chr((ord(c) - ord("a") + by) % 26 + ord("a")) if "a" <= c <= "z" else c for c in text.lower())


LONG = [STORY[start:start + 70] for start in range(0, len(STORY), 70)]


@pytest.mark.parametrize(("pictures", "body", "mode", "doubt"), [
    pytest.param([], LONG, 0, None, id="text"),
    pytest.param([], [shifted(line, 3) for line in LONG], 0, OcrReason.GARBLED, id="letters of a wrong encoding"),
    pytest.param([], [shifted(LONG[0], 3)], 0, None, id="a few odd words"),
    pytest.param([], LONG, 3, OcrReason.HIDDEN_TEXT, id="invisible text over nothing"),
    pytest.param([WHOLE], ["Page 1 of 2"], 0, OcrReason.SCAN, id="a page number on a scan"),
    pytest.param([], [], 0, OcrReason.NO_TEXT, id="no text"),
])
def test_a_layer_is_trusted_that_says_what_the_page_shows(
    pictures: list[Any], body: list[str], mode: int, doubt: OcrReason | None, tmp_path: Path,
) -> None:
    page = pdfium.PdfDocument(letter(tmp_path / "page.pdf", *pictures, body=body, mode=mode))[0]
    assert text_layer.doubt(page, objects(page), text_layer.read(page, objects(page))) is doubt
