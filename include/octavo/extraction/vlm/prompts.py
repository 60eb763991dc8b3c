"""The text that goes to the model with a crop, from the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from octavo.model.contracts import Contract, FieldSpec, Kind, PromptStyle, Strategy

# The tutorial's own prompt.
TUTORIAL = "Extract information from this section: {text} in JSON format."
SCHEMA = """\
The image shows {part} of: {title}. Return what it says as one JSON object with these fields:
{fields}
{copy} Leave out what the image does not show, or give null for it. Write nothing but the JSON object."""
FREE = """\
The image shows {part} of: {title}. {description}
Return one JSON object like {shape}, in reading order. {copy} Write nothing but the JSON object."""
HINT = "\nText that OCR read here, with possible errors:\n{text}"
HEADER = "\nOf a table it shows rows without their header, which is, from left to right: {header}"
STRICTER = """
Answer with JSON only, without comments or code marks, exactly in this shape, with null for what is not there, and stop after it:
{shape}"""
# Labels shown per field, where the contract names none for a model; more cost every prompt of every chunk tokens.
LABELS = 3
# Longest hint, characters. A chunk of 400 words has about 2,400, one of 1,200 words (the most of ``detail: high``) 7,200.
HINT_CHARACTERS = 8000

_PARTS = {Strategy.PAGE: "a page", Strategy.QUADRANTS: "a quarter of a page"}


def prompt(contract: Contract, strategy: str, text: str, stricter: bool = False, header: str = "") -> str:
    """What to ask about one chunk.

    Args:
        contract: its ``prompt`` section chooses the template.
        strategy: the chunk's ``Strategy``.
        text: the chunk's words in reading order; only hinted prompts show them.
        stricter: for a model whose answer could not be parsed.
        header: what heads the columns of a table that the chunk goes on with; the tutorial's prompt does not say it.
    """
    rule = contract.prompt
    template = rule.template or _template(contract)
    if rule.hint and "{text}" not in template:
        template += HINT
    if header and rule.style is not PromptStyle.TUTORIAL:
        template += HEADER
    if stricter:
        template += STRICTER
    values = {
        "part": _PARTS.get(Strategy(strategy), "a part of a page"), "title": contract.title, "description": contract.description,
        "header": header, "fields": "\n".join(_lines(contract.fields, "")), "text": text[:HINT_CHARACTERS],
        "shape": json.dumps(answer_shape(contract), ensure_ascii=False, separators=SEPARATORS),
    }
    return _filled(template, values)


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with its placeholders replaced, once: other braces, and braces in the page's words, stay."""
    parts = [template]
    for name, value in values.items():
        mark = "{" + name + "}"
        parts = [piece for part in parts for piece in _around(part, mark, value)]
    return "".join(parts)


class _Value(str):
    """A value that was put in; nothing is replaced inside it."""


def _around(part: str, mark: str, value: str) -> Iterator[str]:
    if isinstance(part, _Value):
        yield part
        return
    for number, piece in enumerate(part.split(mark)):
        if number:
            yield _Value(value)
        yield piece


def _template(contract: Contract) -> str:
    style = contract.prompt.style
    if style is PromptStyle.AUTO:
        kinds = {spec.type for _, spec in contract.leaves()}
        style = PromptStyle.FREE if kinds & {Kind.PAIRS, Kind.GENERATED} else PromptStyle.SCHEMA
    match style:
        case PromptStyle.TUTORIAL:
            return TUTORIAL
        case PromptStyle.FREE:
            return FREE.replace("{copy}", _copy(contract, "what is printed"))
        case _:
            return SCHEMA.replace("{copy}", _copy(contract, "every value exactly as it is printed"))


def _copy(contract: Contract, what: str) -> str:
    """The sentence that says what is to be copied, and what is to be written in the model's own words."""
    own = [path.rpartition(".")[2] for path, spec in contract.leaves() if spec.type is Kind.GENERATED]
    return f"Copy {what}; write {' and '.join(own)} in your own words." if own else f"Copy {what}."


