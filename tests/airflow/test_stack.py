"""Whose processes a stack takes for its own: ``stop`` ends all of them, so a stranger's must never be among them. And its fleet."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from scripts.database import Database
from scripts.fleet import DEFAULT, GPU, Fleet, Worker, local
from scripts.stack import MARK, PRELOADED, Stack, StackError, asked_workers, free_port

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("session", [
    pytest.param(None, id="never started"),
    pytest.param("", id="an empty file"),
    pytest.param("0 0.0", id="session 0, that of processes from outside"),
    pytest.param("1 0.0", id="the session of init"),
    pytest.param(f"{os.getsid(0)} 0.0", id="the session of the one who asks"),
])
def test_a_stack_that_does_not_run_owns_no_process(tmp_path: Path, session: str | None, stranger: subprocess.Popen[bytes]) -> None:
    if session is not None:
        (tmp_path / "supervisord.session").write_text(session)
    assert list(Stack(tmp_path, 1).processes()) == []


def test_a_stack_owns_what_has_its_mark_and_nothing_else(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen(SLEEP, env={**os.environ, MARK: str(tmp_path.resolve())}, start_new_session=True) as own:
        assert [process.pid for process in Stack(tmp_path, 1).processes()] == [own.pid]
        own.kill()


def test_a_stack_owns_what_shares_its_session_even_without_the_mark(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    (tmp_path / "supervisord.session").write_text(f"{stranger.pid} {psutil.Process(stranger.pid).create_time()}")
    assert [process.pid for process in Stack(tmp_path, 1).processes()] == [stranger.pid]


def test_a_session_number_that_was_used_before_the_stack_began_is_a_strangers(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    (tmp_path / "supervisord.session").write_text(f"{stranger.pid} {psutil.Process(stranger.pid).create_time() + 5}")
    assert list(Stack(tmp_path, 1).processes()) == []


WORKERS = (Worker("default-1", DEFAULT, 2), Worker("default-2", DEFAULT, 3), Worker("gpu", GPU, 1))


def test_redis_listens_on_a_socket_that_is_its_owners_alone_and_on_no_port(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path / "workers", tmp_path, WORKERS)
    fleet.prepare()
    assert not fleet.accepts()
    with subprocess.Popen(shlex.split(fleet.redis()), stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while not fleet.accepts():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert psutil.Process(process.pid).net_connections("inet") == []
            assert (tmp_path / "redis.sock").stat().st_mode & 0o077 == 0
            assert not fleet.healthy()  # no worker answers
        finally:
            process.terminate()


def test_a_fleet_has_as_many_tasks_under_way_as_its_workers_have_slots(tmp_path: Path) -> None:
    stack = Stack(tmp_path, 1, workers=WORKERS)
    environment = stack.environment()
    assert (environment["AIRFLOW__CORE__EXECUTOR"], environment["AIRFLOW__CORE__PARALLELISM"]) == ("CeleryExecutor", "6")
    assert (environment["OCTAVO_PROCESSES"], stack.cores) == ("1", 5)
    assert Stack(tmp_path, 1).environment()["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


@pytest.mark.parametrize(("gpus", "asked", "device"), [
    pytest.param(2, None, True, id="cards"), pytest.param(0, None, False, id="no card"),
    pytest.param(2, "cpu", False, id="the environment says so"),
])
def test_a_worker_for_cards_runs_models_on_a_card_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, asked: str | None, device: bool,
) -> None:
    monkeypatch.delenv("OCTAVO_MOLMO_DEVICE", raising=False)
    if asked:
        monkeypatch.setenv("OCTAVO_MOLMO_DEVICE", asked)
    default, gpu = local(4, gpus)
    environments = [Fleet(tmp_path, tmp_path, ()).command(worker, Path("airflow"))[2] for worker in (default, gpu)]
    assert ['OCTAVO_MOLMO_DEVICE="cuda"' in environment for environment in environments] == [False, device]


@pytest.mark.parametrize(("executor", "queues"), [
    pytest.param(None, [], id="nothing"), pytest.param("local", [], id="local"), pytest.param("celery", [DEFAULT, GPU], id="celery"),
])
def test_the_executor_is_asked_for_by_its_name(monkeypatch: pytest.MonkeyPatch, executor: str | None, queues: list[str]) -> None:
    monkeypatch.setenv("EXECUTOR", executor or "")
    assert [worker.queue for worker in asked_workers()] == queues


def test_an_executor_that_the_stack_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECUTOR", "kubernetes")
    with pytest.raises(StackError, match="it may be local or celery"):
        asked_workers()


@pytest.mark.parametrize("module", PRELOADED)
def test_what_tasks_are_forked_with_is_there(module: str) -> None:
    assert find_spec(module) is not None


def test_status_asks_at_the_port_that_the_stack_was_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Stack, *command: object) -> str:
        raise StackError("not in this test")

    monkeypatch.setattr(Stack, "_run", refused)
    monkeypatch.setattr(Database, "prepare", lambda self: None)
    port = free_port()
    with pytest.raises(StackError, match="not in this test"):
        Stack(tmp_path, port).start()
    environment = {**{name: value for name, value in os.environ.items() if name != "AIRFLOW_PORT"}, "OCTAVO_VAR": str(tmp_path)}
    asked = subprocess.run([sys.executable, "-m", "scripts.stack", "status"], env=environment, capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout) == (1, f"http://127.0.0.1:{port} is not up\n")
