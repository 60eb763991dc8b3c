"""Asking again, in another way each time, until a chunk's answer can be used or no way is left.

    plain → longer (the answer was cut off) → stricter (it was no JSON) → smaller (the crop in two halves)

Every way is taken once at most. A transport that fails is the runtime's to retry, and no other way of asking helps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from octavo.extraction.vlm.parsing import Parsed
from octavo.extraction.vlm.protocol import Finish
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import ParseStatus

# A retry of an answer that was cut off may use this many times as many tokens.
LONGER = 4
MOST_NEW_TOKENS = 8192
OUT_OF_MEMORY = "out_of_memory"


class WayToAsk(StrEnum):
    """A way to ask."""

    PLAIN = "plain"
    LONGER = "longer"
    STRICTER = "stricter"
    SMALLER = "smaller"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a model was asked, and how it ended."""

    way: WayToAsk
    parsed: Parsed
    finish: Finish
    error: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is nothing to gain by asking again."""
        return self.parsed.status is not ParseStatus.FAILED and self.parsed.complete and self.finish is Finish.STOP


def next_way(attempts: list[Attempt], rounds: int) -> WayToAsk | None:
    """How to ask after these attempts; None when it is done. ``rounds``: most attempts in all."""
    if not attempts:
        return WayToAsk.PLAIN
    last, taken = attempts[-1], {entry.way for entry in attempts}
    if last.usable or len(attempts) >= rounds or WayToAsk.SMALLER in taken:
        return None
    if last.finish is Finish.ERROR:
        return WayToAsk.SMALLER if last.error == OUT_OF_MEMORY else None
    if last.finish is Finish.LENGTH and WayToAsk.LONGER not in taken:
        return WayToAsk.LONGER
    if last.finish is not Finish.LENGTH and WayToAsk.STRICTER not in taken:
        return WayToAsk.STRICTER
    return WayToAsk.SMALLER


def best(attempts: list[Attempt]) -> Attempt:
    """The attempt that counts: a usable one, else the one that says most, the earliest among equals."""
    return max(attempts, key=lambda entry: (entry.usable, entry.parsed.status is not ParseStatus.FAILED, len(str(entry.parsed.value))))


def joined(parts: list[Parsed], contract: Contract) -> Parsed:
    """The answers of a crop's halves as one: lists in order, other fields from the first half that has them."""
    value: dict[str, Any] = {}
    for part in parts:
        for name, said in part.value.items():
            have, spec = value.get(name), contract.fields.get(name)
            if isinstance(have, list) and isinstance(said, list) and spec and spec.type in (Kind.LIST, Kind.PAIRS):
                value[name] = have + said
            elif isinstance(have, dict) and isinstance(said, dict):
                value[name] = {**said, **have}
            elif have in (None, "", [], {}):
                value[name] = said
    sound = [part for part in parts if part.status is not ParseStatus.FAILED]
    if not sound:
        return Parsed({}, ParseStatus.FAILED, False, tuple(problem for part in parts for problem in part.problems))
    whole = len(sound) == len(parts) and all(part.complete for part in parts)
    return Parsed(value, ParseStatus.REPAIRED, whole, tuple(problem for part in parts for problem in part.problems))
