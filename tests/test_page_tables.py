"""The tables of a page, found from the page alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from octavo.model.entities import Page, Ruling
from octavo.page.tables import Table, tables_of
from tests.grid import CHAR, HEIGHT, LINE, MARGIN, askew, page


def ruled(text: str, *lines: tuple[float, float, float, float]) -> Page:
    """A page drawn as text with lines from (row, column) to (row, column) of its characters."""
    def across(column: float) -> int:
        return round(MARGIN + (column - 0.5) * CHAR)

    def down(row: float) -> int:
        return round(MARGIN + row * LINE - (LINE - HEIGHT) / 2)

    rulings = (Ruling(across(x0), down(y0), across(x1), down(y1), 1) for y0, x0, y1, x1 in lines)
    return replace(page(text), rulings=tuple(rulings))


def texts(of: Page, table: Table) -> list[list[str]]:
    """Rows of cells; a cell over several columns or rows stands in the first."""
    rows = [[""] * (len(table.xs) - 1) for _ in table.ys[1:]]
    for cell in table.cells:
        rows[cell.rows[0]][cell.columns[0]] = " ".join(of.words[word].text for word in cell.words)
    return rows


def read(of: Page) -> list[list[list[str]]]:
    return [texts(of, table) for table in tables_of(of)]


PLAIN = """
Prepared for the board

Port         Calls    Cargo
Eastholm        12      410
Wick             7       95
Net mending      -       15
Total           19      520
"""


def test_rows_and_columns_are_told_by_what_stands_below_each_other_and_no_word_ends_them() -> None:
    (table,) = tables_of(page(PLAIN))
    assert texts(page(PLAIN), table) == [
        ["Port", "Calls", "Cargo"], ["Eastholm", "12", "410"], ["Wick", "7", "95"], ["Net mending", "-", "15"], ["Total", "19", "520"],
    ]
    assert (table.header_rows, table.figures, table.ruled) == (1, {1, 2}, False)


@pytest.mark.parametrize(("drawn", "rows"), [
    pytest.param("""
              Fish          Grain
           2024  2025    2024  2025
Eastholm    120   130      80    85
Wick         70    75      20    25
""", [["", "Fish", "", "Grain", ""], ["", "2024", "2025", "2024", "2025"], ["Eastholm", "120", "130", "80", "85"],
      ["Wick", "70", "75", "20", "25"]], id="a header of two lines with groups"),
    pytest.param("""
Port        Calls of   Cargo in
            the year     tonnes
Eastholm          12        410
Wick               7         95
""", [["Port", "Calls of the year", "Cargo in tonnes"], ["Eastholm", "12", "410"], ["Wick", "7", "95"]],
                 id="cells of several lines in the header"),
    pytest.param("""
Date       Text             Out        In
02.05.   Coffee house      5.50
03.05.   Salary for May            3,200.00
05.05.   Power company   180.20
""", [["Date", "Text", "Out", "In"], ["02.05.", "Coffee house", "5.50", ""], ["03.05.", "Salary for May", "", "3,200.00"],
      ["05.05.", "Power company", "180.20", ""]], id="columns that no row fills both of"),
    pytest.param("""
Item                  Pieces     Price
Bracket of steel,          6     60.00
galvanised
Shed                       1    200.00
Roof felt                  2     30.00
""", [["Item", "Pieces", "Price"], ["Bracket of steel, galvanised", "6", "60.00"], ["Shed", "1", "200.00"], ["Roof felt", "2", "30.00"]],
                 id="a text that goes on where it had no room"),
])
def test_open_tables(drawn: str, rows: list[list[str]]) -> None:
    assert read(page(drawn)) == [rows]


@pytest.mark.parametrize("drawn", [
    pytest.param("""
The harbour was built in the years   of vessels that called at it in any
of the great storms, and since then   year before, and its keeper wrote that
has been widened twice. The number   the new quay had been worth the money
of calls grew every year until the   that the town had spent on all of it.
""", id="two columns of running text"),
    pytest.param("""
Harbour office            Invoice
Quay 9                    No. 17
Eastholm                  2 May 2026
""", id="a letterhead"),
    pytest.param("Nothing but a line of text", id="one line"),
    pytest.param("", id="nothing"),
])
def test_what_is_no_table(drawn: str) -> None:
    assert read(page(drawn)) == []


BOXED = """
Port            Calls
Eastholm and       12
the outer quay
Wick                7
"""
FRAME = ((0, 0, 0, 22), (1, 0, 1, 22), (3, 0, 3, 22), (4, 0, 4, 22), (0, 0, 4, 0), (0, 15, 4, 15), (0, 22, 4, 22))


def test_boxes_are_the_cells_where_rulings_close_them() -> None:
    drawn = ruled(BOXED, *FRAME)
    (table,) = tables_of(drawn)
    assert texts(drawn, table) == [["Port", "Calls"], ["Eastholm and the outer quay", "12"], ["Wick", "7"]]
    assert (table.ruled, table.header_rows) == (True, 1)


def test_rows_of_figures_that_no_line_parts_are_rows() -> None:
    drawn = ruled("""
Port            Calls
Eastholm           12
Wick                7
""", *[line for line in FRAME if line[0] not in (3, 4)], (3, 0, 3, 22))
    assert read(drawn) == [[["Port", "Calls"], ["Eastholm", "12"], ["Wick", "7"]]]


def test_a_header_above_the_boxes_and_a_column_beside_them_are_the_tables() -> None:
    drawn = ruled("""
Port        Calls  Cargo
Eastholm       12    410
Wick            7     95
""", *((row, 10, row, 24) for row in (1, 2, 3)), *((1, column, 3, column) for column in (10, 17, 24)))
    assert read(drawn) == [[["Port", "Calls", "Cargo"], ["Eastholm", "12", "410"], ["Wick", "7", "95"]]]


def test_tables_side_by_side_are_two() -> None:
    drawn = ruled("""
Port    Calls    Port    Cargo
Wick        7    Skerry     12
Holm        9    Sound       8
""", *((row, x, row, x + 14) for row in range(4) for x in (0, 17)), *((0, x, 3, x) for x in (0, 7, 14, 17, 24, 31)))
    drawn = replace(drawn, rulings=tuple(r if r.x1 < 200 else r._replace(x1=max(r.x1, 315)) if r.level else r for r in drawn.rulings))
    assert read(drawn) == [[["Port", "Calls"], ["Wick", "7"], ["Holm", "9"]], [["Port", "Cargo"], ["Skerry", "12"], ["Sound", "8"]]]


def test_a_skewed_page_has_the_same_tables_and_their_boxes_lie_on_its_words() -> None:
    level = page(PLAIN)
    skewed = askew(level, 3.0)
    (table,) = tables_of(skewed)
    assert texts(skewed, table) == texts(level, tables_of(level)[0])
    assert all(cell.box.holds(skewed.words[word].box.center) for cell in table.cells for word in cell.words)


def test_every_word_is_in_one_cell_at_most() -> None:
    drawn = page(PLAIN + PLAIN.replace("Port", "Pier"))
    held = [word for table in tables_of(drawn) for cell in table.cells for word in cell.words]
    assert len(held) == len(set(held))
