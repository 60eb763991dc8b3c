"""What OpenLineage's own provider makes of our tasks, sent by its file transport."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
from airflow.sdk import DAG
from airflow.utils.state import TaskInstanceState
from upath import UPath

from octavo.publishing import staging
from octavo.storage import fs
from octavo.storage.lake import Lake, table_schemas
from octavo_airflow import lineage
from octavo_airflow.operators import IngestOperator, OctavoOperator, PublishOperator
from tests.documents import text_pdf
from tests.staging import CONTRACT, DAY, fill, workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("lake", "landing"):
        monkeypatch.setenv(f"OCTAVO_{name.upper()}", str(tmp_path / name))
    transport = {"type": "file", "log_file_path": str(tmp_path / "events"), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    return tmp_path


def a_context() -> Any:
    run = SimpleNamespace(partition_key=None, data_interval_start=None, logical_date=None, run_type="manual", run_id="r1")
    events: dict[Any, Any] = defaultdict(SimpleNamespace)
    return {"dag_run": run, "run_id": "r1", "ti": SimpleNamespace(xcom_push=lambda *args: None), "outlet_events": events}


def sent(task: OctavoOperator, root: Path) -> dict[str, Any]:
    """The event that a finished task is told of, as it is written."""
    found = ExtractorManager().extract_metadata(
        dagrun=SimpleNamespace(run_id="r1"), task=task, task_instance_state=TaskInstanceState.SUCCESS, task_instance=SimpleNamespace(),
    )
    OpenLineageAdapter().complete_task(
        run_id="0195c4c4-4f9a-7000-8000-000000000000", job_name=f"octavo_receipt.{task.task_id}",
        end_time=dt.datetime.now(dt.UTC).isoformat(), task=found,
        nominal_start_time=None, nominal_end_time=None, owners=None, tags=None, job_description=None,
    )
    event: dict[str, Any] = json.loads((root / "events").read_text().splitlines()[-1])
    return event


def test_ingest_reads_the_landing_folder(root: Path) -> None:
    folder = root / "landing" / "receipt" / f"{DAY:%Y/%m/%d}"
    folder.mkdir(parents=True)
    text_pdf(folder / "a.pdf")
    with DAG("octavo_receipt") as dag:
        given = {"day": str(DAY), "extractor": "layout", "connection": "", "documents": "a*", "chunking": "", "fresh": "", "requeue": ""}
        task = IngestOperator(task_id="ingest", contract="receipt", **given)
    task.execute({**a_context(), "dag": dag})
    event = sent(task, root)
    [found] = event["inputs"]
    assert (found["namespace"], found["name"]) == ("file", str(root / "landing" / "receipt"))
    assert found["inputFacets"]["inputStatistics"]["fileCount"] == 1
    assert event["outputs"] == []


def test_publish_makes_every_table_of_the_landing_folder(root: Path) -> None:
    lake = Lake(UPath(root / "lake"))
    space = fill(workspace(root / "lake/_octavo/workspaces"), {1: ["one"], 2: ["two"]})
    staging.run(space, CONTRACT, lake, ["layout"])
    fs.write_json(space.validation, {"success": True})
    task = PublishOperator(task_id="publish", contract="receipt", day=str(DAY), extractor="layout")
    task.execute(a_context())
    event = sent(task, root)
    assert [found["name"] for found in event["inputs"]] == [str(root / "landing" / "receipt")]
    made = {found["name"]: found for found in event["outputs"]}
    assert set(made) == {str(root / "lake" / name / "contract=receipt") for name in table_schemas(CONTRACT)}
    receipts = made[str(root / "lake/receipt/contract=receipt")]
    assert receipts["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert [column["name"] for column in receipts["facets"]["schema"]["fields"]] == table_schemas(CONTRACT)["receipt"].names


@pytest.mark.parametrize("task", [
    pytest.param(IngestOperator(task_id="ingest", contract="receipt"), id="a day that was left alone"),
    pytest.param(PublishOperator(task_id="publish", contract="receipt"), id="a publisher that came to nothing"),
])
def test_a_task_without_a_report_tells_where_it_would_have_read(task: OctavoOperator, root: Path) -> None:
    event = sent(task, root)
    assert ([found["name"] for found in event["inputs"]], event["outputs"]) == ([str(root / "landing" / "receipt")], [])


@pytest.mark.parametrize(("place", "named"), [
    pytest.param("s3://bucket/lake/receipt", ("s3://bucket", "lake/receipt"), id="an object store"),
    pytest.param("file:///lake/receipt/", ("file", "/lake/receipt"), id="a file's URL"),
    pytest.param("/lake/receipt", ("file", "/lake/receipt"), id="a path"),
])
def test_places_are_named_by_openlineages_rules(place: str, named: tuple[str, str]) -> None:
    assert lineage.dataset(place) == named
