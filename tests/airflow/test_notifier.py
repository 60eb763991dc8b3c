"""Who is told of which run, by which road, and what happens when nobody answers."""

from __future__ import annotations

import json
import logging
import socketserver
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.sdk import BaseNotifier
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.task_runner import _run_task_state_change_callbacks
from upath import UPath

from octavo.model.errors import LedgerHole, Superseded
from octavo.model.settings import Settings
from octavo.publishing import ledger
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo_airflow.notifier import OctavoNotifier, callbacks
from octavo_airflow.operators import LedgerOperator
from tests.staging import CONTRACT, DAY, fill, workspace
from tests.webhook import serving, webhook

RUN = "manual__2026-11-03T00:00:00+00:00"
REFUSED = {"name": "total is there", "table": "receipt", "column": "total", "success": False, "checked": 9, "failing": 4, "error": None,
           "documents": ["a document"], "values": ["a value"]}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("OCTAVO_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team/")
    return Lake(UPath(tmp_path / "lake"))


def ended(lake: Lake, good: int = 9, bad: int = 0, gate: bool | None = True) -> Any:
    """The context of a task of a run over so many documents, whose ledger is written; ``gate`` is what it said."""
    space = fill(workspace(Path(Settings().workspaces.path), RUN), {n: ["text"] for n in range(good)}, quarantined=range(100, 100 + bad))
    if gate is not None:
        expectations = [{**REFUSED, "success": True}, {**REFUSED, "success": gate}]
        fs.write_json(space.validation, {"success": gate, "expectations": expectations})
    ledger.run(space, lake, ["layout"])
    return a_context()


def a_context(error: Exception | None = None) -> Any:
    run = SimpleNamespace(partition_key=None, data_interval_start=None, logical_date=None)
    ti = SimpleNamespace(dag_id="octavo_receipt", task_id="ledger")
    given = {"dag_run": run, "run_id": RUN, "ti": ti, "outlet_events": {}}
    return {**given, "exception": error} if error else given


def told(context: Any, **options: Any) -> dict[str, Any] | None:
    return OctavoNotifier(contract=CONTRACT.name, day=str(DAY), **options).message(context)


def test_a_run_that_went_well_is_nothing_to_tell_of(lake: Lake) -> None:
    assert told(ended(lake, good=9, bad=1)) is None  # one in ten is no more than one in ten


def test_a_refused_day_is_told_with_its_expectations_and_the_tab_of_its_run(lake: Lake) -> None:
    message = told(ended(lake, gate=False))
    assert message is not None
    tab = "https://airflow.example.com/team/dags/octavo_receipt/runs/manual__2026-11-03T00%3A00%3A00%2B00%3A00/plugin/octavo-run"
    assert message["text"].splitlines() == [
        "Octavo: receipt 2026-11-02: the gate refused the day, nothing is published", "- total is there: 4 of 9 rows fail", tab,
    ]
    assert (message["contract"], message["day"], message["run"], message["refused"], message["link"]) == (
        "receipt", "2026-11-02", RUN, True, tab,
    )
    assert len(message["expectations"]) == 1
    assert not {"a document", "a value"} & set(json.dumps(message).split('"'))  # documents are private


@pytest.mark.parametrize(("share", "bad", "text"), [
    pytest.param(0.1, 2, "2 of 11 documents are quarantined", id="above the threshold"),
    pytest.param(0.0, 1, "1 of 10 documents are quarantined", id="every one where the threshold is 0"),
    pytest.param(0.5, 2, None, id="below it"),
])
def test_quarantine_is_told_above_its_threshold_with_the_reasons(share: float, bad: int, text: str | None, lake: Lake) -> None:
    message = told(ended(lake, bad=bad), quarantined_share=share)
    assert (message and message["subject"]) == (text and f"Octavo: receipt 2026-11-02: {text}")
    assert message is None or message["reasons"] == {"corrupt": bad}


def test_a_run_that_fails_before_it_has_a_ledger_is_told_with_its_error(lake: Lake) -> None:
    message = told(a_context(AirflowFailException("plan.parquet is missing: an earlier stage did not finish")))
    assert message is not None
    assert message["text"].splitlines()[:2] == [
        "Octavo: receipt 2026-11-02: the run failed", "plan.parquet is missing: an earlier stage did not finish",
    ]
    error = AirflowFailException("a later run has published")
    error.__cause__ = Superseded("a later run has published")
    assert told(a_context(error)) is None


def test_a_hole_in_the_ledger_is_told(lake: Lake) -> None:
    space = fill(workspace(Path(Settings().workspaces.path), RUN), {1: ["text"]}, skip=["merge"])
    with pytest.raises(LedgerHole) as hole:
        ledger.run(space, lake, ["layout"])
    message = told(a_context(hole.value))
    assert message is not None
    assert "did not come to an end" in message["text"]


