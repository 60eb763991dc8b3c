from __future__ import annotations

from pathlib import Path

import pytest

from octavo.model import contracts
from octavo.model.contracts import Contract, Kind
from octavo.model.errors import ContractError
from octavo.model.settings import CONTRACTS_FOLDER

SHIPPED = {
    "receipt": {"company", "date", "address", "total"},
    "invoice": {
        "invoice_number", "date", "due_date", "issuer", "buyer", "currency", "amount_untaxed", "amount_total", "amount_due", "line_items",
    },
    "adbuy": {"contract_num", "advertiser", "gross_amount", "flight_from", "flight_to"},
    "energy_statement": {
        "account_number", "statement_date", "due_date", "website", "service_info", "total_amount_due", "charges", "billing_history",
        "ways_to_pay", "contacts",
    },
    "form": {"pairs"},
    "generic": {"pairs", "text"},
    "lecture_notes": {"topics"},
}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_shipped_contract_has_its_fields(name: str) -> None:
    assert set(contracts.find(name, CONTRACTS_FOLDER).fields) == SHIPPED[name]


def test_all_shipped_contracts_are_read_and_start_daily() -> None:
    loaded = contracts.load_all(CONTRACTS_FOLDER)
    assert {contract.name for contract in loaded} == set(SHIPPED)
    assert {contract.schedule for contract in loaded} == {"0 0 * * *"}


def test_explanations_are_generated_and_not_looked_for() -> None:
    topics = contracts.find("lecture_notes", CONTRACTS_FOLDER).fields["topics"]
    assert topics.fields["explanation"].type is Kind.GENERATED


@pytest.mark.parametrize(("text", "says"), [
    pytest.param("name: slip\ntitle: Slips\n", ["slip.yaml:1", "fields", "missing"], id="no fields"),
    pytest.param("name: slip\ntitle: S\nfields:\n  a:\n    typ: money\n", ["slip.yaml:5", "fields.a.typ", "spelling"], id="misspelt key"),
    pytest.param("name: slip\ntitle: S\nfields:\n  a: {type: list}\n", ["slip.yaml:4", "fields"], id="a list without fields"),
    pytest.param("name: slip\ntitle: S\nfields:\n  a: {pattern: '('}\n", ["slip.yaml:4", "regular expression"], id="a broken pattern"),
    pytest.param("name: other\ntitle: S\nfields:\n  a: {}\n", ["slip.yaml:1", "other.yaml"], id="another name than the file's"),
    pytest.param("name: slip\ntitle: S\nfields:\n  Bad-Name: {}\n", ["slip.yaml", "lower case"], id="no column name"),
    pytest.param("name: [slip\n", ["slip.yaml", "not valid YAML"], id="broken YAML"),
])
def test_errors_name_the_file_the_line_and_the_remedy(text: str, says: list[str], tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    path.write_text(text)
    with pytest.raises(ContractError) as error:
        contracts.load(path)
    assert all(part in str(error.value) for part in says), str(error.value)


def test_an_unknown_contract_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="none"):
        contracts.find("slip", tmp_path)


def test_the_hash_knows_content_and_not_order() -> None:
    fields = {"a": {"type": "money"}, "b": {}}
    one = Contract.model_validate({"name": "slip", "title": "S", "fields": fields})
    same = Contract.model_validate({"fields": fields, "title": "S", "name": "slip"})
    other = Contract.model_validate({"name": "slip", "title": "S", "fields": {"a": {"type": "money"}, "b": {"required": True}}})
    assert one.hash == same.hash != other.hash
