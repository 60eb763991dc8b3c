"""Ties: what shows that a value on the page is *this* field's value. Labels first, then place.

A label ties the value directly right of it or directly below it. The value of another field's label is
never tied: where two labels claim a value, the one on its row wins over the one above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from octavo import labels
from octavo.contracts import Contract, FieldSpec, Kind
from octavo.lines import same_row
from octavo.merging.index import PageIndex, Stream, runs_of
from octavo.model import Box
from octavo.values import squeeze

# Ties from here on count as strong: nothing stands between label and value.
STRONG = 1.0
# Words between a label and its value past which they are not tied.
MOST_BETWEEN = 3
# Marks between a label and its value that part nothing; currency marks are such too.
_FILLERS = frozenset({"rm", "myr", "usd", "eur", "gbp", "chf", "sgd", "us", "no", "nr"})


class Tie(NamedTuple):
    """``score`` 0 to 1; ``why`` in words; ``rival`` is another field's label that claims the value."""

    score: float
    why: str = ""
    rival: str = ""


NO_TIE = Tie(0.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One label of the contract as it is searched for; ``field`` None: it only hides others."""

    squeezed: str
    head: str
    text: str
    field: str | None
    kind: Kind | None


class Print(NamedTuple):
    """One print of labels on the page: its words, its box, what it says and the fields it names."""

    words: tuple[int, ...]
    box: Box
    text: str
    fields: frozenset[str]
    kinds: frozenset[Kind]


class Labels:
    """All labels of a contract, ready to be searched for on any page."""

    def __init__(self, contract: Contract) -> None:
        self.specs = dict(contract.leaves())
        self.entries: list[Entry] = []
        for path, spec in self.specs.items():
            for text in spec.labels:
                self._add(text, path, spec.type)
            for text in spec.not_labels:
                self._add(text, None, None)

    def _add(self, text: str, field: str | None, kind: Kind | None) -> None:
        squeezed = squeeze(text)
        if squeezed:
            self.entries.append(Entry(squeezed, runs_of(text)[0], text, field, kind))


class Ties:
    """The labels printed on one page, and what they are tied to."""

    def __init__(self, index: PageIndex, contract_labels: Labels) -> None:
        self._index = index
        self._labels = contract_labels
        self._cache: dict[tuple[str, tuple[int, ...]], Tie] = {}
        self._misread: dict[str, list[Print]] = {}

    @cached_property
    def prints(self) -> list[Print]:
        """Labels on the page; where prints overlap only the longest stays."""
        stream = self._index.stream
        found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]] = {}
        for entry in self._labels.entries:
            if entry.head in stream.first:
                for span in stream.find(entry.squeezed, entry.head):
                    _, fields, kinds = found.setdefault(span, (entry.text, set(), set()))
                    if entry.field is not None and entry.kind is not None:
                        fields.add(entry.field)
                        kinds.add(entry.kind)
        taken: set[int] = set()
        prints = []
        for (first, end), (text, fields, kinds) in sorted(found.items(), key=lambda item: (item[0][0] - item[0][1], item[0])):
            if taken.isdisjoint(range(first, end)):
                taken.update(range(first, end))
                prints.append(_print(self._index, stream, first, end, text, frozenset(fields), frozenset(kinds)))
        return sorted(prints, key=lambda p: (p.box.y0, p.box.x0, p.words))

    @cached_property
    def _by_field(self) -> dict[str, list[Print]]:
        found: dict[str, list[Print]] = {}
        for one in self.prints:
            for field in one.fields:
                found.setdefault(field, []).append(one)
        return found

    def of(self, field: str, words: tuple[int, ...]) -> Tie:
        """How a value, given by its words, is tied to ``field`` by labels."""
        key = (field, words)
        tie = self._cache.get(key)
        if tie is None:
            tie = self._cache[key] = self._of(field, words)
        return tie

    def _of(self, field: str, words: tuple[int, ...]) -> Tie:
        box = self._index.place_boxes(words)[0]
        own = self._best(self._by_field.get(field, ()), words, box)
        spec = self._labels.specs.get(field)
        if own[0] < STRONG and spec is not None and spec.labels and self._index.scanned:
            own = max(own, self._best(self._misread_prints(field, spec), words, box), key=lambda o: o[:2])
        kind = Kind.TEXT if spec is None else spec.type
        rivals = [one for one in self.prints if field not in one.fields and (not one.kinds or _comparable(kind, one.kinds))]
        rival = self._best(rivals, words, box)
        if rival[0] > own[0] or (rival[0] == own[0] > 0 and rival[1] > own[1]):
            return Tie(0.0, "", rival[2])
        if rival[0] == own[0] > 0 and rival[1] == own[1]:
            return Tie(own[0] / 2, _why(own), rival[2])
        return Tie(own[0], _why(own)) if own[0] else NO_TIE

    def free(self, key: str, words: tuple[int, ...]) -> Tie:
        """How a value is tied to a key of no field, where the page prints the key itself."""
        squeezed = squeeze(key)
        if not squeezed:
            return NO_TIE
        cached = self._cache.get((f"\0{squeezed}", words))
        if cached is None:
            stream = self._index.stream
            spans = stream.find(squeezed, runs_of(key)[0])
            prints = [_print(self._index, stream, first, end, key, frozenset(), frozenset()) for first, end in spans]
            best = self._best(prints, words, self._index.place_boxes(words)[0])
            cached = self._cache[(f"\0{squeezed}", words)] = Tie(best[0], _why(best)) if best[0] else NO_TIE
        return cached

    def between(self, key_words: tuple[int, ...], words: tuple[int, ...]) -> float:
        """How a value is tied to a key that stands at ``key_words``: pairs bring their own label."""
        boxes = self._index.place_boxes(key_words)
        text = " ".join(self._index.texts[i] for i in key_words)
        keys = [Print(key_words, box, text, frozenset(), frozenset()) for box in {boxes[0], boxes[-1]}]
        return self._best(keys, words, self._index.place_boxes(words)[0])[0]

    def headers(self, fields: Sequence[str]) -> list[Print]:
        """Prints that may head the columns of a list with these fields."""
        wanted = frozenset(fields)
        return [one for one in self.prints if one.fields & wanted]

    def _misread_prints(self, field: str, spec: FieldSpec) -> list[Print]:
        if field not in self._misread:
            prints = [
                Print(found.words, found.box, found.text, frozenset({field}), frozenset({spec.type}))
                for found in self._fuzzy.find(spec.labels, spec.not_labels)
                if found.score < 1
            ]
            self._misread[field] = [one for one in prints if all(set(one.words).isdisjoint(p.words) for p in self.prints)]
        return self._misread[field]

    @cached_property
    def _fuzzy(self) -> labels.Index:
        return labels.Index(self._index.page)

    def _best(self, prints: Sequence[Print], words: tuple[int, ...], box: Box) -> tuple[float, int, str]:
        """The strongest tie to any of the prints: score, 1 for the same row and 0 for below, the label's text."""
        best = (0.0, 0, "")
        for one in prints:
            score, row = self._geometry(one, words, box)
            if (score, row) > best[:2]:
                best = (score, row, one.text)
        return best

    def _geometry(self, label: Print, words: tuple[int, ...], box: Box) -> tuple[float, int]:
        if not set(words).isdisjoint(label.words):
            # glued ("Date:19/10/2018") when the value ends behind the label, itself when it does not
            return (1.0, 1) if words[-1] == label.words[-1] and self._index.boxes[words[-1]].x1 > label.box.x1 else (0.0, 0)
        if box.x0 >= label.box.x1 - label.box.height // 2 and same_row(label.box, box):
            return self._fade(self._right_gap(label, words, box)), 1
        if box.y0 >= label.box.y1 - label.box.height // 2 and labels.aligned(label.box, box):
            far = (box.y0 - label.box.y1) / max(1, label.box.height)
            if far > labels.BELOW * (MOST_BETWEEN + 1):
                return 0.0, 0
            rows = self._rows_between(label, words, box)
            return (self._fade(rows) if far <= labels.BELOW * (rows + 1) else 0.0), 0
        return 0.0, 0

    def _right_gap(self, label: Print, words: tuple[int, ...], box: Box) -> int:
        """Words between a label and a value right of it on its row."""
        y0, y1 = max(label.box.y0, box.y0), max(label.box.y0 + 1, min(label.box.y1, box.y1))
        return sum(
            1 for i in self._index.between(y0, y1)
            if label.box.x1 <= self._index.boxes[i].center[0] < box.x0 and self._parts(i, label, words)
        )

    def _rows_between(self, label: Print, words: tuple[int, ...], box: Box) -> int:
        """Rows between a label and a value below it, within the columns they share."""
        x0, x1 = max(label.box.x0, box.x0), min(label.box.x1, box.x1)
        x0, x1 = min(x0, x1 - 1), max(x1, x0 + 1)
        rows = 0
        last: Box | None = None
        for i in self._index.between(label.box.y1, box.y0):
            other = self._index.boxes[i]
            if other.x0 < x1 and x0 < other.x1 and label.box.y1 <= other.center[1] < box.y0 and self._parts(i, label, words) \
                    and (last is None or not same_row(last, other)):
                rows += 1
                last = other
        return rows

    def _parts(self, i: int, label: Print, words: tuple[int, ...]) -> bool:
        text = squeeze(self._index.texts[i])
        return bool(text) and text not in _FILLERS and i not in label.words and i not in words

    @staticmethod
    def _fade(between: int) -> float:
        return 0.0 if between > MOST_BETWEEN else round(1 / (1 + between), 4)


def _print(index: PageIndex, stream: Stream, first: int, end: int, text: str, fields: frozenset[str], kinds: frozenset[Kind]) -> Print:
    """A label's print; the box of a last word that also holds the value ends where the label does."""
    words = stream.ids(first, end)
    box = index.place_boxes(words)[-1]
    last = words[-1]
    if end < len(stream.words) and stream.words[end] == last:
        runs = runs_of(index.texts[last])
        own = sum(1 for word in stream.words[first:end] if word == last)
        share = sum(map(len, runs[:own])) / max(1, sum(map(len, runs)))
        whole = index.boxes[last]
        box = box._replace(x1=whole.x0 + max(1, round(whole.width * share)))
    return Print(words, box, text, fields, kinds)


def _comparable(kind: Kind, kinds: frozenset[Kind]) -> bool:
    """Whether labels of these kinds can claim a value of ``kind``: a date is nobody's amount."""
    typed = {Kind.DATE, Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE, Kind.CURRENCY}
    if kind in typed and kinds <= typed:
        numbers = {Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE}
        return kind in kinds or (kind in numbers and bool(kinds & numbers))
    return True


def _why(best: tuple[float, int, str]) -> str:
    return f"{'beside' if best[1] else 'below'} its label “{best[2]}”" if best[0] else ""
