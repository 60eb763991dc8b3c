"""Seeded runs of a day under a real Airflow, whose tasks, scheduler or database are killed: the driver of Airflow's road."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
from upath import UPath

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo.workflows import pipeline
from samples import make
from tests import days
from tests.e2e.conftest import Airflow, kill
from tests.faults import processes, reader
from tests.faults.attempts import STAGES
from tests.faults.runs import ATTEMPTS, CONTRACT, Verdict, judge

DAG = f"octavo_{CONTRACT}"
TARGETS = (*STAGES, "scheduler", "database")
COMPONENTS = {"scheduler": "scheduler", "database": "postgres"}
FIRST = dt.date(2026, 4, 1)
DOCUMENTS, SCANS = 4, 1
TASK_SECONDS = 1.5       # a task of a small day takes about that long
API_SECONDS = 180        # how long the API may be away while the database comes back
RUN_SECONDS = 1200


def run(airflow: Airflow, root: Path, seed: int, number: int, target: str | None = None) -> Verdict:
    """Run number ``number`` over a day of its own: the same seed and number always make the same choices."""
    target = target or TARGETS[number % len(TARGETS)]
    chance = random.Random(f"{seed}/airflow {number}")
    day = FIRST + dt.timedelta(days=number)
    make.write(airflow.landing.parent, make.history(day, 1, DOCUMENTS, SCANS, seed))
    expected: dict[str, str] = processes.apart(_undisturbed, airflow, day, root / f"undisturbed{number}")
    verdict = Verdict(number, seed, "airflow", target)
    stage, delay = (chance.choice(STAGES) if target in COMPONENTS else target), chance.random() * TASK_SECONDS
    contract = contracts.find(CONTRACT, airflow.contracts)
    with reader.watching(airflow.lake, contract, day, {}) as seen:
        for turn in range(ATTEMPTS):
            verdict.attempts += 1
            name = _patiently(lambda: airflow.run(CONTRACT, str(day)))
            if not turn:
                verdict.kills += _strike(airflow, name, target, stage, delay)
            if _end(airflow, name) == "success":
                break
        else:
            verdict.lost += DOCUMENTS
            verdict.problems.append(f"not published after {ATTEMPTS} runs: {_patiently(lambda name=name: airflow.why(CONTRACT, name))}")
    verdict.looks, verdict.mixtures = seen[0].looks, seen[0].mixtures([expected])
    judge(airflow.lake, CONTRACT, day, expected).apply(verdict)
    return verdict


def _undisturbed(airflow: Airflow, day: dt.date, lake: Path) -> dict[str, str]:
    os.environ.update({name: value for name, value in airflow.stack.extra.items() if name.startswith("OCTAVO_")})
    folder = UPath(airflow.landing / f"{CONTRACT}/{day:%Y/%m/%d}")
    result = pipeline.run_day(contracts.find(CONTRACT, airflow.contracts), folder, day, Settings(lake=str(lake)))
    if not result.published:
        raise RuntimeError(f"an undisturbed run of {day} was not published: {result.error}")
    return days.digests(lake, CONTRACT, day)


def _strike(airflow: Airflow, name: str, target: str, stage: str, delay: float) -> int:
    """Kill what the target says once a task of the stage has run for ``delay`` seconds; returns how many processes were killed."""
    while not (running := [task for task in _tasks(airflow, name) if task["task_id"] == stage and task["state"] == "running"]):
        if _patiently(lambda: airflow.api.state(DAG, name)) in ("success", "failed"):
            return 0
        time.sleep(0.05)
    time.sleep(delay)
    if target in COMPONENTS:
        airflow.kill_component(COMPONENTS[target])
        return 1
    found = airflow.processes(f"airflow worker -- {running[0]['id']}")
    for process in found[:1]:
        try:
            kill(process)
        except psutil.NoSuchProcess:
            return 0
    return len(found[:1])


def _tasks(airflow: Airflow, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _patiently(lambda: airflow.api.tasks(DAG, name))
    return found


def _end(airflow: Airflow, name: str) -> str:
    """The run's final state."""
    end = time.monotonic() + RUN_SECONDS
    while (state := str(_patiently(lambda: airflow.api.state(DAG, name)))) not in ("success", "failed"):
        if time.monotonic() > end:
            raise TimeoutError(f"{name} is {state} after {RUN_SECONDS} s")
        time.sleep(0.5)
    return state


def _patiently(ask: Callable[[], Any]) -> Any:
    """The API's answer, which stays away while the database comes back."""
    end = time.monotonic() + API_SECONDS
    while True:
        try:
            return ask()
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
