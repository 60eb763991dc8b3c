"""One document's answers merged into its fields, page by page: a page's words are let go once it is weighed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from octavo.merging import confidence
from octavo.merging.answer_candidates import AnswerReader, Candidate
from octavo.merging.arithmetic import add_up
from octavo.merging.corrected import AppliedCorrections, as_listed, said_to_be_absent
from octavo.merging.field_links import NO_LINK, STRONG, FieldLink, FieldLinks
from octavo.merging.grounding import Grounder, Grounding
from octavo.merging.items import PageLists, RowShape
from octavo.merging.joined_rows import ItemRow, JoinedRow, join, measure_rows
from octavo.merging.resolution import Decider, is_cash_for, is_picked_over, missing, resolve
from octavo.merging.scored_candidates import ByField, CandidateScorer, ScoredCandidate, mark_claimed, position_of
from octavo.merging.unlabelled_links import by_check_digits, by_place, is_whole, only_date
from octavo.merging.years import completed
from octavo.model.contracts import CHOSEN, Contract, FieldSpec, Kind
from octavo.model.entities import Answer, Box, Chunk, Field, Page
from octavo.model.lexicon import current
from octavo.page.businesses import Businesses
from octavo.page.index import Occurrence, PageIndex
from octavo.page.label_matches import ContractLabels, LabelMatch
from octavo.page.layout import PageLayout
from octavo.page.record_starts import RecordStarts
from octavo.page.values import Parser, parser
from octavo.storage.corrections import Correction

_GENERATED, _NAME, _CURRENCY = Kind.GENERATED, Kind.NAME, Kind.CURRENCY


@dataclass(frozen=True)
class PageAnswers:
    """One page with its chunks and everything that was said of them, in any order."""

    page: Page
    chunks: Sequence[Chunk]
    answers: Sequence[Answer]

    @cached_property
    def layout(self) -> PageLayout:
        return PageLayout(self.page)


class _List(NamedTuple):
    """A list of the contract: what its rows are, its cells' paths, and whether its table goes on over pages."""

    shape: RowShape
    cells: tuple[str, ...]
    continues: bool


