"""Which field the keys of an answer belong to, and what it costs to find out."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from octavo.merging.answer_candidates import AnswerReader
from octavo.model.contracts import Contract
from tests.merging.pages import answer


def contract(labels: list[str]) -> Contract:
    fields = {"total": {"type": "money", "labels": ["Grand Total", *labels]}, "line_1_rate": {}, "line_2_rate": {}, "rates": {}}
    return Contract.model_validate({"name": "keys", "title": "Keys", "fields": fields})


@pytest.mark.parametrize(("key", "field"), [
    pytest.param("grandTotal", "total", id="spelt otherwise"),
    pytest.param("Total, grand", "total", id="in another order"),
    pytest.param("Grant Total", "total", id="misspelt"),
    pytest.param("Line 1 Rat", "line_1_rate", id="misspelt beside its number"),
    pytest.param("Line 3 Rate", "Line 3 Rate", id="with another number"),
    pytest.param("rate", "rate", id="too short to be misspelt"),
    pytest.param("Weather", "Weather", id="of no field"),
])
def test_a_key_finds_its_field(key: str, field: str) -> None:
    assert [one.field for one in AnswerReader(contract([])).candidates(answer({key: "1", "other thing": "2"}))] == [field, "other thing"]


def test_a_key_as_close_to_two_fields_belongs_to_neither() -> None:
    twins = Contract.model_validate({"name": "keys", "title": "Keys", "fields": {"account_a": {}, "account_b": {}}})
    assert [one.matched for one in AnswerReader(twins).candidates(answer({"account_c": "1", "account_a": "2"}))] == [False, True]


def letters(number: int) -> str:
    """Six letters of a number, others for each."""
    return "".join(chr(97 + number // 26**place % 26) for place in range(6))


def calls(labels: int, keys: range) -> int:
    """Calls of functions, those written in C included, that it takes to read keys of no field under ``labels`` labels."""
    reader = AnswerReader(contract([f"Label {letters(at)}" for at in range(labels)]))
    said = answer({f"unheard of {letters(at)}": "1" for at in keys})
    reader.candidates(answer({"of": "no field", "at": "all"}))  # what is made once
    counted: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: counted.update([event]))
    try:
        reader.candidates(said)
    finally:
        sys.setprofile(None)
    return counted["call"] + counted["c_call"]


def test_a_key_of_no_field_is_not_compared_with_one_label_after_the_other() -> None:
    few, many = calls(10, range(300)), calls(600, range(300, 600))
    assert many <= 1.1 * few, f"{many} calls under 600 labels, {few} under 10"
    assert calls(600, range(600, 1800)) <= 4.1 * many
