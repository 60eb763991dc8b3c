"""Rows of lists joined across answers.

Two rows are one only when their answers can have seen the same words: another extractor on the same
chunk, or chunks whose boxes overlap. Two equal coffees said by one answer stay two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from octavo.merging import features
from octavo.merging.scored_candidates import ByField
from octavo.model.entities import Box


@dataclass(slots=True)
class ItemRow:
    """One row as one answer gave it: the candidates of its cells, by field. ``position``: where it is read within its chunk."""

    source: int
    box: Box
    chunk: int
    cells: ByField
    words: frozenset[int]
    position: int
    y: int
    number: int


@dataclass(slots=True)
class JoinedRow:
    """One row of the result: the rows of all answers that are about it."""

    rows: list[ItemRow] = field(default_factory=list)

    def cells(self) -> ByField:
        found: ByField = {}
        for row in self.rows:
            for name, all_scored in row.cells.items():
                found.setdefault(name, []).extend(all_scored)
        return found


def join(rows: Sequence[ItemRow]) -> list[JoinedRow]:
    """Join one page's rows across answers, in reading order.

    Args:
        rows: rows of one list on one page, sorted by answer, each answer's rows in its own order.
    """
    slots: list[JoinedRow] = []
    by_word: dict[int, list[int]] = {}
    by_value: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for row in rows:
        own = {name: all_scored[0].canonical for name, all_scored in row.cells.items()}
        signature = tuple(sorted(own.items()))
        near = {at for word in row.words for at in by_word.get(word, ())}
        near.update(by_value.get(signature, ()))
        fitting = [(likeness, -at) for at in near if _saw_the_same(slots[at], row) and (likeness := _likeness(slots[at], row, own))[0] > 0]
        if fitting:
            at = -max(fitting)[1]
        else:
            at = len(slots)
            slots.append(JoinedRow())
        slots[at].rows.append(row)
        for word in row.words:
            by_word.setdefault(word, []).append(at)
        by_value.setdefault(signature, []).append(at)
    return sorted(slots, key=lambda slot: _read_at(slot.rows[0]))


def measure_rows(slots: Sequence[JoinedRow]) -> None:
    """Add to the candidates of a page's rows what the rows show of each other."""
    rows = [{name: said for name, said in slot.cells().items() if said[0].link.how not in features.OF_TEXT} for slot in slots]
    measured = features.of_rows([
        {name: (said[0].candidate.value, said[0].evidence) for name, said in row.items() if said[0].evidence} for row in rows
    ])
    for row, cells in zip(rows, measured, strict=True):
        for name, found in cells.items():
            for scored in row[name]:
                scored.features = (*scored.features, *found)


def _read_at(row: ItemRow) -> tuple[int, ...]:
    return row.chunk, row.position, row.y, row.source, row.number


def _saw_the_same(slot: JoinedRow, row: ItemRow) -> bool:
    """Whether a row is of another answer, which saw the same part of the page."""
    saw = False
    for other in slot.rows:
        if other.source == row.source:
            return False
        saw = saw or other.box.overlaps(row.box)
    return saw


def _likeness(slot: JoinedRow, row: ItemRow, own: Mapping[str, str]) -> tuple[int, int]:
    """How alike a slot and a row, which says ``own``, are: cells that say the same and words in common, then those words; (0, 0) for no."""
    best = shared = 0
    placed = False
    for other in slot.rows:
        alike = 0
        for name, all_scored in other.cells.items():
            if own.get(name) == all_scored[0].canonical:
                alike += 1
        best, shared, placed = max(best, alike), max(shared, len(other.words & row.words)), placed or bool(other.words)
    if best and not shared and placed and row.words:
        return (0, 0)  # both stand on the page, at different places: two equal coffees
    return (best + shared, shared)
