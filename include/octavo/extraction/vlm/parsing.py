"""From a model's raw text to JSON: parse, repair, salvage, check against the contract.

Nothing that a model wrote is lost: the raw text is kept with the answer, numbers stay as they are written, and keys that the
contract does not know, or that come twice, stay in, for the merge stage to report. A text without any JSON object in it is ``failed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import json_repair

from octavo.extraction.vlm.loops import cut_loop
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import ParseStatus
from octavo.model.json_text import DECODER

# Longest text that is repaired; the repair of megabytes of garbage takes minutes.
MAX_CHARACTERS = 100_000
_FENCE = re.compile(r"```[a-zA-Z]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_SCALAR = str | int | float | bool


@dataclass(frozen=True)
class Parsed:
    """What could be made of a raw text.

    ``complete``: it ends where JSON ends; False means that more was to come. ``problems`` says what does not
    fit the contract, in words; such values are kept all the same.
    """

    value: dict[str, Any]
    status: ParseStatus
    complete: bool = True
    problems: tuple[str, ...] = ()


FAILED = Parsed({}, ParseStatus.FAILED, complete=False, problems=("no JSON object in the answer",))


def parse(raw: str, contract: Contract) -> Parsed:
    """Make JSON of what a model wrote.

    ``ok`` is strict JSON that fits the contract; ``repaired`` needed help or does not fit in places;
    ``failed`` has no JSON object, or one without a single value.
    """
    text = raw.strip()
    try:
        value = DECODER.decode(text)
        strict = complete = True
    except (ValueError, RecursionError):
        value, complete = _repaired(text)
        strict = False
    value, wrapped = _as_object(value, contract)
    if not isinstance(value, dict) or (not strict and not _holds_value(value)):
        return FAILED
    problems = tuple(_problems(value, contract.fields, ""))
    status = ParseStatus.OK if strict and not wrapped and not problems else ParseStatus.REPAIRED
    return Parsed(value, status, complete, problems)


def _repaired(text: str) -> tuple[Any, bool]:
    """The JSON inside ``text``, and whether it was there to its end. A last item that was cut off is dropped."""
    fenced = _FENCE.search(text)
    inner = fenced[1] if fenced else text
    start = next((place for place, char in enumerate(inner) if char in "{["), None)
    if start is None or len(inner) > MAX_CHARACTERS:
        return None, False
    inner, looped = cut_loop(inner[start:])
    try:
        value, _ = DECODER.raw_decode(inner)
        return value, not looped
    except (ValueError, RecursionError):
        pass
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


def _as_object(value: Any, contract: Contract) -> tuple[Any, bool]:
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


def _holds_value(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_value(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_value(inner) for inner in value)
    return value not in (None, "")


def _problems(value: dict[str, Any], fields: dict[str, FieldSpec], prefix: str) -> list[str]:
    found = [f"{prefix}{name}: no such field" for name in value if name not in fields]
    for name, spec in fields.items():
        if value.get(name) is not None:
            found += _misfits(value[name], spec, prefix + name)
    return found


def _misfits(value: Any, spec: FieldSpec, path: str) -> list[str]:
    match spec.type:
        case Kind.GROUP:
            return _problems(value, spec.fields, f"{path}.") if isinstance(value, dict) else [f"{path}: not an object"]
        case Kind.LIST | Kind.PAIRS:
            if not isinstance(value, list):
                return [f"{path}: not a list"]
            fields = spec.fields or {"key": FieldSpec(), "value": FieldSpec()}
            found: list[str] = []
            for number, item in enumerate(value):
                place = f"{path}[{number}]"
                found += _problems(item, fields, f"{place}.") if isinstance(item, dict) else [f"{place}: not an object"]
            return found
        case _:
            texts = value if isinstance(value, list) else [value]
            return [] if all(isinstance(text, _SCALAR) for text in texts) else [f"{path}: not a text"]
