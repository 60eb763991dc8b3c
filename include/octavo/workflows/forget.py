"""Erasing one document everywhere: tables, ledger, reports, workspaces, words, answers, corrections and, if asked, the file itself.

A note of its sha256 stays (``octavo.storage.lake``), so that a file that is still in the landing folder is not taken again.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.reading.store import document_folder
from octavo.storage import fs, scratch
from octavo.storage.answer_store import AnswerStore, Choice
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Forgotten, Lake

UNFINISHED_AGE = dt.timedelta(hours=1)  # a single file is written in seconds
LEAST_CHARACTERS = 6    # of a sha256 that stand for a document
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"contract=([^/]+)/day=(\d{4}-\d{2}-\d{2})/part\.parquet$")


@dataclass
class Erased:
    """What was erased of ``document``. ``rows`` counts rows by ``table contract day``; ``left`` names files that still hold it, or may.

    ``unfinished``: half files of killed writers, of which nobody knows what they hold.
    """

    document: str
    rows: dict[str, int] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    workspaces: list[str] = field(default_factory=list)
    reading_files: int = 0
    answers: int = 0
    corrections: int = 0
    unfinished: int = 0
    landing_files: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def find(wanted: str, settings: Settings) -> tuple[str, set[str]]:
    """The document that ``wanted`` names, and every place where it was found.

    Args:
        wanted: the start of its sha256 (6 characters or more; all 64 need not be known anywhere), or the end of its path: whole names.

    Raises:
        SettingsError: there is none, or more than one.
    """
    found: dict[str, set[str]] = {}
    for document, uri in _known(settings):
        if (len(wanted) >= LEAST_CHARACTERS and document.startswith(wanted)) or f"/{uri}".endswith(f"/{wanted}"):
            found.setdefault(document, set()).add(uri)
    if not found and _SHA256.fullmatch(wanted):
        return wanted, set()
    if not found:
        raise SettingsError(
            f"no document {wanted!r} in {settings.lake}; give its file's name, or {LEAST_CHARACTERS} or more characters of its sha256 "
            "(all 64 for one that never came through)"
        )
    if len(found) > 1:
        listed = "; ".join(f"{document[:12]} {sorted(uris)[0]}" for document, uris in sorted(found.items())[:5])
        raise SettingsError(f"{wanted!r} names {len(found)} documents: {listed}; give more of the path, or the sha256")
    document = next(iter(found))
    return document, {uri for known, uri in _known(settings) if known == document}


def _known(settings: Settings) -> Iterator[tuple[str, str]]:
    """(document, uri) of everything that tables, ledger and workspaces name; a copy has a pair of its own."""
    lake = UPath(settings.lake)
    for path in [*lake.glob("documents/contract=*/day=*/part.parquet"), *settings.workspaces.glob("*/*/*/documents.parquet")]:
        for table in fs.iter_tables(path, ["document", "uri", "copies"]):
            for row in table.to_pylist():
                yield from ((row["document"], uri) for uri in (row["uri"], *row["copies"]))
    for path in lake.glob("ledger/contract=*/day=*/part.parquet"):
        for table in fs.iter_tables(path, ["document", "uri", "level"]):
            rows = table.filter(pc.equal(table["level"], "document"))
            yield from zip(rows["document"].to_pylist(), rows["uri"].to_pylist(), strict=True)


def erase(document: str, uris: set[str], settings: Settings, landing: bool = False) -> Erased:
    """Erase a document everywhere; calling it again finishes what was interrupted.

    The note that keeps it out comes first, so a run that has not listed its documents yet leaves it out, and one that has cannot publish.

    Args:
        document: its sha256.
        uris: where it lies.
        landing: remove these files too, those that still have this content.

    Raises:
        StoreUnavailable: one of its days is being published all the time; nothing is lost, call it again.
    """
    lake, erased = Lake(UPath(settings.lake)), Erased(document)
    Forgotten(lake.root).add(document)
    for partition in sorted(_days(lake), key=lambda day: day.path):
        with lake.lock(partition, f"octavo forget {document[:12]}"):
            _erase_day(lake, partition, erased)
    for workspace in settings.workspaces.glob("*/*/*"):
        if _mentions(workspace, document):
            fs.remove_tree(workspace)
            erased.workspaces.append(str(workspace))
    folder = document_folder(settings.reading_store, document)
    erased.reading_files = sum(1 for _ in fs.files_under(folder))
    fs.remove_tree(folder)
    erased.answers = AnswerStore(settings.answer_store).prune(Choice(document=document))
    erased.corrections = CorrectionStore(settings.correction_store).remove(document)
    scratch.sweep()
    now = dt.datetime.now(dt.UTC)
    for half in fs.unfinished((lake.root, settings.state_root), now):
        if half.changed and half.changed < now - UNFINISHED_AGE:
            half.path.unlink(missing_ok=True)
            erased.unfinished += 1
        else:
            erased.left.append(f"{half.path} (is being written, or was by a process that was killed; forget again in an hour)")
    for uri in sorted(uris):
        _landing_file(UPath(uri), uri, erased, landing)
    return erased


def _days(lake: Lake) -> set[Partition]:
    """Every day that any table has."""
    found = set()
    for path in lake.root.glob("*/contract=*/day=*/part.parquet"):
        if match := _DAY.search(path.as_posix()):
            found.add(Partition(match[1], dt.date.fromisoformat(match[2])))
    return found


def _erase_day(lake: Lake, partition: Partition, erased: Erased) -> None:
    """Rewrite the day's tables without the document, name their new digests, and drop the reports, which quote values."""
    manifest = lake.published(partition)
    touched = False
    for path in sorted(lake.root.glob(f"*/{partition.path}/part.parquet")):
        name = path.parent.parent.parent.name
        if not _holds(path, erased.document):
            continue
        touched = True
        with path.open("rb") as stream:
            schema = _as_written(pq.read_schema(stream))
        before = fs.count_rows(path)
        kept = fs.write_table(path, _without(path, erased.document), schema)
        erased.rows[f"{name} {partition.contract} {partition.day}"] = before - kept
        if manifest and name in manifest["tables"]:
            manifest["tables"][name] = {"rows": kept, "sha256": fs.sha256_of(path)}
    if not touched:
        return
    if manifest:
        manifest.get("held", {}).pop(erased.document, None)
        fs.write_json(lake.manifest(partition), manifest)
    reports = lake.reports(partition)
    if reports.exists():
        fs.remove_tree(reports)
        erased.reports.append(str(reports))


