"""Opening and rendering PDFs with pdfium: the one place that knows its error codes and its geometry.

Frame: a page's pixels at some dpi, upright (its /Rotate applied), within its crop box, origin top left.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from octavo.model.errors import Quarantined, Reason
from octavo.model.settings import PDF_PASSWORDS

MEDIA_TYPE = "application/pdf"
POINTS_PER_INCH = 72
DPI = 200               # Tesseract's accuracy levels off from about 200 dpi for 10 pt text
# Most pixels of a page that shows a scan of as many: A4 at 300 dpi; more only costs time (measured: bench/results/reading.md). A limit
# in pixels, since pages of scans are sometimes of the size of a stamp, or of a wall.
MOST_PIXELS = 8_750_000
LEAST_SIDE_PX = 1000    # of the longer side: boxes are whole pixels, and on a page of 60 x 84 points 200 dpi would make letters 3 px high
MAX_SIDE_PX = 10_000    # A0 at 200 dpi; a longer side lowers the dpi
TAIL_BYTES = 1024       # where a whole PDF has its %%EOF
Boxes = npt.NDArray[np.float64]


def open_pdf(path: Path) -> pdfium.PdfDocument:
    """The document at ``path``, with its form fields drawn, opened without a password or with one of ``passwords``.

    Raises:
        Quarantined: password_required, truncated, corrupt, no_pages or xfa_form.
    """
    document = _unlocked(path)
    kind = document.get_formtype()
    if kind == pdfium_c.FORMTYPE_XFA_FULL:
        document.close()
        raise Quarantined(Reason.XFA_FORM, "its pages only say that the viewer has to draw the form; print it to a PDF")
    if kind != pdfium_c.FORMTYPE_NONE:
        document.init_forms()
    return document


def passwords() -> list[str]:
    """What ``OCTAVO_PDF_PASSWORDS`` holds: a JSON list, or one password a line.

    Read from the environment each time: children that open PDFs have this variable of their parent's, and so no password is ever in a
    request, a table or a log.
    """
    held = os.environ.get(PDF_PASSWORDS, "")
    try:
        listed = json.loads(held)
    except json.JSONDecodeError:
        listed = None
    return [str(password) for password in listed] if isinstance(listed, list) else [line for line in held.splitlines() if line]


def _unlocked(path: Path) -> pdfium.PdfDocument:
    tried = passwords()
    for password in (None, *tried):
        try:
            return pdfium.PdfDocument(path, password=password)
        except pdfium.PdfiumError as error:
            reason = _reason(path, error)
            if reason is not Reason.PASSWORD_REQUIRED:
                raise Quarantined(reason, str(error)) from error
    detail = f"none of the {len(tried)} passwords in {PDF_PASSWORDS} opens it" if tried else f"put its password into {PDF_PASSWORDS}"
    raise Quarantined(Reason.PASSWORD_REQUIRED, detail)


def _reason(path: Path, error: pdfium.PdfiumError) -> Reason:
    code = getattr(error, "err_code", None)
    if code in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY):
        return Reason.PASSWORD_REQUIRED
    if code == pdfium_c.FPDF_ERR_SUCCESS:
        return Reason.NO_PAGES
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return Reason.CORRUPT if b"%%EOF" in stream.read() else Reason.TRUNCATED


@contextmanager
def open_page(document: pdfium.PdfDocument, number: int) -> Iterator[pdfium.PdfPage]:
    """Page ``number`` (from 1), closed at the end of the block. What a viewer shows of its form fields and annotations is drawn on it.

    Raises:
        Quarantined: page_unreadable, when pdfium cannot load it or it has no area.
    """
    page = _load(document, number)
    try:
        if _has_annotations(page):
            pdfium_c.FPDFPage_Flatten(page.raw, pdfium_c.FLAT_NORMALDISPLAY)
            page.close()
            page = _load(document, number)
        width, height = page.get_size()
        if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
            raise Quarantined(Reason.PAGE_UNREADABLE, f"the page is {width} x {height} points")
        yield page
    finally:
        page.close()


def _load(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    try:
        return document[number - 1]
    except (pdfium.PdfiumError, IndexError) as error:
        raise Quarantined(Reason.PAGE_UNREADABLE, str(error)) from error


def _has_annotations(page: pdfium.PdfPage) -> bool:
    """Whether the page has annotations that are more than links."""
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, index)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind not in (pdfium_c.FPDF_ANNOT_LINK, pdfium_c.FPDF_ANNOT_POPUP):
            return True
    return False


def choose_dpi(page: pdfium.PdfPage, max_pixels: int, scanned: float = 0.0) -> int:
    """The resolution at which a page is read: ``DPI``, or as much less as keeps it within ``max_pixels`` and ``MAX_SIDE_PX``.

    Args:
        page: an open page; a very small one has ``LEAST_SIDE_PX`` at least.
        max_pixels: most pixels of its picture.
        scanned: resolution of the scan that the page shows: it is read at that, up to ``MOST_PIXELS``.

    Raises:
        Quarantined: page_too_large, when not even 1 dpi does.
    """
    width, height = (side / POINTS_PER_INCH for side in page.get_size())
    longer, area = max(width, height), width * height
    most = math.sqrt(MOST_PIXELS / area)
    wanted = max(DPI, LEAST_SIDE_PX / longer, min(round(scanned), most))
    if scanned:
        wanted = min(wanted, max(scanned, most))  # on a page of the size of a wall a scan is drawn no larger than it is
    dpi = int(min(wanted, math.sqrt(max_pixels / area), MAX_SIDE_PX / longer))
    if dpi < 1:
        raise Quarantined(Reason.PAGE_TOO_LARGE, f"the page is {width:,.0f} x {height:,.0f} inches; raise limits.page_pixels")
    return dpi


def frame(page: pdfium.PdfPage, dpi: float) -> tuple[int, int]:
    """Width and height in pixels of the page at ``dpi``, as ``render`` makes it."""
    scale = dpi / POINTS_PER_INCH
    width, height = page.get_size()
    return math.ceil(width * scale), math.ceil(height * scale)


def transform(page: pdfium.PdfPage, dpi: float) -> tuple[float, float, float, float, float, float]:
    """The affine (a, b, c, d, e, f) from points of the unrotated crop box (origin top left) to pixels of the frame."""
    scale = dpi / POINTS_PER_INCH
    width, height = (side * scale for side in page.get_size())
    match page.get_rotation():
        case 90:
            return (0.0, scale, -scale, 0.0, width, 0.0)
        case 180:
            return (-scale, 0.0, 0.0, -scale, width, height)
        case 270:
            return (0.0, -scale, scale, 0.0, 0.0, height)
        case _:
            return (scale, 0.0, 0.0, scale, 0.0, 0.0)


def in_frame(boxes: Boxes, page: pdfium.PdfPage, dpi: float) -> Boxes:
    """Boxes as left, top, right, bottom in pixels of the frame at ``dpi``.

    Args:
        boxes: n x 4: left, bottom, right, top in points of the page as it is stored.
        page: whose boxes they are.
        dpi: of the frame.
    """
    a, b, c, d, e, f = transform(page, dpi)
    x_left, _, _, y_top = page.get_bbox()
    x, y = boxes[:, (0, 2)] - x_left, y_top - boxes[:, (3, 1)]
    across, down = a * x + c * y + e, b * x + d * y + f  # one of a and c is 0, and one of b and d
    return np.column_stack((across.min(axis=1), down.min(axis=1), across.max(axis=1), down.max(axis=1)))


def render(page: pdfium.PdfPage, dpi: float, grey: bool = False) -> Image.Image:
    """The page at ``dpi`` on white: mode RGB, or L for ``grey``, which takes a quarter of the memory.

    Raises:
        Quarantined: page_unreadable, when pdfium has no memory for the bitmap.
    """
    try:
        bitmap = page.render(scale=dpi / POINTS_PER_INCH, grayscale=grey)
    except pdfium.PdfiumError as error:
        raise Quarantined(Reason.PAGE_UNREADABLE, str(error)) from error
    image: Image.Image = bitmap.to_pil()
    return image if grey else image.convert("RGB")


def pixels(page: pdfium.PdfPage, dpi: float, grey: bool) -> npt.NDArray[np.uint8]:
    """A page of some hundred pixels a side: rows x columns for ``grey``, else rows x columns x (blue, green, red, unused).

    ``render`` is for pages to be read and looked at; this spares a third of its time.
    """
    width, height = frame(page, dpi)
    kind, shape = (pdfium_c.FPDFBitmap_Gray, (height, width)) if grey else (pdfium_c.FPDFBitmap_BGRx, (height, width, 4))
    drawn = np.full(shape, 255, np.uint8)
    bitmap = pdfium_c.FPDFBitmap_CreateEx(width, height, kind, drawn.ctypes.data, drawn.strides[0])
    flags = pdfium_c.FPDF_ANNOT | (pdfium_c.FPDF_GRAYSCALE if grey else 0)
    pdfium_c.FPDF_RenderPageBitmap(bitmap, page.raw, 0, 0, width, height, 0, flags)
    pdfium_c.FPDFBitmap_Destroy(bitmap)
    return drawn
