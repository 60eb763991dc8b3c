"""Runs that meet over one day: one wins, visibly, and whoever reads the tables sees whole ones."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from octavo.model import contracts
from octavo.model.errors import Superseded
from octavo.model.settings import Settings
from octavo.storage import fs
from samples import make
from tests import days
from tests.command_line import octavo, summary
from tests.faults import reader
from tests.faults.processes import Command

DAY = "2026-03-02"
ENVIRONMENT = {"OCTAVO_OCR_PROFILE": "fast", "OCTAVO_PROCESSES": "1"}


def run(lake: Path, folder: Path, *more: object, **environment: str) -> Command:
    return Command("run", "receipt", folder, "--day", DAY, "--lake", lake, "--json", *more, **{**ENVIRONMENT, **environment})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make.write(tmp_path, make.history(dt.date.fromisoformat(DAY), 1, 5, 1))
    return tmp_path / "landing" / "receipt" / DAY.replace("-", "/")


def test_of_two_runs_of_one_day_the_one_that_started_last_is_in_the_tables_and_readers_see_whole_files(
    folder: Path, tmp_path: Path,
) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    assert run(alone, folder).result().code == 0
    expected = days.digests(alone, "receipt", DAY)
    contract = contracts.find("receipt", Settings().contracts)
    with reader.watching(both, contract, dt.date.fromisoformat(DAY), {}) as seen:
        runs = [run(both, folder), run(both, folder)]
        ended = [one.result() for one in runs]
    assert sorted(one.code for one in ended) in ([0, 0], [0, Superseded.exit_code]), ended
    assert all(one.code == 0 or "was started later" in one.stderr for one in ended)
    manifest = days.manifest(both, "receipt", DAY)
    assert manifest is not None
    starts = {row["run"] for row in fs.read_table(days.file(both, "ledger", "receipt", DAY), ["run"]).to_pylist()}
    assert len(starts) == 2  # both are accounted for
    assert days.digests(both, "receipt", DAY) == expected
    assert days.is_published(both, "receipt", DAY)
    assert days.holes(both, "receipt", DAY) + days.repeated(both, "receipt", DAY) == []
    assert seen[0].looks > 1
    assert seen[0].mixtures([expected]) == 0
    assert list((both / "_locks").iterdir()) == []


def test_a_requeue_while_the_day_runs_neither_breaks_the_run_nor_loses_what_was_requeued(folder: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    slow = {"OCTAVO_LIMIT_PAGE_SECONDS": "0.02"}  # no scan is read in that time
    assert run(lake, folder, **slow).result().code == 0
    running = run(lake, folder, **slow)
    requeued = 0
    while running.runs:
        said = octavo("requeue", "receipt", "--lake", lake, "--reason", "timeout", "--yes", "--json")
        requeued += len(summary(said)["documents"])
    ended = running.result()
    assert (ended.code, requeued > 0) == (0, True), ended.stderr
    done = run(lake, folder).result()
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["reads"] >= 1  # the scan, once its time is enough
    assert days.holes(lake, "receipt", DAY) == []
    assert {row["status"] for row in fs.read_table(days.file(lake, "documents", "receipt", DAY)).to_pylist()} == {"ok"}
