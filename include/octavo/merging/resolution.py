"""From scored candidates to one field: who wins, why the others lost, and whether the value may be taken unseen.

The order over candidates is total and looks at nothing else, so neither the order of answers nor
how documents are cut into shards can change the outcome.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence, Set
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from octavo.merging.answer_candidates import PAIR_VALUE
from octavo.merging.confidence import Weights
from octavo.merging.features import Features, group_of, words_of
from octavo.merging.field_links import PLACED, STRONG
from octavo.merging.grounding import POOR
from octavo.merging.scored_candidates import PERSON, ByField, ScoredCandidate, is_before, saw_words
from octavo.model.contracts import FieldSpec, Kind
from octavo.model.entities import Field, Loser, Support, Verdict
from octavo.page.money import is_rounded
from octavo.page.values import NUMBERS, TEXTUAL, Typed

# Evidence read with less confidence than this is not taken on a label alone.
TRUSTED_CONFIDENCE = 0.8
# How strongly something shows that a value is its field's.
PROVEN, LABELLED, HINTED, NOTHING = 3, 2, 1, 0

# The confidence of what a person said, and of what cannot be taken.
SURE, NEVER = Decimal("1.000"), Decimal("0.000")

_EXACT, _GENERATED = Support.EXACT, Kind.GENERATED
# What a value that the page does not show is worth.
_NOT_SHOWN = {
    Support.NONE: (Verdict.UNSUPPORTED, "the page does not say it"),
    Support.UNREADABLE: (Verdict.UNREADABLE, "what was read there is too poor to tell"),
}
_SUPPORT_RANK = {Support.EXACT: 2, Support.NORMALISED: 2, Support.UNREADABLE: 1, Support.NONE: 0}


class _Weighed(NamedTuple):
    """A candidate among its rivals: ``level`` of its link and the extractors that say the same."""

    scored: ScoredCandidate
    level: int
    agreed: str
    extractors: int


class Decider(NamedTuple):
    """What decides for all fields of a contract.

    ``cash_unit`` is what the document's amounts are rounded to for cash, ``accept_at`` the least confidence of an accepted value
    whose field gives none.
    """

    cash_unit: Decimal | None
    accept_at: Decimal
    weights: Weights


def resolve(document: str, path: str, spec: FieldSpec, all_scored: Sequence[ScoredCandidate], matched: bool, decider: Decider) -> Field:
    """One field from all candidates for it; at least one."""
    weighed = sorted(_weigh(all_scored), key=_order(spec))
    winner = weighed[0]
    verdict, reason = _verdict(winner, weighed, spec, decider.cash_unit)
    best = winner.scored
    features = _features(winner, weighed, spec, decider.cash_unit)
    confidence = _confidence(best, spec, features, decider.weights)
    if verdict is Verdict.ACCEPTED and confidence is not None:
        accept_at = decider.accept_at if spec.accept_at is None else spec.accept_at
        if confidence < accept_at:
            verdict = Verdict.AMBIGUOUS
            why = words_of(decider.weights.least(group_of(spec.type), features)) or "too little speaks for it"
            reason = f"{reason}, but {why}: confidence {confidence}, accepted from {accept_at}"  # ``falls_short`` looks for it
    losers = tuple([
        Loser(one.scored.candidate.value, one.scored.candidate.page, one.scored.candidate.extractor, _why_lost(one, winner, spec))
        for one in weighed[1:]
    ])
    return Field(
        document, path, best.candidate.value, best.typed, best.support, verdict, reason, best.candidate.page, best.candidate.chunk,
        best.evidence, best.candidate.extractor, losers, matched, confidence, features,
    )


_SHORT = re.compile(r": confidence [\d.]+, accepted from [\d.]+$")


def falls_short(reason: str) -> bool:
    """Whether a verdict's reason says that nothing but a low confidence speaks against the value."""
    return _SHORT.search(reason) is not None


def _confidence(scored: ScoredCandidate, spec: FieldSpec, features: Features, weights: Weights) -> Decimal | None:
    """How likely the winner is right; 0 for what the page does not show or a rule refuses, None for a generated value."""
    if scored.candidate.extractor == PERSON:
        return SURE
    if spec.type is _GENERATED:
        return None
    return weights.confidence(group_of(spec.type), features) if scored.usable and scored.features else NEVER


