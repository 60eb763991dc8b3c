from __future__ import annotations

import pytest

from octavo.model.entities import Box, Page, Source, Word
from octavo.page.level import levelled
from octavo.page.lines import line_height, lines_of, same_row
from octavo.page.reading_order import rows_of
from tests.grid import askew, page


def texts(of: Page) -> list[list[str]]:
    return [[segment.text for segment in line.segments] for line in lines_of(of)]


@pytest.mark.parametrize(("drawn", "segments"), [
    pytest.param("Invoice date 12 March", [["Invoice date 12 March"]], id="single spaces stay one segment"),
    pytest.param("Invoice date   12 March", [["Invoice date", "12 March"]], id="a wide gap parts two"),
    pytest.param("Qty   Item\n 2    Cup", [["Qty", "Item"], ["2", "Cup"]], id="rows of a table"),
    pytest.param("", [], id="no words, no lines"),
])
def test_words_become_lines_and_wide_gaps_part_segments(drawn: str, segments: list[list[str]]) -> None:
    assert texts(page(drawn)) == segments


def test_every_word_is_in_exactly_one_segment_whatever_its_order() -> None:
    drawn = page("Total   60.30\nCash    70.30\n\nThank you")
    shuffled = Page("d", 1, 1000, 1000, None, 0, drawn.transform, tuple(reversed(drawn.words)))
    held = sorted(index for line in lines_of(shuffled) for index in line.words)
    assert held == list(range(len(shuffled.words)))
    assert texts(shuffled) == texts(drawn)


def test_a_line_may_drift_on_a_skewed_page() -> None:
    words = tuple(Word(f"w{n}", Box(n * 60, n * 4, n * 60 + 50, n * 4 + 12), 0.9, Source.OCR) for n in range(8))
    assert len(lines_of(Page("d", 1, 1000, 1000, None, 0, (1, 0, 0, 1, 0, 0), words))) == 1


DENSE = "\n".join(f"Article {n} of many    {n} pieces    {n * 3}.50" for n in range(10, 30))


@pytest.mark.parametrize("degrees", [3, 5, -7, 12, -12])
def test_the_lines_of_a_skewed_page_are_those_of_the_level_one(degrees: float) -> None:
    level = page(DENSE)
    skewed = askew(level, degrees)
    assert texts(levelled(skewed)) == texts(level)
    pairs = zip(level.words, levelled(skewed).words, strict=True)
    assert max(abs(a - b) for old, new in pairs for a, b in zip(old.box, new.box, strict=True)) <= 2


def test_a_page_that_is_not_skewed_is_left_as_it_is() -> None:
    level = page(DENSE)
    assert levelled(level) is level


def test_a_logo_beside_two_lines_does_not_join_them() -> None:
    words = [Word("LOGO", Box(0, 0, 100, 60), 0.9, Source.OCR)]
    words += [Word(text, Box(130, y, 200, y + 12), 0.9, Source.OCR) for text, y in (("Upper", 5), ("Lower", 40))]
    lines = lines_of(Page("d", 1, 1000, 1000, None, 0, (1, 0, 0, 1, 0, 0), tuple(words)))
    assert not any("Upper" in line.text and "Lower" in line.text for line in lines)


def test_typewritten_words_stay_together_although_their_spaces_are_wide() -> None:
    """Letters as wide as high: one space is wider than the letters are high."""
    words = tuple(Word(text, Box(x, 0, x + len(text) * 12 - 3, 9), 0.9, Source.OCR) for text, x in (("84", 0), ("mm", 36), ("Brand", 120)))
    assert texts(Page("d", 1, 1000, 1000, None, 0, (1, 0, 0, 1, 0, 0), words)) == [["84 mm", "Brand"]]


def test_the_line_height_is_the_median_and_defined_without_words() -> None:
    assert line_height(page("a b\nc d")) == 12
    assert line_height(page("")) == 1


@pytest.mark.parametrize(("top", "same"), [pytest.param(5, True, id="half shared"), pytest.param(7, False, id="less than half")])
def test_boxes_share_a_row_when_half_of_the_lower_one_overlaps(top: int, same: bool) -> None:
    assert same_row(Box(0, 0, 10, 12), Box(20, top, 30, top + 12)) is same


@pytest.mark.parametrize(("shown", "read"), [
    pytest.param("Total of 17.60", "Total of 17.60", id="left to right"),
    pytest.param("48213 רפסמ תינובשח", "תינובשח רפסמ 48213", id="right to left"),
    pytest.param("12.03.2026 Harbour Ltd לש רפסמ תינובשח", "תינובשח רפסמ לש Harbour Ltd 12.03.2026", id="names in the other direction"),
    pytest.param("Paid to םלוע םולש Ltd", "Paid to םולש םלוע Ltd", id="a name in the other direction"),
    pytest.param("48213 مقر ةروتاف", "ةروتاف مقر 48213", id="Arabic"),
])
def test_lines_are_read_in_the_direction_of_most_of_their_words(shown: str, read: str) -> None:
    words = [Word(text, Box(60 * n, 0, 60 * n + 50, 20), 1.0, Source.TEXT_LAYER) for n, text in enumerate(shown.split())]
    page = Page("d", 1, 1000, 100, 200, 0, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), tuple(words))
    [row] = rows_of(page)
    [line] = lines_of(page)
    assert " ".join(words[index].text for index in row.words) == line.text == read
