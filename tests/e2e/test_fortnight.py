"""A backfill of a fortnight under the real scheduler: beside daily runs, interrupted, resumed, and done again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo.workflows import pipeline
from samples import make
from tests import days
from tests.e2e.conftest import SETTINGS, Airflow, until

DAG = "octavo_receipt"
FIRST, LAST = dt.date(2026, 3, 1), dt.date(2026, 3, 14)  # long before the days that a scheduled run looks back for late documents
DAILY = "2026-03-20"
ACTIVE = 4
SECONDS = 900
HANGING = pytest.mark.timeout(2400)  # seconds, on a machine that is busy with other things


def runs(airflow: Airflow) -> list[dict[str, Any]]:
    """The runs of the fortnight."""
    return [run for run in days.runs(airflow.api, DAG) if (run["data_interval_start"] or "")[:10] in set(map(str, days.of(FIRST, LAST)))]


def count(airflow: Airflow, *states: str) -> int:
    return sum(run["state"] in states for run in runs(airflow))


def finish(airflow: Airflow, backfill: int) -> None:
    until(lambda: airflow.api.get(f"backfills/{backfill}")["completed_at"], SECONDS, 1)


def digests(lake: Path) -> dict[str, dict[str, str]]:
    return {str(day): days.digests(lake, "receipt", day) for day in days.of(FIRST, LAST)}


@pytest.fixture(scope="module")
def undisturbed(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the same stages make of the fortnight without Airflow."""
    make.write(airflow.landing.parent, make.history(FIRST, len(days.of(FIRST, LAST)), 2))
    make.write(airflow.landing.parent, make.history(dt.date.fromisoformat(DAILY), 1, 2))
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    settings = Settings(lake=str(lake), ocr_profile="fast", shard_pages=int(SETTINGS["OCTAVO_SHARD_PAGES"]))
    contract = contracts.find("receipt", airflow.contracts)
    for day in days.of(FIRST, LAST):
        result = pipeline.run_day(contract, UPath(airflow.landing / f"receipt/{day:%Y/%m/%d}"), day, settings)
        assert result.published, result.error
    return digests(lake)


@HANGING
def test_a_backfill_that_is_interrupted_and_resumed_gives_the_bytes_of_an_undisturbed_one_and_daily_runs_go_before_it(
    airflow: Airflow, undisturbed: dict[str, dict[str, str]],
) -> None:
    # The DAG runs one other run at a time, and its late documents may be at work.
    until(lambda: not {"queued", "running"} & {run["state"] for run in days.runs(airflow.api, DAG)}, SECONDS, 1)
    backfill = days.backfill(airflow.api, DAG, FIRST, LAST, ACTIVE, "none")
    until(lambda: count(airflow, "running") == ACTIVE, SECONDS)  # though the DAG itself has one run at a time

    daily = airflow.succeed("receipt", DAILY)
    assert count(airflow, "queued", "running") > ACTIVE
    weights = {
        kind: {task["priority_weight"] for run in names for task in airflow.api.tasks(DAG, run)}
        for kind, names in (("daily", [daily]), ("backfill", [run["dag_run_id"] for run in runs(airflow)]))
    }
    assert weights["backfill"] == {0}
    assert min(weights["daily"]) > 0

    airflow.kill_component("scheduler")
    airflow.api.client.put(f"/api/v2/backfills/{backfill}/cancel").raise_for_status()
    until(lambda: not count(airflow, "running", "queued"), SECONDS, 1)
    assert count(airflow, "failed") > 0  # the days that had not begun
    before = {day for day in map(str, days.of(FIRST, LAST)) if days.manifest(airflow.lake, "receipt", day)}
    assert all(days.digests(airflow.lake, "receipt", day) == undisturbed[day] for day in before)

    finish(airflow, days.backfill(airflow.api, DAG, FIRST, LAST, ACTIVE, "failed"))
    assert [run["state"] for run in runs(airflow)] == ["success"] * len(undisturbed)
    assert digests(airflow.lake) == undisturbed
    assert [hole for day in undisturbed for hole in days.holes(airflow.lake, "receipt", day)] == []


@HANGING
def test_doing_a_backfill_again_reads_nothing_and_recognises_each_day_in_its_first_task(
    airflow: Airflow, undisturbed: dict[str, dict[str, str]],
) -> None:
    if {run["state"] for run in runs(airflow)} != {"success"}:  # this test alone
        finish(airflow, days.backfill(airflow.api, DAG, FIRST, LAST, ACTIVE, "failed"))
    finish(airflow, days.backfill(airflow.api, DAG, FIRST, LAST, ACTIVE, "completed"))
    names = [run["dag_run_id"] for run in runs(airflow)]
    found = days.tally(airflow.api, DAG, names)
    assert (found.counts["unchanged"], found.counts["reads"], found.counts["model_calls"]) == (len(undisturbed), 0, 0)
    assert {task["task_id"] for run in names for task in airflow.api.tasks(DAG, run) if task["state"] == "success"} == {"ingest"}
    assert digests(airflow.lake) == undisturbed
