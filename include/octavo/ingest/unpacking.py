"""Taking archives apart in a child process: hostile headers can eat neither the run's memory nor its time.

Runs as ``python -m octavo.ingest.unpacking``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from upath import UPath

from octavo.model.errors import Quarantined, Reason
from octavo.model.settings import Limits
from octavo.storage import archives
from octavo.storage.archives import Member
from octavo.storage.children import Child, ChildDied, ChildTimeout, serve
from octavo.storage.fs import local_copy
from octavo.storage.scratch import scratch


class Unpacker:
    """Takes archives apart one by one, in one child process that is replaced when it dies."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._child = Child("octavo.ingest.unpacking", limits.child_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._child.close()

    @contextmanager
    def unpacked(self, file: UPath, kind: str, most_bytes: int | None = None) -> Iterator[tuple[list[Member], Path]]:
        """The archive's members, and the folder in which each lies under its number, until the block ends.

        Args:
            most_bytes: where fewer bytes than the limits allow may be unpacked.

        Raises:
            Quarantined: the archive is refused whole.
        """
        bound = self._limits.archive_bytes if most_bytes is None else min(most_bytes, self._limits.archive_bytes)
        with scratch() as held, local_copy(file) as path:
            folder = held / "members"
            folder.mkdir()
            request = {
                "path": str(path), "kind": kind, "folder": str(folder), "most_members": self._limits.archive_members,
                "most_bytes": bound, "largest": self._limits.document_bytes,
            }
            try:
                answer = self._child.call(request, self._limits.archive_seconds)
            except ChildTimeout as error:
                raise Quarantined(Reason.TIMEOUT, str(error)) from error
            except ChildDied as error:
                raise Quarantined(Reason.READER_CRASHED, str(error)) from error
            if answer["reason"] is not None:
                raise Quarantined(Reason(answer["reason"]), answer["detail"])
            yield [Member(**member) for member in answer["members"]], folder


    @contextmanager
    def opened(self, file: UPath) -> Iterator[tuple[list[Member], Path]]:
        """As ``unpacked``, for a file that may be an archive of any kind.

        Raises:
            Quarantined: it is refused whole, or no archive.
        """
        with local_copy(file) as path:
            kind = archives.kind_of(path)
            if kind is None:
                raise Quarantined(Reason.UNSUPPORTED_TYPE, f"{file} is no archive")
            with self.unpacked(UPath(path), kind) as taken:
                yield taken


def handle(request: dict[str, Any]) -> dict[str, Any]:
    path, folder = Path(request.pop("path")), Path(request.pop("folder"))
    try:
        members = archives.take_out(path, request.pop("kind"), folder, **request)
    except Quarantined as error:
        return {"members": [], "reason": error.reason, "detail": error.detail}
    except MemoryError:
        return {"members": [], "reason": Reason.OUT_OF_MEMORY, "detail": "raise limits.child_bytes"}
    return {"members": [asdict(member) for member in members], "reason": None, "detail": ""}


if __name__ == "__main__":
    serve(handle)
