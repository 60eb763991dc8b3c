"""What a backfill costs, and what doing it again costs: days of small documents under a real Airflow with PostgreSQL.

    .venv/bin/python bench/backfill.py [--days 60] [--documents 30] [--json]

Each day has ``--documents`` receipts, ``--scans`` of them pictures (read by Tesseract, profile ``fast``), the others PDFs with a
text layer. A backfill of ``--active`` runs at a time takes them all, and then once more with ``--reprocess-behavior completed``,
when nothing has changed. Counted are pages read, calls of models, days that are published, days whose ledger lacks something, and
files of byte-stable tables that differ after the second time. ``stage_seconds`` are those inside Octavo's stages, as the tasks'
logs tell them; ``task_seconds`` those of Airflow's task instances from start to end, several at a time, so the difference is what
Airflow costs; ``wall_seconds`` go from asking for the backfill to its end.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from octavo.model.settings import Settings  # noqa: E402
from samples import make  # noqa: E402
from scripts.api import AirflowApi  # noqa: E402
from scripts.stack import Stack, free_port  # noqa: E402
from tests import days  # noqa: E402

DAG = "octavo_receipt"
FIRST = dt.date(2026, 3, 1)  # long before the days that a scheduled run looks back for late documents
GOAL_SHARE = 0.05
_TOLD = re.compile(r"\b[a-z_]+ in (\d+\.\d+) s: ")


class Tasks:
    """What the tasks of a stack have told so far: its log files, each read once."""

    def __init__(self, stack: Stack) -> None:
        self._folder = stack.var / "airflow" / "logs" / f"dag_id={DAG}"
        self._seen: dict[Path, int] = {}

    def seconds(self) -> float:
        """The sum of what stages told since the last call."""
        return sum(self._told())

    def _told(self) -> Iterator[float]:
        for path in sorted(self._folder.rglob("*.log")):
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
        "days_published": sum(days.is_published(lake, "receipt", day) for day in partitions),
        "days_with_holes": sum(bool(days.holes(lake, "receipt", day)) for day in partitions),
    }


def measure(args: argparse.Namespace, root: Path) -> dict[str, Any]:
    make.write(root, make.history(FIRST, args.days, args.documents, args.scans))
    last = FIRST + dt.timedelta(days=args.days - 1)
    contracts = root / "contracts"
    contracts.mkdir()
    shutil.copy(Path(Settings().contracts) / "receipt.yaml", contracts)
    lake = root / "lake"
    stack = Stack(root / "var", free_port(), {
        "OCTAVO_LANDING": str(root / "landing"), "OCTAVO_LAKE": str(lake), "OCTAVO_CONTRACTS": str(contracts), "OCTAVO_OCR_PROFILE": "fast",
    })
    try:
        stack.start()
        api = AirflowApi(stack.url)
        while not api.has_dag(DAG):
            time.sleep(0.5)
        tasks = Tasks(stack)
        first = one_pass(api, tasks, lake, last, args.active, "none")
        print(json.dumps(first), file=sys.stderr, flush=True)
        before = {day: days.digests(lake, "receipt", day) for day in days.of(FIRST, last)}
        again = one_pass(api, tasks, lake, last, args.active, "completed")
        differences = sum(
            digest != before[day][table] for day in days.of(FIRST, last) for table, digest in days.digests(lake, "receipt", day).items()
        )
    finally:
        stack.stop()
    return {
        "days": args.days, "documents": args.days * args.documents, "scans": args.days * args.scans, "max_active_runs": args.active,
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
    with tempfile.TemporaryDirectory(prefix="octavo-backfill-") as folder:
        found = measure(args, Path(folder))
    print(json.dumps(found) if args.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
