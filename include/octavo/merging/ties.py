"""Ties: what shows that a value on the page is *this* field's value. Labels first, then place.

A label ties the value directly right of it or directly below it. The value of another field's label is
never tied: where two labels claim a value, the one on its row wins over the one above it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from octavo import labels
from octavo.contracts import Contract, Kind
from octavo.lines import same_row
from octavo.merging.index import PageIndex, look_alike, runs_of
from octavo.model import Box
from octavo.values import Typed, squeeze

# Ties from here on count as strong: nothing stands between label and value.
STRONG = 1.0
# The priority of ties without a label: behind every label.
PLACED = 1 << 16
# Words read with less confidence may be a misread label.
LEGIBLE_LABEL = 0.9
# Words between a label and its value past which they are not tied.
MOST_BETWEEN = 3
# Marks between a label and its value that part nothing; currency marks are such too.
_FILLERS = frozenset({"rm", "myr", "usd", "eur", "gbp", "chf", "sgd", "us", "no", "nr"})

# An amount as amounts are printed, with its cents; a bare 6 beside "Total" is a count.
_CENTS = re.compile(r"\d[.,]\d{2}(?!\d)")


class Tie(NamedTuple):
    """``score`` 0 to 1; ``why`` in words; ``rival`` is another field's label that claims the value.

    ``priority`` is the label's place among the field's labels, which contracts list best first.
    """

    score: float
    why: str = ""
    rival: str = ""
    priority: int = 0


NO_TIE = Tie(0.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One label of the contract as it is searched for, look-alikes made one; ``field`` None: it only hides others."""

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
        self.by_head: dict[str, list[Entry]] = {}
        for path, spec in self.specs.items():
            for text in spec.labels:
                self._add(text, path, spec.type)
            for text in spec.not_labels:
                self._add(text, None, None)

    def _add(self, text: str, field: str | None, kind: Kind | None) -> None:
        squeezed = squeeze(text)
        if squeezed:
            entry = Entry(look_alike(squeezed), look_alike(runs_of(text)[0]), text, field, kind)
            self.entries.append(entry)
            self.by_head.setdefault(entry.head, []).append(entry)

    def priority(self, field: str, text: str) -> int:
        """The place of a label among the field's."""
        spec = self.specs.get(field)
        return spec.labels.index(text) if spec is not None and text in spec.labels else 0

    def is_shared(self, text: str) -> bool:
        """Whether two date fields of the contract have this label."""
        return self._dated.get(squeeze(text), 0) > 1

    def sharing(self, field: str) -> list[str]:
        """The date fields that share a label with a date field, itself included, in the contract's order."""
        return self._sharing.get(field, [])

    @cached_property
    def _dated(self) -> dict[str, int]:
        dated = [spec for spec in self.specs.values() if spec.type is Kind.DATE]
        return Counter(text for spec in dated for text in {squeeze(label) for label in spec.labels})

    @cached_property
    def _sharing(self) -> dict[str, list[str]]:
        found = {}
        for field, spec in self.specs.items():
            if spec.type is Kind.DATE:
                own = {squeeze(text) for text in spec.labels}
                found[field] = [
                    other for other, their in self.specs.items()
                    if their.type is Kind.DATE and own & {squeeze(text) for text in their.labels}
                ]
        return found

    @cached_property
    def long(self) -> tuple[list[Entry], list[str]]:
        """Labels that may be misread, and how they are compared."""
        entries = [entry for entry in self.entries if len(entry.squeezed) >= labels.FUZZY_LENGTH]
        return entries, [entry.squeezed for entry in entries]


