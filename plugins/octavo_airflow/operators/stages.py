"""One operator per stage: resolve, call one function of the core, return counts."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from octavo_airflow import pools
from octavo_airflow.operators.base import OctavoOperator, ShardOperator

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from octavo.model import Report


class IngestOperator(OctavoOperator):
    """Find the day's documents, check them, and cut them into shards. Returns the ids of the page shards.

    Looks first whether the pools of the run exist: without them it would hang.

    :param documents: a glob on file names; empty takes all of the day (templated).
    :param chunking: how pages are cut; empty is as the contract says (templated).
    :param fresh: anything but empty: the model is asked anew what it answered before this run began (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "documents", "chunking", "fresh")

    def __init__(
        self, *, documents: str = "{{ params.documents or '' }}", chunking: str = "{{ params.chunking or '' }}",
        fresh: str = "{{ params.get('fresh') or '' }}", **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.documents = documents
        self.chunking = chunking
        self.fresh = fresh

    def stage(self, context: Context) -> Report:
        from upath import UPath

        from octavo import contracts, ingest

        pools.check(context["dag"])
        used = self.extractors
        contract = contracts.find(self.contract, self.settings.contracts)
        if self.chunking:
            chunking = contract.chunking.model_copy(update={"strategy": contracts.Strategy(self.chunking)})
            contract = contract.model_copy(update={"chunking": chunking})
        workspace = self.workspace(context)
        if self.fresh:
            workspace.ask_anew(dt.datetime.now(dt.UTC))
        folder = UPath(self.settings.landing) / contract.name / f"{workspace.day:%Y/%m/%d}"
        self.log.info("%s by contract %s, extractors: %s", folder, contract.hash[:12], ", ".join(used))
        return ingest.run(workspace, contract, folder, self.settings, self.documents or None)

    def result(self, context: Context, report: Report) -> list[str]:
        context["ti"].xcom_push("counts", report.counts)
        return list(self.workspace(context).plan.page_shards)


class DocumentShardsOperator(OctavoOperator):
    """List the document shards, for ``merge`` to be mapped over."""

    def stage(self, context: Context) -> Report:
        from octavo.model import Report

        return Report("document_shards", {"shards": len(self.workspace(context).plan.document_shards)}, 0.0)

    def result(self, context: Context, report: Report) -> list[str]:
        return list(self.workspace(context).plan.document_shards)


class ReadPagesOperator(ShardOperator):
    """Read the pages of one shard, by text layer or OCR. Starts as many processes as it takes slots of its pool (``octavo_ocr``)."""

    def stage(self, context: Context) -> Report:
        from octavo import reading

        settings = self.settings.model_copy(update={"processes": self.pool_slots})
        return reading.run(self.workspace(context), self.shard, settings)


class ChunkPagesOperator(ShardOperator):
    """Group the words of one shard's pages into chunks."""

    def stage(self, context: Context) -> Report:
        from octavo import chunking

        return chunking.run(self.workspace(context), self.shard, self.pinned(context).chunking)


class ExtractLayoutOperator(ShardOperator):
    """Extract the fields of one shard's pages from labels and geometry, without a model, in one process (pool ``octavo_ocr``)."""

    def stage(self, context: Context) -> Report:
        from airflow.sdk.exceptions import AirflowSkipException

        from octavo.extraction import layout

        if layout.EXTRACTOR not in self.extractors:
            raise AirflowSkipException(f"extractor {self.extractor} was asked for")
        return layout.run(self.workspace(context), self.shard, self.pinned(context))


class MergeOperator(ShardOperator):
    """Resolve the answers about one shard's documents into fields and records."""

    def stage(self, context: Context) -> Report:
        from octavo import merging
        from octavo.corrections import CorrectionStore

        corrections = CorrectionStore(self.settings.correction_store)
        return merging.run(self.workspace(context), self.shard, self.pinned(context), self.extractors, corrections)


class StageTablesOperator(OctavoOperator):
    """Put the day's tables together, beside the lake.

    :param documents: the glob that ``ingest`` had; with one, the published rows of all other documents stay (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "documents")

    def __init__(self, *, documents: str = "{{ params.documents or '' }}", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.documents = documents

    def stage(self, context: Context) -> Report:
        from octavo import tables

        return tables.run(self.workspace(context), self.pinned(context), self.lake, self.extractors, selected=bool(self.documents))


class ValidateOperator(OctavoOperator):
    """The gate: hold the staged tables against the contract's expectations and write the report."""

    def stage(self, context: Context) -> Report:
        from octavo import quality

        # It tells of every method that it registers, some hundred lines a run.
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        return quality.run(self.workspace(context), self.pinned(context), self.lake.reports(self.partition(context)))


class LedgerOperator(OctavoOperator):
    """Account for every document, page and chunk, however the run went. Fails when one is missing."""

    def stage(self, context: Context) -> Report:
        from octavo import ledger

        return ledger.run(self.workspace(context), self.lake, self.extractors)


class PublishOperator(OctavoOperator):
    """Replace the day's published tables by the staged ones. Its assets carry the row counts."""

    def stage(self, context: Context) -> Report:
        from octavo import publishing

        workspace = self.workspace(context)
        report = publishing.run(workspace, self.pinned(context), self.lake)
        superseded = workspace.remove_superseded()
        if superseded:
            self.log.info("removed the workspaces of %d earlier runs; this run's stays, so that its tasks can be cleared", superseded)
        return report

    def result(self, context: Context, report: Report) -> Any:
        partition = self.partition(context)
        assets: Sequence[Asset] = self.outlets
        for asset in assets:
            table = asset.name.rpartition("/")[2]
            context["outlet_events"][asset].extra = {
                "day": partition.day.isoformat(),
                "rows": report.counts.get(f"rows_{table}", 0),
                "file": str(self.lake.table(table, partition)),
            }
        return report.counts