def _features(winner: _Weighed, weighed: Sequence[_Weighed], spec: FieldSpec, cash_unit: Decimal | None) -> Features:
    """What was measured of the winner, on its page and among the other candidates."""
    scored, found = winner.scored, list(winner.scored.features)
    if winner.agreed:
        found.append("agreed")
    if scored.arithmetic:
        found.append("arithmetic")
    if scored.contested:
        found.append("contested")
    if any(one.level >= winner.level > NOTHING and _says_otherwise(one, winner, spec, cash_unit) for one in weighed[1:]):
        found.append("rivals")
    return tuple(sorted(set(found)))


def _says_otherwise(one: _Weighed, winner: _Weighed, spec: FieldSpec, cash_unit: Decimal | None) -> bool:
    """Whether a candidate says something else than the winner, and not the same cut longer or shorter, or rounded for cash."""
    other, own = one.scored, winner.scored
    if other.canonical == own.canonical or is_cash_for(own.typed, other.typed, cash_unit):
        return False
    return not (spec.type in TEXTUAL and (other.canonical in own.canonical or own.canonical in other.canonical))


def missing(document: str, path: str) -> Field:
    """The row of a required field that nobody found."""
    return Field(document, path, None, None, Support.NONE, Verdict.UNSUPPORTED, "no extractor gave a value", None, None, (), None)


def _weigh(all_scored: Sequence[ScoredCandidate]) -> list[_Weighed]:
    groups: ByField = {}
    for scored in all_scored:
        groups.setdefault(scored.canonical, []).append(scored)
    weighed = []
    for group in groups.values():
        names = {scored.candidate.extractor for scored in group}
        agreed, extractors = _agreement(names, group), len(names)
        for scored in group:
            weighed.append(_Weighed(scored, _level(scored, agreed), agreed, extractors))
    return weighed


def _agreement(names: Set[str], group: Sequence[ScoredCandidate]) -> str:
    """The extractors that say the same, in words; empty unless they are several and one of them never saw the page's words.

    Extractors that all worked on those words do not confirm them: they share their input.
    """
    if len(names) < 2 or all(map(saw_words, group)):
        return ""
    return " and ".join(sorted(names)) + " agree"


def _level(scored: ScoredCandidate, agreed: str) -> int:
    if not scored.usable:
        return NOTHING
    if agreed or (scored.arithmetic and not scored.link.rival):
        return PROVEN
    if scored.link.score >= STRONG and not scored.link.rival:
        return LABELLED
    return HINTED if scored.link.score > 0 else NOTHING


def _order(spec: FieldSpec) -> Callable[[_Weighed], tuple[object, ...]]:
    """What candidates for a field are sorted by, best first. The last parts only make the order total."""
    pick = _PICKS[spec.pick]

    def key(one: _Weighed) -> tuple[object, ...]:
        scored, level = one.scored, one.level
        candidate, support = scored.candidate, scored.support
        return (
            candidate.extractor != PERSON,
            bool(scored.problem),
            -_SUPPORT_RANK[support],
            level < PROVEN,
            candidate.rank,
            -level,
            -one.extractors,
            -scored.link.score,
            pick(scored),
            support is not _EXACT,
            scored.position,
            candidate.extractor,
            candidate.hinted,
            scored.canonical,
            candidate.value,
            candidate.chunk,
            candidate.box,
            scored.evidence,
        )

    return key


def _last(scored: ScoredCandidate) -> tuple[int, ...]:
    page, y, x, last = scored.position
    return (-page, -y, -x, -last)


def _largest(scored: ScoredCandidate) -> tuple[int | Decimal, ...]:
    return (-Decimal(scored.typed),) if isinstance(scored.typed, NUMBERS) else scored.position


# What a contract's pick sorts candidates by, first to last; all are numbers, so that any two candidates can be compared.
_PICKS: dict[str, Callable[[ScoredCandidate], tuple[int | Decimal, ...]]] = {
    "first": attrgetter("position"), "last": _last, "largest": _largest,
}


