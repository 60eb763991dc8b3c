"""Amounts and quantities in European and US forms, with their sign; currencies as ISO 4217 codes."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from babel.numbers import list_currencies

from octavo.model.lexicon import current

_MINUS = "-−–‐‑"
_SPACE = " \u00a0\u202f'’"
_CORE = rf"\d{{1,3}}(?:[.,{_SPACE}]\d{{3}})+(?:[.,]\d+)?|\d+(?: ?[.,] ?\d+)?|[.,]\d+"
_UNIT = r"[^\W\d_]{1,5}\$?\.?|[^\w\s.,()+\-−–‐‑]"
_AMOUNT = re.compile(
    rf"(?P<open>\()?\s*(?P<s1>[{_MINUS}+])?\s*(?P<c1>{_UNIT})?\s*(?P<s2>[{_MINUS}+])?\s*(?P<core>{_CORE})"
    rf"(?:[.,][{_MINUS}—]{{1,2}})?\s*(?P<s3>[{_MINUS}])?\s*(?P<c2>(?!CR\b|DR\b){_UNIT})?\s*(?P<s4>[{_MINUS}])?\s*(?P<cr>CR|DR)?\s*(?P<close>\))?",
)
_QUANTITY = re.compile(
    rf"(?P<open>\()?\s*(?:x|X|×|@)?\s*(?P<sign>[{_MINUS}+])?\s*(?P<core>{_CORE})\s*(?:[^\W\d_]{{1,12}}[²³23]?\.?|[%°×x*])?(?:/[^\W\d_]{{1,12}})?(?P<close>\))?",
)
_GROUPED = re.compile(rf"\d{{1,3}}(?:[{_SPACE}]\d{{3}})+(?:[.,]\d+)?")


def read_amount(text: str, decimal: str, point_groups: bool) -> Decimal | None:
    """One amount of money: ``RM 60.30``, ``1.234,50 €``, ``(12.00)``, ``12.00-``, ``$-5``, ``25.00 CR`` (a credit is negative)."""
    found = _AMOUNT.fullmatch(text)
    if not found or bool(found["open"]) != bool(found["close"]):
        return None
    for mark in (found["c1"], found["c2"]):
        if mark and not _is_currency(mark):
            return None
    number = read_core(found["core"], decimal, point_groups)
    if number is None:
        return None
    minus = [sign for sign in (found["s1"], found["s2"], found["s3"], found["s4"]) if sign and sign in _MINUS]
    return -number if found["open"] or minus or found["cr"] == "CR" else number


def read_quantity(text: str, decimal: str, point_groups: bool) -> Decimal | None:
    """One number, with a unit behind it if it has one: ``518.53 kWh``, ``2x``, ``-4``."""
    found = _QUANTITY.fullmatch(text)
    if not found or bool(found["open"]) != bool(found["close"]):
        return read_amount(text, decimal, point_groups)
    number = read_core(found["core"], decimal, point_groups)
    negative = found["open"] or (found["sign"] and found["sign"] in _MINUS)
    return -number if number is not None and negative else number


def read_core(core: str, decimal: str, point_groups: bool) -> Decimal | None:
    """The number that digits and separators stand for; None when the groups are none (``1.2.3``).

    Args:
        core: digits with ``.``, ``,``, spaces and apostrophes between them.
        decimal: the contract's decimal mark, or ``auto``.
        point_groups: with ``auto``: ``1.234`` is one thousand and so on.
    """
    if any(space in core for space in _SPACE):
        if _GROUPED.fullmatch(core):
            return Decimal(re.sub(rf"[{_SPACE}]", "", core).replace(",", "."))
        core = core.replace(" ", "")
    comma, point = core.rfind(","), core.rfind(".")
    if comma < 0 and point < 0:
        return Decimal(core)
    if comma >= 0 and point >= 0:
        mark, group = (",", ".") if comma > point else (".", ",")
        whole, _, part = core.rpartition(mark)
        if mark in whole or not _are_groups(whole.split(group)):
            return None
        return Decimal(f"{whole.replace(group, '')}.{part}")
    mark = "," if comma >= 0 else "."
    parts = core.split(mark)
    if len(parts) > 2:
        return Decimal("".join(parts)) if _are_groups(parts) else None
    whole, part = parts
    groups = len(part) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0") and mark != decimal
    if groups and (mark == "," or point_groups):
        return Decimal(whole + part)
    return Decimal(f"{whole or '0'}.{part}")


def _are_groups(parts: list[str]) -> bool:
    return 1 <= len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:])


@cache
def _codes() -> frozenset[str]:
    return frozenset(list_currencies())


def _is_currency(mark: str) -> bool:
    return mark.rstrip(".").casefold() in current().currency_marks or (len(mark) == 3 and mark.upper() in _codes())


def currency_of(text: str, default: str | None = None) -> str | None:
    """The ISO 4217 code of the one currency that ``text`` names, alone or beside an amount; None for none or several.

    Args:
        text: ``€``, ``EUR``, ``RM 12.00`` and the like.
        default: the contract's currency, for which a mark stands that it shares with others: ``$``.
    """
    found, marks = set(), current().currency_marks
    for mark in re.findall(r"[A-Za-z]{0,3}\$|[^\W\d_]{2,7}|[^\w\s.,()+:;/\-−–]", text):
        codes = marks.get(mark.casefold(), ())
        if codes:
            found.add(default if default in codes else codes[0])
        elif len(mark) == 3 and mark.upper() in _codes():
            found.add(mark.upper())
        else:
            return None
    return found.pop() if len(found) == 1 else None
