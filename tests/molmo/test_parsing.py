import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.extraction.vlm.parsing import parse
from octavo.model.answer_json import cut_loop, tail_unit
from octavo.model.contracts import Contract
from octavo.model.entities import ParseStatus

CONTRACT = Contract.model_validate({
    "name": "bill", "title": "Bills",
    "fields": {
        "company": {}, "total": {"type": "money"},
        "service": {"type": "group", "fields": {"address": {}}},
        "charges": {"type": "list", "fields": {"name": {}, "amount": {"type": "money"}}},
    },
})
OK, REPAIRED, FAILED = ParseStatus.OK, ParseStatus.REPAIRED, ParseStatus.FAILED


@pytest.mark.parametrize(("raw", "value", "status"), [
    pytest.param('{"company":"A","total":"1.00"}', {"company": "A", "total": "1.00"}, OK, id="sound JSON"),
    pytest.param(' {"company": null, "total": 1.5}\n', {"total": "1.5"}, OK, id="null, which says nothing, and a number"),
    pytest.param('{"company":null,"service":{"address":null},"charges":[{"name":null,"amount":null},null]}', {}, OK, id="null everywhere"),
    pytest.param('{"charges":[{"name":"Gas","amount":null},{"name":null}]}', {"charges": [{"name": "Gas"}]}, OK, id="null in rows"),
    pytest.param('{"charges":[]}', {"charges": []}, OK, id="no rows"),
    pytest.param('{"total": 12.50}', {"total": "12.50"}, OK, id="a number stays as it is written"),
    pytest.param('{"total":"1.00","total":"2.00"}', {"total": ["1.00", "2.00"]}, OK, id="a key twice has both values"),
    pytest.param("{}", {}, OK, id="nothing to see"),
    pytest.param('{"total":["1.00","1.05"]}', {"total": ["1.00", "1.05"]}, OK, id="alternatives"),
    pytest.param('```json\n{"total":"1.00"}\n```', {"total": "1.00"}, REPAIRED, id="code marks"),
    pytest.param('Sure! Here it is: {"total":"1.00"} Anything else?', {"total": "1.00"}, REPAIRED, id="prose around JSON"),
    pytest.param("{'total': '1.00', }", {"total": "1.00"}, REPAIRED, id="single quotes and a comma too many"),
    pytest.param('{"total":"1.00","iban":"DE1"}', {"total": "1.00", "iban": "DE1"}, REPAIRED,
                 id="an invented key stays, for merge to report"),
    pytest.param('{"charges":"none"}', {"charges": "none"}, REPAIRED, id="wrong type"),
    pytest.param('{"total":{"a":{"b":"1"}}}', {"total": {"a": {"b": "1"}}}, REPAIRED, id="an object for a text"),
    pytest.param('[{"company":"A"}]', {"company": "A"}, REPAIRED, id="an object in a list"),
    pytest.param('[{"name":"Gas","amount":"3"}]', {"charges": [{"name": "Gas", "amount": "3"}]}, REPAIRED, id="a bare list of items"),
    pytest.param('{"company":"A","total":"1.0', {"company": "A"}, REPAIRED, id="cut off within a value: the value goes"),
    pytest.param('{"company":"A","charges":[{"name":"Gas","amount":"3"},{"name":"Wat',
                 {"company": "A", "charges": [{"name": "Gas", "amount": "3"}]},
                 REPAIRED, id="cut off within a list: the item goes, the others stay"),
    pytest.param('{"company":"A","charges":[{"name":"Gas","am', {"company": "A", "charges": []}, REPAIRED,
                 id="cut off within the first item"),
    pytest.param('{"company":"A, B","service":{"address":"1, Main St","z', {"company": "A, B", "service": {"address": "1, Main St"}},
                 REPAIRED
                 ,
                 id="commas within values are no borders"),
    pytest.param("", {}, FAILED, id="nothing"),
    pytest.param("The total is 12.00.", {}, FAILED, id="prose alone"),
    pytest.param("{", {}, FAILED, id="an open brace"),
    pytest.param('{"tot', {}, FAILED, id="cut off before any value"),
    pytest.param("42", {}, FAILED, id="a bare number"),
    pytest.param("[1, 2]", {}, FAILED, id="a list of numbers"),
    pytest.param("[" * 5000, {}, FAILED, id="brackets without end"),
    pytest.param('{"a":' * 5000, {}, FAILED, id="objects without end"),
])
def test_what_becomes_of_a_raw_text(raw, value, status):
    parsed = parse(raw, CONTRACT)
    assert (parsed.value, parsed.status) == (value, status)


