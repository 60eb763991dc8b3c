"""The boxes that rulings close."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from octavo.model.entities import Box, CheckBox, Page, Ruling, Source, Word
from octavo.page.level import levelled
from octavo.page.ruling_boxes import boxes_of


def page(*lines: tuple[int, int, int, int], skew: float = 0.0) -> Page:
    return Page("d", 1, 1600, 1000, 200, 0, (1, 0, 0, 1, 0, 0), (), skew, tuple(Ruling(*line, 2) for line in lines))


TABLE = ((100, 100, 700, 100), (100, 200, 700, 200), (100, 300, 700, 300), (100, 100, 100, 300), (400, 100, 400, 300), (700, 100, 700, 300))
CELLS = [Box(100, 100, 400, 200), Box(400, 100, 700, 200), Box(100, 200, 400, 300), Box(400, 200, 700, 300)]


@pytest.mark.parametrize(("lines", "boxes"), [
    pytest.param(TABLE, CELLS, id="table"),
    pytest.param([line for line in TABLE if line != (400, 100, 400, 300)], [Box(100, 100, 700, 200), Box(100, 200, 700, 300)], id="rows"),
    pytest.param([*TABLE[:4], (400, 200, 400, 300), TABLE[5]], [Box(100, 100, 700, 200), *CELLS[2:]], id="a heading over two columns"),
    pytest.param(TABLE[:5], [CELLS[0], CELLS[2]], id="an open side"),
    pytest.param(TABLE[:3], [], id="level lines only"),
    pytest.param([], [], id="none"),
    pytest.param([(103, 101, 397, 101), (103, 200, 396, 201), (100, 103, 100, 198), (401, 104, 400, 203)], [Box(100, 101, 400, 200)],
                 id="worn corners"),
    pytest.param([(100, 100, 360, 100), (100, 200, 400, 200), (100, 100, 100, 200), (400, 100, 400, 200)], [], id="a gap in a side"),
    pytest.param([*TABLE[:2], TABLE[3], TABLE[5], (300, 120, 500, 120), (300, 180, 500, 180), (300, 120, 300, 180), (500, 120, 500, 180)],
                 [Box(300, 120, 500, 180)], id="a box within a box"),
    pytest.param([TABLE[0], TABLE[3], (100, 300, 400, 300), (400, 200, 400, 300), (400, 200, 700, 200), (700, 100, 700, 200)], [],
                 id="no rectangle"),
])
def test_the_smallest_boxes_that_lines_close(lines: list[tuple[int, int, int, int]], boxes: list[Box]) -> None:
    assert boxes_of(page(*lines)) == boxes


def test_boxes_of_a_skewed_page_are_those_of_the_levelled_one() -> None:
    cos, sin = math.cos(math.radians(3)), math.sin(math.radians(3))

    def turned(x: float, y: float) -> tuple[int, int]:
        return round(800 + (x - 800) * cos - (y - 500) * sin), round(500 + (x - 800) * sin + (y - 500) * cos)

    lines = [(*turned(*line[:2]), *turned(*line[2:])) for line in TABLE]
    found = boxes_of(page(*lines, skew=3.0))
    assert [tuple(box) for box in found] == [pytest.approx(box, abs=1) for box in CELLS]


def test_a_page_is_levelled_with_its_lines_and_check_boxes() -> None:
    word = Word("Total", Box(300, 490, 400, 510), 0.9, Source.OCR)
    skewed = replace(page((0, 458, 1600, 542), skew=3.0), words=(word,), checks=(CheckBox(Box(790, 490, 811, 511), True),))
    level = levelled(skewed)
    [ruling], [check] = level.rulings, level.checks
    assert ruling.y0 == ruling.y1 == 500
    assert (check.ticked, check.box.center) == (True, pytest.approx((800.5, 500.5), abs=0.5))
    assert levelled(level) is level
