"""Merging answers and words that come from outside, without a workspace: what ``octavo merge`` does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import json_repair

from octavo.contracts import Contract, Kind
from octavo.errors import SettingsError
from octavo.merging.documents import Merger, PageAnswers
from octavo.model import Answer, Box, Chunk, Field, Page, ParseStatus, Source, Word, union

_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*(?:```|$)", re.S | re.I)
_UPRIGHT = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def merge(answers: Iterable[Mapping[str, Any]], words: Iterable[Mapping[str, Any]], contract: Contract) -> Iterator[dict[str, Any]]:
    """Merge given answers against given words; runs no extractor and reads no file.

    Args:
        answers: ``document``, ``page`` (from 1), ``box`` [x0, y0, x1, y1] that the extractor saw, ``extractor``,
            ``hinted`` (it was shown the words) and ``text`` as the model said it.
        words: ``document``, ``page``, ``text``, ``box``, ``confidence`` (0 to 1) and ``source``, in reading order.
        contract: what the documents are.

    Yields:
        One object per field, documents sorted by id: ``document``, ``field``, ``value``, ``support``, ``verdict``,
        ``page``, ``evidence`` (boxes, with their page where it is another), ``reason`` and ``losers``.

    Raises:
        SettingsError: an answer or a word lacks a key or has a wrong one; names its line.
    """
    said: dict[str, dict[int, list[tuple[Box, Mapping[str, Any]]]]] = {}
    for line, answer in enumerate(answers, 1):
        document, page, box = _place(answer, "answer", line)
        said.setdefault(document, {}).setdefault(page, []).append((box, answer))
    read: dict[str, dict[int, list[Word]]] = {}
    for line, word in enumerate(words, 1):
        document, page, box = _place(word, "word", line)
        read.setdefault(document, {}).setdefault(page, []).append(_word(word, box, line))
    merger = Merger(contract)
    for document in sorted(said.keys() | read.keys()):
        pages = sorted(said.get(document, {}).keys() | read.get(document, {}).keys())
        inputs = (_page(document, n, read.get(document, {}).get(n, []), said.get(document, {}).get(n, []), contract) for n in pages)
        for field in merger.merge(document, inputs):
            yield as_json(field)


def as_json(field: Field) -> dict[str, Any]:
    """A field as one JSON object."""
    return {
        "document": field.document, "field": field.path, "value": field.value, "support": field.support.value,
        "verdict": field.verdict.value, "page": field.page, "evidence": [list(e.box) for e in field.evidence],
        "reason": field.reason, "extractor": field.extractor, "matched": field.matched,
        "losers": [{"value": one.value, "reason": one.reason, "page": one.page, "extractor": one.extractor} for one in field.losers],
    }


def parse(text: str, contract: Contract) -> tuple[dict[str, object], ParseStatus]:
    """The JSON object in what a model said; numbers stay as they are written.

    A bare list is taken as rows of the contract's only list, otherwise as objects one after another.
    """
    fenced = _FENCE.search(text)
    body = (fenced[1] if fenced else text).strip()
    if not body:
        return {}, ParseStatus.BLANK
    status = ParseStatus.OK
    try:
        value = json.loads(body, parse_float=str, parse_int=str)
    except ValueError:
        start = min((at for at in (body.find("{"), body.find("[")) if at >= 0), default=-1)
        if start < 0:
            return {}, ParseStatus.FAILED
        value = json_repair.loads(body[start:], skip_json_loads=True)
        status = ParseStatus.REPAIRED
    if isinstance(value, list):
        lists = [name for name, spec in contract.fields.items() if spec.type in (Kind.LIST, Kind.PAIRS)]
        if len(lists) == 1:
            return {lists[0]: value}, status
        value = {key: one for row in value if isinstance(row, dict) for key, one in row.items()}
    return (value, status) if isinstance(value, dict) else ({}, ParseStatus.FAILED)


def _page(document: str, number: int, words: list[Word], said: list[tuple[Box, Mapping[str, Any]]], contract: Contract) -> PageAnswers:
    boxes = sorted({box for box, _ in said}, key=lambda box: (box.y0, box.x0, box))
    numbers = {box: at for at, box in enumerate(boxes)}
    whole = union([*(word.box for word in words), *boxes])
    page = Page(document, number, max(1, whole.x1), max(1, whole.y1), None, 0, _UPRIGHT, tuple(words))
    chunks = [
        Chunk(at, box, tuple(i for i, word in enumerate(words) if box.holds(word.box.center)), "given") for at, box in enumerate(boxes)
    ]
    answers = []
    for box, answer in said:
        text = str(answer.get("text") or "")
        parsed, status = parse(text, contract)
        name = str(answer.get("extractor") or "unnamed")
        answers.append(Answer(document, number, numbers[box], box, name, bool(answer.get("hinted")), text, parsed, status))
    return PageAnswers(page, chunks, answers)


def _place(row: Mapping[str, Any], what: str, line: int) -> tuple[str, int, Box]:
    try:
        return str(row["document"]), int(row.get("page", 1)), Box(*(round(float(side)) for side in row["box"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{what} {line}: needs document, page and box [x0, y0, x1, y1]; {type(error).__name__}: {error}") from error


def _word(row: Mapping[str, Any], box: Box, line: int) -> Word:
    try:
        return Word(str(row["text"]), box, float(row.get("confidence", 1.0)), Source(row.get("source", Source.OCR.value)))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"word {line}: needs text, confidence (0 to 1) and source (text_layer or ocr); {type(error).__name__}: {error}",
        ) from error
