"""Kill runs of a day at random points, fill the disk, drop the object store, and see whether the promises hold.

    .venv/bin/python bench/faults.py --runs 24 --seed 1 [--json]
    .venv/bin/python bench/faults.py --tally FILE             # prints the sums of what is in FILE, and runs nothing

A run is one day of small documents that is taken through all stages while something falls on it: SIGKILL of the process in a
given stage, before a random operation on a file or at a random moment; SIGKILL of a child that reads; a disk that is full from a
random operation on; an object store that answers nobody from a random moment on. It is then tried again until the day is
published, with the disk or the store mended. Half of the runs begin with a lake in which another state of the day is published.

``lost``: documents, pages and chunks without an end in the ledger. ``duplicated``: rows that stand twice, and pages that were read
though their words were kept. ``mixtures``: files that a reader, which looks at all tables all the time, saw and that are neither
the old nor the new one. ``byte_differences``: byte-stable tables that differ from an undisturbed run's. The same seed makes the
same choices. With ``--out`` each run adds a line to a file; started again with it, runs that are in there are not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from tests.faults import runs  # noqa: E402


def lines_of(path: Path | None) -> list[dict[str, Any]]:
    """The runs that a file tells of; a last line that was cut off by a kill does not count."""
    found = []
    for line in path.read_text().splitlines() if path is not None and path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            print(f"{path}: left out a line that is cut off", file=sys.stderr)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=len(runs.TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", type=int, default=2, help="sets of documents that runs draw from (default: %(default)s)")
    parser.add_argument("--target", choices=runs.TARGETS, help="only this one; by default in turn")
    parser.add_argument("--out", type=Path, help="a file that gets a line per run; what is in it is not run again")
    parser.add_argument("--tally", type=Path, help="print the sums of such a file and run nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    verdicts = lines_of(args.tally or args.out)
    if args.tally is None:
        done = {(row["driver"], row["seed"], row["run"]) for row in verdicts}
        wanted = [number for number in range(args.runs) if ("command line", args.seed, number) not in done]
        with tempfile.TemporaryDirectory(prefix="octavo-faults-") as folder:
            bench = runs.Bench(Path(folder), args.seed, args.sets if wanted else 0)
            for number in wanted:
                row = bench.run(number, args.target).row()
                verdicts.append(row)
                if args.out is not None:
                    with args.out.open("a") as stream:
                        stream.write(json.dumps(row) + "\n")
                print(f"{number}: {row['target']}, {row['attempts']} attempts, {row['kills']} kills"
                      f"{'; '.join(['', *row['problems']])}", file=sys.stderr, flush=True)
    found = runs.total(verdicts)
    print(json.dumps(found) if args.json else json.dumps(found, indent=1))
    return int(bool(found["runs_with_problems"]))


if __name__ == "__main__":
    sys.exit(main())
