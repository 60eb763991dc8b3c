"""Human review: what wants a look, and keeping what a person says about it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from upath import UPath

from octavo.model.contracts import CHOSEN, Contract, FieldSpec, Kind, leaf_path
from octavo.model.entities import Box, Evidence, Partition, name_of
from octavo.model.errors import SettingsError
from octavo.page import choices
from octavo.page.values import NUMERIC, parser
from octavo.storage import fs
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.storage.lake import Forgotten, Lake
from octavo.storage.schemas import WHOLE_DOCUMENT

# Fewest characters of a sha256 that name a document.
LEAST_CHARACTERS = 6
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A published document that a person speaks about."""

    partition: Partition
    document: str
    uri: str


def rows(
    lake: Lake, store: CorrectionStore, contract: str | None = None, day: dt.date | None = None, wanted: str | None = None,
) -> Iterator[Row]:
    """What wants a look, day by day: the rows of the table ``review`` with contract, day and a correction that is not merged yet.

    Args:
        contract: only of this contract.
        day: only of this day.
        wanted: only of documents whose sha256 starts, or whose path ends, like this.
    """
    pattern = f"review/contract={contract or '*'}/day={day.isoformat() if day else '*'}/part.parquet"
    for path in sorted(lake.root.glob(pattern)):
        partition = _partition(path)
        found = [row for row in fs.read_table(path).to_pylist() if wanted is None or _is_named(row, wanted)]
        said = store.of(partition.contract, {row["document"] for row in found})
        first = first_pages(lake, partition, said)
        for row in found:
            row = {"record": None, **row}
            start = first.get((row["document"], row["record"]), 1)
            waiting = {(one.first_page, one.field): one for one in said.get(row["document"], ())}.get((start, row["field"]))
            evidence = [[box["page"], box["x0"], box["y0"], box["x1"], box["y1"]] for box in row["evidence"] or ()]
            correction = waiting and {"value": waiting.value, "action": waiting.action.value, "by": waiting.by, "said": waiting.said}
            yield {
                "contract": partition.contract, "day": partition.day.isoformat(), **row, "evidence": evidence, "correction": correction,
            }


def first_pages(lake: Lake, partition: Partition, documents: Collection[str]) -> dict[tuple[str, int | None], int]:
    """The first page of each record of documents of a published day, by document and number; none of documents that are one record."""
    path = lake.table("pages", partition)
    pages = fs.read_among(path, "document", documents, ["document", "page", "record"]).to_pylist() if documents else []
    found: dict[tuple[str, int | None], int] = {}
    for page in pages:
        if page.get("record") is not None:
            found.setdefault((page["document"], page["record"]), page["page"])
    return found


def find(lake: Lake, wanted: str, contract: str | None = None, day: dt.date | None = None) -> Reviewed:
    """The one published document that ``wanted`` names; of several days that have it, the last.

    Raises:
        SettingsError: there is none, or several.
    """
    found: dict[tuple[str, str], Reviewed] = {}
    for path in sorted(lake.root.glob(f"documents/contract={contract or '*'}/day={day.isoformat() if day else '*'}/part.parquet")):
        partition = _partition(path)
        for row in fs.read_table(path, ["document", "uri"]).to_pylist():
            if _is_named(row, wanted):
                found[partition.contract, row["document"]] = Reviewed(partition, row["document"], row["uri"])
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise SettingsError(f"no document {wanted!r} in {lake.root}; give the end of its path or 6 or more characters of its sha256")
    listed = ", ".join(f"{one.document[:12]} ({one.partition.path}, {one.uri})" for one in list(found.values())[:5])
    raise SettingsError(f"{wanted!r} names {len(found)} documents: {listed}; give more of the name, --contract or --day")


def cases(lake: Lake, store: CorrectionStore, contract: str, day: dt.date | None, most: int) -> list[Reviewed]:
    """Documents of a contract about which nobody has said anything yet, by day, as many as ``most``."""
    found: dict[str, Reviewed] = {}
    for row in rows(lake, store, contract, day):
        if row["correction"] is None and names_a_value(row):
            found.setdefault(row["document"], Reviewed(Partition(contract, dt.date.fromisoformat(row["day"])), row["document"], row["uri"]))
            if len(found) > most:
                break
    return list(found.values())[:most]


def form(lake: Lake, store: CorrectionStore, about: Reviewed) -> list[Row]:
    """What to ask about one document: its rows that name one value each."""
    asked = rows(lake, store, about.partition.contract, about.partition.day, about.document)
    return [row for row in asked if row["correction"] is None and names_a_value(row)]


def names_a_value(row: Row) -> bool:
    """Whether a row is about one value that a person can give, not about a list or the whole document."""
    return "[]" not in row["field"] and row["field"] != WHOLE_DOCUMENT


