"""Example documents: their words, and what is true of them."""

from __future__ import annotations

import datetime as dt
import glob
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec, Kind, Locale
from octavo.model.entities import Page, Partition, Progress
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage import schemas
from octavo.storage.scratch import scratch
from octavo.storage.workspace import Workspace
from octavo.workflows.trial import reading_told

# Pages of one document that are looked at: labels repeat.
MOST_PAGES = 8
# Whatever a line of truth calls its document.
_NAMES = ("file", "document", "path", "name")


@dataclass
class Example:
    """One document: where it lies, its first pages, and its true fields (texts, objects, lists of objects)."""

    uri: str
    pages: list[Page]
    truth: dict[str, Any] = field(default_factory=dict)


def any_contract(name: str, locale: Locale | None = None, files: Sequence[str] = ("**/*",)) -> Contract:
    """A contract that only serves to read documents."""
    return Contract(name=name, title=name, fields={"pairs": FieldSpec(type=Kind.PAIRS)}, locale=locale or Locale(), files=tuple(files))


def files_beside(folder: Path, truth: Path) -> tuple[str, ...]:
    """Globs of all files of a folder but the truth, which is no document."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.resolve() != truth.resolve())
    return tuple(glob.escape(path.relative_to(folder).as_posix()) for path in files)


def read_examples(
    name: str, folder: Path, settings: Settings, files: Sequence[str] = ("**/*",), progress: Progress | None = None,
) -> list[Example]:
    """The documents of a folder that can be read, by path.

    Args:
        files: globs of those that are documents.
        progress: told how far it is.
    """
    tell = progress or (lambda stage, done, total, unit: None)
    tell("look", 0, 1, "steps")
    with scratch() as state:
        workspace = Workspace.open(UPath(state), Partition(name, dt.date(1970, 1, 1)), "draft")
        counts = ingest.run(workspace, any_contract(name, files=files), UPath(folder), settings).counts
        tell("look", 1, 1, "steps")
        uris = {row["document"]: row["uri"] for row in workspace.read(workspace.documents, ["document", "uri"]).to_pylist()}
        found: dict[str, Example] = {}
        done = 0
        for shard in workspace.page_shards:
            done += reading.run(workspace, shard, settings, partial(reading_told, tell, done, counts["pages"])).counts["pages"]
            for row in workspace.read(workspace.shard("read", shard)).to_pylist():
                example = found.setdefault(row["document"], Example(uris[row["document"]], []))
                if len(example.pages) < MOST_PAGES:
                    example.pages.append(schemas.page_from_row(row))
    return sorted(found.values(), key=lambda example: example.uri)


def read_truth(path: Path, examples: list[Example]) -> None:
    """Give each example its true fields, found by the end of its path.

    Raises:
        SettingsError: names the line that is no JSON object or names no document.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: no such file")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise SettingsError(f"{path}:{number}: no JSON: {error}") from error
        name = next((row[key] for key in _NAMES if isinstance(row.get(key), str)), None) if isinstance(row, dict) else None
        if name is None:
            raise SettingsError(f"{path}:{number}: a line is one JSON object with `file`, the document's name, and `fields`")
        fields = row.get("fields")
        if not isinstance(fields, dict):
            fields = {key: value for key, value in row.items() if key not in _NAMES}
        for example in examples:
            if f"/{example.uri}".endswith(f"/{name.rpartition('/')[2]}"):
                example.truth = {key: value for key, value in fields.items() if value not in (None, "", [], {})}
