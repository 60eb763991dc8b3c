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
    "bank_statement": {
        "bank", "account_number", "period_from", "period_to", "opening_balance", "closing_balance", "transactions",
    },
    "purchase_order": {
        "buyer", "po_number", "order_date", "requested_date", "vendor", "ship_to", "subtotal", "tax", "shipping", "total", "items",
    },
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


FIELD = "name: slip\ntitle: S\nfields:\n  total:\n"
LIST = "name: slip\ntitle: S\nfields:\n  rows:\n    type: list\n    fields:\n"


@pytest.mark.parametrize(("text", "line", "says"), [
    pytest.param(FIELD + "    labels: Total\n", 5, "is no list; write [Total]", id="labels that are no list"),
    pytest.param("name: slip\ntitle: S\nfields:\n  total: money\n", 4, "is no mapping", id="a field that is no mapping"),
    pytest.param(FIELD + "    type: amount\n", 5, "is none of text, identifier, date", id="an unknown type"),
    pytest.param(FIELD + "    required: perhaps\n", 5, "is true or false (found 'perhaps')", id="neither true nor false"),
    pytest.param(FIELD + "    description: [a]\n", 5, "is no text", id="a description that is no text"),
    pytest.param(FIELD + "    accept_at: high\n", 5, "is no number", id="no number"),
    pytest.param(FIELD + "    accept_at: 2\n", 5, "must be less than or equal to 1", id="too large a number"),
    pytest.param("name: slip\ntitle: S\nfields:\n  a: {}\n  uri: {}\n", 5, "taken by a column", id="a name of a column"),
    pytest.param("name: slip\ntitle: S\nfields:\n  contract: {}\n", 4, "taken by a column", id="a name of a partition"),
    pytest.param("name: slip\ntitle: S\nlocale:\n  languages: [en, xx]\nfields:\n  a: {}\n", 4, "'xx' is no language", id="no language"),
    pytest.param("name: Slip!\ntitle: S\nfields:\n  a: {}\n", 1, "lower case letters", id="a name that is no table's"),
    pytest.param("name: slip\ntitle: S\nmatch:\n  - Order\n  - /(/\nfields:\n  a: {}\n", 5, "no regular expression", id="a bad match"),
    pytest.param("name: slip\ntitle: S\nmatch: ['--']\nfields:\n  a: {}\n", 3, "neither letters nor digits", id="nothing to match"),
    *(
        pytest.param(f"name: slip\ntitle: S\nrecord_per: {given}\nfields:\n  a: {{}}\n", 3, says, id=f"record_per {given}")
        for given, says in (
            ("chapter", "is document, page or {starts: PATTERN} (found 'chapter')"), ("[page]", "is document, page or {starts: PATTERN}"),
            ("{ends: x}", "is document, page or {starts: PATTERN}"), ("{starts: 5}", "is document, page or {starts: PATTERN}"),
            ("{starts: '('}", "no regular expression"), ("{starts: 'x*'}", "finds the empty text"), ("{starts: ''}", "finds the empty"),
            ("{starts: '(?P<a>x)(?P<b>y)'}", "named groups a, b"),
        )
    ),
    pytest.param("name: slip\ntitle: S\nrecord_per:\n  starts: '['\nfields:\n  a: {}\n", 4, "no regular", id="a bad start on its line"),
    pytest.param("name: slip\ntitle: S\nrecord_per: page\nfields:\n  record: {}\n", 5, "taken by a column", id="a record's column"),
    pytest.param(FIELD + "    where: above\n", 5, "add `labels:`", id="where without labels"),
    pytest.param(FIELD + "    labels: [T]\n    where: beside\n", 6, "is none of right, below, above, left, inside", id="no side"),
    pytest.param(FIELD + "    find: '('\n", 5, "no regular expression", id="find that is no pattern"),
    pytest.param(FIELD + "    find: '(?P<a>1)(?P<b>2)'\n", 5, "named groups a, b", id="find with two named groups"),
    pytest.param(FIELD + "    place: top\n    find: '1'\n", 5, "leave out `place:` or `find:`", id="find with a place"),
    pytest.param(FIELD + "    type: choice\n", 4, "needs `values:`", id="a choice of nothing"),
    pytest.param(FIELD + "    values: [a, b]\n", 5, "belongs to choice fields, this one is text", id="values of a text"),
    pytest.param(FIELD + "    type: boolean\n    pattern: x\n", 6, "no effect on a boolean", id="a pattern of a boolean"),
    pytest.param(FIELD + "    year_from: day\n", 5, "belongs to date fields", id="a year of a text"),
    pytest.param(FIELD + "    type: date\n    year_from: other\n", 6, "is no date field", id="a year from nothing"),
    pytest.param(FIELD + "    type: number\n    marks: {plus: CR}\n", 6, "belongs to money fields", id="marks of a number"),
    pytest.param(FIELD + "    type: money\n    marks: {plus: CR, minus: cr}\n", 6, "both plus and minus", id="a mark that is both"),
    pytest.param(FIELD + "    rows: left\n", 5, "belongs to list fields", id="rows of a text"),
    pytest.param(FIELD + "    of: text\n", 5, "belongs to list fields", id="plain values of a text"),
    pytest.param(FIELD + "    type: list\n    of: group\n", 6, "names the type of plain values", id="a list of groups"),
    pytest.param(LIST + "      inner:\n        type: list\n        fields: {a: {}}\n", 7, "a list within a list", id="a list in a list"),
    pytest.param(LIST + "      tags: {type: list, of: text}\n", 7, "a list within a list", id="plain values within a list"),
    pytest.param(FIELD + "    type: money\ngate:\n  sums:\n    - {total: total, parts: [a]}\n", 8, "is no field", id="a sum of nothing"),
])
def test_what_has_no_meaning_is_refused_with_file_line_and_plain_words(text: str, line: int, says: str, tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    path.write_text(text)
    with pytest.raises(ContractError) as error:
        contracts.load(path)
    assert f"slip.yaml:{line}: " in str(error.value)
    assert says in str(error.value), str(error.value)
    assert "pydantic" not in str(error.value)
    assert "tuple" not in str(error.value)


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


def test_a_contract_of_one_record_a_document_keeps_its_hash_and_its_columns() -> None:
    told = Contract.model_validate({"name": "slip", "title": "S", "fields": {"record": {}}, "record_per": "document"})
    untold = Contract.model_validate({"name": "slip", "title": "S", "fields": {"record": {}}})
    paged = Contract.model_validate({"name": "slip", "title": "S", "fields": {"a": {}}, "record_per": "page"})
    assert told.hash == untold.hash == "25a014574df64a03b4af2c1ee72f33850f8e5285d930d206005acf5eb1e59115"
    assert Contract.model_validate(paged.model_dump(mode="json")) == paged
    assert paged.hash != paged.model_copy(update={"record_per": "document"}).hash
