"""Days of contracts: per contract and day what came in, what came out and what was kept out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from upath import UPath

from octavo.model.entities import Outcome, Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from octavo.views.sources import as_date, by_verdict, children

SHOWN_DAYS = 30        # of each contract, newest first
SHOWN_QUARANTINED = 50  # of each day


@dataclass(frozen=True, slots=True)
class QuarantinedFile:
    """A document that was kept out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one contract. ``gate`` is ``passed``, ``refused`` or ``not run``; ``refusals`` say what failed."""

    day: dt.date
    published: bool
    gate: str
    refusals: tuple[str, ...] = ()
    documents: int = 0
    pages: int = 0
    quarantined: tuple[QuarantinedFile, ...] = ()
    quarantined_count: int = 0
    records: int | None = None
    verdicts: dict[str, int] = field(default_factory=dict)
    has_report: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """One contract with its latest days."""

    contract: str
    days: tuple[Day, ...]
    hidden_days: int


def overview(settings: Settings, contracts: Iterable[str]) -> list[Overview]:
    """The latest days of each of ``contracts``, by name; contracts without any day are left out."""
    lake = Lake(UPath(settings.lake))
    found = []
    for contract in sorted(contracts):
        days = sorted(_days(lake, settings, contract), reverse=True)
        if days:
            shown = tuple(_day(lake, settings, Partition(contract, day)) for day in days[:SHOWN_DAYS])
            found.append(Overview(contract, shown, len(days) - len(shown)))
    return found


def latest(settings: Settings, contract: str, most: int) -> list[Day]:
    """The latest days of one contract, newest first, at most ``most`` of them."""
    lake = Lake(UPath(settings.lake))
    return [_day(lake, settings, Partition(contract, day)) for day in sorted(_days(lake, settings, contract), reverse=True)[:most]]


def _days(lake: Lake, settings: Settings, contract: str) -> set[dt.date]:
    """Days that are published or were tried."""
    names = [path.name.removeprefix("day=") for path in children(lake.root / "ledger" / f"contract={contract}")]
    names += [path.stem.removeprefix("day=") for path in children(lake.root / "_published" / f"contract={contract}")]
    names += [path.name for path in children(settings.workspaces / contract)]
    return {day for name in names if (day := as_date(name))}


def _day(lake: Lake, settings: Settings, partition: Partition) -> Day:
    published = lake.published(partition)
    gate, refusals = _gate(settings, partition)
    if gate == "not run" and published:
        gate = "passed"
    path = lake.table("documents", partition) if published else _latest(settings, partition, "documents.parquet")
    rows = fs.read_table(path, ["uri", "pages", "status", "reason"]).to_pylist() if path is not None else []
    out = [QuarantinedFile(str(row["uri"]).rsplit("/", 1)[-1], row["reason"]) for row in rows if row["status"] == Outcome.QUARANTINED]
    verdicts: dict[str, int] = {}
    if published:
        found = fs.read_table(lake.table("fields", partition), ["verdict"])["verdict"].to_pylist()
        verdicts = by_verdict(Counter(found))
    return Day(
        partition.day, published is not None, gate, refusals, len(rows), sum(row["pages"] or 0 for row in rows),
        tuple(out[:SHOWN_QUARANTINED]), len(out), _rows(published, partition.contract), verdicts,
        (lake.reports(partition) / "index.html").exists(),
    )


def _rows(published: dict[str, Any] | None, table: str) -> int | None:
    return published["tables"][table]["rows"] if published else None


def _gate(settings: Settings, partition: Partition) -> tuple[str, tuple[str, ...]]:
    """What the gate said in the latest run of the day that left something."""
    path = _latest(settings, partition, "validation.json")
    if path is None:
        return "not run", ()
    result = fs.read_json(path)
    failed = [one for one in result["expectations"] if not one["success"]]
    texts = tuple("{name}: {said}".format(said=one["error"] or "{failing} of {checked} rows".format(**one), **one) for one in failed)
    return ("passed" if result["success"] else "refused"), texts


def _latest(settings: Settings, partition: Partition, name: str) -> UPath | None:
    """The newest file called ``name`` in the day's workspaces."""
    root = Workspace.open(settings.workspaces, partition, "any").root.parent
    paths = [run / name for run in children(root) if (run / name).exists()]
    return max(paths, key=lambda path: path.stat().st_mtime, default=None)
