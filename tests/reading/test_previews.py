"""The small pictures that reading keeps of pages: upright, in the frame of the words, and never in the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from upath import UPath

from octavo.reading.picture import PREVIEW_SIDE
from octavo.reading.store import published
from octavo.storage import schemas
from tests.documents import page_picture, text_pdf
from tests.reading.test_reading import read


def rotated_pdf(path: Path) -> None:
    import pypdfium2 as pdfium

    document = pdfium.PdfDocument(text_pdf(path.with_name("plain"), [["Harbour"] * 6]))
    document[0].set_rotation(90)
    document.save(str(path))
    path.with_name("plain").unlink()


def exif_jpeg(path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    page_picture(size=(2400, 1700), pixels=80).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


def upside_down_scan(path: Path) -> None:
    page_picture(size=(1240, 1000)).transpose(Image.Transpose.ROTATE_180).save(path)


@pytest.mark.parametrize(("name", "make"), [
    pytest.param("letter.pdf", lambda path: text_pdf(path, [["Seventeen", "Harbour"]]), id="a PDF's text layer"),
    pytest.param("turned.pdf", rotated_pdf, id="a PDF that asks for a turn"),
    pytest.param("photo.jpg", exif_jpeg, id="a JPEG that its EXIF turns"),
    pytest.param("scan.png", upside_down_scan, id="a scan that OCR finds upside down"),
    pytest.param("small.png", lambda path: page_picture(size=(1000, 700)).save(path), id="a small page, which is not enlarged"),
])
def test_the_picture_shows_ink_where_the_words_are(name: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / name)
    _, [row], _ = read(tmp_path / "in", tmp_path, ocr_profile="fast")
    found = published(UPath(tmp_path / "readings"), row["document"], {**row, "words": len(row["words"])}, [])
    assert found is not None
    page, jpeg = found
    assert jpeg is not None
    picture = Image.open(io.BytesIO(jpeg))
    assert max(picture.size) == min(PREVIEW_SIDE, max(page.width, page.height))
    assert abs(picture.width / picture.height - page.width / page.height) < 0.01
    dark = np.asarray(picture.convert("L")) < 128
    ink, scale = dark.sum(), picture.width / page.width
    assert page.words
    for word in page.words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        dark[max(0, y0 - 3):y1 + 3, max(0, x0 - 3):x1 + 3] = False
    assert dark.sum() < 0.02 * ink, "ink outside of the words' boxes: the picture is not in their frame"


def test_pictures_can_be_switched_off_and_the_words_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "letter.pdf", [["Seventeen"], ["Harbour"]])
    _, with_pictures, _ = read(tmp_path / "in", tmp_path / "on")
    _, without, _ = read(tmp_path / "in", tmp_path / "off", page_images=False)
    assert [row["words"] for row in without] == [row["words"] for row in with_pictures]
    assert not list((tmp_path / "off").rglob("*.zip"))
    assert len(list((tmp_path / "on").rglob("*.zip"))) == 1
    page = {**without[1], "words": len(without[1]["words"])}
    found = published(UPath(tmp_path / "off" / "readings"), without[1]["document"], page, [])
    assert found == (schemas.page_from_row(without[1]), None)
