"""DAGs that run when documents arrive: bursts are told of once, and nothing that arrives in between is missed or read twice."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.workflows import change_detection
from octavo_airflow import triggers
from octavo_airflow.day import arrivals
from octavo_airflow.triggers import LONGEST_BURST, ArrivalTrigger, Burst

FILES, BURSTS = 200, 8


def test_a_burst_is_told_of_once_when_it_has_ended() -> None:
    burst = Burst(quiet_seconds=60)
    assert burst.look({"2026-11-02": "a"}, 0) == []
    assert burst.look({"2026-11-02": "b"}, 50) == []   # it goes on
    assert burst.look({"2026-11-02": "b"}, 100) == []  # quiet for 50 s
    assert burst.look({"2026-11-02": "b"}, 110) == ["2026-11-02"]
    assert burst.look({"2026-11-02": "b"}, 999) == []  # its run goes on, or was refused
    assert burst.look({}, 1000) == []                  # it was published
    assert burst.look({"2026-11-02": "c", "2026-11-01": "x"}, 1010) == []
    assert burst.look({"2026-11-02": "c", "2026-11-01": "x"}, 1070) == ["2026-11-01", "2026-11-02"]


def test_a_burst_that_does_not_end_is_told_of_all_the_same() -> None:
    burst = Burst(quiet_seconds=60)
    told = [moment for moment in range(0, 3600, 30) if burst.look({"2026-11-02": str(moment)}, moment)]
    assert told[0] <= LONGEST_BURST * 60
    assert 3 <= len(told) <= 3600 / (LONGEST_BURST * 60) + 1


def test_the_trigger_comes_back_as_it_went_into_airflows_database() -> None:
    path, arguments = ArrivalTrigger("receipt", 30.0, 60.0).serialize()
    assert path == "octavo_airflow.triggers.ArrivalTrigger"
    assert ArrivalTrigger(**arguments).serialize()[1] == arguments


class Landing:
    """A landing folder into which documents arrive while runs of its days start, list, read and publish, each when it likes."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(landing=str(root / "landing"), lake=str(root / "lake"))
        self.today = dt.datetime.now(dt.UTC).date()
        self.days = [self.today - dt.timedelta(days=back) for back in (0, 1)]
        self.reads: dict[str, int] = {}
        self.runs = 0

    def arrive(self) -> None:
        """The files, in bursts, half of them written in two steps as a slow copy is."""
        chance = random.Random(7)
        for number in range(FILES):
            folder = Path(self.settings.landing) / "receipt" / f"{chance.choice(self.days):%Y/%m/%d}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{number:03}.pdf"
            path.write_bytes(b"%PDF-")
            if chance.random() < 0.5:
                time.sleep(0.002)
                path.write_bytes(b"%PDF-1.7 " + str(number).encode())
            if number % (FILES // BURSTS) == 0:
                time.sleep(chance.uniform(0.05, 0.2))

    def run(self, day: dt.date) -> None:
        """A run as the DAG's: it lists the folder, reads what it has not read in this state, and publishes what it listed."""
        self.runs += 1
        lake, partition = Lake(UPath(self.settings.lake)), Partition("receipt", day)
        seen = change_detection.files_of(UPath(self.settings.landing) / "receipt" / f"{day:%Y/%m/%d}", self.settings)
        time.sleep(0.03)  # what arrives now is not in this run
        for name, state in seen.items():
            self.reads.setdefault(f"{name} {state}", 0)
        known = (lake.inputs(partition) or {"files": {}})["files"]
        for name, state in seen.items():
            if known.get(name) != state:
                self.reads[f"{name} {state}"] += 1
        fs.write_json(lake.inputs_file(partition), {"files": seen, "rules": ""})


def test_of_two_hundred_files_in_bursts_none_is_lost_and_none_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = Landing(tmp_path)
    monkeypatch.setenv("OCTAVO_LANDING", landing.settings.landing)
    monkeypatch.setenv("OCTAVO_LAKE", landing.settings.lake)
    writer = threading.Thread(target=landing.arrive)

    async def follow() -> None:
        """Runs follow events one at a time; after some, the triggerer is started anew and forgets what it told of."""
        while True:
            left = 3
            async for event in ArrivalTrigger("receipt", 0.02, 0.1).run():
                for day in event.payload["days"]:
                    await asyncio.to_thread(landing.run, dt.date.fromisoformat(day))
                left -= 1
                if not left:
                    break

    async def watch() -> None:
        following = asyncio.create_task(follow())
        while writer.is_alive() or triggers.changed_days("receipt"):
            await asyncio.sleep(0.1)
        following.cancel()

    assert triggers.changed_days("receipt") == {}
    writer.start()
    asyncio.run(asyncio.wait_for(watch(), 120))
    writer.join()
    lake = Lake(UPath(landing.settings.lake))
    published: dict[str, str] = {}
    for day in landing.days:
        published |= (lake.inputs(Partition("receipt", day)) or {"files": {}})["files"]
    there = list(Path(landing.settings.landing).rglob("*.pdf"))
    assert len(there) == len(published) == FILES
    assert {state: times for state, times in landing.reads.items() if times != 1} == {}
    assert landing.runs < FILES / 3, "a run for every few files is no burst"
    assert triggers.changed_days("receipt") == {}


def test_a_folder_that_cannot_be_listed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [OSError("the share is away"), {"2026-11-02": ("a", 3)}, {"2026-11-02": ("a", 3)}]

    def changed_days(contract: str) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(triggers, "changed_days", changed_days)
    event = asyncio.run(asyncio.wait_for(anext(ArrivalTrigger("receipt", 0.001, 0.0).run()), 30))
    assert event.payload == {"days": ["2026-11-02"], "files": 3}
    run = SimpleNamespace(consumed_asset_events=[SimpleNamespace(extra={"from_trigger": True, "payload": event.payload})])
    assert arrivals({"dag_run": run}) == {"2026-11-02"}  # type: ignore[typeddict-item]
