"""The published tables: where they lie, how a day is replaced, and which documents were erased from them.

One file per table and day, ``{lake}/{table}/contract={c}/day={d}/part.parquet``, replaced whole, so
that a plain reader sees the old file or the new one. ``_published`` names the digests that belong
together. Names that start with ``_`` are skipped by readers of partitioned folders.
"""

from __future__ import annotations

import hashlib
import secrets
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
    """Which documents were erased on purpose: one empty note for each, so that a file still in the landing folder does not come back.

        {lake}/_forgotten/{salted digest of the document's id}

    A note says nothing but that somebody wanted something gone. The id of a file that could not be opened follows from its name, which
    could be guessed; without the lake's salt a guess cannot be tried. Notes of earlier versions are ids as they are, and count too.
    """

    lake: UPath

    @property
    def root(self) -> UPath:
        return self.lake / "_forgotten"

    def documents(self) -> Noted:
        """The ids of the documents that are not to be taken again, as of now."""
        names = frozenset(file.path.name for file in fs.files_under(self.root))
        return Noted(names, salt(self.lake) if names else b"")

    def add(self, document: str) -> None:
        fs.write_bytes(self.root / salted(document, salt(self.lake)), b"")

    def remove(self, document: str) -> bool:
        """Let the document be taken again; False when it was not noted."""
        notes = [note for name in (document, salted(document, salt(self.lake))) if (note := self.root / name).exists()]
        for note in notes:
            note.unlink()
        return bool(notes)


@dataclass(frozen=True, slots=True)
class Noted:
    """Answers whether a document's id is among the notes of ``Forgotten``; they cannot be listed."""

    _names: frozenset[str]
    _salt: bytes

    def __contains__(self, document: object) -> bool:
        return bool(self._names) and (document in self._names or salted(str(document), self._salt) in self._names)


def salt(lake: UPath) -> bytes:
    """A random number of the lake, made once: what is salted by it cannot be guessed by who has only the digest."""
    path = lake / "_salt"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        fs.create(path, secrets.token_bytes(32))
        return path.read_bytes()


def salted(text: str, key: bytes) -> str:
    """64 hexadecimal digits that stand for ``text``."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=32).hexdigest()
