"""Ingest: a folder of files becomes a table of documents and a plan of shards.

A file that cannot be processed is a row with status ``quarantined`` and a reason; it never fails the run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from upath import UPath

from octavo import schemas, storage
from octavo.config import Settings
from octavo.contracts import Contract
from octavo.ingest.discovery import find, printable
from octavo.ingest.inspection import Inspector
from octavo.model import Outcome, Report
from octavo.workspace import Workspace, cut_into_shards

log = logging.getLogger(__name__)

__all__ = ["run"]


def run(workspace: Workspace, contract: Contract, folder: UPath, settings: Settings, select: str | None = None) -> Report:
    """List the settled documents under ``folder`` into the workspace and cut them into shards.

    Args:
        workspace: where ``documents``, the pinned contract and the plan are written.
        contract: ``contract.files`` says which files are its documents.
        folder: the day's folder; one that does not exist is an empty day.
        settings: limits, and how long a file must have been left alone.
        select: a glob on file names; None takes all.

    Returns:
        counts ``files`` (considered), ``documents``, ``pages``, ``quarantined`` and ``duplicates``
        (files whose bytes another one has).
    """
    started = time.monotonic()
    files = find(folder, contract.files, settings.settle_seconds, select)
    with Inspector(settings.limits) as inspector:
        rows = _documents(workspace, files, inspector)
    storage.write_rows(workspace.documents, rows, schemas.DOCUMENTS)
    workspace.pin(contract)
    workspace.write_plan(cut_into_shards([(row["document"], row["pages"]) for row in rows], settings.shard_pages))
    counts = {
        "files": len(files),
        "documents": len(rows),
        "pages": sum(row["pages"] for row in rows),
        "quarantined": sum(row["status"] == Outcome.QUARANTINED for row in rows),
        "duplicates": sum(len(row["copies"]) for row in rows),
    }
    return Report("ingest", counts, time.monotonic() - started)


def _documents(workspace: Workspace, files: Iterable[UPath], inspector: Inspector) -> list[dict[str, Any]]:
    """One row per distinct content, sorted by its sha256. ``files`` come in sorted order, so the first is the uri."""
    rows: dict[str, dict[str, Any]] = {}
    for file in files:
        try:
            document = storage.sha256_of(file)
        except FileNotFoundError:
            log.warning("%s went away while the folder was read; the next run takes it if it returns", printable(file))
            continue
        if document in rows:
            rows[document]["copies"].append(printable(file))
            continue
        found = inspector.inspect(file)
        if found.reason is not None:
            log.warning("%s is quarantined: %s %s", printable(file), found.reason, found.detail)
        rows[document] = {
            "document": document, "uri": printable(file), "copies": [], "media_type": found.media_type, "bytes": found.size,
            "pages": found.pages,
            "status": (Outcome.OK if found.reason is None else Outcome.QUARANTINED).value, "reason": found.reason,
        }
    return [rows[document] for document in sorted(rows)]
