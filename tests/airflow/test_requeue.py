"""The parameter ``requeue`` of a DAG run: what failed on its day for that reason is tried again, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model import contracts
from octavo.model.entities import Outcome, Partition
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.reading.store import document_folder
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from octavo_airflow.operators import IngestOperator
from tests.documents import text_pdf

DAY = dt.date(2026, 11, 2)


@pytest.fixture
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UPath:
    """What is remembered of a page that ran out of time, on a day whose ledger says so."""
    for name, value in {"LAKE": tmp_path / "lake", "LANDING": tmp_path / "landing", "PROCESSES": 1, "OCR_PROFILE": "fast"}.items():
        monkeypatch.setenv(f"OCTAVO_{name}", str(value))
    settings, receipt = Settings(), contracts.find("receipt", Settings().contracts)
    folder = tmp_path / "landing/receipt" / f"{DAY:%Y/%m/%d}"
    folder.mkdir(parents=True)
    slow = UPath(text_pdf(folder / "slow.pdf"))
    space = Workspace.open(settings.workspaces, Partition("receipt", DAY), "earlier")
    ingest.run(space, receipt, UPath(folder), settings)
    reading.run(space, "p0000", settings)
    document = fs.sha256_of(slow)
    (found,) = document_folder(settings.reading_store, document).glob("*/*-*.parquet")
    lost = {**fs.read_table(found).to_pylist()[0], "words": [], "outcome": Outcome.QUARANTINED.value, "reason": "timeout"}
    fs.write_rows(found, [lost], schemas.READINGS)
    ended = {"run": "earlier", "attempts": 1, "document": document, "uri": str(slow), "outcome": "quarantined", "reason": "timeout"}
    fs.write_rows(Lake(UPath(settings.lake)).table("ledger", space.partition), [{**ended, "level": "page", "page": 1}], schemas.LEDGER)
    return UPath(found)


def ingest_task(day: dt.date, requeue: str) -> Any:
    """Run the task of a run that was started by hand for ``day`` with the parameter."""
    given = {"day": str(day), "extractor": "layout", "connection": "", "documents": "", "chunking": "", "fresh": "", "requeue": requeue}
    with DAG("octavo_receipt") as dag:
        task = IngestOperator(task_id="ingest", contract="receipt", **given)
    run = SimpleNamespace(partition_key=None, run_type="manual", run_id="again")
    ti = SimpleNamespace(xcom_push=lambda *args: None)
    return task.execute({"dag_run": run, "run_id": "again", "ti": ti, "dag": dag})


@pytest.mark.parametrize(("day", "requeue", "again"), [
    pytest.param(DAY, "timeout", True, id="for its reason"),
    pytest.param(DAY, "any", True, id="for any reason"),
    pytest.param(DAY, "corrupt", False, id="for another reason"),
    pytest.param(DAY + dt.timedelta(days=1), "any", False, id="on another day"),
])
def test_what_failed_is_forgotten_only_where_the_run_asks_for_it(day: dt.date, requeue: str, again: bool, block: UPath) -> None:
    ingest_task(day, requeue)
    assert block.exists() is not again
