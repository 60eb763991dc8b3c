"""One document's answers merged into its fields, page by page: a page's words are let go once it is weighed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from octavo.merging.answer_candidates import Candidate, Reader
from octavo.merging.arithmetic import add_up
from octavo.merging.corrected import Cells, People, gone, spoken
from octavo.merging.field_links import NO_TIE, STRONG, Tie, Ties
from octavo.merging.grounding import Ground, Witness
from octavo.merging.items import Lists, Row, Slot, join
from octavo.merging.packed import Packed
from octavo.merging.resolution import is_picked_over, is_rounded, missing, resolve
from octavo.merging.scored_candidates import Claim, Claimer, position_of
from octavo.merging.unlabelled_links import by_check_digits, by_place, is_whole, only_date
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Answer, Box, Chunk, Field, Page
from octavo.page.businesses import Businesses
from octavo.page.index import PageIndex, Place
from octavo.page.label_matches import Labels, Print
from octavo.page.values import Parser, parser
from octavo.storage.corrections import Correction

_GENERATED, _NAME, _CURRENCY = Kind.GENERATED, Kind.NAME, Kind.CURRENCY


@dataclass(frozen=True, slots=True)
class PageAnswers:
    """One page with its chunks and everything that was said of them, in any order."""

    page: Page
    chunks: Sequence[Chunk]
    answers: Sequence[Answer]


class _List(NamedTuple):
    """A list of the contract: whether it is one of pairs, its cells' paths, and whether its table goes on over pages."""

    pairs: bool
    cells: tuple[str, ...]
    continues: bool


class Merger:
    """Merges documents under one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._parser = parser(contract.locale)
        self._reader = Reader(contract)
        self._labels = Labels(contract)
        self._lists = dict(_lists("", contract.fields))
        dates = [path for path, spec in contract.leaves() if spec.type is Kind.DATE]
        self._only_date = dates[0] if len(dates) == 1 and "[]" not in dates[0] else None

    def merge(self, document: str, pages: Iterable[PageAnswers], corrections: Iterable[Correction] = ()) -> Packed:
        """All fields of one document: the contract's in its order, then those of keys that no field claims.

        Args:
            document: its id.
            pages: its pages in order; each is weighed and let go.
            corrections: what people said about it, one for each field path.
        """
        scalars: dict[str, list[Claim]] = {}
        free: dict[str, list[Claim]] = {}
        items = _Items(document)
        dates: set[object] = set()
        people = People(self.contract, corrections)
        weighed: _PageMerge | None = None
        for page in pages:
            weighed = _PageMerge(page, self._parser, self._labels, weighed.carried(self._lists) if weighed else {})
            people.see(page.page.number, weighed.claimer, weighed.ties)
            if self._only_date is not None:
                dates |= weighed.dates
            rows: dict[str, list[Row]] = {}
            for source, answer in enumerate(_distinct(page.answers)):
                said = self._reader.candidates(answer)
                for candidate in said:
                    if candidate.items is None:
                        (scalars if candidate.matched else free).setdefault(candidate.field, []).append(weighed.scalar(candidate))
                listed = [candidate for candidate in said if candidate.items is not None]
                listed.sort(key=attrgetter("items"))
                for path, group in groupby(listed, key=attrgetter("items")):
                    numbered = [list(cells) for _, cells in groupby(group, key=attrgetter("item"))]
                    rows.setdefault(path, []).extend(weighed.lists(path, self._lists[path]).rows(source, numbered))
            for path, found in rows.items():
                for slot in join(found):
                    items.add(path, slot.cells(), *weighed.said_of_row(people, path, items.length(path), slot))
            for path in people.lists:
                for cells in people.rows_left(path, page.page.number, weighed.claimer, weighed.ties):
                    items.add(path, cells)
        if weighed is not None and people:
            for path in people.lists:
                for cells in people.rows_without_place(path, weighed.number, weighed.claimer, weighed.ties):
                    items.add(path, cells)
            for path, claim in people.scalars().items():
                scalars.setdefault(path, []).append(claim)
        if self._only_date is not None and len(dates) == 1:
            for claim in scalars.get(self._only_date, ()):
                if claim.usable and claim.tie.score < STRONG and not claim.tie.rival:
                    claim.tie = only_date()
        add_up(self.contract.gate.sums, scalars, items.fields)
        return Packed(self._in_order(document, scalars, items.fields, free, people))

    def _in_order(
        self, document: str, scalars: dict[str, list[Claim]], items: Mapping[str, Packed], free: dict[str, list[Claim]], people: People,
    ) -> Iterator[Field]:
        done: set[str] = set()
        for path, spec in self.contract.leaves():
            if "[]" in path or spec.type is Kind.PAIRS:
                owner = next(name for name in self._lists if path == name or path.startswith(f"{name}[]"))
                if owner not in done:
                    done.add(owner)
                    yield from items.get(owner, ())
            elif people.has_none(path):
                yield gone(document, path, scalars.get(path, ()))
            elif path in scalars:
                yield spoken(resolve(document, path, spec, scalars[path], True))
            elif spec.required:
                yield missing(document, path)
        for path in sorted(free):
            yield resolve(document, path, free[path][0].candidate.spec, free[path], False)


class _Items:
    """The fields of a document's lists, row by row; rows are numbered as they come."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._lengths: dict[str, int] = {}
        self.fields: dict[str, Packed] = {}

    def length(self, path: str) -> int:
        return self._lengths.get(path, 0)

    def add(self, path: str, cells: dict[str, list[Claim]], said: Cells | None = None, emptied: Set[str] = frozenset()) -> None:
        """Resolve one row: what its answers claim, what people said of its cells, and which of them people emptied."""
        number = self._lengths[path] = self.length(path) + 1
        fields = self.fields.setdefault(path, Packed())
        for name in dict.fromkeys((*cells, *(said or ()))):
            claims = [*cells.get(name, ()), *(said or {}).get(name, ())]
            own = name.replace("[]", f"[{number - 1}]", 1)
            fields.append(gone(self._document, own, claims) if name in emptied else spoken(
                resolve(self._document, own, claims[0].candidate.spec, claims, True)))


