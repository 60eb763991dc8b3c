"""Tasks that die in mid-work: SIGKILL leaves no child, no torn table, and the retry gives the same bytes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from samples import make
from tests.e2e.conftest import Airflow, kill, until

CONTRACT, DAY = "killed", "2026-04-10"


def test_a_killed_read_task_leaves_no_tesseract_and_its_retry_gives_the_same_bytes(airflow: Airflow, tmp_path: Path) -> None:
    folder = airflow.landing / CONTRACT / DAY.replace("-", "/")
    folder.mkdir(parents=True)
    for sample in make.volume(24, "receipt"):
        (folder / Path(sample.path).name).write_bytes(sample.data)
    run = airflow.run(CONTRACT, DAY)

    def reading() -> dict[str, object] | None:
        return next((t for t in airflow.api.tasks(f"octavo_{CONTRACT}", run) if t["task_id"] == "read" and t["state"] == "running"), None)

    process = airflow.task_process(until(reading))

    def held() -> bool:
        """Whether a Tesseract that reads pages for the task could be stopped: the task can't end before it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in process.children(recursive=True):
                if child.name() == "tesseract" and "tessedit_create_tsv=1" in child.cmdline():
                    child.suspend()
                    return child.status() != psutil.STATUS_ZOMBIE
        return False

    until(held, every=0.02)
    children = process.children(recursive=True)
    assert len(children) > 1
    kill(process)
    until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children), 5)
    assert airflow.finish(CONTRACT, run) == "success", airflow.why(CONTRACT, run)
    tries = [t["try_number"] for t in airflow.api.tasks(f"octavo_{CONTRACT}", run) if t["task_id"] == "read"]
    assert sorted(tries)[-1] == 2
    assert len(airflow.rows(CONTRACT, CONTRACT, DAY)) == 24
    assert airflow.digests(CONTRACT, DAY) == airflow.by_command_line(CONTRACT, DAY, tmp_path / "lake")


def test_a_killed_publish_task_shows_no_torn_table_and_its_retry_finishes_the_day(airflow: Airflow, tmp_path: Path) -> None:
    day = "2026-11-02"
    run = airflow.run(CONTRACT, day, documents="*.jpg")
    staged = airflow.lake / "_octavo" / "workspaces" / CONTRACT / day / run.replace(":", "_") / "staged" / "pages.parquet"
    until(lambda: airflow.states(CONTRACT, run).get("validate") == {"success"}, 240, 0.2)
    # publish copies table after table; a pipe in the place of one holds it there.
    staged.rename(staged.with_suffix(".aside"))
    os.mkfifo(staged)
    documents = airflow.file("documents", CONTRACT, day)
    old = documents.read_bytes() if documents.exists() else None

    def running() -> dict[str, object] | None:
        tasks = airflow.api.tasks(f"octavo_{CONTRACT}", run)
        return next((t for t in tasks if t["task_id"] == "publish" and t["state"] == "running"), None)

    task = until(running, 120, 0.1)
    until(lambda: documents.exists() and documents.read_bytes() != old, 30)
    pages = airflow.file("pages", CONTRACT, day)
    before = pages.read_bytes() if pages.exists() else None
    kill(airflow.task_process(task))
    staged.unlink()
    staged.with_suffix(".aside").rename(staged)
    assert (pages.read_bytes() if pages.exists() else None) == before
    assert airflow.finish(CONTRACT, run) == "success", airflow.why(CONTRACT, run)
    assert next(t["try_number"] for t in airflow.api.tasks(f"octavo_{CONTRACT}", run) if t["task_id"] == "publish") == 2
    assert airflow.succeed(CONTRACT, day)
    assert airflow.digests(CONTRACT, day) == airflow.by_command_line(CONTRACT, day, tmp_path / "lake")
