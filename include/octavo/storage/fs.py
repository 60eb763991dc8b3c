"""Reading and writing files, on a local disk or an object store, whole or not at all.

Paths are ``UPath``: pathlib's interface over fsspec. A local write goes to a private name, is
synced and renamed; an object store's put is atomic by itself.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec.config
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from octavo.model.errors import Damaged
from octavo.storage import archives
from octavo.storage.scratch import scratch

# Fixed writer settings: the same rows give the same bytes.
WRITER = {"compression": "zstd", "compression_level": 3, "version": "2.6", "write_statistics": True, "use_dictionary": True}
ROW_GROUP_ROWS = 16_384
_FOLDER_MODES = {"nobody": 0o700, "group": 0o750, "everybody": 0o755}  # files likewise, less the right to execute
# Other processes write too: a listing that was kept would not show what they wrote.
for _protocol in ("s3", "s3a", "gs", "gcs", "abfs", "az"):
    fsspec.config.conf.setdefault(_protocol, {}).setdefault("use_listings_cache", False)


def is_local(path: UPath) -> bool:
    return getattr(path, "protocol", "") in ("", "file", "local")


def make_folder(folder: UPath) -> None:
    """Make a local folder and those above it that are missing, open to those whom the setting ``share`` names alone."""
    path = Path(folder.path)
    if path.is_dir():
        return
    make_folder(UPath(path.parent))
    try:
        path.mkdir()
    except FileExistsError:  # another process was faster
        return
    path.chmod(_folder_mode())


def _folder_mode() -> int:
    """By ``Settings.share``, which has refused other words; looked up by itself, since reading all settings takes milliseconds."""
    return _FOLDER_MODES.get(os.environ.get("OCTAVO_SHARE", ""), _FOLDER_MODES["nobody"])


def _new(path: UPath) -> IO[bytes]:
    """A new local file, open for writing, that only those may read whom the setting ``share`` names."""
    descriptor = os.open(path.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(descriptor, _folder_mode() & 0o666)
    return os.fdopen(descriptor, "wb")


@contextmanager
def atomic(path: UPath) -> Iterator[IO[bytes]]:
    """Open ``path`` for writing; it appears complete when the block ends and not at all if it raises.

    For an object store it is written to a temporary file first: closing a remote stream puts whatever was written to it,
    half a file included, and a put from a file can be tried again.
    """
    if not is_local(path):
        with scratch() as folder:
            waiting = folder / "object"
            with waiting.open("wb") as stream:
                yield stream
            path.fs.put_file(str(waiting), path.path)
        return
    make_folder(path.parent)
    private = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with _new(private) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        private.replace(path)
    finally:
        private.unlink(missing_ok=True)


def create(path: UPath, data: bytes | Path) -> bool:
    """Write a file unless it is there; of several writers exactly one gets True.

    A local file is linked to its name, an object put on the condition that there is none.

    Args:
        data: what it holds, or a local file with that.
    """
    if not is_local(path):
        try:
            if isinstance(data, Path):
                path.fs.put_file(str(data), path.path, mode="create")
            else:
                path.fs.pipe_file(path.path, data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:  # as s3fs says it when a server names no condition
            if error.errno == errno.EINVAL and path.exists():
                return False
            raise
        return True
    make_folder(path.parent)
    private = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with _new(private) as target:
            if isinstance(data, Path):
                with data.open("rb") as source:
                    shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())  # who asked may remove the source next
            else:
                target.write(data)
        os.link(private.path, path.path)
    except FileExistsError:
        return False
    finally:
        private.unlink(missing_ok=True)
    return True


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as its folder lists it. ``changed`` is None where the store does not say when."""

    path: UPath
    size: int
    changed: dt.datetime | None


def files_under(folder: UPath) -> Iterator[Stored]:
    """Every file below ``folder``, sorted by path; none for a folder that is not there. One listing, however many files."""
    fs = folder.fs
    root = fs._strip_protocol(folder.path)  # as the file system writes it: absolute on a disk
    for name, info in sorted(fs.find(root, detail=True).items()):
        moment = next((info[key] for key in ("mtime", "LastModified", "updated", "last_modified", "created") if info.get(key)), None)
        changed = dt.datetime.fromtimestamp(moment, dt.UTC) if isinstance(moment, int | float) else moment
        relative = str(name).removeprefix(root.rstrip("/")).lstrip("/")
        yield Stored(folder / relative, int(info["size"] or 0), changed)


