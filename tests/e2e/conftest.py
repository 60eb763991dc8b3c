"""Real Airflows for the end-to-end tests: scheduler, LocalExecutor and an embedded PostgreSQL, with logins.

Tests share one, whichever of pytest's workers they run in: the first that asks starts it, and it ends with the session. Each file of
tests works on a contract or on days of its own, so that the files can run side by side. Those that kill a component or take a pool away
come last, when the other workers are done.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from upath import UPath

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo.storage.lake import STABLE_TABLES
from samples import make
from scripts.api import AirflowApi
from scripts.fleet import Worker
from scripts.stack import Stack, free_port
from tests.command_line import octavo

REPO = Path(__file__).resolve().parent.parent.parent
RUN_SECONDS = 600
# Of the stacks, and of command lines whose tables have to be the same.
SETTINGS = {"OCTAVO_SHARD_PAGES": "16", "OCTAVO_OCR_PROFILE": "fast"}
USERS = {"admin": "only-for-this-test", "viewer": "may-look"}
NOTIFIED = "octavo_notify"  # the connection that is told of days that want a look; a test that listens makes it
HOSTILE = "<img src=x onerror=document.title='stolen'>.pdf"
STRICT = f"""
name: strict
title: Receipts that must name a field nobody prints
description: "A vault's receipts {HOSTILE}"
schedule: null
fields:
  total: {{type: money, labels: [total]}}
  vault_number: {{type: identifier, labels: [number of the vault], required: true}}
gate:
  min_required_share: 1.0
