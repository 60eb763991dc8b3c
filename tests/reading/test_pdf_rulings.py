"""Rulings and check boxes of PDFs: what their paths draw, where it is seen."""

from __future__ import annotations

from collections.abc import Callable

import pypdfium2 as pdfium
import pytest
from fpdf import FPDF
from fpdf.drawing import DeviceRGB, PaintedPath

from octavo.model.entities import Box, CheckBox, Page, Ruling, Source, Word
from octavo.page import pdf
from octavo.reading import pdf_rulings, rulings
from octavo.reading.page_objects import objects
from octavo.reading.rulings import PageLines

DPI = 144  # two pixels of a point
Draw = Callable[[FPDF], object]


def page_of(draw: Draw, size: tuple[int, int] = (400, 300)) -> pdfium.PdfPage:
    """A page in points, origin top left, that ``draw`` draws on."""
    made = FPDF(unit="pt", format=size)
    made.set_auto_page_break(False)
    made.add_page()
    made.set_line_width(1)
    draw(made)
    return pdfium.PdfDocument(bytes(made.output()))[0]


def lines_of(draw: Draw) -> PageLines:
    page = page_of(draw)
    return pdf_rulings.read(page, objects(page), DPI)


def in_colour(draw: Draw, stroke: int | None = None, fill: int | None = None) -> Draw:
    def drawn(page: FPDF) -> None:
        if stroke is not None:
            page.set_draw_color(stroke)
        if fill is not None:
            page.set_fill_color(fill)
        draw(page)
    return drawn


def many(*draws: Draw) -> Draw:
    return lambda page: [draw(page) for draw in draws]


def line(x0: float, y0: float, x1: float, y1: float) -> Draw:
    return lambda page: page.line(x0, y0, x1, y1)


def rectangle(x: float, y: float, width: float, height: float, style: str = "D") -> Draw:
    return lambda page: page.rect(x, y, width, height, style=style)


def opaque(share: float, draw: Draw) -> Draw:
    def drawn(page: FPDF) -> None:
        with page.local_context(stroke_opacity=share, fill_opacity=share):
            draw(page)
    return drawn


def dashed(page: FPDF) -> None:
    page.set_dash_pattern(3, 3)
    page.line(50, 100, 350, 100)


LEVEL = Ruling(100, 200, 700, 200, 2)
SIDES = {Ruling(100, 100, 500, 100, 2), Ruling(100, 200, 500, 200, 2), Ruling(100, 100, 100, 200, 2), Ruling(500, 100, 500, 200, 2)}


@pytest.mark.parametrize(("draw", "found"), [
    pytest.param(line(50, 100, 350, 100), {LEVEL}, id="stroke"),
    pytest.param(line(350, 100, 50, 100), {LEVEL}, id="stroke from right to left"),
    pytest.param(line(60, 250, 60, 50), {Ruling(120, 100, 120, 500, 2)}, id="upright stroke"),
    pytest.param(rectangle(50, 99.5, 300, 1, "F"), {LEVEL}, id="area as thin as a line"),
    pytest.param(rectangle(50, 50, 200, 50), SIDES, id="sides of a stroked rectangle"),
    pytest.param(in_colour(rectangle(50, 50, 200, 50, "DF"), 0, 255), SIDES, id="sides of a filled and stroked rectangle"),
    pytest.param(in_colour(rectangle(50, 50, 200, 50, "F"), fill=200), set(), id="edges of a shaded area"),
    pytest.param(in_colour(rectangle(50, 50, 200, 50, "DF"), 200, 200), set(), id="an area and its outline of one colour"),
    pytest.param(dashed, {LEVEL}, id="dashes of a stroke"),
    pytest.param(many(*(line(50 + 6 * n, 100, 53 + 6 * n, 100) for n in range(50))), {LEVEL._replace(x1=694)}, id="dashes one by one"),
    pytest.param(many(*(rectangle(50 + 4 * n, 99.5, 1, 1, "F") for n in range(75))), {LEVEL._replace(x1=694)}, id="dots one by one"),
    pytest.param(many(line(50, 100, 200, 100), line(200, 100, 350, 100), line(60, 100, 300, 100)), {LEVEL}, id="pieces that touch"),
    pytest.param(many(line(50, 100, 350, 100), line(50, 102, 350, 102)), {LEVEL, LEVEL._replace(y0=204, y1=204)}, id="double line"),
    pytest.param(many(line(50, 100, 190, 100), line(196, 100, 350, 100)),
                 {LEVEL._replace(x1=380), LEVEL._replace(x0=392)}, id="two lines with a gap"),
    pytest.param(line(50, 100, 350, 103), {LEVEL._replace(y1=206)}, id="a degree askew"),
    pytest.param(line(50, 100, 350, 140), set(), id="slanted line"),
    pytest.param(line(50, 100, 57, 100), set(), id="short stroke"),
    pytest.param(in_colour(line(50, 100, 350, 100), 255), set(), id="white on white"),
    pytest.param(in_colour(line(50, 100, 350, 100), 248), set(), id="almost white"),
    pytest.param(many(in_colour(rectangle(40, 80, 320, 40, "F"), fill=90), in_colour(line(50, 100, 350, 100), 255)), {LEVEL},
                 id="white on grey"),
    pytest.param(many(line(50, 100, 350, 100), in_colour(rectangle(40, 80, 320, 40, "F"), fill=255)), set(), id="covered later"),
    pytest.param(opaque(0.02, line(50, 100, 350, 100)), set(), id="transparent"),
    pytest.param(many(*(rectangle(50 + 4 * n, 50, 1 + n % 2, 60, "F") for n in range(20))), set(), id="bar code"),
    pytest.param(rectangle(50, 90, 300, 20, "F"), set(), id="thick bar"),
    pytest.param(line(-50, 350, 350, 350), set(), id="off the page"),
    pytest.param(line(50, 100, 900, 100), {LEVEL._replace(x1=800)}, id="beyond the page"),
])
def test_a_ruling_is_a_straight_line_that_is_seen(draw: Draw, found: set[Ruling]) -> None:
    assert set(lines_of(draw).rulings) == found


