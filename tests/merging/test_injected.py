"""Errors put into the answers of generated pages: wrong values are not accepted, true ones are not refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from octavo.merging import merge_files as outside
from octavo.model import contracts
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Verdict
from octavo.model.settings import CONTRACTS_FOLDER
from tests.merging.pages import page

# Fields of the shipped contracts with a label of each, as a page may print them.
PRINTED = {
    "receipt": {"date": "Date", "total": "Grand Total"},
    "invoice": {
        "invoice_number": "Invoice Number", "date": "Invoice Date", "due_date": "Payment Due Date", "buyer": "Bill to",
        "amount_untaxed": "Subtotal", "amount_total": "Grand Total",
    },
    "adbuy": {
        "contract_num": "Contract Number", "advertiser": "Advertiser", "gross_amount": "Gross Amount", "flight_from": "Start Date",
        "flight_to": "End Date",
    },
    "energy_statement": {
        "account_number": "Account Number", "statement_date": "Statement Date", "due_date": "Payment Due Date",
        "total_amount_due": "Total Amount Due", "service_info.meter_number": "Meter Number",
    },
}
PAIRS = {"Name": Kind.NAME, "Reference": Kind.IDENTIFIER, "Received": Kind.DATE, "Budget": Kind.MONEY, "Place": Kind.NAME}
# A failing page is short already: to make it shorter takes minutes.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
REFUSED = {Verdict.UNSUPPORTED, Verdict.CONFLICTING}

name = st.lists(st.text("bdfgklmnprst", min_size=4, max_size=7), min_size=2, max_size=2).map(lambda parts: " ".join(parts).title())
day = st.dates(dt.date(2001, 1, 1), dt.date(2039, 12, 31)).filter(lambda one: one.day > 12).map(lambda one: one.isoformat())
amount = st.integers(10_000, 999_999).map(lambda cents: f"{cents / 100:.2f}")
number = st.integers(10**6, 10**7 - 1).map(str)
VALUES = {Kind.DATE: day, Kind.MONEY: amount, Kind.IDENTIFIER: number}

Printed = tuple[dict[str, tuple[Kind, str]], str]


def kinds(contract: Contract) -> dict[str, Kind]:
    """The fields of a generated page, by their label for pairs."""
    if contract.name == "form":
        return PAIRS
    specs = dict(contract.leaves())
    return {field: specs[field].type for field in PRINTED[contract.name]}


@st.composite
def printed(draw: st.DrawFn, contract: Contract) -> Printed:
    """True values by field, and a page that prints each of them behind its label, in any order, among other lines."""
    of = kinds(contract)
    values = draw(st.tuples(*(VALUES.get(kind, name) for kind in of.values())).filter(lambda made: len(set(made)) == len(made)))
    true = {field: (kind, value) for (field, kind), value in zip(of.items(), values, strict=True)}
    lines = [f"{PRINTED.get(contract.name, {}).get(field, field)}:   {value}" for field, (_, value) in true.items()]
    others = draw(st.lists(st.tuples(name, amount).map("      ".join), max_size=3))
    return true, "\n\n".join(draw(st.permutations([*lines, *others])))


def answer(contract: Contract, values: dict[str, str]) -> str:
    """What an extractor says; fields of groups lie in their group."""
    if contract.name == "form":
        return json.dumps({"pairs": [{"key": key, "value": value} for key, value in values.items()]})
    said: dict[str, Any] = {}
    for field, value in values.items():
        *groups, last = field.split(".")
        inside = said
        for group in groups:
            inside = inside.setdefault(group, {})
        inside[last] = value
    return json.dumps(said)


def verdicts(contract: Contract, text: str, said: list[dict[str, str]], hinted: bool) -> list[dict[str, tuple[str, str]]]:
    """Each answer over the same page, as a document of its own: value and verdict by field."""
    words, answers = [], []
    for at, values in enumerate(said):
        read = page(text)
        words += [{"document": f"{at:03d}", "page": 1, "text": word.text, "box": word.box, "confidence": 0.95, "source": "ocr"}
                  for word in read.words]
        answers.append({"document": f"{at:03d}", "page": 1, "box": [0, 0, 1000, 1000], "extractor": "model", "hinted": hinted,
                        "text": answer(contract, values)})
    found: list[dict[str, tuple[str, str]]] = [{} for _ in said]
    rows = list(outside.merge(answers, words, contract))
    keys = {(row["document"], row["field"].removesuffix(".key")): row["value"] for row in rows if row["field"].endswith("].key")}
    for row in rows:
        field = keys.get((row["document"], row["field"].removesuffix(".value")), row["field"])
        if not row["field"].endswith("].key") and row["value"] is not None:
            found[int(row["document"])][field] = (row["value"], row["verdict"])
    return found


def wrong_values(kind: Kind, value: str, made_up: str, at: int) -> Iterator[str]:
    """A value made up, one with a digit changed, and an amount times ten or with the other sign."""
    yield made_up
    if any(map(str.isdigit, value)):
        places = [place for place, char in enumerate(value) if char.isdigit()]
        place = places[at % len(places)] if kind is not Kind.DATE else len(value) - 1
        yield value[:place] + str((int(value[place]) + 1) % 10) + value[place + 1:]
    if kind is Kind.MONEY:
        yield f"{float(value) * 10:.2f}"
        yield f"-{value}"


shipped = pytest.mark.parametrize("contract", [
    pytest.param(contracts.find(one, str(CONTRACTS_FOLDER)), id=one) for one in (*PRINTED, "form")
])


@shipped
@given(data=st.data(), hinted=st.booleans())
@settings(max_examples=8, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.too_slow])
def test_a_true_value_beside_its_label_is_not_refused(contract, data, hinted):
    true, text = data.draw(printed(contract))
    found = verdicts(contract, text, [{field: value for field, (_, value) in true.items()}], hinted)[0]
    assert {field: found[field][0] for field in true} == {field: value for field, (_, value) in true.items()}
    assert not {verdict for _, verdict in found.values()} & REFUSED


@shipped
@given(data=st.data(), hinted=st.booleans(), at=st.integers(0, 20))
@settings(max_examples=8, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.too_slow])
def test_a_value_that_legible_words_do_not_show_is_never_accepted(contract, data, hinted, at):
    true, text = data.draw(printed(contract))
    said, injected = [], []
    for field, (kind, value) in true.items():
        for wrong in wrong_values(kind, value, data.draw(VALUES.get(kind, name)), at):
            if wrong.removeprefix("-") not in text or wrong == f"-{value}":
                said.append({**{other: own for other, (_, own) in true.items()}, field: wrong})
                injected.append((field, wrong))
    for (field, wrong), found in zip(injected, verdicts(contract, text, said, hinted), strict=True):
        assert found[field][1] != Verdict.ACCEPTED, (field, wrong, text)


@shipped
@given(data=st.data(), hinted=st.booleans())
@settings(max_examples=8, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.too_slow])
def test_words_of_the_page_in_the_wrong_field_are_not_accepted(contract, data, hinted):
    true, text = data.draw(printed(contract))
    values = {field: value for field, (_, value) in true.items()}
    swaps = [(one, other) for one in true for other in true if one < other and true[one][0] is true[other][0]]
    said = [{**values, one: values[other], other: values[one]} for one, other in swaps]
    for (one, other), found in zip(swaps, verdicts(contract, text, said, hinted), strict=True):
        assert Verdict.ACCEPTED not in {found[one][1], found[other][1]}, (one, other, text)
    strangers = [line.rsplit("      ", 1) for line in text.split("\n\n") if ":" not in line]
    moved = [
        (field, words[kind is Kind.MONEY]) for words in strangers for field, (kind, _) in true.items() if kind in (Kind.MONEY, Kind.NAME)
    ]
    moved = [(field, value) for field, value in moved if value not in values.values()]
    for (field, _), found in zip(moved, verdicts(contract, text, [{**values, f: v} for f, v in moved], hinted), strict=True):
        assert found[field][1] != Verdict.ACCEPTED, (field, text)


@given(digit=st.integers(0, 9), confidence=st.floats(0.5, 0.99), labelled=st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_misread_word_that_layout_and_a_hinted_model_repeat_is_not_accepted_for_their_agreement(digit, confidence, labelled):
    contract = contracts.find("receipt", str(CONTRACTS_FOLDER))
    read = page(f"{'Grand Total' if labelled else 'Thank you'}   5{digit}.40\n\nSee you soon")
    place = {"document": "d", "page": 1}
    words = [{**place, "text": word.text, "box": word.box, "confidence": confidence, "source": "ocr"} for word in read.words]
    said = [{**place, "box": [0, 0, 1000, 1000], "extractor": who, "hinted": hinted, "text": f'{{"total": "5{digit}.40"}}'}
            for who, hinted in (("layout", False), ("molmo", True), ("other", True))]
    total = next(row for row in outside.merge(said, words, contract) if row["field"] == "total")
    assert "agree" not in total["reason"]
    assert total["verdict"] != Verdict.ACCEPTED or (labelled and confidence >= 0.8)
