"""Words out of lines that were read without their spaces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from octavo.model.entities import Box
from octavo.reading.word_segmentation import Letter, words_of

HEIGHT, WIDTH = 20, 8  # of a letter, pixels
WEAVE = np.indices((30, 200)).sum(axis=0) % 2 == 0  # print, unlike a ruled line, does not fill its rows


def line(text: str, gaps: Sequence[int], read: str | None = None, ruled: bool = False) -> list[tuple[str, Box, float]]:
    """The words of a line of block letters, ``gaps[i]`` pixels of white behind letter i, read as ``read`` with one step a pixel."""
    letters, at, columns = [], 0, []
    for character, gap in zip(text, [*gaps, 0], strict=True):
        letters.append((character, at))
        columns += [True] * WIDTH + [False] * gap
        at += WIDTH + gap
    ink = np.zeros((30, len(columns)), bool)
    ink[5:5 + HEIGHT] = np.array(columns)
    ink &= WEAVE[:30, :len(columns)]
    ink[28] = ruled
    places = iter(letters)
    read_letters = [Letter(c, 0.9, None if c == " " else next(places)[1] + WIDTH // 2) for c in read or text]
    return words_of(read_letters, ink, 1.0)


@pytest.mark.parametrize("ruled", [pytest.param(False, id="plain"), pytest.param(True, id="underlined")])
def test_a_wide_gap_parts_words_that_were_read_as_one(ruled: bool) -> None:
    found = line("DateMay", [2, 2, 2, 12, 2, 2], ruled=ruled)
    assert [(text, box) for text, box, _ in found] == [("Date", Box(0, 5, 38, 25)), ("May", Box(50, 5, 78, 25))]


def test_letters_that_are_set_wide_stay_one_word() -> None:
    assert [text for text, _, _ in line("TOTALS", [9, 9, 9, 9, 9])] == ["TOTALS"]


def test_a_space_that_was_read_parts_words_whatever_the_gap() -> None:
    found = line("abcd", [1, 3, 1], read="ab cd")
    assert [(text, box.x0, box.x1) for text, box, _ in found] == [("ab", 0, 17), ("cd", 20, 37)]


def test_the_white_behind_a_stop_parts_no_amount() -> None:
    assert [text for text, _, _ in line("12.50", [2, 2, 11, 2])] == ["12.50"]


def test_a_line_of_spaces_has_no_words() -> None:
    assert words_of([Letter(" ", 0.5, None)], np.ones((10, 40), bool), 1.0) == []


def test_letters_without_any_white_between_them_share_the_line_by_their_places() -> None:
    assert words_of([Letter("a", 1.0, 10), Letter(" ", 1.0, None), Letter("b", 0.5, 30)], WEAVE[:10, :40], 1.0) == [
        ("a", Box(0, 0, 20, 10), 1.0), ("b", Box(20, 0, 40, 10), 0.5),
    ]
