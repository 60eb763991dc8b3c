"""What runs leave behind, and which of it may go by age: workspaces, small pictures of pages and unfinished writes, nothing else.

The tables, the words (reading store), the answers of models and what people said are never touched here: answers go by
``octavo answers prune``, one document everywhere by ``octavo forget``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from upath import UPath

from octavo.model.settings import Settings
from octavo.storage import fs

# A private file of a writer that was killed; `storage.atomic` and `storage.create` name them so.
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
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
    if fs.is_local(settings.state_root):
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
    """Half files of killed writers, in the lake and in the stores."""
    roots = dict.fromkeys((UPath(settings.lake), settings.state_root))
    seen: set[str] = set()
    for file in (file for root in roots for file in fs.files_under(root)):
        outside = not file.path.is_relative_to(settings.workspaces)
        if outside and UNFINISHED.fullmatch(file.path.name) and file.changed and file.changed < before and str(file.path) not in seen:
            seen.add(str(file.path))
            yield Leftover("unfinished write", file.path, str(file.path), file.size, file.changed)
