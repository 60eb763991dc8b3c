"""Proposing the days of files: by what their paths say, by the date that stands on the document, by when the file last changed."""

from __future__ import annotations

import datetime as dt
import glob
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any

from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.ingest import stage as ingest
from octavo.ingest.unpacking import Unpacker
from octavo.merging import stage as merging
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Outcome, Partition, Progress, Verdict
from octavo.model.errors import Reason, SettingsError
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage import archives, fs
from octavo.storage.corrections import CorrectionStore
from octavo.storage.scratch import scratch
from octavo.storage.workspace import Workspace, cut_into_shards
from octavo.workflows.date_assignment.manifest import COPY, ManifestRow
from octavo.workflows.date_assignment.patterns import DEFAULT, PathPattern, days_in

MOST_LOSERS = 3  # other dates of a document that a row tells
# Files that cannot be placed, whatever tells their day, and what to do about it.
_REMEDIES: dict[str | None, str] = {
    Reason.NAME_NOT_UTF8: "its name is not UTF-8: rename the file",
    Reason.UNREADABLE_FILE: "it may not be opened: let the process read it",
}
_NO_DAY = dt.date(1970, 1, 1)  # of the workspace in which the documents are read: they have none yet


class Method(StrEnum):
    """How a day is found."""

    PATH = "path"     # it stands in the file's path
    DATE = "date"     # a date field of the contract, read from the document
    MTIME = "mtime"   # when the file last changed


@dataclass(frozen=True, slots=True)
class FoundDay:
    """A day that one method found; ``day`` is None where it found why there is none."""

    day: dt.date | None
    why: str
    conflicts: tuple[str, ...] = ()


@dataclass
class _File:
    """A document on its way to a row. ``names`` are the paths of all files with its content, below the folder that is indexed."""

    row: dict[str, Any]
    names: dict[str, str]
    found: dict[Method, FoundDay] = field(default_factory=dict)

    @property
    def main(self) -> str:
        return str(self.row["uri"])

    def decided(self, by: Sequence[Method]) -> Method | None:
        return next((method for method in by if method in self.found and self.found[method].day), None)


def propose(
    contract: Contract, folder: UPath, settings: Settings, *, by: Sequence[Method], patterns: Sequence[str] = (),
    date_field: str | None = None, check: bool = False, progress: Progress | None = None,
) -> list[ManifestRow]:
    """Propose a day for each document in ``folder``, archives opened. Nothing is put anywhere.

    Documents are read by extractor ``layout`` only where ``date`` is asked about them; their words go to the reading store, so
    that the run of their day does not read them again.

    Args:
        folder: the files, at any depth; or one archive.
        by: the methods in order: the first one that finds a day wins.
        patterns: how days are written in paths, the first that fits wins; empty takes ``patterns.DEFAULT``.
        date_field: the contract's field that ``date`` takes; None is its first date.
        check: read documents whose day is found already too, to see whether they agree.
        progress: called with (stage, pages done, pages in all, "pages").

    Returns:
        One row per file, sorted by path: undecided ones and copies too.

    Raises:
        SettingsError: a pattern or the field is none.
    """
    named = _date_field(contract, date_field) if Method.DATE in by else ""
    readers = [PathPattern(text, contract.locale) for text in patterns or DEFAULT]
    with scratch() as state:
        space = Workspace.open(UPath(state), Partition(contract.name, _NO_DAY), "index")
        files = list(_files(space, contract, folder, settings))
        if Method.PATH in by:
            for file in files:
                _by_path(file, readers)
        if Method.MTIME in by:
            changed = _Changed(folder, settings)
            for file in files:
                if day := changed.of(file.main):
                    file.found[Method.MTIME] = FoundDay(day, f"last changed {day}")
        if Method.DATE in by:
            wanted = [file for file in files if file.row["pages"] and (check or file.decided(by[: by.index(Method.DATE)]) is None)]
            dates = _Dates(space, contract, settings, named, progress or (lambda stage, done, total, unit: None))
            read = dict(dates.of(wanted))
            for file in wanted:
                file.found[Method.DATE] = read.get(file.row["document"], FoundDay(None, f"{named} was not found on it"))
    return sorted((row for file in files for row in _rows(file, contract.name, by)), key=lambda row: row.file)


