from __future__ import annotations

import pytest

from octavo.page.labels import find, tied
from tests.grid import box, page


@pytest.mark.parametrize(("printed", "labels", "found"), [
    pytest.param("Invoice No.  4711", ["Invoice No"], ["Invoice No."], id="punctuation does not count"),
    pytest.param("INVOICE NO:  4711", ["Invoice No"], ["INVOICE NO:"], id="case does not count"),
    pytest.param("InvoiceNo  4711", ["Invoice No"], ["InvoiceNo"], id="OCR may lose a space"),
    pytest.param("Invo1ce N0  4711", ["Invoice No"], ["Invo1ce N0"], id="look-alikes are one"),
    pytest.param("lnvoice Dafe  1", ["Invoice Date"], ["lnvoice Dafe"], id="one misread letter in a long label"),
    pytest.param("Rate  5", ["Date"], [], id="a short label is never misread"),
    pytest.param("Échéance  1", ["Echeance"], ["Échéance"], id="accents do not count"),
    pytest.param("Order #  17", ["Order #"], ["Order #"], id="a number sign is part of a label"),
    pytest.param("Order type  17", ["Order #"], [], id="without its number sign it is another label"),
    pytest.param("Date:19/10/2018", ["Date"], ["Date"], id="a label glued to its value"),
    pytest.param("Total(RM)  5.00", ["Total"], ["Total"], id="a unit in brackets"),
    pytest.param("Update  5", ["Date"], [], id="the end of another word is no label"),
])
def test_labels_match_their_prints(printed: str, labels: list[str], found: list[str]) -> None:
    assert [label.text for label in find(page(printed), labels)] == found


def test_the_longest_label_wins() -> None:
    prints = find(page("Total Amount Due  5.00\nTotal  7.00"), ["Total", "Total Amount Due"])
    assert [(label.text, label.name) for label in prints] == [("Total Amount Due", "Total Amount Due"), ("Total", "Total")]


@pytest.mark.parametrize("printed", ["Sub Total  5.00", "Total Qty  2", "TOTAL SAVING  1.00"], ids=["before", "behind", "capitals"])
def test_other_labels_hide_the_ones_they_contain(printed: str) -> None:
    assert find(page(printed), ["Total"], ["Sub Total", "Total Qty", "Total Saving"]) == []
    assert find(page(printed), ["Total"])


def test_a_label_does_not_reach_over_a_wide_gap() -> None:
    assert find(page("Total    Amount"), ["Total Amount"]) == []


def test_a_label_in_a_word_with_its_value_says_where_the_value_begins() -> None:
    (label,) = find(page("Date:19/10/2018"), ["Date"])
    assert "Date:19/10/2018"[label.rest:] == ":19/10/2018"
    assert label.box.width < box(page("Date:19/10/2018"), "Date:19/10/2018").width


TIED = page("""
Total      RM 60.30
Qty   Price   Amount
2     5.00    10.00
3     7.00    21.00
Cash  paid by the customer 70.30
Note
Date:19/10/2018
""")


@pytest.mark.parametrize(("label", "value", "least", "most"), [
    pytest.param("Total", "60.30", 1.0, 1.0, id="beside it, a currency mark between"),
    pytest.param("Amount", "10.00", 1.0, 1.0, id="right below it"),
    pytest.param("Amount", "21.00", 0.3, 0.7, id="below another value"),
    pytest.param("Cash", "70.30", 0.0, 0.0, id="words between"),
    pytest.param("Total", "21.00", 0.0, 0.0, id="neither beside nor below"),
    pytest.param("Price", "10.00", 0.0, 0.0, id="another column"),
    pytest.param("Note", "2", 0.0, 0.0, id="above it"),
    pytest.param("Date", "Date:19/10/2018", 1.0, 1.0, id="in one word"),
])
def test_a_tie_says_how_close_a_value_is_to_its_label(label: str, value: str, least: float, most: float) -> None:
    (found,) = find(TIED, [label])
    assert least <= tied(TIED, found, box(TIED, value)) <= most