# A private file of a writer that was killed; ``atomic`` and ``create`` name them so.
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


def unfinished(roots: Iterable[UPath], before: dt.datetime) -> Iterator[Stored]:
    """Half files below local folders that killed writers left before ``before``; an object store has none."""
    seen: set[str] = set()
    for file in (file for root in roots if is_local(root) for file in files_under(root)):
        if UNFINISHED.fullmatch(file.path.name) and file.changed and file.changed < before and str(file.path) not in seen:
            seen.add(str(file.path))
            yield file


def remove_tree(folder: UPath) -> None:
    """Remove a folder with all that is in it; one that is not there is gone already."""
    try:
        folder.fs.rm(folder.path, recursive=True)
    except FileNotFoundError:
        return


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


@contextmanager
def _parquet(path: UPath) -> Iterator[pq.ParquetFile]:
    """The Parquet file at ``path``.

    Raises:
        Damaged: it is none; names it.
    """
    with path.open("rb") as stream:
        try:
            file = pq.ParquetFile(stream, pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise Damaged(f"{path} is damaged ({error}); restore it, or remove it and run its day again") from error
        yield file


def read_table(path: UPath, columns: list[str] | None = None, where: tuple[str, str | int] | None = None) -> pa.Table:
    """The rows of one Parquet file, or those whose column ``where[0]`` equals ``where[1]``.

    Read on the calling thread: a file is a bounded shard or a day, and a scanner's own threads may
    outlive a short process ("terminate called without an active exception").
    """
    with _parquet(path) as file:
        table = file.read(columns, use_threads=False)
    return table if where is None else table.filter(pc.equal(table[where[0]], where[1]))


def read_among(path: UPath, column: str, values: Collection[str], columns: list[str]) -> pa.Table:
    """The rows whose ``column`` has one of ``values``, of a file that is sorted by it: row groups that cannot hold any are not read."""
    least, greatest = min(values, default=""), max(values, default="")
    with _parquet(path) as file:
        place = file.schema_arrow.get_field_index(column)
        bounds = {group: file.metadata.row_group(group).column(place).statistics for group in range(file.num_row_groups)}
        near = [n for n, of in bounds.items() if of is None or not of.has_min_max or not (of.max < least or greatest < of.min)]
        table = file.read_row_groups(near, columns, use_threads=False)
    return table.filter(pc.is_in(table[column], pa.array(sorted(values), pa.string())))


def iter_tables(path: UPath, columns: list[str] | None = None, rows: int = ROW_GROUP_ROWS) -> Iterator[pa.Table]:
    """The file's rows in batches of at most ``rows``, in order."""
    with _parquet(path) as file:
        for batch in file.iter_batches(rows, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


def archive_of(path: UPath) -> tuple[UPath, str] | None:
    """The archive and the member's name that ``archive.zip!/member.pdf`` means; None for any other path."""
    head, separator, name = str(path).partition(archives.SEPARATOR)
    while separator:
        if (archive := UPath(head)).is_file():
            return archive, name
        more, separator, name = name.partition(archives.SEPARATOR)
        head = f"{head}{archives.SEPARATOR}{more}"
    return None


@contextmanager
def local_copy(path: UPath) -> Iterator[Path]:
    """A local file with ``path``'s bytes: the file itself, or a temporary copy of an object store's or of an archive's member.

    Raises:
        FileNotFoundError: an archive has no such member any more.
    """
    inside = archive_of(path) if archives.SEPARATOR in str(path) else None
    if inside is not None:
        with local_copy(inside[0]) as archive, scratch() as folder:
            archives.extract(archive, inside[1], folder / "document")
            yield folder / "document"
        return
    if is_local(path):
        yield Path(path.path)
        return
    with scratch() as folder:
        local = folder / "document"
        with path.open("rb") as source, local.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield local


def sha256_of(path: UPath) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed: BinaryIO lacks readinto


def copy(source: UPath, target: UPath) -> None:
    """Copy a file so that ``target`` is replaced whole."""
    with source.open("rb") as stream, atomic(target) as out:
        shutil.copyfileobj(stream, out, 1 << 20)


def count_rows(path: UPath) -> int:
    """The number of rows of a Parquet file, from its footer."""
    with _parquet(path) as file:
        return int(file.metadata.num_rows)
