"""Ingest and read a folder of documents for the other benches; not a bench itself."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Page, Partition, Report
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace


@dataclass(frozen=True)
class ReadSet:
    """A folder that was read. ``reports`` are those of ingest and of every shard."""

    workspace: Workspace
    reports: list[Report]

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
        workspace = Workspace.open(UPath(scratch), Partition("bench", dt.date(2000, 1, 1)), f"{time.monotonic_ns()}")
        reports = [ingest.run(workspace, contract, UPath(docs), settings, select)]
        reports += [reading.run(workspace, shard, settings) for shard in workspace.plan.page_shards]
        yield ReadSet(workspace, reports)
