"""The correction store: one small file per thing that a person said, none of which is ever written again.

    {root}/{document[:2]}/{document}-{written}-{random}.json

Of several corrections of one field the one written last counts; the others stay as history. Writers only
add files of their own, so any number of them may write at a time, on a local disk or an object store.
"""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from upath import UPath

from octavo.model.contracts import Kind
from octavo.model.entities import Box, Evidence
from octavo.storage import fs

# A file's name: the document, nanoseconds since 1970, and something that no other writer has.
_NAME = re.compile(r"([0-9A-Za-z]+)-(\d{20})-[0-9a-f]{32}\.json")
_NUMBERS = (Kind.MONEY, Kind.NUMBER, Kind.PERCENTAGE)


class Action(StrEnum):
    """What a person did."""

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said about one field of one document.

    ``field`` is its path (``total``, ``line_items[2].amount``), ``value`` the text, None where the document has
    no such value. ``typed`` is the value in a form that no locale reads differently (an ISO date, a plain
    decimal); None for texts. ``anchor`` is where the page shows the field, for a list's row all of the row: rows
    are found again by it when their numbers change. ``previous`` is what stood there before. ``said`` is the
    time, ISO 8601 in UTC. ``first_page`` is the first page of the record that it is about, whose number may change.
    """

    contract: str
    document: str
    field: str
    value: str | None
    typed: str | None
    action: Action
    anchor: tuple[Evidence, ...]
    previous: str | None
    by: str
    said: str
    first_page: int = 1

    def row(self, record: int | None = None) -> dict[str, str | int | None]:
        """As ``schemas.CORRECTIONS`` has it; ``record`` is the number of the record that took it, None where the document is one."""
        return {
            "document": self.document, "record": record, "field": self.field, "value": self.value, "action": self.action.value,
            "previous": self.previous, "by": self.by, "said": self.said,
        }

    def typed_value(self, kind: Kind) -> Decimal | dt.date | int | None:
        """The value as the type that ``kind`` has, None where it is a text or was said of another type."""
        try:
            if self.typed is None:
                return None
            if kind is Kind.DATE:
                return dt.date.fromisoformat(self.typed)
            if kind is Kind.INTEGER:
                return int(self.typed)
            return Decimal(self.typed) if kind in _NUMBERS else None
        except (ValueError, InvalidOperation):
            return None


class CorrectionStore:
    """What people said, by document; shared by all runs.

    Args:
        root: ``settings.correction_store``.
    """

    def __init__(self, root: UPath) -> None:
        self.root = root

    def put(self, correction: Correction) -> None:
        """Keep a correction: when this returns, every later merge sees it."""
        name = f"{correction.document}-{time.time_ns():020d}-{uuid.uuid4().hex}.json"
        row = {**asdict(correction), "anchor": [place._asdict() for place in correction.anchor]}
        fs.write_json(self.root / correction.document[:2] / name, row)

    def of(self, contract: str, documents: Iterable[str]) -> dict[str, list[Correction]]:
        """For each of ``documents`` that has some, the corrections that count, sorted by record and field."""
        found: dict[str, dict[tuple[int, str], Correction]] = {}
        for correction in self._read(documents):
            if correction.contract == contract:
                found.setdefault(correction.document, {})[correction.first_page, correction.field] = correction
        return {document: [said[key] for key in sorted(said)] for document, said in found.items()}

    def history(self, document: str) -> list[Correction]:
        """Everything that was ever said about a document, oldest first."""
        return list(self._read([document]))

    def remove(self, document: str) -> int:
        """Forget a document's corrections, because the document itself must go; returns how many there were."""
        paths = list(self._paths([document]))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _read(self, documents: Iterable[str]) -> Iterator[Correction]:
        for path in self._paths(documents):
            row = fs.read_json(path)
            yield Correction(**{**row, "action": Action(row["action"]), "anchor": tuple(map(_evidence, row["anchor"]))})

    def _paths(self, documents: Iterable[str]) -> Iterator[UPath]:
        """The files of documents, oldest first for each; documents whose ids begin alike share one listing."""
        wanted: dict[str, set[str]] = {}
        for document in documents:
            wanted.setdefault(document[:2], set()).add(document)
        for prefix, names in sorted(wanted.items()):
            folder = self.root / prefix
            try:
                listed = [(path, _NAME.fullmatch(path.name)) for path in folder.iterdir()]
            except (FileNotFoundError, NotADirectoryError):  # as a disk and as an object store say that there is none
                continue
            yield from sorted((p for p, match in listed if match and match[1] in names), key=lambda p: p.name)


def _evidence(row: Any) -> Evidence:
    page, box = row["page"], row["box"]
    return Evidence(int(page), Box(*box))
