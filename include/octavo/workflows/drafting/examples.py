"""Example documents: their words, and what is true of them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upath import UPath

from octavo.extraction.rules.key_value_pairs import pairs
from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Page, Partition
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.page.values import squeeze
from octavo.page.view import View
from octavo.reading import stage as reading
from octavo.storage import schemas
from octavo.storage.scratch import scratch
from octavo.storage.workspace import Workspace

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


def any_contract(name: str) -> Contract:
    """A contract that only serves to read documents."""
    return Contract(name=name, title=name, fields={"pairs": FieldSpec(type=Kind.PAIRS)})


def read_examples(name: str, folder: Path, settings: Settings) -> list[Example]:
    """The documents of a folder that can be read, by path."""
    with scratch() as state:
        workspace = Workspace.open(UPath(state), Partition(name, dt.date(1970, 1, 1)), "draft")
        ingest.run(workspace, any_contract(name), UPath(folder), settings)
        uris = {row["document"]: row["uri"] for row in workspace.read(workspace.documents, ["document", "uri"]).to_pylist()}
        found: dict[str, Example] = {}
        for shard in workspace.plan.page_shards:
            reading.run(workspace, shard, settings)
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


# Keys that become fields, and the share of the documents that must print one.
MOST_FIELDS = 20
LEAST_SHARE = 0.5
LONGEST_NAME = 40


def guessed_truth(examples: list[Example]) -> None:
    """Give each example the values of its keys, where enough of the documents have the key, in the order of the pages."""
    found: list[dict[str, tuple[str, str]]] = []
    order: dict[str, list[int]] = {}
    for example in examples:
        values: dict[str, tuple[str, str]] = {}
        for page in example.pages:
            for pair in pairs(View(page, any_contract("draft"))):
                key = squeeze(pair.key.text)
                if key and not key.isdigit() and key not in values:
                    order.setdefault(key, []).append(len(values))
                    values[key] = (pair.key.text, pair.value.text)
        found.append(values)
    printed = Counter(key for values in found for key in values)
    least = max(1 if len(examples) < 3 else 2, round(LEAST_SHARE * len(examples)))
    often = [key for key, count in printed.most_common() if count >= least][:MOST_FIELDS]
    often.sort(key=lambda key: (sum(order[key]) / len(order[key]), key))
    names = _names([(key, next(values[key][0] for values in found if key in values)) for key in often])
    for example, values in zip(examples, found, strict=True):
        example.truth = {names[key]: values[key][1] for key in often if key in values and values[key][1]}


def _names(keys: list[tuple[str, str]]) -> dict[str, str]:
    """A column's name for each key."""
    names: dict[str, str] = {}
    for key, shown in keys:
        name = "_".join(re.findall(r"[a-z0-9]+", shown.casefold()))[:LONGEST_NAME].strip("_")
        name = name if name[:1].isalpha() else f"field_{name}".rstrip("_")
        while name in names.values():
            name += "_2"
        names[key] = name
    return names
