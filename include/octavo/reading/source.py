"""One document while its pages are read: a local file whose bytes are those that ingest hashed."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from upath import UPath

from octavo.model.reasons import Reason
from octavo.reading.rows import quarantined
from octavo.storage.fs import local_copy, sha256_of


class Source:
    """A document's local file. It is copied (from an object store) and hashed when its first page is read.

    Args:
        document: sha256 that ingest recorded.
        uri: where ingest found it.
        media_type: what ingest found it to be.
    """

    def __init__(self, document: str, uri: UPath, media_type: str) -> None:
        self.document = document
        self.media_type = media_type
        self._uri = uri
        self._lock = threading.Lock()
        self._opened = False
        self._resources = ExitStack()
        self._path: Path | None = None
        self._state: os.stat_result | None = None

    def path(self) -> Path | None:
        """The local file; None when its bytes are not the recorded ones."""
        with self._lock:
            if not self._opened:
                self._opened = True
                self._open()
        return self._path

    def _open(self) -> None:
        try:
            path = self._resources.enter_context(local_copy(self._uri))
            state = path.stat()
            if sha256_of(UPath(path)) == self.document:
                self._path, self._state = path, state
        except FileNotFoundError:
            return

    def unchanged(self) -> bool:
        """Whether the file is still the one that was hashed when it was opened."""
        if self._path is None or self._state is None:
            return False
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        return (now.st_ino, now.st_size, now.st_mtime_ns) == (self._state.st_ino, self._state.st_size, self._state.st_mtime_ns)

    def close(self) -> None:
        self._resources.close()

    def quarantined_as_changed(self, page: int) -> dict[str, Any]:
        detail = f"{self._uri} has changed or gone since it was listed; the next run reads it as it is then"
        return quarantined(self.document, page, Reason.CHANGED_DURING_RUN, detail, 0.0)
