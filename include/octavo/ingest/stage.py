"""Ingest: a folder of files becomes a table of documents and a plan of shards.

A file that cannot be processed is a row with status ``quarantined`` and a reason; it never fails the run.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time
from collections.abc import Container, Mapping
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from upath import UPath

from octavo.ingest.discovery import find, is_document_name, printable
from octavo.ingest.inspection import UNKNOWN, Inspection, Inspector
from octavo.ingest.unpacking import Unpacker
from octavo.model.contracts import Contract
from octavo.model.entities import Outcome, Report
from octavo.model.errors import Quarantined, Reason
from octavo.model.printing import fit_to_print
from octavo.model.settings import Limits, Settings
from octavo.storage import archives, fs, schemas
from octavo.storage.lake import Forgotten
from octavo.storage.workspace import Workspace, cut_into_shards

log = logging.getLogger(__name__)

__all__ = ["run"]


def run(workspace: Workspace, contract: Contract, folder: UPath, settings: Settings, select: str | None = None) -> Report:
    """List the settled documents under ``folder`` into the workspace and cut them into shards.

    Args:
        workspace: where ``documents``, the pinned contract and the plan are written.
        contract: ``contract.files`` says which files are its documents.
        folder: the day's folder; one that does not exist is an empty day.
        settings: limits, and how long a file must have been left alone.
        select: a glob on file names; None takes all.

    Returns:
        counts ``files`` (considered; an archive counts as its members), ``documents``, ``pages``, ``quarantined`` and ``duplicates``
        (files whose bytes another one has), and ``forgotten``, if there are files that ``octavo forget`` erased.
    """
    started, since = time.monotonic(), dt.datetime.now(dt.UTC)
    forgotten = Forgotten(UPath(settings.lake)).documents()
    files = find(folder, contract.files, settings.settle_seconds, select)
    with Listing(workspace, settings.limits, forgotten, select) as listing:
        for file in files:
            listing.add(file)
    rows = listing.rows()
    fs.write_rows(workspace.documents, rows, schemas.DOCUMENTS)
    workspace.keep_flaws(listing.flaws)
    workspace.pin(contract, since)
    workspace.write_plan(cut_into_shards([(row["document"], row["pages"]) for row in rows], settings.shard_pages))
    counts = {
        "files": listing.files,
        "documents": len(rows),
        "pages": sum(row["pages"] for row in rows),
        "quarantined": sum(row["status"] == Outcome.QUARANTINED for row in rows),
        "duplicates": sum(len(row["copies"]) for row in rows),
    }
    if listing.left_out:
        log.info("%d files were erased by octavo forget and are not taken again", listing.left_out)
        counts["forgotten"] = listing.left_out
    return Report("ingest", counts, time.monotonic() - started)


class Listing:
    """The rows of a day's documents: one per distinct content, whether it lies in the folder or in an archive.

    Looks into files one by one; a context manager that ends its child processes.

    Args:
        workspace: members of archives are kept in it until the run is done.
        limits: what a document and an archive may cost.
        forgotten: ids of documents that are left out.
        select: a glob on the names of files and members; None takes all.
    """

    def __init__(self, workspace: Workspace, limits: Limits, forgotten: Container[str], select: str | None = None) -> None:
        self._workspace = workspace
        self._limits = limits
        self._unpacked = 0  # bytes of archives' members so far
        self._forgotten = forgotten
        self._select = select
        self._stack = ExitStack()
        self._inspector = self._stack.enter_context(Inspector(limits))
        self._unpacker = self._stack.enter_context(Unpacker(limits))
        self._rows: dict[str, dict[str, Any]] = {}
        self.flaws: dict[str, Mapping[str, str]] = {}
        self.files = 0
        self.left_out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def rows(self) -> list[dict[str, Any]]:
        """The documents, sorted by id."""
        return [self._rows[document] for document in sorted(self._rows)]

    def add(self, file: UPath) -> None:
        """Take a file, or the members of an archive. Files come in sorted order: the first of equal ones gives the uri."""
        uri = printable(file)
        chosen = self._select is None or fnmatchcase(file.name, self._select)
        try:
            size = int(file.stat().st_size)
            if chosen and size > (most := max(self._limits.document_bytes, self._limits.archive_bytes)):
                self._add_unseen(uri, Reason.DOCUMENT_TOO_LARGE, f"{size:,} bytes, over {most:,}; raise limits.document_bytes", size)
                return
            document = fs.sha256_of(file)
            if chosen and self._is_known(document, uri):
                return
            found = self._inspector.inspect(file)
        except FileNotFoundError:
            log.warning("%s went away while the folder was read; the next run takes it if it returns", fit_to_print(uri))
            return
        except PermissionError as error:
            self._add_unseen(uri, Reason.UNREADABLE_FILE, str(error))
            return
        if found.archive is not None:
            self._add_archive(file, document, found, chosen)
        elif chosen:
            self._take(document, uri, found)

    def _add_unseen(self, uri: str, reason: Reason, detail: str, size: int = 0) -> None:
        """What may not be opened, or is too large to be looked at, has no content to be known by, so its place is its id."""
        document = hashlib.sha256(f"{reason}{archives.SEPARATOR}{uri}".encode()).hexdigest()
        if not self._is_known(document, uri):
            self._take(document, uri, Inspection(UNKNOWN, size, 0, reason, detail))

    def _add_archive(self, file: UPath, document: str, found: Inspection, chosen: bool) -> None:
        try:
            left = self._limits.day_unpacked_bytes - self._unpacked
            if left <= 0:
                spent = f"the day's archives have {self._unpacked:,} bytes, unpacked; raise limits.day_unpacked_bytes"
                raise Quarantined(Reason.ARCHIVE_TOO_LARGE, spent)
            with self._unpacker.unpacked(file, str(found.archive), left) as (members, folder):
                self._unpacked += sum(member.size for member in members if member.number is not None)
                for number, member in enumerate(members):
                    name = PurePosixPath(member.name)
                    if is_document_name(name) and (chosen or fnmatchcase(name.name, str(self._select))):
                        uri = f"{printable(file)}{archives.SEPARATOR}{member.name}"
                        self._add_member(uri, f"{document}{archives.SEPARATOR}{number}/{member.name}", member, folder)
        except Quarantined as error:
            self._take(document, printable(file), Inspection(found.media_type, found.size, 0, error.reason, error.detail))

    def _add_member(self, uri: str, identity: str, member: archives.Member, folder: Path) -> None:
        """A member that was refused has no content to be known by, so its place in the archive is its id."""
        if member.sha256 is None:
            refused = Inspection(UNKNOWN, member.size, 0, member.reason, member.detail)
            self._take(hashlib.sha256(identity.encode()).hexdigest(), uri, refused)
            return
        if self._is_known(member.sha256, uri):
            return
        path = UPath(folder / str(member.number))
        found = self._inspector.inspect(path, name=member.name)
        if found.reason is None:
            fs.copy(path, self._workspace.member(member.sha256))
        self._take(member.sha256, uri, found)

    def _is_known(self, document: str, uri: str) -> bool:
        """Whether nothing has to be done for this content: it is forgotten, or another file's."""
        if document in self._forgotten:
            self.files += 1
            self.left_out += 1
        elif document in self._rows:
            self.files += 1
            self._rows[document]["copies"].append(uri)
        else:
            return False
        return True

    def _take(self, document: str, uri: str, found: Inspection) -> None:
        self.files += 1
        if found.reason is not None:
            log.warning("%s is quarantined: %s %s", fit_to_print(uri), found.reason, fit_to_print(found.detail))
        if found.flaws:
            flawed = ", ".join(f"page {page} {why}" for page, why in found.flaws.items())
            log.warning("%s can be read in part only: %s", fit_to_print(uri), flawed)
            self.flaws[document] = found.flaws
        self._rows[document] = {
            "document": document, "uri": uri, "copies": [], "media_type": found.media_type, "bytes": found.size, "pages": found.pages,
            "status": (Outcome.OK if found.reason is None else Outcome.QUARANTINED).value, "reason": found.reason,
        }
