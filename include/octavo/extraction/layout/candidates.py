"""Candidates of a scalar field on one page: what stands beside, below or instead of its labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from octavo import labels, lines
from octavo.contracts import Contract, FieldSpec, Kind, Locale
from octavo.extraction.layout import typed
from octavo.labels import Label
from octavo.lines import Line, Segment
from octavo.model import Box, Page, union

# Most candidates of a field that are handed on.
MOST_ALTERNATIVES = 4
# Weight of a value below its label against one beside it, where both are otherwise alike.
BELOW_WEIGHT = 0.85
# What being first in the contract's list of labels adds; the last label adds nothing.
PREFERENCE = 0.4
# What each further sign adds: the amount is a difference of two others on the page, or stands there again.
ARITHMETIC, REPEATED = 0.3, 0.1
# Rows below a header that are looked at, for one value and for a column of values.
ROWS_BELOW, ROWS_OF_COLUMN = 3, 40
# Farthest row below, in line heights past the row before.
ROW_GAP = 3.5
# Score of a value that has no label but stands where the contract says.
PLACED = 0.2

_EDGE = " \t:;.,|=-–—_#*·>»"
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value, the words it covers in reading order, and how well it fits; scores only compare within one field."""

    text: str
    words: tuple[int, ...]
    score: float


@dataclass(frozen=True)
class View:
    """A page as the extractor looks at it: its lines, and the prints of every label of the contract."""

    page: Page
    contract: Contract

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return lines.lines_of(self.page)

    @cached_property
    def height(self) -> float:
        return lines.line_height(self.page)

    @cached_property
    def line_of(self) -> dict[int, int]:
        """The number of the line that holds a word."""
        return {word: number for number, line in enumerate(self.lines) for word in line.words}

    @cached_property
    def prints(self) -> dict[str, tuple[Label, ...]]:
        """The labels of each leaf field as printed on the page, by path."""
        index = labels.index(self.page)
        return {path: tuple(index.find(spec.labels, spec.not_labels)) for path, spec in self.contract.leaves() if spec.labels}

    @cached_property
    def label_words(self) -> frozenset[int]:
        """Words that belong to a label of any field, the ones that hold a value as well left out."""
        return frozenset(word for found in self.prints.values() for label in found for word in label.words[:-1]) | frozenset(
            label.words[-1] for found in self.prints.values() for label in found if label.rest == len(self.page.words[label.words[-1]].text)
        )

    @property
    def locale(self) -> Locale:
        return self.contract.locale


def scalar(view: View, path: str, spec: FieldSpec) -> list[Candidate]:
    """The field's candidates on the page, best first, at most ``MOST_ALTERNATIVES``."""
    found: list[Candidate] = []
    prints = view.prints.get(path, ())
    order = {name: rank for rank, name in enumerate(spec.labels)}
    for label in prints:
        weight = label.score * (1 + PREFERENCE * (1 - order[label.name] / max(1, len(order))))
        found += [replace(c, score=c.score * weight) for c in beside(view, spec, label)]
        found += [replace(c, score=c.score * weight * BELOW_WEIGHT) for c in below(view, spec, label)]
    found = _with_pattern(found, spec)
    if spec.type is Kind.MONEY:
        found = _confirmed(view, found)
    return _ranked(found, spec)


def beside(view: View, spec: FieldSpec, label: Label) -> list[Candidate]:
    """Values to the right of a label on its own line, or in the label's own word."""
    line = view.lines[view.line_of[label.words[-1]]]
    words, skip = right_of(view, line, label)
    if not words:
        return []
    run = typed.Run(view.page, words, skip)
    if not typed.patterns(spec.type):
        return _text_beside(view, line, words, skip)
    found: list[Candidate] = []
    for n, match in enumerate(typed.matches(run, spec.type, view.locale)):
        gap = sum(1 for i in words[:match.before] if any(c.isalnum() for c in view.page.words[i].text))
        if gap > labels.MOST_BETWEEN and not found:
            break
        near = 1.0 if found or not gap else 0.5 / (1 + 0.2 * gap)
        found.append(Candidate(match.text, match.words, near / (1 + 0.05 * n)))
    return _picked(found, spec)


def right_of(view: View, line: Line, label: Label) -> tuple[list[int], int]:
    """The words right of a label up to the next label of the contract, and how many characters of the first to skip."""
    page = view.page
    last = label.words[-1]
    words: list[int] = []
    skip = 0
    if label.rest < len(page.words[last].text):
        words, skip = [last], label.rest
    own = set(label.words)
    for index in line.words:
        if index in own or page.words[index].box.x0 < page.words[last].box.x0:
            continue
        if index in view.label_words:
            break
        words.append(index)
    return words, skip


def _text_beside(view: View, line: Line, words: Sequence[int], skip: int) -> list[Candidate]:
    """Free text: the rest of the label's own segment, or the next segment of the line."""
    allowed = set(words)
    for part in line.segments:
        group = [i for i in part.words if i in allowed]
        cut = trimmed(view.page, group, skip if group[:1] == list(words[:1]) else 0)
        if cut is None:
            continue
        # text that ends with a colon is the next label: this one has no value beside it
        return [] if view.page.words[cut.words[-1]].text.endswith(":") else [cut]
    return []