class Ties:
    """The labels printed on one page, and what they are tied to."""

    def __init__(self, index: PageIndex, contract_labels: Labels) -> None:
        self._index = index
        self._labels = contract_labels
        self._cache: dict[tuple[str, tuple[int, ...]], Tie] = {}
        self._rivals: dict[str, list[Print]] = {}
        self._labelled: dict[str, list[tuple[int, Typed, tuple[int, ...], str]]] = {}

    @cached_property
    def prints(self) -> list[Print]:
        """Labels on the page; where prints overlap only the longest stays."""
        stream = self._index.stream
        found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]] = {}
        for head in self._labels.by_head.keys() & stream.first_alike.keys():
            for entry in self._labels.by_head[head]:
                for span in stream.find_label(entry.squeezed, head):
                    _file(found, span, entry)
        return self._longest(found, set())

    @cached_property
    def words(self) -> frozenset[int]:
        """Words that are part of a label."""
        return frozenset(word for one in self.prints for word in one.words)

    @cached_property
    def _misread(self) -> list[Print]:
        """Labels that words of low confidence may show, where no label is printed plainly."""
        stream = self._index.stream
        windows = self._dim_windows()
        entries, texts = self._labels.long
        if not windows or not entries:
            return []
        scores = process.cdist(texts, [text for text, _ in windows], scorer=Levenshtein.normalized_similarity, score_cutoff=labels.FUZZY)
        found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]] = {}
        for row, column in zip(*scores.nonzero(), strict=True):
            _file(found, windows[column][1], entries[row])
        taken = {run for run, word in enumerate(stream.words) for one in self.prints if word in one.words}
        return self._longest(found, taken)

    def _dim_windows(self) -> list[tuple[str, tuple[int, int]]]:
        """Runs of words, on one line, that hold a poorly read word and may be a label: joined text and span."""
        stream, words, lines = self._index.stream, self._index.page.words, self._index.lines
        windows: dict[tuple[int, int], str] = {}
        for at, word in enumerate(stream.words):
            if words[word].confidence >= LEGIBLE_LABEL:
                continue
            for first in range(max(0, at - labels.LONGEST_LABEL // 2 + 1), at + 1):
                for end in range(at + 1, min(len(stream.words), first + labels.LONGEST_LABEL // 2) + 1):
                    if lines[stream.words[first]] == lines[stream.words[end - 1]]:
                        stop = stream.starts[end] if end < len(stream.starts) else len(stream.text)
                        windows[(first, end)] = stream.alike[stream.starts[first] : stop]
        return [(text, span) for span, text in sorted(windows.items()) if len(text) >= labels.FUZZY_LENGTH - 1]

    def _longest(self, found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]], taken: set[int]) -> list[Print]:
        prints = []
        for (first, end), (text, fields, kinds) in sorted(found.items(), key=lambda item: (item[0][0] - item[0][1], item[0])):
            if taken.isdisjoint(range(first, end)):
                taken.update(range(first, end))
                prints.append(_print(self._index, first, end, text, frozenset(fields), frozenset(kinds)))
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
        rival = self._best(self._rivals_of(field), words, box)
        if own[0] < STRONG and rival[0] < STRONG and self._index.scanned and self._is_near_dim(words, box):
            own = max(own, self._best([one for one in self._misread if field in one.fields], words, box), key=lambda o: o[:2])
        own = self._of_range(field, own, words)
        priority = self._labels.priority(field, own[2])
        if rival[0] > own[0] or (rival[0] == own[0] > 0 and rival[1] > own[1]):
            return Tie(0.0, "", rival[2])
        better = self._better_label(field, own[2]) if own[0] and self._labels.specs[field].type is Kind.IDENTIFIER else ""
        if better:
            return Tie(own[0] / 2, f"{_why(own)}, though the page has the better label “{better}”", "", priority)
        if rival[0] == own[0] > 0 and rival[1] == own[1]:
            return Tie(own[0] / 2, _why(own), rival[2], priority)
        return Tie(own[0], _why(own), "", priority) if own[0] else NO_TIE

    def _better_label(self, field: str, text: str) -> str:
        """A label of the field that the page has and that its contract lists before ``text``."""
        priority = self._labels.priority(field, text)
        found = [(self._labels.priority(field, one.text), one.text) for one in self._by_field.get(field, ())]
        best = min((entry for entry in found if entry[0] < priority), default=None)
        return best[1] if best else ""

    def _of_range(self, field: str, own: tuple[float, int, str], words: tuple[int, ...]) -> tuple[float, int, str]:
        """Ties under a label that two date fields share: "Flight Dates 02/11/20 - 03/01/20" has one date for each."""
        sharing = self._labels.sharing(field)
        if len(sharing) < 2:
            return own
        before = next((w for w in self._date_places if 0 < words[0] - w[-1] <= 2 and w[-1] not in words
                       and same_row(self._index.boxes[w[-1]], self._index.boxes[words[0]])), None)
        text = own[2]
        if before is not None:
            first = self._best(self._by_field.get(field, ()), before, self._index.place_boxes(before)[0])
            if first[0] < own[0] and not self._labels.is_shared(text):
                return own
            own = max(own, first, key=lambda o: o[:2])
        if not self._labels.is_shared(own[2]) or own[0] == 0:
            return own
        return own if (before is not None) == (sharing.index(field) > 0) else (own[0] / 2, own[1], own[2])

    @cached_property
    def _date_places(self) -> list[tuple[int, ...]]:
        return [words for places in self._index.dates.values() for words in places]

    def _is_near_dim(self, words: tuple[int, ...], box: Box) -> bool:
        """Whether a poorly read word stands where the value's label would: left of it, or above it."""
        read = self._index.page.words
        reach = round(labels.BELOW * box.height)
        return any(
            read[i].confidence < LEGIBLE_LABEL and i not in words and (read[i].box.x0 < box.x0 or read[i].box.y0 < box.y0)
            for i in self._index.between(box.y0 - reach, box.y1)
        )

    def _rivals_of(self, field: str) -> list[Print]:
        """Labels of other fields that can claim a value of this field's kind."""
        rivals = self._rivals.get(field)
        if rivals is None:
            kind = self._labels.specs[field].type if field in self._labels.specs else Kind.TEXT
            rivals = self._rivals[field] = [
                one for one in self.prints if field not in one.fields and (not one.kinds or _comparable(kind, one.kinds))
            ]
        return rivals

    def labelled(self, field: str) -> list[tuple[int, Typed, tuple[int, ...], str]]:
        """Dates or amounts of the page that stand closely by a label of the field: the label's priority, the value, its words and why."""
        found = self._labelled.get(field)
        if found is None:
            spec = self._labels.specs.get(field)
            found = self._labelled[field] = []
            for typed, places in self._values_near(field, spec.type if spec else Kind.TEXT):
                for words in places:
                    if self._best(self._by_field.get(field, ()), words, self._index.place_boxes(words)[0])[0] < STRONG:
                        continue
                    tie = self.of(field, words)
                    if tie.score >= STRONG and not tie.rival:
                        found.append((tie.priority, typed, words, tie.why))
        return found

    def _values_near(self, field: str, kind: Kind) -> Iterable[tuple[Typed, list[tuple[int, ...]]]]:
        index = self._index
        if kind is Kind.DATE:
            return index.dates.items()
        if kind is not Kind.MONEY:
            return ()
        near: set[int] = set()
        for one in self._by_field.get(field, ()):
            reach = round(labels.BELOW * one.box.height)
            near.update(i for i in index.between(one.box.y0, one.box.y1 + reach) if index.boxes[i].x1 > one.box.x0)
        printed = {i for i in near if _CENTS.search(index.texts[i])}
        return [(number, [w for w in places if w[-1] in printed]) for number, places in index.numbers.items()]

    def free(self, key: str, words: tuple[int, ...]) -> Tie:
        """How a value is tied to a key of no field, where the page prints the key itself."""
        squeezed = squeeze(key)
        if not squeezed:
            return NO_TIE
        cached = self._cache.get((f"\0{squeezed}", words))
        if cached is None:
            stream = self._index.stream
            spans = stream.find(squeezed, runs_of(key)[0])
            prints = [_print(self._index, first, end, key, frozenset(), frozenset()) for first, end in spans]
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

    def _best(self, prints: Sequence[Print], words: tuple[int, ...], box: Box) -> tuple[float, int, str]:
        """The strongest tie to any of the prints: score, 1 for the same row and 0 for below, the label's text."""
        best = (0.0, 0, "")
        for one in prints:
            score, row = self._geometry(one, words, box)
            if (score, row) > best[:2]:
                best = (score, row, one.text)
        return best

    def _geometry(self, label: Print, words: tuple[int, ...], box: Box) -> tuple[float, int]:
        if words[0] in label.words or words[-1] in label.words:
            # glued ("Date:19/10/2018") when the value ends behind the label, itself when it does not
            return (1.0, 1) if words[-1] == label.words[-1] and self._index.boxes[words[-1]].x1 > label.box.x1 else (0.0, 0)
        left, top, right, bottom = label.box
        height = bottom - top
        if box[0] >= right - height // 2 and box[1] < bottom and top < box[3] and same_row(label.box, box):
            return self._fade(self._right_gap(label, words, box)), 1
        far = (box[1] - bottom) / max(1, height)
        if -0.5 <= far <= labels.BELOW * (MOST_BETWEEN + 1) and box[0] - height <= right and left - height <= box[2] \
                and box[1] >= bottom - height // 2 and labels.aligned(label.box, box):
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


def _file(found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]], span: tuple[int, int], entry: Entry) -> None:
    _, fields, kinds = found.setdefault(span, (entry.text, set(), set()))
    if entry.field is not None and entry.kind is not None:
        fields.add(entry.field)
        kinds.add(entry.kind)


def _print(index: PageIndex, first: int, end: int, text: str, fields: frozenset[str], kinds: frozenset[Kind]) -> Print:
    """A label's print; the box of a last word that also holds the value ends where the label does."""
    stream = index.stream
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
