"""One writer at a time, also when holders are killed."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
import time
from pathlib import Path

import pytest
from upath import UPath

from octavo.model.errors import StoreUnavailable
from octavo.storage import fs, locks

STORES = ["disk", "memory"]


@pytest.fixture(params=STORES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    return UPath(tmp_path / "locks/day.json") if request.param == "disk" else UPath(f"memory://locks-{tmp_path.name}/day.json")


def test_a_file_is_created_once(path: UPath) -> None:
    assert [fs.create(path, text) for text in (b"first", b"second")] == [True, False]
    assert path.read_bytes() == b"first"
    assert [child.name for child in path.parent.iterdir()] == ["day.json"]


def test_of_many_writers_one_is_in_the_block_at_a_time(tmp_path: Path) -> None:
    inside, most, done = 0, 0, 0

    def write(number: int) -> None:
        nonlocal inside, most, done
        with locks.held(UPath(tmp_path / "day.json"), f"run {number}"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1
            done += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, done) == (1, 6)


def test_who_waits_in_vain_is_told_who_holds_it(path: UPath) -> None:
    with locks.held(path, "run a"), pytest.raises(StoreUnavailable, match="run a has held"), locks.held(path, "run b", wait_seconds=0):
        pass
    assert not path.exists()


@pytest.mark.parametrize("other", [
    pytest.param({"host": "elsewhere", "pid": 1, "since": "2026-01-01T00:00:00+00:00"}, id="it was not renewed for long"),
    pytest.param({"host": "elsewhere", "pid": 1, "owner": "run b"}, id="it is an earlier attempt of the same run"),
    pytest.param({"pid": 2**22 + 1}, id="its process is gone from this machine"),
])
def test_an_abandoned_lock_is_taken_over_at_once(path: UPath, other: dict[str, object]) -> None:
    content = {"owner": "run a", "host": socket.gethostname(), "pid": 1, "token": "t", "since": dt.datetime.now(dt.UTC).isoformat()}
    fs.create(path, json.dumps({**content, **other}).encode())
    with locks.held(path, "run b", wait_seconds=0) as lock:
        lock.renew()
        assert fs.read_json(path)["owner"] == "run b"


def test_a_holder_that_lost_its_lock_writes_nothing_more_and_leaves_the_other_one(path: UPath) -> None:
    with locks.held(path, "run a") as lock:
        path.unlink()
        theirs = {**lock.content, "owner": "run b", "token": "other", "since": "2026-01-01T00:00:00+00:00"}
        fs.create(path, json.dumps(theirs).encode())
        with pytest.raises(StoreUnavailable, match="taken over by run b"):
            lock.renew()
    assert fs.read_json(path)["owner"] == "run b"
