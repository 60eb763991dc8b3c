"""JSON as models write it: read, repaired where they broke it, salvaged where they were cut off.

Numbers stay as they are written, no value of a repeated key is lost, and a model that repeats itself for ever is noticed
while it writes and cut off afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import json_repair

from octavo.model.contracts import Contract, Kind

# Longest text, in characters, and deepest brackets that are repaired; the repair of more garbage takes minutes.
LONGEST_REPAIRED, DEEPEST_REPAIRED = 100_000, 100
# A unit is a loop when it came this often in a row and covers this much. Tables of documents do repeat
# themselves ("0.00" in every row), but a dozen equal rows in one chunk are rarer than looping models.
REPEATS = 12
LONGEST_UNIT = 64       # tokens or characters
LEAST_TOKENS = 48
LEAST_CHARACTERS = 96
_FENCE = re.compile(r"```[a-zA-Z]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; a key that comes several times has all its values, as a list."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    values: dict[str, list[object]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return {
        key: said[0] if len(said) == 1 else [one for value in said for one in (value if isinstance(value, list) else [value])]
        for key, said in values.items()
    }


DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)
"""12.50 is the text "12.50", also NaN is a text, and {"a": 1, "a": 2} is {"a": ["1", "2"]}."""


def read(text: str) -> tuple[Any, bool, bool]:
    """The JSON in what a model wrote, None without any; whether it was sound JSON and nothing else; and whether it was there to its end."""
    text = text.strip()
    try:
        return DECODER.decode(text), True, True
    except (ValueError, RecursionError):
        value, complete = _repaired(text)
        return value, False, complete


def _repaired(text: str) -> tuple[Any, bool]:
    """The JSON inside ``text``, and whether it was there to its end. A last item that was cut off is dropped."""
    fenced = _FENCE.search(text)
    inner = fenced[1] if fenced else text
    start = next((place for place, char in enumerate(inner) if char in "{["), None)
    if start is None or len(inner) > LONGEST_REPAIRED:
        return None, False
    inner, looped = cut_loop(inner[start:])
    try:
        value, _ = DECODER.raw_decode(inner)
        return value, not looped
    except (ValueError, RecursionError):
        pass
    if _depth(inner) > DEEPEST_REPAIRED:
        return None, False
    closed = _closes(inner)
    try:
        value = json_repair.loads(inner if closed else _salvaged(inner), skip_json_loads=True)
    except (ValueError, RecursionError):
        return None, False
    return value, closed and not looped


def _scan(text: str) -> tuple[list[tuple[str, int]], list[int], bool]:
    """Open brackets with their place, places of commas at each depth that is open, and whether a string is open."""
    stack: list[tuple[str, int]] = []
    commas: list[int] = []
    quoted = escaped = False
    for place, char in enumerate(text):
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "{[":
            stack.append((char, place))
            commas.append(-1)
        elif char in "}]" and stack:
            stack.pop()
            commas.pop()
            if not stack:
                break
        elif char == "," and stack:
            commas[-1] = place
    return stack, commas, quoted


def _closes(text: str) -> bool:
    return not _scan(text)[0]


def _salvaged(text: str) -> str:
    """A text that was cut off, up to its last whole member or array item.

    An object within an array that was cut off goes as a whole: a line item without its amount is worse than
    none, since a sum over the rest would not show it.
    """
    stack, commas, _ = _scan(text)
    for depth in range(len(stack)):
        if stack[depth][0] == "[" and depth + 1 < len(stack):
            end = commas[depth] if commas[depth] >= 0 else stack[depth][1] + 1
            return text[:end] + _closing(stack[:depth + 1])
    end = commas[-1] if commas[-1] >= 0 else stack[-1][1] + 1
    return text[:end] + _closing(stack)


def _closing(stack: list[tuple[str, int]]) -> str:
    return "".join("}" if char == "{" else "]" for char, _ in reversed(stack))


def _depth(text: str) -> int:
    """How deep the brackets of a text lie in one another."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def as_object(value: Any, contract: Contract) -> tuple[Any, bool]:
    """An object, and whether it had to be made: a bare list belongs to the contract's only list field."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and set(value[0]) & set(contract.fields):
            return value[0], True
        lists = [name for name, spec in contract.fields.items() if spec.type in (Kind.LIST, Kind.PAIRS)]
        if len(lists) == 1 and all(isinstance(item, dict) for item in value):
            return {lists[0]: value}, True
        objects = [item for item in value if isinstance(item, dict)]
        merged: dict[str, Any] = {}
        for item in reversed(objects):
            merged.update(item)
        return (merged or None), True
    return value, False


def holds_value(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(holds_value(inner) for inner in value.values())
    if isinstance(value, list):
        return any(holds_value(inner) for inner in value)
    return value not in (None, "")


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
