"""Amounts of a bill: what its arithmetic says about which of them is the total."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from octavo.model.contracts import Kind
from octavo.page import typed
from octavo.page.view import Proposal, View

# What each further sign adds to an amount: it is a sum of two others (net and tax), it is what was tendered
# less the change given below it, it is another amount rounded to cash, it stands there again.
SUM, CHANGE, ROUNDED, REPEATED = 0.2, 0.4, 0.4, 0.1
# Cash is rounded to this much where it is rounded at all, and so by less than it.
CASH_UNIT = 0.05
_DIGITS = re.compile(r"\d+")


def confirmed(view: View, found: list[Proposal]) -> list[Proposal]:
    """Amounts that the arithmetic of a bill speaks for count more; zero counts half."""
    every = amounts(view)
    times = Counter(abs(value) for value, _ in every)
    better = []
    for c in found:
        value = abs(amount(c.text))
        if not value:
            better.append(replace(c, score=c.score / 2))
            continue
        bonus = REPEATED * min(2, times[value] - 1)
        bonus += SUM * any(other < value and round(value - other, 2) in times for other in times if other > 0)
        bonus += CHANGE * _tendered(view, value, c, every)
        bonus += ROUNDED * (_whole(value) and any(0 < abs(value - other) < CASH_UNIT and not _whole(other) for other in times))
        better.append(replace(c, score=c.score + bonus))
    return better


def rounded_siblings(view: View, found: Sequence[Proposal]) -> list[Proposal]:
    """What the labelled amounts are rounded to for cash, where that stands below them without a label of its own."""
    siblings = []
    for c in found:
        value, line = amount(c.text), view.line_of[c.words[0]]
        runs = [typed.Run(view.page, below.words, 0, view.segment_of) for below in view.lines[line + 1:line + 5]]
        for match in (found for run in runs for found in typed.matches(run, Kind.MONEY, view.locale)):
            other = amount(match.text)
            if value > 0 and not _whole(value) and _whole(other) and abs(value - other) < CASH_UNIT:
                siblings.append(Proposal(match.text, match.words, c.score))
    return siblings


def _whole(value: float) -> bool:
    """Whether an amount can be paid in cash that knows no smaller coin than ``CASH_UNIT``."""
    return round(value * 100) % round(CASH_UNIT * 100) == 0


def _tendered(view: View, value: float, candidate: Proposal, every: list[tuple[float, tuple[int, ...]]]) -> bool:
    """Whether two amounts in near lines below, the one tendered and the change, differ by ``value``."""
    line = view.line_of[candidate.words[0]]
    below = [(abs(size), view.line_of[words[0]]) for size, words in every if view.line_of[words[0]] > line]
    return any(
        paid > value and change > 0 and 0 < there - here <= 3 and round(paid - change, 2) == value
        for paid, here in below for change, there in below
    )


def amounts(view: View) -> list[tuple[float, tuple[int, ...]]]:
    """Every amount on the page with its words, top to bottom."""
    return [
        (amount(match.text), match.words)
        for line in view.lines for match in typed.matches(typed.Run(view.page, line.words, 0, view.segment_of), Kind.MONEY, view.locale)
    ]


def amount(text: str) -> float:
    """The size of a printed amount for comparisons on one page: its digits, the last two as decimals where a separator says so."""
    digits = "".join(_DIGITS.findall(text))
    value = int(digits or 0)
    decimals = re.search(r"[.,]\s?\d{2}\D*$", text)
    size = value / 100 if decimals else float(value)
    return -size if re.match(r"\W*[-(]", text) or text.rstrip().endswith("-") else size
