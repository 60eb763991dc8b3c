"""Child processes that read pages side by side, each page within its limits."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from octavo.children import Child, ChildDied, ChildTimeout
from octavo.config import Settings
from octavo.reading.rows import quarantined
from octavo.reading.source import Source
from octavo.reasons import Reason

log = logging.getLogger(__name__)


class ReaderPool:
    """One thread per child: Linux ties a child's life to the thread that started it, and threads only wait here.

    Args:
        settings: languages and limits.
        processes: number of children.
    """

    def __init__(self, settings: Settings, processes: int) -> None:
        self._limits = settings.limits
        self._languages = settings.languages
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="octavo-read")
        self._local = threading.local()
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()  # a thread that still waits for it sees the end of its pipe
        self._threads.shutdown()
        for child in self._children:
            child.close()

    def read(self, source: Source, page: int) -> Future[dict[str, Any]]:
        """A ``READINGS`` row of one page, as soon as a child is free; the future never raises over the page."""
        return self._threads.submit(self._read, source, page)

    def _read(self, source: Source, page: int) -> dict[str, Any]:
        path = source.path()
        if path is None:
            return source.quarantined_as_changed(page)
        request = {
            "path": str(path), "document": source.document, "media_type": source.media_type, "page": page,
            "languages": self._languages, "max_pixels": self._limits.page_pixels,
        }
        started = time.monotonic()
        try:
            return self._child().call(request, self._limits.page_seconds)
        except ChildTimeout as error:
            reason, detail = Reason.TIMEOUT, f"{error}; raise limits.page_seconds"
        except ChildDied as error:
            reason, detail = Reason.READER_CRASHED, str(error)
        log.warning("page %d of %s: %s (%s)", page, source.document, reason, detail)
        return quarantined(source.document, page, reason, detail, round(time.monotonic() - started, 3))

    def _child(self) -> Child:
        child: Child | None = getattr(self._local, "child", None)
        if child is None:
            child = self._local.child = Child("octavo.reading.worker", self._limits.child_bytes)
            self._children.append(child)
        return child
