"""A reader that looks at the tables of a day all the time, as pandas or DuckDB would."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError

from octavo.model.contracts import Contract
from octavo.storage.lake import table_schemas
from tests import days
from tests.faults.processes import FORK

PAUSE_SECONDS = 0.02
ANY_BYTES = ("answers", "ledger")  # they tell of times; of them only whether they are whole


@dataclass
class Seen:
    """What a reader saw: the digests of each table's files, and how often one was torn or gone."""

    digests: dict[str, set[str]] = field(default_factory=dict)
    torn: int = 0
    looks: int = 0

    def mixtures(self, known: Iterable[dict[str, str]]) -> int:
        """How many files it saw that were none of ``known``, by table, and none that could be read."""
        return self.torn + sum(
            digest not in {tables.get(table) for tables in known}
            for table, found in self.digests.items() if table not in ANY_BYTES for digest in found
        )


@contextmanager
def watching(lake: days.Lake, contract: Contract, day: dt.date, environment: Mapping[str, str]) -> Iterator[list[Seen]]:
    """A process that reads all tables of the day until the block ends; the list has what it saw then.

    Args:
        environment: what it needs to find the lake's object store.
    """
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_watch, args=(theirs, lake, [*table_schemas(contract), "ledger"], contract.name, day, environment))
    process.start()
    theirs.close()
    found: list[Seen] = []
    try:
        ours.recv()  # it has looked once
        yield found
        ours.send("stop")
        found.append(ours.recv())
    finally:
        process.kill()
        process.join()


def _watch(
    pipe: Connection, lake: days.Lake, tables: list[str], contract: str, day: dt.date, environment: Mapping[str, str],
) -> None:
    os.environ.update(environment)
    seen = Seen()
    while not pipe.poll(PAUSE_SECONDS if seen.looks else 0):
        for table in tables:
            _look(seen, lake, table, contract, day)
        seen.looks += 1
        if seen.looks == 1:
            pipe.send("looked")
    pipe.send(seen)


def _look(seen: Seen, lake: days.Lake, table: str, contract: str, day: dt.date) -> None:
    known = seen.digests.setdefault(table, set())
    try:
        data = days.file(lake, table, contract, day).read_bytes()
    except FileNotFoundError:
        seen.torn += bool(known)  # a table that was there is never gone
        return
    except (OSError, BotoCoreError):  # an object store that is down
        time.sleep(PAUSE_SECONDS)
        return
    digest = hashlib.sha256(data).hexdigest()
    if digest in known:
        return
    known.add(digest)
    try:
        pq.ParquetFile(io.BytesIO(data)).read(use_threads=False)
    except pa.ArrowInvalid:
        seen.torn += 1
