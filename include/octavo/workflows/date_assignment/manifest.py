"""The manifest: a CSV file with one line per file, that people open in a spreadsheet, change and hand back."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import PurePosixPath

from upath import UPath

from octavo.ingest.discovery import is_document_name
from octavo.model.contracts import NAME
from octavo.model.errors import SettingsError
from octavo.storage import fs

COPY = "copy"
# Spreadsheets take a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@")
# With this mark they know that the file is UTF-8.
_ENCODING = "utf-8-sig"


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One file.

    ``day`` is None for a file that is undecided, or that is a ``copy`` of another one. ``name`` is where it goes below the folder of its
    day. ``by`` and ``why`` say how the day was found, ``conflicts`` what speaks against it. ``sha256`` is of its content.
    """

    file: str
    day: dt.date | None
    by: str
    why: str
    conflicts: str
    name: str
    contract: str
    bytes: int
    sha256: str


COLUMNS = [field.name for field in fields(ManifestRow)]
_NEEDED = {"file", "day", "name", "contract", "sha256"}


def write(path: UPath, rows: Iterable[ManifestRow]) -> None:
    """Write the manifest, whole or not at all.

    Raises:
        SettingsError: there is a file of this name; somebody may have worked on it.
    """
    if path.exists():
        raise SettingsError(f"{path} is there already; name another file with --out, or remove it")
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([f"./{cell}" if str(cell).startswith(_FORMULA) else cell for cell in astuple(row)] for row in rows)
    fs.write_bytes(path, text.getvalue().encode(_ENCODING))


def read(path: UPath) -> list[ManifestRow]:
    """The rows of a manifest as people left it, in its order; further columns, and other separators than commas, do no harm.

    Raises:
        SettingsError: names the lines that cannot be followed, and what to write there.
    """
    try:
        text = path.read_bytes().decode(_ENCODING)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such manifest; write one with octavo index propose") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8; let the spreadsheet save it as “CSV UTF-8”") from error
    header = text.partition("\n")[0]
    separator = next((mark for mark in ",;\t" if mark in header), ",")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    if missing := _NEEDED - set(reader.fieldnames or ()):
        raise SettingsError(f"{path} has no column {', '.join(sorted(missing))}; its first line must be as octavo index propose wrote it")
    rows, problems = [], []
    for line in reader:
        try:
            rows.append(_row(line))
        except ValueError as error:
            problems.append(f"{path}:{reader.line_num}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))
    return rows


def _row(line: Mapping[str, str | None]) -> ManifestRow:
    """``ValueError`` for what cannot be followed."""
    cells = {name: (line.get(name) or "").strip() for name in COLUMNS}
    cells["file"] = line.get("file") or ""  # its name may well end in a blank
    name = PurePosixPath(cells["name"])
    if not name.parts or name.is_absolute() or ".." in name.parts or not is_document_name(name):
        raise ValueError(f"name is {cells['name']!r}; give a path below the day's folder that is not hidden")
    if not NAME.fullmatch(cells["contract"]):
        raise ValueError(f"contract is {cells['contract']!r}; give the name of a contract")
    return ManifestRow(
        cells["file"].removeprefix("./"), _day(cells["day"]), cells["by"], cells["why"], cells["conflicts"], str(name), cells["contract"],
        int(cells["bytes"]) if cells["bytes"].isdigit() else 0, cells["sha256"],
    )


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        said = f"day is {text!r}; write it as 2026-11-02 (have the spreadsheet take the column for text), or leave it empty"
        raise ValueError(said) from error
