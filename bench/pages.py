"""Ingest and read a folder of documents for the other benches; not a bench itself."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import proof
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Page, Partition, Report
from octavo.model.errors import Reason
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace

DAY = dt.date(2000, 1, 1)  # of all documents; nothing that is found depends on it


@dataclass(frozen=True)
class ReadSet:
    """A folder that was read; for ``counts`` see ``read_counts``."""

    workspace: Workspace
    counts: dict[str, int]

    def pages(self) -> Iterator[tuple[str, str, Page]]:
        """(uri, media type, page) of every page of every file, copies included."""
        documents = {row["document"]: row for row in fs.read_table(self.workspace.documents).to_pylist()}
        for shard in self.workspace.plan.page_shards:
            for row in fs.read_table(self.workspace.shard("read", shard)).to_pylist():
                document = documents[row["document"]]
                for uri in (document["uri"], *document["copies"]):
                    yield uri, document["media_type"], schemas.page_from_row(row)


@contextmanager
def read_set(docs: Path, state: Path | None, select: str | None = None) -> Iterator[ReadSet]:
    """Ingest and read ``docs``.

    Args:
        docs: folder of documents.
        state: keeps the reading store for the next run; None uses a temporary folder.
        select: a glob on file names.
    """
    contract = Contract(name="bench", title="Bench", fields={"text": FieldSpec()})
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(state=str(state or scratch))
        workspace = Workspace.open(UPath(scratch), Partition("bench", DAY), f"{time.monotonic_ns()}")
        reports = [ingest.run(workspace, contract, UPath(docs), settings, select)]
        reports += [reading.run(workspace, shard, settings) for shard in workspace.plan.page_shards]
        yield ReadSet(workspace, read_counts(workspace, reports))


def read_counts(workspace: Workspace, reports: list[Report]) -> dict[str, int]:
    """How many documents and pages there are, and what became of the pages; ends the bench unless all are accounted for.

    Args:
        reports: of ingest and of reading, of one shard each or added up.

    Returns:
        ``documents``, ``pages`` and ``words``; ``reads`` of now, ``read_hits`` that the reading store had, and ``not_wanted`` by the
        contract, which are all pages; ``blank`` and ``unreadable``, which are some of them.
    """
    ingested, read = (Report.total([report for report in reports if report.stage == stage]) for stage in ("ingest", "read"))
    reasons = [
        reason for shard in workspace.plan.page_shards
        for reason in fs.read_table(workspace.shard("read", shard), ["reason"])["reason"].to_pylist()
    ]
    proof.some("the folder", **{name: ingested[name] for name in ("documents", "pages")})
    pages = {"reads": read["reads"], "read_hits": read["read_hits"], "not_wanted": reasons.count(Reason.NOT_WANTED)}
    proof.same("reading", pages=ingested["pages"], rows=len(reasons), read_kept_or_not_wanted=sum(pages.values()))
    found = {"blank": reasons.count(Reason.BLANK_PAGE), "unreadable": read["quarantined_pages"]}
    return {"documents": ingested["documents"], "pages": ingested["pages"], **pages, **found, "words": read["words"]}


def truth(set_dir: Path) -> list[dict[str, Any]]:
    """The lines of ``truth.jsonl``; ends the bench where there is none, or where a file that one is about is missing."""
    path = set_dir / "truth.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ()
    rows = [json.loads(line) for line in lines]
    proof.same(f"{path}", lines=len(rows), files_there=sum((set_dir / row["file"]).is_file() for row in rows))
    return rows

