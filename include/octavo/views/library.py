"""Searching the published documents: newest day first, a page at a time, straight from the lake's files."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs  # pa.fs
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.views.sources import by_verdict, days

PAGE_ROWS = 50
FIRST_FILES, MOST_FILES = 8, 256  # days that are scanned side by side: few at first, since the first page mostly needs no more
_PARTITIONS = ds.partitioning(pa.schema([("contract", pa.string()), ("day", pa.string())]), flavor="hive")
_COLUMNS = ["document", "uri", "pages", "status", "reason", "contract", "day"]
Key = tuple[str, str, str]
"""Contract, day and document."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; empty strings and None ask for nothing.

    ``name``: part of the path, in any case, or the start of the sha256. ``first`` and ``last``: days, both inclusive.
    ``status``: how the document ended. ``verdict``, ``field`` and ``value`` hold for one and the same field; ``field`` is
    its path, ``value`` a part of its text in any case. ``page`` counts from 1.
    """

    name: str = ""
    contract: str = ""
    first: dt.date | None = None
    last: dt.date | None = None
    status: str = ""
    verdict: str = ""
    field: str = ""
    value: str = ""
    page: int = 1

    @property
    def by_field(self) -> bool:
        return bool(self.verdict or self.field or self.value)


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found. ``verdicts`` counts its fields; ``matches`` are the first fields that were searched for."""

    document: str
    name: str
    contract: str
    day: str
    pages: int
    status: str
    reason: str | None
    verdicts: dict[str, int]
    matches: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of what was found; ``more`` says whether another follows."""

    hits: tuple[Hit, ...]
    page: int
    more: bool


def search(settings: Settings, contracts: Collection[str], wanted: Search) -> SearchResult:
    """One page of the documents that ``wanted`` describes, by day (newest first), contract and sha256.

    Args:
        settings: the lake.
        contracts: those that may be seen.
        wanted: what is looked for.
    """
    lake = Lake(UPath(settings.lake))
    seen = sorted(set(contracts) & {wanted.contract}) if wanted.contract else contracts
    partitions = [
        one for one in days(lake.root / "documents", seen)
        if (wanted.first is None or one.day >= wanted.first) and (wanted.last is None or one.day <= wanted.last)
    ]
    skip = (max(1, wanted.page) - 1) * PAGE_ROWS
    rows: list[dict[str, Any]] = []
    matches: dict[Key, list[tuple[str, str]]] = {}
    for block in _blocks(partitions):
        table = _documents(lake, block, wanted, matches)
        taken = table.slice(skip, PAGE_ROWS + 1 - len(rows))
        skip = max(0, skip - table.num_rows)
        rows += taken.to_pylist()
        if len(rows) > PAGE_ROWS:
            break
    shown = rows[:PAGE_ROWS]
    verdicts = _verdicts(lake, shown)
    return SearchResult(tuple(_hit(row, verdicts, matches) for row in shown), max(1, wanted.page), len(rows) > PAGE_ROWS)


def _blocks(partitions: Sequence[Partition]) -> Iterator[Sequence[Partition]]:
    start, size = 0, FIRST_FILES
    while start < len(partitions):
        yield partitions[start : start + size]
        start, size = start + size, min(MOST_FILES, 2 * size)


def _documents(lake: Lake, block: Sequence[Partition], wanted: Search, matches: dict[Key, list[tuple[str, str]]]) -> pa.Table:
    """The block's documents that are looked for, in order; adds to ``matches`` the fields that made them so."""
    conditions = []
    if wanted.name:
        in_path = pc.match_substring(ds.field("uri"), wanted.name, ignore_case=True)
        conditions.append(in_path | pc.starts_with(ds.field("document"), wanted.name.lower()))
    if wanted.status:
        conditions.append(ds.field("status") == wanted.status)
    if not wanted.by_field:
        return _scan(lake, "documents", block, _COLUMNS, conditions)
    found = _fields(lake, block, wanted)
    if not found.num_rows:
        return _scan(lake, "documents", block, _COLUMNS, [pc.scalar(False)])
    conditions.append(ds.field("document").isin(found["document"].unique()))
    for row in found.to_pylist():
        matches.setdefault(_key(row), []).append((row["field"], row["value"] or ""))
    table = _scan(lake, "documents", block, _COLUMNS, conditions)
    return table.filter(pa.array([_key(row) in matches for row in table.select(["contract", "day", "document"]).to_pylist()], pa.bool_()))


def _fields(lake: Lake, block: Sequence[Partition], wanted: Search) -> pa.Table:
    """The block's fields that are looked for."""
    conditions = []
    if wanted.verdict:
        conditions.append(ds.field("verdict") == wanted.verdict)
    if wanted.field:
        conditions.append(ds.field("field") == wanted.field)
    if wanted.value:
        conditions.append(pc.match_substring(ds.field("value"), wanted.value, ignore_case=True))
    return _scan(lake, "fields", block, ["document", "field", "value", "contract", "day"], conditions)


def _verdicts(lake: Lake, rows: Sequence[dict[str, Any]]) -> dict[Key, Counter[str]]:
    """How many fields of each of the documents have each verdict."""
    block = sorted({Partition(row["contract"], dt.date.fromisoformat(row["day"])) for row in rows}, key=lambda one: one.path)
    wanted = ds.field("document").isin([row["document"] for row in rows])
    table = _scan(lake, "fields", block, ["document", "verdict", "contract", "day"], [wanted]) if block else None
    counts: dict[Key, Counter[str]] = {}
    for row in table.to_pylist() if table is not None else ():
        counts.setdefault(_key(row), Counter())[row["verdict"]] += 1
    return counts


def dataset(lake: Lake, table: str, block: Sequence[Partition]) -> ds.Dataset:
    """A table's files of some days (at least one), with the columns ``contract`` and ``day``."""
    paths = [lake.table(table, partition) for partition in block]
    remote = None if fs.is_local(paths[0]) else pa.fs.PyFileSystem(pa.fs.FSSpecHandler(paths[0].fs))
    return ds.dataset([path.path for path in paths], format="parquet", partitioning=_PARTITIONS, filesystem=remote)


def _scan(lake: Lake, table: str, block: Sequence[Partition], columns: list[str], conditions: Sequence[Any]) -> pa.Table:
    """Rows of a table's files of several days, in the days' order."""
    where = None
    for condition in conditions:
        where = condition if where is None else where & condition
    return dataset(lake, table, block).to_table(columns=columns, filter=where)


def _key(row: dict[str, Any]) -> Key:
    return row["contract"], row["day"], row["document"]


def _hit(row: dict[str, Any], verdicts: dict[Key, Counter[str]], matches: dict[Key, list[tuple[str, str]]]) -> Hit:
    return Hit(
        row["document"], str(row["uri"]).rstrip("/").rsplit("/", 1)[-1], row["contract"], row["day"], row["pages"] or 0, row["status"],
        row["reason"], by_verdict(verdicts.get(_key(row), {})), tuple(matches.get(_key(row), ())[:3]),
    )
