"""Rebuilding published days by the contract as it is now, from the words and answers that are kept.

Nothing is read and no model is asked: words come from the reading store, chunks and models' answers from the
lake, found by document, page and box whatever they were asked with. The layout extractor works anew.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.rules import stage as rules
from octavo.merging import stage as merging
from octavo.model.contracts import Contract
from octavo.model.entities import Outcome, ParseStatus, Partition, Progress, Report
from octavo.model.errors import Reason, SettingsError
from octavo.model.settings import Settings
from octavo.reading.store import readings
from octavo.storage import fs, schemas
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.storage.workspace import Plan, Workspace, cut_into_shards
from octavo.workflows.pipeline import DayResult, Steps, extract, finish, run_id

NO_ANSWER = "no answer of the model is kept; octavo remerge --extract asks it"


def published_days(lake: Lake, contract: str, first: dt.date | None = None, last: dt.date | None = None) -> list[dt.date]:
    """The published days of a contract between two days, both inclusive, in order.

    Raises:
        SettingsError: there are none.
    """
    found = []
    for path in (lake.root / "_published" / f"contract={contract}").glob("day=*.json"):
        day = dt.date.fromisoformat(path.name.removeprefix("day=").removesuffix(".json"))
        if (first is None or first <= day) and (last is None or day <= last):
            found.append(day)
    if not found:
        between = f" from {first or 'the first'} to {last or 'the last'}" if first or last else ""
        raise SettingsError(f"no day of contract {contract!r} is published in {lake.root}{between}; run it first: octavo run {contract} …")
    return sorted(found)


def remerge_day(
    contract: Contract, day: dt.date, settings: Settings, *, model: vlm.RuntimeOptions | None = None, progress: Progress | None = None,
) -> DayResult:
    """Rebuild one published day and publish it again.

    Fields of the new contract that no kept answer has are filled by the layout extractor, or stay null.
    As with a run, an error ends in ``DayResult.error`` and leaves what is published.

    Args:
        contract: as it is now.
        day: a published one.
        settings: places of the lake and the stores.
        model: ask this model anew, with the contract's prompt as it is now, instead of taking the answers it once gave.

    Raises:
        SettingsError: the day is not published.
        WorkspaceError: the words that were published are not kept any more.
    """
    partition = Partition(contract.name, day)
    steps = Steps(DayResult(partition, run_id("remerge")), progress)
    workspace = Workspace.open(settings.workspaces, partition, steps.result.run)
    history = History(Lake(UPath(settings.lake)), partition, settings)
    steps.once("ingest", lambda: history.documents(workspace, contract))
    names = history.extractors(contract, model is not None)
    finish(steps, workspace, contract, settings, names, lambda: history.gather(steps, workspace, contract, names, model))
    return steps.result


class Change(NamedTuple):
    """A field that a remerge would publish with another value or verdict; None where it is not published, or would not be."""

    document: str
    uri: str
    record: int | None
    field: str
    value: str | None
    verdict: str | None
    new_value: str | None
    new_verdict: str | None
    new_reason: str | None


@dataclass(frozen=True)
class Preview:
    """What a remerge of one day would change.

    ``verdicts`` counts the fields by their published verdict and the one that they would have, ``none`` for a field that is not there.
    """

    day: dt.date
    verdicts: Counter[tuple[str, str]]
    changes: tuple[Change, ...]


def preview_day(contract: Contract, day: dt.date, settings: Settings, *, progress: Progress | None = None) -> Preview:
    """What ``remerge_day`` would change of a published day's fields; nothing is published, and no model asked.

    Raises:
        SettingsError: the day is not published.
        WorkspaceError: the words that were published are not kept any more.
    """
    partition, lake = Partition(contract.name, day), Lake(UPath(settings.lake))
    steps = Steps(DayResult(partition, run_id("preview")), progress)
    workspace = Workspace.open(settings.workspaces, partition, steps.result.run)
    history, corrections = History(lake, partition, settings), CorrectionStore(settings.correction_store)
    try:
        steps.once("ingest", lambda: history.documents(workspace, contract))
        names, shards = history.extractors(contract, False), workspace.plan.document_shards
        history.gather(steps, workspace, contract, names, None)
        steps.each("merge", {shard: len(ids) for shard, ids in shards.items()}, "documents", lambda shard, tell: merging.run(
            workspace, shard, contract, names, corrections, settings.limits,
        ))
        columns = ["document", "record", "field", "value", "verdict", "reason"]
        after = {_key(row): row for shard in shards for row in workspace.read(workspace.shard("fields", shard), columns).to_pylist()}
        uris = {row["document"]: row["uri"] for row in workspace.read(workspace.documents, ["document", "uri"]).to_pylist()}
    finally:
        fs.remove_tree(workspace.root)
    before = {_key(row): row for row in fs.read_table(lake.table("fields", partition), columns).to_pylist()}
    return _compared(day, before, after, uris)


FieldKey = tuple[str, int | None, str]
"""Document, record and path; the record is None where the document is one."""


def _key(row: dict[str, Any]) -> FieldKey:
    return row["document"], row.get("record"), row["field"]


def _compared(
    day: dt.date, before: dict[FieldKey, dict[str, Any]], after: dict[FieldKey, dict[str, Any]], uris: dict[str, str],
) -> Preview:
    verdicts: Counter[tuple[str, str]] = Counter()
    changes = []
    nothing: dict[str, Any] = {"value": None, "verdict": None, "reason": None}
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key, nothing), after.get(key, nothing)
        verdicts[old["verdict"] or "none", new["verdict"] or "none"] += 1
        if (old["value"], old["verdict"]) != (new["value"], new["verdict"]):
            document, record, field = key
            changes.append(Change(
                document, uris.get(document, ""), record, field, old["value"], old["verdict"], new["value"], new["verdict"], new["reason"]))
    return Preview(day, verdicts, tuple(changes))


@dataclass(frozen=True)
class History:
    """What is kept of a published day, put back into a workspace as the stages once left it."""

    lake: Lake
    partition: Partition
    settings: Settings

    def extractors(self, contract: Contract, has_model: bool) -> tuple[str, ...]:
        """Whose answers are merged: those that are kept, the layout extractor's and an asked model's, in the tables' order."""
        kept = set(self._table("answers", ["extractor"])["extractor"].unique().to_pylist())
        if contract.extractor != vlm.EXTRACTOR or not kept | ({vlm.EXTRACTOR} if has_model else set()):
            kept.add(rules.EXTRACTOR)
        if has_model:
            kept.add(vlm.EXTRACTOR)
        return tuple(sorted(kept))

    def documents(self, workspace: Workspace, contract: Contract) -> Report:
        """The day's documents, the contract and the plan, as ingest would have left them."""
        started = time.monotonic()
        published = self.lake.published(self.partition)
        if published is None:
            raise SettingsError(f"{self.partition.path} is not published in {self.lake.root}; run the day first")
        rows = [_as_ingested(row) for row in self._table("documents").to_pylist()]
        fs.write_rows(workspace.documents, rows, schemas.DOCUMENTS)
        # The documents are those of the published run, so a run that was started after it knows better than this one.
        workspace.pin(contract, dt.datetime.fromisoformat(published["started"]) if "started" in published else None)
        pages = [(row["document"], 0 if row["status"] == Outcome.QUARANTINED else row["pages"]) for row in rows]
        workspace.write_plan(cut_into_shards(pages, self.settings.shard_pages))
        counts = {
            "documents": len(rows), "pages": sum(number for _, number in pages),
            "quarantined": sum(row["status"] == Outcome.QUARANTINED for row in rows),
        }
        return Report("ingest", counts, time.monotonic() - started)

    def gather(
        self, steps: Steps, workspace: Workspace, contract: Contract, names: Sequence[str], model: vlm.RuntimeOptions | None,
    ) -> None:
        """Put words, chunks and kept answers back, and let the layout extractor, and a model that there is, work anew."""
        steps.once("read", lambda: self.readings(workspace))
        steps.once("chunk", lambda: self.chunks(workspace))
        for name in names:
            if name != rules.EXTRACTOR and not (name == vlm.EXTRACTOR and model is not None):
                steps.once(f"extract_{name}", lambda name=name: self.answers(workspace, name))  # type: ignore[misc]
        extract(steps, workspace, contract, self.settings, names, model)

    def readings(self, workspace: Workspace) -> Report:
        """The pages with their words."""
        started = time.monotonic()
        pages = {
            (document, number): list(rows) for (document, number), rows in groupby(
                self._table("pages").to_pylist(), key=lambda row: (row["document"], row["page"]))
        }
        done = 0
        for shard, spans in workspace.plan.page_shards.items():
            blocks = [block for span in spans for block in span.blocks()]
            tables = []
            for block in blocks:
                published = [row for n in range(block.first, block.last + 1) for row in pages.get((block.document, n), ())]
                tables.append(readings(self.settings.reading_store, block, published))
            fs.write_table(workspace.shard("read", shard), tables, schemas.READINGS)
            done += sum(block.pages for block in blocks)
        return Report("read", {"pages": done, "reads": 0, "read_hits": done}, time.monotonic() - started)

    def chunks(self, workspace: Workspace) -> Report:
        """The pages' chunks as they were cut: the answers are about them."""
        started = time.monotonic()
        rows = 0
        for shard, tables in self._by_shard("chunks", workspace.plan).items():
            rows += fs.write_table(workspace.shard("chunk", shard), tables, schemas.CHUNKS)
        return Report("chunk", {"chunks": rows}, time.monotonic() - started)

    def answers(self, workspace: Workspace, extractor: str) -> Report:
        """One extractor's answers, by document, page and box; a chunk without one gets an empty row that says so."""
        started = time.monotonic()
        counts = {"chunks": 0, "answers": 0, "model_calls": 0, "store_hits": 0}
        for shard, tables in self._by_shard("answers", workspace.plan).items():
            kept = {_place(row): row for table in tables for row in table.to_pylist() if row["extractor"] == extractor}
            chunks = workspace.read(workspace.shard("chunk", shard)).select(schemas.CHUNKS.names[:7]).to_pylist()
            rows = [_answer(kept.get(_place(chunk)), chunk, extractor) for chunk in chunks]
            fs.write_rows(workspace.shard(f"extract_{extractor}", shard), rows, schemas.ANSWERS)
            counts["chunks"] += len(rows)
            counts["answers"] += sum(row["parsed"] not in (None, "{}") for row in rows)
            counts["store_hits"] += sum(_place(chunk) in kept for chunk in chunks)
        return Report(f"extract_{extractor}", counts, time.monotonic() - started)

    def _table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        return fs.read_table(self.lake.table(name, self.partition), columns)

    def _by_shard(self, name: str, plan: Plan) -> dict[str, list[pa.Table]]:
        """The published rows of a table, cut into the page shards of ``plan``; their order stays."""
        shard_of = {
            (span.document, number): shard
            for shard, spans in plan.page_shards.items() for span in spans for number in range(span.first, span.last + 1)
        }
        found: dict[str, list[pa.Table]] = {shard: [] for shard in plan.page_shards}
        for table in fs.iter_tables(self.lake.table(name, self.partition)):
            keys = zip(table["document"].to_pylist(), table["page"].to_pylist(), strict=True)
            start = 0
            for shard, group in groupby(shard_of.get(key) for key in keys):
                length = sum(1 for _ in group)
                if shard is not None:
                    found[shard].append(table.slice(start, length))
                start += length
        return found


def _as_ingested(row: dict[str, Any]) -> dict[str, Any]:
    """A published document with the status that it had before its pages were read."""
    kept_out = row["status"] == Outcome.QUARANTINED and row["reason"] != Reason.PAGE_UNREADABLE
    return row if kept_out else {**row, "status": Outcome.OK.value, "reason": None}


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["document"], row["page"], row["x0"], row["y0"], row["x1"], row["y1"]


def _answer(kept: dict[str, Any] | None, chunk: dict[str, Any], extractor: str) -> dict[str, Any]:
    """The row of a chunk's answer. What it took was paid when it was given."""
    if kept is not None:
        return {**kept, "chunk": chunk["chunk"], "seconds": 0.0, "cost": 0.0, "cached": True}
    return {
        **chunk, "extractor": extractor, "hinted": False, "raw": "", "parsed": "{}", "parse_status": ParseStatus.BLANK.value, "attempts": 0,
        "prompt_tokens": 0, "completion_tokens": 0, "seconds": 0.0, "cost": 0.0, "cached": False, "detail": NO_ANSWER,
    }
