"""An Airflow of their own for the benches that run receipts under one, in which nothing else runs; not a bench itself."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import proof

from octavo.model.settings import CONTRACTS_FOLDER
from scripts.api import AirflowApi
from scripts.fleet import Worker
from scripts.stack import Stack, free_port
from tests import days

CONTRACT = "receipt"
DAG = f"octavo_{CONTRACT}"
START_SECONDS = 600  # a busy machine takes its time
RUN_SECONDS = 7200


def places(root: Path, scheduled: bool = False) -> dict[str, str]:
    """The settings for documents under ``root``, with the shipped contract of receipts alone, under which no run starts by itself.

    Args:
        root: has ``landing``; the contract is copied into it.
        scheduled: keep the contract's schedule, which a backfill needs: Airflow then runs the day before today once.
    """
    folder = root / "contracts"
    folder.mkdir()
    text = (CONTRACTS_FOLDER / f"{CONTRACT}.yaml").read_text(encoding="utf-8")
    if not scheduled:
        text, replaced = re.subn("(?m)^schedule: .*", "schedule: null", text)
        proof.same("the contract's copy", schedules=replaced, expected=1)
    (folder / f"{CONTRACT}.yaml").write_text(text, encoding="utf-8")
    return {"OCTAVO_LANDING": str(root / "landing"), "OCTAVO_CONTRACTS": str(folder), "OCTAVO_LATE_DAYS": "0"}


@contextmanager
def running(var: Path, settings: dict[str, str], workers: Sequence[Worker] = ()) -> Iterator[tuple[Stack, AirflowApi]]:
    """A stack under ``var`` that knows the DAG; it ends with the block."""
    stack = Stack(var, free_port(), settings, workers)
    try:
        stack.start()
        api = AirflowApi(stack.url, stack.login)
        _wait(lambda: api.has_dag(DAG), f"Airflow does not know {DAG}")
        yield stack, api
    finally:
        stack.stop()


def wait_until_idle(api: AirflowApi) -> None:
    """Wait until the run that a scheduled DAG starts with, of the last day that has ended, is over."""

    def idle() -> bool:
        states = {run["state"] for run in days.runs(api, DAG)}
        return bool(states) and not {"queued", "running"} & states

    _wait(idle, f"the first scheduled run of {DAG} has not ended")


def _wait(ready: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            proof.fail(f"{otherwise} after {START_SECONDS} s")
        time.sleep(0.5)


def only_run(api: AirflowApi, day: dt.date) -> tuple[str, float]:
    """Run the day; the run's id, and the seconds from asking for it until it has ended. No other run may have been there."""
    proof.none("Airflow, before the day that is measured", runs=len(days.runs(api, DAG)))
    started = time.monotonic()
    run = api.trigger(DAG, day=day.isoformat())
    state = api.wait(DAG, run, RUN_SECONDS)
    seconds = time.monotonic() - started
    if state != "success":
        failed = [task["task_id"] for task in api.tasks(DAG, run) if task["state"] == "failed"]
        proof.fail(f"the run ended as {state}; failed tasks: {', '.join(failed)}")
    proof.same("Airflow, after the day that is measured", runs=len(days.runs(api, DAG)), measured=1)
    return run, seconds


def pages_read(api: AirflowApi, run: str) -> dict[str, int]:
    """``pages`` that the run's first task found, and ``reads`` of its tasks ``read``: what they left in XCom."""
    counts: dict[str, Any] = days.tally(api, DAG, [run]).counts
    proof.none(f"run {run}", pages_that_could_not_be_read=counts["quarantined_pages"], files_quarantined=counts["quarantined"])
    return {"pages": api.xcom(DAG, run, "ingest", "counts")["pages"], "reads": counts["reads"]}


def differing(one: Path, other: Path, day: dt.date) -> int:
    """How many byte-stable tables of a published day are not the same in both lakes."""
    published = [days.is_published(lake, CONTRACT, day) for lake in (one, other)]
    proof.same(f"the tables of {day}", lakes=2, published=sum(published))
    first, second = (days.digests(lake, CONTRACT, day) for lake in (one, other))
    return sum(digest != second[table] for table, digest in first.items())
