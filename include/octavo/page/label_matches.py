"""Label matches: where a page prints the labels of a contract, plainly or misread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Box
from octavo.page import labels
from octavo.page.index import PageIndex, look_alike, runs_of
from octavo.page.values import squeeze

# Words read with less confidence may be a misread label.
LEGIBLE_LABEL = 0.9


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """One label of the contract as it is searched for, look-alikes made one.

    ``field`` None: it only hides others; ``kind`` None beside a field: it heads the section of that list.
    """

    squeezed: str
    head: str
    text: str
    field: str | None
    kind: Kind | None


class LabelMatch(NamedTuple):
    """One place of the page where labels are printed: its words, its box, what it says and the fields it names."""

    words: tuple[int, ...]
    box: Box
    text: str
    fields: frozenset[str]
    kinds: frozenset[Kind]


class ContractLabels:
    """All labels of a contract, ready to be searched for on any page."""

    def __init__(self, contract: Contract) -> None:
        self.specs = dict(contract.leaves())
        self.entries: list[LabelEntry] = []
        self.by_head: dict[str, dict[str, list[LabelEntry]]] = {}  # by first run and by all of what is printed
        for path, spec in self.specs.items():
            for text in spec.labels:
                self._add(text, path, spec.type)
            for text in spec.not_labels:
                self._add(text, None, None)
        for path, spec in contract.fields.items():
            if spec.type is Kind.LIST:  # what heads a list's section names none of its cells, nor another field
                for text in spec.labels:
                    self._add(text, path, None)

    def _add(self, text: str, field: str | None, kind: Kind | None) -> None:
        squeezed = squeeze(text)
        if squeezed:
            entry = LabelEntry(look_alike(squeezed), look_alike(runs_of(text)[0]), text, field, kind)
            self.entries.append(entry)
            for head in dict.fromkeys((entry.head, entry.squeezed)):  # OCR may leave out the spaces: "GrossTotal"
                self.by_head.setdefault(head, {}).setdefault(entry.squeezed, []).append(entry)

    @cached_property
    def single(self) -> frozenset[str]:
        """The fields of single values, which stand in no list."""
        return frozenset(path for path in self.specs if "[]" not in path)

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
        dated = [self.specs[field] for field in self._sharing]
        return Counter(text for spec in dated for text in {squeeze(label) for label in spec.labels})

    @cached_property
    def _sharing(self) -> dict[str, list[str]]:
        return sharing_labels(self.specs)

    @cached_property
    def long(self) -> tuple[list[LabelEntry], list[str]]:
        """Labels that may be misread, and how they are compared."""
        entries = [entry for entry in self.entries if len(entry.squeezed) >= labels.FUZZY_LENGTH]
        return entries, [entry.squeezed for entry in entries]


def sharing_labels(specs: Mapping[str, FieldSpec]) -> dict[str, list[str]]:
    """For each date field outside lists those that share a label with it, itself included, in the contract's order."""
    dated = {
        field: {squeeze(text) for text in spec.labels} for field, spec in specs.items() if spec.type is Kind.DATE and "[]" not in field
    }
    return {field: [other for other, theirs in dated.items() if own & theirs or other == field] for field, own in dated.items()}


class PageLabels:
    """The labels of a contract as one page prints them."""

    def __init__(self, index: PageIndex, contract_labels: ContractLabels) -> None:
        self._index = index
        self._labels = contract_labels

    @cached_property
    def plain(self) -> list[LabelMatch]:
        """Labels on the page, each on one line or composed of several; where matches overlap only the longest stays."""
        stream, by_head, lines = self._index.stream, self._labels.by_head, self._index.lines
        alike, starts, at = stream.alike, stream.starts, stream.at
        found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]] = {}
        for head in by_head.keys() & stream.first_alike.keys():
            for number in stream.first_alike[head]:
                start = starts[number]
                for squeezed, entries in by_head[head].items():
                    if alike.startswith(squeezed, start):
                        end = at.get(start + len(squeezed))
                        if end is not None and lines[stream.words[number]] == lines[stream.words[end - 1]]:
                            for entry in entries:
                                _file(found, (number, end), entry)
        return self._with_composed(self._longest(found, set()))

    def _with_composed(self, matches: list[LabelMatch]) -> list[LabelMatch]:
        """The labels with those that are broken over lines, which stand before the shorter ones in them."""
        index = self._index
        heads, known = index.stream.first_alike, {one.text for one in matches}
        broken = {
            entry.squeezed: entries for head, by_print in self._labels.by_head.items() if head in heads
            for entries in by_print.values() for entry in entries if entry.head == head != entry.squeezed and entry.text not in known
        }
        if not broken:
            return matches
        found: list[LabelMatch] = []
        for part in index.layout.composed:
            entries = broken.get(look_alike("".join(run for word in part.words for run in runs_of(index.texts[word]))), ())
            if entries and all(set(one.words).isdisjoint(part.words) for one in found):
                fields = frozenset(entry.field for entry in entries if entry.field is not None)
                kinds = frozenset(entry.kind for entry in entries if entry.kind is not None)
                found.append(LabelMatch(part.words, part.box, entries[0].text, fields, kinds))
        words = {word for one in found for word in one.words}
        others = (one for one in matches if words.isdisjoint(one.words))
        return sorted([*found, *others], key=lambda one: (one.box.y0, one.box.x0, one.words))

    @cached_property
    def words(self) -> frozenset[int]:
        """Words that are part of a label."""
        return frozenset(word for one in self.plain for word in one.words)

    @cached_property
    def misread(self) -> list[LabelMatch]:
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
        taken = {run for run, word in enumerate(stream.words) for one in self.plain if word in one.words}
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

    def _longest(self, found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]], taken: set[int]) -> list[LabelMatch]:
        matches = []
        for (first, end), (text, fields, kinds) in sorted(found.items(), key=lambda item: (item[0][0] - item[0][1], item[0])):
            if taken.isdisjoint(range(first, end)):
                taken.update(range(first, end))
                matches.append(label_match(self._index, first, end, text, frozenset(fields), frozenset(kinds)))
        return sorted(matches, key=lambda p: (p.box.y0, p.box.x0, p.words))


def _file(found: dict[tuple[int, int], tuple[str, set[str], set[Kind]]], span: tuple[int, int], entry: LabelEntry) -> None:
    _, fields, kinds = found.setdefault(span, (entry.text, set(), set()))
    if entry.field is not None:
        fields.add(entry.field)
    if entry.kind is not None:
        kinds.add(entry.kind)


def label_match(index: PageIndex, first: int, end: int, text: str, fields: frozenset[str], kinds: frozenset[Kind]) -> LabelMatch:
    """A label's match; the box of a last word that also holds the value ends where the label does."""
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
    return LabelMatch(words, box, text, fields, kinds)
