"""What an earlier version wrote goes on working: tables, corrections, answers, readings and a parked workspace.

``data/version-0.1`` was made by the script in it, with that version. Pages may be read anew where the reader has changed;
no correction, no document and no paid answer may be lost.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from fastapi import FastAPI
from fastapi.testclient import TestClient
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.model.entities import Partition
from octavo.model.settings import CONTRACTS_FOLDER, Settings
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.storage.schemas import READINGS, completed, pages_of
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection, pipeline
from tests import command_line
from tests.command_line import summary
from tests.documents import text_pdf
from tests.molmo.endpoint import completion, serving

LEFT = Path(__file__).resolve().parent / "data" / "version-0.1"
ARRIVED = 1_793_923_200  # as in make.py: git keeps no times
RECEIPT, SLIP, INVOICE, AIRTIME = (
    Partition(name, dt.date(2026, 11, day)) for name, day in (("receipt", 2), ("slip", 3), ("invoice", 4), ("airtime", 5))
)
PUBLISHED = [RECEIPT, SLIP, INVOICE, AIRTIME]
SCAN, BILL, ORDER = "receipt_0003.webp", "invoice_0001.pdf", "order_0000.pdf"
# What people said, merged or not, as the next merge has it: document, field, value.
CORRECTED = {
    RECEIPT: {(SCAN, "company"): "The Paper Lantern Bookshop", (SCAN, "total"): "GBP 71.35"},
    INVOICE: {
        (BILL, "buyer"): "Osprey Charter Company", (BILL, "due_date"): "16 November 2026",
        (BILL, "line_items[1].description"): "Desk lamp LED, black", (BILL, "line_items[5].amount"): "211.21",
    },
    AIRTIME: {(ORDER, "approved"): "11/05/2026"},
}


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the earlier version left, as the working folder, with today's contracts and the user's own."""
    for name in ("lake", "landing"):
        shutil.copytree(LEFT / name, tmp_path / name)
    shutil.copytree(CONTRACTS_FOLDER, tmp_path / "contracts")
    shutil.copytree(LEFT / "own", tmp_path / "contracts", dirs_exist_ok=True)
    for path in (tmp_path / "landing").rglob("*.*"):
        os.utime(path, (ARRIVED, ARRIVED))
    for name, value in {
        "LAKE": "lake", "LANDING": "landing", "CONTRACTS": "contracts", "OCR_PROFILE": "fast", "PROCESSES": "1",
    }.items():
        monkeypatch.setenv(f"OCTAVO_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def octavo(*arguments: str) -> Result:
    done = command_line.octavo(*arguments)
    assert done.exit_code == 0, done.output
    return done


def rows(table: str, partition: Partition) -> list[dict[str, Any]]:
    path = Path("lake") / table / partition.path / "part.parquet"
    found: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return found


def document(name: str, partition: Partition) -> str:
    """The sha256 of a published document."""
    [found] = [row["document"] for row in rows("documents", partition) if row["uri"].endswith(name)]
    return str(found)


def said(partition: Partition) -> dict[tuple[str, str], str]:
    """What the published day has from people: value by document and field."""
    names = {row["document"]: Path(row["uri"]).name for row in rows("documents", partition)}
    return {
        (names[row["document"]], row["field"]): row["value"]
        for row in rows("fields", partition) if row["extractor"] == "person" and row["verdict"] == "accepted"
    }


def parked() -> Workspace:
    """The workspace of the run that the gate refused."""
    [folder] = Path("lake/_octavo/workspaces/airtime/2026-11-05").iterdir()
    return Workspace.open(Settings().workspaces, AIRTIME, folder.name)


def test_no_file_names_a_module_of_the_code() -> None:
    """Code moves; what lies on disk names nothing of it."""
    files = [path for path in (LEFT / "lake").rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [str(path) for path in files if b"octavo." in path.read_bytes()] == []


def test_documents_are_shown_with_their_evidence_pages_and_chunks(left: Path) -> None:
    shown = [json.loads(line) for line in octavo("show", BILL, "--json").stdout.splitlines()]
    fields = {row["field"]: row for row in shown}
    assert (fields["amount_due"]["value"], fields["amount_due"]["verdict"]) == ("2,876.88 USD", "accepted")
    assert fields["amount_due"]["evidence"]
    assert fields["buyer"]["value"] == "Osprey Charter Company"
    receipt = octavo("show", SCAN).output
    assert "GBP 36.15" in receipt
    assert "GBP 71.35 (corrected by ann" in receipt
    assert "quarantined truncated" in octavo("show", "cut_off.pdf").output
    assert "quarantined password_required" in octavo("show", "locked.pdf").output
    octavo("show", SCAN, "--html", "page.html")
    assert Path("page.html").read_text(encoding="utf-8").count("data:image/jpeg;base64,") == 1
    octavo("show", SCAN, "--chunks", "--out", "pictures")
    assert list(Path("pictures").iterdir())


def test_readings_without_rulings_are_merged_anew_and_say_that_they_have_none_known(left: Path) -> None:
    octavo("remerge", "invoice")
    assert {(row["rulings"], row["checks"]) for row in rows("pages", INVOICE)} == {(None, None)}
    kept = Path("lake/_octavo/readings").rglob("*.parquet")
    tables = [completed(pq.ParquetFile(path).read(), READINGS) for path in kept]
    assert {page.rulings for table in tables for page in pages_of(table)} == {()}


def test_review_lists_what_waits_and_takes_corrections(left: Path) -> None:
    [row] = [json.loads(line) for line in octavo("review", "--contract", "invoice", "--json").stdout.splitlines()]
    assert (row["field"], row["value"], row["verdict"]) == ("amount_total", "3,633.88 USD", "conflicting")
    octavo("review", BILL, "--confirm", "amount_total", "--by", "bea", "--apply")
    assert said(INVOICE) == {**CORRECTED[INVOICE], (BILL, "amount_total"): "3,633.88 USD"}
    kept = CorrectionStore(Settings().correction_store).history(document(BILL, INVOICE))
    assert [one.by for one in kept] == ["ann"] * 4 + ["bea"]


@pytest.mark.parametrize("partition", PUBLISHED, ids=lambda partition: str(partition.contract))
def test_days_are_merged_anew_without_reading_and_keep_what_people_said(left: Path, partition: Partition) -> None:
    before = {table: rows(table, partition) for table in ("documents", "pages")}
    result = summary(octavo("remerge", partition.contract, "--json"))
    assert (result["published"], result["days"], result["reads"], result["model_calls"]) == (True, 1, 0, 0)
    assert said(partition) == CORRECTED.get(partition, {})
    for table, then in before.items():  # columns may have been added since
        assert [{name: row[name] for name in then[0]} for row in rows(table, partition)] == then
    assert {row["contract_hash"] for row in rows("fields", partition)} == {result["contract_hash"]}
    extractors = {row["extractor"] for row in rows("answers", partition)}
    assert extractors == ({"layout", "molmo"} if partition is SLIP else {"layout"})


def test_corrected_values_are_in_the_records(left: Path) -> None:
    for contract in ("receipt", "invoice", "airtime"):
        octavo("remerge", contract)
    scan = document(SCAN, RECEIPT)
    assert {row["document"]: row["total"] for row in rows("receipt", RECEIPT)}[scan] == Decimal("71.35")
    [bill] = rows("invoice", INVOICE)
    lines = bill["line_items"]
    assert [(line["description"], line["amount"]) for line in lines if line["description"].startswith("Desk")] == [
        ("Desk lamp LED, black", Decimal("90.20")),
    ]
    assert [(line["description"], line["amount"]) for line in lines if line["amount"] == Decimal("211.21")] == [
        ("Stapler, heavy duty", Decimal("211.21")),
    ]
    assert [row["approved"] for row in rows("airtime", AIRTIME)] == [dt.date(2026, 11, 5)]


@pytest.mark.parametrize(("name", "partition", "left_over"), [
    pytest.param(SCAN, RECEIPT, {"receipt_0007.pdf"}, id="a document with corrections"),
    pytest.param(ORDER, AIRTIME, set(), id="a document of a parked workspace"),
])
def test_a_document_is_forgotten_everywhere(left: Path, name: str, partition: Partition, left_over: set[str]) -> None:
    sha256 = document(name, partition)
    erased = summary(octavo("forget", name, "--json"))
    assert erased["corrections"] == (2 if name == SCAN else 1)
    files = [path for path in Path("lake").rglob("*") if path.is_file()]
    assert [str(path) for path in files if sha256 in str(path)] == []
    assert [str(path) for path in files if name.encode() in path.read_bytes() or sha256.encode() in path.read_bytes()] == []
    assert {Path(row["uri"]).name for row in rows("documents", partition)} == left_over
    octavo("run", partition.contract, f"landing/{partition.contract}")
    assert {Path(row["uri"]).name for row in rows("documents", partition)} == left_over


def test_answers_of_earlier_prompts_serve_every_merge_and_a_run_asks_todays_question_once(left: Path) -> None:
    values = {"shop": "TANGLEWOOD HARDWARE SDN BHD", "cashier": "Ben", "total": "RM 21.90"}
    with serving(lambda number, body: completion(json.dumps(values))) as endpoint:
        model = ("--runtime", "openai", "--model", "scripted", "--base-url", endpoint.url)
        merged = summary(octavo("remerge", "slip", "--json"))
        assert {row["field"]: row["value"] for row in rows("fields", SLIP)} == values
        asked = [summary(octavo("run", "slip", "landing/slip", *model, "--json")) for _ in range(2)]
        anew = summary(octavo("remerge", "slip", "--extract", *model, "--json"))
    assert [(one["model_calls"], one["store_hits"]) for one in (*asked, anew)] == [(1, 0), (0, 1), (0, 1)]
    assert (merged["model_calls"], len(endpoint.bodies)) == (0, 1)
    assert {row["field"]: row["value"] for row in rows("fields", SLIP)} == values
    assert summary(octavo("answers", "stats", "--json"))["answers"] == 2, "the earlier answer is kept"


def test_the_next_days_run_and_late_documents_join_what_was_there(left: Path) -> None:
    lines = ["HARBOUR COFFEE LTD", "Date: 03-11-2026", "Total Due 17.60"]
    (left / "landing/receipt/2026/11/03").mkdir()
    text_pdf(left / "landing/receipt/2026/11/03/next.pdf", [lines])
    text_pdf(left / "landing/receipt/2026/11/02/late.pdf", [[*lines, "Thank you"]])
    result = summary(octavo("run", "receipt", "landing/receipt", "--json"))
    assert (result["published"], result["documents"]) == (True, 4)
    assert {Path(row["uri"]).name for row in rows("documents", RECEIPT)} == {SCAN, "receipt_0007.pdf", "late.pdf"}
    assert said(RECEIPT) == CORRECTED[RECEIPT]
    assert [row["total"] for row in rows("receipt", Partition("receipt", dt.date(2026, 11, 3)))] == [Decimal("17.60")]
    runs = {row["run"] for row in rows("ledger", RECEIPT)}
    assert len(runs) == 3, "the runs of the earlier version are still in the ledger"


def test_days_whose_notes_name_files_without_a_salt_are_run_once_more(left: Path) -> None:
    def late(partition: Partition) -> list[tuple[dt.date, bool]]:
        found = change_detection.late_days(partition.contract, Settings(), dt.date(2026, 10, 7), dt.date(2026, 11, 7))
        return [(day.day, day.published) for day in found if day.files]

    seen = [RECEIPT, SLIP, INVOICE]  # the last run of airtime was refused
    assert [late(partition) for partition in seen] == [[(partition.day, True)] for partition in seen]


@pytest.mark.parametrize("stages", [
    pytest.param((), id="parked at the gate"),
    pytest.param(("chunk", "extract_layout", "fields", "records", "corrections", "staged"), id="parked after reading"),
    pytest.param(("fields", "records", "corrections", "staged"), id="parked after extraction"),
])
def test_a_parked_run_goes_on_and_publishes_with_what_was_said_since(left: Path, stages: tuple[str, ...]) -> None:
    workspace, settings = parked(), Settings()
    for stage in stages:
        shutil.rmtree(workspace.root / stage)
    contract = workspace.contract()

    def work() -> None:
        if "chunk" in stages:
            for shard in workspace.page_shards:
                chunking.run(workspace, shard, contract.chunking)
                rules.run(workspace, shard, contract)

    result = pipeline.DayResult(AIRTIME, workspace.run)
    pipeline.finish(pipeline.Steps(result, None), workspace, contract, settings, ("layout",), work)
    assert result.published, result.error
    assert said(AIRTIME) == CORRECTED[AIRTIME]
    assert [(row["number"], row["approved"], row["gross"]) for row in rows("airtime", AIRTIME)] == [
        ("1721434", dt.date(2026, 11, 5), Decimal("9650.00")),
    ]


def test_quarantined_documents_and_kept_answers_are_listed(left: Path) -> None:
    listed = octavo("requeue", "invoice").output
    assert "cut_off.pdf" in listed
    assert "locked.pdf" in listed
    assert summary(octavo("answers", "stats", "--json"))["answers"] == 1


class Reader:
    """Somebody who may read and edit."""

    def get_name(self) -> str:
        return "cleo"


@pytest.fixture
def client(left: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    from airflow.api_fastapi.core_api.security import get_user

    from octavo_airflow.ui import access, dag_index
    from octavo_airflow.ui import app as pages

    app = pages.app
    for ask in ("may_edit", "may_run"):
        monkeypatch.setattr(access, ask, lambda user, dag: True)
    monkeypatch.setattr(pages, "run_started", lambda dag, run: None)  # there is no database
    dags = {f"octavo_{contract}": {contract} for contract in ("airtime", *(partition.contract for partition in PUBLISHED))}
    monkeypatch.setattr(dag_index, "publishing", lambda: dags)
    monkeypatch.setattr(dag_index, "rebuilding", "octavo_{}.remerge".format)
    monkeypatch.setattr(dag_index, "takes", lambda dag, *params: True)
    monkeypatch.setattr(dag_index, "stage", lambda dag, task: (task, dag.removeprefix("octavo_")))
    outer = FastAPI()
    outer.mount("/octavo", app)
    monkeypatch.setitem(app.dependency_overrides, get_user, Reader)
    monkeypatch.setitem(app.dependency_overrides, access.readable_dags, lambda: dags)
    with TestClient(outer, base_url="http://test/octavo/") as made:
        yield made


def test_the_ui_shows_documents_runs_tasks_tables_and_the_queue(client: TestClient) -> None:
    scan, order = document(SCAN, RECEIPT), document(ORDER, AIRTIME)
    hits = client.get("api/library").json()["hits"]
    assert {hit["name"] for hit in hits} == {SCAN, "receipt_0007.pdf", BILL, "cut_off.pdf", "locked.pdf", ORDER}
    shown = client.get(f"api/document/{scan}", params={"page": 1}).json()
    assert shown["waiting"]["total"]["value"] == "GBP 71.35"
    assert (shown["page"]["words_kept"], shown["page"]["picture"]) == (True, True)
    assert client.get(f"page/{scan}/1.jpg").content[:3] == b"\xff\xd8\xff"
    queue = client.get("api/review").json()
    assert {item["field"] for item in queue["items"]} == {"amount_total", *(f"programs[{number}].spots" for number in range(4))}
    run = {"dag_id": "octavo_airtime", "run_id": parked().run}
    view = client.get("api/run", params=run).json()
    assert (view["published"], view["gate"], view["accounted"]) == (False, "refused", True)
    for task in ("read", "chunk", "extract_layout", "merge"):
        assert client.get("api/task", params={**run, "task_id": task, "map_index": "0"}).json()["shard"]["parts"], task
    staged = client.get(f"api/document/{order}", params={"run": parked().run, "page": 1}).json()
    assert staged["page"]["words_kept"] is True
    for partition in PUBLISHED:
        manifest = Lake(UPath("lake")).published(partition)
        assert manifest is not None
        about = {"dag_id": f"octavo_{partition.contract}", "run_id": manifest["run"]}
        assert client.get("api/run", params=about).json()["published"] is True
        paths = (
            "library", f"document/{scan}", "review", f"contract/{partition.contract}",
            f"table?contract={partition.contract}&day={partition.day}", f"run?dag_id={about['dag_id']}&run_id={about['run_id']}",
            f"reports/{partition.contract}/{partition.day}/index.html",
        )
        assert [path for path in paths if client.get(path).status_code != 200] == []


def test_a_correction_in_the_ui_joins_the_earlier_ones(client: TestClient) -> None:
    bill = document(BILL, INVOICE)
    data = {"contract": "invoice", "day": INVOICE.day.isoformat(), "field": "issuer", "action": "correct", "value": "Bluefin Marine Parts"}
    answer = client.post(f"document/{bill}/fields", data=data, headers={"sec-fetch-site": "same-origin"}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    octavo("remerge", "invoice")
    assert said(INVOICE) == {**CORRECTED[INVOICE], (BILL, "issuer"): "Bluefin Marine Parts"}
