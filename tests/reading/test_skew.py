"""Skewed pages: how far they are from level, and that straightening them for recognition never loses words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octavo.model.entities import Box, Source, Word
from octavo.reading import deskew
from tests.documents import askew, page_picture
from tests.reading.known import Known, read

LEVEL = page_picture([f"Article {n} with a name of some words" for n in range(1, 15)], (900, 1000), 30)


@pytest.mark.parametrize("degrees", [0.6, -0.9, 3, 5, -7, 14])
@pytest.mark.parametrize("reduced", [pytest.param(1, id="whole"), pytest.param(2, id="reduced")])
def test_the_angle_of_a_skewed_page_is_found(degrees: float, reduced: int) -> None:
    assert deskew.angle_of(deskew.ink_of(askew(LEVEL, degrees).reduce(reduced))) == pytest.approx(degrees, abs=0.3)


@pytest.mark.parametrize("picture", [
    pytest.param(LEVEL, id="level page"),
    pytest.param(askew(LEVEL, 0.2), id="hardly skewed"),
    pytest.param(askew(LEVEL, 90), id="on its side"),
    pytest.param(Image.new("L", (900, 1000), 255), id="white"),
    pytest.param(Image.fromarray(np.random.default_rng(1).integers(0, 256, (700, 900), dtype=np.uint8)), id="noise"),
    pytest.param(page_picture(["One line"], (900, 1000), 30).rotate(50, fillcolor=255), id="a slanted stamp"),
])
def test_what_is_level_or_no_page_of_print_is_not_skewed(picture: Image.Image) -> None:
    assert deskew.angle_of(deskew.ink_of(picture)) == 0.0


@pytest.mark.parametrize("degrees", [3, 5, -7])
def test_boxes_of_the_straightened_picture_come_back_onto_the_print(degrees: float) -> None:
    skewed = askew(page_picture(["WORD"], (900, 1000), 40), degrees)
    straight = deskew.straightened(skewed, degrees)
    assert straight is not None
    box = Box(*Image.eval(straight, lambda value: 255 if value < 128 else 0).getbbox() or (0, 0, 0, 0))
    [back] = deskew.in_skewed([Word("WORD", box, 0.9, Source.OCR)], degrees, straight.size, skewed.size)
    dark = np.asarray(skewed) < 128
    assert dark[back.box.y0 - 1:back.box.y1 + 1, back.box.x0 - 1:back.box.x1 + 1].sum() == dark.sum()
    assert back.box.width < 1.2 * box.width


def test_a_long_strip_is_not_blown_up_into_a_square() -> None:
    assert deskew.straightened(Image.new("L", (20_000, 40), 255), 10) is None


def test_a_level_page_is_looked_at_once_and_its_boxes_are_left_alone(tmp_path: Path) -> None:
    recogniser = Known(page=["Total", "17.60"])
    reading = read(LEVEL, recogniser, tmp_path)
    assert recogniser.asked == ["page"]
    assert (reading.skew, [word.box for word in reading.words]) == (0.0, [Box(400, 400, 500, 420), Box(400, 430, 500, 450)])


@pytest.mark.parametrize(("straight", "kept"), [
    pytest.param(["Total", "17.60", "more"], ["Total", "17.60", "more"], id="more is read of the straightened page"),
    pytest.param(["Total", "17.60"], ["Total", "17.60"], id="the same is read"),
    pytest.param(["Totl"], ["Total", "17.60"], id="less is read"),
    pytest.param([], ["Total", "17.60"], id="nothing is read"),
])
def test_straightening_never_loses_words(straight: Sequence[str], kept: Sequence[str], tmp_path: Path) -> None:
    recogniser = Known(page=["Total", "17.60"], straight=straight)
    reading = read(askew(LEVEL, 5), recogniser, tmp_path)
    assert recogniser.asked == ["page", "straight"]
    assert [word.text for word in reading.words] == kept
    assert reading.skew == pytest.approx(5, abs=0.2)
    moved = reading.words[0].box != Box(400, 400, 500, 420)
    assert moved == (len(straight) > 2)
