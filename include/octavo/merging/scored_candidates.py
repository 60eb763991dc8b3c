"""Scored candidates: each candidate together with what its page says about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from octavo.merging.answer_candidates import Candidate
from octavo.merging.features import Features, PageFeatures
from octavo.merging.field_links import NO_LINK, STRONG, FieldLink, FieldLinks
from octavo.merging.grounding import SHOWN, Grounder, Grounding
from octavo.merging.unlabelled_links import kind_of
from octavo.model.contracts import CHOSEN, FieldSpec, Kind
from octavo.model.deadline import fits
from octavo.model.entities import Box, Evidence, Support
from octavo.page import choices
from octavo.page.choices import PlacedLabel
from octavo.page.index import Occurrence, PageIndex
from octavo.page.values import NUMBERS, NUMERIC, Typed, canonical, squeeze

PERSON = "person"
_SUPPORTED = frozenset(SHOWN.values())
_DATE = Kind.DATE


@dataclass(slots=True)
class ScoredCandidate:
    """One candidate, weighed on its own page.

    ``canonical`` is the form in which candidates agree or not. ``link`` says what shows that the value is this
    field's. ``confidence`` is the lowest of the evidence's words, 1 without evidence. ``problem`` is why the
    contract's own rules refuse the value, in words. ``position`` orders candidates down the document.
    ``contested`` names another value of the page that stands by a label of the field just as well, or better.
    ``features`` are what is measured of it.
    """

    candidate: Candidate
    typed: Typed | None
    canonical: str
    support: Support
    cover: float | None
    evidence: tuple[Evidence, ...]
    confidence: float
    link: FieldLink
    problem: str
    position: tuple[int, int, int, int]
    arithmetic: str = ""
    contested: str = ""
    features: Features = ()

    def repeated_by(self, candidate: Candidate) -> ScoredCandidate:
        """The same value as another answer gives it in the same words."""
        return replace(self, candidate=candidate)

    @property
    def usable(self) -> bool:
        """Supported by the page and within the contract's rules."""
        return not self.problem and self.support in _SUPPORTED


ByField = dict[str, list[ScoredCandidate]]
"""Scored candidates by the path of their field."""


def problem_of(spec: FieldSpec, text: str, typed: Typed | None) -> str:
    """Why a value breaks its field's own rules; empty if it does not."""
    if typed is None:
        return f"it cannot be read as one {spec.type}"
    if spec.pattern is not None and not fits(spec.pattern, text):
        return "it does not match the contract's pattern"
    if spec.check and not kind_of(spec.check, text):
        return f"it is no valid {' or '.join(spec.check)} number"
    if (spec.min is not None or spec.max is not None) and isinstance(typed, NUMBERS) and not isinstance(typed, bool):
        if spec.min is not None and typed < spec.min:
            return f"it is below the contract's minimum of {spec.min:g}"
        if spec.max is not None and typed > spec.max:
            return f"it is above the contract's maximum of {spec.max:g}"
    return ""


def position_of(page: int, box: Box) -> tuple[int, int, int, int]:
    return (page, box.y0, box.x0, 0)


