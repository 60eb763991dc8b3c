"""Segments: immutable Parquet files of answers, sorted by key. How they are named, searched and folded together."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from octavo.storage import fs

SEGMENT = pa.schema([
    ("key", pa.binary()),                # 32 bytes
    ("since", pa.int64()),               # the fresh run that asked, seconds since 1970; 0 for any other
    ("written", pa.int64()),             # nanoseconds since 1970: among equals the first counts
    ("document", pa.string()),           # the first document that had this question, for `forget`
    ("model", pa.string()),
    ("revision", pa.string()),
    ("runtime", pa.string()),            # with versions; recorded, not part of the key
    ("raw", pa.string()),
    ("finish", pa.string()),
    ("prompt_tokens", pa.int64()),
    ("completion_tokens", pa.int64()),
    ("seconds", pa.float64()),
    ("attempts", pa.int32()),            # calls that this one answer took (an endpoint's retries)
    ("contract", pa.string()),           # the first contract that had this question
])


def conformed(rows: pa.Table, columns: list[str] | None = None) -> pa.Table:
    """Rows of a segment, with nulls for columns that were not there yet when it was written."""
    wanted = SEGMENT if columns is None else pa.schema([SEGMENT.field(name) for name in columns])
    for field in wanted:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(wanted.names)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a model said to one question, and what that took.

    ``finish``: why it ended (``stop``, ``length``, ``loop``). ``seconds``: this answer's share of its
    batch's time. ``runtime``: name and versions of what ran the model. ``document`` and ``contract``:
    who asked first.
    """

    raw: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    attempts: int
    model: str
    revision: str | None
    runtime: str
    document: str
    contract: str | None = None

    def row(self, key: bytes, since: int, written: int) -> dict[str, Any]:
        return {"key": key, "since": since, "written": written, **asdict(self)}

    @classmethod
    def of(cls, row: dict[str, Any]) -> StoredAnswer:
        return cls(**{name: row[name] for name in cls.__slots__})


# Rows that are decoded to find one. Smaller groups make a longer footer, which every look-up reads.
GROUP_ROWS = 256
WRITER = {
    "compression": "zstd", "compression_level": 6, "version": "2.6", "write_statistics": ["key"],
    "use_dictionary": ["since", "document", "model", "revision", "runtime", "finish", "attempts", "contract"],
}
_NAME = re.compile(r"(\d{12})-[0-9a-f]{32}\.parquet")
# A private file of a writer that was killed; `storage.atomic` names them so.
_ABANDONED = re.compile(r"\.\d{12}-[0-9a-f]{32}\.parquet\..*\.tmp")
ABANDONED_SECONDS = 86_400


class SegmentReplaced(Exception):
    """A segment was folded into another one, or pruned, after the folder was listed."""


@dataclass(frozen=True)
class AnswerSegment:
    """One file of answers. ``rows`` stands in its name, so that folding is planned without opening any."""

    path: UPath
    rows: int

    def find(self, keys: Sequence[bytes]) -> pa.Table:
        """The rows of any of ``keys``, without decoding row groups that cannot hold one.

        Raises:
            SegmentGone: it is not there any more.
        """
        least, greatest = self._ranges
        wanted = np.array(keys, dtype="S32")
        groups = np.searchsorted(greatest, wanted)  # the first group that ends at the key or past it
        inside = groups < len(least)
        groups, wanted = groups[inside], wanted[inside]
        numbers = sorted(set(groups[least[groups] <= wanted].tolist()))
        if not numbers:
            return SEGMENT.empty_table()
        asked = pa.array(keys, pa.binary())
        with self._opened() as file:
            places = pc.is_in(file.read_row_groups(numbers, columns=["key"])["key"], value_set=asked).to_numpy()
            hits = sorted({numbers[place // GROUP_ROWS] for place in np.flatnonzero(places).tolist()})
            if not hits:
                return SEGMENT.empty_table()
            table = conformed(file.read_row_groups(hits))
        return table.filter(pc.is_in(table["key"], value_set=asked))

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """All rows, or some columns of them.

        Raises:
            SegmentGone: it is not there any more.
        """
        with self._opened() as file:
            return conformed(file.read(columns=columns), columns)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    @cached_property
    def _ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest key of each row group."""
        with self._opened() as file:
            keys = [file.metadata.row_group(number).column(0).statistics for number in range(file.metadata.num_row_groups)]
        return np.array([entry.min for entry in keys], "S32"), np.array([entry.max for entry in keys], "S32")

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with self.path.open("rb") as stream:
                yield pq.ParquetFile(stream)
        except FileNotFoundError as error:
            raise SegmentReplaced(str(self.path)) from error


def listed(root: UPath) -> list[AnswerSegment]:
    """The store's segments, by name; anything else in the folder is left alone."""
    if not root.exists():
        return []
    names = ((path, _NAME.fullmatch(path.name)) for path in root.iterdir())
    return sorted((AnswerSegment(path, int(match[1])) for path, match in names if match), key=lambda segment: segment.path.name)


def write(root: UPath, rows: pa.Table) -> AnswerSegment:
    """Write ``rows`` as a new segment, sorted by key, one row per key; it appears whole or not at all."""
    table = first_writers(rows)
    segment = AnswerSegment(root / f"{table.num_rows:012d}-{uuid.uuid4().hex}.parquet", table.num_rows)
    with fs.atomic(segment.path) as stream, pq.ParquetWriter(stream, SEGMENT, **WRITER) as writer:
        writer.write_table(table, row_group_size=GROUP_ROWS)
    return segment


def first_writers(rows: pa.Table) -> pa.Table:
    """The rows sorted by key, of each key only the one that counts: of the latest fresh run, the first written."""
    order = [("key", "ascending"), ("since", "descending"), ("written", "ascending"), ("raw", "ascending")]
    table = rows.sort_by([(name, way) for name, way in order if name in rows.column_names])
    if table.num_rows < 2:
        return table
    keys = np.array(table["key"].to_pylist(), "S32")
    first = np.concatenate([[True], keys[1:] != keys[:-1]])
    return table if first.all() else table.filter(pa.array(first))


def fold(root: UPath, segments: Sequence[AnswerSegment]) -> AnswerSegment | None:
    """Replace ``segments`` by one that holds the same answers; None when another process was faster.

    Readers that run at the same time see every answer: the new file is there before the old ones go.
    """
    try:
        tables = [segment.read() for segment in segments]
    except SegmentReplaced:
        return None
    if not all(segment.path.exists() for segment in segments):
        return None
    folded = write(root, pa.concat_tables(tables))
    for segment in segments:
        segment.remove()
    return folded


def sweep(root: UPath) -> int:
    """Remove what killed writers left behind a day ago or more; returns the number of files."""
    if not fs.is_local(root) or not root.exists():
        return 0
    old = [p for p in root.iterdir() if _ABANDONED.fullmatch(p.name) and p.stat().st_mtime < time.time() - ABANDONED_SECONDS]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
