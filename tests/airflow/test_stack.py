"""Whose processes a stack takes for its own: ``stop`` ends all of them, so a stranger's must never be among them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.stack import MARK, Stack

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
