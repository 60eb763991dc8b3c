"""All stages of one day in order, without Airflow: what ``python -m octavo run`` calls."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction import vlm
from octavo.extraction.rules import stage as rules
from octavo.extraction.vlm.runtimes import open_runtime
from octavo.ingest import stage as ingest
from octavo.merging import stage as merging
from octavo.model.contracts import Contract
from octavo.model.entities import Partition, Progress, Report
from octavo.model.errors import LedgerHole, OctavoError, SettingsError
from octavo.model.settings import Settings, extractors
from octavo.publishing import gate, ledger, publish, staging
from octavo.reading import stage as reading
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection


@dataclass
class DayResult:
    """What one day's run did."""

    partition: Partition
    run: str
    reports: list[Report] = field(default_factory=list)
    published: bool = False
    error: OctavoError | None = None

    def counts(self, stage: str) -> dict[str, int]:
        return Report.total([report for report in self.reports if report.stage == stage])


def summarise(results: Sequence[DayResult]) -> dict[str, Any]:
    """What ``--json`` prints of one or several days: counts and seconds added up, published if all are."""
    reports = [report for result in results for report in result.reports]

    def count(stage: str, name: str) -> int:
        return sum(report.counts.get(name, 0) for report in reports if report.stage == stage)

    seconds: dict[str, float] = {}
    for report in reports:
        seconds[report.stage] = round(seconds.get(report.stage, 0) + report.seconds, 3)
    return {
        "documents": count("ingest", "documents"),
        "pages": count("ingest", "pages"),
        "chunks": count("chunk", "chunks"),
        "quarantined": count("ingest", "quarantined"),
        "reads": count("read", "reads"),
        "read_hits": count("read", "read_hits"),
        "model_calls": count("extract_molmo", "model_calls"),
        "store_hits": count("extract_molmo", "store_hits"),
        "seconds": seconds,
        "published": all(result.published for result in results),
    }


def run_day(
    contract: Contract,
    folder: UPath,
    day: dt.date,
    settings: Settings,
    *,
    extractor: str | None = None,
    model: vlm.RuntimeOptions | None = None,
    select: str | None = None,
    fresh: dt.datetime | None = None,
    progress: Progress | None = None,
) -> DayResult:
    """Take the documents of one day through every stage and publish them.

    The workspace is removed after a published run and kept otherwise. A failed stage, gate or ledger
    ends in ``DayResult.error``; nothing is published then, and the ledger is written all the same.

    Args:
        folder: the day's documents, at any depth.
        extractor: ``layout``, ``molmo`` or ``auto``; None is the contract's.
        model: the model of extractor ``molmo``, if there is one. It is loaded once, when first asked.
        select: a glob on file names: take only these, and keep what is published of the others.
        fresh: the model is asked anew what it answered before this time; None asks nothing twice.
    """
    partition = Partition(contract.name, day)
    steps = Steps(DayResult(partition, run_id("cli")), progress)
    workspace = Workspace.open(settings.workspaces, partition, steps.result.run)
    names = extractors(extractor or contract.extractor, model is not None)
    if fresh:
        workspace.ask_anew(fresh)
    if select is None and not fresh:
        change_detection.keep(workspace, folder, contract, settings, names, vlm.identity(model))
    steps.once("ingest", lambda: ingest.run(workspace, contract, folder, settings, select))
    pages = pages_of(workspace)

    def read_and_extract() -> None:
        steps.each("read", pages, "pages", lambda shard, tell: reading.run(workspace, shard, settings, tell))
        steps.each("chunk", pages, "pages", lambda shard, tell: chunking.run(workspace, shard, contract.chunking, settings.limits))
        extract(steps, workspace, contract, settings, names, model)

    finish(steps, workspace, contract, settings, names, read_and_extract, selected=select is not None)
    return steps.result


