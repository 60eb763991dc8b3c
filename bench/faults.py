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

The bench ends with an error where a run had problems, where a run that was asked for is missing, where no blow fell in any, and
where the reader has not looked at one. Under Airflow nothing but these runs takes their days.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import proof
import stacks

from tests.e2e.conftest import SETTINGS, running
from tests.faults import runs, under_airflow


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


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a run the same run."""
    return row["driver"], row["seed"], row["run"], row["target"]


def keys_of(args: argparse.Namespace) -> list[tuple[Any, ...]]:
    """Those of the runs that are asked for."""
    targets = under_airflow.TARGETS if args.driver == "airflow" else runs.TARGETS
    return [
        (args.driver.replace("-", " "), args.seed, number, args.target or targets[number % len(targets)]) for number in range(args.runs)
    ]


def by_command_line(root: Path, args: argparse.Namespace, wanted: Sequence[int]) -> Iterator[runs.Verdict]:
    """Runs of the stages without Airflow: cheap, and struck at single operations."""
    bench = runs.Bench(root, args.seed, args.sets)
    for number in wanted:
        yield bench.run(number, args.target)


def by_airflow(root: Path, args: argparse.Namespace, wanted: Sequence[int]) -> Iterator[runs.Verdict]:
    """Runs of the DAG, on one stack that is started for them."""
    places = stacks.places(root)
    with running(root / "landing", root / "lake", Path(places["OCTAVO_CONTRACTS"]), {**SETTINGS, **places}) as airflow:
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
        proof.need("moto", "s3fs", programs=["tesseract"])
        asked = keys_of(args)
        done = [key_of(row) for row in verdicts]
        wanted = [number for number, key in enumerate(asked) if key not in done]
        with tempfile.TemporaryDirectory(prefix="octavo-faults-") as folder:
            for verdict in DRIVERS[args.driver](Path(folder), args, wanted) if wanted else ():
                row = verdict.row()
                verdicts.append(row)
                if args.out is not None:
                    add(args.out, row)
                print(f"{row['run']}: {row['target']}, {row['attempts']} attempts, {row['kills']} kills"
                      f"{'; '.join(['', *row['problems']])}", file=sys.stderr, flush=True)
    found = runs.total(verdicts)
    print(json.dumps(found) if args.json else json.dumps(found, indent=1), flush=True)
    if args.tally is None:
        proof.same("runs", asked_for=args.runs, in_the_tally=len(set(asked) & set(map(key_of, verdicts))))
    proof.some("all runs", runs=found["runs"], attempts=found["attempts"], kills_and_other_blows=found["kills"])
    proof.none("the reader that looks for mixtures", runs_without_a_look=sum(not row["looks"] for row in verdicts))
    return int(bool(found["runs_with_problems"]))


if __name__ == "__main__":
    sys.exit(main())
