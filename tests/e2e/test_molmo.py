"""Molmo under the real scheduler, as ``make run EXTRACTOR=molmo`` shows it: the trained fixture reads its own statements,
in its pool, and is asked once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.api import AirflowApi
from scripts.stack import Stack, free_port
from tests.e2e.conftest import REPO, RUN_SECONDS, Airflow, until

FIXTURE = REPO / "tests" / "data" / "molmo2-fixture"
CONTRACT, DAY = "fixture_statement", "2026-10-20"
DEMO = [sys.executable, "-m", "scripts.demo"]


@pytest.fixture(scope="module")
def airflow() -> Iterator[Airflow]:
    """The stack that the demonstration starts, in a folder of its own; ended with the tests."""
    var = Path(tempfile.mkdtemp(prefix="octavo-molmo-"))
    stack = Stack(var, free_port())
    try:
        with demo(stack) as process:
            until(lambda: process.poll() is not None or (stack.logs.exists() and stack.healthy()), seconds=300)
            yield Airflow(stack, AirflowApi(stack.url, stack.login), var / "landing", var / "lake", FIXTURE)
    finally:
        stack.stop()
        left = list(stack.processes())
        shutil.rmtree(var)
        assert not left, "stopping the stack left processes"


def demo(stack: Stack) -> subprocess.Popen[str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("OCTAVO_")}
    given |= {"EXTRACTOR": "molmo", "AIRFLOW_PORT": str(stack.port), "OCTAVO_VAR": str(stack.var), "OCTAVO_MOLMO_DEVICE": "cpu"}
    return subprocess.Popen(DEMO, cwd=REPO, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def occupied(airflow: Airflow) -> int:
    pool = airflow.api.get("pools/molmo_gpu")
    return int(pool["running_slots"] + pool["queued_slots"])


def runs(airflow: Airflow) -> list[str]:
    """The runs of the fixture's DAG, oldest first."""
    found = airflow.api.get(f"dags/octavo_{CONTRACT}/dagRuns", order_by="run_after")["dag_runs"]
    return [run["dag_run_id"] for run in found]


def test_make_run_is_the_demonstration_with_the_extractor_that_is_named() -> None:
    command = ["make", "--no-print-directory", "-n", "run", "EXTRACTOR=molmo"]
    shown = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["scripts/setup.sh molmo", ".venv/bin/python -m scripts.demo"]


def test_the_fixture_reads_its_statements_in_the_pool_and_is_never_asked_again(airflow: Airflow) -> None:
    until(lambda: airflow.api.has_dag(f"octavo_{CONTRACT}") and runs(airflow), seconds=RUN_SECONDS)
    first, slots = runs(airflow)[0], airflow.api.get("pools/molmo_gpu")["slots"]
    seen: list[int] = []

    def ended() -> bool:
        seen.append(occupied(airflow))
        return airflow.api.state(f"octavo_{CONTRACT}", first) in ("success", "failed")

    until(ended, seconds=RUN_SECONDS)
    assert airflow.states(CONTRACT, first)["publish"] == {"success"}, airflow.why(CONTRACT, first)
    assert 0 < max(seen) <= slots
    assert airflow.counts(CONTRACT, first, "extract_molmo")["model_calls"] > 0

    answers = [row for row in airflow.rows("answers", CONTRACT, DAY) if row["extractor"] == "molmo"]
    expected = [chunk["answer"] for chunk in json.loads((FIXTURE / "expected.json").read_text())["chunks"]]
    assert sorted(map(json.dumps, expected)) == sorted(json.dumps(json.loads(row["parsed"])) for row in answers)

    before = airflow.digests(CONTRACT, DAY)
    with demo(airflow.stack) as again:
        said, _ = again.communicate(timeout=600)
    assert again.returncode == 0, said
    assert "a tiny fixture reads the two statements that it knows by heart" in said
    assert "1 of 1 days published" in said
    counts = airflow.counts(CONTRACT, runs(airflow)[-1], "extract_molmo")
    assert (counts["model_calls"], counts["store_hits"]) == (0, len(answers))
    assert airflow.digests(CONTRACT, DAY) == before
