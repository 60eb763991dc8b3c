"""Currencies as ISO 4217 codes: by the marks of ``currencies.yaml``, read by the contract's currency, and by every code that CLDR knows."""

from __future__ import annotations

import re
from functools import cache

from babel.numbers import list_currencies

from octavo.model.lexicon import current
from octavo.page.values.numbers import MINUS

_MARKS = re.compile(rf"[A-Za-z]{{0,3}}\$|[^\W\d_]{{1,7}}|[^{MINUS}\w\s.,()+:;/]")


@cache
def codes() -> frozenset[str]:
    """Every code, in capitals."""
    return frozenset(list_currencies())


def currency_of(text: str, default: str | None = None) -> str | None:
    """The ISO 4217 code of the one currency that ``text`` names, alone or beside an amount; None for none or several.

    Args:
        text: ``€``, ``EUR``, ``RM 12.00`` and the like.
        default: the contract's currency, for which a mark stands that it shares with others: ``$``.
    """
    found, marks = set(), current().marks_of(default)
    for mark in _MARKS.findall(text):
        known = marks.get(mark.casefold(), ())
        if known:
            found.add(default if default in known else known[0])
        elif len(mark) == 3 and mark.upper() in codes():
            found.add(mark.upper())
        elif len(mark) > 1 or not mark.isalpha():
            return None
    return found.pop() if len(found) == 1 else None
