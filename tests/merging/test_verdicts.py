"""Which values may be taken without a look, and why the others may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from octavo.model.contracts import Contract
from octavo.model.entities import Source, Support, Verdict
from tests.merging.pages import FORM, INVOICE, answer, merge, page

PAGE = """
Northwind Goods Ltd
12 Harbour Road

Invoice No  R-2018/0042      Date  05.03.2018
                             Due Date  04.04.2018

Item            Qty   Price   Amount
Coffee beans    2     10.00   20.00
Coffee beans    2     10.00   20.00
Tea             3     1.50    4.50

Net         44.50
VAT         8.90
Total       53.40
"""


def verdict(field, value, text=PAGE, **how):
    return merge(INVOICE, text, answer({field: value}, **how))[field].verdict


@pytest.mark.parametrize(("field", "value"), [
    pytest.param("number", "R-2018/0042", id="identifier"),
    pytest.param("date", "05.03.2018", id="date as printed"),
    pytest.param("date", "2018-03-05", id="date in another form"),
    pytest.param("total", "53.40", id="amount"),
    pytest.param("total", "€ 53,40", id="amount in another form"),
    pytest.param("issuer", "NORTHWIND GOODS LTD", id="name at the top with its legal form"),
])
def test_a_supported_value_beside_its_label_is_accepted(field, value):
    assert verdict(field, value) is Verdict.ACCEPTED


@pytest.mark.parametrize(("field", "value"), [
    pytest.param("total", "53.48", id="digit changed"),
    pytest.param("total", "534.00", id="times ten"),
    pytest.param("total", "-53.40", id="wrong sign"),
    pytest.param("total", "518.53", id="made up"),
    pytest.param("date", "06.03.2018", id="another day"),
    pytest.param("number", "R-2018/0043", id="identifier with a digit changed"),
    pytest.param("number", "2018/0042", id="the tail of an identifier"),
    pytest.param("number", "R-2018", id="the head of an identifier"),
    pytest.param("issuer", "Southwind Goods Ltd", id="a word changed"),
])
def test_a_value_that_legible_words_do_not_show_is_unsupported(field, value):
    found = merge(INVOICE, PAGE, answer({field: value}))[field]
    assert (found.verdict, found.support, found.evidence) == (Verdict.UNSUPPORTED, Support.NONE, ())


@pytest.mark.parametrize(("field", "value"), [
    pytest.param("total", "44.50", id="another field's amount"),
    pytest.param("total", "20.00", id="a line item's amount"),
    pytest.param("date", "04.04.2018", id="another field's date"),
    pytest.param("due", "05.03.2018", id="swapped dates"),
    pytest.param("number", "12", id="a number of the address"),
    pytest.param("issuer", "Coffee beans", id="a line item as the name"),
])
def test_real_words_given_to_the_wrong_field_are_not_accepted(field, value):
    assert verdict(field, value) in (Verdict.AMBIGUOUS, Verdict.CONFLICTING)


def test_an_extractor_that_disagrees_with_the_label_does_not_win():
    found = merge(INVOICE, PAGE, answer({"total": "53.40"}), answer({"total": "44.50"}, "molmo"))["total"]
    assert (found.value, found.verdict) == ("53.40", Verdict.ACCEPTED)
    assert [(one.value, one.reason) for one in found.losers] == [("44.50", "it stands by the label “Net”")]


def test_two_values_by_the_same_label_conflict():
    text = "Date  05.03.2018\n\n\nDate  07.03.2018"
    found = merge(INVOICE, text, answer({"date": "05.03.2018"}), answer({"date": "07.03.2018"}, "molmo"))["date"]
    assert found.verdict is Verdict.CONFLICTING
    assert "07.03.2018" in found.reason


def test_a_value_is_contested_by_another_print_even_if_nobody_said_it():
    assert verdict("date", "05.03.2018", "Date  05.03.2018\n\n\nDate  07.03.2018") is Verdict.CONFLICTING


UNLABELLED = "Northwind\n\nR-2018/0042 for you"


def test_agreement_of_independent_extractors_ties_a_value():
    found = merge(INVOICE, UNLABELLED, answer({"number": "R-2018/0042"}), answer({"number": "R-2018/0042"}, "molmo"))["number"]
    assert (found.verdict, found.reason) == (Verdict.ACCEPTED, "layout and molmo agree")


@pytest.mark.parametrize("others", [
    pytest.param([answer({"number": "R-2018/0042"}, "molmo", hinted=True)], id="it was shown the words"),
    pytest.param([answer({"number": "R-2018/0042"}, "layout", at=1)], id="the same extractor twice"),
    pytest.param([], id="alone"),
])
def test_agreement_between_witnesses_that_share_their_input_ties_nothing(others):
    assert merge(INVOICE, UNLABELLED, answer({"number": "R-2018/0042"}), *others)["number"].verdict is Verdict.AMBIGUOUS


def test_two_hinted_extractors_that_repeat_a_poorly_read_word_are_not_accepted():
    text = "Total  58.40~0.5"
    found = merge(INVOICE, text, answer({"total": "58.40"}), answer({"total": "58.40"}, "molmo", hinted=True))["total"]
    assert found.verdict is Verdict.UNREADABLE


def test_an_unhinted_extractor_confirms_a_poorly_read_word():
    found = merge(INVOICE, "Total  58.40~0.5", answer({"total": "58.40"}), answer({"total": "58.40"}, "molmo"))["total"]
    assert found.verdict is Verdict.ACCEPTED


def test_sums_tie_values_without_labels():
    text = "Northwind\n44.50   8.90   53.40"
    found = merge(INVOICE, text, answer({"net": "44.50", "tax": "8.90", "total": "53.40"}))
    assert {found[name].verdict for name in ("net", "tax", "total")} == {Verdict.ACCEPTED}
    assert "44.50 + 8.90 = 53.40" in found["total"].reason


def test_a_sum_with_a_part_of_nothing_ties_nothing():
    found = merge(INVOICE, "Northwind\n53.40   0.00", answer({"net": "53.40", "tax": "0.00", "total": "53.40"}))
    assert found["total"].verdict is not Verdict.ACCEPTED


def test_a_poor_witness_abstains():
    assert verdict("total", "53.40", "T0t#~0.2 s~0.1 |3.4~0.3") is Verdict.UNREADABLE


def test_a_poorly_read_word_that_may_be_the_value_abstains():
    assert verdict("total", "53.40", "Thank you for coming to us\nTotal  58.40~0.4") is Verdict.UNREADABLE


def test_an_empty_page_is_no_witness():
    assert verdict("total", "53.40", page("")) is Verdict.UNREADABLE


def test_a_correction_by_a_person_wins_whatever_the_page_says():
    found = merge(INVOICE, PAGE, answer({"total": "53.40"}), answer({"total": "99.00"}, "person"))["total"]
    assert (found.value, found.verdict) == ("99.00", Verdict.ACCEPTED)


def test_generated_text_is_a_paraphrase_with_its_cover():
    found = merge(INVOICE, PAGE, answer({"note": "Coffee and beans cost money"}))["note"]
    assert (found.verdict, found.reason) == (Verdict.PARAPHRASE, "the page has 50% of its content words")


def test_an_unparsable_value_is_kept_but_not_accepted():
    found = merge(INVOICE, "Total  soon", answer({"total": "soon"}))["total"]
    assert (found.value, found.typed, found.verdict) == ("soon", None, Verdict.AMBIGUOUS)


def test_a_required_field_that_nobody_found_has_a_row():
    assert merge(INVOICE, PAGE, answer({"total": "53.40"}))["number"].value is None


def test_a_key_of_no_field_keeps_its_own_path_and_its_evidence():
    found = merge(INVOICE, "Weather  sunny", answer({"Weather": "sunny", "deep": {"list": ["sunny", "rain"]}}))
    assert (found["Weather"].matched, found["Weather"].support) == (False, Support.EXACT)
    assert {path for path in found if path.startswith("deep")} == {"deep.list[0]", "deep.list[1]"}


def test_a_misspelt_key_finds_its_field():
    assert merge(INVOICE, PAGE, answer({"Invoice no.:": "R-2018/0042"}))["number"].value == "R-2018/0042"


def test_misread_text_in_poor_words_is_supported_but_numbers_never_are():
    text = page("Seller  Nortbwind~0.5 Goods Ltd\nTotal  58.40~0.5")
    found = merge(INVOICE, text, answer({"issuer": "Northwind Goods Ltd", "total": "53.40"}))
    assert found["issuer"].support is Support.NORMALISED
    assert found["total"].support is Support.UNREADABLE


@pytest.mark.parametrize(("confidence", "found"), [
    pytest.param(0.95, (Verdict.UNSUPPORTED, Support.NONE), id="clearly read"),
    pytest.param(0.7, (Verdict.UNREADABLE, Support.NORMALISED), id="poorly read"),
])
@pytest.mark.parametrize(("field", "value", "shown"), [
    pytest.param("total", "58.40", "SB.40", id="amount"),
    pytest.param("date", "05.03.2018", "O5.03.2018", id="date"),
])
def test_letters_that_look_like_digits_are_digits_in_poorly_read_words_only_and_never_accepted(field, value, shown, confidence, found):
    one = merge(INVOICE, f"{field}  {shown}~{confidence}", answer({field: value}))[field]
    assert (one.verdict, one.support) == found


def test_misread_text_in_legible_words_is_not_supported():
    assert verdict("issuer", "Northwind Goods Ltd", "Seller  Nortbwind Goods Ltd") is Verdict.UNSUPPORTED


def test_a_text_layer_is_believed_without_confidence():
    assert verdict("total", "53.40", page("Total  53.40", source=Source.TEXT_LAYER, confidence=1.0)) is Verdict.ACCEPTED


def test_a_value_over_a_line_break_has_a_box_for_each_line():
    found = merge(INVOICE, "Seller  Northwind\n        Goods Ltd", answer({"issuer": "Northwind Goods Ltd"}))["issuer"]
    assert (found.support, len(found.evidence)) == (Support.EXACT, 2)


def test_a_value_goes_on_down_its_column_past_the_words_of_others():
    text = "Seller            Ship to\nNorthwind Goods   Harbour Stores\nTrading Ltd       Quay 4"
    found = merge(INVOICE, text, answer({"issuer": "Northwind Goods Trading Ltd"}))["issuer"]
    assert (found.verdict, len(found.evidence)) == (Verdict.ACCEPTED, 2)


def test_words_gathered_from_all_over_the_page_are_no_support():
    text = "Seller            Ship to\nNorthwind Harbour   Goods\n\n\n\nQuay Trading Ltd"
    assert verdict("issuer", "Northwind Goods Trading Ltd", text) is Verdict.UNSUPPORTED


def test_pairs_are_accepted_where_key_and_value_stand_together():
    pairs = [{"key": "Name:", "value": "Ada"}, {"key": "Name:", "value": "Paris"}]
    found = merge(FORM, "Name:  Ada\nCity:  Paris", answer({"pairs": pairs}))
    assert found["pairs[0].value"].verdict is Verdict.ACCEPTED
    assert found["pairs[1].value"].verdict is Verdict.AMBIGUOUS


OWNED = """
NORTHWIND STATIONERY SHOP
Owned By :
QUAY SUPPLY SDN BHD
12 Harbour Road
"""


@pytest.mark.parametrize(("name", "text", "accepted"), [
    pytest.param("KEDAI PAPAN YEW", "KEDAI PAPAN YEW\n12 Harbour Road", True, id="a trade in the name"),
    pytest.param("QUAY SUPPLY SDN BHD", OWNED, False, id="the owner, whom the page tells apart from the shop"),
    pytest.param("NORTHWIND STATIONERY SHOP", OWNED, False, id="the shop, which has an owner"),
    pytest.param("Quay Trading Ltd", "Northwind Goods Ltd\n\n\nQuay Trading Ltd", False, id="another business stands above"),
    pytest.param("Northwind Goods Ltd", "Northwind Goods Ltd\n\n\nQuay Trading Ltd", True, id="another business stands below"),
    pytest.param("Northwind Cafe", "Northwind Cafe\n\n\n\nHarbour Foods Ltd", False, id="a trade, though the page has a legal form"),
    pytest.param("Northwind Goods Ltd", "Northwind Goods Ltd - 12 Harbour Road - Brookvale", False, id="cut out of a sender's line"),
    pytest.param("Northwind Goods Ltd", "Northwind Goods Ltd (1135772-K)", True, id="a registration number behind the name"),
    pytest.param("Northwind G00ds Ltd", "Northwind G00ds Ltd", False, id="digits for letters"),
    pytest.param("Insurance Company Ltd", "The Northwind Mutual\nInsurance Company Ltd", True, id="a line above, well apart"),
])
def test_a_name_is_accepted_by_its_place_only_where_nothing_else_may_be_the_senders(name, text, accepted):
    found = merge(INVOICE, text, answer({"issuer": name}))["issuer"]
    assert found.verdict is (Verdict.ACCEPTED if accepted else Verdict.AMBIGUOUS), found.reason


def test_a_name_that_may_go_on_in_the_line_above_is_not_accepted():
    one = page("The Northwind Mutual\nInsurance Company Ltd")
    close = replace(one, words=tuple(
        word._replace(box=word.box._replace(y0=word.box.y0 - 6, y1=word.box.y1 - 6)) if word.box.y0 > 20 else word for word in one.words
    ))
    assert merge(INVOICE, close, answer({"issuer": "Insurance Company Ltd"}))["issuer"].verdict is Verdict.AMBIGUOUS


def test_the_date_of_the_line_that_names_the_document_wins_over_another_by_the_same_label():
    text = "Version 2  Date  10.01.2023\n\n\nInvoice No  R-17  Date  05.03.2018"
    found = merge(INVOICE, text, answer({"date": ["05.03.2018", "10.01.2023"]}))["date"]
    assert (found.value, found.verdict) == ("05.03.2018", Verdict.ACCEPTED)


def test_a_date_by_a_lesser_label_is_not_accepted_where_the_page_has_a_better_one():
    contract = Contract.model_validate({
        "name": "buy", "title": "Buys", "locale": {"date_order": "MDY"},
        "fields": {
            "end": {"type": "date", "labels": ["Flight Dates", "End Date"]}, "printed": {"type": "date", "labels": ["Print Date"]},
        },
    })
    spots = "Line  End Date\n1     03/08/20"
    assert merge(contract, spots, answer({"end": "03/08/20"}))["end"].verdict is Verdict.ACCEPTED
    assert merge(contract, f"Flight Dates  o2/26\n\n{spots}", answer({"end": "03/08/20"}))["end"].verdict is Verdict.AMBIGUOUS
    assert merge(contract, f"{spots}\n\nsee our flight dates online", answer({"end": "03/08/20"}))["end"].verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("text", "accepted"), [
    pytest.param("Total  6  53.40", True, id="a count"),
    pytest.param("Total  44.50  53.40", False, id="another amount"),
])
def test_a_count_between_a_label_and_its_amount_does_not_part_them(text, accepted):
    contract = Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"total": {"type": "money", "labels": ["Total"]}}})
    assert (merge(contract, text, answer({"total": "53.40"}))["total"].verdict is Verdict.ACCEPTED) is accepted


@pytest.mark.parametrize(("other", "expected"), [
    pytest.param("53.38", Verdict.ACCEPTED, id="the exact amount, which cash rounds"),
    pytest.param("53.80", Verdict.CONFLICTING, id="another amount"),
])
def test_a_total_rounded_for_cash_is_not_in_conflict_with_the_exact_one(other, expected):
    contract = Contract.model_validate({
        "name": "bill", "title": "Bills", "fields": {"total": {"type": "money", "labels": ["Total incl", "Total"], "pick": "last"}},
    })
    text = f"Total incl  {other}\nRounding    0.02\nTotal       53.40"
    assert merge(contract, text, answer({"total": "53.40"}))["total"].verdict is expected


@pytest.mark.parametrize(("text", "key", "value", "accepted"), [
    pytest.param("Name:  Ada Lovelace", "Name", "Ada Lovelace", True, id="colon"),
    pytest.param("Name:Ada", "Name", "Ada", True, id="glued"),
    pytest.param("Name ____ Ada", "Name", "Ada", True, id="blank"),
    pytest.param("Name   Ada", "Name", "Ada", False, id="neither colon nor blank"),
    pytest.param("Name:\nAda", "Name", "Ada", False, id="below the key"),
    pytest.param("First name:  Ada", "name", "Ada", False, id="half a key"),
    pytest.param("NUMBER OF\nSAMPLES:  12", "SAMPLES", "12", False, id="a key over two lines"),
    pytest.param("Name:  Ada Lovelace", "Name", "Ada", False, id="half a value"),
    pytest.param("Mail to:  Ada Lovelace\n          12 Harbour Road", "Mail to", "Ada Lovelace", False, id="a value over two lines"),
    pytest.param("To:    Ada\nFrom:  Max", "To", "Ada", True, id="another key with its value below"),
    pytest.param("Fee:  (before August 10)", "Fee", "(before August 10)", False, id="a remark on the key"),
    pytest.param("Fee:  (31.00)", "Fee", "(31.00)", True, id="a negative amount"),
    pytest.param("Approved by:  Date\n\n\nDate:  12 May", "Approved by", "Date", False, id="a key in the place of the value"),
])
def test_a_pair_is_accepted_only_in_the_clear_form_of_a_label_and_its_value(text, key, value, accepted):
    pair = merge(FORM, text, answer({"pairs": [{"key": key, "value": value}]}))["pairs[0].value"]
    assert pair.verdict is (Verdict.ACCEPTED if accepted else Verdict.AMBIGUOUS), pair.reason


def test_a_list_of_names_below_its_key_is_accepted():
    text = "cc:\nA. Tisch    V. Norman\nR. Orcutt   L. Kersh\n\n\n\n\nS. Smith"
    names = ["A. Tisch", "V. Norman", "R. Orcutt", "L. Kersh", "S. Smith"]
    found = merge(FORM, text, answer({"pairs": [{"key": "cc", "value": name} for name in names]}))
    verdicts = [found[f"pairs[{n}].value"].verdict for n in range(len(names))]
    assert verdicts == [Verdict.ACCEPTED] * 4 + [Verdict.AMBIGUOUS]


STATEMENT = Contract.model_validate({
    "name": "statement", "title": "Statements", "locale": {"currency": "USD"},
    "fields": {
        "site": {"type": "url", "place": "top"},
        "ways": {
            "type": "list", "labels": ["Ways to pay"], "fields": {"method": {"labels": ["Method"]}, "details": {"labels": ["Details"]}},
        },
        "charges": {"type": "list", "labels": ["Charges"], "fields": {"name": {"labels": ["Item"]}, "amount": {"type": "money"}}},
    },
})
SECTIONS = """
www.cascade.example

