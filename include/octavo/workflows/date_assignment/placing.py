"""Putting documents where the runs of their days find them, as a manifest says: never over another file, again as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from upath import UPath

from octavo.ingest.unpacking import Unpacker
from octavo.model.errors import Quarantined
from octavo.model.settings import Settings
from octavo.storage import archives, fs
from octavo.workflows.date_assignment.manifest import COPY, ManifestRow

# Digits of its sha256 that a file gets into its name where another file has that name.
_DIGITS = 8


class State(StrEnum):
    """What became of a row."""

    PUT = "put"
    RENAMED = "put under another name"    # another file has the name
    THERE = "there already"
    COPY = "copy"                         # of another row's file
    UNDECIDED = "undecided"               # without a day
    CHANGED = "changed"                   # not what was reviewed any more
    GONE = "gone"
    REFUSED = "refused"                   # by its archive, or a file of another content has both names

    @property
    def failed(self) -> bool:
        return self in (State.CHANGED, State.GONE, State.REFUSED)


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a row, and where its file lies now; ``detail`` says why it could not be put."""

    row: ManifestRow
    state: State
    target: UPath | None = None
    detail: str = ""


def place(
    rows: Sequence[ManifestRow], settings: Settings, *, move: bool = False, progress: Callable[[int], None] | None = None,
) -> Iterator[Placed]:
    """Put each file with a day into ``{landing}/{contract}/{yyyy}/{mm}/{dd}/{name}``.

    What lies there already is left as it is, so a call that was interrupted is simply made again. A file of another content under
    the same name stays, and ours gets the beginning of its sha256 into its name.

    Args:
        rows: of a manifest; each archive is opened once, whatever their order.
        settings: where landing is; the limits of archives.
        move: remove a file once it is put. Archives stay.
        progress: called with the number of rows that are done.
    """
    for done, placed in enumerate(_all(rows, settings, move), 1):
        if progress is not None:
            progress(done)
        yield placed


def _all(rows: Sequence[ManifestRow], settings: Settings, move: bool) -> Iterator[Placed]:
    landing = UPath(settings.landing)
    wanted = []
    for row in rows:
        if row.day is None:
            yield Placed(row, State.COPY if row.by == COPY else State.UNDECIDED, detail=row.why)
        else:
            wanted.append((fs.archive_of(UPath(row.file)) if archives.SEPARATOR in row.file else None, row))
    with Unpacker(settings.limits) as unpacker:
        for archive, group in groupby(sorted(wanted, key=_archive), key=_archive):
            if archive:
                yield from _members(unpacker, UPath(archive), [(inside[1], row) for inside, row in group if inside], landing)
            else:
                for _, row in group:
                    yield _file(row, landing, move)


def _archive(item: tuple[tuple[UPath, str] | None, ManifestRow]) -> str:
    return str(item[0][0]) if item[0] else ""


def _file(row: ManifestRow, landing: UPath, move: bool) -> Placed:
    source = UPath(row.file)
    if not move and (target := _there(row, landing)):
        return Placed(row, State.THERE, target)
    try:
        with fs.local_copy(source) as path:
            placed = _put(row, path, landing)
    except FileNotFoundError:
        target = _there(row, landing)
        return Placed(row, State.THERE, target) if target else Placed(row, State.GONE, detail="there is no such file any more")
    if move and placed.target is not None and not _same_file(source, placed.target):
        source.unlink()
    return placed


def _members(unpacker: Unpacker, archive: UPath, wanted: Iterable[tuple[str, ManifestRow]], landing: UPath) -> Iterator[Placed]:
    """The rows of one archive, which is not opened if all of them are there."""
    missing = []
    for name, row in wanted:
        if target := _there(row, landing):
            yield Placed(row, State.THERE, target)
        else:
            missing.append((name, row))
    if not missing:
        return
    with ExitStack() as stack:
        try:
            members, folder = stack.enter_context(unpacker.opened(archive))
        except Quarantined as error:
            yield from (Placed(row, State.REFUSED, detail=str(error)) for _, row in missing)
            return
        by_name = {member.name: member for member in members}
        for name, row in missing:
            member = by_name.get(name)
            if member is None:
                yield Placed(row, State.GONE, detail=f"{archive} has no such member any more")
            elif member.number is None:
                yield Placed(row, State.REFUSED, detail=f"{member.reason}: {member.detail}")
            else:
                yield _put(row, folder / str(member.number), landing)


def _put(row: ManifestRow, source: Path, landing: UPath) -> Placed:
    digest = fs.sha256_of(UPath(source))
    if row.sha256 and digest != row.sha256:
        return Placed(row, State.CHANGED, detail="its content is not what the manifest was made of; propose its day anew")
    for target, state in zip(_targets(row, landing, digest), (State.PUT, State.RENAMED), strict=True):
        if _holds(target, digest):
            return Placed(row, State.THERE, target)
        if not target.exists() and fs.create(target, source):
            return Placed(row, state, target)
    return Placed(row, State.REFUSED, detail=f"{target} has another content; give the row another name")


def _targets(row: ManifestRow, landing: UPath, digest: str) -> tuple[UPath, UPath]:
    """Where the file goes, and where it goes if another file has that name."""
    target = landing / row.contract / f"{row.day:%Y/%m/%d}" / row.name
    return target, target.with_name(f"{target.stem}-{digest[:_DIGITS]}{target.suffix}")


def _there(row: ManifestRow, landing: UPath) -> UPath | None:
    """Where a file with the row's content lies already, without a look at its source."""
    if not row.sha256:
        return None
    return next((target for target in _targets(row, landing, row.sha256) if _holds(target, row.sha256, row.bytes or None)), None)


def _holds(target: UPath, digest: str, size: int | None = None) -> bool:
    try:
        return size in (None, target.stat().st_size) and fs.sha256_of(target) == digest
    except FileNotFoundError:
        return False


def _same_file(one: UPath, other: UPath) -> bool:
    """Whether two paths are one file, by whatever links they lead to it."""
    if fs.is_local(one) and fs.is_local(other):
        return Path(one.path).samefile(other.path)
    return str(one) == str(other)
