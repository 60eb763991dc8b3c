"""Choices: which box of a form is ticked, or which of a few words stands by a label.

A tick stands beside the words of its option: right of them or left of them, as on the rest of its line. Drawn boxes come with the page;
those that words show, ``[X]`` or ``( )``, are found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from octavo.model.contracts import FieldSpec, Kind, Locale
from octavo.model.entities import Box, Page, union
from octavo.model.lexicon import current
from octavo.page import typed
from octavo.page.lines import Line, same_row
from octavo.page.values import squeeze

# A box that words show: brackets with a mark or nothing between.
_TYPED = re.compile(r"[\[(]\s?(?P<mark>[xX×✓✔✗✘*•]?)\s?[\])](?!\w)")
# What shows a box or a mark by one character, and those of them that are no tick.
_TICKS, _EMPTY = frozenset("☑☒✓✔✗✘×■●"), frozenset("☐□○▢")
# The words of an option stand so near its box and each other, in heights of the box or word.
OPTION_GAP, WORD_GAP = 2.5, 1.3
# Farthest line below a label whose boxes are its own, in line heights past the line before.
ROWS_GAP = 2.5


class Chosen(NamedTuple):
    """What is said of a field: the value, the words that say it, and where they and their box stand on the page as it is shown."""

    value: bool | str
    words: tuple[int, ...]
    boxes: tuple[Box, ...]
    why: str


class _Tick(NamedTuple):
    """A box to tick, on the levelled page and as it is shown; ``words`` are those that draw it, ``option`` those beside it."""

    box: Box
    shown: Box
    ticked: bool
    words: tuple[int, ...]
    line: int
    option: tuple[int, ...] = ()


class PlacedLabel(NamedTuple):
    """A label on the levelled page."""

    words: tuple[int, ...]
    box: Box
    text: str


def read(spec: FieldSpec, text: str, locale: Locale) -> bool | str | None:
    """The value of a boolean or a choice that a text is; None for another."""
    key = squeeze(text)
    if spec.type is Kind.CHOICE:
        return next((name for name, prints in spec.values.items() if key and key in map(squeeze, (name, *prints))), None)
    mark = text.strip()
    found = _TYPED.fullmatch(mark)
    if found or mark in _TICKS | _EMPTY:
        return bool(found["mark"]) if found else mark in _TICKS
    return _words(tuple(locale.languages)).get(key)


@lru_cache
def _words(languages: tuple[str, ...]) -> Mapping[str, bool]:
    """The words for yes and no of the languages, and those of JSON, as they are compared."""
    known = current().languages
    own = [known[code.split("-")[0]] for code in languages if code.split("-")[0] in known]
    said = [("true", True), ("false", False), ("x", True)]
    said += [(word, value) for language in own for value, words in ((True, language.yes), (False, language.no)) for word in words]
    return {squeeze(word): value for word, value in said}


class Options:
    """The boxes of a page and what stands beside them.

    Args:
        page: levelled.
        given: the same page as it is shown, where evidence lies.
        lines: of the levelled page.
    """

    def __init__(self, page: Page, given: Page, lines: Sequence[Line]) -> None:
        self._page = page
        self._given = given
        self._lines = lines
        self._line_of = {word: number for number, line in enumerate(lines) for word in line.words}
        self.ticks = [tick for number, line in enumerate(lines) for tick in self._with_options(self._on(number, line))]

    def of(self, spec: FieldSpec, labels: Sequence[PlacedLabel], locale: Locale, other_labels: Iterable[int] = ()) -> list[Chosen]:
        """What the page says of a field that stands by one of ``labels``, the same value once; of a choice without labels, anywhere.

        Args:
            other_labels: words of the contract's labels, where a field's own words end.
        """
        found: list[Chosen] = []
        stop = frozenset(other_labels)
        for label in labels:
            found += self._by_label(spec, label, locale, stop - set(label.words))
        if spec.type is Kind.CHOICE and not spec.labels:
            found += self._ticked(spec, [tick for tick in self.ticks if tick.option], locale)
        return list({(one.value, one.words): one for one in found}.values())

    def _by_label(self, spec: FieldSpec, label: PlacedLabel, locale: Locale, stop: frozenset[int]) -> list[Chosen]:
        if spec.type is Kind.BOOLEAN:
            own = [tick for tick in self.ticks if tick.option and set(tick.option) <= set(label.words)]
            if own:
                return [self._chosen(tick.ticked, tick, "the box beside it is " + ("ticked" if tick.ticked else "empty")) for tick in own]
        number = self._line_of[label.words[-1]]
        end = min((self._page.words[i].box.x0 for i in self._lines[number].words
                   if i in stop and self._page.words[i].box.x0 > label.box.x1), default=self._page.width)
        beside = [tick for tick in self.ticks if tick.line == number and label.box.x1 <= tick.box.x0 < end]
        options = [tick for tick in beside if tick.option] or self._below(number, label, stop)
        if options:
            return self._ticked(spec, options, locale)
        if spec.type is Kind.BOOLEAN and beside:
            return [self._chosen(beside[0].ticked, beside[0], "the box behind it is " + ("ticked" if beside[0].ticked else "empty"))]
        return self._printed(spec, number, label, locale, stop)

    def _below(self, number: int, label: PlacedLabel, stop: frozenset[int]) -> list[_Tick]:
        """The boxes in the lines right below a label, to the next line that has none or another label."""
        found: list[_Tick] = []
        bottom = label.box.y1
        for below in range(number + 1, len(self._lines)):
            line = self._lines[below]
            own = [tick for tick in self.ticks if tick.line == below and tick.option and tick.box.x1 > label.box.x0]
            if not own or line.box.y0 - bottom > ROWS_GAP * label.box.height or not stop.isdisjoint(line.words):
                break
            found += own
            bottom = line.box.y1
        return found

    def _ticked(self, spec: FieldSpec, options: Sequence[_Tick], locale: Locale) -> list[Chosen]:
        """The value of each ticked option."""
        found = []
        for tick in options:
            text = self._text(tick.option)
            value = read(spec, text, locale) if tick.ticked else None
            if value is not None:
                found.append(self._chosen(value, tick, f"the box beside “{text}” is ticked"))
        return found

    def _printed(self, spec: FieldSpec, number: int, label: PlacedLabel, locale: Locale, stop: frozenset[int]) -> list[Chosen]:
        """The word for a value right of a label, or right below it."""
        words = self._page.words
        line = self._lines[number]
        behind = [i for i in line.words if words[i].box.x0 >= label.box.x1 and i not in label.words]
        free = [i for n, i in enumerate(behind) if stop.isdisjoint(behind[:n + 1])]
        groups = [free, *([i for i in part.words if i in free] for part in line.segments)]
        if not free and number + 1 < len(self._lines):
            below = self._lines[number + 1]
            if below.box.y0 - label.box.y1 <= ROWS_GAP * label.box.height:
                groups = [list(part.words) for part in below.segments
                          if part.box.x0 < label.box.x1 and label.box.x0 < part.box.x1 and stop.isdisjoint(part.words)]
        for group in groups:
            value = read(spec, self._text(group), locale) if group else None
            if value is not None:
                return [Chosen(value, tuple(group), self._shown(group), "it stands by it")]
        return []

    def _chosen(self, value: bool | str, tick: _Tick, why: str) -> Chosen:
        words = tuple(sorted({*tick.words, *tick.option}))
        return Chosen(value, words, (tick.shown, *self._shown(tick.option)), why)

    def _text(self, words: Sequence[int]) -> str:
        return " ".join(self._page.words[i].text for i in words).strip(" .:,;")

    def _shown(self, words: Sequence[int]) -> tuple[Box, ...]:
        return (union(self._given.words[i].box for i in words),) if words else ()

    def _on(self, number: int, line: Line) -> list[_Tick]:
        """The boxes on a line, from the left."""
        words = self._page.words
        ticks = [
            _Tick(check.box, self._given.checks[n].box, check.ticked,
                  tuple(i for i in line.words if check.box.holds(words[i].box.center) or (set(words[i].text) <= _TICKS | _EMPTY
                        and words[i].box.holds(check.box.center))), number)
            for n, check in enumerate(self._page.checks) if same_row(check.box, line.box) and self._is_nearest(check.box, number)
        ]
        run = typed.Run(self._page, line.words)
        for found in _TYPED.finditer(run.text):
            _, own, _ = run.cut(found.start(), found.end())
            box = union(words[i].box for i in own)
            if not any(tick.box.holds(box.center) or box.holds(tick.box.center) for tick in ticks):
                ticks.append(_Tick(box, union(self._given.words[i].box for i in own), bool(found["mark"]), own, number))
        return sorted(ticks, key=lambda tick: tick.box.x0)

    def _is_nearest(self, box: Box, number: int) -> bool:
        """Whether no other line is nearer to the middle of a box."""
        def apart(line: Line) -> float:
            return abs(line.box.center[1] - box.center[1])
        return all(apart(self._lines[number]) <= apart(other) for other in self._lines[max(0, number - 1):number + 2])

    def _with_options(self, ticks: Sequence[_Tick]) -> list[_Tick]:
        """The boxes of a line with the words beside them, all on the side that fits the line better."""
        if not ticks:
            return []
        taken = {word for tick in ticks for word in tick.words}
        words = [i for i in self._lines[ticks[0].line].words if i not in taken]
        edges = [0, *(tick.box.x0 for tick in ticks[1:]), self._page.width]
        right = [self._beside(tick, words, (tick.box.x1, after), 1) for tick, after in zip(ticks, edges[1:], strict=True)]
        starts = [0, *(tick.box.x1 for tick in ticks)]
        left = [self._beside(tick, words, (start, tick.box.x0), -1) for tick, start in zip(ticks, starts, strict=False)]
        sides = [(sum(bool(option) for option, _ in side), -sum(gap for _, gap in side)) for side in (right, left)]
        chosen = right if sides[0] >= sides[1] else left
        return [tick._replace(option=option) for tick, (option, _) in zip(ticks, chosen, strict=True)]

    def _beside(self, tick: _Tick, words: Sequence[int], within: tuple[int, int], side: int) -> tuple[tuple[int, ...], float]:
        """The words of an option on one side of a box, and how far they stand from it in heights; none for none near."""
        boxes = self._page.words
        own = sorted((i for i in words if within[0] - 2 <= boxes[i].box.center[0] <= within[1]), key=lambda i: side * boxes[i].box.x0)
        if not own:
            return (), 0.0
        first = boxes[own[0]].box
        gap = (first.x0 - tick.box.x1 if side > 0 else tick.box.x0 - first.x1) / max(1, first.height)
        if gap > OPTION_GAP:
            return (), 0.0
        option = [own[0]]
        for before, word in pairwise(own):
            one, other = boxes[before].box, boxes[word].box
            apart = other.x0 - one.x1 if side > 0 else one.x0 - other.x1
            if apart > WORD_GAP * max(1, one.height):
                break
            option.append(word)
        return tuple(option[::side]), gap
