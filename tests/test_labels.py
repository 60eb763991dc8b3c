from __future__ import annotations

import pytest

from octavo.page.labels import Index
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
    assert [label.text for label in Index(page(printed)).find(labels)] == found


def test_the_longest_label_wins() -> None:
    prints = Index(page("Total Amount Due  5.00\nTotal  7.00")).find(["Total", "Total Amount Due"])
    assert [(label.text, label.name) for label in prints] == [("Total Amount Due", "Total Amount Due"), ("Total", "Total")]


@pytest.mark.parametrize("printed", ["Sub Total  5.00", "Total Qty  2", "TOTAL SAVING  1.00"], ids=["before", "behind", "capitals"])
def test_other_labels_hide_the_ones_they_contain(printed: str) -> None:
    assert Index(page(printed)).find(["Total"], ["Sub Total", "Total Qty", "Total Saving"]) == []
    assert Index(page(printed)).find(["Total"])


def test_a_label_does_not_reach_over_a_wide_gap() -> None:
    assert Index(page("Total    Amount")).find(["Total Amount"]) == []


def test_a_label_in_a_word_with_its_value_says_where_the_value_begins() -> None:
    (label,) = Index(page("Date:19/10/2018")).find(["Date"])
    assert "Date:19/10/2018"[label.rest:] == ":19/10/2018"
    assert label.box.width < box(page("Date:19/10/2018"), "Date:19/10/2018").width
