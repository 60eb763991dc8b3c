"""One attempt at a day in a process of its own, and what is done to it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fsspec.config
import psutil
from upath import UPath

from octavo.model import contracts
from octavo.model.errors import OctavoError
from octavo.model.settings import Settings
from octavo.workflows import pipeline
from tests.faults.processes import FORK
from tests.object_store import impatient

STAGES = ("ingest", "read", "chunk", "extract_layout", "merge", "tables", "validate", "ledger", "publish")
# What the interpreter tells of before it touches a file system.
OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.listdir", "os.scandir"}
CHILDREN = ("octavo.reading.worker", "octavo.ingest.counting", "octavo.ingest.unpacking", "tesseract")
MARK = "OCTAVO_FAULTS"  # in the environment of every process of an attempt
STORE_SECONDS = 2.0     # how long a client waits for the object store
ATTEMPT_SECONDS = 300
ORPHAN_SECONDS = 60     # a child that is just being started ends itself once it runs; a busy machine takes its time
FILLER = "filler"
PAGE_BYTES = 4096


@dataclass(frozen=True)
class Day:
    """What is run: a folder of documents of one day, and where its tables go."""

    contract: str
    folder: Path
    day: dt.date
    lake: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Blow:
    """What happens to an attempt, and when.

    Args:
        what: ``kill`` (SIGKILL of the attempt), ``child`` (of one of its children), ``disk`` (it is full from then on) or
            ``store`` (the object store answers nobody from then on).
        stage: in which stage.
        operation: before which operation on a file of the lake, counted from 1 in the stage; 0: by the clock.
        delay: seconds after the stage began, by the clock.
        spare_pages: disk: pages of 4 KiB that stay free.
    """

    what: str
    stage: str
    operation: int = 0
    delay: float = 0.0
    spare_pages: int = 0


@dataclass
class Ended:
    """How an attempt ended. ``struck``: whether the blow fell. ``operations`` and ``seconds`` are by stage."""

    published: bool = False
    struck: bool = False
    reads: int = 0
    error: str | None = None
    operations: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    orphans: int = 0


class Watch:
    """Counts the operations on files of the lake, stage by stage, and strikes before one of them."""

    def __init__(self, lake: str, blow: Blow | None, pipe: Connection) -> None:
        self.stage = STAGES[0]
        self.operations: Counter[str] = Counter()
        self._lake, self._blow, self._pipe = lake, blow, pipe
        self._striking = False

    def enter(self, stage: str) -> None:
        self.stage = stage
        self._pipe.send(("stage", stage))

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event not in OPERATIONS or self._striking or not str(arguments[0]).startswith(self._lake):
            return
        self.operations[self.stage] += 1
        blow = self._blow
        if blow and (blow.stage, blow.operation) == (self.stage, self.operations[self.stage]):
            self._striking = True
            self._pipe.send(("struck", blow.what))
            if blow.what == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            fill(Path(self._lake), blow.spare_pages)
            self._striking = False


def fill(disk: Path, spare_pages: int) -> None:
    """Leave ``spare_pages`` pages of the disk free."""
    state = os.statvfs(disk)
    size = state.f_bavail * state.f_frsize - spare_pages * PAGE_BYTES
    with (disk / FILLER).open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, size)


def attempt(day: Day, scratch: Path, blow: Blow | None = None, store: Callable[[str], None] | None = None) -> Ended:
    """Take the day through all stages in a process of its own; ``blow`` may fall on it on its way.

    Args:
        scratch: a folder for its temporary files and its standard error.
        store: tells the object store to go ``down``.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_run, args=(day, scratch, blow, theirs))
    process.start()
    theirs.close()
    ended = _follow(psutil.Process(process.pid), ours, blow, store)
    process.join()
    ended.orphans = _orphans(day)
    return ended


def _run(day: Day, scratch: Path, blow: Blow | None, pipe: Connection) -> None:
    os.dup2(os.open(scratch / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    os.environ.update({**day.environment, MARK: str(day.lake), "TMPDIR": str(scratch)})
    fsspec.config.conf["s3"] = impatient(STORE_SECONDS)
    watch = Watch(day.lake, blow, pipe)
    sys.addaudithook(watch.hear)
    settings = Settings(lake=day.lake)
    contract = contracts.find(day.contract, settings.contracts)

    def progress(stage: str, done: int, total: int, unit: str) -> None:
        if not done:
            watch.enter(stage)

    try:
        result = pipeline.run_day(contract, UPath(day.folder), day.day, settings, progress=progress)
        ended = Ended(result.published, reads=result.counts("read").get("reads", 0), error=result.error and str(result.error))
        for report in result.reports:
            ended.seconds[report.stage] = ended.seconds.get(report.stage, 0.0) + report.seconds
    except (OctavoError, OSError) as error:
        ended = Ended(error=f"{type(error).__name__}: {error}")
    ended.operations = watch.operations
    pipe.send(("ended", ended))


def _follow(process: psutil.Process, pipe: Connection, blow: Blow | None, store: Callable[[str], None] | None) -> Ended:
    """Listen to the attempt until it has ended, and strike by the clock where the blow says so."""
    due: float | None = None
    struck = False
    end = time.monotonic() + ATTEMPT_SECONDS
    while True:
        if time.monotonic() > end:
            process.kill()
            raise TimeoutError(f"an attempt hangs since {ATTEMPT_SECONDS} s ({blow})")
        if pipe.poll(0.01):
            try:
                what, told = pipe.recv()
            except (EOFError, ConnectionResetError):
                return Ended(struck=struck, error="killed")
            if what == "ended":
                told.struck = struck
                return told  # type: ignore[no-any-return]
            struck |= what == "struck"
            if what == "stage" and blow and not blow.operation and told == blow.stage:
                due = time.monotonic() + blow.delay
        if blow and due is not None and time.monotonic() >= due:
            struck |= _strike(process, blow, store)
            due = None if struck else due


def _strike(process: psutil.Process, blow: Blow, store: Callable[[str], None] | None) -> bool:
    """Whether there was something to strike."""
    if blow.what == "store":
        assert store is not None
        store("down")
        return True
    with contextlib.suppress(psutil.NoSuchProcess):
        if blow.what == "kill":
            process.kill()
            return True
        for child in process.children(recursive=True):
            if any(name in " ".join(child.cmdline()) for name in CHILDREN):
                child.kill()
                return True
    return False


def _orphans(day: Day) -> int:
    """How many processes of the attempt live on after it; they are given a moment to die with it."""
    def left() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(day.lake) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    end = time.monotonic() + ORPHAN_SECONDS
    while (found := left()) and time.monotonic() < end:
        time.sleep(0.05)
    return len(found)