"""
BROKEN = "name: broken\ntitle: Broken\nfields:\n  total: {type: mony}\n"
# Contracts by name, each a copy of a shipped one: a file of tests has a DAG of its own, which runs one day at a time.
CONTRACTS = {
    "receipt": "receipt", "invoice": "invoice", "walked": "invoice", "killed": "receipt", "answered": "receipt", "owned": "receipt",
}
# Files of tests in the order in which workers take them: those that take longest first, those that disturb others last.
ORDER = (
    "test_browser", "test_fleet", "test_days", "test_molmo", "test_kills", "test_browser_walk", "test_own_dags", "test_history",
    "test_backfill",
)
BROWSER_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
BROWSER_MS = 120_000  # until a page shows what it has to, on a machine that is busy with other tests
STACKS = "OCTAVO_E2E_STACKS"  # a folder that all of pytest's workers know: what is started for the session lies there


def pytest_configure(config: pytest.Config) -> None:
    """The process that is asked for the tests ends what its workers, or it itself, have started."""
    if STACKS not in os.environ:
        os.environ[STACKS] = tempfile.mkdtemp(prefix="octavo-e2e-")
        Path(os.environ[STACKS]).chmod(0o711)  # the database's user has to pass through it
        config.add_cleanup(end_shared)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in here:
        item.add_marker(pytest.mark.e2e)
        item.add_marker(pytest.mark.timeout(900))
    if len(here) == len(items):
        items.sort(key=lambda item: ORDER.index(item.path.stem))


def pytest_sessionfinish() -> None:
    """Tell the tests that wait for the other workers that this one is done."""
    if STACKS in os.environ:
        Path(os.environ[STACKS], f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.done").touch()


@dataclass
class Airflow:
    """The running stack, and questions that tests ask of it."""

    stack: Stack
    api: AirflowApi
    landing: Path | UPath
    lake: Path | UPath
    contracts: Path

    def run(self, contract: str, day: str, **params: Any) -> str:
        return self.api.trigger(f"octavo_{contract}", day=day, **params)

    def finish(self, contract: str, run: str, seconds: float = RUN_SECONDS) -> str:
        return self.api.wait(f"octavo_{contract}", run, seconds)

    def succeed(self, contract: str, day: str, **params: Any) -> str:
        """A run that has to succeed; returns its id."""
        run = self.run(contract, day, **params)
        state = self.finish(contract, run)
        assert state == "success", self.why(contract, run)
        return run

    def why(self, contract: str, run: str) -> str:
        """The errors in the logs of a run's failed tasks."""
        return "\n".join(
            f"{task['task_id']}[{task['map_index']}]: {self.first_error(contract, run, task['task_id'], task['map_index'])}"
            for task in self.api.tasks(f"octavo_{contract}", run) if task["state"] == "failed"
        ) or "no task failed"

    def states(self, contract: str, run: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for task in self.api.tasks(f"octavo_{contract}", run):
            found.setdefault(task["task_id"], set()).add(task["state"])
        return found

    def first_error(self, contract: str, run: str, task: str, index: int = -1, attempt: int = 1) -> str:
        """The first line of a task's log that is an error."""
        events = self.api.log(f"octavo_{contract}", run, task, attempt, index)
        return next((str(event["event"]) for event in events if event.get("level") == "error"), "")

    def counts(self, contract: str, run: str, task: str) -> dict[str, int]:
        """The counts of a mapped task's instances, added up."""
        total: dict[str, int] = {}
        for one in self.api.tasks(f"octavo_{contract}", run):
            if one["task_id"] == task and one["state"] == "success":
                for name, count in self.api.xcom(f"octavo_{contract}", run, task, index=one["map_index"]).items():
                    total[name] = total.get(name, 0) + count
        return total

    def file(self, table: str, contract: str, day: str, lake: Path | UPath | None = None) -> Path | UPath:
        return (lake or self.lake) / table / f"contract={contract}" / f"day={day}" / "part.parquet"

    def rows(self, table: str, contract: str, day: str) -> list[dict[str, Any]]:
        return list(pq.read_table(self.file(table, contract, day), partitioning=None).to_pylist())

    def digests(self, contract: str, day: str, lake: Path | UPath | None = None) -> dict[str, str]:
        """sha256 of every byte-stable table of the day."""
        return {
            table: hashlib.sha256(self.file(table, contract, day, lake).read_bytes()).hexdigest() for table in (*STABLE_TABLES, contract)
        }

    def by_command_line(self, contract: str, day: str, lake: Path) -> dict[str, str]:
        """Digests of what an undisturbed ``python -m octavo run`` makes of the same documents, with stores of its own."""
        folder = self.landing / contract / day.replace("-", "/")
        done = octavo("run", contract, folder, "--lake", lake, "--day", day, env={**SETTINGS, "OCTAVO_CONTRACTS": str(self.contracts)})
        assert done.exit_code == 0, done.output
        return self.digests(contract, day, lake)

    def task_process(self, task: dict[str, Any]) -> psutil.Process:
        """The process that executes a running task instance, by its title, which it sets a moment after it runs; the worker has another."""
        found = until(lambda: self.processes(f"airflow worker -- {task['id']}"), 30)
        assert len(found) == 1, found
        return found[0]

    def component(self, name: str) -> psutil.Process:
        """The process of a component, for example ``scheduler`` or ``postgres``, that the supervisor started."""
        supervisor = psutil.Process(int((self.stack.var / "supervisord.pid").read_text()))
        found = []
        for process in supervisor.children():
            with contextlib.suppress(psutil.Error):
                if f"{name} " in f"{' '.join(process.cmdline())} ":
                    found.append(process)
        assert len(found) == 1, found
        return found[0]

    def kill_component(self, name: str) -> None:
        """Kill it, and wait until another one has taken its place."""
        victim = self.component(name)
        kill(victim)
        until(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE)
        until(self.stack.healthy, 180, 0.5)

    def heartbeat(self) -> dt.datetime:
        """When the scheduler was last heard of, which is at the end of each of its rounds or some of them."""
        return dt.datetime.fromisoformat(self.api.get("monitor/health")["scheduler"]["latest_scheduler_heartbeat"])

    def processes(self, *names: str) -> list[psutil.Process]:
        """Living processes of this stack whose command line has one of ``names``."""
        found = []
        for process in self.stack.processes():
            with contextlib.suppress(psutil.Error):
                if any(name in " ".join(process.cmdline()) for name in names):
                    found.append(process)
        return found


def until(condition: Callable[[], Any], seconds: float = 300, every: float = 0.3) -> Any:
    """What ``condition`` returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(every)
    return found


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="session")
def airflow() -> Airflow:
    """The stack of this session, started by the first of pytest's workers that asks."""
    root = Path(os.environ[STACKS]) / "shared"
    started = root / "started.json"
    with FileLock(f"{root}.lock"):
        if not started.exists():
            shutil.copytree(REPO / "samples" / "landing", root / "landing")
            shutil.copy(REPO / "samples" / make.TRUTH, root)
            (root / "contracts").mkdir()
            for contract, source in CONTRACTS.items():
                text = (Path(Settings().contracts) / f"{source}.yaml").read_text().replace(f"name: {source}", f"name: {contract}", 1)
                if contract != "receipt":  # the others run only when they are asked to
                    text = re.sub("(?m)^schedule: .*", "schedule: null", text)
                if contract != source:
                    shutil.copytree(root / "landing" / source, root / "landing" / contract)
                (root / "contracts" / f"{contract}.yaml").write_text(text)
            (root / "contracts" / "strict.yaml").write_text(STRICT)
            (root / "contracts" / "broken.yaml").write_text(BROKEN)
            shutil.copytree(REPO / "dags", root / "dags")
            for path in (REPO / "tests" / "data" / "own-dags").glob("*.py"):  # over a contract that no other file of tests runs
                (root / "dags" / path.name).write_text(path.read_text().replace('"receipt"', '"owned"'))
            settings = {**SETTINGS, "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags")}
            found = start(root / "var", root / "landing", root / "lake", root / "contracts", settings)
            started.write_text(json.dumps({"port": found.stack.port, "extra": found.stack.extra}))
            return found
        said = json.loads(started.read_text())
    stack = Stack(root / "var", said["port"], said["extra"])
    return Airflow(stack, AirflowApi(stack.url, ("admin", USERS["admin"])), root / "landing", root / "lake", root / "contracts")


