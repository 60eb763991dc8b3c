"""What a day was made of: its files as they lay in the landing folder, and everything else that its tables follow from.

Publishing keeps both beside the lake's tables, so that a later run can tell whether anything has changed, and which
documents arrived after their day was done.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from upath import UPath

import octavo
from octavo.ingest.discovery import day_folder, is_document_name
from octavo.model import lexicon
from octavo.model.contracts import Contract
from octavo.model.digest import digest
from octavo.model.entities import Partition
from octavo.model.errors import Reason, SettingsError
from octavo.model.settings import Settings
from octavo.reading import engine
from octavo.storage import fs
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake, salt, salted
from octavo.storage.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LateDay:
    """A day whose folder is not as its last published run saw it. ``digest`` names this state of the folder.

    ``files`` are new or have changed, ``vanished`` were there and are no more.
    """

    day: dt.date
    files: int
    vanished: int
    digest: str
    published: bool


def files_of(folder: UPath, settings: Settings) -> dict[str, str]:
    """Each settled file below ``folder`` with its size and time; from one listing, no file is opened.

    Files are named by a salted digest of their path in the folder: what is kept must not tell names of documents that are forgotten.
    """
    return {name: state for name, state in _listed(folder, settings).items() if state is not None}


def _listed(folder: UPath, settings: Settings) -> dict[str, str | None]:
    """As ``files_of``, with those that are still settling, as None."""
    key = salt(UPath(settings.lake))
    youngest = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=settings.settle_seconds)
    depth = len(folder.parts)
    found = {}
    for file in fs.files_under(folder):
        name = PurePosixPath(*file.path.parts[depth:])
        if is_document_name(name):
            settled = file.changed is None or file.changed <= youngest
            found[salted(str(name), key)] = f"{file.size} {file.changed.isoformat() if file.changed else ''}" if settled else None
    return found


def rules_of(contract: Contract, settings: Settings, extractors: Sequence[str], model: Mapping[str, Any] | None = None) -> str:
    """Digest of what a day's tables depend on beside its files and what people said: contract, lexicon, settings, engines, our own code."""
    return digest({
        "contract": contract.hash, "extractors": list(extractors), "model": dict(model or {}), "code": _code(),
        "lexicon": lexicon.current().digest,
        "engine": engine.key(engine.find(settings.ocr_profile, settings.languages), settings), "limits": settings.limits.model_dump(),
    })


@lru_cache(maxsize=1)
def _code() -> str:
    """Digest of this package's files, source and data: another version may find other values.

    Without contracts and what ``octavo init`` gives away: a day depends on its own contract alone, which is told apart.
    """
    root = Path(octavo.__file__).resolve().parent
    total = hashlib.sha256()
    apart = {"__pycache__", "contracts", "samples", "dags"}
    for path in sorted(path for path in root.rglob("*") if path.is_file() and apart.isdisjoint(path.relative_to(root).parts[:-1])):
        total.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


def keep(workspace: Workspace, folder: UPath, contract: Contract, settings: Settings, extractors: Sequence[str],
         model: Mapping[str, Any] | None = None) -> None:
    """Note in the workspace what the run starts from; publishing copies it. Called before ingest looks, so nothing is missed between."""
    workspace.keep_inputs(files_of(folder, settings), rules_of(contract, settings, extractors, model))


def unchanged(lake: Lake, workspace: Workspace, settings: Settings) -> bool:
    """Whether the day is published and was made of just what the workspace notes, and nobody has said anything about it since."""
    published, noted = lake.published(workspace.partition), workspace.inputs()
    if published is None or noted is None or published.get("inputs") != digest(noted):
        return False
    path = lake.table("documents", workspace.partition)
    if not path.exists():
        return False
    rows = fs.read_table(path, ["document", "reason"]).to_pylist()
    if any(row["reason"] == Reason.UNREADABLE_FILE for row in rows):  # nothing that a listing shows tells whether it may be opened now
        return False
    documents = [row["document"] for row in rows]
    said = CorrectionStore(settings.correction_store).of(workspace.partition.contract, documents)
    merged = [{**row, "record": None} for row in fs.read_table(lake.table("corrections", workspace.partition)).to_pylist()]
    return bool([one.row() for document in documents for one in said.get(document, ())] == merged)


def late_days(contract: str, settings: Settings, first: dt.date, before: dt.date) -> list[LateDay]:
    """Days from ``first`` up to the one before ``before`` whose folders are not as their last published run saw them; oldest first."""
    lake = Lake(UPath(settings.lake))
    found = []
    for number in range((before - first).days):
        day = first + dt.timedelta(days=number)
        try:
            folder = day_folder(settings, Partition(contract, day))
        except SettingsError as error:  # it is that day's own affair
            log.warning("%s", error)
            continue
        listed = _listed(folder, settings)
        files = {name: state for name, state in listed.items() if state is not None}
        seen = lake.inputs(Partition(contract, day))
        known: Mapping[str, str] = seen["files"] if seen is not None else {}
        late = sum(known.get(name) != state for name, state in files.items())
        vanished = len(known.keys() - listed.keys())
        if late or vanished:
            found.append(LateDay(day, late, vanished, digest(files), seen is not None))
    return found
