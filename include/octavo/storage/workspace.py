"""A run's staging area: which files its stages write, and how documents are cut into shards.

    {workspaces}/{contract}/{day}/{run}/
        contract.json            the pinned contract
        started.json             which run it is, and when it began to look at its documents
        inputs.json              what the run starts from
        documents.parquet        ingest
        flaws.json               pages that can be read in part only
        members/{document}       what ingest took out of archives
        plan.parquet             page shards and document shards
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
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Partition
from octavo.model.errors import WorkspaceError
from octavo.storage import archives, fs

# Most page shards and most document shards of a day: Airflow maps a task over at most 1,024 (`[core] max_map_length`).
MOST_SHARDS = 1000
# Pages of a document that are read, stored and found again together. A shard is made of whole
# blocks, so the reading store does not depend on the size of shards.
BLOCK_PAGES = 16
# Spans in the order of documents and pages. A task reads the row groups of its own shard only, so it costs the same on a day of any size.
_PLAN = pa.schema([
    ("document", pa.string()), ("first", pa.int32()), ("last", pa.int32()), ("page_shard", pa.string()), ("document_shard", pa.string()),
])


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


def cut_into_shards(documents: list[tuple[str, int]], shard_pages: int) -> Plan:
    """Shards of at most ``shard_pages`` pages (at least one block), in document order.

    On a day that would need more than ``MOST_SHARDS`` of them, shards are as much larger as keeps to that.

    Args:
        documents: (document id, number of pages), in the order in which tables list them.
        shard_pages: most pages of a shard.
    """
    # Two neighbours together always hold more than `shard_pages`: otherwise they would be one shard.
    shard_pages = max(shard_pages, math.ceil(2 * sum(pages for _, pages in documents) / MOST_SHARDS))
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

    def member(self, document: str) -> UPath:
        """Where ingest keeps a document that it took out of an archive: taking it out again costs a pass over the archive."""
        return self.root / "members" / document

    def place(self, row: dict[str, Any]) -> UPath:
        """Where the bytes of a document lie, by its row in ``documents``."""
        if archives.SEPARATOR in row["uri"] and (kept := self.member(row["document"])).exists():
            return kept
        return UPath(row["uri"])

    def keep_timeouts(self, stage: str, shard: str, documents: Collection[str]) -> None:
        """Keep which documents of a shard a stage gave up on, in place of those of an earlier attempt."""
        path = self.root / "timeouts" / f"{stage}-{shard}.json"
        if documents or path.exists():
            fs.write_json(path, sorted(documents))

    def timeouts(self) -> dict[str, str]:
        """Documents that a stage gave up on because they took too long, each with the first such stage by name."""
        found: dict[str, str] = {}
        for file in fs.files_under(self.root / "timeouts"):
            if file.path.suffix == ".json":
                for document in fs.read_json(file.path):
                    found.setdefault(document, file.path.name.partition("-")[0])
        return found

    def keep_strangers(self, shard: str, documents: Collection[str]) -> None:
        """Keep which documents of a shard are not of the contract's kind, in place of those of an earlier attempt."""
        path = self.root / "strangers" / f"{shard}.json"
        if documents or path.exists():
            fs.write_json(path, sorted(documents))

    def strangers(self) -> set[str]:
        """Documents that are not of the contract's kind."""
        files = (file.path for file in fs.files_under(self.root / "strangers") if file.path.suffix == ".json")
        return {document for path in files for document in fs.read_json(path)}

    def keep_flaws(self, flaws: Mapping[str, Mapping[str, str]]) -> None:
        """Keep which pages can be read in part only: for each such document a reason by the number of the page."""
        fs.write_json(self.root / "flaws.json", flaws)

    def flaws(self) -> dict[str, dict[int, str]]:
        """What ``keep_flaws`` kept."""
        try:
            kept = fs.read_json(self.root / "flaws.json")
        except FileNotFoundError:  # a run of an earlier version
            return {}
        return {document: {int(page): reason for page, reason in pages.items()} for document, pages in kept.items()}

    def documents_of(self, documents: Iterable[str], columns: list[str]) -> dict[str, dict[str, Any]]:
        """The rows of some documents, by id; a task never holds all documents of a large day.

        Raises:
            WorkspaceError: ingest has not written them.
        """
        try:
            table = fs.read_among(self.documents, "document", set(documents), list(dict.fromkeys(["document", *columns])))
        except FileNotFoundError as error:
            raise self._missing(self.documents) from error
        return {row["document"]: row for row in table.to_pylist()}

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

    def pin(self, contract: Contract, started: dt.datetime | None = None) -> None:
        """Keep the contract that this run uses, its fields in their order: they are the table's columns.

        Args:
            started: when the run began to look at its documents; now, if it is not given.
        """
        fs.write_bytes(self.root / "contract.json", (contract.model_dump_json(indent=1) + "\n").encode())
        fs.write_json(self.root / "started.json", {
            "run": self.run, "started": (started or dt.datetime.now(dt.UTC)).isoformat(),
        })

    @property
    def started(self) -> str:
        """When the run began to look at its documents: ISO 8601 in UTC."""
        return str(self._json("started.json")["started"])

    def contract(self) -> Contract:
        """The contract that ``ingest`` pinned."""
        return Contract.model_validate(self._json("contract.json"))

    def keep_inputs(self, files: Mapping[str, str], rules: str) -> None:
        """Note what the run starts from; see ``octavo.workflows.change_detection``."""
        fs.write_json(self.root / "inputs.json", {"files": dict(files), "rules": rules})

    def inputs(self) -> dict[str, Any] | None:
        """What was noted; None for a run that did not take its whole day."""
        path = self.root / "inputs.json"
        return dict(fs.read_json(path)) if path.exists() else None

    def write_plan(self, plan: Plan) -> None:
        shard_of = {document: shard for shard, documents in plan.document_shards.items() for document in documents}
        fs.write_rows(self._plan_file, [
            {"document": span.document, "first": span.first, "last": span.last, "page_shard": shard,
             "document_shard": shard_of[span.document]} for shard, spans in plan.page_shards.items() for span in spans
        ], _PLAN)

    @property
    def _plan_file(self) -> UPath:
        return self.root / "plan.parquet"

    @cached_property
    def plan(self) -> Plan:
        """All of the plan. Tasks ask for ``spans`` or ``shards_of`` a shard instead, whose cost and memory do not grow with the day."""
        page_shards: dict[str, list[Span]] = {}
        document_shards: dict[str, dict[str, None]] = {}
        for row in self.read(self._plan_file).to_pylist():
            page_shards.setdefault(row["page_shard"], []).append(Span(row["document"], row["first"], row["last"]))
            document_shards.setdefault(row["document_shard"], {})[row["document"]] = None
        return Plan({s: tuple(spans) for s, spans in page_shards.items()}, {s: tuple(ids) for s, ids in document_shards.items()})

    @property
    def page_shards(self) -> list[str]:
        """The page shards' names, in order."""
        return self._shards("page_shard")

    @property
    def document_shards(self) -> list[str]:
        """The document shards' names, in order."""
        return self._shards("document_shard")

    def _shards(self, kind: str) -> list[str]:
        return [str(name) for name in pc.unique(self.read(self._plan_file, [kind])[kind]).to_pylist()]

    def spans(self, shard: str) -> tuple[Span, ...]:
        """What a page shard holds."""
        return tuple(Span(row["document"], row["first"], row["last"]) for row in self._planned("page_shard", shard))

    def shards_of(self, shard: str) -> dict[str, list[str]]:
        """The documents of a document shard, in order, each with the page shards that hold its pages, in page order."""
        found: dict[str, list[str]] = {}
        for row in self._planned("document_shard", shard):
            found.setdefault(row["document"], []).append(row["page_shard"])
        return found

    def _planned(self, kind: str, shard: str) -> list[dict[str, Any]]:
        """The plan's rows of one shard."""
        try:
            rows: list[dict[str, Any]] = fs.read_among(self._plan_file, kind, {shard}, _PLAN.names).to_pylist()
        except FileNotFoundError as error:
            raise self._missing(self._plan_file) from error
        if not rows:
            raise WorkspaceError(
                f"{self._plan_file} has no shard {shard}: ingest has cut the day anew since; clear run {self.run} from ingest on"
            )
        return rows

    def ask_anew(self, since: dt.datetime) -> None:
        """Have this run ask models anew what they answered before ``since``; the first call counts, so that a retry asks nothing twice."""
        path = self.root / "fresh.json"
        if not path.exists():
            fs.write_json(path, {"since": since.isoformat(timespec="seconds")})

    @property
    def fresh_since(self) -> dt.datetime | None:
        """Since when answers count for this run; None for every answer."""
        path = self.root / "fresh.json"
        return dt.datetime.fromisoformat(fs.read_json(path)["since"]) if path.exists() else None

    def remove_superseded(self, has_ended: Callable[[str], bool]) -> int:
        """Remove the workspaces of the day's runs that were started before this one and have ended; returns how many there were.

        Args:
            has_ended: of a run's id. One that still runs needs its workspace to come to its own end.
        """
        found = []
        for folder in self.root.parent.iterdir():
            path = folder / "started.json"
            if folder.name != self.root.name and path.exists():
                other = fs.read_json(path)
                if other["started"] < self.started and has_ended(other.get("run", folder.name)):
                    found.append(folder)
        for folder in found:
            fs.remove_tree(folder)
        return len(found)

    def read(self, path: UPath, columns: list[str] | None = None) -> pa.Table:
        """A table of this workspace.

        Raises:
            WorkspaceError: an earlier stage has not written it.
        """
        try:
            return fs.read_table(path, columns)
        except FileNotFoundError as error:
            raise self._missing(path) from error

    def stream(self, path: UPath) -> Iterator[pa.Table]:
        """A table of this workspace, some rows at a time.

        Raises:
            WorkspaceError: an earlier stage has not written it.
        """
        try:
            yield from fs.iter_tables(path)
        except FileNotFoundError as error:
            raise self._missing(path) from error

    def _json(self, name: str) -> Any:
        try:
            return fs.read_json(self.root / name)
        except FileNotFoundError as error:
            raise self._missing(self.root / name) from error

    def _missing(self, path: UPath) -> WorkspaceError:
        return WorkspaceError(f"{path} is missing: an earlier stage of run {self.run} did not finish; clear it and run it again")
