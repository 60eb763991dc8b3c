"""What people said about a document, as claims of extractor ``person``, which win against everything else.

A correction of a list's cell is kept with the boxes of its row, and goes to the row that stands there now,
whatever its number has become. A row that nothing else found any more becomes a row of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from octavo.merging.answer_candidates import PAIR_KEY, PAIR_VALUE, Candidate
from octavo.merging.field_links import Ties
from octavo.merging.grounding import Ground
from octavo.merging.items import Slot
from octavo.merging.scored_candidates import PERSON, Claim, Claimer
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Box, Field, Loser, Support, Verdict
from octavo.page.index import PageIndex, Place
from octavo.page.lines import same_row
from octavo.storage.corrections import Correction

NONE_THERE = "a person said that the document has none"
OTHERWISE = "a person said otherwise"
_NUMBERED = re.compile(r"(.+?)\[(\d+)\]\.(.+)")
# A candidate of a person belongs to no chunk.
NO_CHUNK = -1
_UNSEEN = Ground(Support.NONE, ())
_SUPPORT = {Support.EXACT: 0, Support.NORMALISED: 0, Support.UNREADABLE: 1, Support.NONE: 2}

Cells = dict[str, list[Claim]]


class People:
    """The corrections of one document, placed on its pages as they come."""

    def __init__(self, contract: Contract, corrections: Iterable[Correction]) -> None:
        specs = dict(contract.leaves())
        self._scalars: dict[str, tuple[FieldSpec, Correction]] = {}
        self._best: dict[str, Claim] = {}
        self._rows: dict[tuple[str, int], list[tuple[str, FieldSpec, Correction]]] = {}
        self._placed: set[str] = set()
        for correction in corrections:
            numbered = _NUMBERED.fullmatch(correction.field)
            if numbered is None:
                if correction.field in specs:
                    self._scalars[correction.field] = (specs[correction.field], correction)
                continue
            path, number, cell = numbered[1], int(numbered[2]), f"{numbered[1]}[].{numbered[3]}"
            spec = specs.get(cell) or _pair(specs.get(path), numbered[3])
            if spec is not None:
                self._rows.setdefault((path, number), []).append((cell, spec, correction))

    def __bool__(self) -> bool:
        return bool(self._scalars or self._rows)

    def see(self, number: int, claimer: Claimer, ties: Ties) -> None:
        """Look for the single values on a page; the page that shows one best counts."""
        for path, (spec, correction) in self._scalars.items():
            if correction.value is None:
                continue
            claim = _claim(path, spec, correction, number, claimer, ties)
            best = self._best.get(path)
            if best is None or _rank(claim) < _rank(best):
                self._best[path] = claim

    def scalars(self) -> dict[str, Claim]:
        """The claims about single values, once all pages were seen."""
        return self._best

    def has_none(self, path: str) -> bool:
        """Whether a person said that the document has no such value."""
        return path in self._scalars and self._scalars[path][1].value is None

    def cells(self, path: str, number: int, slot: Slot, page: int, claimer: Claimer, ties: Ties) -> tuple[Cells, set[str]]:
        """The claims about one row of a list that was found on a page, and its cells that have no value."""
        claims: Cells = {}
        emptied: set[str] = set()
        for (of, said_of), entries in self._rows.items():
            for cell, spec, correction in entries if of == path else ():
                if correction.field in self._placed or not _is_about(correction, said_of, number, slot, page, claimer.index):
                    continue
                self._placed.add(correction.field)
                if correction.value is None:
                    emptied.add(cell)
                else:
                    claims.setdefault(cell, []).append(_claim(cell, spec, correction, page, claimer, ties, path))
        return claims, emptied

    def rows_left(self, path: str, page: int, claimer: Claimer, ties: Ties) -> list[Cells]:
        """Rows that people gave whose place on this page nothing else has found, in the order of their numbers."""
        return self._left(path, True, page, claimer, ties)

    def rows_without_place(self, path: str, page: int, claimer: Claimer, ties: Ties) -> list[Cells]:
        """Rows that people gave and that are nowhere; asked on a document's last page."""
        return self._left(path, False, page, claimer, ties)

    @property
    def lists(self) -> list[str]:
        """Paths of lists that people said something about."""
        return list(dict.fromkeys(path for path, _ in sorted(self._rows)))

    def _left(self, path: str, anchored: bool, page: int, claimer: Claimer, ties: Ties) -> list[Cells]:
        found = []
        for (of, _), entries in sorted(self._rows.items(), key=lambda item: item[0]):
            left = [e for e in entries if of == path and e[2].field not in self._placed and e[2].value is not None]
            chosen = [e for e in left if not anchored or any(one.page == page for one in e[2].anchor)]
            if chosen:
                self._placed.update(correction.field for _, _, correction in chosen)
                found.append({cell: [_claim(cell, spec, c, page, claimer, ties, path)] for cell, spec, c in chosen})
        return found


