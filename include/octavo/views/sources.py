"""Where the tables of a document, or of a run, lie: in the lake, or among what a run staged and did not publish."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
from upath import UPath

from octavo.model.entities import Partition, Verdict
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace

DOCUMENT_ID = re.compile(r"[0-9a-f]{64}")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentDay:
    """One day of one contract: as it is published, or as ``run`` staged it."""

    settings: Settings
    partition: Partition
    run: str | None = None

    def path(self, table: str) -> UPath:
        if self.run is None:
            return Lake(UPath(self.settings.lake)).table(table, self.partition)
        return Workspace.open(self.settings.workspaces, self.partition, self.run).staged(table)

    def rows(self, table: str, document: str) -> list[Row]:
        """The table's rows about a document; none where the table is not there."""
        try:
            found: list[Row] = fs.read_table(self.path(table), where=("document", document)).to_pylist()
        except FileNotFoundError:
            return []
        return found

    def has(self, document: str) -> bool:
        """Whether the day lists the document. Reads the ids of one column, and only where the file's statistics allow for it."""
        try:
            with self.path("documents").open("rb") as stream:
                found = pq.read_table(stream, columns=["document"], filters=[("document", "==", document)], use_threads=False)
        except FileNotFoundError:
            return False
        return int(found.num_rows) > 0


def find(
    settings: Settings, contracts: Collection[str], document: str, contract: str | None = None, day: dt.date | None = None,
    run: str | None = None,
) -> DocumentDay | None:
    """Where a document lies: the newest day that published it, else the newest that a run staged; None for nowhere.

    Args:
        settings: lake and workspaces.
        contracts: those to look in.
        document: its sha256; anything else is found nowhere.
        contract: only of this one.
        day: only of this one.
        run: as this run staged it.
    """
    if not DOCUMENT_ID.fullmatch(document) or run in (".", ".."):
        return None
    for partition, staged in _places(settings, sorted(set(contracts) & {contract} if contract else contracts), day):
        if (run is None) or staged == _folder(run):
            place = DocumentDay(settings, partition, staged)
            if place.has(document):
                return place
    return None


def _places(settings: Settings, contracts: Collection[str], day: dt.date | None) -> Iterator[tuple[Partition, str | None]]:
    """Published days, newest first, then what runs staged."""
    root = UPath(settings.lake) / "documents"
    for partition in days(root, contracts) if day is None else [Partition(contract, day) for contract in contracts]:
        yield partition, None
    for contract in contracts:
        for folder in [settings.workspaces / contract / day.isoformat()] if day else reversed(children(settings.workspaces / contract)):
            date = as_date(folder.name)
            for run in children(folder) if date else ():
                yield Partition(contract, date), run.name  # type: ignore[arg-type]  # a date, or nothing is yielded


def days(root: UPath, contracts: Collection[str]) -> list[Partition]:
    """The partitions under a table's folder, newest first."""
    found = [
        Partition(contract, date)
        for contract in contracts
        for folder in children(root / f"contract={contract}")
        if (date := as_date(folder.name.removeprefix("day=")))
    ]
    return sorted(found, key=lambda partition: (-partition.day.toordinal(), partition.contract))


def partition_of(path: UPath) -> Partition:
    """The partition that a table's file is of."""
    contract, day = path.parent.parent.name.removeprefix("contract="), path.parent.name.removeprefix("day=")
    return Partition(contract, dt.date.fromisoformat(day))


def by_verdict(counts: Mapping[str, int]) -> dict[str, int]:
    """Numbers of fields in the order in which they are shown: accepted first."""
    return {verdict.value: counts[verdict] for verdict in Verdict if counts.get(verdict)}


def as_date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def children(folder: UPath) -> list[UPath]:
    """What a folder holds, by name; nothing where there is none."""
    try:
        return sorted(folder.iterdir(), key=lambda path: str(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _folder(run: str) -> str:
    """A run's id as the name of its workspace."""
    return str(Workspace.open(UPath("x"), Partition("x", dt.date.min), run).root.name)
