"""Watches the landing folder of a contract, for DAGs that run when documents arrive (``schedule: on_arrival``)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from octavo_airflow.settings import AirflowSettings

# A burst that does not end is told of all the same, after so many times the wait for its end.
LONGEST_BURST = 10


class ArrivalTrigger(BaseEventTrigger):
    """Tell of the days whose landing folders hold documents that no published run has seen, once a burst has ended.

    Folders are compared with what publishing keeps of each day's files, so that neither a restart nor a document that arrives while its
    day is run is missed. A state of a folder is told of once. Works on every store that fsspec reaches.

    :param contract: name of the contract.
    :param poll_seconds: seconds between two looks at the folders.
    :param quiet_seconds: a burst has ended when nothing has moved for so long, in seconds.
    """

    def __init__(self, contract: str, poll_seconds: float, quiet_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.contract = contract
        self.poll_seconds = poll_seconds
        self.quiet_seconds = quiet_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "contract": self.contract, "poll_seconds": self.poll_seconds, "quiet_seconds": self.quiet_seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event for each burst: ``days``, as ISO dates, and ``files``, how many of them are new or have changed."""
        burst = Burst(self.quiet_seconds)
        clock = asyncio.get_running_loop().time
        while True:
            try:
                found = await asyncio.to_thread(changed_days, self.contract)
            except OSError as error:
                self.log.warning("the landing folder of %s could not be listed, it is tried again: %s", self.contract, error)
            else:
                ended = burst.look({day: state for day, (state, _) in found.items()}, clock())
                if ended:
                    yield TriggerEvent({"days": ended, "files": sum(found[day][1] for day in ended)})  # type: ignore[no-untyped-call]
            await asyncio.sleep(self.poll_seconds)


class Burst:
    """Which states of which days are to be told of: each once, and none while its folder still moves."""

    def __init__(self, quiet_seconds: float) -> None:
        self.quiet_seconds = quiet_seconds
        self._told: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._moved = self._began = 0.0

    def look(self, states: dict[str, str], now: float) -> list[str]:
        """The days to tell of now, in order; empty while a burst goes on, or when there is nothing new.

        Args:
            states: a digest of the folder of each day that waits.
            now: seconds, of a clock that only goes on.
        """
        fresh = {day: state for day, state in states.items() if self._told.get(day) != state}
        if not fresh:
            self._last = states
            return []
        if all(self._told.get(day) == state for day, state in self._last.items()):
            self._began = now
        if states != self._last:
            self._last, self._moved = states, now
        if now - self._moved < self.quiet_seconds and now - self._began < LONGEST_BURST * self.quiet_seconds:
            return []
        self._told.update(fresh)
        return sorted(fresh)


def changed_days(contract: str) -> dict[str, tuple[str, int]]:
    """Digest of the folder, and how many files are new or have changed, of each day that waits; from ``OCTAVO_LATE_DAYS`` ago to today."""
    from octavo.workflows import change_detection

    settings = AirflowSettings()
    today = dt.datetime.now(dt.UTC).date()
    first, before = today - dt.timedelta(days=settings.late_days), today + dt.timedelta(days=1)
    days = change_detection.late_days(contract, settings, first, before)
    return {one.day.isoformat(): (one.digest, one.files) for one in days if one.files or (one.vanished and settings.vanished == "run")}
