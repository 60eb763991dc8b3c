"""Reading and writing files, on a local disk or an object store, whole or not at all.

Paths are ``UPath``: pathlib's interface over fsspec. A local write goes to a private name, is
synced and renamed; an object store's put is atomic by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

# Fixed writer settings: the same rows give the same bytes.
WRITER = {"compression": "zstd", "compression_level": 3, "version": "2.6", "write_statistics": True, "use_dictionary": True}
ROW_GROUP_ROWS = 16_384


def is_local(path: UPath) -> bool:
    return getattr(path, "protocol", "") in ("", "file", "local")


@contextmanager
def atomic(path: UPath) -> Iterator[IO[bytes]]:
    """Open ``path`` for writing; it appears complete when the block ends and not at all if it raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_local(path):
        with path.open("wb") as stream:
            yield stream
        return
    private = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with private.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        private.replace(path)
    finally:
        private.unlink(missing_ok=True)


def write_bytes(path: UPath, data: bytes) -> None:
    with atomic(path) as stream:
        stream.write(data)


def write_json(path: UPath, value: Any) -> None:
    """Write ``value`` with sorted keys, so that equal values give equal bytes."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def read_json(path: UPath) -> Any:
    return json.loads(path.read_bytes())


def write_table(path: UPath, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write the rows of ``tables``, in order, as one Parquet file of ``schema``; returns the number of rows.

    Row groups have ``ROW_GROUP_ROWS`` rows however the input is cut, so the bytes depend on the rows only.
    """
    rows = 0
    with atomic(path) as stream, pq.ParquetWriter(stream, schema, **WRITER) as writer:
        waiting: list[pa.Table] = []
        held = 0
        for table in tables:
            table = table.select(schema.names).cast(schema)
            rows += table.num_rows
            waiting.append(table)
            held += table.num_rows
            while held >= ROW_GROUP_ROWS:
                joined = pa.concat_tables(waiting)
                writer.write_table(joined.slice(0, ROW_GROUP_ROWS).combine_chunks(), row_group_size=ROW_GROUP_ROWS)
                waiting, held = [joined.slice(ROW_GROUP_ROWS)], held - ROW_GROUP_ROWS
        if held or rows == 0:
            rest = pa.concat_tables(waiting) if waiting else schema.empty_table()
            writer.write_table(rest.combine_chunks(), row_group_size=ROW_GROUP_ROWS)
    return rows


def write_rows(path: UPath, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> int:
    """Write dictionaries as one Parquet file of ``schema``; returns the number of rows."""
    return write_table(path, [pa.Table.from_pylist(list(rows), schema=schema)], schema)


def read_table(path: UPath, columns: list[str] | None = None, where: tuple[str, str] | None = None) -> pa.Table:
    """The rows of one Parquet file, or those whose column ``where[0]`` equals ``where[1]``.

    Read on the calling thread: a file is a bounded shard or a day, and a scanner's own threads may
    outlive a short process ("terminate called without an active exception").
    """
    with path.open("rb") as stream:
        table = pq.ParquetFile(stream, pre_buffer=False).read(columns, use_threads=False)
    return table if where is None else table.filter(pc.equal(table[where[0]], where[1]))


def iter_tables(path: UPath, columns: list[str] | None = None, rows: int = ROW_GROUP_ROWS) -> Iterator[pa.Table]:
    """The file's rows in batches of at most ``rows``, in order."""
    with path.open("rb") as stream:
        for batch in pq.ParquetFile(stream, pre_buffer=False).iter_batches(rows, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


@contextmanager
def local_copy(path: UPath) -> Iterator[Path]:
    """A local file with ``path``'s bytes: the file itself, or a temporary copy of an object store's."""
    if is_local(path):
        yield Path(path.path)
        return
    with tempfile.TemporaryDirectory(prefix="octavo-copy-") as folder:
        local = Path(folder) / "document"
        with path.open("rb") as source, local.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield local


def sha256_of(path: UPath) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed: BinaryIO lacks readinto


def digest(value: Any) -> str:
    """sha256 of a JSON value, independent of key order; the key of everything that is derived from it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def copy(source: UPath, target: UPath) -> None:
    """Copy a file so that ``target`` is replaced whole."""
    with source.open("rb") as stream, atomic(target) as out:
        shutil.copyfileobj(stream, out, 1 << 20)


def count_rows(path: UPath) -> int:
    """The number of rows of a Parquet file, from its footer."""
    with path.open("rb") as stream:
        return int(pq.ParquetFile(stream).metadata.num_rows)
