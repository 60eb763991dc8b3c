"""Trials: a contract on a few documents, through every stage up to the tables, in a folder that is gone afterwards.

Only what was read stays: it goes to the reading store, so that a run does not read it again.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.ingest import stage as ingest
from octavo.merging import stage as merging
from octavo.model.contracts import Contract
from octavo.model.entities import Partition, Progress
from octavo.model.settings import Settings
from octavo.publishing import staging
from octavo.reading import stage as reading
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.scratch import scratch
from octavo.storage.workspace import Workspace

# The day and the run of a trial: it has none.
DAY, RUN = dt.date(1970, 1, 1), "trial"


@dataclass(frozen=True)
class ContractTrial:
    """The staged tables of a trial. ``settings`` are those of its own lake; ``origins`` has the file of each place that was copied."""

    contract: Contract
    settings: Settings
    partition: Partition
    run: str
    origins: Mapping[str, str]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A staged table's rows."""
        staged = Workspace.open(self.settings.workspaces, self.partition, self.run).staged(table)
        found: list[dict[str, Any]] = fs.read_table(staged).to_pylist()
        return found


@contextmanager
def tried(contract: Contract, files: Sequence[Path], settings: Settings, progress: Progress | None = None) -> Iterator[ContractTrial]:
    """What a contract makes of files, by the extractor ``layout``, as long as the block lasts.

    Args:
        contract: its gate does not count.
        files: documents, archives or folders of them; the contract's ``files`` hold within a folder that is given alone.
        settings: how they are read, and the reading store that their words go to.
        progress: told how far it is.
    """
    tell = progress or (lambda stage, done, total, unit: None)
    tell("look", 0, 1, "steps")
    with scratch() as folder:
        partition = Partition(contract.name, DAY)
        own = settings.model_copy(update={"lake": str(folder / "lake"), "state": None, "settle_seconds": 0.0})
        source, origins = _gathered(files, folder / "files")
        if origins:
            contract = contract.model_copy(update={"files": ("**/*",)})
        workspace = Workspace.open(own.workspaces, partition, RUN)
        counts = ingest.run(workspace, contract, source, own).counts
        tell("look", 1, 1, "steps")
        done = 0
        for shard in workspace.page_shards:
            done += reading.run(workspace, shard, settings, partial(reading_told, tell, done, counts["pages"])).counts["pages"]
            chunking.run(workspace, shard, contract.chunking, settings.limits)
            rules.run(workspace, shard, contract, settings.limits)
        for number, shard in enumerate(workspace.document_shards, 1):
            merging.run(workspace, shard, contract, [rules.EXTRACTOR], None, settings.limits)
            tell("merge", number, len(workspace.document_shards), "shards")
        staging.run(workspace, contract, Lake(UPath(own.lake)), [rules.EXTRACTOR])
        yield ContractTrial(contract, own, partition, RUN, origins)


def reading_told(tell: Progress, before: int, pages: int, done: int) -> None:
    """Say how many pages of all shards are read, of those in a shard that is being read."""
    tell("read", before + done, pages, "pages")


def _gathered(files: Sequence[Path], folder: Path) -> tuple[UPath, dict[str, str]]:
    """A folder with all of the files, and for each copy in it the file; a folder that is given alone stays where it is."""
    if len(files) == 1 and files[0].is_dir():
        return UPath(files[0]), {}
    origins = {}
    for number, file in enumerate(files):
        inside = [path for path in sorted(file.rglob("*")) if path.is_file()] if file.is_dir() else [file]
        for path in inside:
            copy = folder / f"{number:04d}" / (path.relative_to(file) if file.is_dir() else path.name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
            origins[str(UPath(copy))] = str(path)
    return UPath(folder), origins
