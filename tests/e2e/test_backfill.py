"""A backfill under the real scheduler: beside daily runs, interrupted, resumed, and done again. Then the database dies, and a pool is
away. Tasks die in ``test_kills``, all in ``make soak``.
"""

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
from scripts.api import FINISHED
from tests import days
from tests.e2e.conftest import SETTINGS, Airflow, until
from tests.faults import under_airflow

DAG = "octavo_receipt"
FIRST, LAST = dt.date(2026, 3, 1), dt.date(2026, 3, 8)
DAILY = "2026-03-20"
ACTIVE = 2
SECONDS = 900
HANGING = pytest.mark.timeout(2400)  # seconds, on a machine that is busy with other things


def runs(alone: Airflow) -> list[dict[str, Any]]:
    """The runs of the days that are filled."""
    return [run for run in days.runs(alone.api, DAG) if (run["data_interval_start"] or "")[:10] in set(map(str, days.of(FIRST, LAST)))]


def count(alone: Airflow, *states: str) -> int:
    return sum(run["state"] in states for run in runs(alone))


def finish(alone: Airflow, backfill: int) -> None:
    until(lambda: alone.api.get(f"backfills/{backfill}")["completed_at"], SECONDS, 1)


def digests(lake: Path) -> dict[str, dict[str, str]]:
    return {str(day): days.digests(lake, "receipt", day) for day in days.of(FIRST, LAST)}


@pytest.fixture(scope="module")
def undisturbed(alone: Airflow, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the same stages make of these days without Airflow."""
    make.write(alone.landing.parent, make.history(FIRST, len(days.of(FIRST, LAST)), 2))
    make.write(alone.landing.parent, make.history(dt.date.fromisoformat(DAILY), 1, 2))
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    settings = Settings(lake=str(lake), ocr_profile="fast", shard_pages=int(SETTINGS["OCTAVO_SHARD_PAGES"]))
    contract = contracts.find("receipt", alone.contracts)
    for day in days.of(FIRST, LAST):
        result = pipeline.run_day(contract, UPath(alone.landing / f"receipt/{day:%Y/%m/%d}"), day, settings)
        assert result.published, result.error
    return digests(lake)


@HANGING
def test_a_backfill_that_is_interrupted_and_resumed_gives_the_bytes_of_an_undisturbed_one_and_daily_runs_go_before_it(
    alone: Airflow, undisturbed: dict[str, dict[str, str]],
) -> None:
    # The DAG runs one other run at a time, and its late documents may be at work.
    until(lambda: {run["state"] for run in days.runs(alone.api, DAG)} <= set(FINISHED), SECONDS, 1)
    backfill = days.backfill(alone.api, DAG, FIRST, LAST, ACTIVE, "none")
    until(lambda: count(alone, "running") == ACTIVE, SECONDS)  # though the DAG itself has one run at a time

    daily = alone.succeed("receipt", DAILY)
    assert count(alone, "queued", "running") > ACTIVE
    weights = {
        kind: {task["priority_weight"] for run in names for task in alone.api.tasks(DAG, run)}
        for kind, names in (("daily", [daily]), ("backfill", [run["dag_run_id"] for run in runs(alone)]))
    }
    assert weights["backfill"] == {0}
    assert min(weights["daily"]) > 0

    alone.kill_component("scheduler")
    alone.api.client.put(f"/api/v2/backfills/{backfill}/cancel").raise_for_status()
    until(lambda: not count(alone, "running", "queued"), SECONDS, 1)
    assert count(alone, "failed") > 0  # the days that had not begun
    before = {day for day in map(str, days.of(FIRST, LAST)) if days.manifest(alone.lake, "receipt", day)}
    assert all(days.digests(alone.lake, "receipt", day) == undisturbed[day] for day in before)

    finish(alone, days.backfill(alone.api, DAG, FIRST, LAST, ACTIVE, "failed"))
    assert [run["state"] for run in runs(alone)] == ["success"] * len(undisturbed)
    assert digests(alone.lake) == undisturbed
    assert [hole for day in undisturbed for hole in days.holes(alone.lake, "receipt", day)] == []


@HANGING
def test_doing_a_backfill_again_reads_nothing_and_recognises_each_day_in_its_first_task(
    alone: Airflow, undisturbed: dict[str, dict[str, str]],
) -> None:
    if {run["state"] for run in runs(alone)} != {"success"}:  # this test alone
        finish(alone, days.backfill(alone.api, DAG, FIRST, LAST, ACTIVE, "failed"))
    finish(alone, days.backfill(alone.api, DAG, FIRST, LAST, len(undisturbed), "completed"))
    names = [run["dag_run_id"] for run in runs(alone)]
    found = days.tally(alone.api, DAG, names)
    assert (found.counts["unchanged"], found.counts["reads"], found.counts["model_calls"]) == (len(undisturbed), 0, 0)
    assert {task["task_id"] for run in names for task in alone.api.tasks(DAG, run) if task["state"] == "success"} == {"ingest", "late"}
    assert digests(alone.lake) == undisturbed


def test_a_day_is_published_whole_though_the_database_is_killed_in_the_middle(alone: Airflow, tmp_path: Path) -> None:
    verdict = under_airflow.run(alone, tmp_path, 7, 0, "database")
    assert (verdict.problems, verdict.mixtures, verdict.kills) == ([], 0, 1)
    assert verdict.looks > 1


def test_a_missing_pool_fails_the_run_with_the_command_that_mends_it(alone: Airflow) -> None:
    pool = alone.api.get("pools/octavo_ocr")
    alone.api.client.delete("/api/v2/pools/octavo_ocr").raise_for_status()
    try:
        run = alone.run("receipt", "2026-01-15")
        assert alone.finish("receipt", run) == "failed"
        assert "airflow pools set octavo_ocr" in alone.first_error("receipt", run, "ingest")
    finally:
        alone.api.post("pools", {name: pool[name] for name in ("name", "slots", "description", "include_deferred")})
