"""The published tables: where they lie, how a day is replaced, and which documents were erased from them.

One file per table and day, ``{lake}/{table}/contract={c}/day={d}/part.parquet``, replaced whole, so
that a plain reader sees the old file or the new one. ``_published`` names the digests that belong
together. Names that start with ``_`` are skipped by readers of partitioned folders.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Partition
from octavo.storage import fs, locks, schemas

STABLE_TABLES = ("documents", "pages", "chunks", "fields", "review", "corrections")
"""Shared tables whose bytes depend on documents, contract and settings alone, beside the contract's own."""


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake under one root, local or object store."""

    root: UPath

    def table(self, name: str, partition: Partition) -> UPath:
        return self.root / name / partition.path / "part.parquet"

    def manifest(self, partition: Partition) -> UPath:
        return self.root / "_published" / f"contract={partition.contract}" / f"day={partition.day.isoformat()}.json"

    def reports(self, partition: Partition) -> UPath:
        """Folder of the gate's reports of one day."""
        return self.root / "_reports" / partition.path

    def lock(self, partition: Partition, owner: str) -> AbstractContextManager[locks.Lock]:
        """Whoever changes a day's tables, its manifest or its ledger holds this; see ``locks.held``."""
        return locks.held(self.root / "_locks" / f"{partition.contract}-{partition.day.isoformat()}.json", owner)

    def inputs_file(self, partition: Partition) -> UPath:
        """What the published day was made of; see ``octavo.workflows.change_detection``."""
        return self.root / "_inputs" / f"contract={partition.contract}" / f"day={partition.day.isoformat()}.json"

    def inputs(self, partition: Partition) -> dict[str, Any] | None:
        """``files`` (each with size and time) and ``rules`` of the published day; None where they were not noted."""
        return _json(self.inputs_file(partition))

    def published(self, partition: Partition) -> dict[str, Any] | None:
        """What was published of a day, or None: run, contract hash, and rows and sha256 per table."""
        return _json(self.manifest(partition))


def _json(path: UPath) -> dict[str, Any] | None:
    """What a file says; None where there is none."""
    try:
        found: dict[str, Any] = fs.read_json(path)
    except FileNotFoundError:
        return None
    return found


def table_schemas(contract: Contract) -> dict[str, Any]:
    """The Arrow schema of every table that a day of ``contract`` publishes, by name."""
    return {
        "documents": schemas.DOCUMENTS,
        "pages": schemas.PAGES,
        "chunks": schemas.CHUNKS,
        "fields": schemas.FIELDS,
        "review": schemas.REVIEW,
        "corrections": schemas.CORRECTIONS,
        contract.name: schemas.record_schema(contract),
        "answers": schemas.ANSWERS,
    }


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Which documents were erased on purpose: one empty note per sha256, so that a file still in the landing folder does not come back.

        {lake}/_forgotten/{sha256}

    A note says nothing but that somebody wanted this content gone; the content cannot be made from it.
    """

    lake: UPath

    @property
    def root(self) -> UPath:
        return self.lake / "_forgotten"

    def documents(self) -> set[str]:
        """The sha256 of every document that is not to be taken again."""
        return {file.path.name for file in fs.files_under(self.root)}

    def add(self, document: str) -> None:
        fs.write_bytes(self.root / document, b"")

    def remove(self, document: str) -> bool:
        """Let the document be taken again; False when it was not noted."""
        note = self.root / document
        if not note.exists():
            return False
        note.unlink()
        return True
