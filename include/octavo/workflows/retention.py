"""What runs leave behind, and which of it may go by age: workspaces, small pictures of pages and unfinished writes, nothing else.

The tables, the words (reading store), the answers of models and what people said are never touched here: answers go by
``octavo answers prune``, one document everywhere by ``octavo forget``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from upath import UPath

from octavo.model.settings import Settings
from octavo.storage import fs

# A writer that is still at work is never taken for a killed one.
UNFINISHED_AGE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that may go. ``kind`` is ``workspace``, ``page pictures`` or ``unfinished write``; ``changed``: its newest file's time."""

    kind: str
    path: UPath
    name: str
    bytes: int
    changed: dt.datetime

    def remove(self) -> None:
        if self.kind == "workspace":
            fs.remove_tree(self.path)
        else:
            self.path.unlink(missing_ok=True)


def leftovers(settings: Settings, before: dt.datetime) -> Iterator[Leftover]:
    """What nothing has changed in since ``before``, sorted by path; files without a time are left alone."""
    yield from _workspaces(settings.workspaces, before)
    yield from _pictures(settings.reading_store, before)
    yield from _unfinished(settings, min(before, dt.datetime.now(dt.UTC) - UNFINISHED_AGE))


def _workspaces(root: UPath, before: dt.datetime) -> Iterator[Leftover]:
    """Workspaces of which every file is older; a run that is still going on has younger ones."""
    found: dict[tuple[str, ...], list[fs.Stored]] = {}
    depth = len(root.parts)
    for file in fs.files_under(root):
        found.setdefault(tuple(file.path.parts[depth:depth + 3]), []).append(file)
    for (contract, day, run), files in ((key, files) for key, files in found.items() if len(key) == 3):
        times = [file.changed for file in files if file.changed is not None]
        if times and len(times) == len(files) and max(times) < before:
            path = root / contract / day / run
            yield Leftover("workspace", path, f"{contract} {day} {run}", sum(file.size for file in files), max(times))


def _pictures(root: UPath, before: dt.datetime) -> Iterator[Leftover]:
    """The pictures that lie beside the words of each block of pages; the words stay."""
    for file in fs.files_under(root):
        if file.path.suffix == ".zip" and file.changed is not None and file.changed < before:
            yield Leftover("page pictures", file.path, str(file.path), file.size, file.changed)


def _unfinished(settings: Settings, before: dt.datetime) -> Iterator[Leftover]:
    """Half files of killed writers, in the lake and in the stores; a workspace goes as a whole."""
    for file in fs.unfinished((UPath(settings.lake), settings.state_root), before):
        if not file.path.is_relative_to(settings.workspaces):
            yield Leftover("unfinished write", file.path, str(file.path), file.size, file.changed or before)
