"""Kill runs of a day at random points, fill the disk, drop the object store, and see whether the promises hold.

    .venv/bin/python bench/faults.py --runs 24 --seed 1 [--json]
    .venv/bin/python bench/faults.py --driver airflow --runs 11 --seed 1 [--json]
    .venv/bin/python bench/faults.py --tally FILE             # prints the sums of what is in FILE, and runs nothing

A run is one day of small documents that is taken through all stages while something falls on it: SIGKILL of the process in a
given stage, before a random operation on a file or at a random moment; SIGKILL of a child that reads; a disk that is full from a
random operation on; an object store that answers nobody from a random moment on. It is then tried again until the day is
published, with the disk or the store mended. Half of the runs begin with a lake in which another state of the day is published.
With ``--driver airflow`` a real Airflow runs the day, and one of its tasks, its scheduler or its database is killed.

``lost``: documents, pages and chunks without an end in the ledger. ``duplicated``: rows that stand twice, and pages that were read
though their words were kept. ``mixtures``: files that a reader, which looks at all tables all the time, saw and that are neither
the old nor the new one. ``byte_differences``: byte-stable tables that differ from an undisturbed run's. The same seed makes the
same choices. With ``--out`` each run adds a line to a file; started again with it, runs that are in there are not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from octavo.model.settings import Settings  # noqa: E402
from tests.e2e.conftest import SETTINGS, running  # noqa: E402
from tests.faults import runs, under_airflow  # noqa: E402


def lines_of(path: Path | None) -> list[dict[str, Any]]:
    """The runs that a file tells of; a last line that was cut off by a kill does not count."""
    found = []
    for line in path.read_text().splitlines() if path is not None and path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            print(f"{path}: left out a line that is cut off", file=sys.stderr)
    return found


def add(path: Path, row: dict[str, Any]) -> None:
    """Append a line, and begin a new one where a kill cut the last one off."""
    with path.open("a+b") as stream:
        cut_off = stream.seek(0, os.SEEK_END) and (stream.seek(-1, os.SEEK_END), stream.read(1))[1] != b"\n"
        stream.write((b"\n" if cut_off else b"") + json.dumps(row).encode() + b"\n")


def by_command_line(root: Path, args: argparse.Namespace, wanted: Sequence[int]) -> Iterator[runs.Verdict]:
    """Runs of the stages without Airflow: cheap, and struck at single operations."""
    bench = runs.Bench(root, args.seed, args.sets)
    for number in wanted:
        yield bench.run(number, args.target)


def by_airflow(root: Path, args: argparse.Namespace, wanted: Sequence[int]) -> Iterator[runs.Verdict]:
    """Runs of the DAG, on one stack that is started for them."""
    contracts = root / "contracts"
    contracts.mkdir()
    shutil.copy(Path(Settings().contracts) / f"{runs.CONTRACT}.yaml", contracts)
    with running(root / "landing", root / "lake", contracts, SETTINGS) as airflow:
        for number in wanted:
            yield under_airflow.run(airflow, root, args.seed, number, args.target)


DRIVERS = {"command-line": by_command_line, "airflow": by_airflow}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=len(runs.TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", type=int, default=2, help="sets of documents that runs draw from (default: %(default)s)")
    parser.add_argument("--driver", choices=list(DRIVERS), default="command-line", help="who runs the day (default: %(default)s)")
    parser.add_argument("--target", choices=sorted({*runs.TARGETS, *under_airflow.TARGETS}), help="only this one; by default in turn")
    parser.add_argument("--out", type=Path, help="a file that gets a line per run; what is in it is not run again")
    parser.add_argument("--tally", type=Path, help="print the sums of such a file and run nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    verdicts = lines_of(args.tally or args.out)
    if args.tally is None:
        driver = args.driver.replace("-", " ")
        done = {(row["driver"], row["seed"], row["run"]) for row in verdicts}
        wanted = [number for number in range(args.runs) if (driver, args.seed, number) not in done]
        with tempfile.TemporaryDirectory(prefix="octavo-faults-") as folder:
            for verdict in DRIVERS[args.driver](Path(folder), args, wanted) if wanted else ():
                row = verdict.row()
                verdicts.append(row)
                if args.out is not None:
                    add(args.out, row)
                print(f"{row['run']}: {row['target']}, {row['attempts']} attempts, {row['kills']} kills"
                      f"{'; '.join(['', *row['problems']])}", file=sys.stderr, flush=True)
    found = runs.total(verdicts)
    print(json.dumps(found) if args.json else json.dumps(found, indent=1))
    return int(bool(found["runs_with_problems"]))


if __name__ == "__main__":
    sys.exit(main())
