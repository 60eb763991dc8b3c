"""What Airflow costs: wall time of the DAG over a day of scanned pages ÷ ``python -m octavo run`` over the same.

    .venv/bin/python bench/airflow.py [--pages 200] [--json]

Both start with empty stores, one after the other, on this machine. The DAG's time is from asking for
the run until it has ended, with no other run on the machine. A real Airflow (scheduler, LocalExecutor, embedded PostgreSQL) is started
in a temporary folder and ended afterwards; its start does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from octavo.model.settings import Settings  # noqa: E402
from samples import make  # noqa: E402
from scripts.api import AirflowApi  # noqa: E402
from scripts.stack import Stack, free_port  # noqa: E402

GOAL = 1.5
RUN_SECONDS = 3600


def measure(pages: int, root: Path) -> dict[str, Any]:
    """Make ``pages`` scanned receipts and take them through both roads."""
    make.build(root, pages=pages)
    day = make.RECEIPTS
    folder = root / "landing" / "receipt" / f"{day:%Y/%m/%d}"
    started = time.monotonic()
    command = [sys.executable, "-m", "octavo", "run", "receipt", str(folder), "--day", day.isoformat(), "--json"]
    command += ["--lake", str(root / "lake-cli")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    cli = time.monotonic() - started
    counts = json.loads(done.stdout.splitlines()[-1])
    contracts = root / "contracts"
    contracts.mkdir()
    shutil.copy(Path(Settings().contracts) / "receipt.yaml", contracts)
    stack = Stack(root / "var", free_port(), {"OCTAVO_LANDING": str(root / "landing"), "OCTAVO_LAKE": str(root / "lake-dag"),
                                        "OCTAVO_CONTRACTS": str(contracts)})
    try:
        stack.start()
        api = AirflowApi(stack.url)
        while not (api.has_dag("octavo_receipt") and _idle(api)):
            time.sleep(0.5)
        started = time.monotonic()
        run = api.trigger("octavo_receipt", day=day.isoformat())
        state = api.wait("octavo_receipt", run, RUN_SECONDS)
        dag = time.monotonic() - started
        tasks = len(api.tasks("octavo_receipt", run))
    finally:
        stack.stop()
    if state != "success":
        raise SystemExit(f"the run ended as {state}")
    return {
        "ratio_to_cli": round(dag / cli, 3), "goal": GOAL, "dag_seconds": round(dag, 1), "cli_seconds": round(cli, 1),
        "pages": counts["pages"], "tasks": tasks, "cores": os.cpu_count(), "load_before": round(os.getloadavg()[2], 1),
    }


def _idle(api: AirflowApi) -> bool:
    """Whether the run that a new DAG starts with, of the last ended day, is over: it is not part of the comparison."""
    states = [run["state"] for run in api.get("dags/octavo_receipt/dagRuns")["dag_runs"]]
    return bool(states) and not {"queued", "running"} & set(states)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=200, help="scanned pages (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as folder:
        found = measure(args.pages, Path(folder))
    if args.json:
        print(json.dumps(found))
    else:
        print(
            f"DAG {found['dag_seconds']} s, command line {found['cli_seconds']} s over {found['pages']} pages: "
            f"ratio {found['ratio_to_cli']} (goal: at most {GOAL})"
        )


if __name__ == "__main__":
    main()
