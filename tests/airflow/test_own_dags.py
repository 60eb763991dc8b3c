"""DAGs of somebody else's, which have Octavo's tasks: run to the end by ``DAG.test()``, in an Airflow of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    "state": str(run.state.value), "tasks": sorted((ti.task_id, ti.map_index, str(ti.state)) for ti in run.get_task_instances()),
    "outlets": {t.task_id: sorted(o.name for o in t.outlets) for t in module.dag.tasks if t.outlets},
}))
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow with a database, and none of Octavo's own files in its folders."""
    home = tmp_path_factory.mktemp("own")
    env = {
        **os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(OWN),
        "OCTAVO_LAKE": str(home / "lake"), "OCTAVO_LANDING": str(REPO / "samples" / "landing"), "OCTAVO_OCR_PROFILE": "fast",
        "OCTAVO_PROCESSES": "1",
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


def test_a_group_of_tasks_publishes_a_day_in_a_dag_of_ones_own(airflow: dict[str, str]) -> None:
    found = run("own_group.py", airflow)
    assert published(airflow, "2026-11-02") == 2
    assert [name for name, *_ in found["tasks"] if "." not in name] == ["look"]
    assert ["look", -1, "success"] in found["tasks"]
    assert list(found["outlets"]) == ["receipt.publish"]
    assert "receipt/receipt" in found["outlets"]["receipt.publish"]


def test_bare_operators_publish_a_day_without_parameters_of_octavos_dags(airflow: dict[str, str]) -> None:
    found = run("own_operators.py", airflow)
    assert published(airflow, "2026-11-03") == 1  # the other file is a copy
    assert {state for _, _, state in found["tasks"]} == {"success"}
