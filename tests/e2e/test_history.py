"""A person answers in Airflow, and history follows: the real human-in-the-loop task under the real scheduler."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.e2e.conftest import Airflow, until

CONTRACT, DAY = "answered", "2026-11-03"
REMERGE, REVIEW = f"{CONTRACT}.remerge", f"{CONTRACT}.review"


@pytest.fixture(scope="module")
def first(airflow: Airflow) -> str:
    return airflow.succeed(CONTRACT, DAY)


def waiting(airflow: Airflow, run: str) -> list[dict[str, Any]]:
    """The tasks of a review run that wait for an answer."""
    return [task for task in airflow.api.tasks(f"octavo_{REVIEW}", run) if task["task_id"] == "ask" and task["state"] == "awaiting_input"]


def test_what_a_person_answers_in_airflow_is_in_the_tables_and_stays_there(airflow: Airflow, first: str) -> None:
    open_before = airflow.rows("review", CONTRACT, DAY)
    run = airflow.api.trigger(f"octavo_{REVIEW}", day=DAY, documents=1)
    [task] = until(lambda: waiting(airflow, run))
    # Airflow 3.3.2 takes a task that is answered while the process that asked still ends for a lost one, and asks again.
    until(lambda: not airflow.processes(task["id"]))
    ended = dt.datetime.now(dt.UTC)
    until(lambda: airflow.heartbeat() > ended)
    path = f"dags/octavo_{REVIEW}/dagRuns/{run}/taskInstances/ask/0/hitlDetails"
    asked = airflow.api.get(path)
    field, param = next(iter(asked["params"].items()))
    assert asked["subject"].startswith(f"{CONTRACT} {DAY}: receipt_")
    row = next(row for row in open_before if row["field"] == field and row["uri"].endswith(asked["subject"].rsplit(" ", 1)[-1]))
    assert param["value"] == (row["value"] or "")
    values = {name: entry["value"] for name, entry in asked["params"].items()} | {field: SAID[field]}
    answer = airflow.api.client.patch(f"/api/v2/{path}", json={"chosen_options": ["Save"], "params_input": values})
    answer.raise_for_status()
    assert airflow.finish(REVIEW, run) == "success", airflow.why(REVIEW, run)

    def said() -> dict[str, Any]:
        rows = airflow.rows("fields", CONTRACT, DAY)
        return next(one for one in rows if one["document"] == row["document"] and one["field"] == field)

    assert (said()["value"], said()["verdict"], said()["extractor"]) == (SAID[field], "accepted", "person")
    assert [one["by"] for one in airflow.rows("corrections", CONTRACT, DAY)][:1] == ["admin"]
    airflow.succeed(CONTRACT, DAY)
    assert said()["value"] == SAID[field]
    digests = airflow.digests(CONTRACT, DAY)
    rebuilt = airflow.api.trigger(f"octavo_{REMERGE}", first=DAY, last=DAY)
    assert airflow.finish(REMERGE, rebuilt) == "success", airflow.why(REMERGE, rebuilt)
    counts = airflow.counts(REMERGE, rebuilt, "remerge")
    assert (counts["days"], counts["reads"]) == (1, 0)
    assert airflow.digests(CONTRACT, DAY) == digests


SAID = {"company": "Somebody Else Ltd", "date": "2026-01-31", "address": "Another Street 7", "total": "99.99"}
