"""The examples of docs/contracts.md: a contract's fields, a page, and what is found there, accepted."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from octavo.extraction.rules import stage as rules
from octavo.merging.document_records import MergedRecord, merged_records
from octavo.merging.documents import Merger, PageAnswers
from octavo.merging.kinds import KindMatch
from octavo.merging.records import record
from octavo.model.contracts import Contract
from octavo.model.entities import Answer, Box, Chunk, Field, Page, Verdict
from octavo.storage.corrections import Correction
from tests.grid import page

DOCS = Path(__file__).resolve().parent.parent / "docs" / "contracts.md"
_EXAMPLE = re.compile(r"(?ms)^### ([^\n]+)\n(?:(?!^###? ).)*?^```yaml\n(.*?)^```\n\n^```text\n(.*?)^```\n\n^```json\n(.*?)^```")


_NEXT_PAGE = re.compile(r"(?m)^-+ next page -+$")


class Example(NamedTuple):
    title: str
    contract: str
    drawn: str
    found: str


def examples() -> list[Example]:
    text = DOCS.read_text(encoding="utf-8")
    return [Example(*found) for found in _EXAMPLE.findall(text[text.index("\n## Examples\n"):])]


def contract_of(text: str, **more: Any) -> Contract:
    return Contract.model_validate({"name": "example", "title": "Example", **YAML(typ="safe").load(text), **more})


def fields_of(contract: Contract, *pages: Page, corrections: Sequence[Correction] = ()) -> list[Field]:
    """The fields of a document that is one record, from its pages' words to their verdicts."""
    return Merger(contract).merge("d", _answered(contract, pages), corrections)


def records_of(contract: Contract, *pages: Page, corrections: Sequence[Correction] = ()) -> list[MergedRecord]:
    """A document's records, from its pages' words to their verdicts."""
    return list(merged_records(Merger(contract), KindMatch(contract.match), "d", _answered(contract, pages), corrections))


def _answered(contract: Contract, pages: Sequence[Page]) -> list[PageAnswers]:
    """Pages with what the rules say of them."""
    merged = []
    for one, found in zip(pages, rules.extract(pages, contract), strict=True):
        chunk = Chunk(0, Box(0, 0, one.width, one.height), tuple(range(len(one.words))), "page")
        answers = []
        for of, said in rules.answers(found, [chunk]):
            parsed, words = (rules.json_of(said, part) for part in (lambda printed: printed.text, lambda printed: list(printed.words)))
            answers.append(Answer(one.number, of.number, of.box, rules.EXTRACTOR, False, parsed, word_ids=words))
        merged.append(PageAnswers(one, [chunk], answers))
    return merged


def plain(value: Any) -> Any:
    """A record's value as JSON has it, decimals and dates as text; cells without a value are left out."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Decimal | dt.date) else value


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_what_an_example_of_the_documentation_promises_is_found_and_accepted(example: Example) -> None:
    contract = contract_of(example.contract)
    pages = [page(drawn, number) for number, drawn in enumerate(_NEXT_PAGE.split(example.drawn), 1)]
    made = records_of(contract, *pages)
    names = [*(("record", "first_page", "last_page") if contract.many_records else ()), *contract.fields]
    rows = [record(contract, "d", "d", contract.hash, one.fields, one.at) for one in made]
    found = [plain({name: row[name] for name in names}) for row in rows]
    assert (found if contract.many_records else found[0]) == json.loads(example.found)
    fields = [field for one in made for field in one.fields]
    assert {field.path: field.reason for field in fields if field.matched and field.verdict is not Verdict.ACCEPTED} == {}


def test_every_way_to_say_where_a_value_is_has_an_example() -> None:
    text = "".join(example.contract for example in examples())
    keys = ("where", "find", "boolean", "choice", "values", "year_from", "marks", "rows", "of", "record_per")
    assert [key for key in keys if not re.search(rf"\b{key}\b", text)] == []