class _PageMerge:
    """What is needed to weigh one page's candidates."""

    def __init__(self, page: PageAnswers, values: Parser, contract_labels: Labels, carried: Mapping[str, Sequence[Print]]) -> None:
        self.number = page.page.number
        self._carried = carried
        self._index = PageIndex(page.page, values)
        self._businesses = Businesses(self._index)
        self.ties = Ties(self._index, contract_labels)
        self._chunks = page.chunks
        self.claimer = Claimer(self._index, Witness(self._index, {chunk.number: chunk for chunk in page.chunks}))
        self._lists: dict[str, Lists] = {}
        self._known: dict[tuple[str, str, int, bool], Claim] = {}

    @property
    def dates(self) -> set[object]:
        """The dates that the page has."""
        return set(self._index.dates)

    @cached_property
    def _order(self) -> dict[int, int]:
        """Each word's place in its chunk's reading order."""
        return {word: at for chunk in reversed(self._chunks) for at, word in enumerate(chunk.words)}

    def lists(self, path: str, made: _List) -> Lists:
        if path not in self._lists:
            self._lists[path] = Lists(self.claimer, self.ties, made.cells, made.pairs, self._order, self._carried.get(path, ()))
        return self._lists[path]

    def carried(self, known: Mapping[str, _List]) -> dict[str, list[Print]]:
        """The column headers of the lists that have rows here and may go on over the page."""
        return {path: found.headers_for_next_page() for path, found in self._lists.items() if known[path].continues}

    def said_of_row(self, people: People, path: str, number: int, slot: Slot) -> tuple[Cells, set[str]]:
        """What people said of a row that stands on this page."""
        return people.cells(path, number, slot, self.number, self.claimer, self.ties) if people else ({}, set())

    def scalar(self, candidate: Candidate) -> Claim:
        """The claim of a single value, at the best of its places: best tied, in the answer's chunk, printed as given."""
        key = (candidate.field, candidate.value, candidate.chunk, candidate.matched)
        known = self._known.get(key)
        if known is not None:
            return known.told_by(candidate)
        claim = self._known[key] = self._scalar(candidate)
        return claim

    def _scalar(self, candidate: Candidate) -> Claim:
        typed, ground = self.claimer.ground(candidate)
        if not ground.places:
            return self.claimer.claim(candidate, typed, ground, None)
        place, tie = self._best_place(candidate, ground)
        claim = self.claimer.claim(candidate, typed, ground, place, tie)
        if candidate.matched and claim.usable and tie.score >= STRONG:
            claim.contested = self._contested(claim)
        return claim

    def _contested(self, claim: Claim) -> str:
        spec, tie = claim.candidate.spec, claim.tie
        for priority, typed, words, why in self.ties.labelled(claim.candidate.field):
            if typed == claim.typed or priority > tie.priority or is_rounded(typed, claim.typed):
                continue
            box = self._index.place_boxes(words)[0]
            better = priority < tie.priority or spec.pick == "first"
            if better or is_picked_over(typed, position_of(claim.candidate.page, box), claim, spec):
                return f"the page has “{' '.join(self._index.texts[i] for i in words)}” {why} as well"
        return ""

    def _best_place(self, candidate: Candidate, ground: Ground) -> tuple[Place, Tie]:
        if len(ground.places) == 1:
            return ground.places[0], self._tie(candidate, ground.places[0], 1)
        best = max(
            ((self._tie(candidate, place, len(ground.places)), place) for place in ground.places),
            key=lambda t: (t[0].score, not t[0].rival, self.claimer.inside(candidate, t[1]), t[1].exact, tuple(-i for i in t[1].words)),
        )
        return best[1], best[0]

    def _tie(self, candidate: Candidate, place: Place, places: int) -> Tie:
        spec = candidate.spec
        if spec.type is _GENERATED:
            return NO_TIE
        if candidate.matched:
            tie = self._own_tie(candidate, place)
            if tie.score >= STRONG and spec.type is _NAME and not is_whole(self._index, place.words, self.ties.words):
                return Tie(tie.score / 2, f"{tie.why}, but cut out of a longer phrase", tie.rival, tie.priority)
            if tie.score >= STRONG or tie.rival or (spec.place is None and spec.type is not _CURRENCY):
                return tie
            placed = by_place(self._index, self._businesses, spec, place.words, candidate.value, places)
            return max(tie, placed, key=attrgetter("score"))
        return self.ties.free(candidate.field.rsplit(".", 1)[-1], place.words)

    def _own_tie(self, candidate: Candidate, place: Place) -> Tie:
        """The tie by labels, or by check digits where those are closer."""
        tie = self.ties.of(candidate.field, place.words)
        if not candidate.spec.check or tie.rival or tie.score >= STRONG:
            return tie
        checked = by_check_digits(self._index, candidate.spec.check, candidate.value, place.words)
        return max(tie, checked, key=attrgetter("score")) if checked else tie


