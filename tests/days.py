"""Questions about days, of a lake and of a running Airflow: for end-to-end tests and benches."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upath import UPath

from octavo.storage import fs
from octavo.storage.lake import STABLE_TABLES
from scripts.api import AirflowApi

# What may stand only once in a table.
KEYS = {
    "documents": ("document",), "records": ("document",), "pages": ("document", "page"), "chunks": ("document", "page", "chunk"),
    "ledger": ("run", "level", "document", "uri", "page", "chunk", "extractor"),
}
PAGE_OF_RUNS = 100  # what Airflow's API gives at most


def of(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day from ``first`` to ``last``, both inclusive."""
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


Lake = str | Path | UPath
"""Where the tables lie: a path, or a URL of an object store."""


def file(lake: Lake, table: str, contract: str, day: dt.date | str) -> UPath:
    return UPath(lake) / table / f"contract={contract}" / f"day={day}" / "part.parquet"


def digests(lake: Lake, contract: str, day: dt.date | str) -> dict[str, str]:
    """sha256 of every byte-stable table of the day."""
    return {
        table: hashlib.sha256(file(lake, table, contract, day).read_bytes()).hexdigest() for table in (*STABLE_TABLES, contract)
    }


def manifest(lake: Lake, contract: str, day: dt.date | str) -> dict[str, Any] | None:
    """What was published of the day; None for nothing."""
    path = UPath(lake) / "_published" / f"contract={contract}" / f"day={day}.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def is_published(lake: Lake, contract: str, day: dt.date | str) -> bool:
    """Whether the day is published, with just the digests that its manifest names."""
    said = manifest(lake, contract, day)
    return said is not None and all(said["tables"][table]["sha256"] == found for table, found in digests(lake, contract, day).items())


def holes(lake: Lake, contract: str, day: dt.date | str) -> list[str]:
    """What the ledger of the day's published run does not account for; one line each.

    Every document that the run found has to be there with an end, and as many pages of it as it has.
    """
    said = manifest(lake, contract, day)
    if said is None:
        return [f"{day} is not published"]
    ledger = fs.read_table(file(lake, "ledger", contract, day)).to_pylist()
    rows = [row for row in ledger if row["run"] == said["run"]]
    pages = Counter(row["document"] for row in rows if row["level"] == "page")
    ended = {row["document"] for row in rows if row["level"] == "document"}
    documents = fs.read_table(file(lake, "documents", contract, day)).to_pylist()
    return [
        *(f"{day}: {row['uri']} is not in the ledger" for row in documents if row["document"] not in ended),
        *(f"{day}: {pages[row['document']]} of {row['pages']} pages of {row['uri']}" for row in documents
          if row["status"] == "ok" and pages[row["document"]] != row["pages"]),
        *(f"{day}: {row['level']} {row['uri']} has no end" for row in rows if row["reason"] == "not_processed"),
    ]


def repeated(lake: Lake, contract: str, day: dt.date | str) -> list[str]:
    """What stands twice in the tables of the day; one line each."""
    found = []
    for table, names in KEYS.items():
        rows = fs.read_table(file(lake, contract if table == "records" else table, contract, day), list(names)).to_pylist()
        found += [f"{day}: {key} stands {count} times in {table}" for key, count in _counted(rows, names).items() if count > 1]
    return found


def _counted(rows: list[dict[str, Any]], names: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(str(row[name]) for name in names) for row in rows)


def backfill(api: AirflowApi, dag: str, first: dt.date, last: dt.date, active: int, behaviour: str) -> int:
    """Ask for a backfill; returns its number.

    Args:
        behaviour: ``none``, ``completed`` or ``failed``: which days that have a run already are run again.
    """
    body = {
        "dag_id": dag, "from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z", "run_backwards": False, "dag_run_conf": {},
        "reprocess_behavior": behaviour, "max_active_runs": active,
    }
    return int(api.post("backfills", body)["id"])


def runs(api: AirflowApi, dag: str) -> list[dict[str, Any]]:
    """Every run of the DAG."""
    return list(_pages(api, f"dags/{dag}/dagRuns", "dag_runs"))


def _pages(api: AirflowApi, path: str, name: str) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        answer = api.get(path, limit=PAGE_OF_RUNS, offset=offset)
        yield from answer[name]
        offset += len(answer[name])
        if not answer[name] or offset >= answer["total_entries"]:
            return


@dataclass
class Tally:
    """What the tasks of some runs did. ``seconds`` are those of task instances, from start to end."""

    tasks: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


def tally(api: AirflowApi, dag: str, names: Iterable[str]) -> Tally:
    """Counts and durations of the tasks of the runs ``names``."""
    found = Tally()
    for run in names:
        for task in api.tasks(dag, run):
            if task["state"] != "success":
                continue
            found.tasks += 1
            found.seconds += task["duration"] or 0.0
            if task["task_id"] in ("read", "extract_molmo"):
                found.counts.update(api.xcom(dag, run, task["task_id"], index=task["map_index"]))
            elif task["task_id"] == "ingest":
                found.counts.update(api.xcom(dag, run, "ingest", "counts"))
    return found
