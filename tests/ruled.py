"""How much of the rulings and check boxes of a made page (``samples.ruled``) is found, for tests and ``bench/rulings.py``."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pypdfium2 as pdfium
from PIL import Image

from octavo.model.entities import Box, CheckBox, Page, Word
from octavo.page import pdf
from octavo.reading import deskew, pdf_rulings, picture_rulings, rulings, text_layer
from octavo.reading.page_objects import objects
from octavo.reading.rulings import PageLines, Pieces
from samples import ruled
from samples.drawing import SCAN_DPI, Scanner

REACH_PDF, REACH_SCAN = 1.5, 3.0  # pixels across a line
ENDS = 4.0                        # pixels along it
How = tuple[float, Scanner, int | None]  # degrees, what goes wrong on the glass, and the JPEG quality (None: not compressed)
UPRIGHT = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Drawn = tuple[float, float, float, float, bool]  # a check box, pixels, and whether it is ticked


@dataclass
class Tally:
    """Lengths in pixels, counts and seconds of one way of reading."""

    drawn: float = 0.0
    recalled: float = 0.0
    found: float = 0.0
    right: float = 0.0
    lines: int = 0
    pieces: int = 0
    checks: int = 0
    checks_right: int = 0
    checks_false: int = 0
    pages: int = 0
    seconds: list[float] = field(default_factory=list)

    def figures(self, name: str) -> dict[str, float]:
        return {
            f"{name}_pages": self.pages, f"{name}_lines": self.lines, f"{name}_recall": _share(self.recalled, self.drawn),
            f"{name}_precision": _share(self.right, self.found), f"{name}_pieces": _share(self.pieces, self.lines),
            f"{name}_checks": _share(self.checks_right, self.checks), f"{name}_false_checks": self.checks_false,
            f"{name}_ms": round(1000 * sum(self.seconds) / max(1, self.pages), 2),
        }


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 1.0


def measure_pdf(page: ruled.RuledPage, data: bytes, tally: Tally) -> None:
    document = pdfium.PdfDocument(data)
    [opened] = document
    words = text_layer.read(opened, objects(opened)).words(opened, SCAN_DPI)
    started = time.process_time()
    found = pdf_rulings.read(opened, objects(opened), SCAN_DPI)
    found = rulings.with_words(found, Page("", 1, *pdf.frame(opened, SCAN_DPI), SCAN_DPI, 0, UPRIGHT, words))
    tally.seconds.append(time.process_time() - started)
    count(ruled.pixels(page), boxes_of(page), found, REACH_PDF, tally)


def measure_scan(page: ruled.RuledPage, data: bytes, how: How, *tallies: Tally) -> None:
    skew, scanner, quality = how
    image, lines, there = ruled.scanned(page, skew, scanner, data)
    if quality:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        image = Image.open(stream)
        image.load()
    measured = deskew.angle_of(deskew.ink_of(image))
    words = words_there(data, there)
    started = time.process_time()
    found = picture_rulings.read(image, image.size, measured, SCAN_DPI)
    found = rulings.with_words(found, Page("", 1, *image.size, SCAN_DPI, 0, UPRIGHT, words, measured))
    seconds = time.process_time() - started
    boxes = [(*box_there(box, there), ticked) for *box, ticked in boxes_of(page)]
    for tally in tallies:
        tally.seconds.append(seconds)
        count(lines, boxes, found, REACH_SCAN, tally)


def boxes_of(page: ruled.RuledPage) -> list[Drawn]:
    """The check boxes of a page at ``SCAN_DPI``."""
    edges = ((x, y, x + side, y + side, ticked) for x, y, side, ticked in page.boxes)
    return [(x0 * ruled.MM, y0 * ruled.MM, x1 * ruled.MM, y1 * ruled.MM, ticked) for x0, y0, x1, y1, ticked in edges]


def words_there(data: bytes, there: ruled.There) -> tuple[Word, ...]:
    """The words of a PDF as OCR would see them on the scan."""
    [opened] = pdfium.PdfDocument(data)
    words = text_layer.read(opened, objects(opened)).words(opened, SCAN_DPI)
    return tuple(word._replace(box=Box(*(round(side) for side in box_there(word.box, there)))) for word in words)


def box_there(box: Sequence[float], there: ruled.There) -> tuple[float, float, float, float]:
    """The box around where a box's corners come to lie."""
    xs, ys = zip(*(there(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def count(
    lines: Sequence[ruled.Line], boxes: Sequence[Drawn], found: PageLines, reach: float, tally: Tally,
) -> None:
    """Add what was found of a page to a tally."""
    drawn = np.array(lines, np.float64).reshape(len(lines), 5)
    kept = np.array(found.rulings, np.float64).reshape(len(found.rulings), 5)
    tally.pages += 1
    tally.lines += len(drawn)
    tally.pieces += len(kept)
    for all_, others, total, hit in ((drawn, kept, "drawn", "recalled"), (kept, drawn, "found", "right")):
        for one in all_:
            length, near = covered(one, others, reach)
            setattr(tally, total, getattr(tally, total) + length)
            setattr(tally, hit, getattr(tally, hit) + near)
    tally.checks += len(boxes)
    tally.checks_right += sum(any(_is_that(check, box) for check in found.checks) for box in boxes)
    tally.checks_false += sum(not any(_is_that(check, (*box[:4], check.ticked)) for box in boxes) for check in found.checks)


def covered(line: Pieces, others: Pieces, reach: float) -> tuple[float, float]:
    """A line's length in pixels, and how much of it lies within reach of others of its direction."""
    length = float(np.hypot(line[2] - line[0], line[3] - line[1]))
    steps = max(2, round(length))
    share = (np.arange(steps) + 0.5) / steps
    xs, ys = line[0] + share * (line[2] - line[0]), line[1] + share * (line[3] - line[1])
    near = np.zeros(steps, bool)
    direction = (line[2] - line[0]) / max(length, 1e-9), (line[3] - line[1]) / max(length, 1e-9)
    for x0, y0, x1, y1, _ in others:
        other = float(np.hypot(x1 - x0, y1 - y0))
        if not other or abs((x1 - x0) * direction[0] + (y1 - y0) * direction[1]) < 0.9 * other:
            continue
        ux, uy = (x1 - x0) / other, (y1 - y0) / other
        along, across = (xs - x0) * ux + (ys - y0) * uy, (ys - y0) * ux - (xs - x0) * uy
        near |= (np.abs(across) <= reach) & (along >= -ENDS) & (along <= other + ENDS)
    return length, length * float(near.mean())


def _is_that(check: CheckBox, box: Drawn) -> bool:
    return check.ticked == box[4] and all(abs(a - b) <= ENDS for a, b in zip(check.box, box, strict=False))
