"""One contract as people look at it: the file, what follows from it, and how good its days were."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from upath import UPath

from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.merging import confidence
from octavo.merging.resolution import SURE, falls_short
from octavo.model import contracts
from octavo.model.contracts import NAME, Contract
from octavo.model.entities import Partition, Verdict
from octavo.model.errors import ContractError
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake, table_schemas
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
    threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """A contract's ``accept_at`` and the values of a published day that another one would accept or leave to people.

    ``counts`` has the values that no rule refuses by their confidence, the least first; ``accept_at`` is the contract's.
    """

    day: dt.date
    accept_at: Decimal
    counts: tuple[tuple[Decimal, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def accepted(self) -> int:
        return sum(count for confidence, count in self.counts if confidence >= self.accept_at)

    @property
    def wrong(self) -> Decimal:
        """How many of the accepted ones are wrong, as far as confidences say."""
        return sum(((1 - confidence) * count for confidence, count in self.counts if confidence >= self.accept_at), Decimal(0))


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
        _threshold(settings, contract, days),
    )


def _threshold(settings: Settings, contract: Contract, days: Sequence[Day]) -> Threshold | None:
    """The values of the latest published day that has any; None where there is none, or none with a confidence."""
    day = next((one.day for one in days if one.verdicts), None)
    if day is None:
        return None
    table = fs.read_table(Lake(UPath(settings.lake)).table("fields", Partition(contract.name, day)), ["verdict", "reason", "confidence"])
    counts = Counter(
        row["confidence"] for row in table.to_pylist()
        if row.get("confidence") is not None and row["confidence"] < SURE  # earlier versions had none
        and (row["verdict"] == Verdict.ACCEPTED or falls_short(row["reason"]))
    )
    accept_at = confidence.shipped().accept_at if contract.accept_at is None else contract.accept_at
    return Threshold(day, accept_at, tuple(sorted(counts.items()))) if counts else None


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