@pytest.mark.parametrize(("raw", "complete"), [
    ('{"total":"1.00"}', True), ('x {"total":"1.00"} y', True), ('{"total":"1.00",}', True),
    ('{"company":"A","total":"1.0', False), ("", False),
])
def test_an_answer_says_whether_it_came_to_its_end(raw, complete):
    assert parse(raw, CONTRACT).complete is complete


@pytest.mark.parametrize(("raw", "value"), [
    pytest.param('{"company":"A","charges":[' + '{"name":"Gas","amount":"3"},' * 80,
                 {"company": "A", "charges": [{"name": "Gas", "amount": "3"}]},
                 id="one item for ever"),
    pytest.param('{"company":"A","total":"' + "0" * 400, {"company": "A"}, id="one digit for ever"),
    pytest.param('{"company":"A","total":"1.00"}' + "<pad>" * 100, {"company": "A", "total": "1.00"}, id="padding after sound JSON"),
])
def test_of_an_endless_repetition_what_stands_before_it_is_kept(raw, value):
    parsed = parse(raw, CONTRACT)
    assert parsed.value == value
    assert parsed.status is REPAIRED


def test_problems_name_the_place():
    parsed = parse('{"charges":[{"name":"Gas"},"x",{"vat":"1"}],"service":"y","extra":1}', CONTRACT)
    assert parsed.problems == (
        "extra: no such field", "service: not an object", "charges[1]: not an object", "charges[2].vat: no such field",
    )


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text):
    assert isinstance(parse(text, CONTRACT).value, dict)


@given(st.text(alphabet='{}[]",:ab1 \\', max_size=60))
def test_no_broken_json_breaks_the_parser(text):
    assert isinstance(parse(text, CONTRACT).value, dict)


@given(st.integers(1, 79))
def test_a_cut_never_invents_a_value(cut):
    raw = '{"company":"ACME, Inc","total":"12.00","charges":[{"name":"Gas","amount":"3.00"}]}'
    value = parse(raw[:cut], CONTRACT).value
    assert value.get("company", "ACME, Inc") == "ACME, Inc"
    assert value.get("total", "12.00") == "12.00"
    assert value.get("charges", []) in ([], [{"name": "Gas", "amount": "3.00"}])


@pytest.mark.parametrize(("tokens", "unit"), [
    pytest.param([7] * 48, 1, id="one token"), pytest.param([1, 2, 3] + [4, 5] * 24, 2, id="a pair"),
    pytest.param([7] * 47, 0, id="not yet"), pytest.param(list(range(500)), 0, id="no repetition"),
    pytest.param([1, 2, 3, 4, 5, 6, 7, 8] * 11, 0, id="eleven equal rows are a table"),
    pytest.param([1, 2, 3, 4, 5, 6, 7, 8] * 12, 8, id="twelve are a loop"),
    pytest.param([7] * 48 + [1], 0, id="it ended"),
])
def test_a_loop_is_noticed_once_it_is_one(tokens, unit):
    assert tail_unit(tokens, 48) == unit


def test_a_text_without_a_loop_is_left_alone():
    text = '{"charges":[' + ",".join(f'{{"amount":"{n}.00"}}' for n in range(40)) + "]}"
    assert cut_loop(text) == (text, False)
