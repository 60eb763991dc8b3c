"""Pages whose rulings and check boxes are known: tables with and without lines, forms, and what is easily taken for a ruling.

Each page is drawn as a PDF and can be scanned (``samples.drawing.scan``). Same seed, same bytes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageDraw

from samples.drawing import SCAN_DPI, Scanner, Sheet, rasterise, scan

MM = SCAN_DPI / 25.4  # pixels of a millimetre
POINT = 25.4 / 72     # millimetres
BLACK = (0, 0, 0)
WORDS = (
    "desk", "lamp", "stapler", "invoice", "harbour", "coffee", "paper", "folder", "ribbon", "engine", "monthly", "service", "delivery",
    "amount", "number", "of", "goods", "for", "the",
)

Line = tuple[float, float, float, float, float]  # end points and thickness
There = Callable[[float, float], tuple[float, float]]


@dataclass
class RuledPage:
    """A page with what is true of it: lines in millimetres, check boxes as (left, top, side, ticked)."""

    name: str
    rng: random.Random
    sheet: Sheet = field(default_factory=Sheet)
    lines: list[Line] = field(default_factory=list)
    boxes: list[tuple[float, float, float, bool]] = field(default_factory=list)

    def line(
        self, x0: float, y0: float, x1: float, y1: float, points: float = 0.5, colour: tuple[int, int, int] = BLACK, dash: float = 0.0,
    ) -> None:
        """Draw a line that is ``points`` thick; with ``dash`` of dashes so many millimetres long, with gaps as long."""
        self.lines.append((x0, y0, x1, y1, points * POINT))
        self.sheet.set_draw_color(*colour)
        self.sheet.set_line_width(points * POINT)
        if dash:
            self.sheet.set_dash_pattern(dash, dash)
        self.sheet.line(x0, y0, x1, y1)
        self.sheet.set_dash_pattern()
        self.sheet.set_draw_color(*BLACK)

    def box(self, x: float, y: float, width: float, height: float, points: float = 0.5, colour: tuple[int, int, int] = BLACK) -> None:
        """Draw a rectangle by its outline."""
        self.sheet.set_draw_color(*colour)
        self.sheet.set_line_width(points * POINT)
        self.sheet.rect(x, y, width, height)
        self.sheet.set_draw_color(*BLACK)
        thick = points * POINT
        self.lines += [(x, y, x + width, y, thick), (x, y + height, x + width, y + height, thick)]
        self.lines += [(x, y, x, y + height, thick), (x + width, y, x + width, y + height, thick)]

    def check(self, x: float, y: float, side: float, ticked: bool) -> None:
        """Draw a check box; the mark is a cross, a tick, a dot or a filling."""
        self.boxes.append((x, y, side, ticked))
        sheet = self.sheet
        sheet.set_line_width(0.25)
        sheet.rect(x, y, side, side)
        if not ticked:
            return
        left, top, right, bottom = x + side / 5, y + side / 5, x + side * 4 / 5, y + side * 4 / 5
        sheet.set_fill_color(*BLACK)
        match self.rng.randrange(4):
            case 0:
                sheet.line(left, top, right, bottom)
                sheet.line(left, bottom, right, top)
            case 1:
                sheet.set_line_width(0.4)
                sheet.polyline([(left, y + side / 2), (x + side * 0.45, bottom), (right, top)])
            case 2:
                sheet.ellipse(left, top, side * 3 / 5, side * 3 / 5, style="F")
            case _:
                sheet.rect(left, top, side * 3 / 5, side * 3 / 5, style="F")

    def words(self, count: int) -> str:
        return " ".join(self.rng.choice(WORDS) for _ in range(count))

    def write_rows(self, lefts: list[float], tops: list[float], size: float = 9) -> None:
        """A word or a number in each cell."""
        for y0, y1 in pairwise(tops):
            for number, x in enumerate(lefts[:-1]):
                text = f"{self.rng.uniform(1, 999):.2f}" if number else self.rng.choice(WORDS)
                self.sheet.write_at(x + 1.5, (y0 + y1) / 2 + 1.2, text, size)


def _places(start: float, steps: list[float]) -> list[float]:
    places = [start]
    for step in steps:
        places.append(places[-1] + step)
    return places


def grid(page: RuledPage) -> None:
    """A table with all of its lines, its text above."""
    page.sheet.paragraph(20, 25, 165, page.words(60))
    lefts, tops = _places(20, [page.rng.uniform(20, 34) for _ in range(5)]), _places(60, [page.rng.uniform(5, 9) for _ in range(18)])
    points = page.rng.choice([0.4, 0.5, 0.75, 1.0])
    for y in tops:
        page.line(lefts[0], y, lefts[-1], y, points)
    for x in lefts:
        page.line(x, tops[0], x, tops[-1], points)
    page.write_rows(lefts, tops)


def open_table(page: RuledPage) -> None:
    """A table with lines over, under and below its heading; then sums with a double line."""
    lefts, tops = _places(20, [45, 40, 40, 45]), _places(50, [8] * 20)
    for y, points in ((tops[0], 1.2), (tops[1], 0.6), (tops[-1], 1.2)):
        page.line(lefts[0], y, lefts[-1], y, points)
    page.write_rows(lefts, tops, 10)
    for y in (tops[-1] + 12, tops[-1] + 13):
        page.line(145, y, 190, y, 0.6)
    page.sheet.write_at(147, tops[-1] + 10, "Total 4,812.60", 11, "B")


def no_lines(page: RuledPage) -> None:
    """A table without lines, underlined and large words, a shaded heading, a picture and a logo: not one ruling."""
    sheet = page.sheet
    sheet.write_at(20, 30, "HILL & FELT Illustrated", 30, "B")
    sheet.set_fill_color(225, 225, 225)
    sheet.rect(20, 60, 170, 8, style="F")
    lefts, tops = _places(20, [45, 40, 40, 45]), _places(60, [8] * 15)
    page.write_rows(lefts, tops, 10)
    sheet.write_at(20, 45, page.words(6), 11, "U")
    picture = Image.effect_noise((300, 200), 60)
    ImageDraw.Draw(picture).rectangle((60, 50, 200, 150), fill=20)
    sheet.image(picture, 20, 200, w=60)
    sheet.set_fill_color(20, 60, 140)
    sheet.polygon([(150, 20), (190, 20), (170, 45)], style="F")
    sheet.paragraph(90, 205, 100, page.words(80), 9, 4.5)


def form(page: RuledPage) -> None:
    """A form of boxes with labels, a comb of characters, blanks to fill in and check boxes."""
    sheet, y = page.sheet, 30.0
    for _ in range(7):
        x, height = 20.0, page.rng.uniform(9, 14)
        for width in (page.rng.uniform(40, 70), page.rng.uniform(30, 50), 0):
            width = width or 190 - x
            page.box(x, y, width, height, 0.5)
            sheet.write_at(x + 1, y + 3, page.words(2), 6)
            sheet.write_at(x + 3, y + height - 2, page.words(1), 10)
            x += width
        y += height
    y += 8
    page.line(20, y, 110, y)
    page.line(20, y + 7, 110, y + 7)
    for number in range(19):
        page.line(20 + 5 * number, y, 20 + 5 * number, y + 7)
        if 0 < number < 14:
            sheet.write_at(20 + 5 * number - 3.5, y + 5, page.rng.choice("ABCDEFGHKLMNOPRSTUVWX0123456789"), 10)
    y += 20
    for _ in range(3):
        sheet.write_at(20, y, "Name:", 10)
        page.line(35, y + 1, page.rng.uniform(90, 120), y + 1, 0.5)
        y += 9
    for _ in range(8):
        side = page.rng.uniform(2.6, 5)
        page.check(20, y, side, page.rng.random() < 0.5)
        sheet.write_at(28, y + side - 0.5, page.words(4), 10)
        y += 8


def odd_lines(page: RuledPage) -> None:
    """Dashed, light, thick and coloured lines between paragraphs, a frame around some of them, and a double frame."""
    y = 25.0
    styles: list[tuple[float, tuple[int, int, int], float]] = [
        (0.5, BLACK, 1.0), (0.75, BLACK, 2.0), (1.0, BLACK, 0.7), (0.5, (190, 190, 190), 0), (1.0, (210, 210, 210), 0), (3.0, BLACK, 0),
        (2.0, (30, 70, 160), 0), (0.75, (200, 30, 30), 0), (0.3, BLACK, 0), (1.0, (120, 120, 120), 1.5),
    ]
    page.rng.shuffle(styles)
    for points, colour, dash in styles:
        y = page.sheet.paragraph(20, y, 170, page.words(22), 10, 5)
        page.line(20, y, 190, y, points, colour, dash)
        y += 8
    page.box(20, y, 80, 20, 0.75, (0, 90, 60))
    page.sheet.paragraph(23, y + 6, 74, page.words(18), 9, 4.5)
    page.box(110, y, 80, 20, 0.5)
    page.box(111, y + 1, 78, 18, 0.5)
    page.line(60, y, 60, y + 20, 0.5, BLACK, 1.0)


KINDS: dict[str, Callable[[RuledPage], None]] = {
    "grid": grid, "open_table": open_table, "no_lines": no_lines, "form": form, "odd_lines": odd_lines,
}


def make(kind: str, seed: int) -> RuledPage:
    """A page of a kind."""
    page = RuledPage(kind, random.Random(f"{kind}{seed}"))
    KINDS[kind](page)
    return page


def scanned(page: RuledPage, skew: float, scanner: Scanner, pdf: bytes) -> tuple[Image.Image, list[Line], There]:
    """The page as it is scanned with its lines falling to the right by ``skew`` degrees, its lines in pixels of that,
    and where a pixel of the page comes to lie.

    Args:
        page: with its lines.
        skew: degrees.
        scanner: the rest of what goes wrong; its own ``skew`` is not looked at.
        pdf: the page's, as ``page.sheet.to_bytes()`` makes it.
    """
    [flat] = rasterise(pdf)
    image = scan(flat, page.rng, Scanner(-skew, scanner.noise, scanner.shade, scanner.blur))
    cos, sin = math.cos(math.radians(skew)), math.sin(math.radians(skew))

    def there(x: float, y: float) -> tuple[float, float]:
        x, y = x - flat.width / 2, y - flat.height / 2
        return image.width / 2 + x * cos - y * sin, image.height / 2 + x * sin + y * cos

    lines = pixels(page)
    return image, [(*there(x0, y0), *there(x1, y1), thick) for x0, y0, x1, y1, thick in lines], there


def pixels(page: RuledPage) -> list[Line]:
    """The page's lines in pixels at ``SCAN_DPI``."""
    return [(x0 * MM, y0 * MM, x1 * MM, y1 * MM, thick * MM) for x0, y0, x1, y1, thick in page.lines]
