"""Work in processes of its own, forked from one that has imported everything: it can be killed, and nothing of it stays behind."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from tests import command_line

FORK = multiprocessing.get_context("fork")
# Forks of a process that has imported the gate, which takes seconds, and has neither threads nor a client of a store.
SERVED = multiprocessing.get_context("forkserver")
SERVED.set_forkserver_preload(["octavo.publishing.expectations", "tests.command_line"])
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # linux/sched.h


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """What ``work`` returns in a process of its own; no thread and no client of a store that it makes lives on here."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_send, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError as error:
        raise RuntimeError(f"{work.__name__} failed; see its traceback above") from error
    finally:
        process.join()


def _send(pipe: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(work(*arguments))


class Ended(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    stdout: str
    stderr: str


class Command:
    """The command line in a process of its own, which begins at once."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        self._ours, theirs = SERVED.Pipe(duplex=False)
        self._process = SERVED.Process(target=_command, args=(theirs, tuple(map(str, arguments)), environment))
        self._process.start()
        theirs.close()

    @property
    def runs(self) -> bool:
        return not self._ours.poll() and self._process.is_alive()

    def result(self) -> Ended:
        """How it ended, once it has."""
        ended = Ended(*self._ours.recv())
        self._process.join()
        return ended


def _command(pipe: Connection, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    ended = command_line.octavo(*arguments, env=environment)
    pipe.send((ended.exit_code, ended.stdout, ended.stderr))


def own_mounts() -> None:
    """Give this process a mount table of its own, which ends with it. Other users than root are root in it, and nowhere else."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)):
        raise OSError(ctypes.get_errno(), "this system lets nobody but root mount a small disk to fill; run it as root")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def mount_disk(folder: Path, megabytes: int) -> None:
    """Put an empty disk of this size at ``folder``, for this process and those that it starts."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
