"""Numbers as a locale prints them: decimal marks, groups of thousands and of lakhs, fractions; quantities with their unit."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from babel import Locale as Cldr
from babel.core import UnknownLocaleError
from babel.numbers import get_currency_precision

from octavo.model.contracts import Locale

# Every dash of Unicode that is printed for a minus: hyphens, the figure, en and em dash, the bar, minus signs, small and full width.
MINUS = "-‐‑‒–—―−﹘﹣－⁃˗"
# What groups thousands besides point and comma: spaces (also no-break, figure, thin and narrow), and in Switzerland an apostrophe in
# any of its shapes: quotation marks, primes, modifier letters, accents. Source: CLDR's group symbols, and what fonts make of them.
SPACES = " \u00a0\u2007\u2009\u202f"
APOSTROPHES = "'’‘‛ʼʻʹˈ′`´＇"
_GROUPING = re.compile(rf"[{SPACES}{APOSTROPHES}]")
_DECIMALS = rf"[.,](?:\d+|[{MINUS}]{{1,2}})"
# Groups of three, or of two with three at the end (Indian lakhs and crores).
GROUPS = rf"\d{{1,3}}(?:[.,{APOSTROPHES}]\d{{3}})+|\d{{1,2}}(?:,\d{{2}})+,\d{{3}}"
SPACED_GROUPS = rf"\d{{1,3}}(?:[{SPACES}]\d{{3}})+"
CORE = rf"(?:{GROUPS}|{SPACED_GROUPS})(?!\d)(?: ?{_DECIMALS})?|\d+(?: ?[.,] ?\d+|[.,][{MINUS}]{{1,2}})?|[.,]\d+"
_SPACED = re.compile(rf"(?:{SPACED_GROUPS}|\d{{1,3}}(?:[{APOSTROPHES}]\d{{3}})+)(?:[.,]\d+)?")
_LAKHS = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")
# The fractions that are one character and end as decimals: a half, quarters, eighths, fifths, a tenth. Source: Unicode's numeric values.
FRACTIONS = "½¼¾⅛⅜⅝⅞⅕⅖⅗⅘⅒"
_QUANTITY = re.compile(
    rf"(?P<open>\()?\s*(?:x|X|×|@)?\s*(?P<sign>[{MINUS}+])?\s*(?P<core>{CORE})?\s?(?P<fraction>[{FRACTIONS}])?\s*"
    rf"(?:[^\W\d_]{{1,12}}[²³23]?\.?|[%°×x*])?(?:/[^\W\d_]{{1,12}})?(?P<close>\))?",
)


class NumberStyle(NamedTuple):
    """How the numbers of a contract are written.

    ``decimal`` is the decimal mark that the contract or all of its languages have, empty where they differ. ``point_groups``:
    ``1.234`` is one thousand and so on. ``spaces``: all languages group by spaces. ``cents``: decimals of the contract's currency
    (CLDR, 0 to 4; 2 without one).
    """

    decimal: str
    point_groups: bool
    spaces: bool
    cents: int


@lru_cache(64)
def style_of(locale: Locale) -> NumberStyle:
    """How a locale writes numbers: by its own ``decimal``, else as CLDR says of its languages."""
    symbols = [one for one in map(_symbols, locale.languages) if one]
    decimals = {decimal for decimal, _ in symbols}
    decimal = locale.decimal if locale.decimal != "auto" else next(iter(decimals)) if len(decimals) == 1 else ""
    point_groups = locale.decimal == "," or (locale.decimal == "auto" and "," in decimals)
    spaces = bool(symbols) and all(group in SPACES for _, group in symbols)
    return NumberStyle(decimal, point_groups, spaces, get_currency_precision(locale.currency) if locale.currency else 2)


def _symbols(language: str) -> tuple[str, str] | None:
    """Decimal mark and group separator of a language in CLDR; None for a language that it does not have."""
    try:
        symbols = Cldr.parse(language, sep="-").number_symbols
    except (UnknownLocaleError, ValueError):
        return None
    latin = symbols.get("latn", symbols)
    return (latin["decimal"], latin["group"]) if "decimal" in latin else None


def read_quantity(text: str, style: NumberStyle) -> Decimal | None:
    """One number, with a unit behind it if it has one: ``518.53 kWh``, ``2x``, ``-4``, ``1½``."""
    found = _QUANTITY.fullmatch(text)
    if not found or bool(found["open"]) != bool(found["close"]) or not (found["core"] or found["fraction"]):
        return None
    number = read_core(found["core"], style) if found["core"] else Decimal(0)
    if number is None:
        return None
    if found["fraction"]:
        if number != number.to_integral_value():
            return None
        number += Decimal(str(unicodedata.numeric(found["fraction"])))
    negative = found["open"] or (found["sign"] and found["sign"] in MINUS)
    return -number if negative else number


def read_core(core: str, style: NumberStyle, money: bool = False) -> Decimal | None:
    """The number that digits and separators stand for; None when the groups are none (``1.2.3``).

    Args:
        core: what ``CORE`` matches.
        style: how the contract writes numbers.
        money: whether it is an amount, whose currency says how many decimals it has.
    """
    core = core.rstrip(MINUS).rstrip(".,") if core[-1] in MINUS else core
    if _GROUPING.search(core):
        if _SPACED.fullmatch(core):
            return Decimal(_GROUPING.sub("", core).replace(",", "."))
        core = core.replace(" ", "")
        if _GROUPING.search(core):
            whole, mark, part = core.rpartition("." if core.rfind(".") > core.rfind(",") else ",")
            digits = _GROUPING.sub("", whole)
            return Decimal(f"{digits}.{part}") if mark and digits.isdecimal() and part.isdecimal() else None
    comma, point = core.rfind(","), core.rfind(".")
    if comma < 0 and point < 0:
        return Decimal(core)
    if comma >= 0 and point >= 0:
        mark, group = (",", ".") if comma > point else (".", ",")
        whole, _, part = core.rpartition(mark)
        if mark in whole or not (_are_groups(whole.split(group)) or _LAKHS.fullmatch(whole)):
            return None
        return Decimal(f"{whole.replace(group, '')}.{part}")
    mark = "," if comma >= 0 else "."
    parts = core.split(mark)
    if len(parts) > 2:
        return Decimal("".join(parts)) if _are_groups(parts) or _LAKHS.fullmatch(core) else None
    whole, part = parts
    if len(part) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
        undecided = money and not style.decimal and style.cents == 3
        groups = mark != style.decimal and (mark == "," or style.point_groups) and not undecided
        if groups or (money and style.cents == 0):
            return Decimal(whole + part)
    return Decimal(f"{whole or '0'}.{part}")


def _are_groups(parts: list[str]) -> bool:
    return 1 <= len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:])
