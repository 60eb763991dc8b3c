"""What the keys of the contract language do where pages are contradictory, incomplete or drawn: from words to verdicts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from octavo.model.entities import Box, CheckBox, Field, Ruling, Verdict
from octavo.storage.corrections import Action, Correction
from tests.grid import box, page
from tests.test_contract_examples import contract_of, fields_of


def found(fields: str, drawn: str, **more: object) -> dict[str, Field]:
    return {field.path: field for field in fields_of(contract_of(f"fields:\n{fields}", **more), page(drawn))}


BOOLEAN = "  fragile: {type: boolean, labels: [Fragile]}\n"


@pytest.mark.parametrize(("drawn", "value", "verdict"), [
    pytest.param("Fragile    [X] yes   [ ] no", True, Verdict.ACCEPTED, id="yes is ticked"),
    pytest.param("Fragile    [ ] yes   [X] no", False, Verdict.ACCEPTED, id="no is ticked"),
    pytest.param("Fragile    [X] yes   [X] no", None, Verdict.CONFLICTING, id="both are ticked"),
    pytest.param("Fragile    [ ] yes   [ ] no", None, None, id="neither is ticked"),
    pytest.param("Fragile [X]    Heavy [ ]", True, Verdict.ACCEPTED, id="boxes stand behind their words"),
    pytest.param("[ ] Fragile    [X] Heavy", False, Verdict.ACCEPTED, id="boxes stand before their words"),
    pytest.param("Fragile: no", False, Verdict.ACCEPTED, id="a word behind a colon"),
    pytest.param("Fragile: handle with care", None, None, id="no word for yes or no"),
])
def test_a_boolean_is_what_its_boxes_or_words_say(drawn: str, value: bool | None, verdict: Verdict | None) -> None:
    fragile = found(BOOLEAN, drawn).get("fragile")
    assert (fragile and fragile.verdict) == verdict
    if value is not None:
        assert fragile is not None
        assert fragile.typed is value


def test_a_drawn_box_is_evidence_where_it_stands() -> None:
    words = page("     Fragile")
    square = Box(box(words, "Fragile").x0 - 20, 11, box(words, "Fragile").x0 - 9, 22)
    fragile = next(iter(fields_of(contract_of(f"fields:\n{BOOLEAN}"), replace(words, checks=(CheckBox(square, True),)))))
    assert (fragile.typed, fragile.verdict, fragile.evidence[0].box) == (True, Verdict.ACCEPTED, square)


def test_words_for_yes_are_those_of_the_contracts_languages() -> None:
    assert found(BOOLEAN, "Fragile   ja") == {}
    assert found(BOOLEAN, "Fragile   ja", locale={"languages": ["de"]})["fragile"].typed is True


def test_a_choice_stands_in_the_lines_below_its_label_too() -> None:
    paid = found("  paid: {type: choice, labels: [Paid by], values: [cash, card]}\n", "Paid by\n[ ] cash\n[X] card")["paid"]
    assert (paid.typed, paid.verdict) == ("card", Verdict.ACCEPTED)


STACK = "Maren Holt\nWarden\n\nNorthmere Trust\nBody represented"


def test_where_keeps_a_value_from_the_label_on_its_other_side() -> None:
    fields = "  warden: {type: name, labels: [Warden], where: above}\n  body: {type: name, labels: [Body represented], where: above}\n"
    assert {path: (field.value, field.verdict) for path, field in found(fields, STACK).items()} == {
        "warden": ("Maren Holt", Verdict.ACCEPTED), "body": ("Northmere Trust", Verdict.ACCEPTED)}


def test_where_leaves_out_what_stands_on_another_side() -> None:
    fields = "  number: {type: identifier, labels: [Order no.], where: below}\n"
    assert found(fields, "Order no.    AB-1001") == {}
    assert found(fields, "Order no.\nAB-1002")["number"].value == "AB-1002"


def test_a_value_inside_the_box_of_its_label_is_not_that_of_the_next_box() -> None:
    drawn = page("1 BERTH   2 TUGS\n\n   14        3")
    lines = tuple(Ruling(x, 2, x, 70, 1) for x in (5, 105, 205)) + tuple(Ruling(5, y, 205, y, 1) for y in (2, 70))
    fields = "fields:\n  berth: {type: integer, labels: [BERTH], where: inside}\n  tugs: {type: integer, labels: [TUGS], where: inside}\n"
    values = {field.path: (field.typed, field.verdict) for field in fields_of(contract_of(fields), replace(drawn, rulings=lines))}
    assert values == {"berth": (14, Verdict.ACCEPTED), "tugs": (3, Verdict.ACCEPTED)}


def test_values_of_a_pattern_that_contradict_each_other_are_not_accepted() -> None:
    named, whole = (f"  policy: {{type: identifier, find: 'policy {value}'}}\n" for value in ("(?P<n>[A-Z]+-[0-9]+)", "[A-Z]+-[0-9]+"))
    assert found(named, "policy KV-1001")["policy"].verdict is Verdict.ACCEPTED
    assert found(named, "policy KV-1001\n\npolicy KV-1002")["policy"].verdict is Verdict.CONFLICTING
    assert found(whole, "policy KV-1001")["policy"].value == "policy KV-1001"  # without a named group it is all of what is found


def test_a_pattern_with_labels_finds_nothing_elsewhere() -> None:
    fields = "  discount: {type: percentage, labels: [Terms], find: '[0-9]+ ?%'}\n"
    assert found(fields, "Tax 19 %\n\nTerms   30 days, 2 % within 8 days")["discount"].value == "2 %"


YEARS = "  stated: {type: date, labels: [Statement date]}\n  due: {type: date, labels: [Due], year_from: stated}\n"


@pytest.mark.parametrize(("drawn", "due", "verdict"), [
    pytest.param("Statement date   20 Dec 2025\nDue   14 Jan", dt.date(2026, 1, 14), Verdict.ACCEPTED, id="the next year is nearer"),
    pytest.param("Statement date   20 Dec 2025\nDue   28 Dec", dt.date(2025, 12, 28), Verdict.ACCEPTED, id="the same year"),
    pytest.param("Statement date   20 Dec 2025\nDue   3/1/2027", dt.date(2027, 1, 3), Verdict.ACCEPTED, id="it has a year of its own"),
    pytest.param("Due   14 Jan", None, Verdict.AMBIGUOUS, id="nothing says the year"),
])
def test_a_date_without_a_year_takes_the_nearest_of_the_other_field(drawn: str, due: dt.date | None, verdict: Verdict) -> None:
    field = found(YEARS, drawn)["due"]
    assert (field.typed, field.verdict) == (due, verdict)


PERIOD = "  begin: {type: date, labels: [Period]}\n  end: {type: date, labels: [Period]}\n"


@pytest.mark.parametrize("drawn", [
    "Period   from 1 Feb 2026 to 28 Feb 2026", "Period   1 Feb 2026 to 28 Feb 2026", "Period   1 Feb 2026 - 28 Feb 2026",
    "Period   01/02/2026 to 28/02/2026", "Period   01/02/2026 - 28/02/2026", "Period   01/02/2026–28/02/2026",
    "Period   1 - 28 Feb 2026", "Period   01.02. - 28.02.2026", "Period\n01/02/2026 - 28/02/2026",
])
def test_two_dates_behind_one_label_are_those_of_its_fields_in_any_spelling(drawn: str) -> None:
    fields = found(PERIOD, drawn)
    assert {path: (field.typed, field.verdict) for path, field in fields.items()} == {
        "begin": (dt.date(2026, 2, 1), Verdict.ACCEPTED), "end": (dt.date(2026, 2, 28), Verdict.ACCEPTED)}


def test_a_label_that_is_broken_over_two_lines_is_found() -> None:
    drawn = "MODEL      DATE AND TIME      SHEET\n           OF ISSUE\n\n57         27/03/2024         1/1"
    fields = "  issued: {type: date, labels: [DATE AND TIME OF ISSUE]}\n  model: {type: identifier, labels: [MODEL]}\n"
    issued = found(fields, drawn)["issued"]
    assert (issued.typed, issued.verdict, issued.reason) == (
        dt.date(2024, 3, 27), Verdict.ACCEPTED, "below its label “DATE AND TIME OF ISSUE”")


@pytest.mark.parametrize(("printed", "value"), [
    pytest.param("310.25 CR", "310.25", id="credit"),
    pytest.param("310.25 DR", "-310.25", id="debit"),
    pytest.param("310.25", "310.25", id="no mark"),
    pytest.param("-310.25", "-310.25", id="a sign"),
])
def test_marks_of_a_field_say_what_is_more_and_what_is_less(printed: str, value: str) -> None:
    balance = found("  balance: {type: money, labels: [Balance], marks: {plus: CR, minus: DR}}\n", f"Balance   {printed}")["balance"]
    assert (balance.typed, balance.verdict) == (Decimal(value), Verdict.ACCEPTED)


def test_a_sign_beside_a_mark_is_doubtful() -> None:
    balance = found("  balance: {type: money, labels: [Balance], marks: {plus: CR, minus: DR}}\n", "Balance   -310.25 CR")["balance"]
    assert (balance.verdict, balance.reason) == (Verdict.AMBIGUOUS, "it has a sign and a mark, or two marks")


def test_a_sum_with_minus_proves_the_balances_of_a_statement() -> None:
    fields = """\
  opening: {type: money, labels: [Opening balance]}
  closing: {type: money, labels: [Closing balance]}
  rows:
    type: list
    fields:
      text: {labels: [Details]}
      paid: {type: money, labels: [Withdrawals]}
      received: {type: money, labels: [Deposits]}
