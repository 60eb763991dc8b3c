"""Models that repeat themselves for ever: noticing it while they write, and cutting it off afterwards."""

from __future__ import annotations

from collections.abc import Sequence

# A unit is a loop when it came this often in a row and covers this much. Tables of documents do repeat
# themselves ("0.00" in every row), but a dozen equal rows in one chunk are rarer than looping models.
REPEATS = 12
LONGEST_UNIT = 64       # tokens or characters
LEAST_TOKENS = 48
LEAST_CHARACTERS = 96


def tail_unit(sequence: Sequence[object], least: int) -> int:
    """The length of the unit that the end of ``sequence`` repeats; 0 for none.

    It counts from ``REPEATS`` turns that cover ``least`` elements or more.
    """
    for unit in range(1, min(LONGEST_UNIT, len(sequence) // REPEATS) + 1):
        span = unit * max(REPEATS, -(-least // unit))
        if span <= len(sequence) and sequence[-1] == sequence[-1 - unit] and sequence[-span:-unit] == sequence[unit - span:]:
            return unit
    return 0


def cut_loop(text: str) -> tuple[str, bool]:
    """``text`` with a repeated end reduced to its first unit, and whether there was one.

    The loop's last turn may be cut off in the middle, by a token limit.
    """
    for tail in range(min(LONGEST_UNIT, max(0, len(text) - LEAST_CHARACTERS)) + 1):
        body = text[:len(text) - tail]
        unit = tail_unit(body, LEAST_CHARACTERS)
        if unit and tail < unit and body[-unit:].startswith(text[len(body):]):
            end = len(body)
            while end >= 2 * unit and body[end - 2 * unit:end - unit] == body[end - unit:end]:
                end -= unit
            return body[:end], True
    return text, False