def test_a_stroke_shows_as_much_as_its_clip_lets_through() -> None:
    def draw(page: FPDF) -> None:
        with page.rect_clip(100, 50, 100, 100):
            page.line(50, 100, 350, 100)
            page.line(50, 200, 350, 200)

    assert lines_of(draw).rulings == (Ruling(200, 200, 400, 200, 2),)


def test_a_frame_that_is_filled_between_two_rectangles_has_four_lines() -> None:
    def draw(page: FPDF) -> None:
        path = PaintedPath()
        path.rectangle(50, 50, 200, 50)
        path.rectangle(51, 51, 198, 48)
        path.style.intersection_rule = "evenodd"
        path.style.fill_color, path.style.stroke_color = DeviceRGB(0, 0, 0), None
        with page.drawing_context() as context:
            context.add_item(path)

    found = lines_of(draw).rulings
    shapes = sorted((ruling.level, round(ruling.length / 4), ruling.width) for ruling in found)
    assert shapes == [(False, 25, 2), (False, 25, 2), (True, 100, 2), (True, 100, 2)]


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_lines_within_a_form_object_lie_where_a_turned_page_shows_them(turned: int) -> None:
    inner = page_of(many(line(50, 100, 350, 100), rectangle(100, 150, 100, 60)))
    made = pdfium.PdfDocument.new()
    page = made.new_page(400, 300)
    placed = inner.pdf.page_as_xobject(0, made).as_pageobject()
    placed.set_matrix(pdfium.PdfMatrix().scale(0.5, 0.5).translate(20, 30))
    page.insert_obj(placed)
    page.gen_content()
    page.set_rotation(turned)
    found = pdf_rulings.read(page, objects(page), DPI).rulings
    shown = pdf.render(page, DPI, grey=True)
    assert len(found) == 5
    for ruling in found:
        middle = (ruling.x0 + ruling.x1) // 2, (ruling.y0 + ruling.y1) // 2
        near = shown.crop((middle[0] - 2, middle[1] - 2, middle[0] + 2, middle[1] + 2))
        assert near.getextrema()[0] < 160, ruling  # type: ignore[operator]  # one band
    assert sorted(round(ruling.length) for ruling in found) == [60, 60, 100, 100, 300]


CROSS = many(line(103, 103, 109, 109), line(103, 109, 109, 103))


@pytest.mark.parametrize(("draw", "ticked"), [
    pytest.param(rectangle(100, 100, 12, 12), [False], id="empty"),
    pytest.param(many(rectangle(100, 100, 12, 12), CROSS), [True], id="cross"),
    pytest.param(many(rectangle(100, 100, 12, 12), rectangle(103, 103, 6, 6, "F")), [True], id="filled"),
    pytest.param(many(rectangle(100, 100, 12, 12), lambda page: page.ellipse(103, 103, 6, 6, style="F")), [True], id="dot"),
    pytest.param(many(rectangle(100, 100, 12, 12), in_colour(rectangle(101, 101, 10, 10), 180)), [False], id="inner frame"),
    pytest.param(lambda page: page.ellipse(100, 100, 12, 12), [], id="circle"),
    pytest.param(rectangle(100, 100, 30, 12), [], id="oblong"),
    pytest.param(rectangle(100, 100, 40, 40), [], id="large square"),
    pytest.param(many(*(rectangle(100 + 12 * n, 100, 12, 12) for n in range(6))), [], id="cells of a comb"),
    pytest.param(many(rectangle(100, 100, 12, 12), line(50, 112, 300, 112)), [], id="cell on a line"),
    pytest.param(in_colour(rectangle(100, 100, 12, 12), 255), [], id="white on white"),
])
def test_a_check_box_is_a_square_by_itself_and_ticked_by_what_is_in_it(draw: Draw, ticked: list[bool]) -> None:
    found = lines_of(draw)
    assert [check.ticked for check in found.checks] == ticked
    if ticked:
        assert found.rulings == ()
        assert found.checks[0].box.center == pytest.approx((212, 212), abs=1)


