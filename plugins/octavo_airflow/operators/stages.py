"""One operator per stage: resolve, call one function of the core, return counts."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from octavo_airflow import day, lineage, pools
from octavo_airflow.assets import GROUP, table_assets
from octavo_airflow.operators.base import OctavoOperator, ShardOperator

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from octavo.model.contracts import Contract
    from octavo.model.entities import Report
    from octavo.storage.workspace import Workspace


# Between two lines of a log that tell how far reading is.
PROGRESS_SECONDS = 5
# Runs that nobody asked for by name; values of Airflow's DagRunType, which equals its value but does not print as it.
UNASKED = ("scheduled", "backfill", "asset_triggered")
# How the names of runs begin that the task run_late starts: nobody asked for them by name either.
LATE = "late__"


class IngestOperator(OctavoOperator):
    """Find the day's documents, check them, and cut them into shards. Returns the ids of the page shards.

    Looks first whether the pools of the run exist: without them it would hang.

    :param documents: a glob on file names; empty takes all of the day (templated).
    :param chunking: how pages are cut; empty is as the contract says (templated).
    :param fresh: anything but empty: the model is asked anew what it answered before this run began (templated).
    :param requeue: a reason code, or ``any``: what failed on this day for that reason is tried again (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "documents", "chunking", "fresh", "requeue")

    def __init__(
        self, *, documents: str = "", chunking: str = "", fresh: str = "", requeue: str = "", **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.requeue = requeue
        self.documents = documents
        self.chunking = chunking
        self.fresh = fresh

    def stage(self, context: Context) -> Report:
        from octavo.ingest import stage as ingest
        from octavo.ingest.discovery import day_folder
        from octavo.model import contracts
        from octavo.workflows import change_detection, requeue

        started = time.monotonic()
        pools.check(context["dag"], self.settings.backfill_pool if context["dag_run"].run_type == "backfill" else None)
        used = self.extractors
        contract = contracts.find(self.contract, self.settings.contracts)
        if self.chunking:
            chunking = contract.chunking.model_copy(update={"strategy": contracts.Strategy(self.chunking)})
            contract = contract.model_copy(update={"chunking": chunking})
        workspace = self.workspace(context)
        folder = day_folder(self.settings, workspace.partition)
        if self.fresh:
            workspace.ask_anew(dt.datetime.now(dt.UTC))
        elif not self.documents:
            change_detection.keep(workspace, folder, contract, self.settings, used, self.model if "molmo" in used else None)
            if not self.requeue:
                self.leave_alone_if_unchanged(context, workspace, started)
        if self.requeue:
            reason = None if self.requeue == "any" else self.requeue
            found = requeue.waiting(self.settings, contract.name, reason, workspace.day)
            blocks = requeue.retry(self.settings, found, reason)
            self.log.info("requeued %d documents; %d blocks of pages will be read again", len(found), blocks)
        self.log.info("%s by contract %s, extractors: %s", folder, contract.hash[:12], ", ".join(used))
        return ingest.run(workspace, contract, folder, self.settings, self.documents or None)

    @property
    def model(self) -> dict[str, Any]:
        """What of the model's options decides about its answers."""
        from octavo.extraction import vlm
        from octavo_airflow.hooks import MolmoHook

        return vlm.identity(MolmoHook(self.molmo_connection).options() if self.molmo_connection else vlm.configure())

    def leave_alone_if_unchanged(self, context: Context, workspace: Workspace, started: float) -> None:
        """End a run that nobody asked for by name, of a day whose files, contract, settings and corrections are as when it was published.

        A run for late documents is one of them: another run may have published their day since they were found.

        :param started: when the task began to look, by the monotonic clock.
        """
        from airflow.sdk.exceptions import DownstreamTasksSkipped

        from octavo.model.entities import Report
        from octavo.storage import fs
        from octavo.workflows import change_detection

        run = context["dag_run"]
        asked = run.run_type not in UNASKED and not run.run_id.startswith(LATE)
        if asked or not change_detection.unchanged(self.lake, workspace, self.settings):
            return
        fs.remove_tree(workspace.root)
        self.log.info("%s is published, and nothing has changed since: left alone. A run started by hand does it again.", workspace.day)
        unchanged = Report("ingest", {"unchanged": 1}, time.monotonic() - started)
        self.account(unchanged)
        context["ti"].xcom_push("counts", unchanged.counts)
        raise DownstreamTasksSkipped(tasks=sorted(self._of_this_day()))  # type: ignore[no-untyped-call]

    def _of_this_day(self) -> set[str]:
        """The tasks after this one that are about the day: those of its task group, or all where it is in none."""
        after = set(self.get_flat_relative_ids(upstream=False))
        group = self.task_group
        return after & {task.task_id for task in group.iter_tasks()} if group is not None and not group.is_root else after

    def result(self, context: Context, report: Report) -> list[str]:
        context["ti"].xcom_push("counts", report.counts)
        return self.workspace(context).page_shards

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """The landing folder, for OpenLineage's provider."""
        return lineage.of(self.settings, self.contract_name, self.report.counts["files"] if self.report else None)


class LateDaysOperator(OctavoOperator):
    """Find the other days that this run has to take, for ``RunDayOperator`` to be mapped over: those that ended since the last run, and
    earlier ones whose documents arrived or changed after they were published.

    Skipped in runs that somebody asked for: they are about their own day.
    """

    def stage(self, context: Context) -> tuple[Report, list[dict[str, str]]]:
        from airflow.sdk.exceptions import AirflowSkipException

        from octavo.model.entities import Report
        from octavo.workflows import change_detection

        settings, own = self.settings, self.partition(context).day
        if context["dag_run"].run_type not in UNASKED:
            raise AirflowSkipException("only a run that nobody asked for by name looks for other days")
        spans = day.other_days(context, own, settings.late_days)
        self.log.info("looking at %s", " and ".join(f"{first} to {before} (excluded)" for first, before in spans) or "no other day")
        changed = [one for span in spans for one in change_detection.late_days(self.contract_name, settings, *span) if one.day != own]
        found = []
        for one in changed:
            if one.files:
                why = "new or changed since the day was published" if one.published else "of a day that was never published"
                self.log.info("%s: %d files %s", one.day, one.files, why)
            if one.vanished:
                follows = "the day is run again" if settings.vanished == "run" else "what is published of them stays (OCTAVO_VANISHED)"
                self.log.info("%s: %d files went away since the day was published: %s", one.day, one.vanished, follows)
            if one.files or settings.vanished == "run":
                found.append(one)
        counts = {"days": len(found), "files": sum(one.files for one in found), "vanished": sum(one.vanished for one in changed)}
        report = Report("late", counts, 0.0)
        context["ti"].xcom_push("counts", report.counts)
        return report, [{"day": one.day.isoformat(), "state": one.digest[:12]} for one in found]


class RunDayOperator(OctavoOperator):
    """Start a run of the same DAG for another day, unless this state of its folder was run before. The DAG has a parameter ``day``.

    :param state: names the state of the day's folder; it becomes a part of the run's name (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "state")

    def __init__(self, *, state: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state = state

    def stage(self, context: Context) -> Report:
        from airflow.sdk.exceptions import DagRunTriggerException

        # What TriggerDagRunOperator raises; its module loads 200 others, which every parsing of the DAG would pay for.
        raise DagRunTriggerException(
            trigger_dag_id=self.dag_id, dag_run_id=f"{LATE}{self.day}__{self.state}", conf={"day": self.day}, reset_dag_run=False,
            skip_when_already_exists=True, wait_for_completion=False, allowed_states=[], failed_states=[], poke_interval=60,
            deferrable=False,
        )


class DocumentShardsOperator(OctavoOperator):
    """List the document shards, for ``merge`` to be mapped over."""

    def stage(self, context: Context) -> Report:
        from octavo.model.entities import Report

        return Report("document_shards", {"shards": len(self.workspace(context).document_shards)}, 0.0)

    def result(self, context: Context, report: Report) -> list[str]:
        return self.workspace(context).document_shards


class ReadPagesOperator(ShardOperator):
    """Read the pages of one shard, by text layer or OCR. Starts as many processes as it takes slots of its pool (``octavo_ocr``)."""

    def stage(self, context: Context) -> Report:
        from octavo.reading import stage as reading

        workspace, settings = self.workspace(context), self.settings.model_copy(update={"processes": self.pool_slots})
        return reading.run(workspace, self.shard, settings, self._progress(sum(span.pages for span in workspace.spans(self.shard))))

    def _progress(self, total: int) -> Callable[[int], None]:
        """Logs how many pages are done, at most every few seconds."""
        told = time.monotonic()

        def progress(done: int) -> None:
            nonlocal told
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                self.log.info("%s: %d of %d pages", self.shard, done, total)

        return progress


class ChunkPagesOperator(ShardOperator):
    """Group the words of one shard's pages into chunks."""

    def stage(self, context: Context) -> Report:
        from octavo.chunking import stage as chunking

        return chunking.run(self.workspace(context), self.shard, self.pinned(context).chunking, self.settings.limits)


class ExtractLayoutOperator(ShardOperator):
    """Extract the fields of one shard's pages from labels and geometry, without a model, in one process (pool ``octavo_ocr``)."""

    def stage(self, context: Context) -> Report:
        from airflow.sdk.exceptions import AirflowSkipException

        from octavo.extraction.rules import stage as rules

        if rules.EXTRACTOR not in self.extractors:
            raise AirflowSkipException(f"extractor {self.extractor} was asked for")
        return rules.run(self.workspace(context), self.shard, self.pinned(context), self.settings.limits)


class MergeOperator(ShardOperator):
    """Resolve the answers about one shard's documents into fields and records."""

    def stage(self, context: Context) -> Report:
        from octavo.merging import stage as merging
        from octavo.storage.corrections import CorrectionStore

        corrections = CorrectionStore(self.settings.correction_store)
        return merging.run(
            self.workspace(context), self.shard, self.pinned(context), self.extractors, corrections, self.settings.limits)


class StageTablesOperator(OctavoOperator):
    """Put the day's tables together, beside the lake.

    :param documents: the glob that ``ingest`` had; with one, the published rows of all other documents stay (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "documents")

    def __init__(self, *, documents: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.documents = documents

    def stage(self, context: Context) -> Report:
        from octavo.publishing import staging

        return staging.run(self.workspace(context), self.pinned(context), self.lake, self.extractors, selected=bool(self.documents))


class ValidateOperator(OctavoOperator):
    """The gate: hold the staged tables against the contract's expectations and write the report."""

    def stage(self, context: Context) -> Report:
        from octavo.publishing import gate

        # It tells of every method that it registers, some hundred lines a run.
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        return gate.run(self.workspace(context), self.pinned(context), self.lake.reports(self.partition(context)))


class LedgerOperator(OctavoOperator):
    """Account for every document, page and chunk, however the run went. Fails when one is missing."""

    def stage(self, context: Context) -> Report:
        from octavo.publishing import ledger

        return ledger.run(self.workspace(context), self.lake, self.extractors)


class PublishOperator(OctavoOperator):
    """Replace the day's published tables by the staged ones. They are its outlets, whose events carry the row counts; a contract whose
    name is a template has none of its own."""

    _published: Contract

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if "{{" not in self.contract:
            self.add_outlets(table_assets(self.contract_name, self.settings.lake))

    def stage(self, context: Context) -> Report:
        from octavo.publishing import publish

        workspace, self._published = self.workspace(context), self.pinned(context)
        report = publish.run(workspace, self._published, self.lake)
        superseded = workspace.remove_superseded(lambda run: self.has_ended(context, run))
        if superseded:
            self.log.info("removed the workspaces of %d earlier runs; this run's stays, so that its tasks can be cleared", superseded)
        return report

    def has_ended(self, context: Context, run: str) -> bool:
        """Whether it is a run of this DAG that goes on no more; of runs by the command line Airflow does not know."""
        return context["ti"].get_dr_count(self.dag_id, run_ids=[run], states=["success", "failed"]) > 0

    def result(self, context: Context, report: Report) -> Any:
        partition = self.partition(context)
        tables = (self.lake.published(partition) or {}).get("tables", {})
        for asset in [one for one in self.outlets if isinstance(one, Asset) and one.group == GROUP]:
            table = asset.name.rpartition("/")[2]
            context["outlet_events"][asset].extra = {
                "day": partition.day.isoformat(),
                "rows": report.counts.get(f"rows_{table}", 0),
                "sha256": tables.get(table, {}).get("sha256", ""),
                "file": str(self.lake.table(table, partition)),
            }
        return report.counts

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """The landing folder and the tables that were made of it, for OpenLineage's provider."""
        if self.report is None:
            return lineage.of(self.settings, self.contract_name)
        return lineage.published(self.settings, self._published, self.report.counts)
