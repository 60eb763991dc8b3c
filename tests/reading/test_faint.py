"""Faint print: it is cleaned before it is recognised, and looked at as it is where little is read of it then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from octavo.reading.recognition import prepare, recognise
from octavo.reading.tesseract import Tesseract
from tests.documents import LINES, page_picture
from tests.reading.known import Known, read, reading_of

PRINT = page_picture()


def faint(depth: int) -> Image.Image:
    """The page with print that is ``depth`` grey levels darker than its paper."""
    return PRINT.point(lambda value: 255 - (255 - value) * depth // 255)


def in_shadow(page: Image.Image) -> Image.Image:
    """The page with its left side in half shadow."""
    light = np.tile(np.linspace(128, 255, page.width).astype(np.uint8), (page.height, 1))
    return ImageChops.multiply(page, Image.fromarray(light))


@pytest.mark.parametrize(("page", "looked_at"), [
    pytest.param(faint(40), "clean", id="faint"),
    pytest.param(in_shadow(faint(50)), "clean", id="faint and unevenly lit"),
    pytest.param(PRINT, "page", id="black on white"),
    pytest.param(in_shadow(PRINT), "page", id="black on paper in half shadow"),
    pytest.param(ImageChops.invert(faint(40)), "page", id="light on black"),
])
def test_only_faint_print_is_cleaned_before_the_first_look(page: Image.Image, looked_at: str, tmp_path: Path) -> None:
    recogniser = Known(page=["Total"], clean=["Total"])
    read(page, recogniser, tmp_path)
    assert recogniser.asked == [looked_at]


@pytest.mark.parametrize(("plain", "kept"), [
    pytest.param(["Total", "17.60"], ["Total", "17.60"], id="more is read of the page as it is"),
    pytest.param(["Tot"], ["Totl"], id="less is read of it"),
])
def test_a_cleaned_page_that_reads_poorly_is_looked_at_as_it_is(plain: Sequence[str], kept: Sequence[str], tmp_path: Path) -> None:
    recogniser = Known(poor=["Totl"], clean=["Totl"], again=plain)
    reading = read(faint(40), recogniser, tmp_path)
    assert recogniser.asked == ["clean", "again"]
    assert [word.text for word in reading.words] == kept


def test_tesseract_reads_faint_print_in_one_look_at_its_place(tmp_path: Path) -> None:
    page = in_shadow(faint(50))
    reading = reading_of(page)
    waiting = prepare(reading, page, tmp_path / "page", Tesseract("eng"))
    assert waiting is not None
    recognise([waiting], Tesseract("eng"))
    assert " ".join(word.text for word in reading.words) == " ".join(LINES)
    dark = np.asarray(PRINT) < 100
    for word in reading.words:
        dark[max(0, word.box.y0 - 8):word.box.y1 + 8, max(0, word.box.x0 - 8):word.box.x1 + 8] = False
    assert dark.mean() < 0.001
