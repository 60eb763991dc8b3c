"""JSON as models write it: numbers stay as they are written, and no value of a repeated key is lost."""

from __future__ import annotations

import hashlib
import json
from typing import Any


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


def digest(value: Any) -> str:
    """sha256 of a JSON value, independent of key order; the key of everything that is derived from it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
