"""What the operators' base class, the day and the pools promise."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.sdk import DAG
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException, DownstreamTasksSkipped
from upath import UPath

from octavo.model.entities import Partition, Report
from octavo.model.errors import ContractError, SettingsError, StoreUnavailable
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection
from octavo_airflow import pools
from octavo_airflow.day import resolve_day
from octavo_airflow.operators import IngestOperator, LateDaysOperator, LedgerOperator, OctavoOperator, RunDayOperator

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def context(partition_key: str | None = None, start: int | None = None, logical: int | None = None, arrived: Any = ()) -> Any:
    def at(number: int | None) -> dt.datetime | None:
        return None if number is None else dt.datetime(2026, 11, number, tzinfo=dt.UTC)

    run = SimpleNamespace(
        partition_key=partition_key, data_interval_start=at(start), data_interval_end=None, logical_date=at(logical), run_after=NOON,
        consumed_asset_events=[SimpleNamespace(extra={"from_trigger": True, "payload": {"days": days}}) for days in arrived],
    )
    return {"dag_run": run, "run_id": "r1"}


@pytest.mark.parametrize(("argument", "given", "day"), [
    pytest.param("2026-01-05", context("2026-02-05", 3, 4), dt.date(2026, 1, 5), id="the argument comes first"),
    pytest.param("", context("2026-02-05", 3, 4), dt.date(2026, 2, 5), id="then the partition key"),
    pytest.param("", context(None, 3, 4, [["2026-11-01"], ["2026-11-02"]]), dt.date(2026, 11, 2), id="then the latest arrival"),
    pytest.param("", context(None, 3, 4), dt.date(2026, 11, 3), id="then the start of the interval"),
    pytest.param("", context(None, None, 4), dt.date(2026, 11, 4), id="then the logical date"),
    pytest.param("", context(), dt.date(2026, 11, 20), id="then the moment it was asked for"),
])
def test_a_run_is_about_the_first_day_that_it_is_given(argument: str, given: Any, day: dt.date) -> None:
    assert resolve_day(given, argument) == day


def test_a_moment_in_another_zone_counts_by_its_day_in_utc() -> None:
    given = context()
    given["dag_run"].run_after = dt.datetime(2026, 11, 20, 23, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert resolve_day(given) == dt.date(2026, 11, 21)


@pytest.mark.parametrize(("argument", "given"), [("tomorrow", context()), ("", context("europe"))], ids=["argument", "partition key"])
def test_what_is_no_date_is_named(argument: str, given: Any) -> None:
    with pytest.raises(SettingsError, match="give a date"):
        resolve_day(given, argument)


class Failing(OctavoOperator):
    """Raises what it is told to."""

    def __init__(self, *, error: Exception, **kwargs: Any) -> None:
        super().__init__(task_id="failing", contract="receipt", **kwargs)
        self.error = error

    def stage(self, context: Any) -> Report:
        raise self.error


@pytest.mark.parametrize(("error", "raised"), [
    pytest.param(ContractError("receipt.yaml:3: unknown key"), AirflowFailException, id="a fact about the input fails at once"),
    pytest.param(StoreUnavailable("the lake did not answer"), StoreUnavailable, id="a busy store is tried again"),
    pytest.param(OSError("disk"), OSError, id="anything else is left to Airflow's retries"),
])
def test_one_place_decides_about_retries(error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        Failing(error=error).execute(context())


def test_the_cause_is_the_first_thing_that_a_failed_task_logs_below_its_folded_settings() -> None:
    task = Failing(error=ContractError("receipt.yaml:3: unknown key"))
    with structlog.testing.capture_logs() as logged, pytest.raises(AirflowFailException):
        task.execute(context())
    told = [entry["event"] for entry in logged if "outside of the Task Runner" not in entry["event"]]
    assert told[0] == "::group::settings"
    told = told[told.index("::endgroup::") + 1 :]
    assert told[0] == "receipt.yaml:3: unknown key"


def test_sufficient_pools_are_no_problem() -> None:
    assert pools.shortages([("read", "octavo_ocr", 4), ("ingest", "default_pool", 1)], {"octavo_ocr": 4, "default_pool": -1}) == []


@pytest.mark.parametrize(("slots", "said"), [
    pytest.param({}, "pool octavo_ocr does not exist", id="missing"),
    pytest.param({"octavo_ocr": 2}, "pool octavo_ocr has 2 slots and read takes 4", id="too small"),
])
def test_a_pool_that_would_hang_a_task_is_named_with_its_command(slots: dict[str, int], said: str) -> None:
    problems = pools.shortages([("read", "octavo_ocr", 4), ("extract_layout", "octavo_ocr", 1)], slots)
    assert len(problems) == 1
    assert problems[0].startswith(said)
    assert "airflow pools set octavo_ocr 4" in problems[0]


class Reading(OctavoOperator):
    """Reports how many passwords the core would try."""

    def stage(self, context: Any) -> Report:
        from octavo.page.pdf import passwords

        return Report("read", {"passwords": len(passwords())}, 0.0)


@pytest.mark.parametrize(("conn_id", "tried"), [pytest.param("bank_pdfs", 2, id="named"), pytest.param("", 1, id="none named")])
def test_passwords_of_locked_pdfs_come_from_the_connection_that_is_named(
    conn_id: str, tried: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCTAVO_PDF_PASSWORDS", "from the environment")
    monkeypatch.setenv("OCTAVO_PDF_PASSWORDS_CONN_ID", conn_id)
    monkeypatch.setenv("AIRFLOW_CONN_BANK_PDFS", '{"conn_type": "generic", "password": "one\\ntwo"}')
    assert Reading(task_id="reading", contract="receipt").execute(context()) == {"passwords": tried}


def test_a_connection_of_passwords_that_is_not_there_fails_the_task_with_its_name_and_no_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_PDF_PASSWORDS_CONN_ID", "nowhere")
    with pytest.raises(AirflowFailException, match="no connection nowhere, which OCTAVO_PDF_PASSWORDS_CONN_ID names; add it"):
        Reading(task_id="reading", contract="receipt").execute(context())


def a_run(kind: str, name: str = "a run") -> Any:
    given = context("2026-11-20")
    given["dag_run"].run_id = name
    given["dag_run"].run_type = DagRunType(kind)  # as a task is given it
    given["pushed"] = {}
    given["ti"] = SimpleNamespace(xcom_push=given["pushed"].__setitem__)
    return given


def ingest_and_ledger() -> IngestOperator:
    """An ingest task, with one below it that runs whatever happens."""
    with DAG("days"):
        ingest = IngestOperator(task_id="ingest", contract="receipt")
        ingest >> LedgerOperator(task_id="ledger", contract="receipt", trigger_rule="all_done")
    return ingest


@pytest.mark.parametrize(("kind", "name"), [
    pytest.param("scheduled", "scheduled__1", id="a scheduled run"), pytest.param("backfill", "backfill__1", id="a backfill"),
    pytest.param("operator_triggered", "late__2026-11-20__ab", id="a run for documents that were late until another run took them"),
])
def test_a_day_that_has_not_changed_is_left_alone_by_its_first_task(
    kind: str, name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(change_detection, "unchanged", lambda *args: True)
    workspace = Workspace.open(UPath(tmp_path), Partition("receipt", NOON.date()), "r1")
    workspace.keep_inputs({}, "rules")
    given = a_run(kind, name)
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        ingest_and_ledger().leave_alone_if_unchanged(given, workspace, 0.0)
    assert skipped.value.tasks == ["ledger"]
    assert given["pushed"] == {"counts": {"unchanged": 1}}
    assert not workspace.root.exists()


@pytest.mark.parametrize(("kind", "same"), [
    pytest.param("manual", True, id="somebody asked for it"), pytest.param("operator_triggered", True, id="another DAG asked for it"),
    pytest.param("scheduled", False, id="something has changed"),
])
def test_a_day_is_run_all_the_same_when(kind: str, same: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_detection, "unchanged", lambda *args: same)
    workspace = Workspace.open(UPath(tmp_path), Partition("receipt", NOON.date()), "r1")
    ingest_and_ledger().leave_alone_if_unchanged(a_run(kind), workspace, 0.0)


def late(given: Any, monkeypatch: pytest.MonkeyPatch, *days: change_detection.LateDay) -> tuple[list[dict[str, str]], list[Any]]:
    """What the task ``late`` finds where these days have changed, and the spans of days that it looked at."""
    asked = []

    def late_days(contract: str, settings: Any, first: dt.date, before: dt.date) -> list[change_detection.LateDay]:
        asked.append((contract, first, before))
        return [one for one in days if first <= one.day < before]

    monkeypatch.setattr(change_detection, "late_days", late_days)
    return LateDaysOperator(task_id="late", contract="receipt").execute(given), asked


def changed(day: int, files: int = 2, vanished: int = 0) -> change_detection.LateDay:
    return change_detection.LateDay(dt.date(2026, 11, day), files, vanished, "abcdef0123456789", True)


def test_late_days_become_runs_whose_names_hold_the_state_of_their_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_LATE_DAYS", "7")
    given = a_run("scheduled")
    found, asked = late(given, monkeypatch, changed(18))
    assert asked == [("receipt", dt.date(2026, 11, 13), dt.date(2026, 11, 20))]
    assert found == [{"day": "2026-11-18", "state": "abcdef012345"}]
    with pytest.raises(DagRunTriggerException) as triggered, DAG("octavo_receipt"):
        RunDayOperator(task_id="run_late", contract="receipt", **found[0]).execute(given)
    asked_for = triggered.value
    assert (asked_for.trigger_dag_id, asked_for.dag_run_id, asked_for.conf) == (
        "octavo_receipt", "late__2026-11-18__abcdef012345", {"day": "2026-11-18"},
    )
    assert asked_for.skip_when_already_exists
    assert given["pushed"] == {"counts": {"days": 1, "files": 2, "vanished": 0}}
    for kind in ("manual", "operator_triggered"):
        with pytest.raises(AirflowSkipException):
            late(a_run(kind), monkeypatch)


@pytest.mark.parametrize(("setting", "taken"), [pytest.param("keep", [], id="kept"), pytest.param("run", ["2026-11-18"], id="run again")])
def test_a_day_of_which_files_went_away_is_listed_and_a_setting_says_what_follows(
    setting: str, taken: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCTAVO_VANISHED", setting)
    given = a_run("scheduled")
    with structlog.testing.capture_logs() as logged:
        found, _ = late(given, monkeypatch, changed(18, files=0, vanished=3))
    assert [one["day"] for one in found] == taken
    assert given["pushed"]["counts"]["vanished"] == 3
    assert any("3 files went away since the day was published" in entry["event"] for entry in logged)


def test_a_run_of_the_watcher_takes_every_day_that_it_tells_of_however_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_LATE_DAYS", "3")
    given = a_run("asset_triggered")
    given["dag_run"].partition_key = None
    given["dag_run"].consumed_asset_events = [SimpleNamespace(extra={"payload": {"days": ["2026-11-02", "2026-11-19", "2026-11-20"]}})]
    found, _ = late(given, monkeypatch, changed(2), changed(3), changed(18), changed(19), changed(20))
    assert [one["day"] for one in found] == ["2026-11-02", "2026-11-18", "2026-11-19"]


class Counting(OctavoOperator):
    """Did something."""

    def stage(self, context: Any) -> Report:
        return Report("read", {"reads": 3, "read_hits": 0}, 1.5, 0.25)


@pytest.mark.parametrize("older", [pytest.param(False, id="Airflow 3.3"), pytest.param(True, id="Airflow 3.2")])
def test_counts_and_seconds_go_to_airflows_own_metrics(older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import airflow.sdk.observability.stats

    stats: Any = SimpleNamespace()
    monkeypatch.setattr(airflow.sdk.observability, "stats", SimpleNamespace(Stats=stats) if older else stats)
    told: dict[str, Any] = {}
    stats.incr = (lambda name, count, tags: told.update({name: (count, tags)}))
    stats.gauge = (lambda name, value, tags: told.update({name: (value, tags)}))
    stats.timing = (lambda name, took, tags: told.update({name: (took, tags)}))
    Counting(task_id="read", contract="receipt").execute(context())
    tags = {"contract": "receipt", "stage": "read"}
    assert told == {
        "octavo.receipt.read.reads": (3, tags), "octavo.receipt.read.read_hits": (0, tags), "octavo.receipt.read.seconds": (1500.0, tags),
        "octavo.receipt.read.cost": (0.25, tags), "octavo.receipt.read.pages_per_second": (2.0, tags),
    }
