"""Pages and answers written as text, for the merge tests."""

from __future__ import annotations

import re
from typing import Any

from octavo.extraction.rules.stage import answers, extract, json_of
from octavo.merging.documents import Merger, PageAnswers
from octavo.model.contracts import Contract
from octavo.model.entities import Answer, Box, Chunk, Field, Page, Source, Word

CHAR, LINE, HEIGHT = 10, 20, 12
UPRIGHT = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def page(text: str, number: int = 1, confidence: float = 0.95, source: Source = Source.OCR, document: str = "d") -> Page:
    """A page whose words stand where they stand in ``text``; ``word~0.3`` gives a word its own confidence."""
    words = []
    for row, line in enumerate(text.strip("\n").split("\n")):
        for found in re.finditer(r"\S+", line):
            shown, _, own = found.group().partition("~")
            x, y = 10 + found.start() * CHAR, 10 + row * LINE
            words.append(Word(shown, Box(x, y, x + len(shown) * CHAR - 2, y + HEIGHT), float(own) if own else confidence, source))
    return Page(document, number, 1000, 1000, None, 0, UPRIGHT, tuple(words))


def chunk(of: Page, box: Box | None = None, number: int = 0) -> Chunk:
    box = box or Box(0, 0, of.width, of.height)
    return Chunk(number, box, tuple(i for i, word in enumerate(of.words) if box.holds(word.box.center)), "test")


def answer(
    parsed: dict[str, Any], extractor: str = "layout", hinted: bool = False, number: int = 1, box: Box | None = None, at: int = 0,
) -> Answer:
    return Answer(number, at, box or Box(0, 0, 1000, 1000), extractor, hinted, parsed)


def merge(contract: Contract, text: str | Page, *answers: Answer) -> dict[str, Field]:
    """The fields of a document of one page, by path."""
    one = page(text) if isinstance(text, str) else text
    chunks = {a.chunk: chunk(one, a.box, a.chunk) for a in answers}
    return {field.path: field for field in Merger(contract).merge("d", [PageAnswers(one, list(chunks.values()), answers)])}


def by_rules(contract: Contract, drawn: str | Page) -> dict[str, Field]:
    """What the rules find on a page, merged, by path."""
    one = page(drawn, confidence=1.0, source=Source.TEXT_LAYER) if isinstance(drawn, str) else drawn
    whole = chunk(one)
    ((_, said),) = answers(extract([one], contract)[0], [whole])
    parsed, words = json_of(said, lambda printed: printed.text), json_of(said, lambda printed: list(printed.words))
    found = Answer(1, 0, whole.box, "layout", False, parsed, word_ids=words)
    return {field.path: field for field in Merger(contract).merge("d", [PageAnswers(one, [whole], [found])])}


INVOICE = Contract.model_validate({
    "name": "invoice", "title": "Invoices", "locale": {"languages": ["en", "de"]},
    "fields": {
        "number": {"type": "identifier", "labels": ["Invoice No", "Number"], "required": True},
        "date": {"type": "date", "labels": ["Date"]},
        "due": {"type": "date", "labels": ["Due Date"]},
        "net": {"type": "money", "labels": ["Net", "Subtotal"]},
        "tax": {"type": "money", "labels": ["VAT"]},
        "total": {"type": "money", "labels": ["Total"], "not_labels": ["Total Items"], "pick": "last"},
        "issuer": {"type": "name", "labels": ["Seller"], "place": "top"},
        "note": {"type": "generated"},
        "lines": {"type": "list", "fields": {
            "item": {"type": "text", "labels": ["Item"]},
            "count": {"type": "number", "labels": ["Qty"]},
            "price": {"type": "money", "labels": ["Price"]},
            "amount": {"type": "money", "labels": ["Amount"]},
        }},
    },
    "gate": {"sums": [{"total": "total", "parts": ["net", "tax"]}]},
})

FORM = Contract.model_validate({"name": "form", "title": "Forms", "fields": {"pairs": {"type": "pairs"}}})
