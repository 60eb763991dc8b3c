"""One task of a run: the documents of its shard, with what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from octavo.extraction import vlm
from octavo.model.entities import Partition
from octavo.model.errors import WorkspaceError
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.workspace import Plan, Span, Workspace
from octavo.views.runs import RunView
from octavo.views.sources import Row

PAGE_STAGES = ("read", "chunk", "extract_layout")
"""Tasks that are mapped over page shards."""


@dataclass(frozen=True, slots=True)
class Part:
    """A document of the shard: which of its pages the task works on (None to None: all), and how those that are written came out."""

    document: str
    name: str
    status: str
    reason: str | None
    first: int | None
    last: int | None
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class TaskView:
    """A mapped task: its shards, and their documents."""

    task: str
    shards: tuple[str, ...]
    parts: tuple[Part, ...]


def load(settings: Settings, run: RunView, task: str, index: int) -> TaskView | None:
    """The documents of a mapped task's shard; None for a task without one, or where the run's workspace is gone.

    Args:
        settings: the workspaces, and how many pages a task of the model takes.
        run: the run.
        task: what it does: the id that it has in the shipped DAGs.
        index: its map index.
    """
    workspace = Workspace.open(settings.workspaces, Partition(run.contract, run.day), run.run)
    try:
        plan = workspace.plan
        shards = _shards(settings, plan, task)
        if not 0 <= index < len(shards):
            return None
        spans = _spans(plan, shards[index])
        rows = workspace.documents_of({span[0] for span in spans}, ["uri", "status", "reason"])
    except WorkspaceError:
        return None
    written = _outcomes(workspace, task, shards[index])
    parts = [
        Part(
            document, str(rows[document]["uri"]).rstrip("/").rsplit("/", 1)[-1], rows[document]["status"], rows[document]["reason"], first,
            last, dict(written.get(document, {})),
        )
        for document, first, last in spans if document in rows
    ]
    return TaskView(task, tuple(shards[index]), tuple(parts))


def _shards(settings: Settings, plan: Plan, task: str) -> list[list[str]]:
    """The shards of each of the task's mapped instances, in the order of their indices."""
    if task in PAGE_STAGES:
        return [[shard] for shard in plan.page_shards]
    if task == f"extract_{vlm.EXTRACTOR}":
        pages = {shard: sum(span.pages for span in spans) for shard, spans in plan.page_shards.items()}
        return vlm.grouped(pages, settings.molmo_shard_pages)
    return [[shard] for shard in plan.document_shards] if task == "merge" else []


def _spans(plan: Plan, shards: Sequence[str]) -> list[tuple[str, int | None, int | None]]:
    found: list[tuple[str, int | None, int | None]] = []
    for shard in shards:
        spans: tuple[Span, ...] = plan.page_shards.get(shard, ())
        found += [(span.document, span.first, span.last) for span in spans]
        found += [(document, None, None) for document in plan.document_shards.get(shard, ())]
    return found


def _outcomes(workspace: Workspace, task: str, shards: Sequence[str]) -> dict[str, Counter[str]]:
    """By document, how the pages (or the values) came out that the shards' files of this stage list; of chunks only their number."""
    stage, column = {"read": ("read", "outcome"), "merge": ("fields", "verdict")}.get(task, (task, "document"))
    found: dict[str, Counter[str]] = {}
    for shard in shards:
        try:
            rows: list[Row] = fs.read_table(workspace.shard(stage, shard), list({"document", column})).to_pylist()
        except FileNotFoundError:
            continue
        for row in rows:
            found.setdefault(row["document"], Counter())[row[column] if column != "document" else "chunks"] += 1
    return found