Charges
City tax    $9.50

Ways to pay
By phone    555-010-0188
"""


@pytest.mark.parametrize(("field", "row", "accepted"), [
    pytest.param("charges", {"name": "City tax", "amount": "$9.50"}, True, id="a charge"),
    pytest.param("ways", {"method": "By phone", "details": "555-010-0188"}, True, id="texts from the left"),
    pytest.param("ways", {"method": "555-010-0188", "details": "By phone"}, False, id="texts swapped"),
    pytest.param("charges", {"name": "By phone", "amount": "$9.50"}, False, id="cells of two rows"),
    pytest.param("ways", {"method": "City tax", "details": "$9.50"}, False, id="a row of another section"),
])
def test_a_row_below_the_heading_of_its_list_is_accepted(field, row, accepted):
    found = merge(STATEMENT, SECTIONS, answer({field: [row]}))
    verdicts = {found[f"{field}[0].{name}"].verdict for name in row}
    assert (verdicts == {Verdict.ACCEPTED}) if accepted else (Verdict.ACCEPTED not in verdicts)


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param(SECTIONS, Verdict.ACCEPTED, id="the only one"),
    pytest.param(f"{SECTIONS}\nwww.quay.example", Verdict.AMBIGUOUS, id="one of two"),
    pytest.param(f"{SECTIONS}\nwww.cascade.example/pay", Verdict.ACCEPTED, id="beside a page of its own"),
])
def test_a_website_is_accepted_where_the_page_shows_no_other(text, expected):
    assert merge(STATEMENT, text, answer({"site": "www.cascade.example"}))["site"].verdict is expected


def test_a_heading_is_accepted_where_it_stands_apart_from_the_text_above_it():
    contract = Contract.model_validate({
        "name": "notes", "title": "Notes", "fields": {"topics": {"type": "list", "fields": {"name": {"place": "heading"}}}},
    })
    text = "Lecture 4\n\n\n1. Queues\nA queue gives back\nwhat waited longest"
    found = merge(contract, text, answer({"topics": [{"name": "Queues"}, {"name": "what waited longest"}]}))
    assert [found[f"topics[{n}].name"].verdict for n in range(2)] == [Verdict.ACCEPTED, Verdict.AMBIGUOUS]


def test_a_label_is_nobodys_value():
    assert verdict("issuer", "Seller", "Seller\n\nBuyer") is Verdict.AMBIGUOUS


def test_a_label_that_ocr_glued_together_ties_its_value():
    contract = Contract.model_validate({
        "name": "bill", "title": "Bills", "fields": {"total": {"type": "money", "labels": ["Gross Total"]}},
    })
    assert merge(contract, "GrossTotal  53.40", answer({"total": "53.40"}))["total"].verdict is Verdict.ACCEPTED


def test_a_pair_whose_number_was_poorly_read_is_not_accepted_but_its_words_are():
    pairs = [{"key": "Sum:", "value": "58.40"}, {"key": "City:", "value": "Paris"}]
    said = [answer({"pairs": pairs}), answer({"pairs": pairs}, "molmo", hinted=True)]
    found = merge(FORM, "Sum:  58.40~0.7\nCity:  Paris~0.7", *said)
    assert [found[f"pairs[{at}].value"].verdict for at in (0, 1)] == [Verdict.UNREADABLE, Verdict.ACCEPTED]


@pytest.mark.parametrize("value", ["-100.00", "1000.00", "10000", "1.0000"])
def test_another_number_in_the_same_digits_is_no_support_even_for_text(value):
    found = merge(FORM, "Sum:  100.00", answer({"pairs": [{"key": "Sum:", "value": value}]}))
    assert found["pairs[0].value"].verdict is Verdict.UNSUPPORTED
    found = merge(FORM, "Sum:  100.00", answer({"pairs": [{"key": "Sum:", "value": "$100.00"}]}))
    assert found["pairs[0].value"].verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("text", "tied"), [
    pytest.param("Seller:  Northwind\nSouthwind", False, id="the label has its value beside it"),
    pytest.param("Seller:\nSouthwind", True, id="nothing beside it"),
    pytest.param("Seller:  Ship to:\nSouthwind  Harbour", True, id="another label beside it"),
])
def test_a_value_below_a_label_is_tied_unless_the_label_has_one_beside_it(text, tied):
    assert verdict("issuer", "Southwind", text) is (Verdict.ACCEPTED if tied else Verdict.AMBIGUOUS)


def test_a_number_and_a_word_that_are_both_refused_are_still_put_in_order():
    largest = Contract.model_validate({"name": "c", "title": "C", "fields": {"total": {"type": "money", "pick": "largest", "min": 10}}})
    said = [answer({"total": "5.00"}, "layout"), answer({"total": "abc"}, "molmo")]
    found = merge(largest, "abc   5.00", *said)["total"]
    assert (found.value, [loser.value for loser in found.losers]) == ("5.00", ["abc"])
    assert found == merge(largest, "abc   5.00", *reversed(said))["total"]
