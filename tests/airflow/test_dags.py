"""The DAG files: light to import, and shaped as promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo.storage.lake import table_schemas
from octavo_airflow.assets import TABLES
from octavo_airflow.ui.dag_index import STAGES

REPO = Path(__file__).resolve().parent.parent.parent
HEAVY = ("torch", "transformers", "great_expectations", "pandas", "pytesseract", "pyarrow", "cv2", "onnxruntime", "rapidocr", "numpy",
         "openlineage")
# A fresh interpreter, as the DAG processor is: what a DAG file adds over airflow.sdk.
PROBE = """
import importlib.util, json, sys
import airflow.sdk
from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable, Param, Asset
from airflow.sdk.definitions._internal.contextmanager import DagContext
DagContext.current_autoregister_module_name = "dag_file"  # as the DAG processor does, to find DAGs of with blocks
spec = importlib.util.spec_from_file_location("dag_file", sys.argv[1])
module = sys.modules["dag_file"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
dags = {}
for dag, _ in DagContext.autoregistered_dags:
    dags[dag.dag_id] = {
        "tasks": {
            t.task_id: {
                "pool": t.pool, "slots": t.pool_slots, "up": sorted(t.upstream_task_ids), "retries": t.retries,
                "type": t.task_type, "queue": t.queue, "executor_config": t.executor_config,
                "rule": getattr(t.trigger_rule, "value", t.trigger_rule),
            } for t in dag.tasks
        },
        "catchup": dag.catchup, "active": dag.max_active_runs, "tags": sorted(dag.tags), "doc": dag.doc_md, "params": sorted(dag.params),
        "timetable": type(dag.timetable).__name__,
    }
print(json.dumps({"modules": sorted({m.split(".")[0] for m in sys.modules}), "dags": dags}))
"""


def parse(file: str, home: Path, **environment: str) -> dict[str, Any]:
    env = {**os.environ, "AIRFLOW_HOME": str(home), **environment}
    done = subprocess.run([sys.executable, "-c", PROBE, str(REPO / "dags" / file)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parse("octavo_dags.py", tmp_path_factory.mktemp("airflow"), OCTAVO_PROCESSES="3")


def test_every_contract_has_its_dag(parsed: dict[str, Any]) -> None:
    names = {path.stem for path in Path(Settings().contracts).glob("*.yaml")}
    assert set(parsed["dags"]) == {f"octavo_{name}" for name in names}


def test_the_pages_call_what_operators_do_as_the_shipped_dags_do(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["octavo_receipt"]["tasks"]
    assert {task["type"]: name for name, task in tasks.items() if task["type"] in STAGES} == STAGES


def test_parsing_the_dag_file_loads_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert [name for name in HEAVY if name in parsed["modules"]] == []


def test_reading_takes_as_many_slots_of_its_pool_as_it_starts_processes(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["octavo_receipt"]["tasks"]
    assert (tasks["read"]["pool"], tasks["read"]["slots"]) == ("octavo_ocr", 3)
    assert (tasks["extract_layout"]["pool"], tasks["extract_layout"]["slots"]) == ("octavo_ocr", 1)
    assert (tasks["extract_molmo"]["pool"], tasks["extract_molmo"]["slots"]) == ("molmo_gpu", 1)


def test_only_the_models_tasks_go_to_the_queue_of_cards(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["octavo_receipt"]["tasks"]
    assert [name for name, task in tasks.items() if task["queue"] == "gpu"] == ["extract_molmo"]


def test_the_models_tasks_are_placed_by_settings(tmp_path: Path) -> None:
    given = {"OCTAVO_MOLMO_QUEUE": "cards", "OCTAVO_MOLMO_POOL_SLOTS": "2", "OCTAVO_MOLMO_POD_TEMPLATE": "/pod.yaml"}
    found = parse("octavo_dags.py", tmp_path, **given)
    task = found["dags"]["octavo_receipt"]["tasks"]["extract_molmo"]
    assert (task["queue"], task["slots"], task["executor_config"]) == ("cards", 2, {"pod_template_file": "/pod.yaml"})


def test_every_task_is_tried_three_times(parsed: dict[str, Any]) -> None:
    assert {task["retries"] for dag in parsed["dags"].values() for task in dag["tasks"].values()} == {2}


def test_nothing_is_published_before_the_gate_and_the_ledger_agree(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["octavo_receipt"]["tasks"]
    leaves = set(tasks) - {up for task in tasks.values() for up in task["up"]}
    assert leaves == {"publish", "run_late"}
    assert tasks["run_late"]["up"] == ["late"]
    assert tasks["late"]["up"] == []
    assert set(tasks["publish"]["up"]) == {"validate", "ledger"}
    assert tasks["ledger"]["rule"] == "all_done"
    assert {"ingest", "read", "chunk", "extract_layout", "extract_molmo", "merge", "tables", "validate"} <= set(tasks["ledger"]["up"])


def test_dags_do_not_catch_up_and_run_one_at_a_time(parsed: dict[str, Any]) -> None:
    for dag in parsed["dags"].values():
        assert (dag["catchup"], dag["active"]) == (False, 1)
        assert dag["doc"]
        assert dag["params"] == ["chunking", "connection", "day", "documents", "extractor", "fresh", "requeue"]


def test_a_scheduled_run_is_about_a_whole_day(parsed: dict[str, Any]) -> None:
    # Its logical date is the start of the interval too, so the dates of a backfill are the days it takes.
    assert {dag["timetable"] for dag in parsed["dags"].values()} == {"CronDataIntervalTimetable"}


def test_a_tasks_process_builds_its_own_dag_and_reads_no_other_contract(tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    for name in ("one", "other"):
        (folder / f"{name}.yaml").write_text(f"name: {name}\ntitle: {name}\nfields:\n  total: {{type: money}}\n")
    given = {"OCTAVO_CONTRACTS": str(folder), "_AIRFLOW_PARSING_CONTEXT_DAG_ID": "octavo_one"}
    assert set(parse("octavo_dags.py", tmp_path, **given)["dags"]) == {"octavo_one"}


def test_the_assets_are_the_stable_tables_of_the_lake() -> None:
    contract = contracts.find("receipt", Settings().contracts)
    assert {*TABLES, contract.name} == set(table_schemas(contract)) - {"answers"}


def test_a_broken_contract_leaves_the_other_dags_alone(tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "good.yaml").write_text("name: good\ntitle: Good\nfields:\n  total: {type: money}\n")
    (folder / "bad.yaml").write_text("name: bad\ntitle: Bad\nfields:\n  total: {type: mony}\n")
    found = parse("octavo_dags.py", tmp_path, OCTAVO_CONTRACTS=str(folder))
    assert set(found["dags"]) == {"octavo_good"}
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "OCTAVO_CONTRACTS": str(folder)}
    command = [sys.executable, str(REPO / "dags" / "octavo_contract_errors.py")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "bad.yaml:4: fields.total.type" in done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, schedule in {"one": '"0 6 * * 1"', "other": "on_arrival"}.items():
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\ntitle: {name}\nschedule: {schedule}\nfields:\n  total: {{type: money}}\n")
    return tmp_path


def test_a_dag_file_says_which_contracts_prefix_owner_and_schedule(folder: Path) -> None:
    from octavo_airflow import dags

    found = dags.build(folder, prefix="finance_", owner="finance", schedule=None)
    assert [dag.dag_id for dag in found] == ["finance_one", "finance_other"]
    assert {task.owner for dag in found for task in dag.tasks} == {"finance"}
    assert {task.contract for task in found[0].tasks if hasattr(task, "contract")} == {str(folder / "one.yaml")}
    assert {type(dag.timetable).__name__ for dag in found} == {"NullTimetable"}
    assert [dag.dag_id for dag in dags.build([folder / "other.yaml", "receipt"])] == ["octavo_other", "octavo_receipt"]


def test_a_contract_says_that_its_dag_runs_when_documents_arrive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from octavo_airflow import dags

    monkeypatch.setenv("OCTAVO_LANDING", "s3://bucket/landing")
    monkeypatch.setenv("OCTAVO_ARRIVAL_QUIET_SECONDS", "5")
    weekly, arriving = dags.build(folder)
    assert type(weekly.timetable).__name__ == "CronDataIntervalTimetable"
    asset, = arriving.schedule
    assert (asset.name, asset.uri) == ("other/landing", "s3://bucket/landing/other")
    assert asset.watchers[0].trigger.serialize()[1] == {"contract": "other", "poll_seconds": 30.0, "quiet_seconds": 5.0}


def test_a_task_links_to_the_tab_of_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from octavo_airflow.operators import IngestOperator

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team/")
    task = IngestOperator(task_id="ingest", contract="receipt")
    link, = task.operator_extra_links
    key: Any = SimpleNamespace(dag_id="mine", run_id="manual__1+00:00")
    assert link.get_link(task, ti_key=key) == "https://airflow.example.com/team/dags/mine/runs/manual__1%2B00%3A00/plugin/octavo-run"
