"""A run's staging area: which files its stages write, and how documents are cut into shards.

    {workspaces}/{contract}/{day}/{run}/
        contract.json            the pinned contract
        documents.parquet        ingest
        plan.json                page shards and document shards
        read/p0000.parquet       one file per stage and page shard
        chunk/p0000.parquet
        extract_layout/p0000.parquet
        fields/d0000.parquet     merge: fields, and records beside them in records/d0000.parquet
        staged/{table}.parquet   what publish would put into the lake
        held.json                whose records the gate holds back for review
        validation.json          what the gate said
        fresh.json               since when this run asks models anew, where it does
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from upath import UPath

from octavo import storage
from octavo.contracts import Contract
from octavo.errors import WorkspaceError
from octavo.model import Partition

# Pages of a document that are read, stored and found again together. A shard is made of whole
# blocks, so the reading store does not depend on the size of shards.
BLOCK_PAGES = 16


@dataclass(frozen=True, slots=True)
class Span:
    """Pages ``first`` to ``last`` (both inclusive, from 1) of one document."""

    document: str
    first: int
    last: int

    @property
    def pages(self) -> int:
        return self.last - self.first + 1

    def blocks(self) -> Iterator[Span]:
        """The span's blocks of at most ``BLOCK_PAGES`` pages, on the document's fixed block borders."""
        first = self.first
        while first <= self.last:
            last = min(self.last, (first - 1) // BLOCK_PAGES * BLOCK_PAGES + BLOCK_PAGES)
            yield Span(self.document, first, last)
            first = last + 1


@dataclass(frozen=True, slots=True)
class Plan:
    """The bounded units of mapped work: page shards ``p0000…`` and document shards ``d0000…``."""

    page_shards: dict[str, tuple[Span, ...]]
    document_shards: dict[str, tuple[str, ...]]

    def shards_by_document(self) -> dict[str, list[str]]:
        """For each document the page shards that hold its pages, in page order."""
        found: dict[str, list[str]] = {}
        for shard, spans in self.page_shards.items():
            for span in spans:
                found.setdefault(span.document, []).append(shard)
        return found


def cut_into_shards(documents: list[tuple[str, int]], shard_pages: int) -> Plan:
    """Shards of at most ``shard_pages`` pages (at least one block), in document order.

    Args:
        documents: (document id, number of pages), in the order in which tables list them.
        shard_pages: most pages of a shard.
    """
    page_shards: list[list[Span]] = []
    document_shards: list[list[str]] = []
    room = document_room = 0
    for document, pages in documents:
        if not pages:
            continue
        if pages > document_room:
            document_shards.append([])
            document_room = shard_pages
        document_shards[-1].append(document)
        document_room -= pages
        for block in Span(document, 1, pages).blocks():
            if block.pages > room:
                page_shards.append([])
                room = shard_pages
            last = page_shards[-1][-1] if page_shards[-1] else None
            if last and last.document == document:
                page_shards[-1][-1] = Span(document, last.first, block.last)
            else:
                page_shards[-1].append(block)
            room -= block.pages
    return Plan(
        {f"p{i:04d}": tuple(spans) for i, spans in enumerate(page_shards)},
        {f"d{i:04d}": tuple(ids) for i, ids in enumerate(document_shards)},
    )


@dataclass(frozen=True)
class Workspace:
    """The staging area of one run of one partition."""

    root: UPath
    partition: Partition
    run: str

    @classmethod
    def open(cls, workspaces: UPath, partition: Partition, run: str) -> Workspace:
        """The workspace of ``run``; run ids become folder names, so anything unsafe in them becomes ``_``."""
        folder = re.sub(r"[^A-Za-z0-9._+-]", "_", run)
        return cls(workspaces / partition.contract / partition.day.isoformat() / folder, partition, run)

    @property
    def day(self) -> dt.date:
        return self.partition.day

    @property
    def documents(self) -> UPath:
        return self.root / "documents.parquet"

    def shard(self, stage: str, shard: str) -> UPath:
        """The file of one stage and shard."""
        return self.root / stage / f"{shard}.parquet"

    def staged(self, table: str) -> UPath:
        return self.root / "staged" / f"{table}.parquet"

    @property
    def validation(self) -> UPath:
        return self.root / "validation.json"

    @property
    def held(self) -> UPath:
        """Documents whose records the gate holds back for review, with the expectations that they fail."""
        return self.root / "held.json"

    def pin(self, contract: Contract) -> None:
        """Keep the contract that this run uses, its fields in their order: they are the table's columns."""
        storage.write_bytes(self.root / "contract.json", (contract.model_dump_json(indent=1) + "\n").encode())

    def contract(self) -> Contract:
        """The contract that ``ingest`` pinned."""
        return Contract.model_validate(self._json("contract.json"))

    def write_plan(self, plan: Plan) -> None:
        storage.write_json(self.root / "plan.json", {
            "page_shards": {s: [[p.document, p.first, p.last] for p in spans] for s, spans in plan.page_shards.items()},
            "document_shards": {s: list(ids) for s, ids in plan.document_shards.items()},
        })

    @cached_property
    def plan(self) -> Plan:
        plan = self._json("plan.json")
        return Plan(
            {s: tuple(Span(*span) for span in spans) for s, spans in plan["page_shards"].items()},
            {s: tuple(ids) for s, ids in plan["document_shards"].items()},
        )

    def ask_anew(self, since: dt.datetime) -> None:
        """Have this run ask models anew what they answered before ``since``; the first call counts, so that a retry asks nothing twice."""
        path = self.root / "fresh.json"
        if not path.exists():
            storage.write_json(path, {"since": since.isoformat(timespec="seconds")})

    @property
    def fresh_since(self) -> dt.datetime | None:
        """Since when answers count for this run; None for every answer."""
        path = self.root / "fresh.json"
        return dt.datetime.fromisoformat(storage.read_json(path)["since"]) if path.exists() else None

    def remove_superseded(self) -> int:
        """Remove the local workspaces of the day's runs that were started before this one; returns how many there were."""
        if not storage.is_local(self.root):
            return 0
        mine = (self.root / "contract.json").stat().st_mtime
        found = [run for run in self.root.parent.iterdir() if run != self.root and run.stat().st_mtime < mine]
        for run in found:
            shutil.rmtree(str(run), ignore_errors=True)
        return len(found)

    def read(self, path: UPath, columns: list[str] | None = None) -> pa.Table:
        """A table of this workspace.

        Raises:
            WorkspaceError: an earlier stage has not written it.
        """
        try:
            return storage.read_table(path, columns)
        except FileNotFoundError as error:
            raise self._missing(path) from error

    def _json(self, name: str) -> Any:
        try:
            return storage.read_json(self.root / name)
        except FileNotFoundError as error:
            raise self._missing(self.root / name) from error

    def _missing(self, path: UPath) -> WorkspaceError:
        return WorkspaceError(f"{path} is missing: an earlier stage of run {self.run} did not finish; clear it and run it again")