class Merger:
    """Merges documents under one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.starts = RecordStarts(contract)
        self._parser = parser(contract.locale)
        self._reader = AnswerReader(contract)
        self._labels = ContractLabels(contract)
        weights = confidence.shipped()
        self._cash_unit = current().cash_unit(contract.locale.currency)
        self._decider = Decider(self._cash_unit, weights.accept_at if contract.accept_at is None else contract.accept_at, weights)
        self._lists = dict(_lists("", contract.fields))
        dates = [path for path, spec in contract.leaves() if spec.type is Kind.DATE]
        self._only_date = dates[0] if len(dates) == 1 and "[]" not in dates[0] else None

    def merge(self, document: str, pages: Iterable[PageAnswers], corrections: Iterable[Correction] = ()) -> list[Field]:
        """All fields of one record: the contract's in its order, then those of keys that no field claims.

        Args:
            document: the id of its document.
            pages: its pages in order, as ``starts`` cuts them; each is weighed and let go.
            corrections: what people said about it, one for each field path.
        """
        has_top = self.starts.tops()
        scalars: ByField = {}
        free: ByField = {}
        items = _Items(document, self._decider)
        dates: set[object] = set()
        applied = AppliedCorrections(self.contract, corrections)
        weighed: _PageMerge | None = None
        for page in pages:
            carried = weighed.carried(self._lists) if weighed else {}
            answers = [self._reader.candidates(answer) for answer in _distinct(page.answers)]
            said_dates = [one.value for said in answers for one in said if one.spec.type is Kind.DATE and one.matched]
            weighed = _PageMerge(page, has_top(page.layout), self._parser, self._labels, self._cash_unit, carried, said_dates)
            applied.see(page.page.number, weighed.scorer, weighed.links)
            if self._only_date is not None:
                dates |= weighed.dates
            rows: dict[str, list[ItemRow]] = {}
            for source, said in enumerate(answers):
                for candidate in said:
                    if candidate.items is None:
                        (scalars if candidate.matched else free).setdefault(candidate.field, []).append(weighed.scalar(candidate))
                listed = [candidate for candidate in said if candidate.items is not None]
                listed.sort(key=attrgetter("items"))
                for path, group in groupby(listed, key=attrgetter("items")):
                    numbered = [list(cells) for _, cells in groupby(group, key=attrgetter("item"))]
                    rows.setdefault(path, []).extend(weighed.lists(path, self._lists[path]).rows(source, numbered))
            for path, found in rows.items():
                slots = join(found)
                if self._lists[path].shape is not RowShape.PAIR:
                    measure_rows(slots)
                for slot in slots:
                    items.add(path, slot.cells(), *weighed.said_of_row(applied, path, items.length(path), slot))
            for path in applied.lists:
                for cells in applied.rows_left(path, page.page.number, weighed.scorer, weighed.links):
                    items.add(path, cells)
        if weighed is not None and applied:
            for path in applied.lists:
                for cells in applied.rows_without_place(path, weighed.number, weighed.scorer, weighed.links):
                    items.add(path, cells)
            for path, scored in applied.scalars().items():
                scalars.setdefault(path, []).append(scored)
        if self._only_date is not None and len(dates) == 1:
            for scored in scalars.get(self._only_date, ()):
                if scored.usable and scored.link.score < STRONG and not scored.link.rival:
                    scored.link = only_date()
        mark_claimed(scalars)
        add_up(self.contract.gate.sums, scalars, items.fields)
        return completed(list(self._in_order(document, scalars, items.fields, free, applied)), self.contract)

    def _in_order(
        self, document: str, scalars: ByField, items: Mapping[str, Sequence[Field]], free: ByField, applied: AppliedCorrections,
    ) -> Iterator[Field]:
        done: set[str] = set()
        for path, spec in self.contract.leaves():
            if "[]" in path or spec.type is Kind.PAIRS:
                owner = next(name for name in self._lists if path == name or path.startswith(f"{name}[]"))
                if owner not in done:
                    done.add(owner)
                    yield from items.get(owner, ())
            elif applied.has_none(path):
                yield said_to_be_absent(document, path, scalars.get(path, ()))
            elif path in scalars:
                yield as_listed(resolve(document, path, spec, scalars[path], True, self._decider))
            elif spec.required:
                yield missing(document, path)
        for path in sorted(free):
            yield resolve(document, path, free[path][0].candidate.spec, free[path], False, self._decider)


class _Items:
    """The fields of a document's lists, row by row; rows are numbered as they come."""

    def __init__(self, document: str, decider: Decider) -> None:
        self._document = document
        self._decider = decider
        self._lengths: dict[str, int] = {}
        self.fields: dict[str, list[Field]] = {}

    def length(self, path: str) -> int:
        return self._lengths.get(path, 0)

    def add(self, path: str, cells: ByField, said: ByField | None = None, emptied: Set[str] = frozenset()) -> None:
        """Resolve one row: the candidates of its answers, what people said of its cells, and which of them people emptied."""
        number = self._lengths[path] = self.length(path) + 1
        fields = self.fields.setdefault(path, [])
        for name in dict.fromkeys((*cells, *(said or ()))):
            all_scored = [*cells.get(name, ()), *(said or {}).get(name, ())]
            own = name.replace("[]", f"[{number - 1}]", 1)
            fields.append(said_to_be_absent(self._document, own, all_scored) if name in emptied else as_listed(
                resolve(self._document, own, all_scored[0].candidate.spec, all_scored, True, self._decider)))


