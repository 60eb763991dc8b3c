"""The documentation names everything that the code has, and nothing that it has not."""

from __future__ import annotations

import re
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import BaseModel

from octavo.model import contracts
from octavo.model.contracts import Chunking, Contract, FieldSpec, Gate, Kind, Locale, Place, Strategy, Sum, Where
from octavo.model.entities import Outcome, Support, Verdict
from octavo.model.errors import Reason
from octavo.model.settings import Limits, Settings
from octavo.storage import schemas
from octavo.storage.lake import table_schemas
from scripts.fleet import RECOVERY

DOCS = Path(__file__).resolve().parent.parent / "docs"


def section(page: str, title: str) -> str:
    """The text under a heading, up to the next one of the same or a higher level."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"(?ms)^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", text)
    assert found, f"{page} has no heading {title!r}"
    return found[2]


def first_column(text: str) -> list[str]:
    """What stands in backticks in the first column of the section's tables, header rows left out."""
    rows = re.findall(r"(?m)^\| (`[^|]*) \|", text)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize(("title", "model"), [
    pytest.param("Contract", Contract, id="contract"),
    pytest.param("locale", Locale, id="locale"),
    pytest.param("chunking", Chunking, id="chunking"),
])
def test_every_key_of_a_contract_is_documented_and_no_other(title: str, model: type[BaseModel]) -> None:
    assert first_column(section("contracts.md", title)) == list(model.model_fields)


def test_every_key_of_fields_and_of_the_gate_is_documented_and_no_other() -> None:
    fields, types = section("contracts.md", "Fields").split("### Types")
    assert sorted(first_column(fields)) == sorted(FieldSpec.model_fields)
    assert first_column(types) == [kind.value for kind in Kind]
    gate, sums = section("contracts.md", "gate").split("### sums")
    assert first_column(gate) == list(Gate.model_fields)
    assert first_column(sums) == list(Sum.model_fields)


@pytest.mark.parametrize("values", [
    pytest.param(Strategy, id="strategies"), pytest.param(Place, id="places"), pytest.param(Where, id="sides"),
])
def test_every_choice_of_a_contract_is_documented(values: type[StrEnum]) -> None:
    text = (DOCS / "contracts.md").read_text(encoding="utf-8")
    assert [value.value for value in values if f"`{value.value}`" not in text] == []


def test_the_example_contract_is_sound_and_uses_nearly_every_key(tmp_path: Path) -> None:
    text = (DOCS / "contracts.md").read_text(encoding="utf-8")
    example = re.search(r"(?ms)^ +```yaml\n(.*?)^ +```", text.partition("\n## Add one by hand\n")[2])
    assert example
    path = tmp_path / "delivery_note.yaml"
    path.write_text(re.sub(r"(?m)^   ", "", example[1]), encoding="utf-8")
    contract = contracts.load(path)
    assert contract.gate.sums
    keys = set(re.findall(r"(\w+):", example[1]))
    assert {*Contract.model_fields, *FieldSpec.model_fields, *Gate.model_fields, *Locale.model_fields, *Sum.model_fields} <= keys


@pytest.mark.parametrize(("title", "values"), [
    pytest.param("Reasons", Reason, id="reasons"),
    pytest.param("Outcomes", Outcome, id="outcomes"),
])
def test_the_ledgers_codes_are_documented_in_the_codes_order(title: str, values: type[StrEnum]) -> None:
    assert first_column(section("ledger.md", title)) == [value.value for value in values]


def test_every_setting_and_limit_is_documented_with_its_default_and_no_other() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    settings, limits = text.split("## Limits")
    for part, model in ((settings, Settings), (limits, Limits)):
        fields = {name: field for name, field in model.model_fields.items() if name != "limits"}
        assert first_column(part) == [f"{model.model_config['env_prefix']}{name}".upper() for name in fields]
        for name, field in fields.items():
            row = re.search(rf"(?m)^\| `OCTAVO_(?:LIMIT_)?{name.upper()}` \| (.*?) \| (.*) \|$", part)
            assert row, name
            assert row[2] == str(field.description)
            if isinstance(field.default, bool | int | float) and name != "processes":
                assert row[1] == f"`{str(field.default).lower()}`"


def shown(kind: pa.DataType) -> str:
    return re.sub(r"list<(?:item|element): ", "list<", str(kind)).replace("date32[day]", "date32")


RECEIPT = Contract(name="receipt", title="Receipts", fields={"total": FieldSpec()})
TABLES = {**table_schemas(RECEIPT), "ledger": schemas.LEDGER}


@pytest.mark.parametrize("name", [name for name in TABLES if name != "receipt"])
def test_every_column_of_a_table_is_documented_with_its_type(name: str) -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", section("tables.md", name))
    assert rows == [(column.name, shown(column.type)) for column in TABLES[name]]


def test_the_contracts_own_table_is_documented() -> None:
    columns = first_column(section("tables.md", "The contract's own table"))
    assert [*columns, "total"] == TABLES["receipt"].names


@pytest.mark.parametrize("values", [pytest.param(Support, id="support"), pytest.param(Verdict, id="verdicts")])
def test_every_judgement_of_a_field_is_documented(values: type[StrEnum]) -> None:
    text = section("tables.md", "fields")
    assert [value.value for value in values if f"`{value.value}`" not in text] == []


def test_the_readme_is_short_and_its_first_screen_leads_to_every_road() -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(text) < 160
    first = "\n".join(text[:35])
    roads = ("this_machine", "airflow", "docker", "helm", "astro", "command_line")
    assert [road for road in roads if f"docs/{road}.md" not in first] == []
    for road in roads[:-1]:
        assert "## What does not work there" in (DOCS / f"{road}.md").read_text(encoding="utf-8"), road


@pytest.mark.parametrize("link", re.findall(r"\]\((docs/[^)#]+)", (DOCS.parent / "README.md").read_text(encoding="utf-8")))
def test_links_of_the_readme_lead_somewhere(link: str) -> None:
    assert (DOCS.parent / link).exists()


def test_what_makes_a_fleet_notice_a_lost_worker_is_documented_with_its_values() -> None:
    rows = dict(re.findall(r"(?m)^\| `(AIRFLOW__\w+)` \| (\d+) \|", section("fleet.md", "When a worker dies")))
    assert rows == RECOVERY


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (DOCS / page).read_text(encoding="utf-8")):
        path = DOCS / (target or page)
        assert path.exists(), f"{page} links to {target}, which is not there"
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", path.read_text(encoding="utf-8"))
            assert anchor in [re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in headings]


def test_the_glossary_names_code_that_is_there() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    named = sorted(set(re.findall(r"`((?:model|storage|page|extraction|merging|publishing|workflows|views)\.[\w.]+)`", text)))
    assert len(named) > 20
    for name in named:
        module, _, symbol = name.rpartition(".")
        assert _is_module(name) or hasattr(import_module(f"octavo.{module}"), symbol), name


def _is_module(name: str) -> bool:
    try:
        return find_spec(f"octavo.{name}") is not None
    except ModuleNotFoundError:
        return False
