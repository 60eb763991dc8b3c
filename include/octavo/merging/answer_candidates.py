"""What the answers say, as flat candidates of the contract's fields; nothing is dropped.

A key belongs to a field when it is the field's name, one of its labels, either of them without case,
punctuation and spaces, or misspelt within ``FUZZY``. A key that no field claims keeps its own path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from octavo.model.contracts import NESTED, Contract, FieldSpec, Kind
from octavo.model.entities import Answer, Box
from octavo.page.values import encodable, squeeze

# Least similarity (rapidfuzz, 0 to 100) of a misspelt key: "invoice_nunber" has 93, "due_date" and "date" 67.
FUZZY = 88
# Shortest key, in letters and digits, that may be misspelt.
FUZZY_LENGTH = 5
# Keys kept per level; models invent many spellings, not millions.
_CACHE = 1 << 14
# A value wrapped by a model that likes objects: {"total": {"value": "12.00", "currency": "EUR"}}.
_VALUE_KEYS = ("value", "text")

FREE = FieldSpec()
PAIR_KEY = FieldSpec(description="the printed key of a pair")
PAIR_VALUE = FieldSpec(description="the printed value of a pair")


class Candidate(NamedTuple):
    """One value that one answer gives for one field.

    ``field`` is the path without numbers (``line_items[].amount``); ``items`` the path of the list it
    belongs to (``line_items``) or None, and ``item`` its place in that answer's list. ``rank`` counts
    the alternatives for one field from 0, the extractor's best. ``matched`` is False for keys of no field.
    ``words`` are indices into the page's words where the extractor names those that it took.
    """

    field: str
    spec: FieldSpec
    value: str
    page: int
    chunk: int
    box: Box
    extractor: str
    hinted: bool
    rank: int
    items: str | None
    item: int
    matched: bool
    words: tuple[int, ...] | None = None


@dataclass(frozen=True)
class FieldNames:
    """The fields of one mapping: the contract's own, a group's or a list item's.

    ``names`` has the field of each name and label, squeezed; ``spelt`` that of those long enough to be misspelt, as
    words, by the digits they hold: a misspelt key keeps its digits.
    """

    fields: dict[str, FieldSpec]
    names: dict[str, str]
    spelt: dict[str, dict[str, str]]

    @classmethod
    def of(cls, fields: dict[str, FieldSpec]) -> FieldNames:
        names: dict[str, str] = {}
        spelt: dict[str, dict[str, str]] = {}
        labels = [(name, name) for name in fields] + [(label, name) for name, spec in fields.items() for label in spec.labels]
        for text, name in labels:
            names.setdefault(squeeze(text), name)
            spaced = _spaced(text)
            if len(spaced) >= FUZZY_LENGTH:
                spelt.setdefault(_digits(spaced), {}).setdefault(spaced, name)
        return cls(fields, names, spelt)

    def match(self, key: str) -> str | None:
        """The field that ``key`` names, or None, also where two fields are as likely."""
        if key in self.fields:
            return key
        found = self.names.get(squeeze(key))
        if found or len(squeeze(key)) < FUZZY_LENGTH:
            return found
        spaced = _spaced(key)
        near = self.spelt.get(_digits(spaced), {})
        alike: dict[str, float] = {}
        for scorer in (fuzz.ratio, fuzz.token_sort_ratio):
            for text, score, _ in process.extract(spaced, near.keys(), scorer=scorer, limit=None, score_cutoff=FUZZY):
                alike[text] = max(score, alike.get(text, 0))
        best = max(alike.values(), default=0)
        likely = {near[text] for text, score in alike.items() if score == best}
        return likely.pop() if len(likely) == 1 else None


class AnswerReader:
    """Reads answers under one contract."""

    def __init__(self, contract: Contract) -> None:
        self._top = contract.fields
        self._levels: dict[str, FieldNames] = {}
        self._match = lru_cache(_CACHE)(self._match_uncached)

    def candidates(self, answer: Answer) -> list[Candidate]:
        """Every value the answer holds, in its own order; blank and null ones are no values."""
        tree, ids = answer.parsed, answer.word_ids
        if len(tree) == 1:
            key, inner = next(iter(tree.items()))
            if isinstance(inner, dict) and self._match("", key) is None:
                tree, ids = inner, None  # the model wrapped its answer: {"receipt": {...}}
        found: list[Candidate] = []
        self._mapping(found, answer, tree, ids, "", self._top, None, 0)
        return found

    def _match_uncached(self, prefix: str, key: str) -> str | None:
        return self._level(prefix).match(key)

    def _level(self, prefix: str) -> FieldNames:
        level = self._levels.get(prefix)
        if level is None:
            fields = self._top
            for part in prefix.replace("[]", "").split(".")[:-1]:
                fields = fields[part].fields
            level = self._levels[prefix] = FieldNames.of(fields)
        return level

    def _mapping(
        self, found: list[Candidate], answer: Answer, tree: dict[str, object], ids: object, prefix: str, fields: dict[str, FieldSpec],
        items: str | None, item: int,
    ) -> None:
        for key, value in tree.items():
            if value is None or value == "":
                continue
            name = self._match(prefix, key)
            if name is None:
                _free(found, answer, value, _own(prefix, items, item) + key)
                continue
            spec, path, own = fields[name], prefix + name, _part(ids, key)
            if spec.type not in NESTED:
                _leaf(found, answer, value, own, path, spec, items, item)
            elif spec.type is Kind.GROUP:
                if isinstance(value, dict):
                    self._mapping(found, answer, value, own, f"{path}.", spec.fields, items, item)
                else:
                    _free(found, answer, value, _own(prefix, items, item) + name)
            elif items is not None:
                _leaf(found, answer, value, own, path, spec, items, item)
            elif spec.type is Kind.LIST:
                self._list(found, answer, value, own, path, spec)
            else:
                _pairs(found, answer, value, own, path)

    def _list(self, found: list[Candidate], answer: Answer, value: object, ids: object, path: str, spec: FieldSpec) -> None:
        rows = value if isinstance(value, list) else [value]
        prefix = f"{path}[]."
        for number, row in enumerate(rows):
            if isinstance(row, dict):
                self._mapping(found, answer, row, _part(ids, number), prefix, spec.fields, path, number)
            elif len(spec.fields) == 1 and _text(row):
                name, only = next(iter(spec.fields.items()))
                found.append(_make(answer, prefix + name, only, _text(row), 0, path, number))
            else:
                _free(found, answer, row, f"{path}[{number}]")


def _leaf(
    found: list[Candidate], answer: Answer, value: object, ids: object, path: str, spec: FieldSpec, items: str | None, item: int,
) -> None:
    if isinstance(value, str):
        text = _text(value)
        if text:
            found.append(_make(answer, path, spec, text, 0, items, item, words=_words(ids)))
        return
    rank = 0
    for number, one in enumerate(value if isinstance(value, list) else (value,)):
        if isinstance(one, dict):
            inner = next((one[key] for key in _VALUE_KEYS if isinstance(one.get(key), str | int | float)), None)
            rest = {key: v for key, v in one.items() if not (inner is not None and key in _VALUE_KEYS)}
            _free(found, answer, rest, _own(path, items, item))
            one = inner
        text = _text(one)
        if text:
            found.append(_make(answer, path, spec, text, rank, items, item, words=_words(_part(ids, number))))
            rank += 1
        elif isinstance(one, list):
            _free(found, answer, one, _own(path, items, item))


def _pairs(found: list[Candidate], answer: Answer, value: object, ids: object, path: str) -> None:
    if isinstance(value, dict):
        value = [{"key": key, "value": one} for key, one in value.items()]
    number = 0
    for at, row in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(row, dict) or not _text(row.get("key")):
            _free(found, answer, row, f"{path}[{number}]")
            number += 1
            continue
        values = row.get("value")
        for one in values if isinstance(values, list) else [values]:
            own = _part(ids, at)
            found.append(_make(answer, f"{path}[].key", PAIR_KEY, _text(row["key"]), 0, path, number, words=_words(_part(own, "key"))))
            if _text(one):
                words = _words(_part(own, "value"))
                found.append(_make(answer, f"{path}[].value", PAIR_VALUE, _text(one), 0, path, number, words=words))
            elif one not in (None, ""):
                _free(found, answer, one, f"{path}[{number}].value")
            number += 1
        rest = {key: one for key, one in row.items() if key not in ("key", "value")}
        _free(found, answer, rest, f"{path}[{number - 1}]")


def _free(found: list[Candidate], answer: Answer, value: object, path: str) -> None:
    """Values under a key that no field claims, by their own path, however deep they lie."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{path}.{key}", inner) for key, inner in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{at}]", value[at]) for at in range(len(value) - 1, -1, -1))
        elif text := _text(value):
            found.append(_make(answer, encodable(path), FREE, text, 0, None, 0, False))


