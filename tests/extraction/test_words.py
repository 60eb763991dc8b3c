"""What a page of many words costs: time that grows with its words, not with their square."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from octavo.extraction.rules.stage import extract
from octavo.model.contracts import Contract, FieldSpec, Kind, Place
from octavo.model.entities import Box, Page, Source, Word

LINES, TIMES = 60, 8
# Eight times the words take eight times as long, twice that on a busy machine; with their square it was more than forty times.
MOST = 2 * TIMES

BILL = Contract(name="bill", title="Bill", fields={
    "total": FieldSpec(type=Kind.MONEY, labels=["Total"], place=Place.BOTTOM),
    "seller": FieldSpec(type=Kind.NAME, labels=["Seller"], place=Place.TOP),
})
TEXT = Contract(name="text", title="Text", fields={
    "paragraphs": FieldSpec(type=Kind.LIST, fields={"text": FieldSpec(place=Place.PARAGRAPH)}),
})
FORM = Contract(name="pairs", title="Pairs", fields={"pairs": FieldSpec(type=Kind.PAIRS)})
NAMED = Contract(name="named", title="Named", fields={"seller": FieldSpec(type=Kind.NAME, labels=["Seller"])})


Line = Callable[[int], list[tuple[int, str]]]


def page_of(count: int, line: Line) -> Page:
    """A page of so many lines; of each word the left edge and the text."""
    words = tuple(
        Word(text, Box(x, 40 * n, x + 10 * len(text), 40 * n + 20), 1.0, Source.TEXT_LAYER) for n in range(count) for x, text in line(n)
    )
    return Page("d" * 64, 1, 2000, 40 * count, 200, 0, (1, 0, 0, 1, 0, 0), words)


def seconds(page: Page, contract: Contract) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        extract([page], contract)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize(("contract", "line"), [
    pytest.param(BILL, lambda n: [(0, f"A{n}"), (600, f"{n}.50"), (900, f"{7 * n}.20"), (1300, f"{3 * n % 97}.10")], id="amounts"),
    pytest.param(TEXT, lambda n: [(300 * x, f"word{n}") for x in range(5)], id="paragraphs side by side"),
    pytest.param(FORM, lambda n: [(n % 7 * 40, "Owner"), (600 + n % 11 * 50, f"Mann{n}")], id="neighbours"),
    pytest.param(FORM, lambda n: [(0, "Alpha"), (600, "Beta"), (1200, "Gamma")], id="a table without figures"),
    pytest.param(NAMED, lambda n: [(1200, "Seller:") if n % 2 else (0, "nothing")], id="labels with nothing below"),
])
def test_eight_times_the_words_take_no_longer_than_twice_eight_times(contract: Contract, line: Line) -> None:
    few, many = page_of(LINES, line), page_of(TIMES * LINES, line)
    seconds(few, contract)  # patterns are compiled, lexicons loaded
    assert seconds(many, contract) < MOST * seconds(few, contract)
