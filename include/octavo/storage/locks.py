"""One writer at a time: a lock that is a small file, on a local disk or an object store.

The file is made only where there is none (a link, or a conditional put), so of several writers exactly one has it.
It says who holds it. A holder that was killed does not keep others out for ever: its lock counts as abandoned when its
process is gone from this machine, when the same run comes again, or when it was not renewed for ``STALE_SECONDS``.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from upath import UPath

from octavo.model.errors import StoreUnavailable
from octavo.storage import fs

log = logging.getLogger(__name__)

STALE_SECONDS = 600     # a holder renews its lock before each file that it writes, and none takes that long
WAIT_SECONDS = 60.0     # publishing a day takes seconds
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Lock:
    """A lock that is held."""

    path: UPath
    content: dict[str, Any]

    def renew(self) -> None:
        """Say that the holder is still at work.

        Raises:
            StoreUnavailable: somebody else holds the lock now; nothing more may be written.
        """
        now = _read(self.path)
        if now is None or now["token"] != self.content["token"]:
            raise StoreUnavailable(f"{self.path} was taken over by {now['owner'] if now else 'somebody'}; try again when it has ended")
        fs.write_json(self.path, {**self.content, "since": _now()})


@contextmanager
def held(path: UPath, owner: str, wait_seconds: float = WAIT_SECONDS) -> Iterator[Lock]:
    """Hold the lock at ``path`` during the block.

    Args:
        path: the lock's file.
        owner: who asks, as others are told; a run's later attempt takes over from its earlier one.
        wait_seconds: how long to wait for another holder.

    Raises:
        StoreUnavailable: another one held it all the time.
    """
    lock = Lock(path, {"owner": owner, "host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex})
    deadline = time.monotonic() + wait_seconds
    while not fs.create(path, json.dumps({**lock.content, "since": _now()}).encode()):
        other = _read(path)
        if other is None:
            continue
        if other["token"] == lock.content["token"]:  # the put was tried again after its answer was lost
            break
        if _is_abandoned(other, owner):
            log.warning("%s was left behind by %s, which has ended; taking it over", path, other["owner"])
            path.unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise StoreUnavailable(f"{other['owner']} has held {path} since {other['since']}; try again when it has ended")
        else:
            time.sleep(POLL_SECONDS)
    try:
        yield lock
    finally:
        now = _read(path)
        if now is not None and now["token"] == lock.content["token"]:
            path.unlink(missing_ok=True)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _read(path: UPath) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = fs.read_json(path)
    except FileNotFoundError:
        return None
    return found


def _is_abandoned(other: dict[str, Any], owner: str) -> bool:
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(other["since"])
    if age > dt.timedelta(seconds=STALE_SECONDS):
        return True
    gone = other["host"] == socket.gethostname() and not _is_running(other["pid"])
    return gone or (other["owner"] == owner and (other["host"], other["pid"]) != (socket.gethostname(), os.getpid()))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