def _as_written(schema: pa.Schema) -> pa.Schema:
    """The schema that the file was written with: Parquet calls the items of lists otherwise than Arrow."""

    def kind(found: pa.DataType) -> pa.DataType:
        if pa.types.is_list(found):
            return pa.list_(kind(found.value_type))
        if pa.types.is_struct(found):
            return pa.struct([(part.name, kind(part.type)) for part in found])
        return found

    return pa.schema([(column.name, kind(column.type)) for column in schema])


def _without(path: UPath, document: str) -> Iterator[pa.Table]:
    for table in fs.iter_tables(path):
        yield table.filter(pc.fill_null(pc.not_equal(table["document"], document), True))


def _holds(path: UPath, document: str) -> bool:
    return any(pc.any(pc.equal(table["document"], document)).as_py() for table in fs.iter_tables(path, ["document"]))


def _mentions(workspace: UPath, document: str) -> bool:
    """Whether any file of a workspace is of the document: a run that was killed, or began anew, has more than its list says."""
    for file in fs.files_under(workspace):
        if document in file.path.name:
            return True
        if file.path.suffix == ".json" and document.encode() in file.path.read_bytes():
            return True
        if file.path.suffix == ".parquet" and not file.path.name.startswith("."):
            with file.path.open("rb") as stream:
                names = pq.read_schema(stream).names
            if "document" in names and _holds(file.path, document):
                return True
    return False


def _landing_file(path: UPath, uri: str, erased: Erased, landing: bool) -> None:
    """Remove the file if it was asked for and still has the document's content; otherwise say that it is there."""
    if fs.archive_of(path) is not None:
        erased.left.append(f"{uri} (in an archive, which is not written to)")
        return
    try:
        if not path.exists() or fs.sha256_of(path) != erased.document:
            return
    except PermissionError:
        erased.left.append(f"{uri} (it may not be opened, so its content is not known)")
        return
    except IsADirectoryError:  # it could not be listed, which made it a document
        return
    if landing:
        path.unlink()
        erased.landing_files.append(uri)
    else:
        erased.left.append(uri)
