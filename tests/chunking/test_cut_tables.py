"""Tables in chunks: whole where they fit, else cut between rows with their header in each part's prompt; and columns of any script."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from upath import UPath

from octavo.chunking import layout
from octavo.extraction.vlm.asking import Asker
from octavo.extraction.vlm.prompts import prompt
from octavo.extraction.vlm.stage import Window
from octavo.extraction.vlm.windows import Cut
from octavo.model.contracts import Chunking, Contract, FieldSpec, PromptStyle
from octavo.model.entities import Box, Page, Ruling
from octavo.page.reading_order import rows_of
from octavo.page.tables import header_elsewhere, tables_of
from octavo.storage.answer_store import AnswerStore, AnswerWriter
from tests.chunking.test_chunking import line, page_of
from tests.molmo.fakes import OPTIONS, Scripted

HEADER = "Item | Quantity | Amount"
CONTRACT = Contract(name="bill", title="Bill", fields={"total": FieldSpec(labels=["Total"])})


def listing(rows: int, top: int = 200) -> Page:
    """A table of three columns between two paragraphs."""
    words = line("This is what was agreed on and delivered in the course of the year", 100, 100)
    for n in range(rows + 1):
        cells = ("Item", "Quantity", "Amount") if n == 0 else (f"Cable drum {'abcdefghij'[n % 10]}", str(n), f"{n}.50")
        for x, text in zip((100, 700, 1100), cells, strict=True):
            words += line(text, x, top + 44 * n)
    words += line("Thank you for your order and for the trust that you have put into us", 100, top + 44 * (rows + 4))
    return page_of(words, height=top + 44 * (rows + 8))


def test_a_table_that_fits_into_a_chunk_is_not_cut() -> None:
    page = listing(30)
    table = {word for row in rows_of(page) if row.table is not None for word in row.words}
    assert len(table) > 100
    assert sum(not table.isdisjoint(chunk.words) for chunk in layout.cut(page, Chunking())) == 1


def test_a_table_that_does_not_fit_is_cut_between_rows_and_each_part_is_told_its_header() -> None:
    page = listing(30)
    chunks = layout.cut(page, Chunking(max_words=60))
    parts = [chunk for chunk in chunks if any(page.words[word].text == "Cable" for word in chunk.words)]
    assert len(parts) > 1
    assert [a for a, b in pairwise(parts) if page.words[a.words[-1]].box.y1 > page.words[b.words[0]].box.y0] == []
    told = [header_elsewhere(page, tables_of(page), chunk.words) for chunk in parts]
    assert told == ["" if chunk.words[0] < 30 and "Quantity" in chunk.text(page) else HEADER for chunk in parts]
    assert told[-1] == HEADER


def test_a_row_of_several_lines_stays_in_one_chunk() -> None:
    words, rulings = [], [Ruling(x, 200, x, 200 + 132 * 9, 2) for x in (90, 690, 1090, 1500)]
    rulings += [Ruling(90, 200 + 132 * n, 1500, 200 + 132 * n, 2) for n in range(10)]
    for n in range(9):
        cells = ("Item", "Quantity", "Amount") if n == 0 else ("Cable drum", str(n), f"{n}.50")
        for x, text in zip((100, 700, 1100), cells, strict=True):
            words += line(text, x, 210 + 132 * n)
        if n:
            words += line(f"of the year {n}", 100, 250 + 132 * n) + line("with a stand", 100, 290 + 132 * n)
    page = replace(page_of(words, height=1600), rulings=tuple(rulings))
    row_of = {word: row.table_row for row in rows_of(page) for word in row.words}
    chunks = layout.cut(page, Chunking(max_words=30))
    assert len(chunks) > 3
    assert all(row_of[a.words[-1]] != row_of[b.words[0]] for a, b in pairwise(chunks))


def test_a_model_is_asked_about_a_part_of_a_table_with_its_header(tmp_path: Path) -> None:
    page, model = listing(30), Scripted(lambda question: "{}")
    picture = Image.effect_noise((page.width, page.height), 90)
    cuts = [Cut(page, chunk, picture.crop(chunk.box).convert("RGB"), picture) for chunk in layout.cut(page, Chunking(max_words=60))]
    store = AnswerStore(UPath(tmp_path))
    with AnswerWriter(store) as writer:
        list(Window(cuts, CONTRACT, OPTIONS, Asker(model, store, writer, "bill"), model).rows())
    headless = sum(bool(header_elsewhere(page, tables_of(page), cut.chunk.words)) for cut in cuts)
    assert sum(HEADER in question.prompt for question in model.questions) == headless > 0


@pytest.mark.parametrize(("style", "said"), [
    pytest.param(PromptStyle.SCHEMA, True, id="a prompt from the contract"),
    pytest.param(PromptStyle.TUTORIAL, False, id="the tutorial's, which stays as it is"),
])
def test_a_prompt_says_the_header_of_a_table_that_goes_on(style: PromptStyle, said: bool) -> None:
    contract = CONTRACT.model_copy(update={"prompt": CONTRACT.prompt.model_copy(update={"style": style})})
    assert (HEADER in prompt(contract, "layout", "a b", header=HEADER)) is said


def test_no_gutter_runs_through_a_table() -> None:
    words = []
    for n in range(12):
        words += line("the first part of a text that tells what a thing is made of", 100, 100 + 44 * n)
        words += line("and how many of them", 900, 100 + 44 * n) + line(f"{n}.50", 1400, 100 + 44 * n)
    page = page_of(words)
    assert {row.table for row in rows_of(page)} in ({0}, {None})
    assert all(len({page.words[word].box.y0 for word in row.words}) == 1 for row in rows_of(page))


def test_columns_of_a_script_without_spaces_are_read_one_after_the_other() -> None:
    left, right = "比较美术学是一项跨国别的研究工作它必然和其他的学科", "中国与西方国家的美术交往关系超越了其他国家的民族"
    words = []
    for n in range(8):
        for x, text in ((100, left), (900, right)):
            words += [word._replace(text=text, box=Box(x, 100 + 50 * n, x + 24 * len(text), 124 + 50 * n)) for word in line("x", x, 0)]
    page = page_of(words)
    assert [page.words[row.words[0]].text for row in rows_of(page)] == [left] * 8 + [right] * 8


def test_a_columns_lines_may_begin_a_pixel_apart() -> None:
    words = []
    for n in range(10):
        words += line("each of these lines is read to its end before", 100, 100 + 44 * n)
        words += line("the other column is begun and read down too", 829 + n % 2, 100 + 44 * n)
    assert [row.column for row in rows_of(page_of(words))] == [0] * 10 + [1] * 10
