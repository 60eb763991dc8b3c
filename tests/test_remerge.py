"""History by a changed contract: nothing is read and no model is asked."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from upath import UPath

from octavo.cli import main
from octavo.model.contracts import Contract
from octavo.model.entities import Partition
from octavo.model.errors import SettingsError, WorkspaceError
from octavo.model.settings import Settings
from octavo.reading import stage as reading_stage
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.workflows import pipeline, remerge
from octavo.workflows.pipeline import summarise
from tests.history import DAYS, FIELDS, contract, publish, settings, tables
from tests.molmo.fakes import OPTIONS, Scripted

SAID = '{"total": "17.60", "invoice_total": "17.60", "table": "448213"}'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days, merged from the layout extractor's and a model's answers."""
    root = tmp_path_factory.mktemp("history")
    runtime = Scripted(lambda question: SAID)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "open_runtime", lambda model: runtime)
        publish(root, contract(), runtime)
    assert runtime.questions
    return root


@pytest.fixture
def root(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the lake, where reading a page or asking a model is an error, and the documents are gone."""
    shutil.copytree(published / "lake", tmp_path / "lake")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a page was read or a model asked")

    monkeypatch.setattr(reading_stage, "run", refuse)
    monkeypatch.setattr(reading_stage, "_read", refuse)
    monkeypatch.setattr(pipeline, "open_runtime", refuse)
    (published / "landing").rename(published / "away")
    yield tmp_path
    (published / "away").rename(published / "landing")


def again(root: Path, used: Contract, **keys: Any) -> list[pipeline.DayResult]:
    return [remerge.remerge_day(used, day, settings(root, **keys)) for day in DAYS]


def rows(root: Path, table: str, day: dt.date = DAYS[0]) -> list[dict[str, Any]]:
    return fs.read_table(Lake(UPath(root / "lake")).table(table, Partition("bill", day))).to_pylist()


def test_the_same_contract_gives_the_same_bytes(root: Path) -> None:
    before = tables(root)
    results = again(root, contract())
    assert [result.published for result in results] == [True, True]
    summary = summarise(results)
    assert (summary["documents"], summary["pages"], summary["reads"], summary["read_hits"], summary["model_calls"]) == (4, 3, 0, 3, 0)
    assert summary["store_hits"] > 0
    assert tables(root) == before


def test_other_shards_give_the_same_bytes(root: Path) -> None:
    before = tables(root)
    again(root, contract(), shard_pages=1)
    assert tables(root) == before


def test_a_rebuilt_day_gives_way_to_runs_that_saw_more_documents(root: Path) -> None:
    lake, partition = Lake(UPath(root / "lake")), Partition("bill", DAYS[0])
    before = lake.published(partition)
    again(root, contract())
    after = lake.published(partition)
    assert before is not None
    assert after is not None
    assert (after["started"], after["inputs"]) == (before["started"], None)
    assert after["run"] != before["run"]


def test_a_new_label_reaches_answers_that_were_given_before_it(root: Path) -> None:
    used = contract({**FIELDS, "total": {"type": "money", "labels": ["Zu zahlen", "invoice total"]}})
    again(root, used)
    for day in DAYS:
        for row in rows(root, "bill", day):
            assert (row["total"], row["contract_hash"]) == (Decimal("17.60"), used.hash)
        assert {row["contract_hash"] for row in rows(root, "fields", day)} == {used.hash}
    total = next(row for row in rows(root, "fields") if row["field"] == "total")
    assert "Zu zahlen" in total["reason"]


def test_a_field_of_another_type_changes_its_column(root: Path) -> None:
    again(root, contract({**FIELDS, "total": {"type": "text", "labels": ["Total amount"]}}))
    assert rows(root, "bill")[0]["total"] == "17.60"


def test_a_new_field_is_found_by_layout_or_by_what_a_model_once_said_or_is_null(root: Path) -> None:
    used = contract({**FIELDS, "date": {"type": "date", "labels": ["Date"]}, "table": {}, "waiter": {"type": "name", "labels": ["Waiter"]}})
    results = again(root, used)
    first = next(row for row in rows(root, "bill") if row["number"] == "48213")
    assert first["date"] == dt.date(2026, 3, 12)
    assert first["waiter"] is None
    said = {row["extractor"] for row in rows(root, "fields") if row["field"] == "table"}
    assert said == {"molmo"}
    assert summarise(results)["reads"] == summarise(results)["model_calls"] == 0


def test_only_extract_asks_the_model(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(published / "lake", tmp_path / "lake")
    runtime = Scripted(lambda question: '{"waiter": "Rosa"}')
    monkeypatch.setattr(pipeline, "open_runtime", lambda model: runtime)
    used = contract({**FIELDS, "waiter": {"type": "name"}})
    result = remerge.remerge_day(used, DAYS[0], settings(tmp_path), model=OPTIONS)
    assert result.published
    assert summarise([result])["model_calls"] == len(runtime.questions) > 0
    assert summarise([result])["reads"] == 0
    assert {row["value"] for row in rows(tmp_path, "fields") if row["field"] == "waiter"} == {"Rosa"}
    again_asked = remerge.remerge_day(used, DAYS[0], settings(tmp_path), model=OPTIONS)
    assert summarise([again_asked])["model_calls"] == 0


def test_a_rule_that_the_history_breaks_leaves_it_as_it_is(root: Path) -> None:
    before = tables(root)
    used = contract({**FIELDS, "total": {"type": "money", "labels": ["Total amount"], "max": 1}})
    result = remerge.remerge_day(used, DAYS[0], settings(root))
    assert not result.published
    assert "total is at most 1" in str(result.error)
    assert tables(root) == before


def test_quarantined_documents_stay_quarantined(root: Path) -> None:
    before = rows(root, "documents")
    again(root, contract())
    assert rows(root, "documents") == before
    assert [row["reason"] for row in before if row["status"] == "quarantined"] == ["empty_file"]


def test_the_ledger_accounts_for_the_rebuilt_day(root: Path) -> None:
    result = again(root, contract())[0]
    found = [row for row in rows(root, "ledger") if row["run"] == result.run]
    assert {row["outcome"] for row in found if row["level"] == "page"} == {"ok"}
    assert all(row["cached"] and not row["seconds"] for row in found if row["extractor"] == "molmo")


def test_words_of_another_engine_are_still_the_words_that_were_published(root: Path) -> None:
    store = settings(root).reading_store
    for path in list(store.glob("*/*/*/*.parquet")):
        other = path.parent.parent / ("0" * 32) / path.name
        other.parent.mkdir()
        table = fs.read_table(path)
        fs.write_table(other, [table.set_column(2, "width", [[9999] * len(table)])], table.schema)
    before = tables(root)
    again(root, contract())
    assert tables(root) == before


def test_words_that_are_not_kept_any_more_are_named(root: Path) -> None:
    shutil.rmtree(root / "lake/_octavo/readings")
    result = remerge.remerge_day(contract(), DAYS[0], settings(root))
    assert isinstance(result.error, WorkspaceError)
    assert "run the day again" in str(result.error)


def test_answers_that_are_not_kept_leave_their_chunks_to_the_others(root: Path) -> None:
    path = Lake(UPath(root / "lake")).table("answers", Partition("bill", DAYS[0]))
    kept = fs.read_table(path).to_pylist()
    assert kept[-1]["extractor"] == "molmo"
    fs.write_rows(path, kept[:-1], fs.read_table(path).schema)
    result = remerge.remerge_day(contract(), DAYS[0], settings(root))
    assert result.published, result.error
    assert [row["detail"] for row in rows(root, "answers") if row["detail"]] [-1:] == [remerge.NO_ANSWER]


def test_days_are_found_by_their_manifest(root: Path) -> None:
    lake = Lake(UPath(root / "lake"))
    assert remerge.published_days(lake, "bill") == list(DAYS)
    assert remerge.published_days(lake, "bill", DAYS[1]) == [DAYS[1]]
    assert remerge.published_days(lake, "bill", None, DAYS[0]) == [DAYS[0]]
    with pytest.raises(SettingsError, match="no day of contract 'bill' is published"):
        remerge.published_days(lake, "bill", dt.date(2027, 1, 1))
    with pytest.raises(SettingsError, match="is not published"):
        remerge.remerge_day(contract(), dt.date(2027, 1, 1), settings(root))


def write(root: Path, used: Contract) -> Path:
    path = root / "bill.yaml"
    path.write_text(json.dumps(used.model_dump(mode="json", exclude_defaults=True)))
    return path


def test_the_command_rebuilds_the_days_it_is_given(root: Path) -> None:
    used = contract({**FIELDS, "date": {"type": "date", "labels": ["Date"]}})
    command = ["remerge", str(write(root, used)), "--lake", str(root / "lake"), "--json"]
    done = CliRunner().invoke(main, [*command, "--days", "2026-11-03.."])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["days"], summary["reads"], summary["model_calls"], summary["published"]) == (1, 0, 0, True)
    assert summary["contract_hash"] == used.hash
    assert "date" in rows(root, "bill", DAYS[1])[0]
    assert "date" not in rows(root, "bill", DAYS[0])[0]


@pytest.mark.parametrize(("days", "says"), [
    pytest.param("yesterday", "give days such as", id="no date"),
    pytest.param("2026-11-03..2026-11-02", "ends before it begins", id="backwards"),
    pytest.param("2030-01-01", "no day of contract 'bill' is published", id="nothing there"),
])
def test_days_that_mean_nothing_are_named(root: Path, days: str, says: str) -> None:
    done = CliRunner().invoke(main, ["remerge", str(write(root, contract())), "--lake", str(root / "lake"), "--days", days])
    assert done.exit_code == 4
    assert says in done.stderr


def test_a_model_is_not_named_where_none_is_asked(root: Path) -> None:
    done = CliRunner().invoke(main, ["remerge", str(write(root, contract())), "--lake", str(root / "lake"), "--model", "x"])
    assert done.exit_code == 4
    assert "--extract" in done.stderr


def test_a_run_of_some_documents_keeps_the_answers_of_the_others(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published / "lake", tmp_path / "lake")
    used = Settings(lake=str(tmp_path / "lake"), processes=1)
    before = {(row["document"], row["chunk"], row["extractor"]) for row in rows(tmp_path, "answers")}
    folder = UPath(published / "landing" / f"{DAYS[0]:%Y/%m/%d}")
    assert pipeline.run_day(contract(), folder, DAYS[0], used, extractor="layout", select="bill_48213*").published
    after = {(row["document"], row["chunk"], row["extractor"]) for row in rows(tmp_path, "answers")}
    taken = next(row["document"] for row in rows(tmp_path, "documents") if row["uri"].endswith("bill_48213.pdf"))
    assert after == {key for key in before if key[0] != taken or key[2] == "layout"}


def test_a_dry_run_says_what_would_change_and_changes_nothing(root: Path) -> None:
    before, kept = tables(root), set((root / "lake").rglob("*"))
    used = contract({**FIELDS, "total": {"type": "text", "labels": ["Zu zahlen", "invoice total"]}})
    preview = remerge.preview_day(used, DAYS[0], settings(root))
    assert tables(root) == before
    assert set((root / "lake").rglob("*")) == kept
    published = {(row["document"], row["field"]): row for row in rows(root, "fields")}
    again(root, used)
    after = {(row["document"], row["field"]): row for row in rows(root, "fields")}
    said = {(one.document, one.field): (one.value, one.verdict, one.new_value, one.new_verdict) for one in preview.changes}
    assert said
    assert said == {
        key: tuple(row[name] if row else None for row in (published.get(key), after.get(key)) for name in ("value", "verdict"))
        for key in published.keys() | after.keys()
        if [row and (row["value"], row["verdict"]) for row in (published.get(key), after.get(key))].count(None)
        or (published[key]["value"], published[key]["verdict"]) != (after[key]["value"], after[key]["verdict"])
    }


def test_the_same_contract_would_change_nothing(root: Path) -> None:
    preview = remerge.preview_day(contract(), DAYS[0], settings(root))
    assert preview.changes == ()
    assert all(old == new for old, new in preview.verdicts)
    assert preview.verdicts.total() == len(rows(root, "fields"))


def test_a_dry_run_on_the_command_line_tries_another_accept_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_READING_STORE", str(settings(root).reading_store))
    command = ["remerge", str(write(root, contract())), "--lake", str(root / "lake"), "--dry-run", "--accept-at", "1", "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout.splitlines()[-1])
    assert {one["new_verdict"] for one in said["changes"]} == {"ambiguous"}
    accepted = sum(row["verdict"] == "accepted" for day in DAYS for row in rows(root, "fields", day))
    assert accepted
    assert sum(one["fields"] for one in said["verdicts"] if (one["published"], one["new"]) == ("accepted", "ambiguous")) == accepted
    assert "nothing is published; a remerge would change" in result.stderr
    assert "confidence" in result.stderr


@pytest.mark.parametrize(("given", "said"), [
    (["--accept-at", "0.5"], "--accept-at is a trial"), (["--dry-run", "--extract"], "--dry-run asks no model"),
])
def test_options_that_do_not_go_together_are_refused(given: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["remerge", "receipt", *given])
    assert result.exit_code == 4
    assert said in result.output
