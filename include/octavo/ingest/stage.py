"""Ingest: a folder of files becomes a table of documents and a plan of shards.

A file that cannot be processed is a row with status ``quarantined`` and a reason; it never fails the run.
"""

from __future__ import annotations

import datetime as dt
import logging
import time

from upath import UPath

from octavo.ingest.discovery import find
from octavo.ingest.listing import Listing
from octavo.model.contracts import Contract
from octavo.model.entities import Outcome, Report
from octavo.model.settings import Settings
from octavo.storage import fs, schemas
from octavo.storage.tombstones import Forgotten
from octavo.storage.workspace import Workspace, cut_into_shards

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
        counts ``files`` (considered; an archive counts as its members), ``documents``, ``pages``, ``quarantined`` and ``duplicates``
        (files whose bytes another one has), and ``forgotten``, if there are files that ``octavo forget`` erased.
    """
    started, since = time.monotonic(), dt.datetime.now(dt.UTC)
    forgotten = Forgotten(UPath(settings.lake)).documents()
    files = find(folder, contract.files, settings.settle_seconds, select)
    with Listing(workspace, settings.limits, forgotten, select) as listing:
        for file in files:
            listing.add(file)
    rows = listing.rows()
    fs.write_rows(workspace.documents, rows, schemas.DOCUMENTS)
    workspace.pin(contract, since)
    workspace.write_plan(cut_into_shards([(row["document"], row["pages"]) for row in rows], settings.shard_pages))
    counts = {
        "files": listing.files,
        "documents": len(rows),
        "pages": sum(row["pages"] for row in rows),
        "quarantined": sum(row["status"] == Outcome.QUARANTINED for row in rows),
        "duplicates": sum(len(row["copies"]) for row in rows),
    }
    if listing.left_out:
        log.info("%d files were erased by octavo forget and are not taken again", listing.left_out)
        counts["forgotten"] = listing.left_out
    return Report("ingest", counts, time.monotonic() - started)