class _PageMerge:
    """What is needed to weigh one page's candidates."""

    def __init__(
        self, page: PageAnswers, has_top: bool, values: Parser, contract_labels: ContractLabels, cash_unit: Decimal | None,
        carried: Mapping[str, Sequence[LabelMatch]], said_dates: Sequence[str],
    ) -> None:
        self.number = page.page.number
        self._has_top = has_top
        self._cash_unit = cash_unit
        self._carried = carried
        self._index = PageIndex(page.page, values, said_dates, page.layout)
        self._businesses = Businesses(self._index)
        self.links = FieldLinks(self._index, contract_labels)
        self._chunks = page.chunks
        grounder = Grounder(self._index, {chunk.number: chunk for chunk in page.chunks})
        self.scorer = CandidateScorer(self._index, grounder, self.links)
        self._lists: dict[str, PageLists] = {}
        self._known: dict[tuple[str, str, int, bool, tuple[int, ...] | None], ScoredCandidate] = {}

    @property
    def dates(self) -> set[object]:
        """The dates that the page has."""
        return set(self._index.dates)

    @cached_property
    def _order(self) -> dict[int, int]:
        """Each word's place in the chunks' reading order."""
        return {word: at for at, word in enumerate(dict.fromkeys(word for chunk in self._chunks for word in chunk.words))}

    def lists(self, path: str, made: _List) -> PageLists:
        if path not in self._lists:
            self._lists[path] = PageLists(self.scorer, self.links, made.cells, made.shape, self._order, self._carried.get(path, ()))
        return self._lists[path]

    def carried(self, known: Mapping[str, _List]) -> dict[str, list[LabelMatch]]:
        """The column headers of the lists that have rows here and may go on over the page."""
        return {path: found.headers_for_next_page() for path, found in self._lists.items() if known[path].continues}

    def said_of_row(self, applied: AppliedCorrections, path: str, number: int, slot: JoinedRow) -> tuple[ByField, set[str]]:
        """What people said of a row that stands on this page."""
        return applied.cells(path, number, slot, self.number, self.scorer, self.links) if applied else ({}, set())

    def scalar(self, candidate: Candidate) -> ScoredCandidate:
        """A single value, scored at the best of its places: most closely linked, in the answer's chunk, printed as given."""
        key = (candidate.field, candidate.value, candidate.chunk, candidate.matched, candidate.words)
        known = self._known.get(key)
        if known is not None:
            return known.repeated_by(candidate)
        scored = self._known[key] = self._scalar(candidate)
        return scored

    def _scalar(self, candidate: Candidate) -> ScoredCandidate:
        if candidate.spec.type in CHOSEN:
            return self.scorer.score_chosen(candidate)
        typed, grounding = self.scorer.ground(candidate)
        if not grounding.places:
            return self.scorer.score(candidate, typed, grounding, None)
        place, link = self._best_place(candidate, grounding)
        scored = self.scorer.score(candidate, typed, grounding, place, link)
        if candidate.matched and scored.usable and link.score >= STRONG:
            scored.contested = self._contested(scored, place.words)
        return scored

    def _contested(self, scored: ScoredCandidate, own: tuple[int, ...]) -> str:
        spec, link = scored.candidate.spec, scored.link
        shared = len(self.links.sharing(scored.candidate.field)) > 1
        for priority, typed, words, why in self.links.labelled(scored.candidate.field):
            if shared and not set(words).isdisjoint(own):
                continue  # the other end of one range
            if typed == scored.typed or priority > link.priority or is_cash_for(scored.typed, typed, self._cash_unit):
                continue
            box = self._index.place_boxes(words)[0]
            better = priority < link.priority or spec.pick == "first"
            if better or is_picked_over(typed, position_of(scored.candidate.page, box), scored, spec):
                return f"the page has “{' '.join(self._index.texts[i] for i in words)}” {why} as well"
        return ""

    def _best_place(self, candidate: Candidate, grounding: Grounding) -> tuple[Occurrence, FieldLink]:
        if len(grounding.places) == 1:
            return grounding.places[0], self._link(candidate, grounding.places[0])
        best = max(
            ((self._link(candidate, place), place) for place in grounding.places),
            key=lambda t: (t[0].score, not t[0].rival, self.scorer.inside(candidate, t[1]), t[1].exact, tuple(-i for i in t[1].words)),
        )
        return best[1], best[0]

    def _link(self, candidate: Candidate, place: Occurrence) -> FieldLink:
        spec = candidate.spec
        if spec.type is _GENERATED:
            return NO_LINK
        if candidate.matched:
            link = self._own_link(candidate, place)
            if link.score >= STRONG and spec.type is _NAME and not is_whole(self._index, place.words, self.links.words):
                return link._replace(score=link.score / 2, why=f"{link.why}, but cut out of a longer phrase")
            if link.score >= STRONG or link.rival or (spec.place is None and spec.type is not _CURRENCY):
                return link
            placed = by_place(self._index, self._has_top, self._businesses, spec, place.words, candidate.value)
            return max(link, placed, key=attrgetter("score"))
        return self.links.free(candidate.field.rsplit(".", 1)[-1], place.words)

    def _own_link(self, candidate: Candidate, place: Occurrence) -> FieldLink:
        """The link by the contract's pattern, by labels, or by check digits where those are closer."""
        found = self.links.by_pattern(candidate.field, place.words)
        if found.score:
            return found
        link = self.links.of(candidate.field, place.words)
        if not candidate.spec.check or link.rival or link.score >= STRONG:
            return link
        checked = by_check_digits(self._index, candidate.spec.check, candidate.value, place.words)
        return max(link, checked, key=attrgetter("score")) if checked else link


def _lists(prefix: str, fields: dict[str, FieldSpec]) -> Iterator[tuple[str, _List]]:
    """Every list of the contract by its path."""
    for name, spec in fields.items():
        path = f"{prefix}{name}"
        if spec.type is Kind.PAIRS:
            yield path, _List(RowShape.PAIR, (f"{path}[].key", f"{path}[].value"), False)
        elif spec.type is Kind.LIST:
            shape = RowShape.PLAIN if spec.of is not None else RowShape.COLUMN if spec.rows == "left" else RowShape.ROW
            yield path, _List(shape, tuple(_cells(f"{path}[].", spec.fields)), spec.continues)
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
