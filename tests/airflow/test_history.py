"""The DAGs over published days, and what their operators make of a person's answer."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from upath import UPath

from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo_airflow.operators import history
from tests.airflow.test_dags import HEAVY, parse
from tests.history import DAYS, FIELDS, contract, copied, publish

USED = contract({**FIELDS, "due": {"type": "money", "labels": ["Summe"], "required": True}})


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parse("octavo_history.py", tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("history")
    publish(root, USED)
    return root


@pytest.fixture
def lake(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    copied(published, tmp_path, USED, monkeypatch)
    monkeypatch.setenv("OCTAVO_LAKE", str(tmp_path / "lake"))
    return Lake(UPath(tmp_path / "lake"))


def days_of(first: str = "", last: str = "") -> list[dict[str, Any]]:
    return list(history.RemergeDaysOperator(task_id="days", contract="bill", first=first, last=last).execute({}))


def cases(most: str = "10", day: str = "") -> list[dict[str, str]]:
    return list(history.ReviewCasesOperator(task_id="cases", contract="bill", day=day, most=most).execute({}))


def test_the_dags_are_started_by_hand_and_parse_light(parsed: dict[str, Any]) -> None:
    shipped = [one.name for one in contracts.load_all(Settings().contracts)]
    assert set(parsed["dags"]) == {f"octavo_{name}.{what}" for name in shipped for what in ("remerge", "review")}
    assert {dag["timetable"] for dag in parsed["dags"].values()} == {"NullTimetable"}
    assert [name for name in HEAVY if name in parsed["modules"]] == []
    assert parsed["dags"]["octavo_receipt.remerge"]["params"] == ["first", "last"]
    assert parsed["dags"]["octavo_receipt.review"]["params"] == ["day", "documents"]


def test_days_are_rebuilt_by_the_contract_as_it_is_now(lake: Lake) -> None:
    [first, second] = days_of()
    assert [first["days"], second["days"]] == [[day.isoformat()] for day in DAYS]
    assert days_of(last="2026-11-02") == [first]
    counts = history.RemergeOperator(task_id="remerge", contract="bill", group=first).execute({})
    assert (counts["days"], counts["documents"], counts["reads"], counts["read_hits"]) == (1, 2, 0, 2)


def test_many_days_make_few_tasks(lake: Lake) -> None:
    manifest = lake.manifest(Partition("bill", DAYS[0]))
    for number in range(100):
        day = dt.date(2020, 1, 1) + dt.timedelta(number)
        shutil.copy(manifest, manifest.with_name(f"day={day}.json"))
    groups = days_of()
    assert len(groups) <= history.MOST_TASKS
    assert sum(len(group["days"]) for group in groups) == 102


def test_a_contract_that_changes_in_between_fails_the_rest(lake: Lake) -> None:
    [first, _] = days_of()
    with pytest.raises(AirflowFailException, match="was changed while its days were rebuilt"):
        history.RemergeOperator(task_id="remerge", contract="bill", group={**first, "contract_hash": "another"}).execute({})


@pytest.fixture
def form(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the first document's task asks, as it goes to Airflow."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: asked.update(detail))
    with pytest.raises(TaskAwaitingInput):
        history.ReviewOperator(task_id="ask", case=cases()[0]).execute({"task_instance": type("TI", (), {"id": "1"})()})
    return asked


def test_a_document_that_wants_a_look_becomes_a_form(form: dict[str, Any]) -> None:
    assert form["subject"].startswith("bill 2026-11-02: bill_4821")
    assert (form["options"], form["defaults"]) == (["Save", "Skip"], ["Skip"])
    assert form["params"]["due"]["value"] == ""
    assert form["params"]["due"]["description"] == "missing: required, but nothing was found"


def test_a_name_ends_no_code_of_a_forms_text_and_gives_no_order(monkeypatch: pytest.MonkeyPatch, lake: Lake) -> None:
    case = {**cases()[0], "uri": "/in/a`![x](http://evil.example/x.png)`\x1b]52;c;eA==\x07.pdf"}
    asked: dict[str, Any] = {}
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: asked.update(detail))
    with pytest.raises(TaskAwaitingInput):
        history.ReviewOperator(task_id="ask", case=case).execute({"task_instance": type("TI", (), {"id": "1"})()})
    assert asked["body"].split("\n")[0].count("`") == 2
    assert not {"\x1b", "\x07"} & set(asked["body"] + asked["subject"])


def test_listeners_are_told_neither_values_nor_who_answered(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenLineage's provider sends ``hitl_summary`` of every operator that has one."""
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: None)
    task = history.ReviewOperator(task_id="ask", case=cases()[0])
    with pytest.raises(TaskAwaitingInput):
        task.execute({"task_instance": type("TI", (), {"id": "1"})()})
    event = {"chosen_options": ["Save"], "params_input": {"due": "17.60"}, "responded_at": dt.datetime.now(dt.UTC),
             "responded_by_user": {"id": "ann", "name": "Ann"}}
    task.execute_complete({}, event)
    from airflow.providers.openlineage.utils.utils import TaskInfo

    sent = str(dict(TaskInfo(task)))
    assert "hitl_summary" in sent
    assert [secret for secret in ("17.60", "Ann", "bill_4821") if secret in sent] == []


def answer(case: dict[str, str], *chosen: str, **values: str) -> dict[str, Any]:
    event = {"chosen_options": list(chosen), "params_input": values, "responded_at": dt.datetime.now(dt.UTC),
             "responded_by_user": {"id": "ann", "name": "Ann"}}
    return dict(history.ReviewOperator(task_id="ask", case=case).execute_complete({}, event))


def test_what_a_person_saves_is_kept_and_the_day_rebuilt(lake: Lake) -> None:
    case = cases()[0]
    said = answer(case, "Save", due="17.60")
    assert said == {"day": "2026-11-02", "kept": 1}
    kept = CorrectionStore(lake.root / "_corrections").history(case["document"])
    assert [(one.field, one.value, one.by, one.action.value) for one in kept] == [("due", "17.60", "Ann", "corrected")]
    assert case not in cases()
    history.RemergeReviewedOperator(task_id="remerge", contract="bill", reviewed=[said, {"day": "2026-11-03", "kept": 0}]).execute({})
    rows = {row["document"]: row for row in fs.read_table(lake.table("bill", Partition("bill", DAYS[0]))).to_pylist()}
    assert str(rows[case["document"]]["due"]) == "17.60"


@pytest.mark.parametrize(("chosen", "value"), [pytest.param("Skip", "17.60", id="skipped"), pytest.param("Save", "", id="left empty")])
def test_what_nobody_says_is_asked_again(lake: Lake, chosen: str, value: str) -> None:
    case = cases()[0]
    assert answer(case, chosen, due=value)["kept"] == 0
    assert case in cases()


def test_an_answer_that_cannot_be_read_keeps_nothing_and_says_how_to_go_on(lake: Lake) -> None:
    case = cases()[0]
    with pytest.raises(AirflowFailException, match="cannot be read as one money; clear this task") as raised:
        answer(case, "Save", number="1", due="plenty")
    assert "plenty" not in f"{raised.value} {raised.value.__cause__}"
    assert case in cases()


def test_as_many_documents_are_asked_about_as_wanted_and_none_where_nothing_is_open(lake: Lake) -> None:
    assert (len(cases()), len(cases("1")), len(cases(day="2026-11-03"))) == (3, 1, 1)
    for case in cases():
        answer(case, "Save", due="17.60")
    with pytest.raises(AirflowSkipException, match="nothing of contract bill wants a look"):
        cases()
