"""Typed values: what counts as one, and what does not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.model.contracts import Kind, Locale
from octavo.model.entities import Box, Page, Source, Word
from octavo.page import typed
from octavo.page.values import canonical, currency_of, parser

DAY_FIRST = parser(Locale())
MONTH_FIRST = parser(Locale(date_order="MDY"))
BRITISH = parser(Locale(currency="GBP"))
YEN = parser(Locale(languages=("ja",), currency="JPY"))
EUROPE = parser(Locale(languages=("en", "de", "fr", "nl")))


@pytest.mark.parametrize(("text", "date"), [
    pytest.param("19/10/2018 20:49:59", "2018-10-19", id="a clock time beside it is dropped"),
    pytest.param("28 MAR 18", "2018-03-28", id="abbreviated month and two-digit year"),
    pytest.param("01-03-18", "2018-03-01", id="day first"),
    pytest.param("Feb13/20", "2020-02-13", id="month glued to day"),
    pytest.param("2024-11-01", "2024-11-01", id="ISO"),
    pytest.param("2018-10-19T20:49:59Z", "2018-10-19", id="ISO with time"),
    pytest.param("5. Dezember 2025", "2025-12-05", id="German"),
    pytest.param("1 août 2014", "2014-08-01", id="French with accent"),
    pytest.param("29 maart 2014", "2014-03-29", id="Dutch"),
    pytest.param("12/25/2018", "2018-12-25", id="an impossible order gives way to the other"),
    pytest.param("Fri 24/05/18 10:20 AM", "2018-05-24", id="a weekday beside it is dropped"),
    pytest.param("20181019", "2018-10-19", id="compact"),
    pytest.param("9/ 3/ 92", "1992-03-09", id="spaces inside, last century"),
    pytest.param("August 3, 2014", "2014-08-03", id="month first in words"),
])
def test_a_date_is_read_as_documents_print_it(text, date):
    assert EUROPE.parse(Kind.DATE, text) == dt.date.fromisoformat(date)


@pytest.mark.parametrize("text", [
    pytest.param("10/28/19-12/29/19", id="a range is two dates"),
    pytest.param("29 FEB 2018", id="a day that the year lacks"),
    pytest.param("07-3507405", id="a telephone number"),
    pytest.param("1.2.3", id="a version"),
    pytest.param("5 Jan 20:49", id="a clock time is no year"),
    pytest.param("May 2018", id="no day"),
    pytest.param("due 5 May 2018 or later", id="words beside it"),
    pytest.param("hello", id="junk"),
])
def test_what_is_not_one_date_is_none(text):
    assert MONTH_FIRST.parse(Kind.DATE, text) is None


def test_the_contracts_order_decides_between_day_and_month():
    assert DAY_FIRST.parse(Kind.DATE, "05/01/2018") == dt.date(2018, 1, 5)
    assert MONTH_FIRST.parse(Kind.DATE, "05/01/2018") == dt.date(2018, 5, 1)


@pytest.mark.parametrize(("text", "amount"), [
    pytest.param("RM 60.30", "60.30", id="currency before"),
    pytest.param("1.234,50 €", "1234.50", id="European with currency behind"),
    pytest.param("1,234.50", "1234.50", id="US"),
    pytest.param("1 234,50", "1234.50", id="space groups"),
    pytest.param("EUR 1'234.50", "1234.50", id="Swiss"),
    pytest.param("(12.00)", "-12.00", id="parentheses are negative"),
    pytest.param("12.00-", "-12.00", id="minus behind"),
    pytest.param("-$25.00", "-25.00", id="minus before the currency"),
    pytest.param("$-5", "-5", id="minus behind the currency"),
    pytest.param("25.00 CR", "-25.00", id="a credit"),
    pytest.param("12,-", "12", id="dash for cents"),
    pytest.param("1,234", "1234", id="comma groups"),
    pytest.param("0.125", "0.125", id="leading zero is no group"),
])
def test_an_amount_keeps_its_sign_and_scale(text, amount):
    assert DAY_FIRST.parse(Kind.MONEY, text) == Decimal(amount)


SIGNED = [
    *(pytest.param(f"{dash}7.50", id=f"dash U+{ord(dash):04X}") for dash in "-‐‑‒–—―−﹘﹣－⁃"),
    "— 7.50", "7.50 -", "7.50–", "-£ 7.50", "£-7.50", "£ -7.50", "£(7.50)", "( £ 7.50 )", "(7.50 )", "( 7.50)", "<7.50>", "< 7.50 >",
    "7.50CR", "7.50 Cr.", "CR 7.50", "£7.50 CR", "△7.50", "Δ7.50", "less 7.50",
]


@pytest.mark.parametrize("text", SIGNED)
def test_a_sign_is_read_wherever_it_is_printed(text):
    assert BRITISH.parse(Kind.MONEY, text) == Decimal("-7.50")
    assert [span.value for span in BRITISH.amounts(f"Total  {text}")] == [Decimal("-7.50")]


@pytest.mark.parametrize(("text", "said"), [
    pytest.param("~7.50", "~", id="an unknown sign"),
    pytest.param("7.50¬", "¬", id="an unknown sign behind"),
    pytest.param("± 7.50", "±", id="one that stands alone"),
    pytest.param("XY$7.50", "Y$", id="an unknown currency"),
    pytest.param("¤7.50", "¤", id="a mark of no currency"),
    pytest.param("(7.50", "(", id="a bracket that is not closed"),
    pytest.param("7.50>", ">", id="a bracket that was not opened"),
    pytest.param("[7.50]", "[]", id="brackets of which nobody knows"),
    pytest.param("-7.50 DR", "debit", id="a minus and a debit"),
    pytest.param("less 7.50", "less", id="a word for the minus"),
    pytest.param("-  7.50", "-", id="a minus across a wide gap"),
    pytest.param("12.00 - 7.50", "-", id="a dash between two amounts"),
])
def test_what_cannot_be_placed_beside_an_amount_leaves_it_in_doubt(text, said):
    assert said in list(BRITISH.amounts(f"Total  {text}"))[-1].doubt


@pytest.mark.parametrize("text", [
    "7.50", "£7.50", "7.50 GBP", "(7.50)", "*7.50", "=7.50", "Total: 7.50", "7.50T", "7.50 x 2", "(incl. VAT 7.50)", "7.50 - Paid", "7.50.",
    "7.50 DR", "+7.50", "7.50 | ",
])
def test_what_stands_beside_amounts_every_day_is_no_doubt(text):
    assert [span.doubt for span in BRITISH.amounts(text)] == [""]


def test_cents_do_not_come_from_the_line_below():
    assert [span.value for span in parser(Locale(currency="USD")).amounts("1,750.\n00 units at $2.50")] == [Decimal("2.50")]


@pytest.mark.parametrize("text", ["AB-12.00", "Total-12.00", "1.2.3", "12.50%", "3/12.50", "12:30", "5 kg", "2026-11-03", "A-1007"])
def test_what_is_part_of_something_longer_is_no_amount(text):
    assert list(BRITISH.amounts(text)) == []
    assert [span.value for span in YEN.amounts(text) if text not in ("AB-12.00", "5 kg")] == []


@pytest.mark.parametrize(("locale", "text", "amount"), [
    pytest.param({"currency": "INR"}, "₹ 1,25,000.00", "125000.00", id="lakhs"),
    pytest.param({"currency": "INR"}, "Rs. 3,12,45,678.90", "31245678.90", id="crores"),
    *(pytest.param({"languages": ["de"], "currency": "CHF"}, f"CHF 4{mark}053.75", "4053.75", id=f"Swiss U+{ord(mark):04X}")
      for mark in "'’‘ʼ`´′ʹ"),
    pytest.param({"languages": ["de"], "currency": "CHF"}, "Fr. 1’500.–", "1500", id="Swiss without cents"),
    pytest.param({"languages": ["ja"], "currency": "JPY"}, "13,200", "13200", id="a currency without decimals"),
    pytest.param({"languages": ["ja"], "currency": "JPY"}, "¥13,200-", "13200", id="a dash for its decimals"),
    pytest.param({"languages": ["id"], "currency": "IDR"}, "Rp 1.200.000", "1200000", id="whole rupiahs"),
    pytest.param({"languages": ["vi"], "currency": "VND"}, "1.200.000 ₫", "1200000", id="whole dong, the mark behind"),
    pytest.param({"languages": ["sv"], "currency": "SEK"}, "1 250 kr", "1250", id="whole crowns"),
    pytest.param({"currency": "KWD"}, "12.500", "12.500", id="three decimals"),
    pytest.param({"currency": "KWD"}, "KD 1,250.500", "1250.500", id="three decimals and groups"),
    pytest.param({"languages": ["fr"], "currency": "TND"}, "12,500", "12.500", id="three decimals behind a comma"),
    pytest.param({"currency": "ZAR"}, "R 1 150.00", "1150.00", id="spaces behind a mark"),
    pytest.param({"currency": "ZAR"}, "R1 150,00", "1150.00", id="spaces and a comma"),
    pytest.param({"languages": ["fr"]}, "1\u202f234,50 €", "1234.50", id="narrow space"),
    pytest.param({"languages": ["fr"]}, "1\u2009234,50", "1234.50", id="thin space"),
])
def test_what_finds_an_amount_reads_it_alike(locale, text, amount):
    reader = parser(Locale(**locale))
    assert [(text[span.start:span.end], span.value, span.doubt) for span in reader.amounts(text)] == [(text, Decimal(amount), "")]
    assert reader.parse(Kind.MONEY, text) == Decimal(amount)


def test_a_quantity_before_a_price_is_no_thousand():
    assert [span.value for span in BRITISH.amounts("2 150.00")] == [Decimal("150.00")]


def test_languages_that_all_write_a_decimal_comma_have_no_comma_groups():
    assert parser(Locale(languages=("de",))).parse(Kind.NUMBER, "1,250") == Decimal("1.250")
    assert DAY_FIRST.parse(Kind.NUMBER, "1,250") == Decimal(1250)
    assert EUROPE.parse(Kind.NUMBER, "1,250") == Decimal(1250)


@pytest.mark.parametrize(("text", "currency", "code"), [
    ("¥ 120.00", "CNY", "CNY"), ("¥", None, "JPY"), ("£ 5", "EGP", "EGP"), ("£", "USD", "GBP"), ("120,00 kr", "SEK", "SEK"),
    ("R 5.00", "ZAR", "ZAR"),
])
def test_a_mark_stands_for_the_contracts_currency_where_it_may(text, currency, code):
    assert currency_of(text, currency) == code


@pytest.mark.parametrize(("text", "date"), [
    ("26-11-03", "2026-11-03"), ("99-12-31", "1999-12-31"), ("2026/11/03", "2026-11-03"),
])
def test_year_first_holds_for_years_of_two_digits(text, date):
    assert parser(Locale(date_order="YMD")).parse(Kind.DATE, text) == dt.date.fromisoformat(date)


@pytest.mark.parametrize("text", ["3. März 2026", "3. Maerz 2026", "3. Marz 2026", "3 MÄRZ 2026", "3/III/2026"])
def test_months_are_read_with_and_without_their_accents(text):
    assert EUROPE.parse(Kind.DATE, text) == dt.date(2026, 3, 3)


@pytest.mark.parametrize("text", [
    "01.11.-30.11.2026", "01.11. bis 30.11.2026", "01/11 - 30/11/2026", "1-30 November 2026", "1. bis 30. November 2026", "Nov 1-30, 2026",
    "01 Nov - 30 Nov 2026",
])
def test_the_end_of_a_range_that_is_cut_short_is_no_date(text):
    assert list(EUROPE.dates(text)) == []


@pytest.mark.parametrize(("text", "number"), [("1½", "1.5"), ("¾", "0.75"), ("2 ¼", "2.25"), ("1,25,000", "125000")])
def test_fractions_and_lakhs_are_numbers(text, number):
    assert DAY_FIRST.parse(Kind.NUMBER, text) == Decimal(number)
    assert printed(text, Kind.NUMBER, Locale()) == [text]


def printed(text: str, kind: Kind, locale: Locale) -> list[str]:
    """What is found of a kind in a text of words one space apart."""
    words = [Word(word, Box(10 * n, 0, 10 * n + 9, 10), 1.0, Source.TEXT_LAYER) for n, word in enumerate(text.split(" "))]
    run = typed.Run(Page("d", 1, 1000, 100, None, 0, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), tuple(words)), range(len(words)))
    return [match.text for match in typed.matches(run, kind, locale)]


@pytest.mark.parametrize(("kind", "text", "languages", "found"), [
    pytest.param(Kind.INTEGER, "−12", "en", ["−12"], id="a minus sign"),
    pytest.param(Kind.PERCENTAGE, "– –5 %", "en", ["–5 %"], id="a dash for a minus"),
    pytest.param(Kind.INTEGER, "1’234", "de", ["1’234"], id="an apostrophe groups"),
    pytest.param(Kind.NUMBER, "12,34,567.5", "en", ["12,34,567.5"], id="lakhs"),
    pytest.param(Kind.INTEGER, "12,34,567", "en", ["12,34,567"], id="whole lakhs"),
    pytest.param(Kind.NUMBER, "1 234,5 kg", "fr", ["1 234,5"], id="a space groups in French"),
    pytest.param(Kind.NUMBER, "3 500 ml", "en", ["3", "500"], id="but not in English"),
    pytest.param(Kind.INTEGER, "1\u202f234", "en", ["1 234"], id="a space that does not break"),
    pytest.param(Kind.INTEGER, "1 234,5", "fr", [], id="no part of a number with decimals"),
    pytest.param(Kind.INTEGER, "1’20", "en", [], id="no part of something else"),
    pytest.param(Kind.PERCENTAGE, "VAT (20%)", "en", ["20%"], id="a rate in brackets"),
])
def test_numbers_are_found_as_they_are_read(kind, text, languages, found):
    assert printed(text, kind, Locale(languages=(languages,))) == found


def test_a_point_before_three_digits_groups_only_in_languages_that_write_so():
    assert DAY_FIRST.parse(Kind.MONEY, "1.234") == Decimal("1.234")
    assert EUROPE.parse(Kind.MONEY, "1.234") == Decimal(1234)


@pytest.mark.parametrize("text", [
    pytest.param("60.30 61.00", id="two amounts"),
    pytest.param("1.2.3", id="groups that are none"),
    pytest.param("Total 5", id="a label beside it"),
    pytest.param("abc", id="junk"),
    pytest.param("(5.00", id="half a bracket"),
])
def test_what_is_not_one_amount_is_none(text):
    assert DAY_FIRST.parse(Kind.MONEY, text) is None


@pytest.mark.parametrize(("text", "code"), [
    pytest.param("€", "EUR", id="symbol"), pytest.param("RM 60.30", "MYR", id="beside an amount"), pytest.param("USD", "USD", id="code"),
    pytest.param("EUR USD", None, id="two"), pytest.param("TVA", None, id="not one"),
])
def test_a_currency_is_one_iso_code(text, code):
    assert currency_of(text) == code


@pytest.mark.parametrize(("kind", "text", "typed"), [
    pytest.param(Kind.NUMBER, "518.53 kWh", Decimal("518.53"), id="a number with its unit"),
    pytest.param(Kind.INTEGER, "12", 12, id="an integer"),
    pytest.param(Kind.INTEGER, "12.5", None, id="not an integer"),
    pytest.param(Kind.PERCENTAGE, "19,5 %", Decimal("19.5"), id="a percentage"),
    pytest.param(Kind.EMAIL, "A.B@example.org", "a.b@example.org", id="an e-mail address"),
    pytest.param(Kind.EMAIL, "example.org", None, id="no e-mail address"),
    pytest.param(Kind.PHONE, "+60 7-350 7405", "+60 7-350 7405", id="a telephone number"),
    pytest.param(Kind.PHONE, "12", None, id="too short for a telephone"),
    pytest.param(Kind.IDENTIFIER, "007-1", "007-1", id="identifiers keep their zeros"),
])
def test_other_kinds_are_typed_or_none(kind, text, typed):
    assert DAY_FIRST.parse(kind, text) == typed


def test_words_of_a_page_show_numbers_but_dates_times_and_codes_do_not():
    shown = {word: DAY_FIRST.amounts_of_word(word) for word in ("Total:60.30", "RM5.00", "2x", "19/10/2018", "20:49", "SS15", "07-3507405")}
    assert shown == {
        "Total:60.30": Decimal("60.30"), "RM5.00": Decimal("5.00"), "2x": Decimal(2),
        "19/10/2018": None, "20:49": None, "SS15": None, "07-3507405": None,
    }


FORMS = ["%d/%m/%Y", "%d-%m-%y", "%d.%m.%Y", "%d %b %Y", "%B %d, %Y", "%Y-%m-%d"]


@pytest.mark.parametrize("text", ["12 KASIM 2020", "12 Kasım 2020", "12 kasim 2020"])
def test_a_month_of_a_dotless_i_is_read_in_any_spelling(text):
    assert parser(Locale(languages=["tr"])).parse(Kind.DATE, text) == dt.date(2020, 11, 12)


@pytest.mark.parametrize("kind", [Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE, Kind.DATE])
def test_digits_without_end_are_no_value(kind):
    assert parser(Locale()).parse(kind, "9" * 1_000_000) is None


@given(st.dates(dt.date(1970, 1, 1), dt.date(2068, 12, 31)), st.sampled_from(FORMS))
def test_a_printed_date_reads_back(date, form):
    assert DAY_FIRST.parse(Kind.DATE, date.strftime(form)) == date


@given(st.decimals(-999_999, 999_999, places=2, allow_nan=False))
def test_an_amount_is_the_same_in_us_and_european_print(amount):
    us = f"{amount:,.2f}"
    european = us.translate(str.maketrans(",.", ".,"))
    read = {EUROPE.parse(Kind.MONEY, us), EUROPE.parse(Kind.MONEY, european)}
    assert read == {amount}
    assert canonical(Kind.MONEY, read.pop()) == ("0" if amount == 0 else f"{amount:.2f}")


@given(st.text(max_size=30))
def test_no_text_breaks_a_parser(text):
    for kind in Kind:
        EUROPE.parse(kind, text)
    list(EUROPE.dates(text))
    EUROPE.amounts_of_word(text)
