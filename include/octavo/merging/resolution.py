"""From claims to one field: who wins, why the others lost, and whether the value may be taken unseen.

The order over claims is total and looks at nothing but the claims, so neither the order of answers nor
how documents are cut into shards can change the outcome.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence, Set
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from octavo.merging.answer_candidates import PAIR_VALUE
from octavo.merging.field_links import PLACED, STRONG
from octavo.merging.grounding import POOR
from octavo.merging.scored_candidates import PERSON, Claim, is_before, saw_words
from octavo.model.contracts import FieldSpec, Kind
from octavo.model.entities import Field, Loser, Support, Verdict
from octavo.page.values import NUMBERS, TEXTUAL, Typed

# Evidence read with less confidence than this is not taken on a label alone.
TRUSTED_CONFIDENCE = 0.8
# Cash is rounded to this where it is rounded at all.
CASH_UNIT = Decimal("0.05")
# How strongly something shows that a value is its field's.
PROVEN, LABELLED, HINTED, NOTHING = 3, 2, 1, 0

_EXACT, _GENERATED = Support.EXACT, Kind.GENERATED
# What a value that the page does not show is worth.
_NOT_SHOWN = {
    Support.NONE: (Verdict.UNSUPPORTED, "the page does not say it"),
    Support.UNREADABLE: (Verdict.UNREADABLE, "what was read there is too poor to tell"),
}
_SUPPORT_RANK = {Support.EXACT: 2, Support.NORMALISED: 2, Support.UNREADABLE: 1, Support.NONE: 0}


class _Weighed(NamedTuple):
    """A claim among its rivals: ``level`` of its tie and the extractors that say the same."""

    claim: Claim
    level: int
    agreed: str
    extractors: int


def resolve(document: str, path: str, spec: FieldSpec, claims: Sequence[Claim], matched: bool) -> Field:
    """One field from all claims about it; at least one claim."""
    weighed = _weigh(claims)
    if len(weighed) > 1:
        weighed.sort(key=_order(spec))
    winner = weighed[0]
    verdict, reason = _verdict(winner, weighed, spec)
    best = winner.claim
    losers = tuple([
        Loser(one.claim.candidate.value, one.claim.candidate.page, one.claim.candidate.extractor, _why_lost(one, winner, spec))
        for one in weighed[1:]
    ])
    return Field(
        document, path, best.candidate.value, best.typed, best.support, verdict, reason, best.candidate.page, best.candidate.chunk,
        best.evidence, best.candidate.extractor, losers, matched,
    )


def missing(document: str, path: str) -> Field:
    """The row of a required field that nobody found."""
    return Field(document, path, None, None, Support.NONE, Verdict.UNSUPPORTED, "no extractor gave a value", None, None, (), None)


def _weigh(claims: Sequence[Claim]) -> list[_Weighed]:
    if len(claims) == 1:
        return [_Weighed(claims[0], _level(claims[0], ""), "", 1)]
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(claim.canonical, []).append(claim)
    weighed = []
    for group in groups.values():
        names = {claim.candidate.extractor for claim in group}
        agreed, extractors = _agreement(names, group), len(names)
        for claim in group:
            weighed.append(_Weighed(claim, _level(claim, agreed), agreed, extractors))
    return weighed


def _agreement(names: Set[str], group: Sequence[Claim]) -> str:
    """The extractors that say the same, in words; empty unless they are several and one of them never saw the page's words.

    Witnesses that all worked on those words do not confirm them: they share their input.
    """
    if len(names) < 2 or all(map(saw_words, group)):
        return ""
    return " and ".join(sorted(names)) + " agree"


def _level(claim: Claim, agreed: str) -> int:
    if not claim.usable:
        return NOTHING
    if agreed or (claim.arithmetic and not claim.tie.rival):
        return PROVEN
    if claim.tie.score >= STRONG and not claim.tie.rival:
        return LABELLED
    return HINTED if claim.tie.score > 0 else NOTHING


def _order(spec: FieldSpec) -> Callable[[_Weighed], tuple[object, ...]]:
    """What claims about a field are sorted by, best first. The last parts only make the order total."""
    pick = _PICKS[spec.pick]

    def key(one: _Weighed) -> tuple[object, ...]:
        claim, level = one.claim, one.level
        candidate, support = claim.candidate, claim.support
        return (
            candidate.extractor != PERSON,
            bool(claim.problem),
            -_SUPPORT_RANK[support],
            level < PROVEN,
            candidate.rank,
            -level,
            -one.extractors,
            -claim.tie.score,
            pick(claim),
            support is not _EXACT,
            claim.position,
            candidate.extractor,
            candidate.hinted,
            claim.canonical,
            candidate.value,
            candidate.chunk,
            candidate.box,
            claim.evidence,
        )

    return key


def _last(claim: Claim) -> tuple[int, ...]:
    page, y, x, last = claim.position
    return (-page, -y, -x, -last)


def _largest(claim: Claim) -> tuple[int | Decimal, ...]:
    return (-Decimal(claim.typed),) if isinstance(claim.typed, NUMBERS) else claim.position


# What a contract's pick sorts claims by, first to last; all of them are numbers, so that any two claims can be compared.
_PICKS: dict[str, Callable[[Claim], tuple[int | Decimal, ...]]] = {"first": attrgetter("position"), "last": _last, "largest": _largest}


def _verdict(winner: _Weighed, weighed: Sequence[_Weighed], spec: FieldSpec) -> tuple[Verdict, str]:
    claim = winner.claim
    if claim.candidate.extractor == PERSON:
        return Verdict.ACCEPTED, "a person said so"
    if spec.type is _GENERATED:
        return Verdict.PARAPHRASE, f"the page has {round(100 * (claim.cover or 0))}% of its content words"
    if claim.support in _NOT_SHOWN:
        return _NOT_SHOWN[claim.support]
    if claim.problem:
        return Verdict.AMBIGUOUS, claim.problem
    rival = next((one for one in weighed[1:] if _rivals(one, winner, spec)), None)
    if rival is not None:
        other = rival.claim.candidate
        return Verdict.CONFLICTING, f"{other.extractor} says “{other.value}” on page {other.page}, as well tied to the field"
    if claim.contested and winner.level == LABELLED:
        return Verdict.CONFLICTING, claim.contested
    if winner.level < LABELLED:
        if claim.tie.rival:
            return Verdict.AMBIGUOUS, f"it stands by the label “{claim.tie.rival}”"
        return Verdict.AMBIGUOUS, claim.tie.why + ", but not closely" if claim.tie.why else "nothing shows that it is this field"
    if claim.confidence < _least_confidence(claim, spec) and not winner.agreed:
        return Verdict.UNREADABLE, f"its words were read with a confidence of {claim.confidence:.2f} only"
    return Verdict.ACCEPTED, "; ".join(filter(None, (claim.tie.why, claim.arithmetic, winner.agreed)))


def _least_confidence(claim: Claim, spec: FieldSpec) -> float:
    """Running text reads right with a letter misread. A number, a date or an identifier does not, also where a pair has it as text."""
    is_text = spec.type in TEXTUAL and not (spec is PAIR_VALUE and any(map(str.isdigit, claim.candidate.value)))
    return POOR if is_text else TRUSTED_CONFIDENCE


def _rivals(one: _Weighed, winner: _Weighed, spec: FieldSpec) -> bool:
    """Whether ``one`` is as good a reading of the field as the winner and says something else."""
    if one.claim.canonical == winner.claim.canonical or one.level < LABELLED or one.level < winner.level:
        return False
    own, other = winner.claim.candidate, one.claim.candidate
    if own.extractor == other.extractor:
        if one.level == winner.level == LABELLED and winner.claim.tie.priority < one.claim.tie.priority:
            return False  # contracts list a field's labels best first
        if one.claim.tie.priority == PLACED and one.claim.candidate.rank > winner.claim.candidate.rank:
            return False  # of several values by place alone, the extractor chose
        if is_rounded(one.claim.typed, winner.claim.typed):
            return False
        if spec.pick != "first":
            return is_picked_over(one.claim.typed, one.claim.position, winner.claim, spec)
        if spec.type in TEXTUAL and (one.claim.canonical in winner.claim.canonical or winner.claim.canonical in one.claim.canonical):
            return False  # the same text, cut longer or shorter
    return True


def is_picked_over(typed: Typed | None, position: tuple[int, int, int, int], winner: Claim, spec: FieldSpec) -> bool:
    """Whether the contract's own pick, largest or last, would rather have another value, by value or by place."""
    if spec.pick == "largest":
        return is_before(winner.typed, typed)
    if spec.pick == "first":
        return False
    return winner.position < position or (isinstance(typed, dt.date) and is_before(winner.typed, typed))