_SHAPES = {Kind.LIST: "list of objects", Kind.GROUP: "object", Kind.PAIRS: "list of {key, value}"}


def _lines(fields: dict[str, FieldSpec], indent: str) -> Iterator[str]:
    for name, spec in fields.items():
        kind = "list" if spec.of is not None else _SHAPES.get(spec.type, spec.type.value)
        shown = spec.prompt_labels or spec.labels[:LABELS]
        labels = f" Labels: {', '.join(shown)}." if shown and not spec.fields else ""
        values = f" One of: {', '.join(spec.values)}." if spec.values else ""
        yield f"{indent}- {name} ({kind}): {spec.description}{labels}{values}".rstrip(": ")
        yield from _lines(spec.fields, indent + "  ")


# The JSON schema of an answer is what constrained decoding and servers hold a model to. Everything is bounded, so that a constrained
# model cannot go on for ever. Nothing is required: a field that the crop does not show is left out, which costs no tokens and invites
# no invention. A model that has begun a field it finds nothing for says null, which counts as not said. A contract's own ``pattern``
# is not used: it checks a value afterwards, and a model that is forced into it would write something that fits instead of what is
# printed. Of JSON schema only that is used what xgrammar enforces and every server takes: a text has a pattern or lengths, never both.
# ``SEPARATORS`` stand between members, and between a name and its value: JSON without spaces, which cost tokens and which a model can
# write for ever.
SEPARATORS = (",", ":")
MAX_ITEMS = 100         # rows of one chunk; a page has about 70 lines
MAX_PAIRS = 150
# Longest value by kind, characters.
MAX_LENGTH = {
    Kind.TEXT: 300, Kind.IDENTIFIER: 64, Kind.DATE: 40, Kind.MONEY: 40, Kind.NUMBER: 40, Kind.INTEGER: 40, Kind.PERCENTAGE: 40,
    Kind.CURRENCY: 16, Kind.PHONE: 40, Kind.EMAIL: 120, Kind.URL: 200, Kind.ADDRESS: 300, Kind.NAME: 160, Kind.GENERATED: 800,
    Kind.BOOLEAN: 40, Kind.CHOICE: 120,
}
MAX_KEY_LENGTH = 120
# A number as printed, in any locale (groups are also set off by ’, a no-break space or a narrow one), with a currency, sign or unit
# around it; or two of them, as in "1 x 4.50". Unlike a length, it keeps words out.
_DIGITS = "[0-9][0-9 .,'’\u00a0\u202f/-]{0,20}"
_NUMBER = rf'^[^0-9"\\]{{0,8}}{_DIGITS}([^0-9"\\]{{1,8}}{_DIGITS})?[^0-9"\\]{{0,8}}$'
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
            return {"type": ["array", "null"], "maxItems": MAX_ITEMS, "items": _object(spec.fields)}
        case Kind.GROUP:
            return {**_object(spec.fields), "type": ["object", "null"]}
        case Kind.PAIRS:
            pair = {"key": {**_text(MAX_KEY_LENGTH), "type": "string"}, "value": _text(MAX_LENGTH[Kind.TEXT])}
            item = {"type": "object", "properties": pair, "required": ["key", "value"], "additionalProperties": False}
            return {"type": ["array", "null"], "maxItems": MAX_PAIRS, "items": item}
        case kind if kind in _NUMERIC:
            return {"type": ["string", "null"], "pattern": _NUMBER}
        case kind:
            return _text(MAX_LENGTH[kind])


def _text(length: int) -> dict[str, Any]:
    return {"type": ["string", "null"], "minLength": 1, "maxLength": length}


def _shape(spec: FieldSpec) -> Any:
    match spec.type:
        case Kind.LIST:
            return [{name: _shape(inner) for name, inner in spec.fields.items()}]
        case Kind.GROUP:
            return {name: _shape(inner) for name, inner in spec.fields.items()}
        case Kind.PAIRS:
            return [{"key": "…", "value": "…"}]
        case _:
            return "…"
