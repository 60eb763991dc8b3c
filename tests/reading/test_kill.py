"""A read stage that is killed leaves no process behind and loses at most the block it was at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.documents import page_picture

STAGE = """
import datetime as dt, sys
from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage.workspace import Workspace
from upath import UPath

folder, state, run = sys.argv[1:]
settings = Settings(state=state, processes=2, ocr_profile="fast")
workspace = Workspace.open(UPath(state), Partition("letter", dt.date(2026, 3, 1)), run)
ingest.run(workspace, Contract(name="letter", title="Letters", fields={"text": FieldSpec()}), UPath(folder), settings)
for shard in workspace.plan.page_shards:
    print(reading.run(workspace, shard, settings).counts["reads"], flush=True)
"""
LINES = [f"Line {number} of a page that takes Tesseract a while to read" for number in range(8)]


def start(folder: Path, state: Path, run: str) -> subprocess.Popen[str]:
    scratch = state / "scratch"
    scratch.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", STAGE, str(folder), str(state), run], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )


def descendants(stage: subprocess.Popen[str], name: str, seconds: float = 60) -> list[psutil.Process]:
    """All descendants of the stage, once one of them is called ``name``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = psutil.Process(stage.pid).children(recursive=True)
        if any(_name(process) == name for process in found):
            return found
        time.sleep(0.01)
    raise TimeoutError(name)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def test_a_killed_stage_leaves_no_child_and_its_retry_reads_only_what_was_lost(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    frames = [page_picture([f"Page {number}", *LINES], (1200, 1700), 30) for number in range(20)]
    frames[0].save(folder / "scan.tif", save_all=True, append_images=frames[1:])
    stage = start(folder, tmp_path, "killed")
    try:
        blocks = tmp_path / "readings"
        deadline = time.monotonic() + 240
        while not list(blocks.glob("**/*.parquet")) and time.monotonic() < deadline:  # the first block of 16 pages is kept
            time.sleep(0.02)
        family = descendants(stage, "tesseract")
    finally:
        stage.send_signal(signal.SIGKILL)
        stage.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert list(tmp_path.glob("scratch/octavo-tmp-*"))
    retry = start(folder, tmp_path, "retried")
    said, _ = retry.communicate(timeout=240)
    assert retry.returncode == 0
    assert said.split() == ["4"]
    assert not list(tmp_path.glob("scratch/*"))


def test_a_stage_that_fails_takes_its_children_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    page_picture(LINES, (1200, 1700), 30).save(folder / "a.png")
    stage = start(folder, tmp_path, "interrupted")
    try:
        family = descendants(stage, "tesseract")
    finally:
        stage.send_signal(signal.SIGINT)
        stage.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
