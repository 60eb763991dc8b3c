"""A device for each task: a lock file per card, held for as long as the process that holds it lives."""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from octavo.model.errors import SettingsError

log = logging.getLogger(__name__)
# A task that was just killed frees its card when its process is gone, which Airflow makes sure of within seconds.
WAIT_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.5


def folder() -> Path:
    """Where this user's lock files lie; one place for all processes of a machine or a container."""
    place = Path(tempfile.gettempdir()) / f"octavo-devices-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


class Lease:
    """The sole use of one card; ends with ``release`` or with the process, however that ends."""

    def __init__(self, place: int, lock: IO[str]) -> None:
        self.place = place
        self._lock = lock

    def release(self) -> None:
        self._lock.close()


def take(cards: Sequence[tuple[str, str]], where: Path, wait_seconds: float = WAIT_SECONDS) -> Lease:
    """The sole use of the first card that no other task has; ``Lease.place`` is its index in ``cards``.

    Args:
        cards: (an id that names the card whatever a process calls it, a name for people).
        where: folder of the lock files, the same for all that share the cards.
        wait_seconds: how long a task that is just ending may still hold one.

    Raises:
        SettingsError: all are taken; says by which processes, and what to do.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        for place, (card, name) in enumerate(cards):
            if lock := _locked(where / f"{card}.lock"):
                log.info("using %s", name)
                return Lease(place, lock)
        if time.monotonic() >= deadline:
            break
        time.sleep(LOOK_EVERY_SECONDS)
    holders = ", ".join(f"{name} by process {_holder(where / f'{card}.lock')}" for card, name in cards)
    count = len(cards)
    raise SettingsError(
        f"{count} {'card is' if count == 1 else 'cards are'} here and every one is in use by another task ({holders}): more tasks run at a "
        f"time than this machine has cards. Set pool molmo_gpu to the number of cards, and the concurrency of each GPU worker to its own"
    )


def _locked(path: Path) -> IO[str] | None:
    """The file, locked for this process; None while another one holds it."""
    lock = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _holder(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() or "unknown"