def _pair(spec: FieldSpec | None, cell: str) -> FieldSpec | None:
    if spec is None or spec.type is not Kind.PAIRS:
        return None
    return {"key": PAIR_KEY, "value": PAIR_VALUE}.get(cell)


def _is_about(correction: Correction, said_of: int, number: int, slot: Slot, page: int, index: PageIndex) -> bool:
    """Whether a correction is about the row: it was made where the row stands, or of its number where it had no place."""
    if not correction.anchor:
        return said_of == number
    anchors = [one.box for one in correction.anchor if one.page == page]
    # by the words' middles: boxes of neighbouring rows may overlap by a pixel
    return any(anchor.holds(index.boxes[word].center) for anchor in anchors for row in slot.rows for word in row.words)


def _claim(
    path: str, spec: FieldSpec, correction: Correction, page: int, claimer: Claimer, ties: Ties, items: str | None = None,
) -> Claim:
    index = claimer.index
    whole = Box(0, 0, index.page.width, index.page.height)
    value = correction.value or ""
    candidate = Candidate(path, spec, value, page, NO_CHUNK, whole, PERSON, False, 0, items, 0, True)
    typed, ground = claimer.ground(candidate, correction.typed_value(spec.type))
    anchors = [one.box for one in correction.anchor if one.page == page]
    places = [place for place in ground.places if items is None or any(_touches(index, place, box) for box in anchors)]
    if not places:
        ground = _UNSEEN if ground.places else ground
        return claimer.claim(candidate, typed, ground, None)
    there = [place for place in places if any(box.holds(index.boxes[word].center) for box in anchors for word in place.words)]
    best = max(there or places, key=lambda p: (ties.of(path, p.words).score, p.exact, tuple(-word for word in p.words)))
    return claimer.claim(candidate, typed, ground, best)


def _touches(index: PageIndex, place: Place, box: Box) -> bool:
    return any(same_row(index.boxes[word], box) for word in place.words)


def _rank(claim: Claim) -> tuple[int, bool, int]:
    """Better first: supported, then with evidence, then the earlier page."""
    return _SUPPORT[claim.support], not claim.evidence, claim.candidate.page


def spoken(field: Field) -> Field:
    """A resolved field as it is listed: what a person said belongs to no chunk, so that another cut changes nothing."""
    if field.extractor != PERSON:
        return field
    return field._replace(chunk=None, page=field.page if field.evidence else None)


def gone(document: str, path: str, claims: Sequence[Claim]) -> Field:
    """The field of a value that a person said is not there; everything that was claimed has lost."""
    ordered = sorted(claims, key=lambda c: (c.position, c.candidate.extractor, c.candidate.rank, c.canonical, c.candidate.value))
    losers = tuple(Loser(c.candidate.value, c.candidate.page, c.candidate.extractor, OTHERWISE) for c in ordered)
    return Field(document, path, None, None, Support.NONE, Verdict.ACCEPTED, NONE_THERE, None, None, (), PERSON, losers)
