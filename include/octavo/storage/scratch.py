"""Temporary folders that outlive no process: what a killed one left behind is removed by the next that makes one.

They hold copies of documents and members of archives, of which nothing may stay.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW, _HELD = "octavo-new-", "octavo-tmp-"  # swept under its later name only, when its lock is held


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of this user alone until the block ends, or the process, whatever way it does."""
    folder, lock = hold()
    try:
        yield folder
    finally:
        release(folder, lock)


def hold() -> tuple[Path, int]:
    """A new folder and the descriptor of its lock, which the kernel lets go however this process ends."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=_NEW))
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder.rename(folder.with_name(folder.name.replace(_NEW, _HELD, 1))), lock


def release(folder: Path, lock: int) -> None:
    """Remove a folder that ``hold`` made."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def sweep() -> None:
    """Remove the folders of this machine's processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_HELD}*"):
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except OSError:  # just removed by its owner, or another user's
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
