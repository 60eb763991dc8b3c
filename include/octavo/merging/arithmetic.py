"""Arithmetic: sums of a contract that only one choice of values fulfils, and rows whose quantity times price is their amount."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import permutations, product

from octavo.merging.scored_candidates import ByField
from octavo.model.contracts import Kind, Sum, leaf_path
from octavo.model.entities import Field
from octavo.page.values import NUMBERS, NUMERIC

# Distinct values of one field that a sum tries.
MOST_TERMS = 4
# Factors that leave the other one as it is, or nothing of it.
_NEUTRAL = (Decimal(0), Decimal(1))
_CENT = Decimal("0.01")
# Fewest cells of a column whose total proves something.
LEAST_CELLS = 2


def add_up(sums: Iterable[Sum], scalars: ByField, items: Mapping[str, Iterable[Field]]) -> None:
    """Mark the candidates that the contract's sums prove: exactly one choice of values adds up."""
    for check in sums:
        names = check.names
        terms = [_terms(name, scalars, items, 1 if check.minus else LEAST_CELLS) for name in names]
        if not all(terms):
            continue
        fitting = [choice for choice in product(*terms) if _adds_up(choice, check)]
        if len(fitting) != 1:
            continue
        values = fitting[0]
        signs = ["", *(" + " for _ in check.parts[1:]), *(" - " for _ in check.minus)]
        left = ("".join(f"{sign}{term}" for sign, term in zip(signs, terms_of, strict=True)) for terms_of in (
            names[1:], [f"{value:f}" for value in values[1:]]))
        text = f"{next(left)} = {check.total}: {next(left)} = {values[0]:f}"
        for name, value in zip(names, values, strict=True):
            for scored in scalars.get(name, ()):
                if scored.usable and _number(scored.typed) == value:
                    scored.arithmetic = text


def multiply(cells: ByField) -> None:
    """Mark a row's amounts that are quantity times price, where neither factor is 0 or 1."""
    numbers = [
        (all_scored[0], Decimal(all_scored[0].typed)) for all_scored in cells.values()
        if len(all_scored) == 1 and all_scored[0].usable and all_scored[0].candidate.spec.type in NUMERIC
        and isinstance(all_scored[0].typed, NUMBERS)
    ]
    if len(numbers) < 3:
        return
    for (one, a), (two, b), (result, c) in permutations(numbers, 3):
        if result.link.rival:
            continue
        if one.position < two.position and a not in _NEUTRAL and b not in _NEUTRAL and abs(a * b - c) < _CENT:
            if result.candidate.spec.type is Kind.MONEY and len({one.position, two.position, result.position}) == 3:
                for scored in (one, two, result):
                    scored.arithmetic = f"{one.candidate.value} × {two.candidate.value} = {result.candidate.value}"
            return


def _terms(name: str, scalars: ByField, items: Mapping[str, Iterable[Field]], least: int) -> list[Decimal]:
    """The values that a term of a sum may have: a field's supported ones, or the total of a list's column with so many cells at least."""
    if "[]" in name:
        rows = items.get(name.partition("[]")[0], ())
        column = [_number(f.typed) for f in rows if leaf_path(f.path) == name and f.typed is not None]
        known = [number for number in column if number is not None]
        return [sum(known, Decimal(0))] if len(known) >= least else []
    found: dict[Decimal, None] = {}
    for scored in sorted(scalars.get(name, ()), key=lambda c: (c.candidate.rank, -c.link.score, c.position, c.canonical)):
        number = _number(scored.typed)
        if scored.usable and number is not None:
            found.setdefault(number)
    return list(found)[:MOST_TERMS]


def _number(typed: object) -> Decimal | None:
    return Decimal(typed) if isinstance(typed, NUMBERS) else None


def _adds_up(choice: Sequence[Decimal], check: Sum) -> bool:
    """Whether parts and total fit; a part of 0 proves nothing about the others."""
    total, *rest = choice
    parts, minus = rest[: len(check.parts)], rest[len(check.parts) :]
    return all(rest) and total != 0 and abs(sum(parts, Decimal(0)) - sum(minus, Decimal(0)) - total) <= Decimal(str(check.tolerance))
