"""ZIP and TAR archives as folders of documents: what one is, what is in it, and taking members out without trusting it.

A member's uri is ``{archive}!/{name}``. Nothing is ever written under a member's own name, links are not followed, members in
members are not opened, and what comes out is counted as it comes: sizes that an archive declares are not believed.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import posixpath
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from octavo.model.errors import Quarantined, Reason

SEPARATOR = "!/"
SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tzst", ".tar.zst")
ZIP, TAR, TAR_GZ, TAR_ZST = "application/zip", "application/x-tar", "application/x-tar+gzip", "application/x-tar+zstd"
HEAD_BYTES = 512        # a TAR's first header
PART_BYTES = 1 << 20
LONGEST_NAME = 1024     # characters; what file systems and object stores take
# Members that make a ZIP the file of a program (Office, OpenDocument, EPUB, Java) and no folder of documents.
PACKAGES = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, OSError, pa.ArrowException, ValueError)
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # with members, without
_LAST_SECOND = 1 << 32  # in 2106: what a 32-bit clock can say
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. ``number`` names it in the folder it was taken out to; None, with a ``reason``, if it was refused.

    ``changed`` is the day on which it last changed (ISO 8601), where the archive says it: in UTC in a TAR, by its maker's clock in a ZIP.
    """

    name: str
    size: int
    sha256: str | None
    number: int | None
    reason: str | None = None
    detail: str = ""
    changed: str | None = None


