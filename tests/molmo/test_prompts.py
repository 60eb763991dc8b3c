"""What models are asked. The snapshots in tests/data/molmo-prompts are what they really see.

OCTAVO_REGENERATE=1 writes them anew; look at the difference before you commit it.
"""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from octavo.extraction.vlm.prompts import HINT_CHARACTERS, answer_schema, prompt
from octavo.model import contracts
from octavo.model.contracts import Contract, PromptStyle
from octavo.model.settings import CONTRACTS_FOLDER

SNAPSHOTS = Path(__file__).parent.parent / "data" / "molmo-prompts"
CONTRACTS = {c.name: c for c in contracts.load_all(CONTRACTS_FOLDER)}
TEXT = 'Account Number: 12 {fields} "x" {text}'


def styled(name, **rule):
    contract = CONTRACTS[name]
    return contract.model_copy(update={"prompt": contract.prompt.model_copy(update=rule)})


def check(name, text):
    path = SNAPSHOTS / name
    if os.environ.get("OCTAVO_REGENERATE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8"), "changed on purpose? OCTAVO_REGENERATE=1 writes the snapshot anew"


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_prompt_of_a_contract_is_as_in_its_snapshot(name):
    check(f"{name}.txt", prompt(CONTRACTS[name], "layout", TEXT))


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_json_schema_of_a_contract_is_as_in_its_snapshot_and_valid(name):
    schema = answer_schema(CONTRACTS[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    check(f"{name}.schema.json", json.dumps(schema, indent=1))


@pytest.mark.parametrize(("snapshot", "strategy", "rule", "stricter"), [
    pytest.param("receipt-page.txt", "page", {}, False, id="whole page"),
    pytest.param("receipt-quadrant.txt", "quadrants", {}, False, id="quadrant"),
    pytest.param("receipt-hinted.txt", "layout", {"hint": True}, False, id="with OCR's words"),
    pytest.param("receipt-stricter.txt", "layout", {}, True, id="asked again"),
    pytest.param("receipt-tutorial.txt", "line_gap", {"style": PromptStyle.TUTORIAL}, False, id="the tutorial's"),
    pytest.param("receipt-own.txt", "layout", {"template": 'Say {"total": …} of {title}, {part}: {text}'}, False, id="one's own"),
])
def test_a_prompt_of_receipts_is_as_in_its_snapshot(snapshot, strategy, rule, stricter):
    check(snapshot, prompt(styled("receipt", **rule), strategy, TEXT, stricter))


def test_the_tutorials_prompt_is_the_tutorials():
    asked = prompt(styled("receipt", style=PromptStyle.TUTORIAL), "line_gap", "TOTAL 12.00")
    assert asked == "Extract information from this section: TOTAL 12.00 in JSON format."


@pytest.mark.parametrize(("rule", "hinted"), [
    pytest.param({}, False, id="schema-led"), pytest.param({"hint": True}, True, id="hint"),
    pytest.param({"style": PromptStyle.TUTORIAL}, True, id="the tutorial's form"),
    pytest.param({"template": "Read {fields}"}, False, id="own template without the words"),
    pytest.param({"template": "Read {text}"}, True, id="own template with the words"),
])
def test_a_prompt_that_shows_the_words_counts_as_hinted(rule, hinted):
    contract = styled("receipt", **rule)
    assert contract.prompt.hinted is hinted
    assert ("TOTAL 12.00" in prompt(contract, "layout", "TOTAL 12.00")) is hinted


def test_a_long_hint_is_cut():
    asked = prompt(styled("receipt", hint=True), "layout", "x" * 100_000)
    assert asked.count("x" * HINT_CHARACTERS) == 1
    assert len(asked) < HINT_CHARACTERS + 3000


@pytest.mark.parametrize(("name", "field", "labels"), [
    ("receipt", "total", "Total, Grand Total"), ("invoice", "buyer", "Bill to, Customer, Kunde"),
    ("invoice", "currency", "Currency, Währung"), ("adbuy", "contract_num", "Contract, Order Number, Invoice Number"),
])
def test_a_model_is_shown_few_labels_and_common_ones_where_the_contract_names_them(name, field, labels):
    line = next(line for line in prompt(CONTRACTS[name], "layout", "").splitlines() if line.strip().startswith(f"- {field} "))
    assert line.endswith(f"Labels: {labels}.")


def test_what_is_to_be_put_into_ones_own_words_is_not_to_be_copied():
    assert "Copy what is printed; write explanation in your own words." in prompt(CONTRACTS["lecture_notes"], "page", "")
    schema_led = prompt(styled("lecture_notes", style=PromptStyle.SCHEMA), "page", "")
    assert "Copy every value exactly as it is printed; write explanation in your own words." in schema_led
    assert "own words" not in prompt(CONTRACTS["receipt"], "page", "")


@pytest.mark.parametrize("name", ["form", "generic"])
def test_a_page_of_pairs_has_room_in_an_answer(name):
    assert CONTRACTS[name].prompt.max_new_tokens == 2048


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_shape_that_is_shown_has_no_spaces_that_the_grammar_forbids(name):
    shape = prompt(CONTRACTS[name], "layout", "", stricter=True).splitlines()[-1]
    assert shape == json.dumps(json.loads(shape), ensure_ascii=False, separators=(",", ":"))


def nothing_said(schema):
    """Null for every field, and within every list and group too."""
    match schema["type"]:
        case "object":
            return dict.fromkeys(schema["properties"])
        case ["object", "null"]:
            return {name: nothing_said(inner) for name, inner in schema["properties"].items()}
        case ["array", "null"]:
            required = schema["items"].get("required", [])
            return [{name: "x" if name in required else nothing_said(inner) for name, inner in schema["items"]["properties"].items()}]
        case _:
            return None


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_a_model_may_say_nothing_of_any_field(name):
    schema = answer_schema(CONTRACTS[name])
    whole = {field: nothing_said(inner) for field, inner in schema["properties"].items()}
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(nothing_said(schema))
    assert validator.is_valid(whole)


def test_every_part_of_a_schema_is_bounded():
    def walk(node):
        types = [node["type"]] if isinstance(node["type"], str) else node["type"]
        match next(name for name in types if name != "null"):
            case "object":
                assert node["additionalProperties"] is False
                for inner in node["properties"].values():
                    walk(inner)
            case "array":
                assert node["maxItems"] <= 200
                walk(node["items"])
            case "string":
                assert node.get("maxLength", 0) > 0 or node["pattern"].endswith("$")

    for contract in CONTRACTS.values():
        walk(answer_schema(contract))


@pytest.mark.parametrize(("value", "fits"), [
    ("12.00", True), ("RM 1,234.50", True), ("-3.50", True), ("(12.00)", True), ("€ 1 234,50", True), ("12.00 USD", True),
    ("1'000.-", True), ("1’234.50", True), ("1\u00a0234,50", True), ("1\u202f234,50 €", True), ("1 x 4.50", True), ("2 @ RM 3.50", True),
    (None, True), ("", False),
    ("twelve", False), ("see page 3 for the whole amount", False), ("0" * 60, False),
])
def test_an_amount_is_a_number_with_little_around_it(value, fits):
    contract = Contract.model_validate({"name": "c", "title": "C", "fields": {"total": {"type": "money"}}})
    assert jsonschema.Draft202012Validator(answer_schema(contract)).is_valid({"total": value}) is fits
