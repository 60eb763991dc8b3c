"""Every contract that an earlier version accepted stays valid and means the same.

``data/contracts-0.1`` holds the contracts that version 0.1 of November 2026 shipped (``shipped``), showed in its documentation
(``docs``, ``readme``) and accepted from users (``own``; ``every_key`` has what the others lack). ``meaning.json`` is what they meant
to that version. A later version may know more keys; it may not read these otherwise. The copies and the file never change. New
versions get folders of their own: ``python -m tests.test_earlier_contracts FOLDER`` writes what the contracts of a folder mean now.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octavo.model import contracts
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.storage import schemas

DATA = Path(__file__).resolve().parent / "data"
FOLDERS = sorted(DATA.glob("contracts-*"))
MEANING = "meaning.json"
OF_A_FIELD = (
    "type", "description", "labels", "not_labels", "place", "pick", "required", "pattern", "min", "max", "unique", "check", "continues",
)
OF_A_CONTRACT = (
    "name", "title", "description", "schedule", "start", "files", "pages", "locale", "chunking", "extractor", "connection", "prompt",
    "gate",
)


def fields(prefix: str, specs: dict[str, FieldSpec]) -> Iterator[tuple[str, FieldSpec]]:
    """Every field by path, lists and groups too, in the contract's order."""
    for name, spec in specs.items():
        path = f"{prefix}{name}"
        yield path, spec
        yield from fields(f"{path}[]." if spec.type is Kind.LIST else f"{path}.", spec.fields)


def meaning(contract: Contract) -> dict[str, Any]:
    """What a contract says, as JSON values: its columns, its fields, and everything else."""
    whole = contract.model_dump(mode="json")
    return {
        "columns": [[column.name, str(column.type)] for column in schemas.record_schema(contract)],
        "fields": {
            path: spec.model_dump(mode="json", include=set(OF_A_FIELD)) for path, spec in fields("", contract.fields)
        },
        **{name: whole[name] for name in OF_A_CONTRACT},
    }


def meanings(folder: Path) -> dict[str, dict[str, Any]]:
    """What the contracts of a folder mean, by their path in it."""
    return {path.relative_to(folder).as_posix(): meaning(contracts.load(path)) for path in sorted(folder.rglob("*.yaml"))}


def known(now: Any, then: Any) -> Any:
    """``now`` without the keys that ``then`` does not have."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {key: known(value, then[key]) for key, value in now.items() if key in then}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [known(one, other) for one, other in zip(now, then, strict=True)]
    return now


CASES = [
    pytest.param(folder, name, then, id=f"{folder.name.removeprefix('contracts-')} {name.removesuffix('.yaml')}")
    for folder in FOLDERS for name, then in json.loads((folder / MEANING).read_text(encoding="utf-8")).items()
]


@pytest.mark.parametrize(("folder", "name", "then"), CASES)
def test_an_earlier_contract_is_accepted_and_means_the_same(folder: Path, name: str, then: dict[str, Any]) -> None:
    now = meaning(contracts.load(folder / name))
    assert known(now, then) == then
    assert list(now["fields"]) == list(then["fields"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))
def test_every_copy_is_compared(folder: Path) -> None:
    then = json.loads((folder / MEANING).read_text(encoding="utf-8"))
    assert sorted(then) == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))
    assert len(then) > 10


def test_the_copies_have_every_choice_of_their_language() -> None:
    every = [one for folder in FOLDERS for one in json.loads((folder / MEANING).read_text(encoding="utf-8")).values()]
    specs = [spec for one in every for spec in one["fields"].values()]
    assert {spec["type"] for spec in specs} >= {
        "text", "identifier", "date", "money", "number", "integer", "percentage", "currency", "phone", "email", "url", "address", "name",
        "generated", "list", "group", "pairs",
    }
    assert {spec["place"] for spec in specs} >= {"top", "bottom", "after_company", "heading", "paragraph"}
    assert {spec["pick"] for spec in specs} == {"first", "last", "largest"}
    assert {one["chunking"]["strategy"] for one in every} >= {"page", "quadrants", "line_gap", "layout", "segments"}
    assert {one["prompt"]["style"] for one in every} >= {"auto", "schema", "free", "tutorial"}
    assert {one["gate"]["failing_rows"] for one in every} == {"stop", "review"}


if __name__ == "__main__":
    given = Path(sys.argv[1])
    (given / MEANING).write_text(json.dumps(meanings(given), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
