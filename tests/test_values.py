"""Typed values: what counts as one, and what does not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.model.contracts import Kind, Locale
from octavo.page.values import canonical, currency_of, parser

DAY_FIRST = parser(Locale())
MONTH_FIRST = parser(Locale(date_order="MDY"))
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
