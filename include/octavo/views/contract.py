"""One contract as people look at it: the file, what follows from it, and how good its days were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.model import contracts
from octavo.model.contracts import NAME, Contract
from octavo.model.errors import ContractError
from octavo.model.settings import Settings
from octavo.storage.lake import table_schemas
from octavo.views.overview import Day, latest

SHOWN_DAYS = 60
# What stands in the prompt where a chunk's words would, for contracts that show them to the model.
WORDS = "(the words of the chunk)"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the contract's own table, with the field that fills it where one does."""

    name: str
    type: str
    labels: tuple[str, ...]
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract. ``error`` says why its file is not sound; then all that follows from it is empty. ``days`` are newest first."""

    name: str
    title: str
    description: str
    hash: str
    source: str
    error: str
    prompt: str
    schema: str
    columns: tuple[Column, ...]
    days: tuple[Day, ...]


def load(settings: Settings, name: str) -> ContractView | None:
    """A contract by its name; None where there is no such file. Anything but a contract's name is found nowhere."""
    path = Path(settings.contracts) / f"{name}.yaml"
    if not NAME.fullmatch(name) or not path.is_file():
        return None
    source, days = path.read_text(encoding="utf-8", errors="replace"), tuple(latest(settings, name, SHOWN_DAYS))
    try:
        contract = contracts.load(path)
    except ContractError as error:
        return ContractView(name, name, "", "", source, str(error).replace(f"{path.parent}/", ""), "", "", (), days)
    return ContractView(
        name, contract.title, contract.description, contract.hash, source, "", prompt(contract, contract.chunking.strategy, WORDS),
        json.dumps(answer_schema(contract), indent=1, ensure_ascii=False), tuple(_columns(contract)), days,
    )


def _columns(contract: Contract) -> Iterator[Column]:
    for column in table_schemas(contract)[contract.name]:
        spec = contract.fields.get(column.name)
        yield Column(
            column.name, _shown(column.type), spec.labels if spec else (), bool(spec and spec.required),
            spec.description if spec else "",
        )


def _shown(kind: pa.DataType) -> str:
    """A type as the documentation of the tables writes it."""
    return re.sub(r"list<(?:item|element): ", "list<", str(kind)).replace("date32[day]", "date32")
