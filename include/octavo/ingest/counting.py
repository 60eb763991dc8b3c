"""The child of ``inspection``: opens one file and counts its pages. Runs as ``python -m octavo.ingest.counting``."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

from PIL import ImageFile

from octavo.model.errors import Quarantined, Reason
from octavo.page.images import DECODE_ERRORS, open_image, page_frames
from octavo.page.pdf import MEDIA_TYPE, open_pdf
from octavo.storage import archives
from octavo.storage.children import serve

PNG_TAIL_BYTES = 64 * 1024  # tools append up to this much after a PNG's end chunk
ISO_MEDIA = ("image/heic", "image/heif", "image/avif")  # files of boxes that state their sizes: ISO/IEC 14496-12
CUT_OFF = "the file ends before its image does"


def count(path: Path, media_type: str, max_pixels: int) -> int:
    """Number of pages of a PDF or an image.

    Raises:
        Quarantined: the file cannot be opened, ends too early, or is one page that is too large.
    """
    if media_type == MEDIA_TYPE:
        document = open_pdf(path)
        try:
            return len(document)
        finally:
            document.close()
    if media_type in ISO_MEDIA and _has_cut_box(path):
        raise Quarantined(Reason.TRUNCATED, CUT_OFF)
    with open_image(path, media_type, max_pixels) as image:
        if _ends_too_early(image, path, media_type):
            raise Quarantined(Reason.TRUNCATED, CUT_OFF)
        try:
            return sum(1 for _ in page_frames(image))
        except DECODE_ERRORS as error:
            raise Quarantined(Reason.CORRUPT, str(error)) from error


def _has_cut_box(path: Path) -> bool:
    """Whether the file is shorter than the sizes of its boxes say."""
    size, end = path.stat().st_size, 0
    with path.open("rb") as stream:
        while end < size:
            stream.seek(end)
            head = stream.read(16)
            length = int.from_bytes(head[:4])
            if length == 1:  # the size stands behind the type
                length = int.from_bytes(head[8:])
            if length < 8:  # 0: the box goes on to the end of the file; others are senseless, and for the decoder to judge
                return False
            end += length
    return end > size


def _ends_too_early(image: ImageFile.ImageFile, path: Path, media_type: str) -> bool:
    """Whether the file of a newly opened JPEG or PNG stops within the image; for other formats decoding tells."""
    with path.open("rb") as stream:
        if media_type == "image/jpeg":
            # Pillow has read up to the compressed pixels, past a thumbnail with an end of its own. What phones append does not matter.
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return data.find(b"\xff\xd9", image.fp.tell() if image.fp else 0) < 0
        if media_type in ("image/png", "image/apng"):
            stream.seek(max(0, path.stat().st_size - PNG_TAIL_BYTES))
            return b"IEND" not in stream.read()
    return False


def handle(request: dict[str, Any]) -> dict[str, Any]:
    """How many pages a file has, or which ``archive`` it is: what unpacks its first bytes is as hostile as the rest of it."""
    if "archive" in request:
        return {"archive": archives.kind_of(Path(request["archive"])), "reason": None, "detail": ""}
    try:
        pages = count(Path(request["path"]), request["media_type"], request["max_pixels"])
    except Quarantined as error:
        return {"pages": 0, "reason": error.reason, "detail": error.detail}
    except MemoryError:
        return {"pages": 0, "reason": Reason.OUT_OF_MEMORY, "detail": "raise limits.child_bytes"}
    return {"pages": pages, "reason": None, "detail": "", "flaws": _flaws(request) if pages else {}}


def _flaws(request: dict[str, Any]) -> dict[str, str]:
    """The pages of a PDF that can be read in part only, by their numbers."""
    if request["media_type"] != MEDIA_TYPE:
        return {}
    from octavo.ingest.flaws import flaws  # noqa: PLC0415  # images do without its libraries

    return {str(number): reason.value for number, reason in flaws(Path(request["path"])).items()}


if __name__ == "__main__":
    serve(handle)
