"""Several page shards for one task of a model, sized apart from those of reading."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Runtime
from octavo.extraction.vlm.stage import EXTRACTOR, run
from octavo.model.contracts import Contract
from octavo.model.entities import Report
from octavo.storage.answer_store import AnswerStore
from octavo.storage.workspace import Workspace

log = logging.getLogger(__name__)


def run_shards(
    workspace: Workspace, shards: Sequence[str], contract: Contract, options: RuntimeOptions, store: AnswerStore, runtime: Runtime,
) -> Report:
    """Write the answers of several page shards by one model, which is loaded once; counts as of ``stage.run``, added up."""
    started = time.monotonic()
    reports = []
    for number, shard in enumerate(shards, 1):
        log.info("shard %s, %d of %d", shard, number, len(shards))
        reports.append(run(workspace, shard, contract, options, store, runtime=runtime))
    seconds, cost = round(time.monotonic() - started, 3), sum(report.cost for report in reports)
    return Report(f"extract_{EXTRACTOR}", Report.total(reports), seconds, cost)


def grouped(pages: Mapping[str, int], most_pages: int) -> list[list[str]]:
    """Page shards, in order, for the tasks of a model: loading one takes as long as many pages.

    Args:
        pages: of each page shard.
        most_pages: of a task; a single page shard may have more.

    Returns:
        Lists of neighbouring shards, each shard exactly once.
    """
    groups: list[list[str]] = []
    room = 0
    for shard, count in pages.items():
        if not groups or count > room:
            groups.append([])
            room = most_pages
        groups[-1].append(shard)
        room -= count
    return groups
