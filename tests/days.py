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

import pyarrow.parquet as pq

from octavo.lake import STABLE_TABLES
from scripts.api import AirflowApi

PAGE_OF_RUNS = 100  # what Airflow's API gives at most
FINISHED = ("success", "failed", "skipped", "upstream_failed")


def of(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day from ``first`` to ``last``, both inclusive."""
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def file(lake: Path, table: str, contract: str, day: dt.date | str) -> Path:
    return lake / table / f"contract={contract}" / f"day={day}" / "part.parquet"


def digests(lake: Path, contract: str, day: dt.date | str) -> dict[str, str]:
    """sha256 of every byte-stable table of the day."""
    return {
        table: hashlib.sha256(file(lake, table, contract, day).read_bytes()).hexdigest() for table in (*STABLE_TABLES, contract)
    }


def manifest(lake: Path, contract: str, day: dt.date | str) -> dict[str, Any] | None:
    """What was published of the day; None for nothing."""
    path = lake / "_published" / f"contract={contract}" / f"day={day}.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def is_published(lake: Path, contract: str, day: dt.date | str) -> bool:
    """Whether the day is published, with just the digests that its manifest names."""
    said = manifest(lake, contract, day)
    return said is not None and all(said["tables"][table]["sha256"] == found for table, found in digests(lake, contract, day).items())


def holes(lake: Path, contract: str, day: dt.date | str) -> list[str]:
    """What the ledger of the day's published run does not account for; one line each.

    Every document that the run found has to be there with an end, and as many pages of it as it has.
    """
    said = manifest(lake, contract, day)
    if said is None:
        return [f"{day} is not published"]
    ledger = pq.read_table(file(lake, "ledger", contract, day), partitioning=None).to_pylist()
    rows = [row for row in ledger if row["run"] == said["run"]]
    pages = Counter(row["document"] for row in rows if row["level"] == "page")
    ended = {row["document"] for row in rows if row["level"] == "document"}
    documents = pq.read_table(file(lake, "documents", contract, day), partitioning=None).to_pylist()
    return [
        *(f"{day}: {row['uri']} is not in the ledger" for row in documents if row["document"] not in ended),
        *(f"{day}: {pages[row['document']]} of {row['pages']} pages of {row['uri']}" for row in documents
          if row["status"] == "ok" and pages[row["document"]] != row["pages"]),
        *(f"{day}: {row['level']} {row['uri']} has no end" for row in rows if row["reason"] == "not_processed"),
    ]


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
