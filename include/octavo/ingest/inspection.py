"""What a file is, by its content: its media type, its number of pages, or why it cannot be processed.

The parsing happens in a child process, so a hostile file can neither hang nor crash the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Self

import filetype
from upath import UPath

from octavo.ingest.discovery import printable
from octavo.model.errors import Reason
from octavo.model.settings import PDF_PASSWORDS, Limits
from octavo.page.images import FORMATS
from octavo.page.pdf import MEDIA_TYPE as PDF
from octavo.storage import archives
from octavo.storage.children import Child, ChildDied, ChildTimeout
from octavo.storage.fs import local_copy

UNKNOWN = "application/octet-stream"
HEAD_BYTES = 8192       # filetype needs 8 KiB for its slowest matcher
PDF_HEADER_BYTES = 1024  # PDF 1.7, implementation note 13: readers accept a header this far into the file
# The extensions that promise something we read; a file that breaks the promise is mislabelled.
EXTENSIONS = {
    ".pdf", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".heif", ".hif", ".avif",
}
# What files of pictures and sequences in HEVC (ISO/IEC 23008-12, annex B) and in AV1 (AV1 Image File Format 1.1) begin with.
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
}
# Brands that do not tell the codec: a brand further on does.
CONTAINER_BRANDS = {b"mif1", b"msf1"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """``pages`` is 0 and ``reason`` set when the file is quarantined. ``archive`` says which archive it is, if it is one.

    ``flaws`` are pages that can be read in part only, by their numbers, each with a ``Reason``.
    """

    media_type: str
    size: int
    pages: int
    reason: str | None = None
    detail: str = ""
    archive: str | None = None
    flaws: Mapping[str, str] = field(default_factory=dict)


def media_type_of(head: bytes) -> str:
    """The media type that the first ``HEAD_BYTES`` of a file show; ``UNKNOWN`` for none that is known."""
    heif = _heif_type_of(head)
    if heif is not None:
        return heif
    kind = filetype.guess(head)
    if kind is not None and kind.mime in FORMATS:
        return str(kind.mime)
    if b"%PDF-" in head[:PDF_HEADER_BYTES]:
        return PDF
    return UNKNOWN if kind is None else str(kind.mime)


def _heif_type_of(head: bytes) -> str | None:
    """The media type of a HEIF or AVIF picture or sequence; ``filetype`` does not know all of their brands."""
    if head[4:8] != b"ftyp":
        return None
    first, *others = (head[at:at + 4] for at in (8, *range(16, min(len(head), int.from_bytes(head[:4])), 4)))
    if first in CONTAINER_BRANDS:
        return next((BRANDS[brand] for brand in others if brand in BRANDS), "image/heif")
    return BRANDS.get(first)


class Inspector:
    """Looks into files one by one, in one child process that is replaced when it dies."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._child = Child("octavo.ingest.counting", limits.child_bytes, (PDF_PASSWORDS,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._child.close()

    def inspect(self, file: UPath, name: str = "") -> Inspection:
        """What ``file`` is; never raises over its content.

        Args:
            name: what it is called, where that is not the name of ``file``.
        """
        size = int(file.stat().st_size)
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        media_type = media_type_of(head)

        def quarantined(reason: str, detail: str = "") -> Inspection:
            return Inspection(media_type, size, 0, reason, detail)

        if not size:
            return quarantined(Reason.EMPTY_FILE)
        if printable(file) != str(file):
            return quarantined(Reason.NAME_NOT_UTF8, "rename the file")
        # Before the content decides: a TAR's first member may well be a PDF that begins within the first 1,024 bytes.
        if archives.may_be_archive(head):
            with local_copy(file) as path:
                answer = self._ask({"archive": str(path.resolve())})
            if answer["reason"] is not None:
                return quarantined(answer["reason"], answer["detail"])
            if answer["archive"] is not None:
                return Inspection(answer["archive"], size, 0, archive=answer["archive"])
        if media_type != PDF and media_type not in FORMATS:
            promised = PurePosixPath(name or file.name).suffix.lower() in EXTENSIONS
            return quarantined(Reason.MISLABELLED if promised else Reason.UNSUPPORTED_TYPE, f"the content is {media_type}")
        if size > self._limits.document_bytes:
            return quarantined(Reason.DOCUMENT_TOO_LARGE, f"{size:,} bytes; raise limits.document_bytes")
        return self._count(file, media_type, size, quarantined)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The child's answer; ``reason`` and ``detail`` say why there is none."""
        try:
            return self._child.call_twice(request, self._limits.page_seconds)
        except ChildTimeout as error:
            return {"reason": Reason.TIMEOUT, "detail": str(error)}
        except ChildDied as error:
            return {"reason": Reason.READER_CRASHED, "detail": str(error)}

    def _count(self, file: UPath, media_type: str, size: int, quarantined: Callable[[str, str], Inspection]) -> Inspection:
        with local_copy(file) as path:
            request = {"path": str(path), "media_type": media_type, "max_pixels": self._limits.page_pixels}
            answer = self._ask(request)
        if answer["reason"] is not None:
            return quarantined(Reason(answer["reason"]), answer["detail"])
        if answer["pages"] > self._limits.pages:
            return quarantined(Reason.TOO_MANY_PAGES, f"{answer['pages']:,} pages; raise limits.pages")
        return Inspection(media_type, size, answer["pages"], flaws=answer["flaws"])