def _verdict(winner: _Weighed, weighed: Sequence[_Weighed], spec: FieldSpec, cash_unit: Decimal | None) -> tuple[Verdict, str]:
    scored = winner.scored
    if scored.candidate.extractor == PERSON:
        return Verdict.ACCEPTED, "a person said so"
    if spec.type is _GENERATED:
        return Verdict.PARAPHRASE, f"the page has {round(100 * (scored.cover or 0))}% of its content words"
    if scored.support in _NOT_SHOWN:
        return _NOT_SHOWN[scored.support]
    if scored.problem:
        return Verdict.AMBIGUOUS, scored.problem
    rival = next((one for one in weighed[1:] if _rivals(one, winner, spec, cash_unit)), None)
    if rival is not None:
        other = rival.scored.candidate
        return Verdict.CONFLICTING, f"{other.extractor} says “{other.value}” on page {other.page}, as well tied to the field"
    if scored.contested and winner.level == LABELLED:
        return Verdict.CONFLICTING, scored.contested
    if winner.level < LABELLED:
        if scored.link.rival:
            return Verdict.AMBIGUOUS, f"it stands by the label “{scored.link.rival}”"
        return Verdict.AMBIGUOUS, scored.link.why + ", but not closely" if scored.link.why else "nothing shows that it is this field"
    if scored.confidence < _least_confidence(scored, spec) and not winner.agreed:
        return Verdict.UNREADABLE, f"its words were read with a confidence of {scored.confidence:.2f} only"
    return Verdict.ACCEPTED, "; ".join(filter(None, (scored.link.why, scored.arithmetic, winner.agreed)))


def _least_confidence(scored: ScoredCandidate, spec: FieldSpec) -> float:
    """Running text reads right with a letter misread. A number, a date or an identifier does not, also where a pair has it as text."""
    is_text = spec.type in TEXTUAL and not (spec is PAIR_VALUE and any(map(str.isdigit, scored.candidate.value)))
    return POOR if is_text else TRUSTED_CONFIDENCE


def _rivals(one: _Weighed, winner: _Weighed, spec: FieldSpec, cash_unit: Decimal | None) -> bool:
    """Whether ``one`` is as good a reading of the field as the winner and says something else."""
    if one.scored.canonical == winner.scored.canonical or one.level < LABELLED or one.level < winner.level:
        return False
    own, other = winner.scored.candidate, one.scored.candidate
    if own.extractor == other.extractor:
        if one.level == winner.level == LABELLED and winner.scored.link.priority < one.scored.link.priority:
            return False  # contracts list a field's labels best first
        if one.scored.link.priority == PLACED and one.scored.candidate.rank > winner.scored.candidate.rank:
            return False  # of several values by place alone, the extractor chose
        if is_cash_for(winner.scored.typed, one.scored.typed, cash_unit):
            return False
        if spec.pick != "first":
            return is_picked_over(one.scored.typed, one.scored.position, winner.scored, spec)
        if spec.type in TEXTUAL and (one.scored.canonical in winner.scored.canonical or winner.scored.canonical in one.scored.canonical):
            return False  # the same text, cut longer or shorter
    return True


def is_picked_over(typed: Typed | None, position: tuple[int, int, int, int], winner: ScoredCandidate, spec: FieldSpec) -> bool:
    """Whether the contract's own pick, largest or last, would rather have another value, by value or by place."""
    if spec.pick == "largest":
        return is_before(winner.typed, typed)
    if spec.pick == "first":
        return False
    return winner.position < position or (isinstance(typed, dt.date) and is_before(winner.typed, typed))


def is_cash_for(rounded: Typed | None, exact: Typed | None, unit: Decimal | None) -> bool:
    """Whether an amount is another one rounded for cash, and so what was paid."""
    return isinstance(exact, Decimal) and isinstance(rounded, Decimal) and is_rounded(exact, rounded, unit)


def _why_lost(one: _Weighed, winner: _Weighed, spec: FieldSpec) -> str:
    scored, best = one.scored, winner.scored
    if best.candidate.extractor == PERSON:
        return "a person said otherwise" if scored.canonical != best.canonical else "the same value as the winner"
    if scored.canonical == best.canonical:
        return "the same value as the winner"
    if scored.problem and not best.problem:
        return scored.problem
    if _SUPPORT_RANK[scored.support] < _SUPPORT_RANK[best.support]:
        return _NOT_SHOWN[scored.support][1]
    if one.level < winner.level and (one.level == NOTHING or scored.candidate.rank <= best.candidate.rank):
        if scored.link.rival:
            return f"it stands by the label “{scored.link.rival}”"
        return "less closely tied to the field" if one.level else "nothing shows that it is this field"
    if scored.candidate.rank > best.candidate.rank and winner.level < PROVEN:
        return "not the extractor's first choice"
    if one.extractors < winner.extractors:
        return "fewer extractors say it"
    if scored.link.score < best.link.score:
        return "further from its label"
    if scored.candidate.rank > best.candidate.rank:
        return "not the extractor's first choice"
    pick = _PICKS[spec.pick]
    return f"the contract picks the {spec.pick}" if pick(scored) != pick(best) else "in another form"
