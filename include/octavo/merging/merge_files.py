"""Merging answers and words that come from outside, without a workspace: what ``octavo merge`` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from octavo.merging.document_records import merged_records
from octavo.merging.documents import Merger, PageAnswers
from octavo.merging.kinds import KindMatch
from octavo.model import answer_json
from octavo.model.contracts import Contract
from octavo.model.entities import Answer, Box, Chunk, Field, Page, Source, Word, union
from octavo.model.errors import SettingsError
from octavo.page.values import encodable

_UPRIGHT = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def merge(answers: Iterable[Mapping[str, Any]], words: Iterable[Mapping[str, Any]], contract: Contract) -> Iterator[dict[str, Any]]:
    """Merge given answers against given words; runs no extractor and reads no file.

    Args:
        answers: ``document``, ``page`` (from 1), ``box`` [x0, y0, x1, y1] that the extractor saw, ``extractor``,
            ``hinted`` (it was shown the words) and ``text`` as the model said it.
        words: ``document``, ``page``, ``text``, ``box``, ``confidence`` (0 to 1) and ``source``, in reading order.
        contract: what the documents are.

    Yields:
        One object per field, documents sorted by id: ``document``, ``record`` (its number, where the contract makes several of a
        document), ``field``, ``value``, ``support``, ``verdict``, ``page``, ``evidence`` (boxes on that page),
        ``reason`` and ``losers``.

    Raises:
        SettingsError: an answer or a word lacks a key or has a wrong one; names its line.
    """
    said: dict[str, dict[int, list[tuple[Box, Mapping[str, Any]]]]] = {}
    for line, answer in enumerate(answers, 1):
        document, page, box = _place(answer, "answer", line)
        _check_answer(answer, line)
        said.setdefault(document, {}).setdefault(page, []).append((box, answer))
    read: dict[str, dict[int, list[Word]]] = {}
    for line, word in enumerate(words, 1):
        document, page, box = _place(word, "word", line)
        read.setdefault(document, {}).setdefault(page, []).append(_word(word, box, line))
    merger, kind = Merger(contract), KindMatch(())
    for document in sorted(said.keys() | read.keys()):
        pages = sorted(said.get(document, {}).keys() | read.get(document, {}).keys())
        inputs = (_page(document, n, read.get(document, {}).get(n, []), said.get(document, {}).get(n, []), contract) for n in pages)
        for made in merged_records(merger, kind, document, inputs):
            yield from map(as_json, made.fields)


def as_json(field: Field) -> dict[str, Any]:
    """A field as one JSON object."""
    return {
        "document": field.document, **({} if field.record is None else {"record": field.record}), "field": field.path, "value": field.value,
        "support": field.support.value,
        "verdict": field.verdict.value, "page": field.page, "evidence": [list(e.box) for e in field.evidence],
        "reason": field.reason, "extractor": field.extractor, "matched": field.matched,
        "losers": [{"value": one.value, "reason": one.reason, "page": one.page, "extractor": one.extractor} for one in field.losers],
    }


def parse(text: str, contract: Contract) -> dict[str, object]:
    """The JSON object in what a model said, empty where there is none; numbers stay as they are written.

    A bare list is taken as rows of the contract's only list, otherwise as objects one after another.
    """
    value, strict, _ = answer_json.read(text)
    value, _ = answer_json.as_object(value, contract)
    return value if isinstance(value, dict) and (strict or answer_json.holds_value(value)) else {}


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
        said_text = answer["text"]
        text = said_text if isinstance(said_text, str) else json.dumps(said_text)
        answers.append(Answer(number, numbers[box], box, encodable(answer["extractor"]), answer["hinted"], parse(text, contract)))
    return PageAnswers(page, chunks, answers)


def _place(row: Mapping[str, Any], what: str, line: int) -> tuple[str, int, Box]:
    try:
        document, page = row["document"], int(row["page"])
        x0, y0, x1, y1 = (round(float(side)) for side in row["box"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SettingsError(f"{what} {line}: needs document, page and box [x0, y0, x1, y1]; {type(error).__name__}: {error}") from error
    if not isinstance(document, str | int) or page < 1:
        raise SettingsError(f"{what} {line}: needs document, a text, and page, from 1; it has {document!r} and {page}")
    return encodable(str(document)), page, Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _check_answer(row: Mapping[str, Any], line: int) -> None:
    lacking = [key for key in ("extractor", "hinted", "text") if key not in row]
    if lacking or not isinstance(row["extractor"], str) or not isinstance(row["hinted"], bool):
        lacks = f"lacks {' and '.join(lacking)}" if lacking else f"has {row['extractor']!r} and {row['hinted']!r}"
        raise SettingsError(f"answer {line}: needs extractor, a name, hinted, true or false, and text; it {lacks}")


def _word(row: Mapping[str, Any], box: Box, line: int) -> Word:
    try:
        text, confidence, source = encodable(str(row["text"])), float(row["confidence"]), Source(row["source"])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"word {line}: needs text, confidence (0 to 1) and source (text_layer or ocr); {type(error).__name__}: {error}",
        ) from error
    if not 0 <= confidence <= 1:
        raise SettingsError(f"word {line}: has a confidence of {confidence}; it is 0 to 1")
    return Word(text, box, confidence, source)
