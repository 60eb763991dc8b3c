"""Pages written as text, taken through the rules and the judge."""

from __future__ import annotations

from typing import Any

import pytest

from octavo.model.contracts import Contract
from octavo.model.entities import Verdict
from tests.merging.pages import answer, by_rules, merge


def contract(fields: dict[str, Any], **keys: Any) -> Contract:
    return Contract.model_validate({"name": "note", "title": "Notes", "fields": fields, **keys})


@pytest.mark.parametrize(("kind", "printed", "number"), [
    ("integer", "−12", -12), ("integer", "–1’234", -1234), ("percentage", "−5 %", -5), ("percentage", "(20%)", 20),
    ("number", "1’200.5", 1200.5),
])
def test_numbers_keep_their_sign_and_their_groups(kind: str, printed: str, number: float) -> None:
    field = by_rules(contract({"value": {"type": kind, "labels": ["Value"]}}), f"Value:  {printed}")["value"]
    assert (field.typed, field.verdict) == (number, Verdict.ACCEPTED), field.reason


@pytest.mark.parametrize(("kind", "printed"), [("integer", "(5)"), ("number", "(1,234)")])
def test_a_number_in_brackets_may_be_one_below_zero_and_waits_for_a_person(kind: str, printed: str) -> None:
    field = by_rules(contract({"value": {"type": kind, "labels": ["Value"]}}), f"Value:  {printed}")["value"]
    assert field.verdict is not Verdict.ACCEPTED


def test_an_answer_that_leaves_the_minus_out_is_not_accepted() -> None:
    found = answer({"value": "12"})._replace(word_ids={"value": [1]})
    field = merge(contract({"value": {"type": "integer", "labels": ["Value"]}}), "Value:  −12", found)["value"]
    assert field.verdict is Verdict.UNSUPPORTED


def test_a_pattern_is_matched_by_all_of_a_value() -> None:
    spec = {"type": "identifier", "labels": ["Note"], "pattern": r"[0-9]{6}"}
    field = merge(contract({"value": spec}), "Note:  DN-1234567", answer({"value": "DN-1234567"}))["value"]
    assert (field.verdict, field.reason) == (Verdict.AMBIGUOUS, "it does not match the contract's pattern")


@pytest.mark.parametrize(("label", "printed"), [("Numéro de facture", "NUMERO DE FACTURE"), ("Numero de factura", "Número de factura")])
def test_a_label_is_found_with_and_without_its_accents(label: str, printed: str) -> None:
    field = by_rules(contract({"value": {"type": "identifier", "labels": [label]}}), f"{printed}:  F-4711")["value"]
    assert (field.value, field.verdict) == ("F-4711", Verdict.ACCEPTED), field.reason


def test_the_end_of_a_line_and_the_start_of_the_next_one_are_no_label() -> None:
    fields = {"net": {"type": "money", "labels": ["Amount"]}, "total": {"type": "money", "labels": ["Total Amount"]}}
    found = by_rules(contract(fields), "Sub Total       80.00  Grand Total\nAmount          120.00")
    assert (found["net"].value, found["net"].verdict) == ("120.00", Verdict.ACCEPTED), found["net"].reason
    assert "total" not in found


def test_two_dates_of_one_text_have_the_words_of_their_own() -> None:
    spec = {"type": "date", "labels": ["Flight dates"]}
    text = "Flight dates:  02/11/2020 - 03/12/2020"
    both = "02/11/2020 - 03/12/2020"
    found = merge(contract({"first": spec, "last": spec}), text, answer({"first": both, "last": both}))
    first, last = (found[name].evidence[0].box for name in ("first", "last"))
    assert first.x1 < last.x0


def test_a_sum_takes_the_column_that_it_names_and_no_other_of_its_name() -> None:
    cells = {"net": {"type": "money", "labels": ["Net"]}, "tax": {"type": "group", "fields": {"net": {"type": "money", "labels": ["Tax"]}}}}
    used = contract(
        {"total": {"type": "money", "labels": ["Total"]}, "rows": {"type": "list", "fields": cells}},
        gate={"sums": [{"total": "total", "parts": ["rows[].net"]}]},
    )
    text = "Net        Tax\n10.00      1.00\n20.00      2.00\n\nTotal      30.00"
    rows = [{"net": "10.00", "tax": {"net": "1.00"}}, {"net": "20.00", "tax": {"net": "2.00"}}]
    field = merge(used, text, answer({"total": "30.00", "rows": rows}))["total"]
    assert field.reason.endswith("rows[].net = total: 30.00 = 30.00")


def test_groups_and_lists_in_groups_are_found() -> None:
    inner = {"type": "list", "fields": {"what": {"type": "text", "labels": ["Item"]}, "count": {"type": "integer", "labels": ["Qty"]}}}
    party = {"number": {"type": "identifier", "labels": ["Party no"]}, "items": inner,
             "bank": {"type": "group", "fields": {"account": {"type": "identifier", "labels": ["Account"]}}}}
    text = "Party no:  P-77\nAccount:  AB-4711\n\nItem            Qty\nCable           2\nTimber          3\nPaint           4"
    found = by_rules(contract({"party": {"type": "group", "fields": party}}), text)
    assert {path: field.value for path, field in found.items()} == {
        "party.number": "P-77", "party.bank.account": "AB-4711", "party.items[0].what": "Cable", "party.items[0].count": "2",
        "party.items[1].what": "Timber", "party.items[1].count": "3", "party.items[2].what": "Paint", "party.items[2].count": "4",
    }
