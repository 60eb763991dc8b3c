"""Days that are killed at random points end as if nothing had happened; the whole bench is in ``bench/faults.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.runs import TARGETS

REPO = Path(__file__).resolve().parent.parent.parent
# In turn: SIGKILL in each of the nine stages, of a child that reads, and a full disk; the object store's turn comes after them.
RUNS = TARGETS.index("store")


def bench(*arguments: object) -> tuple[dict[str, int], str]:
    command = [sys.executable, "bench/faults.py", "--json", *map(str, arguments)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.timeout(900)
def test_days_that_are_killed_at_random_points_are_published_whole_and_nothing_is_done_twice(tmp_path: Path) -> None:
    out = tmp_path / "tally.jsonl"
    found, told = bench("--runs", RUNS, "--seed", 7, "--sets", 1, "--out", out)
    assert [found[name] for name in ("lost", "duplicated", "mixtures", "byte_differences", "runs_with_problems")] == [0] * 5, told
    assert (found["runs"], found["attempts"] > RUNS, found["kills"] >= RUNS - 1, found["looks"] > RUNS) == (RUNS, True, True, True), told
    with out.open("a") as stream:
        stream.write('{"run": 11, "seed"')  # the bench was killed while it wrote
    again, told = bench("--runs", RUNS, "--seed", 7, "--out", out)
    assert again == found
    assert told.count("\n") == 1, told
    assert bench("--tally", out)[0] == found


def test_a_tally_with_a_loss_ends_with_an_error(tmp_path: Path) -> None:
    row = {
        "run": 0, "seed": 1, "driver": "command line", "target": "read", "kills": 1, "attempts": 2, "lost": 1, "duplicated": 0,
        "mixtures": 0, "byte_differences": 0, "looks": 3, "problems": ["a page has no end"],
    }
    (tmp_path / "tally.jsonl").write_text(json.dumps(row) + "\n")
    command = [sys.executable, "bench/faults.py", "--json", "--tally", str(tmp_path / "tally.jsonl")]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["lost"]) == (1, 1)
