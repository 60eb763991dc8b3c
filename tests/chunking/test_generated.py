"""Strategy ``layout`` on pages as typesetters make them: columns apart, rows whole, in reading order."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.chunking import layout
from octavo.chunking.layout import crop_cost, is_legible
from octavo.model.contracts import Chunking
from octavo.model.entities import Box, Chunk, Page
from tests.chunking.generated import Drawn, paper, statement, table
from tests.grid import askew

SEEDS = range(15)
KINDS = [pytest.param(make, id=make.__name__) for make in (paper, table, statement)]


def scanned(page: Page, degrees: float, jitter: int, seed: int) -> Page:
    """The page as OCR would see it of a skewed scan: every box moved as it turns, its edges off by some pixels."""
    rng, slope = random.Random(seed), math.tan(math.radians(degrees))
    down, right = math.ceil(abs(slope) * page.width) + jitter, math.ceil(abs(slope) * page.height) + jitter

    def moved(box: Box) -> Box:
        across, along = right - round(slope * box.y0), down + round(slope * box.x0)
        x0, y0, x1, y1 = (v + s + rng.randint(-jitter, jitter) for v, s in zip(box, (across, along, across, along), strict=True))
        return Box(x0, y0, max(x0 + 1, x1), max(y0 + 1, y1))

    words = tuple(word._replace(box=moved(word.box)) for word in page.words)
    return replace(page, words=words, width=page.width + 2 * right, height=page.height + 2 * down)


def regions_in_order(drawn: Drawn, chunks: Sequence[Chunk]) -> list[int]:
    """The numbers of the regions as the chunks' words lead through them, each as often as it is entered."""
    of = {word: number for number, region in enumerate(drawn.regions) for word in region}
    return [number for number, _ in groupby(of[word] for chunk in chunks for word in chunk.words if word in of)]


@pytest.mark.parametrize("degrees", [pytest.param(0.0, id="straight"), pytest.param(0.7, id="skewed")])
@pytest.mark.parametrize("seed", SEEDS)
def test_columns_are_never_interleaved_and_read_in_order(seed: int, degrees: float) -> None:
    drawn = paper(seed)
    page = drawn.page if not degrees else scanned(drawn.page, degrees, 1, seed)
    assert regions_in_order(drawn, layout.cut(page, Chunking())) == list(range(len(drawn.regions)))


@pytest.mark.parametrize("degrees", [3.0, 5.0, -7.0])
def test_a_page_that_is_known_to_be_skewed_is_cut_as_the_level_one(degrees: float) -> None:
    for seed in SEEDS[:4]:
        drawn = paper(seed)
        chunks = layout.cut(askew(drawn.page, degrees), Chunking())
        assert regions_in_order(drawn, chunks) == list(range(len(drawn.regions))), seed
        for make in (table, statement):
            drawn = make(seed)
            of = {word: chunk.number for chunk in layout.cut(askew(drawn.page, degrees), Chunking()) for word in chunk.words}
            assert [row for row in drawn.rows if len({of[word] for word in row}) > 1] == [], (make.__name__, seed)


@pytest.mark.parametrize("make", [pytest.param(table, id="tables"), pytest.param(statement, id="statements")])
@pytest.mark.parametrize("jitter", [0, 1, 2])
def test_rows_of_tables_and_labels_with_their_values_stay_whole(make: Callable[[int], Drawn], jitter: int) -> None:
    for seed in SEEDS:
        drawn = make(seed)
        page = scanned(drawn.page, 0.0, jitter, seed)
        of = {word: chunk.number for chunk in layout.cut(page, Chunking()) for word in chunk.words}
        assert [row for row in drawn.rows if len({of[word] for word in row}) > 1] == [], seed


@pytest.mark.parametrize("make", KINDS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), dx=st.integers(0, 200), dy=st.integers(0, 200), factor=st.sampled_from((1, 2, 3)))
def test_every_word_is_in_one_chunk_wherever_the_page_lies_and_however_it_was_scanned(
    make: Callable[[int], Drawn], seed: int, dx: int, dy: int, factor: int,
) -> None:
    page = make(seed).page
    chunks = layout.cut(page, Chunking())
    assert sorted(word for chunk in chunks for word in chunk.words) == list(range(len(page.words)))
    moved = tuple(w._replace(box=Box(w.box.x0 + dx, w.box.y0 + dy, w.box.x1 + dx, w.box.y1 + dy)) for w in page.words)
    again = layout.cut(replace(page, words=moved, width=page.width + dx, height=page.height + dy), Chunking())
    assert [chunk.words for chunk in again] == [chunk.words for chunk in chunks]
    larger = tuple(w._replace(box=Box(*(factor * v for v in w.box))) for w in page.words)
    scaled = layout.cut(replace(page, words=larger, width=factor * page.width, height=factor * page.height), Chunking())
    # A higher resolution may need more chunks to stay legible, but the words are read in the same order.
    assert [word for chunk in scaled for word in chunk.words] == [word for chunk in chunks for word in chunk.words]


@pytest.mark.parametrize("make", KINDS)
def test_what_a_model_is_shown_is_legible_and_hardly_shown_twice(make: Callable[[int], Drawn]) -> None:
    legible = shown = words = tokens = pages = 0
    for seed in SEEDS:
        page = make(seed).page
        chunks = layout.cut(page, Chunking())
        pages += 1
        words += len(page.words)
        for chunk in chunks:
            cost, scale = crop_cost(chunk.box.width, chunk.box.height)
            tokens += cost
            legible += sum(is_legible(page.words[index].box.height, scale) for index in chunk.words)
            shown += sum(chunk.box.holds(word.box.center) for word in page.words)
    assert legible >= 0.95 * words
    assert shown <= 1.05 * words
    assert tokens <= 9000 * pages
