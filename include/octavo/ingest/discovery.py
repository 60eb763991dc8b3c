"""Which files of a folder are documents that have arrived completely."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from upath import UPath

from octavo.model.entities import Partition
from octavo.model.errors import SettingsError
from octavo.model.printing import fit_to_print
from octavo.model.settings import Settings
from octavo.storage.archives import SUFFIXES
from octavo.storage.fs import is_local

log = logging.getLogger(__name__)

# What uploaders call a file that is still growing.
TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp")
# What uploaders leave beside the documents to say that they are done, and what file managers leave anywhere.
MARKERS = (".done", ".ready", ".complete")
LEFT_BY_MACOS = {"__MACOSX"}
NOT_DOCUMENTS = {"_SUCCESS", "_DONE", "_READY", "_COMPLETE", "Thumbs.db", "desktop.ini", "lost+found"}


def day_folder(settings: Settings, partition: Partition) -> UPath:
    """Where the documents of a contract's day arrive.

    Raises:
        SettingsError: a link leads out of the landing folder, and ``landing_links`` does not allow that: whoever may write there could have
            any folder of the machine published.
    """
    landing = UPath(settings.landing)
    folder = landing / partition.contract / f"{partition.day:%Y/%m/%d}"
    if is_local(folder) and not settings.landing_links and not _is_inside(folder, landing):
        raise SettingsError(
            f"{folder} leads to {Path(folder.path).resolve()}, out of {landing}; set OCTAVO_LANDING_LINKS=true if that is meant to be")
    return folder


def _is_inside(path: UPath, folder: UPath) -> bool:
    """Whether a local path, all links followed, lies in a local folder."""
    return Path(path.path).resolve().is_relative_to(Path(folder.path).resolve())


def find(folder: UPath, patterns: Iterable[str], settle_seconds: float, select: str | None = None) -> list[UPath]:
    """The settled files under ``folder`` that match one of ``patterns``, sorted by their path; names that are not UTF-8 last.

    Hidden, temporary and marker files are not documents. A symbolic link that leaves ``folder`` is not followed.
    Folders that the process may not list come too, since they may hold files: opening them raises ``PermissionError``.

    Args:
        folder: where to look; one that does not exist holds nothing.
        patterns: globs relative to ``folder``, such as ``**/*``.
        settle_seconds: a file that changed less than this ago is left for the next run.
        select: a further glob, on the file's name; archives always pass, since it may be about their members.
    """
    if not folder.exists():
        return []
    found: dict[str, UPath] = {}
    closed: set[str] = set()
    for pattern in patterns:
        for path in _closed_folders(folder, pattern):
            found[str(path)] = path
            closed.add(str(path))
        for path in folder.glob(pattern):
            found.setdefault(str(path), path)
    youngest = time.time() - settle_seconds
    # A name that no table can hold comes last: of equal files, one with a proper name stands for all.
    ordered = sorted(found.items(), key=lambda item: (printable(item[1]) != item[0], item[0]))
    return [
        path for name, path in ordered
        if _may_be_document(path, folder) and (name in closed or _has_arrived(path, select, youngest))
    ]


def printable(file: UPath) -> str:
    """A file's path as tables can hold it: bytes of its name that are not UTF-8 are written as ``\\xe9``."""
    return os.fsencode(str(file)).decode("utf-8", "backslashreplace")


def is_document_name(path: PurePosixPath) -> bool:
    """False for hidden, temporary and marker files, and what file managers leave, by a path within its folder or archive."""
    if path.name in NOT_DOCUMENTS or path.name.lower().endswith(TEMPORARY + MARKERS):
        return False
    # A name that starts with ``..`` only looks hidden: no system hides files that way.
    return not any(part in LEFT_BY_MACOS or (part.startswith(".") and not part.startswith("..")) for part in path.parts)


def _closed_folders(folder: UPath, pattern: str) -> Iterator[UPath]:
    """The folders on a disk that ``pattern`` looks into and that the process may not list: globs pass over them in silence."""
    if is_local(folder):
        parent = pattern.rpartition("/")[0]
        for path in folder.glob(parent) if parent else [folder]:
            if not os.access(path.path, os.R_OK, effective_ids=os.access in os.supports_effective_ids) and Path(path.path).is_dir():
                yield path


def _may_be_document(path: UPath, folder: UPath) -> bool:
    if not is_document_name(PurePosixPath(*path.parts[len(folder.parts):])):
        return False
    if is_local(folder) and not _is_inside(path, folder):
        log.warning("%s is a link that leaves %s; it is not followed", fit_to_print(str(path)), folder)
        return False
    return True


def _has_arrived(path: UPath, select: str | None, youngest: float) -> bool:
    """Whether this is a chosen file that has not changed since ``youngest``; a store without times only lists complete files."""
    # What is chosen may be a member of an archive of any name.
    if select is not None and not (fnmatchcase(path.name, select) or path.name.lower().endswith(SUFFIXES)):
        return False
    try:
        if not path.is_file():
            return False
        changed = float(getattr(path.stat(), "st_mtime", 0) or 0)
    except FileNotFoundError:
        log.warning("%s went away while the folder was read; the next run takes it if it returns", fit_to_print(str(path)))
        return False
    except PermissionError:  # whoever opens it will say so
        return True
    if changed > youngest:
        log.info("%s is still settling; the next run takes it", fit_to_print(str(path)))
        return False
    return True
