"""Which files of a folder are documents that have arrived completely."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from upath import UPath

from octavo.storage.archives import SUFFIXES
from octavo.storage.fs import is_local

log = logging.getLogger(__name__)

# What uploaders call a file that is still growing.
TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp")
# What uploaders leave beside the documents to say that they are done, and what file managers leave anywhere.
MARKERS = (".done", ".ready", ".complete")
LEFT_BY_MACOS = {"__MACOSX"}
NOT_DOCUMENTS = {"_SUCCESS", "_DONE", "_READY", "_COMPLETE", "Thumbs.db", "desktop.ini"}


def find(folder: UPath, patterns: Iterable[str], settle_seconds: float, select: str | None = None) -> list[UPath]:
    """The settled files under ``folder`` that match one of ``patterns``, sorted by their path; names that are not UTF-8 last.

    Hidden, temporary and marker files are not documents. A symbolic link that leaves ``folder`` is not followed.

    Args:
        folder: where to look; one that does not exist holds nothing.
        patterns: globs relative to ``folder``, such as ``**/*``.
        settle_seconds: a file that changed less than this ago is left for the next run.
        select: a further glob, on the file's name; archives always pass, since it may be about their members.
    """
    if not folder.exists():
        return []
    found: dict[str, UPath] = {}
    for pattern in patterns:
        for path in folder.glob(pattern):
            found.setdefault(str(path), path)
    youngest = time.time() - settle_seconds
    # A name that no table can hold comes last: of equal files, one with a proper name stands for all.
    ordered = sorted(found.items(), key=lambda item: (printable(item[1]) != item[0], item[0]))
    return [path for _, path in ordered if _is_document(path, folder, select) and _is_settled(path, youngest)]


def printable(file: UPath) -> str:
    """A file's path as tables can hold it: bytes of its name that are not UTF-8 are written as ``\\xe9``."""
    return os.fsencode(str(file)).decode("utf-8", "backslashreplace")


def is_document_name(path: PurePosixPath) -> bool:
    """False for hidden, temporary and marker files, and what file managers leave, by a path within its folder or archive."""
    if path.name in NOT_DOCUMENTS or path.name.lower().endswith(TEMPORARY + MARKERS):
        return False
    # A name that starts with ``..`` only looks hidden: no system hides files that way.
    return not any(part in LEFT_BY_MACOS or (part.startswith(".") and not part.startswith("..")) for part in path.parts)


def _is_document(path: UPath, folder: UPath, select: str | None) -> bool:
    if not is_document_name(PurePosixPath(*path.parts[len(folder.parts):])):
        return False
    # What is chosen may be a member of an archive of any name.
    if select is not None and not (fnmatchcase(path.name, select) or path.name.lower().endswith(SUFFIXES)):
        return False
    if is_local(folder) and not Path(path.path).resolve().is_relative_to(Path(folder.path).resolve()):
        log.warning("%s is a link that leaves %s; it is not followed", path, folder)
        return False
    return bool(path.is_file())


def _is_settled(path: UPath, youngest: float) -> bool:
    """Whether the file has not changed since ``youngest``; a store without times only lists complete files."""
    changed = float(getattr(path.stat(), "st_mtime", 0) or 0)
    if changed > youngest:
        log.info("%s is still settling; the next run takes it", path)
        return False
    return True