def _date_field(contract: Contract, wanted: str | None) -> str:
    fields = [path for path, spec in contract.leaves() if spec.type is Kind.DATE and "[]" not in path]
    if wanted is None and fields:
        return fields[0]
    if wanted not in fields:
        has = f"its dates are {', '.join(fields)}" if fields else "it has no date outside of lists; leave `date` out of --by"
        raise SettingsError(f"contract {contract.name} has no date {wanted or 'field'}: {has}")
    return str(wanted)


def _files(space: Workspace, contract: Contract, folder: UPath, settings: Settings) -> Iterator[_File]:
    """Every document of the folder, as ingest sees them."""
    root = folder
    if folder.is_file():
        root, contract = folder.parent, contract.model_copy(update={"files": (glob.escape(folder.name),)})
    ingest.run(space, contract, root, settings)
    for row in fs.read_table(space.documents).to_pylist():
        uris = [row["uri"], *row["copies"]]
        yield _File(row, {uri: _below(uri, folder) for uri in uris})


def _below(uri: str, folder: UPath) -> str:
    """A file's path below the folder, or below the archive that is indexed; an archive in the folder is a folder without the suffix."""
    name = uri.removeprefix(str(folder)).removeprefix(archives.SEPARATOR).lstrip("/") or PurePosixPath(uri).name
    outer, separator, member = name.partition(archives.SEPARATOR)
    if not separator:
        return name
    suffix = next((suffix for suffix in sorted(archives.SUFFIXES, key=len, reverse=True) if outer.lower().endswith(suffix)), "")
    return f"{outer.removesuffix(outer[len(outer) - len(suffix):]) if suffix else outer}/{member}"


def _by_path(file: _File, patterns: Sequence[PathPattern]) -> None:
    """The day that stands in the document's path; where it has none and a copy's path has one, the copy is the one that is put."""
    days = {uri: days_in(name, patterns) for uri, name in file.names.items()}
    main = next((uri for uri in file.names if days[uri]), None)
    if main is None:
        return
    file.row["uri"] = main
    [best, *others] = days[main]
    conflicts = [f"its path also has “{other.text}”" for other in others if other.day != best.day]
    conflicts += [f"its copy {file.names[uri]} says {found[0].day}" for uri, found in days.items() if found and found[0].day != best.day]
    file.found[Method.PATH] = FoundDay(best.day, f"“{best.text}” in its path", tuple(conflicts))


class _Changed:
    """When files last changed: one listing for those in the folder, and one look into each archive."""

    def __init__(self, folder: UPath, settings: Settings) -> None:
        self._folder, self._settings = folder, settings
        self._members: dict[str, dict[str, str | None]] = {}

    @cached_property
    def _listed(self) -> dict[str, dt.date]:
        files = fs.files_under(self._folder)
        return {str(file.path).rstrip("/"): file.changed.astimezone(dt.UTC).date() for file in files if file.changed}

    def of(self, uri: str) -> dt.date | None:
        inside = fs.archive_of(UPath(uri)) if archives.SEPARATOR in uri else None
        if inside is None:
            return self._listed.get(uri)
        archive, name = inside
        if str(archive) not in self._members:
            with Unpacker(self._settings.limits) as unpacker, unpacker.opened(archive) as (members, _):
                self._members[str(archive)] = {member.name: member.changed for member in members}
        changed = self._members[str(archive)].get(name)
        return dt.date.fromisoformat(changed) if changed else None


