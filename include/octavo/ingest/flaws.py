"""What is wrong with single pages of a PDF that opens: content that is cut or damaged, and the cover of a portfolio.

pdfium draws as much of a damaged page as it can and says nothing, so the streams are looked at here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pikepdf

from octavo.model.errors import Reason
from octavo.page.pdf import passwords

AT_ONCE_BYTES = 1 << 20  # a stream of some kilobytes may inflate to gigabytes


def flaws(path: Path) -> dict[int, Reason]:
    """The flawed pages of a PDF by their numbers, from 1; none where the file is too damaged to tell, which those who read it see."""
    for password in ("", *passwords()):
        try:
            with pikepdf.open(path, password=password, suppress_warnings=True) as document:
                cut: dict[tuple[int, int], bool] = {}  # pages may share a stream, all of them
                found = {number: Reason.DAMAGED_CONTENT for number, page in enumerate(document.pages, 1) if _is_damaged(page, cut)}
                return found | ({1: Reason.PORTFOLIO} if "/Collection" in document.Root else {})
        except pikepdf.PasswordError:
            continue
        except (pikepdf.PdfError, ValueError, TypeError):  # what pikepdf raises over a broken structure
            return {}
    return {}


def _is_damaged(page: pikepdf.Page, cut: dict[tuple[int, int], bool]) -> bool:
    """Whether one of the page's streams is cut; ``cut`` says it of the streams that were looked at, by their numbers."""
    for stream in _contents(page):
        if stream.get("/Filter") in ("/FlateDecode", ["/FlateDecode"]):
            if stream.objgen not in cut:
                cut[stream.objgen] = _is_cut(stream)
            if cut[stream.objgen]:
                return True
    return False


def _contents(page: pikepdf.Page) -> Iterator[pikepdf.Stream]:
    held = page.obj.get("/Contents")
    return (item for item in (held if isinstance(held, pikepdf.Array) else [held]) if isinstance(item, pikepdf.Stream))


def _is_cut(stream: pikepdf.Stream) -> bool:
    """Whether a compressed stream does not reach its end; an empty one has none."""
    data, inflating = stream.read_raw_bytes(), zlib.decompressobj()
    if not data:
        return False
    try:
        while data and not inflating.eof:
            inflating.decompress(data, AT_ONCE_BYTES)
            data = inflating.unconsumed_tail
    except zlib.error:
        return True
    return not inflating.eof
