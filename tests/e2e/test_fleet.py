"""Celery workers that share no disk: what they hand each other lies on an S3 server, each has a folder and temporary files of
its own, and one of them is killed in the middle of its work."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import psutil
import pytest
import s3fs
from upath import UPath

from octavo.model.settings import Settings
from samples import make
from scripts.fleet import DEFAULT, GPU, Worker
from tests.e2e.conftest import REPO, Airflow, kill, running, until
from tests.object_store import server

FIXTURE = REPO / "tests" / "data" / "molmo2-fixture"
STATEMENTS, RECEIPTS = ("fixture_statement", "2026-10-20"), ("receipt", make.RECEIPTS.isoformat())
WORKERS = (Worker("default-1", DEFAULT, 1), Worker("default-2", DEFAULT, 1), Worker("gpu", GPU, 1))
# Of the workers, and of command lines whose tables have to be the same.
SETTINGS = {
    "OCTAVO_SHARD_PAGES": "8", "OCTAVO_OCR_PROFILE": "fast", "OCTAVO_PROCESSES": "1", "OCTAVO_MOLMO_DEVICE": "cpu", "OMP_NUM_THREADS": "1",
    "OCTAVO_MOLMO_MODEL": str(FIXTURE / "tiny-molmo2"), "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1",
}
HEARTBEAT_SECONDS = 15


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Two workers of the queue ``default`` and one of ``gpu``; landing folder, workspaces, stores and lake on the S3 server."""
    root = tmp_path_factory.mktemp("fleet")
    make.build(root, pages=16)
    shutil.copytree(FIXTURE / "documents", root / "landing" / STATEMENTS[0] / STATEMENTS[1].replace("-", "/"))
    contracts = root / "contracts"
    contracts.mkdir()
    shutil.copy(FIXTURE / f"{STATEMENTS[0]}.yaml", contracts)
    receipt = (Path(Settings().contracts) / "receipt.yaml").read_text()
    (contracts / "receipt.yaml").write_text(re.sub("(?m)^schedule: .*", "schedule: null", receipt))  # no run but the tests' own
    with pytest.MonkeyPatch.context() as patch, server() as (address, _):
        settings = {**SETTINGS, "AWS_ENDPOINT_URL": address, "OCTAVO_CONTRACTS": str(contracts)}
        for name, value in settings.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        bucket = UPath("s3://octavo")
        fsspec.filesystem("s3").mkdir("octavo")
        fsspec.filesystem("s3").put(str(root / "landing"), "octavo/", recursive=True)
        extra = {**settings, "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_SECONDS)}
        with running(bucket / "landing", bucket / "lake", contracts, extra, WORKERS) as found:
            yield found
        s3fs.S3FileSystem.clear_instance_cache()


def on_one_machine(airflow: Airflow, contract: str, day: str, lake: Path, extractor: str) -> subprocess.Popen[bytes]:
    """``python -m octavo run`` over the same documents, with a lake and stores of its own."""
    folder = str(airflow.landing / contract / day.replace("-", "/"))
    command = [sys.executable, "-m", "octavo", "run", contract, folder, "--lake", str(lake), "--day", day, "--extractor", extractor]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def ran_on(airflow: Airflow, contract: str, run: str) -> dict[str, set[str]]:
    """The workers that ran each task, by their own logs."""
    logs = {worker.name: (airflow.stack.logs / f"worker-{worker.name}.log").read_text() for worker in WORKERS}
    found: dict[str, set[str]] = {}
    for task in airflow.api.tasks(f"octavo_{contract}", run):
        if task["state"] == "success":
            found.setdefault(task["task_id"], set()).update(name for name, log in logs.items() if task["id"] in log)
    return found


def tree(airflow: Airflow, worker: str) -> list[psutil.Process]:
    """The worker, its tasks and everything that these started; the worker comes first."""
    main = airflow.processes(f"celeryd: {worker}@", f"--celery-hostname {worker}@")
    roots = [process for process in main if process.ppid() not in {other.pid for other in main}]
    return [process for root in roots for process in (root, *root.children(recursive=True))]


def test_a_day_through_workers_without_a_shared_disk_has_the_bytes_of_one_machine(airflow: Airflow, tmp_path: Path) -> None:
    contract, day = STATEMENTS
    run = airflow.run(contract, day)
    alone = on_one_machine(airflow, contract, day, tmp_path, "auto")
    assert airflow.finish(contract, run) == "success", airflow.why(contract, run)
    assert alone.wait() == 0
    assert airflow.counts(contract, run, "extract_molmo")["model_calls"] > 0
    assert airflow.digests(contract, day) == airflow.digests(contract, day, tmp_path)

    workers = ran_on(airflow, contract, run)
    assert workers.pop("extract_molmo") == {"gpu"}
    assert set.union(*workers.values()) == {"default-1", "default-2"}
    events = airflow.api.log(f"octavo_{contract}", run, "extract_molmo", 1, 0)
    assert any("runtime molmo2" in str(event["event"]) for event in events), "the UI does not show what a worker logged"

    own = [path for worker in WORKERS for path in (airflow.stack.var / "workers" / worker.name).rglob("*") if path.is_file()]
    assert {path.name for path in own} <= {"airflow.cfg"}, "a worker left something on its own disk"
    assert [*(airflow.stack.var / "landing").iterdir(), *(airflow.stack.var / "lake").iterdir()] == []


def test_a_killed_worker_costs_seconds_and_no_byte(airflow: Airflow, tmp_path: Path) -> None:
    contract, day = RECEIPTS
    run = airflow.run(contract, day, extractor="layout")

    def reading() -> list[psutil.Process]:
        """The processes of a worker whose task reads a page just now."""
        tasks = airflow.api.tasks(f"octavo_{contract}", run)
        titles = [f"airflow worker -- {task['id']}" for task in tasks if (task["task_id"], task["state"]) == ("read", "running")]
        for worker in WORKERS if titles else ():
            with contextlib.suppress(psutil.NoSuchProcess):  # one that has ended since it was listed
                found = tree(airflow, worker.name)
                lines = [" ".join(process.cmdline()) for process in found]
                if "tesseract" in [process.name() for process in found] and any(title in line for title in titles for line in lines):
                    return found
        return []

    for process in until(reading, every=0.02):
        with contextlib.suppress(psutil.NoSuchProcess):
            kill(process)
    alone = on_one_machine(airflow, contract, day, tmp_path, "layout")
    assert airflow.finish(contract, run) == "success", airflow.why(contract, run)
    assert alone.wait() == 0
    tries = [task["try_number"] for task in airflow.api.tasks(f"octavo_{contract}", run) if task["task_id"] == "read"]
    assert max(tries) == 2
    assert airflow.digests(contract, day) == airflow.digests(contract, day, tmp_path)
    until(airflow.stack.healthy, 60)
