"""The confidence of values: what is measured of them, what it weighs, and what follows from it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from octavo.merging import confidence, features
from octavo.merging.confidence import Weights
from octavo.merging.resolution import falls_short
from octavo.model.contracts import Contract
from octavo.model.entities import Field, Verdict
from tests.merging.pages import answer, merge

SHIPPED = confidence.shipped()
PAGE = """
Acme Parts Ltd

Invoice No: 4711-09        Date: 12.03.2026

Item #      Description         Qty    Price    Amount
AX-100      Bolt, steel, M8       4     2.50     10.00
AX-200      Nut, steel, M8       10     1.50     15.00
AX-300      Washer, M8            3     1.00      3.00

                               Total:             28.00
"""


def contract(**keys: object) -> Contract:
    return Contract.model_validate({
        "name": "orders", "title": "Orders", **keys,
        "fields": {
            "number": {"type": "identifier", "labels": ["Invoice No"]},
            "total": {"type": "money", "labels": ["Total"]},
            "lines": {"type": "list", "fields": {
                "item": {"type": "text", "labels": ["Item"]},
                "count": {"type": "number", "labels": ["Qty"]},
                "amount": {"type": "money", "labels": ["Amount"]},
            }},
        },
    })


def found(**keys: object) -> dict[str, Field]:
    rows = [{"item": f"AX-{n}00", "count": str(count), "amount": amount} for n, count, amount in ((1, 4, "10.00"), (2, 10, "15.00"))]
    rows += [{"item": "AX-300", "amount": "3.00"}]
    return merge(contract(**keys), PAGE, answer({"number": "4711-09", "total": "28.00", "lines": rows}))


def test_a_value_has_the_features_that_its_page_shows() -> None:
    fields = found()
    assert {"beside_label", "colon", "exact_label", "first_label", "printed_so", "certain_form"} <= set(fields["total"].features)
    assert {"column", "cut_label", "mixed_word"} <= set(fields["lines[0].item"].features), "Item # is not the label Item"
    assert "short_row" in fields["lines[2].item"].features
    assert "short_row" not in fields["lines[0].item"].features


def test_what_is_sure_is_accepted_and_what_is_not_says_why() -> None:
    fields = found()
    assert fields["total"].verdict is Verdict.ACCEPTED
    assert fields["total"].confidence is not None
    assert fields["total"].confidence >= SHIPPED.accept_at
    short = fields["lines[2].item"]
    assert short.verdict is Verdict.AMBIGUOUS
    assert f"confidence {short.confidence}, accepted from {SHIPPED.accept_at}" in short.reason
    assert falls_short(short.reason)
    assert not falls_short("nothing shows that it is this field")
    assert features.AGAINST["short_row"] in short.reason


def test_a_contract_and_a_field_choose_from_where_on_values_are_accepted() -> None:
    assert found(accept_at="0")["lines[2].item"].verdict is Verdict.ACCEPTED
    assert found(accept_at="1")["total"].verdict is Verdict.AMBIGUOUS
    one = contract(accept_at="1").model_dump(mode="json")
    one["fields"]["total"]["accept_at"] = "0.2"
    fields = merge(Contract.model_validate(one), PAGE, answer({"number": "4711-09", "total": "28.00"}))
    assert (fields["total"].verdict, fields["number"].verdict) == (Verdict.ACCEPTED, Verdict.AMBIGUOUS)


@pytest.mark.parametrize("accept_at", ["-0.1", "1.1", "often"])
def test_a_share_is_from_0_to_1(accept_at: str) -> None:
    with pytest.raises(ValueError, match="accept_at"):
        contract(accept_at=accept_at)


def test_what_the_page_does_not_say_has_no_confidence_and_is_never_accepted() -> None:
    fields = merge(contract(accept_at="0"), PAGE, answer({"total": "82.00"}))
    assert (fields["total"].verdict, fields["total"].confidence) == (Verdict.UNSUPPORTED, Decimal("0.000"))


@pytest.mark.parametrize("group", features.GROUPS)
def test_a_feature_moves_the_confidence_as_its_name_says(group: str) -> None:
    value = ["column", "exact_label"]
    before = SHIPPED.confidence(group, value)
    assert all(SHIPPED.confidence(group, [*value, one]) >= before for one in features.FOR)
    assert all(SHIPPED.confidence(group, [*value, one]) <= before for one in features.AGAINST)


def test_the_feature_that_a_reason_names_lowers_the_confidence() -> None:
    short = found()["lines[2].item"]
    named = SHIPPED.least("text", short.features)
    assert "short_row" in named
    for one in named:
        rest = [other for other in short.features if other != one]
        assert SHIPPED.confidence("text", rest) > SHIPPED.confidence("text", short.features)


def test_every_feature_has_points_in_every_group_and_the_table_rises() -> None:
    names = {confidence.BASE, *features.LINKS, *features.FOR, *features.AGAINST}
    assert {group: set(points) for group, points in SHIPPED.points.items()} == dict.fromkeys(features.GROUPS, names)
    assert [likely for _, likely in SHIPPED.table] == sorted({likely for _, likely in SHIPPED.table})
    assert 0 < SHIPPED.accept_at < 1


@pytest.mark.parametrize(("feature", "points", "said"), [
    ("cut", 5, "contradicts"), ("colon", -5, "contradicts"), ("merchant", 5, "no such feature"),
])
def test_points_that_contradict_their_feature_are_refused(feature: str, points: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Weights.of({"accept_at": "0.9", "table": [[0, "0.5"]], "points": {feature: {"text": points}}})


def test_rows_are_measured_by_each_other() -> None:
    rows = [{"a": (f"{n}", [n]), "b": (f"text {n}", [n + 100]), "c": (f"{n}.00", [n + 200])} for n in range(4)]
    rows += [{"b": ("goes on", [999])}]
    measured = features.of_rows(rows)
    assert measured[0]["a"] == ("full_row", "column_form")
    assert measured[3]["b"] == ("full_row", "column_form", "goes_on")
    assert measured[4]["b"] == ("short_row", "odd_form")
    doubled = features.of_rows([{"a": ("7", [1]), "b": ("7", [1])}])
    assert "shared_words" in doubled[0]["a"]