def may_be_archive(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is worth asking ``kind_of`` about."""
    return head.startswith((*_ZIP_MAGIC, b"\x1f\x8b", b"\x28\xb5\x2f\xfd")) or _is_tar(head)


def kind_of(path: Path) -> str | None:
    """Which archive the local file is, by its content; None for anything else, an Office document for example."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith(_ZIP_MAGIC):
        return ZIP if _is_folder(path) else None
    if _is_tar(head):
        return TAR
    for magic, kind in ((b"\x1f\x8b", TAR_GZ), (b"\x28\xb5\x2f\xfd", TAR_ZST)):
        if head.startswith(magic):
            try:
                with _tar_stream(path, kind) as stream:
                    return kind if _is_tar(stream.read(HEAD_BYTES)) else None
            except DAMAGED:
                return None
    return None


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _is_folder(path: Path) -> bool:
    """False for the ZIPs of programs. A damaged ZIP counts as a folder: opening it says what is wrong."""
    with path.open("rb") as stream:
        first = stream.read(4096)
    return not any(first[30:].startswith(name.encode()) for name in PACKAGES)


def take_out(path: Path, kind: str, folder: Path, most_members: int, most_bytes: int, largest: int) -> list[Member]:
    """Write each member to ``folder`` under its number; returns all members, those that were refused included.

    Args:
        path: a local archive.
        kind: as ``kind_of`` said.
        folder: an empty one.
        most_members: past so many members the archive is refused whole.
        most_bytes: past so many bytes of all members together, unpacked, too.
        largest: a member with more bytes is refused.

    Raises:
        Quarantined: archive_too_large, corrupt, or empty_file when it has no members.
    """
    found: list[Member] = []
    spent = 0
    try:
        for entry in _entries(path, kind, most_members):
            if len(found) == most_members:
                raise _too_many(most_members)
            if entry.problem is not None:
                found.append(Member(_shown(entry.name), entry.size, None, None, *entry.problem))
                continue
            target = folder / str(len(found))
            member, written = _take(entry, target, len(found), most_bytes - spent, largest)
            member = replace(member, changed=entry.changed)
            spent += written
            if spent > most_bytes:
                raise Quarantined(Reason.ARCHIVE_TOO_LARGE, f"more than {most_bytes:,} bytes unpacked; raise limits.archive_bytes")
            found.append(member)
    except DAMAGED as error:
        raise Quarantined(Reason.CORRUPT, f"the archive cannot be read to its end: {error}") from error
    if not found:
        raise Quarantined(Reason.EMPTY_FILE, "the archive has no members")
    return _without_ambiguous(found)


def extract(path: Path, name: str, target: Path) -> None:
    """Write the member called ``name`` to ``target``.

    Raises:
        FileNotFoundError: the archive has no such member, or is none.
    """
    kind = kind_of(path)
    try:
        for entry in _entries(path, kind, None) if kind else ():
            if entry.problem is None and entry.name == name:
                with entry.open() as source, target.open("wb") as out:
                    while part := source.read(PART_BYTES):
                        out.write(part)
                return
    except DAMAGED as error:
        raise FileNotFoundError(f"{path}: {error}") from error
    raise FileNotFoundError(f"{path} has no member {name!r}")


def _take(entry: _Entry, target: Path, number: int, room: int, largest: int) -> tuple[Member, int]:
    """The member with its digest, and the number of bytes that were unpacked; a damaged or too large one is refused."""
    digest, written = hashlib.sha256(), 0
    try:
        with entry.open() as source, target.open("wb") as out:
            while part := source.read(PART_BYTES):
                written += len(part)
                if written > min(room, largest):
                    break
                digest.update(part)
                out.write(part)
    except DAMAGED as error:
        if entry.in_stream:  # whatever comes after it in a TAR is lost too
            raise
        target.unlink(missing_ok=True)
        return Member(entry.name, entry.size, None, None, Reason.CORRUPT, str(error)), written
    if written > largest:
        target.unlink()
        detail = f"over {largest:,} bytes; raise limits.document_bytes"
        return Member(entry.name, written, None, None, Reason.DOCUMENT_TOO_LARGE, detail), written
    if kind_of(target) is not None:
        target.unlink()
        return Member(entry.name, written, None, None, Reason.NESTED_ARCHIVE, "an archive in an archive is not opened"), written
    return Member(entry.name, written, digest.hexdigest(), number), written


def _without_ambiguous(members: list[Member]) -> list[Member]:
    """Refuse members of one name and different contents: programs disagree about which of them is meant."""
    contents: dict[str, set[str | None]] = {}
    for member in members:
        contents.setdefault(member.name, set()).add(member.sha256)
    return [
        member if member.reason or len(contents[member.name]) == 1
        else Member(member.name, member.size, None, None, Reason.DUPLICATE_MEMBER, "another member has this name and other content")
        for member in members
    ]


@dataclass(frozen=True)
class _Entry:
    """A member before it is opened. ``problem``: the reason and detail why it is not."""

    name: str
    size: int
    problem: tuple[str, str] | None
    source: Any
    in_stream: bool = False
    changed: str | None = None

    def open(self) -> IO[bytes]:
        return cast("IO[bytes]", self.source())


def _entries(path: Path, kind: str, most_members: int | None) -> Iterator[_Entry]:
    """The archive's files in its order; folders are left out."""
    yield from _zip_entries(path, most_members) if kind == ZIP else _tar_entries(path, kind)


def _zip_entries(path: Path, most_members: int | None) -> Iterator[_Entry]:
    # Opening a ZIP makes an object of every entry of its directory, so they are counted first.
    if most_members is not None and _occurrences(path, b"PK\x01\x02", most_members) > most_members:
        raise _too_many(most_members)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                year, month, day = info.date_time[:3]
                # 1980 is where a ZIP's time begins: whoever has none writes that.
                changed = f"{year:04d}-{month:02d}-{day:02d}" if year > 1980 else None
                yield _Entry(
                    _tidy(info.filename), info.file_size, _zip_problem(info), lambda info=info: archive.open(info), changed=changed,
                )


def _zip_problem(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    mode = info.external_attr >> 16
    if info.flag_bits & 0x1:
        return Reason.PASSWORD_REQUIRED, "the member is encrypted"
    if mode and not (stat.S_ISREG(mode) or not stat.S_IFMT(mode)):
        return Reason.UNSAFE_MEMBER, "a link or a device"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Reason.UNSUPPORTED_TYPE, f"ZIP compression method {info.compress_type}; use deflate"
    return _name_problem(info.filename)


def _tar_entries(path: Path, kind: str) -> Iterator[_Entry]:
    with _tar_stream(path, kind) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            # A stream is not gone back to, and the list would grow with the archive.
            archive.members = []  # type: ignore[attr-defined]
            if info.isdir():
                continue
            linked = None if info.isfile() else (Reason.UNSAFE_MEMBER, "a link or a device")
            problem = linked or _name_problem(info.name)
            changed = dt.datetime.fromtimestamp(info.mtime, dt.UTC).date().isoformat() if 0 < info.mtime < _LAST_SECOND else None
            yield _Entry(
                _tidy(info.name), info.size, problem, lambda info=info: archive.extractfile(info), in_stream=True, changed=changed,
            )


@contextmanager
def _tar_stream(path: Path, kind: str) -> Iterator[IO[bytes]]:
    """The TAR's own bytes, unpacked as they are read."""
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        if kind == TAR_GZ:
            yield cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=raw)))
        elif kind == TAR_ZST:
            yield cast("IO[bytes]", stack.enter_context(pa.CompressedInputStream(raw, "zstd")))
        else:
            yield raw


def _name_problem(name: str) -> tuple[str, str] | None:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in parts:
        return Reason.UNSAFE_MEMBER, "its name leads out of the archive"
    if len(name) > LONGEST_NAME or not name.isprintable():
        return Reason.UNSAFE_MEMBER, "its name is too long or has characters that cannot be printed"
    return None


def _tidy(name: str) -> str:
    """``./a//b.pdf`` is ``a/b.pdf``; a name that will be refused stays as it is."""
    return name if _name_problem(name) else posixpath.normpath(name)


def _shown(name: str) -> str:
    """The name of a member that was refused, fit to be printed."""
    name = name[:LONGEST_NAME]
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def _occurrences(path: Path, mark: bytes, enough: int) -> int:
    """How often ``mark`` stands in the file; stops counting past ``enough``."""
    count, tail = 0, b""
    with path.open("rb") as stream:
        while count <= enough and (part := stream.read(PART_BYTES)):
            part = tail + part
            count += part.count(mark)
            tail = part[-len(mark) + 1:]
    return count


def _too_many(most: int) -> Quarantined:
    return Quarantined(Reason.ARCHIVE_TOO_LARGE, f"more than {most:,} members; raise limits.archive_members")