def _make(
    answer: Answer, path: str, spec: FieldSpec, text: str, rank: int, items: str | None, item: int, matched: bool = True,
    words: tuple[int, ...] | None = None,
) -> Candidate:
    return Candidate(
        path, spec, text, answer.page, answer.chunk, answer.box, answer.extractor, answer.hinted, rank, items, item, matched, words,
    )


def _part(ids: object, key: str | int) -> object:
    """The part of an answer's ``word_ids`` under one key or at one place; None where there is none."""
    if isinstance(ids, dict):
        return ids.get(key)
    return ids[key] if isinstance(ids, list) and isinstance(key, int) and key < len(ids) else None


def _words(ids: object) -> tuple[int, ...] | None:
    return tuple(ids) if isinstance(ids, list) and ids and isinstance(ids[0], int) else None


def _own(prefix: str, items: str | None, item: int) -> str:
    """A key's own path: the list it stands in gets its number back."""
    return prefix if items is None else prefix.replace(f"{items}[]", f"{items}[{item}]", 1)


def _text(value: object) -> str:
    """A JSON scalar as text, white space collapsed; empty for anything else."""
    if isinstance(value, str):
        return encodable(" ".join(value.split()))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


@lru_cache(_CACHE)
def _spaced(key: str) -> str:
    """A key as words: ``invoiceNumber``, ``invoice_number`` and ``Invoice number:`` are the same."""
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)
    return " ".join(re.findall(r"[^\W_]+", key.casefold()))


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())
