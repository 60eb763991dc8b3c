"""DAGs of somebody else's, which have Octavo's tasks: run to the end by ``DAG.test()``, in an Airflow of their own, and shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.dataset as ds
import pytest

REPO = Path(__file__).resolve().parent.parent.parent
OWN = REPO / "tests" / "data" / "own-dags"
RUN = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("own", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
run = module.dag.test()
print(json.dumps({
    "run": run.run_id, "state": str(run.state.value),
    "tasks": sorted((ti.task_id, ti.map_index, str(ti.state)) for ti in run.get_task_instances()),
    "outlets": {t.task_id: sorted(o.name for o in t.outlets) for t in module.dag.tasks if t.outlets},
}))
"""

ASK = """
import json, sys
from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient
with TestClient(create_app(), base_url="http://localhost:8080", headers={"sec-fetch-site": "same-origin"}) as client:
    client.headers["Authorization"] = "Bearer " + client.get("/auth/token").json()["access_token"]
    answers = [
        client.request("POST" if data else "GET", f"/octavo/{path}", data=data, follow_redirects=False)
        for path, data in json.load(sys.stdin)
    ]
print(json.dumps([[answer.status_code, answer.headers.get("location", ""), answer.text] for answer in answers]))
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow with a database, and none of Octavo's own files in its folders."""
    home = tmp_path_factory.mktemp("own")
    env = {
        **os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(OWN),
        "OCTAVO_LAKE": str(home / "lake"), "OCTAVO_LANDING": str(REPO / "samples" / "landing"), "OCTAVO_OCR_PROFILE": "fast",
        "OCTAVO_PROCESSES": "1", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    }
    subprocess.run([Path(sys.executable).parent / "airflow", "db", "migrate"], env=env, check=True, capture_output=True, cwd=home)
    return env


def run(name: str, env: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-c", RUN, str(OWN / name)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=env["AIRFLOW_HOME"])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["state"] == "success", done.stdout[-3000:]
    return found


def published(env: dict[str, str], day: str) -> int:
    rows = ds.dataset(f"{env['OCTAVO_LAKE']}/receipt", partitioning="hive").to_table(filter=ds.field("day") == day)
    return int(rows.num_rows)


def asked(env: dict[str, str], *requests: str | tuple[str, dict[str, str]]) -> list[tuple[int, str, str]]:
    """What the pages answer: status, address that is led to, text."""
    given = json.dumps([(one, None) if isinstance(one, str) else one for one in requests])
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, env=env, input=given, capture_output=True, text=True, check=False, cwd=env["AIRFLOW_HOME"])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [tuple(one) for one in json.loads(done.stdout.splitlines()[-1])]


@pytest.fixture(scope="module")
def group(airflow: dict[str, str]) -> dict[str, Any]:
    return run("own_group.py", airflow)


@pytest.fixture(scope="module")
def operators(airflow: dict[str, str]) -> dict[str, Any]:
    return run("own_operators.py", airflow)


def test_a_group_of_tasks_publishes_a_day_in_a_dag_of_ones_own(airflow: dict[str, str], group: dict[str, Any]) -> None:
    found = group
    assert published(airflow, "2026-11-02") == 2
    assert [name for name, *_ in found["tasks"] if "." not in name] == ["look"]
    assert ["look", -1, "success"] in found["tasks"]
    assert list(found["outlets"]) == ["receipt.publish"]
    assert "receipt/receipt" in found["outlets"]["receipt.publish"]


def test_bare_operators_publish_a_day_without_parameters_of_octavos_dags(airflow: dict[str, str], operators: dict[str, Any]) -> None:
    found = operators
    assert published(airflow, "2026-11-03") == 1  # the other file is a copy
    assert {state for _, _, state in found["tasks"]} == {"success"}


def test_the_pages_know_dags_by_what_they_publish_whatever_they_are_called(
    airflow: dict[str, str], group: dict[str, Any], operators: dict[str, Any]
) -> None:
    command = [Path(sys.executable).parent / "airflow", "dags", "reserialize"]
    subprocess.run(command, env=airflow, check=True, capture_output=True, cwd=airflow["AIRFLOW_HOME"])
    day = {"contract": "receipt", "day": "2026-11-02"}
    dag, other = f"dag_id=own_group&run_id={quote(group['run'])}", f"dag_id=own_operators&run_id={quote(operators['run'])}"
    answers = asked(
        airflow, f"run?{dag}", f"task?{dag}&task_id=receipt.read&map_index=0", f"task?{dag}&task_id=receipt.publish&map_index=-1",
        f"run?{other}", f"task?{other}&task_id=extract&map_index=0", f"task?{other}&task_id=shards&map_index=-1",
        "contract?dag_id=docs_receipt", "run?dag_id=docs_receipt.remerge&run_id=x", "", ("day/rebuild", day),
        ("run/requeue", {"dag_id": "own_group", "run_id": "x", "reason": "any", **day}),
        ("run/requeue", {"dag_id": "docs_receipt", "run_id": "x", "reason": "any", **day}),
    )
    status, addresses, texts = zip(*answers, strict=True)
    assert status == (200,) * 9 + (303, 409, 303), [text[:300] for text in texts]
    run_page, read, publish, other_run, extract, shards, contract, remerge, days = texts[:9]
    assert f'href="/dags/own_group/runs/{quote(group["run"], safe="")}" data-host' in run_page.replace("%2B", "+").replace("+", "%2B")
    assert all("receipt_0000" in page for page in (run_page, read, publish))
    assert "quarantined" in other_run
    assert "documents of its own" not in extract
    assert "documents of its own" in shards
    assert [f'"/dags/{name}" data-host' in contract for name in ("docs_receipt", "own_group", "own_operators")] == [True, True, True]
    assert "has no documents" in remerge
    assert "2026-11-02" in days
    assert "rebuilt=receipt" in addresses[9]
    assert "own_group has no parameters day and requeue" in texts[10]
    assert "dag_id=docs_receipt" in addresses[11]