@pytest.fixture(scope="session")
def alone(airflow: Airflow) -> Airflow:
    """The same stack when no other worker runs tests any more: for those that take something away from all of its runs."""
    others = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) - 1
    until(lambda: len(list(Path(os.environ[STACKS]).glob("*.done"))) == others, 840, 1)
    return airflow


@pytest.fixture(scope="session")
def browser(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Chromium with the session of Airflow's admin."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"), executable_path="/usr/bin/chromium", args=BROWSER_FLAGS,
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(BROWSER_MS)
        expect.set_options(timeout=BROWSER_MS)
        context.add_cookies([{"name": "_token", "value": airflow.api.token, "url": airflow.stack.url}])
        yield context
        context.close()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """A page of the browser, closed with the test: Airflow's go on asking for news as long as they are open."""
    page = browser.new_page()
    yield page
    page.close()


def end_shared() -> None:
    """End what was started for this session."""
    folder = Path(os.environ.pop(STACKS))
    left = [process for var in folder.glob("*/var") for process in end(Stack(var))]
    shutil.rmtree(folder)
    assert not left, f"stopping the stacks left processes: {left}"


def start(
    var: Path, landing: Path | UPath, lake: Path | UPath, folder: Path, settings: dict[str, str], workers: Sequence[Worker] = (),
) -> Airflow:
    """A stack on a free port for the contracts of ``folder``, as soon as it has their DAGs.

    ``var`` does not lie under pytest's temporary folder: the database runs as another user when the tests run as
    root, and the next pytest that starts closes that folder to all others.
    """
    stack = Stack(var, free_port(), {
        "OCTAVO_LANDING": str(landing),
        "OCTAVO_LAKE": str(lake),
        "OCTAVO_CONTRACTS": str(folder),
        "OCTAVO_NOTIFY_CONN_ID": NOTIFIED,
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",  # contracts stay as they are
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "AIRFLOW_CONN_OCTAVO_AIRFLOW_API": json.dumps({"conn_type": "http", "login": "admin", "password": USERS["admin"]}),
        **settings,
    }, workers)
    passwords = var / "airflow" / "passwords.json"
    passwords.parent.mkdir(parents=True)
    passwords.write_text(json.dumps(USERS))
    stack.start()
    api = AirflowApi(stack.url, ("admin", USERS["admin"]))
    names = [contract.name for contract in contracts.load_valid(folder)[0]]
    until(lambda: all(api.has_dag(f"octavo_{name}") for name in names))
    return Airflow(stack, api, landing, lake, folder)


@contextlib.contextmanager
def running(
    landing: Path | UPath, lake: Path | UPath, folder: Path, settings: dict[str, str], workers: Sequence[Worker] = (),
) -> Iterator[Airflow]:
    """A stack of its own, ended with the block."""
    var = Path(tempfile.mkdtemp(prefix="octavo-e2e-"))
    try:
        yield start(var, landing, lake, folder, settings, workers)
    finally:
        left = end(Stack(var))
        assert not left, f"stopping the stack left processes: {left}"


def end(stack: Stack) -> list[psutil.Process]:
    """End a stack and remove its folder; returns the processes that are left, of which there must be none."""
    stack.stop()
    left = list(stack.processes())
    shutil.rmtree(stack.var)
    return left