def _lists(prefix: str, fields: dict[str, FieldSpec]) -> Iterator[tuple[str, _List]]:
    """Every list of the contract by its path."""
    for name, spec in fields.items():
        path = f"{prefix}{name}"
        if spec.type is Kind.PAIRS:
            yield path, _List(True, (f"{path}[].key", f"{path}[].value"), False)
        elif spec.type is Kind.LIST:
            yield path, _List(False, tuple(_cells(f"{path}[].", spec.fields)), spec.continues)
        elif spec.type is Kind.GROUP:
            yield from _lists(f"{path}.", spec.fields)


def _cells(prefix: str, fields: dict[str, FieldSpec]) -> Iterator[str]:
    for name, spec in fields.items():
        if spec.type in (Kind.GROUP, Kind.LIST):
            yield from _cells(f"{prefix}{name}.", spec.fields)
        else:
            yield f"{prefix}{name}"


def _distinct(answers: Sequence[Answer]) -> list[Answer]:
    """Answers in a fixed order; one that was delivered twice counts once."""
    by_source: dict[tuple[int, Box, str, bool], list[Answer]] = {}
    for answer in answers:
        by_source.setdefault((answer.chunk, answer.box, answer.extractor, answer.hinted), []).append(answer)
    distinct = []
    for source in sorted(by_source):
        same = by_source[source]
        if len(same) > 1:
            told_apart = {json.dumps(answer.parsed, sort_keys=True): answer for answer in same}
            same = [told_apart[text] for text in sorted(told_apart)]
        distinct += same
    return distinct
