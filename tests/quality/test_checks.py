"""From a contract to its checks."""

from __future__ import annotations

from typing import Any

import pytest

from octavo.model.contracts import Contract
from octavo.publishing.checks import Rule, checks


def contract(field: dict[str, Any], **gate: Any) -> Contract:
    return Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"value": field}, "gate": gate})


def of_fields(used: Contract) -> dict[str, Rule]:
    return {check.name: check.rule for check in checks(used) if check.column.startswith("value")}


@pytest.mark.parametrize(("field", "expected"), [
    pytest.param({}, {}, id="no checks"),
    pytest.param({"required": True}, {"value is present": Rule.PRESENT}, id="required"),
    pytest.param({"pattern": "[A-Z]+"}, {"value matches [A-Z]+": Rule.MATCHES}, id="pattern"),
    pytest.param({"type": "money", "min": 0}, {"value is at least 0": Rule.BETWEEN}, id="minimum"),
    pytest.param({"type": "number", "max": 0.5}, {"value is at most 0.5": Rule.BETWEEN}, id="maximum"),
    pytest.param({"unique": True}, {"value is unique": Rule.UNIQUE}, id="unique"),
    pytest.param({"type": "pairs", "required": True}, {"value is present": Rule.PRESENT}, id="pairs"),
    pytest.param({"type": "list", "required": True, "fields": {"a": {}}}, {"value has a row": Rule.BETWEEN}, id="list"),
    pytest.param({"type": "list", "fields": {"a": {"required": True}}}, {"value[].a is present": Rule.PRESENT}, id="item of a list"),
    pytest.param({"type": "group", "fields": {"a": {"required": True}}}, {"value.a is present": Rule.PRESENT}, id="part of a group"),
])
def test_a_field_has_the_checks_that_its_contract_asks_for(field: dict[str, Any], expected: dict[str, Rule]) -> None:
    assert of_fields(contract(field)) == expected


@pytest.mark.parametrize(("field", "remedy"), [
    pytest.param({"type": "date", "min": 1}, "belong to money, number, integer, percentage fields", id="a range of dates"),
    pytest.param({"type": "list", "fields": {"a": {}}, "unique": True}, "belong to fields with one value", id="a unique list"),
    pytest.param({"type": "pairs", "pattern": "a"}, "belong to fields with one value", id="a pattern of pairs"),
    pytest.param({"type": "group", "fields": {"a": {}}, "required": True}, "belongs to the fields of a group", id="a required group"),
    pytest.param({"type": "money", "min": 2, "max": 1}, "more than `max:`", id="an empty range"),
])
def test_a_check_that_could_not_be_made_is_refused_when_the_contract_is_read(field: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        contract(field)


def test_checks_of_the_same_rows_stand_together_so_that_rows_are_read_once() -> None:
    used = contract({"type": "money", "required": True, "min": 0, "max": 9, "unique": True})
    sources = [check.source for check in checks(used)]
    assert len({*sources}) == sum(1 for before, source in zip([None, *sources], sources, strict=False) if before != source)
