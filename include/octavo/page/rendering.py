"""The picture of a page, in the very frame in which its words' boxes live.

Rotations: a page's ``rotation`` is the turn that its file asks for (PDF /Rotate, EXIF) plus the turn
that the reader found by looking at it; both are applied here.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import Protocol

from PIL import Image
from upath import UPath

from octavo.model.errors import Quarantined, Reason
from octavo.model.settings import PDF_PASSWORDS, Limits
from octavo.page import images, pdf
from octavo.storage.children import Child, ChildDied, ChildTimeout
from octavo.storage.fs import local_copy


class Frame(Protocol):
    """What of a ``entities.Page`` its picture depends on."""

    @property
    def number(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def dpi(self) -> int | None: ...
    @property
    def rotation(self) -> int: ...


def page_image(document: UPath, media_type: str, page: Frame, limits: Limits | None = None) -> Image.Image:
    """The picture of a page that was read, mode RGB, of exactly ``page.width`` x ``page.height`` pixels.

    Args:
        document: the document's uri.
        media_type: as ingest found it.
        page: a ``entities.Page``.
        limits: ``page_pixels`` bounds what is decoded, ``page_seconds`` how long that takes.

    Raises:
        Quarantined: the document cannot be opened or drawn any more, or is not the one that was read.
    """
    bounds = limits or Limits()
    frame = {name: getattr(page, name) for name in ("number", "width", "height", "dpi", "rotation")}
    with local_copy(document) as path:
        request = {"path": str(path.resolve()), "media_type": media_type, "page": frame, "max_pixels": bounds.page_pixels}
        try:
            answer = _child(bounds.child_bytes).call(request, bounds.page_seconds)
        except ChildTimeout as error:
            raise Quarantined(Reason.TIMEOUT, f"{error}; raise limits.page_seconds") from error
        except ChildDied as error:
            raise Quarantined(Reason.READER_CRASHED, str(error)) from error
    if answer["reason"] is not None:
        raise Quarantined(Reason(answer["reason"]), answer["detail"])
    image = Image.frombytes("RGB", tuple(answer["size"]), Path(answer["path"]).read_bytes())
    if image.size != (page.width, page.height):
        raise Quarantined(Reason.CHANGED_DURING_RUN, f"{document} page {page.number} is {image.size} px, was {(page.width, page.height)}")
    return image


_children = threading.local()


def _child(address_bytes: int) -> Child:
    """This thread's child, kept for its next page: it ends with its thread, or when the passwords that it was given change."""
    passwords = os.environ.get(PDF_PASSWORDS)
    kept: tuple[str | None, Child] | None = getattr(_children, "kept", None)
    if kept is not None and kept[0] == passwords:
        return kept[1]
    if kept is not None:
        kept[1].close()
    child = Child("octavo.page.rendering_worker", address_bytes, (PDF_PASSWORDS,))
    _children.kept = passwords, child
    atexit.register(child.close)
    return child


def draw(path: Path, media_type: str, page: Frame, max_pixels: int) -> Image.Image:
    """The picture of a page, decoded in this process, which must be a child.

    Raises:
        Quarantined: the file cannot be opened any more, or the page is too large.
    """
    return _pdf_page(path, page) if media_type == pdf.MEDIA_TYPE else _image_frame(path, media_type, page, max_pixels)


def _pdf_page(path: Path, page: Frame) -> Image.Image:
    document = pdf.open_pdf(path)
    try:
        with pdf.open_page(document, page.number) as source:
            return images.turned(pdf.render(source, page.dpi or pdf.DPI), page.rotation - source.get_rotation())
    finally:
        document.close()


def _image_frame(path: Path, media_type: str, page: Frame, max_pixels: int) -> Image.Image:
    with images.open_image(path, media_type, max_pixels) as source:
        frame = images.seek(source, page.number, max_pixels)
        return images.turned(images.page_pixels(source, frame), page.rotation - frame.rotation).convert("RGB")
