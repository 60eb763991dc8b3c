"""A person answers in Airflow, and history follows: the real human-in-the-loop task under the real scheduler."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.conftest import Airflow, until

DAY = "2026-11-03"
# A person reads before they answer. Airflow 3.3.2 takes a task that is answered while the process that asked still ends for a lost
# one, and asks again.
READING_SECONDS = 20


@pytest.fixture(scope="module")
def first(airflow: Airflow) -> str:
    return airflow.succeed("receipt", DAY)


def waiting(airflow: Airflow, run: str) -> list[dict[str, Any]]:
    """The tasks of a review run that wait for an answer."""
    return [task for task in airflow.api.tasks("octavo_review", run) if task["task_id"] == "ask" and task["state"] == "awaiting_input"]


def test_what_a_person_answers_in_airflow_is_in_the_tables_and_stays_there(airflow: Airflow, first: str) -> None:
    open_before = airflow.rows("review", "receipt", DAY)
    run = airflow.api.trigger("octavo_review", contract="receipt", day=DAY, documents=1)
    until(lambda: waiting(airflow, run))
    time.sleep(READING_SECONDS)
    path = f"dags/octavo_review/dagRuns/{run}/taskInstances/ask/0/hitlDetails"
    asked = airflow.api.get(path)
    field, param = next(iter(asked["params"].items()))
    assert asked["subject"].startswith(f"receipt {DAY}: receipt_")
    row = next(row for row in open_before if row["field"] == field and row["uri"].endswith(asked["subject"].rsplit(" ", 1)[-1]))
    assert param["value"] == (row["value"] or "")
    values = {name: entry["value"] for name, entry in asked["params"].items()} | {field: SAID[field]}
    answer = airflow.api.client.patch(f"/api/v2/{path}", json={"chosen_options": ["Save"], "params_input": values})
    answer.raise_for_status()
    assert airflow.finish("review", run) == "success", airflow.why("review", run)

    def said() -> dict[str, Any]:
        rows = airflow.rows("fields", "receipt", DAY)
        return next(one for one in rows if one["document"] == row["document"] and one["field"] == field)

    assert (said()["value"], said()["verdict"], said()["extractor"]) == (SAID[field], "accepted", "person")
    assert [one["by"] for one in airflow.rows("corrections", "receipt", DAY)][:1] == ["admin"]
    airflow.succeed("receipt", DAY)
    assert said()["value"] == SAID[field]
    digests = airflow.digests("receipt", DAY)
    rebuilt = airflow.api.trigger("octavo_remerge", contract="receipt", first=DAY, last=DAY)
    assert airflow.finish("remerge", rebuilt) == "success", airflow.why("remerge", rebuilt)
    counts = airflow.counts("remerge", rebuilt, "remerge")
    assert (counts["days"], counts["reads"]) == (1, 0)
    assert airflow.digests("receipt", DAY) == digests


SAID = {"company": "Somebody Else Ltd", "date": "2026-01-31", "address": "Another Street 7", "total": "99.99"}
