"""Runs that meet over one day: one wins, visibly, and whoever reads the tables sees whole ones."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from octavo.model import contracts
from octavo.model.errors import Superseded
from octavo.model.settings import Settings
from octavo.storage import fs
from samples import make
from tests import days
from tests.faults import reader

DAY = "2026-03-02"
ENVIRONMENT = {"OCTAVO_OCR_PROFILE": "fast", "OCTAVO_PROCESSES": "1"}


def octavo(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "octavo", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT, **environment},
    )


def run(lake: Path, folder: Path, *more: object, **environment: str) -> subprocess.Popen[str]:
    return octavo("run", "receipt", folder, "--day", DAY, "--lake", lake, "--json", *more, **environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make.write(tmp_path, make.history(dt.date.fromisoformat(DAY), 1, 5, 1))
    return tmp_path / "landing" / "receipt" / DAY.replace("-", "/")


def test_of_two_runs_of_one_day_the_one_that_started_last_is_in_the_tables_and_readers_see_whole_files(
    folder: Path, tmp_path: Path,
) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    assert run(alone, folder).wait() == 0
    expected = days.digests(alone, "receipt", DAY)
    contract = contracts.find("receipt", Settings().contracts)
    with reader.watching(both, contract, dt.date.fromisoformat(DAY), {}) as seen:
        runs = [run(both, folder), run(both, folder)]
        told = [one.communicate(timeout=300) for one in runs]
    codes = [one.returncode for one in runs]
    assert sorted(codes) in ([0, 0], [0, Superseded.exit_code]), told
    for code, (_, error) in zip(codes, told, strict=True):
        assert code == 0 or "was started later" in error
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
    assert run(lake, folder, **slow).wait() == 0
    ended = threading.Event()
    running = run(lake, folder, **slow)
    threading.Thread(target=lambda: (running.wait(), ended.set())).start()
    requeued = 0
    while not ended.is_set():
        said, error = octavo("requeue", "receipt", "--lake", lake, "--reason", "timeout", "--yes", "--json").communicate(timeout=120)
        requeued += len(json.loads(said)["documents"]) if said else pytest.fail(error)
    assert (running.returncode, requeued > 0) == (0, True), running.stderr
    done = run(lake, folder)
    told, error = done.communicate(timeout=300)
    assert done.returncode == 0, error
    assert json.loads(told.splitlines()[-1])["reads"] >= 1  # the scan, once its time is enough
    assert days.holes(lake, "receipt", DAY) == []
    assert {row["status"] for row in fs.read_table(days.file(lake, "documents", "receipt", DAY)).to_pylist()} == {"ok"}
