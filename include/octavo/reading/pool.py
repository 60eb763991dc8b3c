"""Child processes that read pages side by side, each page within its limits."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from upath import UPath

from octavo.model.errors import Reason
from octavo.model.settings import PDF_PASSWORDS, Settings
from octavo.reading.rows import quarantined
from octavo.storage.children import Child, ChildDied, ChildTimeout
from octavo.storage.fs import local_copy, sha256_of


class LocalDocument:
    """A document's local file. It is copied (from an object store) and hashed when its first page is read.

    Args:
        document: sha256 that ingest recorded.
        uri: where ingest found it.
        media_type: what ingest found it to be.
        flaws: why pages can be read in part only, by their numbers.
    """

    def __init__(self, document: str, uri: UPath, media_type: str, flaws: Mapping[int, str] | None = None) -> None:
        self.document = document
        self.media_type = media_type
        self.flaws = flaws or {}
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
        except (FileNotFoundError, PermissionError):
            return

    def unchanged(self) -> bool:
        """Whether the file is still the one that was hashed when it was opened."""
        if self._path is None or self._state is None:
            return False
        try:
            now = self._path.stat()
        except (FileNotFoundError, PermissionError):
            return False
        return (now.st_ino, now.st_size, now.st_mtime_ns) == (self._state.st_ino, self._state.st_size, self._state.st_mtime_ns)

    def close(self) -> None:
        self._resources.close()

    def quarantined_as_changed(self, page: int) -> dict[str, Any]:
        detail = f"{self._uri} has changed or gone since it was listed; the next run reads it as it is then"
        return quarantined(self.document, page, Reason.CHANGED_DURING_RUN, detail, 0.0)


log = logging.getLogger(__name__)

# Most pages of one request. Tesseract is started once for them; more would save little and make the last child's work longer.
BATCH_PAGES = {"fast": 8, "best": 1}
# A batch is that part of a child's share of what is left: with all of it, the last child works on while the others wait; with
# much less, Tesseract is started more often. Simulated with the spread of times that receipts have.
SHARE = 1 / 1.25
LOOK_EVERY_SECONDS = 0.02  # whether threads have seen that their children were killed
PageOf = tuple[LocalDocument, int]
"""A document and the number of one of its pages."""


def batches(pages: Sequence[PageOf], processes: int, most: int) -> Iterator[Sequence[PageOf]]:
    """The pages in order, in batches of at most ``most`` that get smaller towards the end: all children end at about the same time."""
    start = 0
    while start < len(pages):
        size = max(1, min(most, math.ceil(SHARE * (len(pages) - start) / processes)))
        yield pages[start : start + size]
        start += size


class ReaderPool:
    """One thread per child: Linux ties a child's life to the thread that started it, and threads only wait here.

    Args:
        settings: profile, languages and limits.
        processes: number of children.
    """

    def __init__(self, settings: Settings, processes: int) -> None:
        self._limits = settings.limits
        self._previews = settings.page_images
        self._ocr = {"profile": settings.ocr_profile, "languages": settings.languages}
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="octavo-read")
        self._local = threading.local()
        self._children: list[Child] = []
        self._futures: list[Future[list[dict[str, Any]]]] = []
        self._closed = False
        self._lost: defaultdict[str, float] = defaultdict(float)  # seconds by document that its pages took which did not come

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in self._futures):  # a child may just be starting
            for child in self._children:
                child.kill()  # a thread that still waits for it sees the end of its pipe
            time.sleep(LOOK_EVERY_SECONDS)
        self._threads.shutdown()
        for child in self._children:
            child.close()

    def read(self, pages: Sequence[PageOf]) -> Future[list[dict[str, Any]]]:
        """A ``READINGS`` row of each page, and its ``preview``, as soon as a child is free; the future never raises over a page.

        Unless the pool is closed before: whoever closes it does not ask any more.
        """
        self._futures.append(self._threads.submit(self._read, pages))
        return self._futures[-1]

    def _read(self, pages: Sequence[PageOf], again: bool = True) -> list[dict[str, Any]]:
        """``again``: whether a child that dies may have died of something else than these pages."""
        rows = [source.quarantined_as_changed(number) for source, number in pages if source.path() is None]
        ready = []
        for source, number in pages:
            if source.path() is not None and self._lost[source.document] < self._limits.document_seconds:
                ready.append((source, number))
            elif source.path() is not None:  # they may all share what cannot be read
                spent = f"{self._lost[source.document]:.0f} s went into pages that did not come; raise limits.document_seconds"
                rows.append(quarantined(source.document, number, Reason.TIMEOUT, spent, 0.0))
        if not ready:
            return rows
        request = {
            "pages": [
                {
                    "path": str(source.path()), "document": source.document, "media_type": source.media_type, "page": number,
                    "flaw": source.flaws.get(number),
                }
                for source, number in ready
            ],
            **self._ocr, "max_pixels": self._limits.page_pixels, "max_words": self._limits.page_words, "previews": self._previews,
        }
        started = time.monotonic()
        try:
            return rows + list(self._child().call(request, self._limits.page_seconds * len(ready))["rows"])
        except ChildTimeout as error:
            reason, detail = Reason.TIMEOUT, f"{error}; raise limits.page_seconds"
            again = False
        except ChildDied as error:
            if self._closed:
                raise
            reason, detail = Reason.READER_CRASHED, str(error)
        if len(ready) > 1 or again:  # one of them is to blame, or somebody who kills processes: each alone costs only itself
            return rows + [row for page in ready for row in self._read([page], again=False)]
        source, number = ready[0]
        self._lost[source.document] += time.monotonic() - started
        log.warning("page %d of %s: %s (%s)", number, source.document, reason, detail)
        return [*rows, quarantined(source.document, number, reason, detail, round(time.monotonic() - started, 3))]

    def _child(self) -> Child:
        child: Child | None = getattr(self._local, "child", None)
        if child is None:
            child = self._local.child = Child("octavo.reading.worker", self._limits.child_bytes, (PDF_PASSWORDS,))
            self._children.append(child)
        return child
