"""Every strategy of chunking: what holds for any page, and where each one cuts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from upath import UPath

from octavo.chunking import layout, segments, simple
from octavo.chunking import stage as chunking
from octavo.chunking.layout import crop_cost, is_legible
from octavo.ingest import stage as ingest
from octavo.model.contracts import Chunking, Contract, FieldSpec, Strategy
from octavo.model.entities import Box, Page, Partition, Source, Word
from octavo.model.settings import Settings
from octavo.model.tiling import HIGH_TILES, MAX_TILES
from octavo.page.reading_order import rows_of
from octavo.reading import stage as reading
from octavo.storage import fs
from octavo.storage.workspace import Workspace
from tests.documents import page_picture, text_pdf

IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
HEIGHT = 20  # pixels of a line of the pages made here


def page_of(words: Sequence[Word], width: int = 1600, height: int = 2400) -> Page:
    return Page("d" * 64, 1, width, height, 200, 0, IDENTITY, tuple(words))


def line(text: str, x: int, y: int, height: int = HEIGHT) -> list[Word]:
    """The words of a line that starts at (x, y); a letter is half as wide as high."""
    words = []
    for part in text.split():
        width = max(4, len(part) * height // 2)
        words.append(Word(part, Box(x, y, x + width, y + height), 0.9, Source.OCR))
        x += width + height // 2
    return words


def moved(page: Page, dx: int, dy: int, factor: int = 1) -> Page:
    words = tuple(
        word._replace(box=Box(*(factor * (v + d) for v, d in zip(word.box, (dx, dy, dx, dy), strict=True)))) for word in page.words
    )
    return replace(page, words=words, width=factor * (page.width + dx), height=factor * (page.height + dy))


def texts(page: Page, rule: Chunking) -> list[str]:
    return [chunk.text(page) for chunk in layout.cut(page, rule)]


@st.composite
def pages(draw: st.DrawFn) -> Page:
    """Pages of up to 60 words anywhere, of any size, overlapping or not."""
    count = draw(st.integers(0, 60))
    words = []
    for index in range(count):
        x, y = draw(st.integers(0, 1500)), draw(st.integers(0, 2300))
        words.append(Word(f"w{index}", Box(x, y, x + draw(st.integers(1, 100)), y + draw(st.integers(1, 60))), 0.9, Source.OCR))
    return page_of(words)


BY_WORDS = [
    pytest.param(simple.whole_page, id="page"), pytest.param(simple.quadrants, id="quadrants"),
    pytest.param(simple.line_gap, id="line_gap"), pytest.param(layout.cut, id="layout"),
]


@pytest.mark.parametrize("cut", BY_WORDS)
@settings(max_examples=40, deadline=None)
@given(page=pages())
def test_every_word_is_in_exactly_one_chunk(cut, page: Page) -> None:
    chunks = cut(page, Chunking())
    assert sorted(index for chunk in chunks for index in chunk.words) == list(range(len(page.words)))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert all(chunk.box.overlaps(page.words[index].box) or cut is simple.quadrants for index in chunk.words)


@settings(max_examples=40, deadline=None)
@given(page=pages(), most=st.integers(1, 20))
def test_layout_never_exceeds_its_bound_on_words(page: Page, most: int) -> None:
    assert all(len(chunk.words) <= most for chunk in layout.cut(page, Chunking(max_words=most)))


@settings(max_examples=40, deadline=None)
@given(page=pages(), dx=st.integers(0, 300), dy=st.integers(0, 300))
def test_layout_does_not_depend_on_where_the_text_stands(page: Page, dx: int, dy: int) -> None:
    assert [c.words for c in layout.cut(page, Chunking())] == [c.words for c in layout.cut(moved(page, dx, dy), Chunking())]


@settings(max_examples=40, deadline=None)
@given(page=pages(), factor=st.integers(2, 5))
def test_rows_and_columns_do_not_depend_on_the_resolution(page: Page, factor: int) -> None:
    assert [(r.words, r.column) for r in rows_of(page)] == [(r.words, r.column) for r in rows_of(moved(page, 0, 0, factor))]


@settings(max_examples=25, deadline=None)
@given(page=pages(), seed=st.randoms(use_true_random=False))
def test_layout_groups_the_same_words_in_whatever_order_the_reader_gave_them(page: Page, seed) -> None:
    unique = {word.box: word for word in page.words}  # words at one place have no order but the reader's
    shuffled = list(unique.values())
    seed.shuffle(shuffled)
    one, two = page_of(list(unique.values())), page_of(shuffled)

    def groups(p: Page) -> list[set[str]]:
        return [{p.words[index].text for index in chunk.words} for chunk in layout.cut(p, Chunking())]

    assert groups(one) == groups(two)


@pytest.mark.parametrize(("gap", "chunks"), [
    pytest.param(10, 1, id="the threshold itself stays one chunk"),
    pytest.param(11, 2, id="a pixel more starts a new one"),
    pytest.param(-30, 1, id="back to the top of a column stays one chunk"),
])
def test_line_gap_cuts_where_the_tutorials_loop_does(gap: int, chunks: int) -> None:
    page = page_of([*line("one", 0, 100), *line("two", 300, 120 + gap)])
    assert len(simple.line_gap(page, Chunking())) == chunks


def test_line_gap_measures_from_the_previous_word_not_from_the_lowest() -> None:
    tall = Word("Tall", Box(0, 0, 40, 100), 0.9, Source.OCR)
    assert len(simple.line_gap(page_of([tall, *line("small", 60, 0), *line("next", 0, 60)]), Chunking())) == 2


def test_a_word_belongs_to_the_quarter_of_its_centre() -> None:
    page = page_of([Word("across", Box(700, 100, 960, 120), 0.9, Source.OCR), *line("low", 10, 2000)])
    assert [(chunk.box, chunk.text(page)) for chunk in simple.quadrants(page, Chunking())] == [
        (Box(800, 0, 1600, 1200), "across"), (Box(0, 1200, 800, 2400), "low"),
    ]


def test_a_page_without_words_keeps_all_four_quarters() -> None:
    assert len(simple.quadrants(page_of([]), Chunking())) == 4


def test_a_small_page_is_one_chunk() -> None:
    words = [word for number in range(12) for word in line(f"Item {number} costs 4.20", 40, 40 + 30 * number)]
    assert len(layout.cut(page_of(words, 600, 800), Chunking())) == 1


def test_a_page_that_a_model_could_not_read_at_once_is_cut_at_its_clearest_gaps() -> None:
    tops = [40 + 26 * n + (90 if n >= 30 else 0) + (90 if n >= 60 else 0) for n in range(90)]
    words = [word for n, y in enumerate(tops) for word in line(f"line {n} with some more words upon it to the right", 40, y, 12)]
    page = page_of(words)
    chunks = layout.cut(page, Chunking(max_words=350))
    assert len(chunks) > 1
    starts = {chunk.text(page).split()[1] for chunk in chunks}
    assert starts == {"0", "30", "60"}
    for chunk in chunks:
        _, scale = crop_cost(chunk.box.width, chunk.box.height)
        assert all(is_legible(page.words[index].box.height, scale) for index in chunk.words)


def test_columns_of_text_are_read_one_after_the_other() -> None:
    left = [f"left column line {n} of its text" for n in range(12)]
    right = [f"right column line {n} of its text" for n in range(12)]
    words = line("A title that runs over the whole width of both columns of this page up here", 60, 40)
    for n, (one, two) in enumerate(zip(left, right, strict=True)):
        words += line(one, 60, 120 + 30 * n) + line(two, 620, 120 + 30 * n)
    words += line("A footer that also runs over the whole width of both columns of this page", 60, 600)
    read = " ".join(texts(page_of(words, 1200, 700), Chunking()))
    assert read == " ".join([
        "A title that runs over the whole width of both columns of this page up here", *left, *right,
        "A footer that also runs over the whole width of both columns of this page",
    ])


def test_labels_stay_with_their_values_and_table_rows_whole() -> None:
    words = []
    for n in range(40):
        words += line(f"Label {n}", 60, 60 + 50 * n) + line(f"Value{n}", 900, 60 + 50 * n) + line(f"{n}.00", 1300, 60 + 50 * n)
    page = page_of(words)
    chunks = layout.cut(page, Chunking(max_words=60))
    assert len(chunks) > 1
    for n in range(40):
        assert sum(f"Label {n} Value{n} {n}.00" in chunk.text(page) for chunk in chunks) == 1


def test_a_skewed_page_keeps_its_lines() -> None:
    words = []
    for n in range(30):
        for k, word in enumerate(line(f"line{n} " + "word " * 14 + f"end{n}", 40, 100 + 60 * n)):
            words.append(word._replace(box=Box(word.box.x0, word.box.y0 + 2 * k, word.box.x1, word.box.y1 + 2 * k)))
    page = page_of(words)
    for chunk in layout.cut(page, Chunking(max_words=100)):
        found = chunk.text(page)
        assert found.count("line") == found.count("end")


def picture(boxes: Sequence[Box], size: tuple[int, int] = (1000, 1400)) -> Image.Image:
    image = Image.new("L", size, 250)
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle((box.x0, box.y0, box.x1 - 1, box.y1 - 1), fill=60)
    return image


def test_segments_finds_the_regions_of_a_picture() -> None:
    wanted = [Box(100, 100, 400, 300), Box(500, 900, 900, 1200)]
    found = [chunk.box for chunk in segments.cut(page_of([], 1000, 1400), Chunking(), picture(wanted))]
    assert len(found) == 2
    for box, real in zip(found, wanted, strict=True):
        assert max(abs(a - b) for a, b in zip(box, real, strict=True)) <= 3


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_uniform_picture_has_no_segments(shade: int) -> None:
    assert segments.cut(page_of([], 1000, 1400), Chunking(), Image.new("L", (1000, 1400), shade)) == []


def test_segments_hold_every_word_even_one_outside_all_regions() -> None:
    page = page_of([*line("inside", 150, 150), *line("outside", 20, 1300)], 1000, 1400)
    chunks = segments.cut(page, Chunking(), picture([Box(100, 100, 400, 300), Box(500, 900, 900, 1200)]))
    assert sorted(index for chunk in chunks for index in chunk.words) == [0, 1]


def test_layout_looks_at_the_picture_only_of_a_page_without_words() -> None:
    rule = Chunking(strategy=Strategy.LAYOUT)

    def never() -> Image.Image:
        raise AssertionError("the page has words")

    assert len(chunking.cut(page_of(line("some words", 10, 10)), rule, never)) == 1
    [chunk] = chunking.cut(page_of([], 1000, 1400), rule, lambda: picture([Box(100, 100, 400, 300)]))
    assert chunk.strategy == "segments"


@pytest.mark.parametrize(("size", "tokens"), [
    pytest.param((300, 100), 410, id="no image costs less"),
    pytest.param((800, 300), 676, id="a strip"),
    pytest.param((1200, 1600), 992, id="a page"),
    pytest.param((2480, 3508), 992, id="a large page costs the same and is seen smaller"),
    pytest.param((200, 3000), 1400, id="no image costs more"),
])
def test_prompt_tokens_are_those_of_the_released_models_processor(size: tuple[int, int], tokens: int) -> None:
    assert crop_cost(*size)[0] == tokens


def test_a_page_of_high_detail_costs_more_and_is_seen_larger() -> None:
    (standard, small), (high, large) = crop_cost(2480, 3508), crop_cost(2480, 3508, HIGH_TILES)
    assert (standard, round(300 * small)) == (992, 78)
    assert (high, round(300 * large)) == (2823, 142)


@pytest.mark.parametrize(("given", "most"), [
    pytest.param({}, 400, id="standard"), pytest.param({"detail": "high"}, 1200, id="three times the tiles, three times the words"),
    pytest.param({"detail": "high", "max_words": 300}, 300, id="what a contract says counts"),
])
def test_how_many_words_a_chunk_may_have_follows_the_detail(given: dict[str, Any], most: int) -> None:
    assert Chunking.model_validate(given).max_words == most


def test_a_page_of_small_print_is_one_chunk_in_high_detail_and_costs_no_more_than_its_chunks_otherwise() -> None:
    page = page_of([word for n in range(54) for word in line("word " * 22, 60, 40 + 38 * n, 14)], 1654, 2339)
    cuts = {detail: layout.cut(page, Chunking(detail=detail)) for detail in ("standard", "high")}
    assert [len(chunks) for chunks in cuts.values()] == [3, 1]
    costs = [
        [crop_cost(chunk.box.width, chunk.box.height, tiles) for chunk in cuts[detail]]
        for detail, tiles in (("standard", MAX_TILES), ("high", HIGH_TILES))
    ]
    (standard, small), (high, large) = [(sum(cost for cost, _ in of), min(scale for _, scale in of)) for of in costs]
    assert high <= standard
    assert large > small


def test_the_stage_cuts_what_was_read_and_skips_blank_and_quarantined_pages(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    text_pdf(folder / "a.pdf", [["first page"], [], ["third page"]])
    page_picture([], (900, 900)).save(folder / "b.png")
    picture([Box(100, 100, 400, 300)], (1000, 1000)).save(folder / "photo.png")
    options = Settings(state=str(tmp_path), processes=1)
    workspace = Workspace.open(UPath(tmp_path), Partition("letter", dt.date(2026, 3, 1)), "r1")
    ingest.run(workspace, Contract(name="letter", title="Letters", fields={"text": FieldSpec()}), UPath(folder), options)
    reading.run(workspace, "p0000", options)
    report = chunking.run(workspace, "p0000", Chunking(strategy=Strategy.LAYOUT))
    rows = fs.read_table(workspace.shard("chunk", "p0000")).to_pylist()
    assert report.counts == {"pages": 5, "chunks": 3}
    assert sorted((row["text"], row["strategy"]) for row in rows) == [("", "segments"), ("first page", "layout"), ("third page", "layout")]
