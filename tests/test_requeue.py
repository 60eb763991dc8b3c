"""What waits in quarantine, and letting the next run try it again once the cause is gone."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from upath import UPath

from octavo.cli import main
from octavo.model import contracts
from octavo.model.entities import Outcome
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.reading.store import document_folder
from octavo.storage import fs, schemas
from octavo.workflows import pipeline, requeue
from tests.documents import LINES, text_pdf

DAY = dt.date(2026, 11, 2)
RECEIPT = contracts.find("receipt", Settings().contracts)


@pytest.fixture
def failed_day(tmp_path: Path) -> tuple[Path, Path]:
    """Landing and lake of a published day: a sound document, a cut-off one, and one whose page ran out of time."""
    landing, lake = tmp_path / "landing" / f"{DAY:%Y/%m/%d}", tmp_path / "lake"
    landing.mkdir(parents=True)
    text_pdf(landing / "sound.pdf", [LINES])
    slow = text_pdf(landing / "slow.pdf", [[*LINES, "slow"]])
    (landing / "cut.pdf").write_bytes(b"%PDF-1.7 half of")
    settings = Settings(lake=str(lake), processes=1)
    assert pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout").published
    (block,) = document_folder(settings.reading_store, fs.sha256_of(UPath(slow))).glob("*/*.parquet")
    row = fs.read_table(block).to_pylist()[0]
    lost = {**row, "words": [], "outcome": Outcome.QUARANTINED.value, "reason": "timeout", "detail": "over 60 s", "text_source": "none"}
    fs.write_rows(block, [lost], schemas.READINGS)
    assert pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout").published
    return landing, lake


def names(found: list[requeue.Waiting]) -> dict[str, tuple[str, ...]]:
    return {Path(one.uri).name: one.reasons for one in found}


def test_what_waits_is_listed_by_reason_and_day_and_tried_again(failed_day: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    landing, lake = failed_day
    settings = Settings(lake=str(lake), processes=1)
    assert names(requeue.waiting(settings, "receipt")) == {"cut.pdf": ("truncated",), "slow.pdf": ("page_unreadable", "timeout")}
    assert names(requeue.waiting(settings, "receipt", "timeout")).keys() == {"slow.pdf"}
    assert requeue.waiting(settings, "receipt", "timeout", dt.date(2026, 11, 3)) == []

    # A plain run remembers the failure; after requeueing, only the failed document is read.
    again = pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout")
    assert (again.counts("read")["reads"], again.counts("read")["quarantined_pages"]) == (0, 1)
    assert requeue.retry(settings, requeue.waiting(settings, "receipt", "corrupt"), "corrupt") == 0
    assert requeue.retry(settings, requeue.waiting(settings, "receipt", "timeout"), "timeout") == 1
    text_pdf(landing / "cut.pdf", [[*LINES, "whole"]])
    last = pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout")
    assert last.counts("read") == {**last.counts("read"), "reads": 2, "read_hits": 1, "quarantined_pages": 0}
    assert requeue.waiting(settings, "receipt") == []


def test_a_file_that_was_taken_away_waits_no_longer(failed_day: tuple[Path, Path]) -> None:
    landing, lake = failed_day
    settings = Settings(lake=str(lake), processes=1)
    (landing / "cut.pdf").unlink()
    assert "cut.pdf" in names(requeue.waiting(settings, "receipt"))  # the latest run still saw it
    pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout")
    assert "cut.pdf" not in names(requeue.waiting(settings, "receipt"))


def test_what_a_run_of_selected_documents_did_not_look_at_still_waits(failed_day: tuple[Path, Path]) -> None:
    landing, lake = failed_day
    settings = Settings(lake=str(lake), processes=1)
    pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout", select="sound*")
    assert names(requeue.waiting(settings, "receipt")).keys() == {"cut.pdf", "slow.pdf"}


def test_a_stage_that_did_not_come_to_a_document_is_a_reason_too(failed_day: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    landing, lake = failed_day
    settings = Settings(lake=str(lake), processes=1)

    def crash(*args: object, **kwargs: object) -> None:
        raise reading.engine.SettingsError("no such language")

    monkeypatch.setattr(pipeline.reading, "run", crash)
    assert not pipeline.run_day(RECEIPT, UPath(landing), DAY, settings, extractor="layout").published
    assert names(requeue.waiting(settings, "receipt", "not_processed")).keys() == {"slow.pdf", "sound.pdf"}


def test_the_command_lists_first_and_runs_the_days_again_when_asked(failed_day: tuple[Path, Path]) -> None:
    landing, lake = failed_day
    runner = CliRunner()
    told = runner.invoke(main, ["requeue", "receipt", "--lake", str(lake), "--json"])
    assert told.exit_code == 0, told.output
    assert not json.loads(told.stdout)["requeued"]
    text_pdf(landing / "cut.pdf", [[*LINES, "whole"]])
    done = runner.invoke(main, ["requeue", "receipt", "--lake", str(lake), "--run", str(landing.parents[2])])
    assert done.exit_code == 0, done.output
    assert "2 documents are tried again" in done.output
    assert "0 documents wait" in runner.invoke(main, ["requeue", "receipt", "--lake", str(lake)]).output
    wrong = runner.invoke(main, ["requeue", "recipt", "--lake", str(lake)])
    assert wrong.exit_code == 3
