"""Whole days under the real scheduler."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from octavo.model import contracts
from octavo.storage.lake import table_schemas
from samples import make
from scripts.api import FINISHED
from tests import days
from tests.e2e.conftest import NOTIFIED, RUN_SECONDS, Airflow, until
from tests.webhook import webhook

DAY = "2026-11-02"
EMPTY_DAY = "2026-01-15"


@pytest.fixture(scope="module")
def first(airflow: Airflow) -> str:
    return airflow.succeed("receipt", DAY)


def test_a_day_of_documents_becomes_published_tables(airflow: Airflow, first: str, tmp_path: Path) -> None:
    files = list((airflow.landing / "receipt" / DAY.replace("-", "/")).iterdir())
    assert len(airflow.rows("documents", "receipt", DAY)) == len(files)
    assert {row["uri"] for row in airflow.rows("receipt", "receipt", DAY)} == set(map(str, files))
    ledger = airflow.rows("ledger", "receipt", DAY)
    assert {row["page"] for row in ledger if row["level"] == "page"} == {1}
    counts = airflow.counts("receipt", first, "read")
    assert counts["reads"] + counts["read_hits"] == len(files)  # another module may have run this day before
    assert airflow.digests("receipt", DAY) == airflow.by_command_line("receipt", DAY, tmp_path / "lake")


def test_a_day_that_the_first_start_finds_as_late_is_done_once(airflow: Airflow, first: str) -> None:
    """The scheduled run of a new DAG looks for late documents while runs that were asked for are still to come."""
    def runs() -> list[dict[str, Any]]:
        return days.runs(airflow.api, "octavo_receipt")

    until(lambda: any(run["run_type"] == "scheduled" for run in runs()) and all(run["state"] in FINISHED for run in runs()), RUN_SECONDS)
    about = [run["dag_run_id"] for run in runs() if (run["conf"] or {}).get("day") == DAY]
    assert days.tally(airflow.api, "octavo_receipt", about).counts["reads"] == len(airflow.rows("pages", "receipt", DAY))
    assert days.manifest(airflow.lake, "receipt", DAY)["run"] == first  # type: ignore[index]


def test_the_assets_of_a_day_carry_their_row_counts(airflow: Airflow, first: str) -> None:
    events = airflow.api.get("assets/events", source_dag_id="octavo_receipt", limit=100)["asset_events"]
    rows = {event["name"]: event["extra"]["rows"] for event in events if event["source_run_id"] == first}
    manifest = json.loads((airflow.lake / "_published" / "contract=receipt" / f"day={DAY}.json").read_text())
    assert rows == {f"receipt/{table}": manifest["tables"][table]["rows"] for table in manifest["tables"] if table != "answers"}


def test_molmo_is_skipped_with_a_message_where_no_runtime_is_configured(airflow: Airflow, first: str) -> None:
    assert airflow.states("receipt", first)["extract_molmo"] == {"skipped"}
    events = airflow.api.log("octavo_receipt", first, "molmo_shards", 1)
    assert any("no model is configured" in str(event.get("reason")) for event in events)


def test_a_second_run_reads_nothing_and_changes_no_byte(airflow: Airflow, first: str) -> None:
    before = airflow.digests("receipt", DAY)
    second = airflow.succeed("receipt", DAY)
    counts = airflow.counts("receipt", second, "read")
    assert (counts["reads"], counts["read_hits"]) == (0, 5)
    assert airflow.digests("receipt", DAY) == before


def test_an_empty_day_succeeds_with_empty_typed_tables(airflow: Airflow) -> None:
    airflow.succeed("receipt", EMPTY_DAY)
    contract = contracts.find("receipt", airflow.contracts)
    for table, schema in table_schemas(contract).items():
        found = pq.read_table(airflow.file(table, "receipt", EMPTY_DAY), partitioning=None)
        assert (found.num_rows, found.schema) == (0, schema), table


def test_a_refused_day_publishes_nothing_but_the_ledger_and_says_why(airflow: Airflow) -> None:
    folder = airflow.landing / "strict" / "2026/11/02"
    folder.mkdir(parents=True)
    source = next((airflow.landing / "receipt" / DAY.replace("-", "/")).iterdir())
    (folder / source.name).write_bytes(source.read_bytes())
    with webhook() as (url, taken):
        airflow.api.post("connections", {"connection_id": NOTIFIED, "conn_type": "http", "host": url})
        try:
            run = airflow.run("strict", DAY)
            assert airflow.finish("strict", run) == "failed"
        finally:
            airflow.api.client.delete(f"/api/v2/connections/{NOTIFIED}").raise_for_status()
    [message] = [message for _, message in taken if message["contract"] == "strict"]  # a late day of another contract may end meanwhile
    assert (message["day"], message["run"], message["refused"]) == (DAY, run, True)
    assert airflow.api.client.get(message["link"]).status_code == 200
    states = airflow.states("strict", run)
    assert (states["validate"], states["ledger"], states["publish"]) == ({"failed"}, {"success"}, {"upstream_failed"})
    assert "vault_number" in airflow.first_error("strict", run, "validate")
    assert {path.relative_to(airflow.lake).parts[0] for path in airflow.lake.rglob(f"contract=strict/day={DAY}/*.parquet")} == {"ledger"}


def test_asking_for_molmo_without_a_runtime_fails_at_once_and_says_so(airflow: Airflow) -> None:
    run = airflow.run("receipt", EMPTY_DAY, extractor="molmo")
    assert airflow.finish("receipt", run) == "failed"
    assert "none is configured" in airflow.first_error("receipt", run, "ingest")


def test_a_wrong_parameter_is_refused_before_anything_runs(airflow: Airflow) -> None:
    answer = airflow.api.client.post(
        "/api/v2/dags/octavo_receipt/dagRuns", json={"logical_date": None, "conf": {"chunking": "by_moon"}}
    )
    assert answer.status_code == 400
    assert "by_moon" in answer.text


def test_a_broken_contract_is_an_import_error_and_the_other_dags_live_on(airflow: Airflow) -> None:
    errors = airflow.api.get("importErrors")["import_errors"]
    assert len(errors) == 1
    assert "broken.yaml:4" in errors[0]["stack_trace"]
    dag = airflow.api.get("dags/octavo_receipt")
    assert (dag["is_stale"], dag["has_import_errors"]) == (False, False)


def test_a_backfill_takes_each_of_its_days(airflow: Airflow, first: str) -> None:
    body = {
        "dag_id": "octavo_receipt", "from_date": "2026-11-02T00:00:00Z", "to_date": "2026-11-03T00:00:00Z",
        "run_backwards": False, "dag_run_conf": {}, "reprocess_behavior": "completed", "max_active_runs": 1,
    }
    backfill = airflow.api.post("backfills", body)["id"]
    until(lambda: airflow.api.get(f"backfills/{backfill}")["completed_at"], 300, 1)
    runs = [r for r in airflow.api.get("dags/octavo_receipt/dagRuns", limit=100)["dag_runs"] if r["run_type"] == "backfill"]
    assert {run["state"] for run in runs} == {"success"}
    days = {airflow.api.get(f"dags/octavo_receipt/dagRuns/{run['dag_run_id']}")["data_interval_start"][:10] for run in runs}
    assert days == {"2026-11-02", "2026-11-03"}
    assert len(airflow.rows("receipt", "receipt", "2026-11-03")) == 3


def set_slots(airflow: Airflow, slots: int) -> None:
    """Give the pool of reading tasks so many slots."""
    pool = airflow.api.get("pools/octavo_ocr")
    body = {"pool": pool["name"], "slots": slots, "description": pool["description"], "include_deferred": pool["include_deferred"]}
    airflow.api.client.patch("/api/v2/pools/octavo_ocr", json=body).raise_for_status()


def test_a_backfill_over_a_day_that_is_running_publishes_it_and_the_run_ends_saying_so(airflow: Airflow, tmp_path: Path) -> None:
    day = dt.date(2026, 2, 2)
    make.write(airflow.landing.parent, make.history(day, 1, 2))
    slots = airflow.api.get("pools/octavo_ocr")["slots"]
    set_slots(airflow, 2 * slots)  # the run holds all that there are meanwhile
    try:
        run = airflow.run("receipt", str(day))
        until(lambda: airflow.states("receipt", run).get("ingest") == {"success"})
        # Its next task waits for what it reads from a pipe, so the run is at work for as long as the backfill takes.
        pinned = airflow.lake / "_octavo/workspaces/receipt" / str(day) / run.replace(":", "_") / "contract.json"
        content, pipe = pinned.read_bytes(), tmp_path / "pipe"
        os.mkfifo(pipe)
        pipe.rename(pinned)
        days.backfill(airflow.api, "octavo_receipt", day, day, 1, "none")
        manifest = until(lambda: days.manifest(airflow.lake, "receipt", day), 300, 0.5)
        until(lambda: airflow.api.state("octavo_receipt", manifest["run"]) == "success")
        assert airflow.api.state("octavo_receipt", run) == "running"
        published = days.digests(airflow.lake, "receipt", day)
        pinned.rename(pipe)
        pinned.write_bytes(content)
        pipe.write_bytes(content)
        assert airflow.finish("receipt", run) == "failed"
    finally:
        set_slots(airflow, slots)
    assert manifest["run"].startswith("backfill__")
    states = airflow.states("receipt", run)
    assert {task for task, found in states.items() if "failed" in found} == {"publish"}
    assert f"{manifest['run']} was started later" in airflow.first_error("receipt", run, "publish")
    assert {row["run"] for row in airflow.rows("ledger", "receipt", str(day))} == {run, manifest["run"]}
    assert days.manifest(airflow.lake, "receipt", day) == manifest
    assert published == days.digests(airflow.lake, "receipt", day) == airflow.by_command_line("receipt", str(day), tmp_path / "lake")
    assert days.holes(airflow.lake, "receipt", day) + days.repeated(airflow.lake, "receipt", day) == []
