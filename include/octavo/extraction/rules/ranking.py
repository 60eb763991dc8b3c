"""The order of a field's candidates: what the contract picks, what breaks its pattern, and several ways to the same words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from octavo.model.contracts import FieldSpec, Locale
from octavo.model.deadline import fits
from octavo.page.money import amount
from octavo.page.values import parser
from octavo.page.view import Proposal

# Most candidates of a field that are handed on.
MOST_ALTERNATIVES = 4


def picked(found: list[Proposal], spec: FieldSpec, locale: Locale) -> list[Proposal]:
    """The candidates of one label with the one that ``pick`` names first: it keeps its score, the others halve."""
    if len(found) < 2 or spec.pick == "first":
        return found
    best = found[-1] if spec.pick == "last" else max(found, key=lambda c: amount(c.text, locale))
    top = max(c.score for c in found)
    return [replace(c, score=top if c is best else c.score / 2) for c in found]


def swapped(text: str, locale: Locale) -> bool:
    """Whether a date only makes sense with day and month in the other than the contract's order."""
    return any(span.order < 0 for span in parser(locale).dates(text))


def with_pattern(found: Iterable[Proposal], spec: FieldSpec) -> list[Proposal]:
    """Candidates that break the contract's pattern count little; they stay, so that a person sees them."""
    if spec.pattern is None:
        return list(found)
    return [c if fits(spec.pattern, c.text) else replace(c, score=c.score / 4) for c in found]


def ranked(found: Iterable[Proposal], spec: FieldSpec) -> list[Proposal]:
    """One candidate per run of words; several ways to the same words add up. Best first, ties by place."""
    groups: dict[tuple[int, ...], list[Proposal]] = {}
    for c in found:
        groups.setdefault(c.words, []).append(c)
    merged = []
    for group in groups.values():
        group.sort(key=lambda c: -c.score)
        merged.append(replace(group[0], score=round(group[0].score + 0.3 * sum(c.score for c in group[1:2]), 4)))
    late = 1 if spec.pick == "first" else -1
    merged.sort(key=lambda c: (-c.score, late * c.words[0]))
    unique: dict[str, Proposal] = {}
    for c in merged:
        unique.setdefault(c.text, c)
    return list(unique.values())[:MOST_ALTERNATIVES]