def test_of_a_page_of_very_many_paths_the_first_are_looked_at_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_rulings, "MOST_PATHS", 3)
    found = lines_of(many(*(line(50, 50 + 20 * n, 350, 50 + 20 * n) for n in range(5))))
    assert (len(found.rulings), found.left_out) == (3, "rulings: the first 3 of 5 paths were looked at")


def test_of_very_many_lines_the_longest_are_kept_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulings, "MOST_RULINGS", 2)
    found = lines_of(many(*(line(50, 50 + 20 * n, 100 + 50 * n, 50 + 20 * n) for n in range(4))))
    assert [ruling.x1 for ruling in found.rulings] == [400, 500]
    assert found.left_out == "rulings: the longest 2 of 4 are kept"


def word(text: str, *box: int) -> Word:
    return Word(text, Box(*box), 1.0, Source.TEXT_LAYER)


def page_with(*words: Word, lines: PageLines) -> PageLines:
    return rulings.with_words(lines, Page("d", 1, 800, 600, DPI, 0, (1, 0, 0, 1, 0, 0), words))


@pytest.mark.parametrize(("ruling", "kept"), [
    pytest.param(Ruling(98, 123, 262, 123, 2), False, id="under the words from end to end"),
    pytest.param(Ruling(98, 110, 262, 110, 2), False, id="through the words"),
    pytest.param(Ruling(98, 123, 400, 123, 2), True, id="a blank with words on its first part"),
    pytest.param(Ruling(98, 145, 262, 145, 2), True, id="further below"),
    pytest.param(Ruling(180, 90, 180, 140, 2), True, id="upright"),
])
def test_lines_that_go_with_words_are_no_rulings(ruling: Ruling, kept: bool) -> None:
    words = word("Total", 100, 100, 160, 120), word("amount", 170, 100, 260, 120)
    assert page_with(*words, lines=PageLines((ruling,))).rulings == ((ruling,) if kept else ())


def test_characters_that_show_check_boxes_are_some_and_tick_those_that_they_stand_in() -> None:
    drawn = CheckBox(Box(100, 100, 124, 124), False)
    words = (
        word("✔", 104, 102, 122, 122), word("☐", 200, 100, 220, 120), word("☒", 200, 140, 220, 160), word("☐Yes", 300, 100, 360, 120),
        word("o", 400, 100, 415, 120), word("D", 430, 100, 450, 120),
    )
    assert page_with(*words, lines=PageLines((), (drawn,))).checks == (
        drawn._replace(ticked=True), CheckBox(Box(200, 100, 220, 120), False), CheckBox(Box(300, 100, 320, 120), False),
        CheckBox(Box(200, 140, 220, 160), True),
    )


@pytest.mark.parametrize(("box", "kept"), [
    pytest.param(Box(100, 107, 113, 120), False, id="a low first letter"),
    pytest.param(Box(130, 100, 150, 120), False, id="a letter within"),
    pytest.param(Box(98, 98, 120, 122), True, id="a box that is read as a letter"),
    pytest.param(Box(70, 100, 90, 120), True, id="beside the word"),
])
def test_a_square_letter_of_a_word_is_no_check_box(box: Box, kept: bool) -> None:
    found = page_with(word("OYes", 100, 100, 180, 120), lines=PageLines((), (CheckBox(box, True),))).checks
    assert len(found) == kept


def test_a_typed_cross_ticks_the_box_that_it_stands_in() -> None:
    lines = PageLines((), (CheckBox(Box(100, 100, 124, 124), False), CheckBox(Box(200, 100, 224, 124), False)))
    assert [check.ticked for check in page_with(word("X", 106, 104, 118, 120), lines=lines).checks] == [True, False]


def test_lines_turn_with_their_page() -> None:
    lines = PageLines((Ruling(10, 20, 110, 20, 3), Ruling(50, 20, 50, 80, 1)), (CheckBox(Box(5, 10, 15, 20), True),))
    turned = rulings.turned(lines, (0.0, 1.0, -1.0, 0.0, 200.0, 0.0))  # by 90 degrees clockwise, the page being 200 high
    assert turned.rulings == (Ruling(180, 10, 180, 110, 3), Ruling(120, 50, 180, 50, 1))
    assert turned.checks == (CheckBox(Box(180, 5, 190, 15), True),)
