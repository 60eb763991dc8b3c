"""Typed values: text as printed in, Decimal, date, int or str out; never a guess from junk.

``Parser`` reads one value of a known kind under a contract's locale. A text that holds more than one
value of its kind (two amounts, two dates) or anything beside it is not that value: ``parse`` gives None.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache

from octavo.model.contracts import NUMERIC, Kind, Locale, Marks
from octavo.page.values.amounts import Amounts, AmountSpan
from octavo.page.values.currencies import currency_of
from octavo.page.values.dates import DateRange, Dates, DateSpan, DayOfYear
from octavo.page.values.numbers import read_quantity

__all__ = [
    "EMAIL", "NUMBERS", "NUMERIC", "TEXTUAL", "AmountSpan", "DateRange", "DateSpan", "DayOfYear", "Parser", "Typed", "canonical",
    "collapse", "currency_of", "encodable", "parser", "squeeze", "strip_marks",
]

# What a value is as its kind; a date without a year waits for it.
Typed = Decimal | dt.date | DayOfYear | int | str

# What numbers are parsed to.
NUMBERS = (int, Decimal)
# Kinds whose value is running text: line breaks, hyphenation and look-alikes are forgiven.
TEXTUAL = frozenset({Kind.TEXT, Kind.NAME, Kind.ADDRESS, Kind.GENERATED})

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(https?://)?([\w-]+\.)+[a-z]{2,}(:\d+)?([/?#]\S*)?", re.I)
# A telephone number has 6 to 15 digits (E.164 allows 15).
_PHONE = re.compile(r"(?:\D{0,12}?)(\+?\(?\d[\d\s()./-]{4,24}\d)(?:\s*(?:ext\.?|x)\s*\d{1,6})?", re.I)
# Most amounts: they read the same under every locale, so the long way is left to the others.
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]{1,2})?")
_CENT = Decimal("0.01")
_GLUED_LABEL = re.compile(r"^[^\d:=]*[:=]")
# Longest text, in characters, that may be a number or a date; a model that repeats a digit for ever says neither.
_LONGEST = 100
# Texts kept per parser; documents repeat the same few amounts, dates and words.
_CACHE = 1 << 15


class Parser:
    """Reads values under one locale, amounts with the marks of a field. Use ``parser(locale, marks)``, which keeps one of each."""

    def __init__(self, locale: Locale, marks: Marks | None = None) -> None:
        self.locale = locale
        self._dates = Dates(locale.languages, locale.date_order)
        self._amounts = Amounts(locale, marks)
        self.date_range = self._dates.parse_range
        self.date_ranges = self._dates.ranges
        self.day_of_year = self._dates.parse_without_year
        self.days_of_year = self._dates.without_year
        self._readers: dict[Kind, Callable[[str], Typed | None]] = {
            Kind.DATE: self._dates.parse,
            Kind.MONEY: self.amount,
            Kind.PERCENTAGE: lambda text: self.amount(text.replace("%", "", 1).strip()),
            Kind.NUMBER: self._quantity,
            Kind.INTEGER: self._integer,
            Kind.CURRENCY: lambda text: currency_of(text, self.locale.currency),
            Kind.EMAIL: lambda text: text.lower() if EMAIL.fullmatch(text) else None,
            Kind.URL: lambda text: text if _URL.fullmatch(text) else None,
            Kind.PHONE: _phone,
        }
        self.parse = lru_cache(_CACHE)(self._parse)
        self.amounts_of_word = lru_cache(_CACHE)(self._amounts_of_word)

    def _parse(self, kind: Kind, text: str) -> Typed | None:
        """The typed value of ``text``: Decimal, int, date or str by kind; None if it is not exactly one such value."""
        text = collapse(text)
        if not text or (len(text) > _LONGEST and (kind in NUMERIC or kind is Kind.DATE)):
            return None
        return self._readers.get(kind, _text)(text)

    def amount(self, text: str) -> Decimal | None:
        """One amount with its sign, currency left out; None for none, several or anything else."""
        if _PLAIN.fullmatch(text):
            return Decimal(text)
        return self._amounts.parse(text) if any(map(str.isnumeric, text)) else None

    def amounts(self, text: str) -> Iterator[AmountSpan]:
        """Every amount of money in ``text``, in order; two spaces are a wide gap, and a line break ends a line."""
        return self._amounts.find(text)

    def _quantity(self, text: str) -> Decimal | None:
        number = read_quantity(text, self._amounts.style)
        return self.amount(text) if number is None else number

    def _integer(self, text: str) -> int | None:
        number = self._quantity(text)
        return int(number) if number is not None and number == number.to_integral_value() else None

    def dates(self, text: str) -> Iterator[DateSpan]:
        """Every date in ``text``, with the characters it covers, in order and without overlaps."""
        return self._dates.find(text)

    def _amounts_of_word(self, text: str) -> Decimal | None:
        """The number a page's word shows, after a label glued to it (``Total:60.30``) and marks are dropped."""
        if len(text) > _LONGEST:
            return None
        if _PLAIN.fullmatch(text):
            return Decimal(text)
        if not any(map(str.isnumeric, text)):
            return None
        whole = self.amount(text)
        if whole is not None:
            return whole
        text = _GLUED_LABEL.sub("", text).strip(" \t;,:*=#|_\"'`~!?[]{}<>@")
        if "/" in text or ":" in text:
            return None  # a date, a time or a fraction
        number = self.amount(text.removesuffix("%").rstrip("."))
        return number if number is not None else self._quantity(text)


