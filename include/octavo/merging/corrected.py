"""People's corrections of a document, as candidates of extractor ``person``, which win against everything else.

A correction of a list's cell is kept with the boxes of its row, and goes to the row that stands there now,
whatever its number has become. A row that nothing else found any more becomes a row of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from octavo.merging.answer_candidates import PAIR_KEY, PAIR_VALUE, Candidate
from octavo.merging.field_links import FieldLinks
from octavo.merging.grounding import Grounding
from octavo.merging.joined_rows import JoinedRow
from octavo.merging.resolution import SURE
from octavo.merging.scored_candidates import PERSON, ByField, CandidateScorer, ScoredCandidate
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Box, Field, Loser, Support, Verdict
from octavo.page.index import Occurrence, PageIndex
from octavo.page.lines import same_row
from octavo.storage.corrections import Correction

NONE_THERE = "a person said that the document has none"
OTHERWISE = "a person said otherwise"
_NUMBERED = re.compile(r"(.+?)\[(\d+)\]\.(.+)")
# A candidate of a person belongs to no chunk.
NO_CHUNK = -1
_UNSEEN = Grounding(Support.NONE, ())
_SUPPORT = {Support.EXACT: 0, Support.NORMALISED: 0, Support.UNREADABLE: 1, Support.NONE: 2}


class AppliedCorrections:
    """The corrections of one document, placed on its pages as they come."""

    def __init__(self, contract: Contract, corrections: Iterable[Correction]) -> None:
        specs = dict(contract.leaves())
        self._scalars: dict[str, tuple[FieldSpec, Correction]] = {}
        self._best: dict[str, ScoredCandidate] = {}
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

    def see(self, number: int, scorer: CandidateScorer, links: FieldLinks) -> None:
        """Look for the single values on a page; the page that shows one best counts."""
        for path, (spec, correction) in self._scalars.items():
            if correction.value is None:
                continue
            scored = _scored(path, spec, correction, number, scorer, links)
            best = self._best.get(path)
            if best is None or _rank(scored) < _rank(best):
                self._best[path] = scored

    def scalars(self) -> dict[str, ScoredCandidate]:
        """The candidates for single values, once all pages were seen."""
        return self._best

    def has_none(self, path: str) -> bool:
        """Whether a person said that the document has no such value."""
        return path in self._scalars and self._scalars[path][1].value is None

    def cells(
        self, path: str, number: int, slot: JoinedRow, page: int, scorer: CandidateScorer, links: FieldLinks,
    ) -> tuple[ByField, set[str]]:
        """The candidates for one row of a list that was found on a page, and its cells that have no value."""
        all_scored: ByField = {}
        emptied: set[str] = set()
        for (of, said_of), entries in self._rows.items():
            for cell, spec, correction in entries if of == path else ():
                if correction.field in self._placed or not _is_about(correction, said_of, number, slot, page, scorer.index):
                    continue
                self._placed.add(correction.field)
                if correction.value is None:
                    emptied.add(cell)
                else:
                    all_scored.setdefault(cell, []).append(_scored(cell, spec, correction, page, scorer, links, path))
        return all_scored, emptied

    def rows_left(self, path: str, page: int, scorer: CandidateScorer, links: FieldLinks) -> list[ByField]:
        """Rows that people gave whose place on this page nothing else has found, in the order of their numbers."""
        return self._left(path, True, page, scorer, links)

    def rows_without_place(self, path: str, page: int, scorer: CandidateScorer, links: FieldLinks) -> list[ByField]:
        """Rows that people gave and that are nowhere; asked on a document's last page."""
        return self._left(path, False, page, scorer, links)

    @property
    def lists(self) -> list[str]:
        """Paths of lists that people said something about."""
        return list(dict.fromkeys(path for path, _ in sorted(self._rows)))

    def _left(self, path: str, anchored: bool, page: int, scorer: CandidateScorer, links: FieldLinks) -> list[ByField]:
        found = []
        for (of, _), entries in sorted(self._rows.items(), key=lambda item: item[0]):
            left = [e for e in entries if of == path and e[2].field not in self._placed and e[2].value is not None]
            chosen = [e for e in left if not anchored or any(one.page == page for one in e[2].anchor)]
            if chosen:
                self._placed.update(correction.field for _, _, correction in chosen)
                found.append({cell: [_scored(cell, spec, c, page, scorer, links, path)] for cell, spec, c in chosen})
        return found


def _pair(spec: FieldSpec | None, cell: str) -> FieldSpec | None:
    if spec is None or spec.type is not Kind.PAIRS:
        return None
    return {"key": PAIR_KEY, "value": PAIR_VALUE}.get(cell)


def _is_about(correction: Correction, said_of: int, number: int, slot: JoinedRow, page: int, index: PageIndex) -> bool:
    """Whether a correction is about the row: it was made where the row stands, or of its number where it had no place."""
    if not correction.anchor:
        return said_of == number
    anchors = [one.box for one in correction.anchor if one.page == page]
    # by the words' middles: boxes of neighbouring rows may overlap by a pixel
    return any(anchor.holds(index.shown[word].center) for anchor in anchors for row in slot.rows for word in row.words)


def _scored(
    path: str, spec: FieldSpec, correction: Correction, page: int, scorer: CandidateScorer, links: FieldLinks, items: str | None = None,
) -> ScoredCandidate:
    index = scorer.index
    whole = Box(0, 0, index.page.width, index.page.height)
    value = correction.value or ""
    candidate = Candidate(path, spec, value, page, NO_CHUNK, whole, PERSON, False, 0, items, 0, True)
    typed, grounding = scorer.ground(candidate, correction.typed_value(spec.type))
    anchors = [one.box for one in correction.anchor if one.page == page]
    places = [place for place in grounding.places if items is None or any(_touches(index, place, box) for box in anchors)]
    if not places:
        grounding = _UNSEEN if grounding.places else grounding
        return scorer.score(candidate, typed, grounding, None)
    there = [place for place in places if any(box.holds(index.shown[word].center) for box in anchors for word in place.words)]
    best = max(there or places, key=lambda p: (links.of(path, p.words).score, p.exact, tuple(-word for word in p.words)))
    return scorer.score(candidate, typed, grounding, best)


def _touches(index: PageIndex, place: Occurrence, box: Box) -> bool:
    return any(same_row(index.shown[word], box) for word in place.words)


def _rank(scored: ScoredCandidate) -> tuple[int, bool, int]:
    """Better first: supported, then with evidence, then the earlier page."""
    return _SUPPORT[scored.support], not scored.evidence, scored.candidate.page


def as_listed(field: Field) -> Field:
    """A resolved field as it is listed: what a person said belongs to no chunk, so that another cut changes nothing."""
    if field.extractor != PERSON:
        return field
    return field._replace(chunk=None, page=field.page if field.evidence else None)


def said_to_be_absent(document: str, path: str, all_scored: Sequence[ScoredCandidate]) -> Field:
    """The field of a value that a person said is not there; every candidate has lost."""
    ordered = sorted(all_scored, key=lambda c: (c.position, c.candidate.extractor, c.candidate.rank, c.canonical, c.candidate.value))
    losers = tuple(Loser(c.candidate.value, c.candidate.page, c.candidate.extractor, OTHERWISE) for c in ordered)
    return Field(document, path, None, None, Support.NONE, Verdict.ACCEPTED, NONE_THERE, None, None, (), PERSON, losers, confidence=SURE)
