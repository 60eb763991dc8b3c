"""Amounts of a bill: what its arithmetic says about which of them is the total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from octavo.model.contracts import Kind, Locale
from octavo.model.lexicon import current
from octavo.page import typed
from octavo.page.values import parser
from octavo.page.view import Proposal, View

# What each further sign adds to an amount: it is a sum of two others (net and tax), it is what was tendered
# less the change given below it, it is another amount rounded to cash, it stands there again.
SUM, CHANGE, ROUNDED, REPEATED = 0.2, 0.4, 0.4, 0.1


def confirmed(view: View, found: list[Proposal]) -> list[Proposal]:
    """Amounts that the arithmetic of a bill speaks for count more; zero counts half."""
    every, unit = amounts(view), current().cash_unit(view.locale.currency)
    times = Counter(abs(value) for value, _ in every)
    better = []
    for c in found:
        value = abs(amount(c.text, view.locale))
        if not value:
            better.append(replace(c, score=c.score / 2))
            continue
        bonus = REPEATED * min(2, times[value] - 1)
        bonus += SUM * any(other < value and value - other in times for other in times if other > 0)
        bonus += CHANGE * _tendered(view, value, c, every)
        bonus += ROUNDED * any(is_rounded(other, value, unit) for other in times)
        better.append(replace(c, score=c.score + bonus))
    return better


def rounded_siblings(view: View, found: Sequence[Proposal]) -> list[Proposal]:
    """What the labelled amounts are rounded to for cash, where that stands below them without a label of its own."""
    siblings, unit = [], current().cash_unit(view.locale.currency)
    for c in found:
        value, line = amount(c.text, view.locale), view.line_of[c.words[0]]
        runs = [typed.Run(view.page, below.words, 0, view.segment_of) for below in view.lines[line + 1:line + 5]]
        for match in (found for run in runs for found in typed.matches(run, Kind.MONEY, view.locale)):
            if value > 0 and is_rounded(value, amount(match.text, view.locale), unit):
                siblings.append(Proposal(match.text, match.words, c.score))
    return siblings


def is_rounded(exact: Decimal, rounded: Decimal, unit: Decimal | None) -> bool:
    """Whether one amount is the other rounded for cash to a currency's ``unit``, and so by less than it; None: its cash is not rounded."""
    return unit is not None and 0 < abs(exact - rounded) < unit and not rounded % unit and bool(exact % unit)


def _tendered(view: View, value: Decimal, candidate: Proposal, every: list[tuple[Decimal, tuple[int, ...]]]) -> bool:
    """Whether two amounts in near lines below, the one tendered and the change, differ by ``value``."""
    line = view.line_of[candidate.words[0]]
    below = [(abs(size), view.line_of[words[0]]) for size, words in every if view.line_of[words[0]] > line]
    return any(
        paid > value and change > 0 and 0 < there - here <= 3 and paid - change == value
        for paid, here in below for change, there in below
    )


def amounts(view: View) -> list[tuple[Decimal, tuple[int, ...]]]:
    """Every amount on the page with its words, top to bottom."""
    return [
        (amount(match.text, view.locale), match.words)
        for line in view.lines for match in typed.matches(typed.Run(view.page, line.words, 0, view.segment_of), Kind.MONEY, view.locale)
    ]


def amount(text: str, locale: Locale) -> Decimal:
    """A printed amount; 0 where it is none."""
    value = parser(locale).parse(Kind.MONEY, text)
    return value if isinstance(value, Decimal) else Decimal(0)
