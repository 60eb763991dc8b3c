"""Writing answers: every flush is one segment, so a process that is killed loses only what it had not flushed."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import pyarrow as pa

from octavo.storage.answer_store import segments
from octavo.storage.answer_store.rows import SEGMENT, StoredAnswer
from octavo.storage.answer_store.segments import Segment
from octavo.storage.answer_store.store import AnswerStore


class AnswerWriter:
    """Writes one task's answers; a context manager that folds its segments into one at the end.

    ``put`` as answers come, ``flush`` after each batch.
    """

    def __init__(self, store: AnswerStore) -> None:
        self._store = store
        self._rows: dict[bytes, dict[str, Any]] = {}
        self._mine: list[Segment] = []

    def put(self, key: bytes, answer: StoredAnswer) -> None:
        """Take an answer; it is kept after the next ``flush``."""
        self._rows[key] = answer.row(key, self._store.since, time.time_ns())

    def flush(self) -> None:
        """Keep what was put since the last flush: when this returns, the answers are there for everyone."""
        if self._rows:
            self._mine.append(segments.write(self._store.root, pa.Table.from_pylist(list(self._rows.values()), schema=SEGMENT)))
            self._rows.clear()
        if len(self._mine) >= 64:
            self._fold()

    def _fold(self) -> None:
        if len(self._mine) > 1:
            folded = segments.fold(self._store.root, self._mine)
            self._mine = [folded] if folded else []

    def __enter__(self) -> AnswerWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()
        if kind is None:
            self._fold()
            self._store.fold()