class Steps:
    """The calls of stages that make up a day, with what each came to."""

    def __init__(self, result: DayResult, progress: Progress | None) -> None:
        self.result = result
        self._tell = progress or (lambda stage, done, total, unit: None)

    def each(self, stage: str, sizes: Mapping[str, int], unit: str, work: Callable[[str, Callable[[int], None]], Report]) -> None:
        """Do ``work`` for every shard.

        Args:
            sizes: the shards, each with the number of things that it holds.
            unit: what these are: pages or documents.
            work: takes a shard, and what to call with the number of its things that are done.
        """
        total, before = sum(sizes.values()), 0
        self._tell(stage, 0, total, unit)
        for shard, size in sizes.items():
            self.result.reports.append(work(shard, lambda done, before=before: self._tell(stage, before + done, total, unit)))  # type: ignore[misc]
            before += size
            self._tell(stage, before, total, unit)

    def once(self, stage: str, work: Callable[[], Report]) -> None:
        self.each(stage, {"all": 1}, "steps", lambda shard, tell: work())


def pages_of(workspace: Workspace) -> dict[str, int]:
    """The page shards, each with the number of its pages."""
    return {shard: sum(span.pages for span in spans) for shard, spans in workspace.plan.page_shards.items()}


def run_id(kind: str) -> str:
    """A run's id outside Airflow."""
    return f"{kind}-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def extract(
    steps: Steps, workspace: Workspace, contract: Contract, settings: Settings, names: Sequence[str], model: vlm.RuntimeOptions | None,
) -> None:
    """Ask the named extractors about every chunk. The model is loaded once."""
    pages = pages_of(workspace)
    if rules.EXTRACTOR in names:
        steps.each("extract_layout", pages, "pages", lambda shard, tell: rules.run(workspace, shard, contract, settings.limits))
    if model is not None and vlm.EXTRACTOR in names:
        store = AnswerStore(settings.answer_store, workspace.fresh_since)
        with closing(open_runtime(model)) as runtime:
            chunks = {shard: fs.count_rows(workspace.shard("chunk", shard)) for shard in pages}
            steps.each("extract_molmo", chunks, "chunks", lambda shard, tell: vlm.run(
                workspace, shard, contract, model, store, runtime=runtime, progress=tell,
            ))


def finish(
    steps: Steps, workspace: Workspace, contract: Contract, settings: Settings, names: Sequence[str], work: Callable[[], None],
    selected: bool = False,
) -> None:
    """Do ``work``, then merge its answers, judge the tables, account for everything and publish the day.

    An error ends in ``DayResult.error``: nothing is published then, and the ledger is written all the same.
    """
    lake, partition, result = Lake(UPath(settings.lake)), workspace.partition, steps.result
    corrections = CorrectionStore(settings.correction_store)
    documents = {shard: len(ids) for shard, ids in workspace.plan.document_shards.items()}
    try:
        work()
        steps.each("merge", documents, "documents", lambda shard, tell: merging.run(
            workspace, shard, contract, names, corrections, settings.limits,
        ))
        steps.once("tables", lambda: staging.run(workspace, contract, lake, names, selected=selected))
        steps.once("validate", lambda: gate.run(workspace, contract, lake.reports(partition)))
    except OctavoError as error:
        result.error = error
    try:
        steps.once("ledger", lambda: ledger.run(workspace, lake, names))
    except LedgerHole as error:
        result.error = result.error or error
    if result.error is None:
        try:
            steps.once("publish", lambda: publish.run(workspace, contract, lake))
        except OctavoError as error:
            result.error = error
            return
        result.published = True
        fs.remove_tree(workspace.root)


_DATED = re.compile(r"(\d{4})/(\d{2})/(\d{2})")


def days_of(folder: UPath) -> Iterator[tuple[dt.date, UPath]]:
    """The days below ``folder``: its ``yyyy/mm/dd`` folders in order; nothing if it has none.

    Raises:
        SettingsError: a folder is named as a day that the calendar does not have.
    """
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]")):
        match = _DATED.search(path.as_posix()[len(folder.as_posix()):])
        if match and path.is_dir():
            try:
                yield dt.date(*map(int, match.groups())), path
            except ValueError as error:
                raise SettingsError(f"{path} is no day of the calendar; rename or remove the folder") from error