class Desk:
    """Takes what a person says about one document: make the corrections, then ``keep`` them all.

    Fields are named by their paths, where the document has several records with the number of theirs before it: ``2:total``.

    Args:
        contract: as it is now.
        about: the document.
        by: who speaks.
    """

    def __init__(self, lake: Lake, store: CorrectionStore, contract: Contract, about: Reviewed, by: str) -> None:
        self._lake = lake
        self._store = store
        self._contract = contract
        self._about = about
        self._by = by
        rows = fs.read_table(lake.table("fields", about.partition), where=("document", about.document)).to_pylist()
        self._rows: dict[str, Row] = {name_of(row.get("record"), row["field"]): row for row in rows}
        first = first_pages(lake, about.partition, [about.document])
        self._first_pages = {str(record): page for (_, record), page in first.items()}

    def confirm(self, field: str) -> Correction:
        """That the value which stands there is right.

        Raises:
            SettingsError: the contract has no such field, or there is no value that can be read as its type. Texts of errors go to logs and
                quote no value.
        """
        spec, row = self._spec(field), self._rows.get(field)
        if row is None or row["value"] is None:
            raise SettingsError(f"{field} of {self._about.uri} has no value to confirm; give one with --set {field}=VALUE")
        typed = row["date"].isoformat() if row["date"] is not None else _plain(row["number"])
        if typed is None and spec.type in (*NUMERIC, Kind.DATE):
            raise SettingsError(f"{field}: what stands there cannot be read as one {spec.type}; give its value with --set {field}=VALUE")
        return self._said(field, row["value"], typed, Action.CONFIRMED)

    def correct(self, field: str, value: str) -> Correction:
        """What the value is; an empty text says that the document has none.

        Raises:
            SettingsError: the contract has no such field, or the text cannot be read as its type.
        """
        spec, text = self._spec(field), " ".join(value.split())
        if not text:
            return self._said(field, None, None, Action.CORRECTED)
        locale = self._contract.locale
        typed = choices.read(spec, text, locale) if spec.type in CHOSEN else parser(locale).parse(spec.type, text)
        if typed is None:
            raise SettingsError(f"{field}: the value that was given cannot be read as one {spec.type}")
        if isinstance(typed, dt.date):
            return self._said(field, text, typed.isoformat(), Action.CORRECTED)
        number = typed if isinstance(typed, int | Decimal) and not isinstance(typed, bool) else None
        return self._said(field, text, _plain(number), Action.CORRECTED)

    def answers(self, values: Mapping[str, str | None]) -> list[Correction]:
        """What a filled form says: a field that stands as it stood is confirmed, another is corrected, an empty one that was empty is left.

        Raises:
            SettingsError: a changed value cannot be read as its field's type.
        """
        said = []
        for field, value in values.items():
            text, before = " ".join((value or "").split()), self.value(field) or ""
            if text != " ".join(before.split()):
                said.append(self.correct(field, text))
            elif text and self._is_readable(field):
                said.append(self.confirm(field))
        return said

    def _is_readable(self, field: str) -> bool:
        row, kind = self._rows[field], self._spec(field).type
        return kind not in (*NUMERIC, Kind.DATE) or row["date"] is not None or row["number"] is not None

    def keep(self, said: Iterable[Correction]) -> None:
        """Put corrections into the store: every later merge sees them.

        Raises:
            SettingsError: the document was forgotten since the person was asked; nothing is kept.
        """
        for correction in said:
            self._store.put(correction)
        # After writing: who forgets a document notes it first and then erases what was said, so one of the two sees the other.
        if self._about.document in Forgotten(self._lake.root).documents():
            self._store.remove(self._about.document)
            raise SettingsError(f"document {self._about.document[:12]} was forgotten; nothing is kept of it")

    def value(self, field: str) -> str | None:
        """The value that stands there now."""
        row = self._rows.get(field)
        return row["value"] if row else None

    def _split(self, name: str) -> tuple[int, str]:
        """The first page of the record that a field is of, and its path.

        Raises:
            SettingsError: the document has no such record.
        """
        record, colon, field = name.rpartition(":")
        if not self._first_pages and not colon:
            return 1, field
        if record not in self._first_pages:
            known = ", ".join(self._first_pages) or "one only, which has no number"
            raise SettingsError(f"{name!r} names no record of {self._about.uri}; it has {known}: name its fields as in 2:total")
        return self._first_pages[record], field

    def _spec(self, name: str) -> FieldSpec:
        _, field = self._split(name)
        leaves = dict(self._contract.leaves())
        path = leaf_path(field)
        if path in leaves and leaves[path].type is not Kind.PAIRS and "[]" not in field:
            return leaves[path]
        head, _, cell = path.rpartition("[].")
        if head in leaves and leaves[head].type is Kind.PAIRS and cell in ("key", "value"):
            return FieldSpec()
        known = ", ".join(path.replace("[]", "[0]") for path in leaves)
        raise SettingsError(f"contract {self._contract.name} has no field {field!r}; it has {known}")

    def _said(self, field: str, value: str | None, typed: str | None, action: Action) -> Correction:
        said = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        first_page, path = self._split(field)
        return Correction(
            self._contract.name, self._about.document, path, value, typed, action, self._anchor(field), self.value(field), self._by, said,
            first_page)

    def _anchor(self, field: str) -> tuple[Evidence, ...]:
        """Where the page shows the field; for a list's cell, all of its row."""
        row = re.match(r".+?\[\d+\]\.", field)
        paths = sorted(path for path in self._rows if path.startswith(row[0])) if row else [field]
        found = [box for path in paths if path in self._rows for box in self._rows[path]["evidence"] or ()]
        return tuple(dict.fromkeys(Evidence(box["page"], Box(box["x0"], box["y0"], box["x1"], box["y1"])) for box in found))


def _plain(number: Decimal | int | None) -> str | None:
    """A number as plain digits, without the zeros that its column adds."""
    if number is None:
        return None
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _partition(path: UPath) -> Partition:
    day, contract = path.parent.name, path.parent.parent.name
    return Partition(contract.removeprefix("contract="), dt.date.fromisoformat(day.removeprefix("day=")))


def _is_named(row: Row, wanted: str) -> bool:
    return (len(wanted) >= LEAST_CHARACTERS and row["document"].startswith(wanted)) or bool(row["uri"].endswith(wanted))
