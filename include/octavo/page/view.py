"""A page as the extractor looks at it, and what it finds there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from octavo.model.contracts import Contract, Kind, Locale
from octavo.model.entities import Page
from octavo.page import labels, typed
from octavo.page.label_matches import sharing_labels
from octavo.page.labels import Label
from octavo.page.layout import PageLayout
from octavo.page.lines import Line
from octavo.page.record_starts import RecordStarts

# A segment of so many words is a sentence, and what looks like a label in it one of its words.
SENTENCE_WORDS = 12
_EDGE = " \t:;.,|=-–—_#*·>»"


class Printed(NamedTuple):
    """A text, and the words of the page that show it, in reading order."""

    text: str
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A value, the words it covers in reading order, and how well it fits; scores only compare within one field."""

    text: str
    words: tuple[int, ...]
    score: float

    @property
    def printed(self) -> Printed:
        return Printed(self.text, self.words)


class View(PageLayout):
    """A page as the extractor looks at it: its layout, and where it prints every label of the contract."""

    def __init__(self, given: Page, contract: Contract) -> None:
        super().__init__(given)
        self.contract = contract

    @cached_property
    def has_top(self) -> bool:
        """Whether a record begins on the page, so that what stands at its top heads it."""
        return RecordStarts(self.contract).has_top(self)

    @cached_property
    def _index(self) -> labels.Index:
        return labels.Index(self.page, self.lines, self.composed)

    @cached_property
    def prints(self) -> dict[str, tuple[Label, ...]]:
        """The labels of each leaf field as printed on the page, by path."""
        return {path: tuple(self._index.find(spec.labels, spec.not_labels)) for path, spec in self.contract.leaves() if spec.labels}

    @cached_property
    def _sharing(self) -> dict[str, list[str]]:
        return sharing_labels(dict(self.contract.leaves()))

    def sharing(self, path: str) -> list[str]:
        """The date fields that share a label with a date field, itself included, in the contract's order; none where one has a ``pick``."""
        sharing, specs = self._sharing.get(path, []), dict(self.contract.leaves())
        return sharing if all(specs[one].pick == "first" for one in sharing) else []

    @cached_property
    def column_labels(self) -> dict[int, list[tuple[str, Label]]]:
        """The labels of lists' columns that end with a word, each with its field's path."""
        found: dict[int, list[tuple[str, Label]]] = {}
        for path, labels_of in self.prints.items():
            for label in labels_of if "[]" in path else ():
                found.setdefault(label.words[-1], []).append((path, label))
        return found

    @cached_property
    def headings(self) -> dict[str, tuple[Label, ...]]:
        """The labels of lists and groups that stand alone in their line, by the field's name: they head sections."""
        sections = {name: spec for name, spec in self.contract.fields.items() if spec.fields and spec.labels}
        found = {name: self._index.find(spec.labels, spec.not_labels) for name, spec in sections.items()}
        return {name: tuple(label for label in prints if self._alone(label)) for name, prints in found.items()}

    def _alone(self, label: Label) -> bool:
        return set(self.lines[self.line_of[label.words[0]]].words) == set(label.words)

    @cached_property
    def heading_lines(self) -> frozenset[int]:
        """The numbers of the lines that head a section."""
        return frozenset(self.line_of[label.words[0]] for found in self.headings.values() for label in found)

    @cached_property
    def label_words(self) -> frozenset[int]:
        """Words that belong to a label, the ones that hold a value as well left out.

        Labels of list columns count in lines that have two of them, since they are common words.
        """
        columns = Counter(
            line for path, found in self.prints.items() if "[]" in path
            for line in {self.line_of[label.words[0]] for label in found if self.leads(label)}
        )
        counted = [
            label for path, found in self.prints.items() for label in found if "[]" not in path or columns[self.line_of[label.words[0]]] > 1
        ]
        whole = (label.words if label.rest == len(self.page.words[label.words[-1]].text) else label.words[:-1] for label in counted)
        return frozenset(word for words in whole for word in words)

    @cached_property
    def label_lines(self) -> dict[str, frozenset[int]]:
        """The lines that hold a label of a field, by path."""
        return {path: frozenset(self.line_of[label.words[0]] for label in found) for path, found in self.prints.items()}

    def leads(self, label: Label) -> bool:
        """Whether a label begins what it stands in, or follows a mark or a number there, rather than being a word of a sentence."""
        part = self.segment_of[label.words[0]]
        at = part.words.index(label.words[0])
        before = part.words[max(0, at - 3):at]
        last = self.page.words[before[-1]].text if before else ":"
        if len(part.words) >= SENTENCE_WORDS and not label.text.endswith(":"):
            return False
        numbered = any(c.isdigit() for i in before for c in self.page.words[i].text)
        return numbered or last.endswith((":", ".", ",", ")", "/", "|")) or not any(c.isalpha() for c in last)

    @cached_property
    def amounts(self) -> tuple[tuple[typed.Match, ...], ...]:
        """The amounts of each line."""
        return tuple(tuple(self.matches(line, Kind.MONEY)) for line in self.lines)

    def run(self, words: Sequence[int], skip: int = 0) -> typed.Run:
        """Words as one text that keeps segments apart, without ``skip`` characters of the first word."""
        return typed.Run(self.page, words, skip, self.segment_of)

    def matches(self, line: Line, kind: Kind) -> Iterator[typed.Match]:
        """What looks like a value of a kind in a line, from left to right."""
        return typed.matches(self.run(line.words), kind, self.locale)

    @cached_property
    def tops_below(self) -> tuple[int, ...]:
        """The highest top among each line and all after it, since lines are in the order of their middles."""
        return tuple(accumulate((line.box.y0 for line in reversed(self.lines)), min))[::-1]

    @property
    def locale(self) -> Locale:
        return self.contract.locale


def trimmed(page: Page, words: Sequence[int], skip: int = 0) -> Proposal | None:
    """The words as free text without the punctuation around it; None when nothing is left."""
    run = typed.Run(page, words, skip)
    text = run.text.rstrip(" \t:;|=–—_*").lstrip(_EDGE)
    if not any(c.isalnum() for c in text):
        return None
    start = run.text.index(text)
    text, covered, _ = run.cut(start, start + len(text))
    return Proposal(text, covered, 1.0)