def is_rounded(exact: Typed | None, rounded: Typed | None) -> bool:
    """Whether one amount is the other rounded for cash, which is then what was paid."""
    if not isinstance(exact, Decimal) or not isinstance(rounded, Decimal) or exact == rounded:
        return False
    return abs(exact - rounded) < CASH_UNIT and not rounded % CASH_UNIT and bool(exact % CASH_UNIT)


def _why_lost(one: _Weighed, winner: _Weighed, spec: FieldSpec) -> str:
    claim, best = one.claim, winner.claim
    if best.candidate.extractor == PERSON:
        return "a person said otherwise" if claim.canonical != best.canonical else "the same value as the winner"
    if claim.canonical == best.canonical:
        return "the same value as the winner"
    if claim.problem and not best.problem:
        return claim.problem
    if _SUPPORT_RANK[claim.support] < _SUPPORT_RANK[best.support]:
        return _NOT_SHOWN[claim.support][1]
    if one.level < winner.level and (one.level == NOTHING or claim.candidate.rank <= best.candidate.rank):
        if claim.tie.rival:
            return f"it stands by the label “{claim.tie.rival}”"
        return "less closely tied to the field" if one.level else "nothing shows that it is this field"
    if claim.candidate.rank > best.candidate.rank and winner.level < PROVEN:
        return "not the extractor's first choice"
    if one.extractors < winner.extractors:
        return "fewer extractors say it"
    if claim.tie.score < best.tie.score:
        return "further from its label"
    if claim.candidate.rank > best.candidate.rank:
        return "not the extractor's first choice"
    pick = _PICKS[spec.pick]
    return f"the contract picks the {spec.pick}" if pick(claim) != pick(best) else "in another form"
