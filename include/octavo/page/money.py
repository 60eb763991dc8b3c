"""Amounts of a bill: what its arithmetic says about which of them is the total."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from octavo.model.contracts import Kind, Locale
from octavo.model.lexicon import current
from octavo.page.values import parser
from octavo.page.view import Proposal, View

# What each further sign adds to an amount: it is a sum of two others (net and tax), it is what was tendered
# less the change given below it, it is another amount rounded to cash, it stands there again.
SUM, CHANGE, ROUNDED, REPEATED = 0.2, 0.4, 0.4, 0.1
# Most amounts below a sum, the largest first, that are tried for its larger part: the net amount is among the next smaller ones.
MOST_PARTS = 200
# Lines below the amount tendered in which the change stands, and most amounts of such a line: more are a row of a table.
CHANGE_LINES, CHANGE_AMOUNTS = 3, 8


def confirmed(view: View, found: list[Proposal]) -> list[Proposal]:
    """Amounts that the arithmetic of a bill speaks for count more; zero counts half."""
    every, unit = amounts(view), current().cash_unit(view.locale.currency)
    times = Counter(abs(value) for value, _ in every)
    sizes, changed = sorted(times), _changed(view)
    better = []
    for c in found:
        value = abs(amount(c.text, view.locale))
        if not value:
            better.append(replace(c, score=c.score / 2))
            continue
        bonus = REPEATED * min(2, times[value] - 1)
        bonus += SUM * _is_sum(value, sizes, times)
        bonus += CHANGE * (changed.get(value, -1) > view.line_of[c.words[0]])
        bonus += ROUNDED * any(is_rounded(other, value, unit) for other in _around(value, sizes, unit))
        better.append(replace(c, score=c.score + bonus))
    return better


def rounded_siblings(view: View, found: Sequence[Proposal]) -> list[Proposal]:
    """What the labelled amounts are rounded to for cash, where that stands below them without a label of its own."""
    siblings, unit = [], current().cash_unit(view.locale.currency)
    for c in found:
        value, line = amount(c.text, view.locale), view.line_of[c.words[0]]
        for match in (match for below in view.amounts[line + 1:line + 5] for match in below):
            if value > 0 and is_rounded(value, amount(match.text, view.locale), unit):
                siblings.append(Proposal(match.text, match.words, c.score))
    return siblings


def is_rounded(exact: Decimal, rounded: Decimal, unit: Decimal | None) -> bool:
    """Whether one amount is the other rounded for cash to a currency's ``unit``, and so by less than it; None: its cash is not rounded."""
    return unit is not None and 0 < abs(exact - rounded) < unit and not rounded % unit and bool(exact % unit)


def _is_sum(value: Decimal, sizes: Sequence[Decimal], known: Counter[Decimal]) -> bool:
    """Whether an amount is the sum of two of the page's, which are in order of size."""
    larger = sizes[bisect_left(sizes, value / 2):bisect_left(sizes, value)][-MOST_PARTS:]
    return any(value - other in known for other in reversed(larger))


def _around(value: Decimal, sizes: Sequence[Decimal], unit: Decimal | None) -> Sequence[Decimal]:
    """The amounts that differ from ``value`` by at most a currency's ``unit`` of cash."""
    return sizes[bisect_left(sizes, value - unit):bisect_right(sizes, value + unit)] if unit is not None else ()


def _changed(view: View) -> dict[Decimal, int]:
    """What was tendered less the change given in one of the lines below it, and the last line of what was tendered for it."""
    few = [[abs(amount(match.text, view.locale)) for match in line] if len(line) <= CHANGE_AMOUNTS else [] for line in view.amounts]
    found: dict[Decimal, int] = {}
    for line, tendered in enumerate(few):
        given = [change for below in few[line + 1:line + CHANGE_LINES + 1] for change in below if change]
        found |= dict.fromkeys((paid - change for paid in tendered for change in given), line)
    return found


def amounts(view: View) -> list[tuple[Decimal, tuple[int, ...]]]:
    """Every amount on the page with its words, top to bottom."""
    return [(amount(match.text, view.locale), match.words) for line in view.amounts for match in line]


def amount(text: str, locale: Locale) -> Decimal:
    """A printed amount; 0 where it is none."""
    value = parser(locale).parse(Kind.MONEY, text)
    return value if isinstance(value, Decimal) else Decimal(0)
