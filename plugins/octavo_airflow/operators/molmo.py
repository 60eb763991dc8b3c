"""Extraction by a Molmo model: how its work is cut, where it runs, and what it does when it is called off."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from octavo_airflow import pools
from octavo_airflow.operators.base import OctavoOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from octavo.extraction.vlm import RuntimeOptions
    from octavo.extraction.vlm.protocol import Runtime
    from octavo.model.entities import Report
    from octavo.model.settings import Settings


def placement(settings: Settings) -> dict[str, Any]:
    """Where a model's tasks run, as arguments of an operator: pool, slots, queue, and the pod of a KubernetesExecutor."""
    placed: dict[str, Any] = {"pool": pools.MOLMO, "pool_slots": settings.molmo_pool_slots, "queue": settings.molmo_queue}
    if settings.molmo_pod_template:
        placed["executor_config"] = {"pod_template_file": settings.molmo_pod_template}
    return placed


class MolmoShardsOperator(OctavoOperator):
    """Cut the run's pages into tasks for the model; skipped, and extraction by Molmo with it, where the run does not use one.

    Each task reads several page shards, together up to ``OCTAVO_MOLMO_SHARD_PAGES``, with one loaded model.
    """

    def stage(self, context: Context) -> Report:
        from airflow.sdk.exceptions import AirflowSkipException

        from octavo.model.entities import Report

        if "molmo" not in self.extractors:
            raise AirflowSkipException(
                "extractor layout was asked for" if self.extractor == "layout"
                else "no model is configured (OCTAVO_MOLMO_MODEL or OCTAVO_MOLMO_CONN_ID): this run extracts by layout only"
            )
        return Report("molmo_shards", {"tasks": len(self._groups(context))}, 0.0)

    def result(self, context: Context, report: Report) -> list[list[str]]:
        return self._groups(context)

    def _groups(self, context: Context) -> list[list[str]]:
        from octavo.extraction import vlm

        shards = self.workspace(context).plan.page_shards
        pages = {shard: sum(span.pages for span in spans) for shard, spans in shards.items()}
        return vlm.grouped(pages, self.settings.molmo_shard_pages)


class MolmoExtractOperator(OctavoOperator):
    """Extract the fields of some page shards' chunks with a Molmo model. A slot of its pool (``molmo_gpu``) is a GPU.

    :param shards: the page shards that this task reads, with the model loaded once (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "shards")

    def __init__(self, *, shards: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shards = shards
        self._runtime: Runtime | None = None

    def stage(self, context: Context) -> Report:
        from octavo.extraction import vlm
        from octavo.extraction.vlm.runtimes import open_runtime
        from octavo.storage.answer_store import AnswerStore

        workspace, options = self.workspace(context), self._options()
        store = AnswerStore(self.settings.answer_store, workspace.fresh_since)
        self.log.info("runtime %s, batches of up to %d crops or %d tokens", options.runtime, options.batch_size, options.batch_tokens)
        with closing(open_runtime(options)) as self._runtime:
            return vlm.run_shards(workspace, self.shards, self.pinned(context), options, store, self._runtime)

    def result(self, context: Context, report: Report) -> Any:
        shards = self.shards[0] if len(self.shards) == 1 else f"{self.shards[0]} to {self.shards[-1]}"
        context["label"] = f"{self.partition(context).day} {shards}: {report.counts['chunks']} chunks"  # type: ignore[typeddict-unknown-key]
        return report.counts

    def on_kill(self) -> None:
        """Stop writing at the next token, so that the task ends before Airflow kills it."""
        if self._runtime:
            self._runtime.cancel()

    def _options(self) -> RuntimeOptions:
        from octavo.extraction import vlm
        from octavo_airflow.hooks import MolmoHook

        return MolmoHook(self.molmo_connection).options() if self.molmo_connection else vlm.configure()