"""
    drawn = """
Opening balance     100.00
Closing balance     139.50

Details          Withdrawals   Deposits
Coffee house           10.50
Salary                            50.00
"""
    gate = {"sums": [{"total": "closing", "parts": ["opening", "rows[].received"], "minus": ["rows[].paid"]}]}
    closing = found(fields, drawn, gate=gate)["closing"]
    assert closing.reason.endswith("opening + rows[].received - rows[].paid = closing: 100.00 + 50.00 - 10.50 = 139.50")


def test_people_correct_ticks_choices_and_dates_without_a_year() -> None:
    fields = f"{BOOLEAN}  paid: {{type: choice, labels: [Paid by], values: {{cash: [bar], card: [Karte]}}}}\n{YEARS}"
    contract = contract_of(f"fields:\n{fields}")
    drawn = page("Fragile [X]\n\nPaid by   Karte\n\nStatement date   20 Dec 2025\n\nDue   14 Jan")
    said = [correction(path, value, typed) for path, value, typed in (
        ("fragile", "no", None), ("paid", "cash", None), ("due", "2026-01-15", "2026-01-15"))]
    corrected = {field.path: field for field in fields_of(contract, drawn, corrections=said)}
    assert {path: (corrected[path].typed, corrected[path].verdict) for path in ("fragile", "paid", "due")} == {
        "fragile": (False, Verdict.ACCEPTED), "paid": ("cash", Verdict.ACCEPTED), "due": (dt.date(2026, 1, 15), Verdict.ACCEPTED)}


def correction(field: str, value: str, typed: str | None) -> Correction:
    return Correction("example", "d", field, value, typed, Action.CORRECTED, (), None, "ada", "2026-11-05T00:00:00+00:00")
