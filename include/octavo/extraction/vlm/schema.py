"""The JSON schema of an answer, from the contract: what constrained decoding and servers hold a model to.

Everything is bounded, so that a constrained model cannot go on for ever. Nothing is required: a field that
the crop does not show is left out, which costs no tokens and invites no invention. A contract's own
``pattern`` is not used here: it checks a value afterwards, and a model that is forced into it would write
something that fits instead of what is printed.
"""

from __future__ import annotations

from typing import Any

from octavo.model.contracts import Contract, FieldSpec, Kind

MAX_ITEMS = 100         # rows of one chunk; a page has about 70 lines
MAX_PAIRS = 150
# Longest value by kind, characters.
MAX_LENGTH = {
    Kind.TEXT: 300, Kind.IDENTIFIER: 64, Kind.DATE: 40, Kind.MONEY: 40, Kind.NUMBER: 40, Kind.INTEGER: 40, Kind.PERCENTAGE: 40,
    Kind.CURRENCY: 16, Kind.PHONE: 40, Kind.EMAIL: 120, Kind.URL: 200, Kind.ADDRESS: 300, Kind.NAME: 160, Kind.GENERATED: 800,
}
MAX_KEY_LENGTH = 120
# A number as printed, in any locale, with a currency, sign or unit around it. Unlike a length, it keeps words out.
_NUMBER = r'^[^0-9"\\]{0,8}[0-9][0-9 .,\'/-]{0,20}[^0-9"\\]{0,8}$'
_NUMERIC = {Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE}


def answer_schema(contract: Contract) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of what may be said of one chunk."""
    return _object(contract.fields)


def answer_shape(contract: Contract) -> dict[str, Any]:
    """An example of the answer's shape, with ``"…"`` for the values, for prompts."""
    return {name: _shape(spec) for name, spec in contract.fields.items()}


def _object(fields: dict[str, FieldSpec]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: _value(spec) for name, spec in fields.items()}, "additionalProperties": False}


def _value(spec: FieldSpec) -> dict[str, Any]:
    match spec.type:
        case Kind.LIST:
            return {"type": "array", "maxItems": MAX_ITEMS, "items": _object(spec.fields)}
        case Kind.GROUP:
            return _object(spec.fields)
        case Kind.PAIRS:
            pair = {"key": _text(MAX_KEY_LENGTH), "value": _text(MAX_LENGTH[Kind.TEXT])}
            item = {"type": "object", "properties": pair, "required": ["key", "value"], "additionalProperties": False}
            return {"type": "array", "maxItems": MAX_PAIRS, "items": item}
        case kind if kind in _NUMERIC:
            return {"type": "string", "pattern": _NUMBER}
        case kind:
            return _text(MAX_LENGTH[kind])


def _text(length: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": length}


def _shape(spec: FieldSpec) -> Any:
    match spec.type:
        case Kind.LIST:
            return [{name: _shape(inner) for name, inner in spec.fields.items()}]
        case Kind.GROUP:
            return {name: _shape(inner) for name, inner in spec.fields.items()}
        case Kind.PAIRS:
            return [{"key": "…", "value": "…"}]
        case Kind.GENERATED:
            return "… (in your own words)"
        case _:
            return "…"
