"""The child of ``inspection``: opens one file and counts its pages. Runs as ``python -m octavo.ingest.counting``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from octavo.model.errors import Quarantined, Reason
from octavo.page.images import DECODE_ERRORS, open_image
from octavo.page.pdf import MEDIA_TYPE, open_pdf
from octavo.storage.children import serve

TAIL_BYTES = 64 * 1024  # cameras append up to this much after a JPEG's end marker
# The bytes that a whole file of a type has near its end.
END_MARKERS = {"image/jpeg": b"\xff\xd9", "image/png": b"IEND", "image/apng": b"IEND"}


def count(path: Path, media_type: str, max_pixels: int) -> int:
    """Number of pages of a PDF, or of frames of an image.

    Raises:
        Quarantined: the file cannot be opened, ends too early, or is one page that is too large.
    """
    if media_type == MEDIA_TYPE:
        document = open_pdf(path)
        try:
            return len(document)
        finally:
            document.close()
    with open_image(path, media_type, max_pixels) as image:
        if _ends_too_early(path, media_type):
            raise Quarantined(Reason.TRUNCATED, "the file ends before its image does")
        try:
            return int(getattr(image, "n_frames", 1))
        except DECODE_ERRORS as error:
            raise Quarantined(Reason.CORRUPT, str(error)) from error


def _ends_too_early(path: Path, media_type: str) -> bool:
    marker = END_MARKERS.get(media_type)
    if marker is None:
        return False
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return marker not in stream.read()


def handle(request: dict[str, Any]) -> dict[str, Any]:
    try:
        pages = count(Path(request["path"]), request["media_type"], request["max_pixels"])
    except Quarantined as error:
        return {"pages": 0, "reason": error.reason, "detail": error.detail}
    except MemoryError:
        return {"pages": 0, "reason": Reason.OUT_OF_MEMORY, "detail": "raise limits.child_bytes"}
    return {"pages": pages, "reason": None, "detail": ""}


if __name__ == "__main__":
    serve(handle)