class CandidateScorer:
    """Scores one page's candidates."""

    def __init__(self, index: PageIndex, grounder: Grounder, links: FieldLinks) -> None:
        self.index = index
        self._grounder = grounder
        self._links = links
        self._features = PageFeatures(index, links)

    def ground(self, candidate: Candidate, typed: Typed | None = None) -> tuple[Typed | None, Grounding]:
        """The candidate's typed value, unless it is known already, and what the page says about it."""
        kind = candidate.spec.type
        index = self.index.marked(candidate.spec.marks)
        if typed is None:
            typed = self._read(candidate, index)
        named = self._grounder.named(kind, candidate.value, candidate.words) if candidate.words else None
        if named and kind in NUMERIC and typed is not None and self._says_another_number(named.places[0].words, kind, typed, index):
            named = None
        grounder = self._grounder if index is self.index else self._grounder.of(index)
        return typed, named or grounder.ground(kind, candidate.value, typed, candidate.chunk)

    @staticmethod
    def _says_another_number(words: tuple[int, ...], kind: Kind, typed: Typed, index: PageIndex) -> bool:
        """Whether words say another number than ``typed``; brackets are a minus, but for rates, which often stand in them: VAT (20%)."""
        text = " ".join(index.texts[i] for i in words)
        printed = index.parser.parse(kind, text.strip("()") if kind is Kind.PERCENTAGE else text)
        return (printed is not None and printed != typed) or index.is_opposite(words, typed)

    def _read(self, candidate: Candidate, index: PageIndex) -> Typed | None:
        """What a candidate's text says as a value of its field."""
        spec, text = candidate.spec, candidate.value
        if spec.type in CHOSEN:
            return choices.read(spec, text, index.parser.locale)
        if spec.type is not _DATE:
            return index.parser.parse(spec.type, text)
        date = index.date_parser.parse(_DATE, text)
        if date is None and len(sharing := self._links.sharing(candidate.field)) > 1 and (both := index.date_parser.date_range(text)):
            date = both[sharing.index(candidate.field) > 0]
        return date if date is not None or spec.year_from is None else index.date_parser.day_of_year(text)

    def score(
        self, candidate: Candidate, typed: Typed | None, grounding: Grounding, place: Occurrence | None, link: FieldLink = NO_LINK,
    ) -> ScoredCandidate:
        """A candidate with its evidence at one place of the page, or with none."""
        kind, page = candidate.spec.type, candidate.page
        if place is None:
            evidence: tuple[Evidence, ...] = ()
            position, confidence, support = position_of(page, candidate.box), 1.0, grounding.support
        else:
            evidence = tuple([Evidence(page, box) for box in self.index.shown_boxes(place.words)])
            position, confidence = position_of(page, self.index.place_boxes(place.words)[0]), self.index.confidence(place.words)
            support = SHOWN[place.exact]
        problem = problem_of(candidate.spec, candidate.value, typed)
        if not problem and place is not None and kind in NUMERIC:
            problem = self.index.marked(candidate.spec.marks).doubt(place.words)
        if not problem and place is not None and kind is _DATE:
            problem = self.index.date_doubt(place.words)
        return ScoredCandidate(
            candidate, typed, canonical(kind, typed, candidate.value), support, grounding.cover, evidence, confidence, link,
            problem, position,
            features=() if place is None or problem else tuple(
                self._features.of(candidate.spec, candidate.value, place, link, candidate.items is not None)),
        )

    def score_chosen(self, candidate: Candidate) -> ScoredCandidate:
        """A boolean or a choice: what the boxes and words by the field's labels say of it."""
        spec, page, index = candidate.spec, candidate.page, self.index
        typed = choices.read(spec, candidate.value, index.parser.locale)
        labels = self._links.placed(candidate.field)
        placed = [PlacedLabel(one.words, one.box, one.text) for one in labels]
        said = index.layout.options.of(spec, placed, index.parser.locale, self._links.words)
        own = next((one for one in said if one.value == typed), None)
        form, problem = canonical(spec.type, typed, candidate.value), problem_of(spec, candidate.value, typed)
        if own is None or problem:
            position = position_of(page, candidate.box)
            return ScoredCandidate(candidate, typed, form, Support.NONE, None, (), 1.0, NO_LINK, problem, position)
        confidence = index.confidence(own.words) if own.words else 1.0
        label = min(labels, key=lambda one: abs(one.box.center[1] - own.boxes[0].center[1]), default=None)
        # A tick and one of a few words are no other kind of value.
        measured = ["beside_label", "near", "printed_so", "certain_form", *PageFeatures.of_reading(confidence)]
        if label is not None and squeeze(label.text) == squeeze("".join(index.texts[i] for i in label.words)):
            measured += ["exact_label", "own_label"]
        other = next((one for one in said if one.value != typed), None)
        return ScoredCandidate(
            candidate, typed, form, Support.EXACT, None, tuple([Evidence(page, box) for box in own.boxes]), confidence,
            FieldLink(STRONG, own.why, how="beside_label", label=label), "", position_of(page, own.boxes[0]),
            contested=f"the page says “{other.value}” as well: {other.why}" if other else "", features=tuple(measured),
        )

    def inside(self, candidate: Candidate, place: Occurrence) -> bool:
        """Whether a place lies in the chunk that the answer is about."""
        return candidate.box.holds(self.index.shown[place.words[0]].center)


def mark_claimed(scalars: ByField) -> None:
    """Mark the candidates whose words another field has a candidate for as well; two dates after one label are candidates of both."""
    fields: dict[tuple[Evidence, ...], set[str]] = {}
    for path, all_scored in scalars.items():
        for scored in all_scored:
            if scored.features:
                fields.setdefault(scored.evidence, set()).add(path)
    for all_scored in scalars.values():
        for scored in all_scored:
            if scored.features and len(fields[scored.evidence]) > 1 and scored.candidate.spec.type is not _DATE:
                scored.features = (*scored.features, "claimed")


def is_before(one: Typed | None, other: Typed | None) -> bool:
    """Whether ``one`` is smaller than ``other``; False where they cannot be compared."""
    if isinstance(one, dt.date) and isinstance(other, dt.date):
        return one < other
    if isinstance(one, NUMBERS) and isinstance(other, NUMBERS):
        return one < other
    return False


def saw_words(scored: ScoredCandidate) -> bool:
    """Whether the page's words, not its pixels, were the extractor's input.

    The layout extractor works on the page's words and a hinted model was shown them, so that these only repeat each other.
    """
    return scored.candidate.hinted or scored.candidate.extractor == LAYOUT


LAYOUT = "layout"