class _Dates:
    """The date on documents: they are read, cut, extracted by labels and places, and merged, as a run would."""

    def __init__(self, space: Workspace, contract: Contract, settings: Settings, name: str, progress: Progress) -> None:
        self._contract, self._settings, self._field, self._tell = contract, settings, name, progress
        self._space = Workspace(space.root, space.partition, space.run)  # the other one has seen the plan of all documents

    def of(self, files: Collection[_File]) -> Iterator[tuple[str, FoundDay]]:
        space = self._space
        contract = self._contract.model_copy(update={"record_per": "document"})  # a document lies in one day, with all of its records
        pages = sorted((file.row["document"], file.row["pages"]) for file in files)
        space.write_plan(cut_into_shards(pages, self._settings.shard_pages))
        sizes = {shard: sum(span.pages for span in spans) for shard, spans in space.plan.page_shards.items()}
        total, before = sum(sizes.values()), 0
        for shard, size in sizes.items():
            reading.run(space, shard, self._settings, partial(self._read, before, total))
            before += size
            chunking.run(space, shard, contract.chunking)
            rules.run(space, shard, contract)
        corrections = CorrectionStore(self._settings.correction_store)
        for shard in space.plan.document_shards:
            merging.run(space, shard, contract, (rules.EXTRACTOR,), corrections)
            for row in fs.read_table(space.shard("fields", shard), where=("field", self._field)).to_pylist():
                if row["matched"] and row["value"]:
                    yield row["document"], self._found(row)

    def _read(self, before: int, total: int, done: int) -> None:
        self._tell("read", before + done, total, "pages")

    def _found(self, row: dict[str, Any]) -> FoundDay:
        page = f" on page {row['page']}" if row["page"] else ""
        why = f"{self._field} “{row['value']}”{page}, {row['verdict']}: {row['reason']}"
        if row["date"] is None:
            return FoundDay(None, f"{why}; it is no day")
        conflicts = [] if row["verdict"] == Verdict.ACCEPTED else [f"{row['verdict']}: {row['reason']}"]
        losers = [loser for loser in row["losers"] or () if loser["value"] != row["value"]]
        conflicts += [f"it also says “{loser['value']}” ({loser['reason']})" for loser in losers[:MOST_LOSERS]]
        return FoundDay(row["date"], why, tuple(conflicts))


def _rows(file: _File, contract: str, by: Sequence[Method]) -> Iterator[ManifestRow]:
    """The row of a document, and one for each copy of it, which needs no day: it is the same document."""
    row, method = file.row, file.decided(by)
    day = file.found[method].day if method else None
    whys = [file.found[method].why] if method else [found.why for found in file.found.values()] or ["nothing tells its day"]
    if row["reason"] in _REMEDIES:
        day, method, whys = None, None, [_REMEDIES[row["reason"]]]
    conflicts = list(_conflicts(file, by, method, day))
    for uri, name in file.names.items():
        same = {"contract": contract, "bytes": row["bytes"], "sha256": row["document"], "file": uri, "name": _undated(name)}
        if uri == file.main:
            yield ManifestRow(day=day, by=method or "", why="; ".join(whys), conflicts="; ".join(conflicts), **same)
        else:
            yield ManifestRow(day=None, by=COPY, why=f"the same content as {file.names[file.main]}", conflicts="", **same)


def _conflicts(file: _File, by: Sequence[Method], method: Method | None, day: dt.date | None) -> Iterator[str]:
    """What speaks against the proposed day. When a file changed says nothing against what its path or its content says."""
    if file.row["status"] == Outcome.QUARANTINED:
        yield f"it cannot be read: {file.row['reason']}"
    if method is None or day is None:
        return
    yield from file.found[method].conflicts
    for other in by:
        if other not in (method, Method.MTIME) and other in file.found and file.found[other].day not in (None, day):
            yield f"by {other} {file.found[other].day}: {file.found[other].why}"
    if day > dt.datetime.now(dt.UTC).date():
        yield "the day has not come yet"


def _undated(name: str) -> str:
    """A path without the yyyy/mm/dd that it may begin with: that is where a day's folder begins."""
    parts = PurePosixPath(name).parts
    dated = len(parts) > 3 and all(part.isdigit() and len(part) == size for part, size in zip(parts, (4, 2, 2), strict=False))
    return "/".join(parts[3:] if dated else parts)
