"""The text that goes to the model with a crop, from the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator

from octavo.extraction.vlm.schema import answer_shape
from octavo.model.contracts import Contract, FieldSpec, Kind, PromptStyle, Strategy

# The tutorial's own prompt.
TUTORIAL = "Extract information from this section: {text} in JSON format."
SCHEMA = """\
The image shows {part} of: {title}. Return what it says as one JSON object with these fields:
{fields}
Copy every value exactly as it is printed. Leave out what the image does not show. Write nothing but the JSON object."""
FREE = """\
The image shows {part} of: {title}. {description}
Return one JSON object like {shape}, in reading order. Copy what is printed. Write nothing but the JSON object."""
HINT = "\nText that OCR read here, with possible errors:\n{text}"
STRICTER = "\nAnswer with JSON only, without comments or code marks, exactly in this shape, and stop after it:\n{shape}"
# Labels shown per field; more help the layout extractor, but cost every prompt of every chunk tokens.
LABELS = 3
# Longest hint, characters. A chunk of 400 words has about 2,400.
HINT_CHARACTERS = 6000

_PARTS = {Strategy.PAGE: "a page", Strategy.QUADRANTS: "a quarter of a page"}


def prompt(contract: Contract, strategy: str, text: str, stricter: bool = False) -> str:
    """What to ask about one chunk.

    Args:
        contract: its ``prompt`` section chooses the template.
        strategy: the chunk's ``Strategy``.
        text: the chunk's words in reading order; only hinted prompts show them.
        stricter: for a model whose answer could not be parsed.
    """
    rule = contract.prompt
    template = rule.template or _template(contract)
    if rule.hint and "{text}" not in template:
        template += HINT
    if stricter:
        template += STRICTER
    values = {
        "part": _PARTS.get(Strategy(strategy), "a part of a page"), "title": contract.title, "description": contract.description,
        "fields": "\n".join(_lines(contract.fields, "")), "shape": json.dumps(answer_shape(contract), ensure_ascii=False),
        "text": text[:HINT_CHARACTERS],
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
    match contract.prompt.style:
        case PromptStyle.TUTORIAL:
            return TUTORIAL
        case PromptStyle.FREE:
            return FREE
        case PromptStyle.SCHEMA:
            return SCHEMA
        case PromptStyle.AUTO:
            kinds = {spec.type for _, spec in contract.leaves()}
            return FREE if kinds & {Kind.PAIRS, Kind.GENERATED} else SCHEMA


def _lines(fields: dict[str, FieldSpec], indent: str) -> Iterator[str]:
    for name, spec in fields.items():
        kind = {Kind.LIST: "list of objects", Kind.GROUP: "object", Kind.PAIRS: "list of {key, value}"}.get(spec.type, spec.type.value)
        labels = f" Labels: {', '.join(spec.labels[:LABELS])}." if spec.labels and not spec.fields else ""
        yield f"{indent}- {name} ({kind}): {spec.description}{labels}".rstrip(": ")
        yield from _lines(spec.fields, indent + "  ")