def _phone(text: str) -> str | None:
    found = _PHONE.fullmatch(text)
    digits = re.sub(r"\D", "", found[1]) if found else ""
    return text if 6 <= len(digits) <= 15 else None


def _text(text: str) -> str | None:
    return text if squeeze(text) else None


@lru_cache(64)
def parser(locale: Locale, marks: Marks | None = None) -> Parser:
    """The parser of a locale, and of amounts with a field's own marks."""
    return Parser(locale, marks)


def canonical(kind: Kind, typed: Typed | None, text: str = "") -> str:
    """The form in which two values of a kind are compared: ISO dates, plain decimals, otherwise letters and digits only.

    Args:
        kind: the field's kind.
        typed: what ``Parser.parse`` gave; None falls back to ``text``.
        text: the value as printed.
    """
    if isinstance(typed, Decimal):
        if not typed:
            return "0"
        return format(typed.quantize(_CENT) if kind is Kind.MONEY and typed.adjusted() < 24 else typed.normalize(), "f")
    if isinstance(typed, dt.date):
        return typed.isoformat()
    if isinstance(typed, DayOfYear):
        return f"--{typed.month:02}-{typed.day:02}"
    if isinstance(typed, bool):
        return str(typed).lower()
    if isinstance(typed, int):
        return str(typed)
    if kind is Kind.CURRENCY and typed:
        return typed
    return squeeze(typed or text)


# Marks that stand around a value without belonging to it.
_MARKS = " \t\r\n.,;:!?*|_~`'\"’‘“”«»=<>[]{}"
_ASCII_REST = {code: None for code in range(128) if not chr(code).isalnum()}


def collapse(text: str) -> str:
    """White space collapsed to single spaces and trimmed."""
    return " ".join(text.split())


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: half a surrogate pair, which JSON may escape, becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(1 << 16)
def squeeze(text: str) -> str:
    """NFKC, casefolded, letters and digits only: how texts and identifiers are compared. Leading zeros stay."""
    if text.isascii():
        return text.lower() if text.isalnum() else text.lower().translate(_ASCII_REST)
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def strip_marks(text: str) -> str:
    """White space collapsed and marks around the text dropped; signs, brackets and currency marks stay."""
    return collapse(text).strip(_MARKS)
