"""Numbers with check digits: a wrong one is never accepted, and a right one is known without its label."""

from __future__ import annotations

import pytest

from octavo.merging.unlabelled_links import kind_of
from octavo.model.contracts import Contract
from octavo.model.entities import Verdict
from octavo.model.errors import ContractError
from tests.merging.pages import answer, merge

IBAN, OTHER = "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32"
VAT = "DE136695976"


def contract(**field: object) -> Contract:
    fields = {"account": {"type": "identifier", "labels": ["Account"], **field}, "company": {"labels": ["Company"]}}
    return Contract.model_validate({"name": "bill", "title": "Bills", "fields": fields})


def account(text: str, value: str, **field: object):
    return merge(contract(**field), text, answer({"account": value}))["account"]


@pytest.mark.parametrize(("kinds", "text", "kind"), [
    pytest.param(("iban",), IBAN, "iban", id="an IBAN in groups"),
    pytest.param(("iban",), "IBAN: DE89370400440532013000", "", id="with its label it is none"),
    pytest.param(("iban",), "DE89 3704 0044 0532 0131 00", "", id="one digit changed"),
    pytest.param(("iban", "eu.vat"), f"({VAT})", "eu.vat", id="the second kind, in brackets"),
    pytest.param(("luhn",), "4111 1111 1111 1111", "luhn", id="Luhn"),
    pytest.param(("luhn",), "4111 1111 1111 1112", "", id="Luhn, one digit changed"),
    pytest.param(("ean",), "4006381333931", "ean", id="EAN"),
])
def test_a_number_is_of_a_kind_when_its_check_digits_are(kinds: tuple[str, ...], text: str, kind: str) -> None:
    assert kind_of(kinds, text) == kind


def test_a_number_whose_check_digits_are_wrong_is_not_accepted_even_beside_its_label() -> None:
    wrong = "DE89 3704 0044 0532 0131 00"
    assert account(f"Account {wrong}", wrong).verdict is Verdict.ACCEPTED
    found = account(f"Account {wrong}", wrong, check="iban")
    assert (found.verdict, found.reason) == (Verdict.AMBIGUOUS, "it is no valid iban number")


def test_the_only_number_of_its_kind_is_the_fields_without_any_label() -> None:
    assert account(f"Thank you\n{IBAN}\nCome again", IBAN).verdict is Verdict.AMBIGUOUS
    found = account(f"Thank you\n{IBAN}\nCome again", IBAN, check="iban")
    assert (found.verdict, found.reason) == (Verdict.ACCEPTED, "the page's only valid IBAN number")


def test_of_two_numbers_of_the_kind_neither_is_taken_without_a_label() -> None:
    assert account(f"Pay to\n{IBAN}\nor to\n{OTHER}", IBAN, check="iban").verdict is Verdict.AMBIGUOUS
    assert account(f"Account {IBAN}\nor to\n{OTHER}", IBAN, check="iban").verdict is Verdict.ACCEPTED


def test_the_same_number_twice_is_one() -> None:
    assert account(f"Pay to\n{IBAN}\nthat is\n{IBAN.replace(' ', '')}", IBAN, check="iban").verdict is Verdict.ACCEPTED


def test_the_label_of_another_field_keeps_its_number() -> None:
    assert account(f"Company {VAT}", VAT, check="eu.vat").verdict is Verdict.AMBIGUOUS


def test_one_check_digit_that_every_tenth_number_has_proves_nothing() -> None:
    number = "4111 1111 1111 1111"
    assert account(f"Thank you\n{number}", number, check="luhn").verdict is Verdict.AMBIGUOUS
    assert account(f"Account {number}", number, check="luhn").verdict is Verdict.ACCEPTED


def test_of_several_candidates_the_valid_one_wins() -> None:
    found = merge(contract(check="iban"), f"DE00 1111 2222\n{IBAN}", answer({"account": ["DE00 1111 2222", IBAN]}))["account"]
    assert found.value == IBAN
    assert found.losers[0].reason == "it is no valid iban number"


@pytest.mark.parametrize(("field", "says"), [
    pytest.param({"type": "identifier", "check": "ibann"}, "no kind of number", id="misspelt"),
    pytest.param({"type": "identifier", "check": "util"}, "no kind of number", id="a module that checks nothing"),
    pytest.param({"type": "identifier", "check": "os.path"}, "no kind of number", id="no module of stdnum"),
    pytest.param({"type": "money", "check": "iban"}, "belongs to identifier fields", id="another type"),
    pytest.param({"type": "money", "continues": False}, "belongs to list fields", id="continues of a value"),
])
def test_what_cannot_be_checked_is_an_error_of_the_contract(field: dict[str, object], says: str) -> None:
    with pytest.raises((ValueError, ContractError), match=says):
        Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"account": field}})


def test_several_kinds_may_be_given_or_one() -> None:
    assert contract(check=["eu.vat", "ch.vat"]).fields["account"].check == ("eu.vat", "ch.vat")
    assert contract(check="iban").fields["account"].check == ("iban",)
