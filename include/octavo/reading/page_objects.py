"""The objects that a PDF page is drawn of, those within form objects too, and where they stand on the page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

DEPTH = 3  # how deep form objects are nested in real files; deeper ones are not looked into

Matrix = npt.NDArray[np.float64]
Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top in points of the page as it is stored."""


class PageObject(NamedTuple):
    """``kind`` is pdfium's (``FPDF_PAGEOBJ_TEXT`` and so on); ``place`` (3 x 3) turns the object's coordinates into the page's."""

    handle: pdfium_c.FPDF_PAGEOBJECT
    kind: int
    place: Matrix

    def bounds(self) -> Bounds:
        """The box of the object on the page; of no area where pdfium knows none."""
        left, bottom, right, top = (ctypes.c_float() for _ in range(4))
        if not pdfium_c.FPDFPageObj_GetBounds(self.handle, left, bottom, right, top):
            return 0.0, 0.0, 0.0, 0.0
        corners = np.array([(x.value, y.value, 1.0) for x in (left, right) for y in (bottom, top)])
        xs, ys, _ = self.place @ corners.T
        return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())


def objects(page: pdfium.PdfPage) -> Iterator[PageObject]:
    """The objects of a page in the order in which they are drawn, without the form objects themselves."""
    count, at = pdfium_c.FPDFPage_CountObjects(page.raw), pdfium_c.FPDFPage_GetObject
    return _walk((at(page.raw, index) for index in range(count)), np.eye(3), DEPTH)


def _walk(handles: Iterator[pdfium_c.FPDF_PAGEOBJECT], place: Matrix, depth: int) -> Iterator[PageObject]:
    kind_of, form = pdfium_c.FPDFPageObj_GetType, pdfium_c.FPDF_PAGEOBJ_FORM
    for handle in handles:
        kind = kind_of(handle)
        if kind != form:
            yield PageObject(handle, kind, place)
        elif depth > 1:
            count, at = max(0, pdfium_c.FPDFFormObj_CountObjects(handle)), pdfium_c.FPDFFormObj_GetObject
            yield from _walk((at(handle, index) for index in range(count)), place @ _matrix(handle), depth - 1)


def _matrix(form: pdfium_c.FPDF_PAGEOBJECT) -> Matrix:
    held = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(form, held):
        return np.eye(3)
    return np.array([(held.a, held.c, held.e), (held.b, held.d, held.f), (0.0, 0.0, 1.0)])
