"""Bounding how long a piece of work may take, where it runs in this very process."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATTERN_SECONDS = 0.5  # of a contract's pattern on one text; they take microseconds unless they go back over the text again and again


class TimedOut(Exception):
    """The work did not end in time. ``block`` is the one that was bounded."""

    def __init__(self, seconds: float, block: object) -> None:
        super().__init__(seconds, block)
        self.block = block

    def __str__(self) -> str:
        return f"no end after {self.args[0]:g} s"


@contextmanager
def within(seconds: float) -> Iterator[object]:
    """Raise ``TimedOut`` in the block when it takes longer than ``seconds``; blocks may lie in each other. Yields what names the block.

    The interpreter looks for the alarm between its steps, and so does ``re`` within one match; compiled libraries do when they return.
    Only a process's main thread can be interrupted: in others the block is not bounded.
    """
    block = object()
    if threading.current_thread() is not threading.main_thread():
        yield block
        return
    if seconds <= 0:
        raise TimedOut(seconds, block)
    outer = signal.getitimer(signal.ITIMER_REAL)[0]
    if 0 < outer <= seconds:  # the block around this one ends first
        yield block
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimedOut(seconds, block)

    started = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield block
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - started), 1e-6))


def fits(pattern: str, text: str, seconds: float = PATTERN_SECONDS) -> bool:
    """Whether all of a text fits a contract's pattern; one that it takes longer than ``seconds`` to tell of does not."""
    return _bounded(re.fullmatch, pattern, text, seconds) is not None


def search(pattern: str, text: str) -> re.Match[str] | None:
    """The first part of a text that fits a contract's pattern; None also where it takes too long to tell."""
    return _bounded(re.search, pattern, text, PATTERN_SECONDS)


def _bounded(
    match: Callable[[str, str], re.Match[str] | None], pattern: str, text: str, seconds: float,
) -> re.Match[str] | None:
    block = None
    try:
        with within(seconds) as block:
            return match(pattern, text)
    except TimedOut as error:
        if error.block is not block:
            raise
        return None
