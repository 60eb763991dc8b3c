"""Killable child processes: native code that parses strangers' files never runs in the stage itself.

A child is a Python module that calls ``serve``. It answers one JSON request at a time over a pipe, under
an address-space limit, and dies with the process that started it, whatever way that process ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from octavo.model.printing import fit_to_print
from octavo.storage.scratch import hold, release

START_SECONDS = 60.0  # a child's imports take about a second; a swamped machine may need much longer
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# One thread per child: the stage already runs one child per core.
SINGLE_THREAD = {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# What a child needs of its parent's environment. All else stays behind, connections, keys and tokens with it: whoever takes a child over
# through a file that it parses finds none.
KEPT = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "TESSDATA_PREFIX"})
KEPT_PREFIXES = ("LC_", "OCTAVO_LIMIT_")
KEPT_SETTINGS = frozenset({"OCTAVO_LEXICONS", "OCTAVO_CONTRACTS"})
_PLACE = re.compile(r'  File "(.+)", line (\d+)')
_ERROR = re.compile(r"([\w.]+)(?:: |$)")
STDERR_TAIL = 300  # characters of a dead child's last words that go into the ledger


class ChildTimeout(Exception):
    """The child did not answer in time; it has been killed."""


class ChildDied(Exception):
    """The child ended without an answer: a crash in native code, or the address-space limit."""


class Child:
    """One child process that runs ``module``; started at the first call and again after it died.

    Start it and call it from one thread: Linux ties a child to the *thread* that started it.

    Args:
        module: a module that calls ``serve`` when run.
        address_bytes: address-space limit of the child and of what it starts, bytes.
        secrets: names of environment variables that the module needs beside ``KEPT``.
    """

    def __init__(self, module: str, address_bytes: int, secrets: tuple[str, ...] = ()) -> None:
        self._module = module
        self._address_bytes = address_bytes
        self._secrets = secrets
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._folder: Path | None = None
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def call(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The child's answer to ``request``.

        Raises:
            ChildTimeout: no answer within ``seconds``.
            ChildDied: the child ended instead of answering.
        """
        pipe = self._pipe or self._start()
        deadline = time.monotonic() + seconds
        answer = None
        try:
            pipe.send_bytes(json.dumps(request).encode())
            answer = self._receive(pipe, deadline, seconds)
        except OSError as error:
            raise ChildDied(self._last_words()) from error
        finally:
            if answer is None:
                self.close()  # whoever was interrupted here leaves an answer behind, which is not the next request's
        return dict(json.loads(answer))

    def call_twice(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """As ``call``; a child that dies is asked once more, since whoever killed it may not have meant this request.

        Raises:
            ChildTimeout: no answer within ``seconds``.
            ChildDied: the child ended instead of answering, twice.
        """
        try:
            return self.call(request, seconds)
        except ChildDied:
            return self.call(request, seconds)

    def kill(self) -> None:
        """End the child, and with it everything it started. The only method that another thread may call."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child and remove what it left behind."""
        self.kill()
        if self._process is not None:
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        if self._folder is not None:
            release(self._folder, self._lock)
        self._process = self._pipe = self._folder = None

    def _start(self) -> Connection[Any, Any]:
        self._folder, self._lock = hold()
        ours, theirs = Pipe()
        self._pipe = ours
        command = [sys.executable, "-m", self._module, str(theirs.fileno()), str(os.getpid()), str(self._address_bytes)]
        with (self._folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, pass_fds=[theirs.fileno()],
                env={**environment(self._secrets), **SINGLE_THREAD, "TMPDIR": str(self._folder)},
                start_new_session=True,  # a terminal's Ctrl-C is for whoever started it, which ends it
            )
        theirs.close()
        self._receive(ours, time.monotonic() + START_SECONDS, START_SECONDS)
        return ours

    def _receive(self, pipe: Connection[Any, Any], deadline: float, seconds: float) -> bytes:
        try:
            left = deadline - time.monotonic()
            if left > 0 and pipe.poll(left):
                return pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise ChildDied(self._last_words()) from error
        self.close()
        raise ChildTimeout(f"no answer after {seconds:g} s")

    def _last_words(self) -> str:
        """How the dead child ended: its signal or exit code and its last line of stderr. Cleans up after it."""
        words = "the child is gone"
        if self._process is not None and self._folder is not None:
            code = self._process.wait()
            words = f"ended by signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            said = _last_line((self._folder / "stderr").read_text(errors="replace"))
            if said:
                words = f"{words}: {said[:STDERR_TAIL]}"
        self.close()
        return words


def _last_line(stderr: str) -> str:
    """What a dead child said last; of a Python error its kind and place, since its text may quote the document."""
    lines = stderr.strip().splitlines()
    places = [match for line in lines if (match := _PLACE.match(line))]
    if places and (error := _ERROR.match(lines[-1])):
        return f"{error[1]} at line {places[-1][2]} of {Path(places[-1][1]).name}"
    return fit_to_print(lines[-1]) if lines else ""


def environment(secrets: Collection[str] = ()) -> dict[str, str]:
    """What a child has of this process's environment.

    Args:
        secrets: names of variables that it needs beside ``KEPT``.
    """
    kept = {*KEPT, *KEPT_SETTINGS, *secrets}
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith(KEPT_PREFIXES)}


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends, even by SIGKILL (Linux; elsewhere a no-op)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the call
        os._exit(1)


def serve(handle: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer requests until the pipe closes; the other half of ``Child``. An exception of ``handle`` ends the child."""
    descriptor, parent, address_bytes = (int(argument) for argument in sys.argv[1:4])
    die_with_parent(parent)
    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, address_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with Connection(descriptor) as pipe:
        pipe.send_bytes(b"ready")
        while True:
            try:
                request = json.loads(pipe.recv_bytes())
            except EOFError:
                return
            pipe.send_bytes(json.dumps(handle(request)).encode())