def trimmed(page: Page, words: Sequence[int], skip: int = 0) -> Candidate | None:
    """The words as free text without the punctuation around it; None when nothing is left."""
    run = typed.Run(page, words, skip)
    text = run.text.rstrip(" \t:;|=–—_*").lstrip(_EDGE)
    if not any(c.isalnum() for c in text):
        return None
    start = run.text.index(text)
    text, covered, _ = run.cut(start, start + len(text))
    return Candidate(text, covered, 1.0)


def below(view: View, spec: FieldSpec, label: Label) -> list[Candidate]:
    """Values under a label, in its column: the first row, or with ``pick`` every row until the column ends."""
    column = spec.pick != "first" and bool(typed.patterns(spec.type))
    found: list[Candidate] = []
    bottom, passed = label.box, 0
    for line in view.lines[view.line_of[label.words[0]] + 1:]:
        cell = cell_under(view, line, label.box, bottom)
        if cell is None:
            continue
        if cell.box.y0 - bottom.y1 > ROW_GAP * max(view.height, label.box.height) or passed >= (ROWS_OF_COLUMN if column else ROWS_BELOW):
            break
        bottom = cell.box
        if set(cell.words) & view.label_words:
            break
        values = _values_of(view, spec, cell)
        found += [replace(c, score=c.score / (1 + (0 if column else passed))) for c in values]
        if values and not column:
            break
        passed += 1
    return _picked(found, spec)


def cell_under(view: View, line: Line, header: Box, bottom: Box) -> Segment | None:
    """The segment of a lower line that stands in the column of ``header``."""
    if line.box.y1 <= bottom.y1:
        return None
    fitting = [part for part in line.segments if part.box.y0 >= header.y1 - header.height // 2 and labels.aligned(header, part.box)]
    if not fitting:
        return None
    return max(fitting, key=lambda part: (lines.overlap(header.x0, header.x1, part.box.x0, part.box.x1), -part.box.x0))


def _values_of(view: View, spec: FieldSpec, cell: Segment) -> list[Candidate]:
    if not typed.patterns(spec.type):
        cut = trimmed(view.page, cell.words)
        return [cut] if cut else []
    run = typed.Run(view.page, cell.words)
    return [Candidate(m.text, m.words, 1.0 if not m.before else 0.7) for m in typed.matches(run, spec.type, view.locale)]


def _picked(found: list[Candidate], spec: FieldSpec) -> list[Candidate]:
    """The candidates of one label with the one that ``pick`` names first: it keeps its score, the others halve."""
    if len(found) < 2 or spec.pick == "first":
        return found
    best = found[-1] if spec.pick == "last" else max(found, key=lambda c: amount(c.text))
    top = max(c.score for c in found)
    return [replace(c, score=top if c is best else c.score / 2) for c in found]


def _with_pattern(found: Iterable[Candidate], spec: FieldSpec) -> list[Candidate]:
    """Candidates that break the contract's pattern count little; they stay, so that a person sees them."""
    if spec.pattern is None:
        return list(found)
    return [c if re.fullmatch(spec.pattern, c.text) else replace(c, score=c.score / 4) for c in found]


def _confirmed(view: View, found: list[Candidate]) -> list[Candidate]:
    """Amounts that are the difference of two others below them (tendered less change), or stand on the page again, count more."""
    every = amounts(view)
    times = Counter(value for value, _ in every)
    values = sorted({value for value, _ in every if value > 0})
    confirmed = []
    for c in found:
        value = amount(c.text)
        bonus = REPEATED * min(2, times[value] - 1)
        if value > 0 and any(round(value + other, 2) in times and other != value for other in values):
            bonus += ARITHMETIC
        confirmed.append(replace(c, score=c.score + bonus if value else c.score / 2))
    return confirmed


def amounts(view: View) -> list[tuple[float, tuple[int, ...]]]:
    """Every amount on the page with its words, top to bottom."""
    return [
        (amount(match.text), match.words)
        for line in view.lines for match in typed.matches(typed.Run(view.page, line.words), Kind.MONEY, view.locale)
    ]


def amount(text: str) -> float:
    """The size of a printed amount for comparisons on one page: its digits, the last two as decimals where a separator says so."""
    digits = "".join(_DIGITS.findall(text))
    value = int(digits or 0)
    decimals = re.search(r"[.,]\s?\d{2}\D*$", text)
    size = value / 100 if decimals else float(value)
    return -size if re.match(r"\W*[-(]", text) or text.rstrip().endswith("-") else size


def _ranked(found: Iterable[Candidate], spec: FieldSpec) -> list[Candidate]:
    """One candidate per run of words; several ways to the same words add up. Best first, ties by place."""
    groups: dict[tuple[int, ...], list[Candidate]] = {}
    for c in found:
        groups.setdefault(c.words, []).append(c)
    merged = []
    for group in groups.values():
        group.sort(key=lambda c: -c.score)
        merged.append(replace(group[0], score=round(group[0].score + 0.3 * sum(c.score for c in group[1:2]), 4)))
    late = -1 if spec.pick == "last" else 1
    merged.sort(key=lambda c: (-c.score, late * c.words[0]))
    unique: dict[str, Candidate] = {}
    for c in merged:
        unique.setdefault(c.text, c)
    return list(unique.values())[:MOST_ALTERNATIVES]


def box_of(page: Page, words: Sequence[int]) -> Box:
    return union(page.words[i].box for i in words)
