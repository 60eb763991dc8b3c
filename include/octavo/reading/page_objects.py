"""The objects that a PDF page is drawn of, those within form objects too, and where they stand on the page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from octavo.page.images import Affine, then

DEPTH = 3  # how deep form objects are nested in real files; deeper ones are not looked into
UNMOVED: Affine = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Edges = tuple[float, float, float, float]
"""Left, bottom, right, top in points of the page as it is stored."""

# What pdfium writes its answers into: a child reads one page at a time, and making them anew takes as long as asking.
_edges = tuple(ctypes.c_float() for _ in range(4))


class PageObject(NamedTuple):
    """``kind`` is pdfium's (``FPDF_PAGEOBJ_TEXT`` and so on); ``place`` turns the object's coordinates into the page's."""

    handle: pdfium_c.FPDF_PAGEOBJECT
    kind: int
    place: Affine

    def bounds(self) -> Edges:
        """The edges of the object on the page; of no area where pdfium knows none."""
        left, bottom, right, top = _edges
        if not pdfium_c.FPDFPageObj_GetBounds(self.handle, left, bottom, right, top):
            return 0.0, 0.0, 0.0, 0.0
        if self.place is UNMOVED:
            return left.value, bottom.value, right.value, top.value
        return around([(x, y) for x in (left.value, right.value) for y in (bottom.value, top.value)], self.place)


def objects(page: pdfium.PdfPage) -> list[PageObject]:
    """The objects of a page in the order in which they are drawn, without the form objects themselves."""
    count, at = pdfium_c.FPDFPage_CountObjects(page.raw), pdfium_c.FPDFPage_GetObject
    return list(_walk((at(page.raw, index) for index in range(count)), UNMOVED, DEPTH))


def around(points: Sequence[tuple[float, float]], place: Affine) -> Edges:
    """The edges around points that ``place`` moves."""
    a, b, c, d, e, f = place
    xs, ys = [a * x + c * y + e for x, y in points], [b * x + d * y + f for x, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def matrix_of(item: pdfium_c.FPDF_PAGEOBJECT) -> Affine:
    """The object's own transformation."""
    held = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(item, held):
        return UNMOVED
    return held.a, held.b, held.c, held.d, held.e, held.f


def _walk(handles: Iterator[pdfium_c.FPDF_PAGEOBJECT], place: Affine, depth: int) -> Iterator[PageObject]:
    kind_of, form = pdfium_c.FPDFPageObj_GetType, pdfium_c.FPDF_PAGEOBJ_FORM
    for handle in handles:
        kind = kind_of(handle)
        if kind != form:
            yield PageObject(handle, kind, place)
        elif depth > 1:
            count, at = max(0, pdfium_c.FPDFFormObj_CountObjects(handle)), pdfium_c.FPDFFormObj_GetObject
            yield from _walk((at(handle, index) for index in range(count)), then(matrix_of(handle), place), depth - 1)