@pytest.mark.parametrize("connection", [
    pytest.param({"conn_type": "http", "host": "{url}/hooks/T1?x=1"}, id="a whole URL as the host"),
    pytest.param({"conn_type": "http", "host": "127.0.0.1", "port": "{port}", "schema": "hooks/T1?x=1"}, id="host, port and path"),
])
def test_the_message_is_posted_to_the_connection_with_its_headers_and_login(
    connection: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = ended(lake, gate=False)
    with webhook() as (url, taken):
        port = url.rpartition(":")[2]
        given = {name: value.format(url=url, port=port) for name, value in connection.items()}
        if "port" in given:
            given["port"] = int(given["port"])  # type: ignore[assignment]
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps({**given, "login": "ann", "password": "secret", "extra": {"X-Team": "papers"}}))
        OctavoNotifier(contract="receipt", day=str(DAY), conn_id="hook")(context)
    [(headers, message)] = taken
    assert (headers["path"], headers["X-Team"], headers["Authorization"]) == ("/hooks/T1?x=1", "papers", "Basic YW5uOnNlY3JldA==")
    assert message == json.loads(json.dumps(told(context)))


@pytest.mark.parametrize(("status", "conn", "said"), [
    pytest.param(500, "hook", "500", id="a webhook that is broken"),
    pytest.param(None, "hook", "ConnectError", id="one that is not there"),
    pytest.param(200, "nowhere", "there is no connection nowhere", id="a connection that is not there"),
])
def test_a_message_that_nobody_takes_is_logged_and_fails_nothing(
    status: int | None, conn: str, said: str, lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    context = ended(lake, gate=False)
    with webhook(status or 200) as (url, _):
        where = (url if status else "http://127.0.0.1:9") + "/services/T0/SECRET"
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps({"conn_type": "http", "host": where}))
        with structlog.testing.capture_logs() as logged, caplog.at_level(logging.DEBUG, "httpx"), caplog.at_level(logging.INFO):
            OctavoNotifier(contract="receipt", day=str(DAY), conn_id=conn)(context)
    [error] = [str(entry["event"]) for entry in logged if entry["log_level"] == "error"]
    assert error.startswith("nobody was told")
    assert said in error
    assert "SECRET" not in f"{logged} {caplog.text}", "the address of a webhook is a secret"


class Kept(BaseNotifier):
    """A user's notifier: keeps what it is to say."""

    template_fields = ("text",)
    said: list[tuple[str, str]] = []  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        self.said.append((self.text, context["octavo"]["day"]))


def kept(context: Any, mark: str) -> None:
    """A user's function."""
    Kept.said.append((mark, context["octavo"]["day"]))


@pytest.mark.parametrize(("path", "arguments", "text"), [
    pytest.param("tests.airflow.test_notifier.Kept", {"text": "{{ octavo.subject }}"},
                 "Octavo: receipt 2026-11-02: the gate refused the day, nothing is published", id="a class with templates"),
    pytest.param("tests.airflow.test_notifier:kept", {"mark": "!"}, "!", id="a function"),
])
def test_any_notifier_is_told_by_its_import_path(
    path: str, arguments: dict[str, str], text: str, lake: Lake, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCTAVO_NOTIFIER", path)
    monkeypatch.setenv("OCTAVO_NOTIFIER_ARGS", json.dumps(arguments))
    Kept.said.clear()
    [notifier] = callbacks("receipt", str(DAY), Settings())
    notifier(ended(lake, gate=False))
    assert Kept.said == [(text, "2026-11-02")]


def test_a_notifier_that_cannot_be_found_is_logged_by_airflow_and_the_task_goes_on(lake: Lake) -> None:
    tell = OctavoNotifier(contract="receipt", day=str(DAY), notifier="nowhere.at.all")
    task = LedgerOperator(task_id="ledger", contract="receipt", on_success_callback=tell)
    with structlog.testing.capture_logs() as logged:
        _run_task_state_change_callbacks(task, "on_success_callback", ended(lake, gate=False), structlog.get_logger())
    assert [entry["kind"] for entry in logged if entry["event"] == "Failed to run task callback"] == ["on_success_callback"]


def test_airflows_own_notifier_for_mail_sends_the_message(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/operations.md shows it."""
    lines: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                lines.append(line)
                if data and line != ".":
                    continue
                data = line.upper() == "DATA"
                self.wfile.write(b"354 go on\r\n" if data else b"250 fine\r\n")
                if line.upper().startswith("QUIT"):
                    return

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps({
            "conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {"disable_ssl": True, "disable_tls": True, "retry_limit": 1},
        }))
        arguments = {
            "to": "papers@example.com", "from_email": "octavo@example.com", "subject": "{{ octavo.subject }}",
            "html_content": "<pre>{{ octavo.text | e }}</pre>",
        }
        OctavoNotifier(
            contract="receipt", day=str(DAY), notifier="airflow.providers.smtp.notifications.smtp.SmtpNotifier", arguments=arguments,
        )(ended(lake, gate=False))
    assert "Subject: Octavo: receipt 2026-11-02: the gate refused the day, nothing is published" in " ".join(lines)
    assert any("papers@example.com" in line for line in lines)


def test_nobody_is_told_where_no_road_is_set() -> None:
    assert callbacks("receipt", str(DAY), Settings()) == []
