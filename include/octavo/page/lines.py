"""Words into lines, lines into segments: the geometry that labels, tables and addresses stand on.

A *line* is a row of words across the whole page, a *segment* a run of its words without a wide gap,
which is what a reader takes as one piece ("Invoice date", "12 March 2026", one table cell).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from unicodedata import bidirectional, east_asian_width

from octavo.model.entities import Box, Page, Word, union

# Least share of the lower word's height by which two words of one line overlap vertically.
SAME_LINE_OVERLAP = 0.5
# A word this many times as high as its neighbour is not on its line: a logo beside two lines of text.
HEIGHT_RATIO = 3.0
# Widest gap inside a segment, in multiples of the line's height. Word spaces measure 0.3 to 0.7 of it,
# two columns of a form or a table are at least 1.5 apart.
SEGMENT_GAP = 1.3
# The same in multiples of the line's width per character, for typewriters, whose letters are as wide as high:
# one space measures 1.2 of it there, two spaces 2.2.
SEGMENT_PITCH = 1.8
# Horizontal overlap, in multiples of the height, that two neighbours of one line may have: OCR boxes touch.
TOUCH = 0.6
# Characters of a Chinese or Japanese word; their words measure 1.5 to 2.5.
WIDE_WORD = 2


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of words without a wide gap. ``words`` are indices into ``Page.words``, as they are read: see ``as_read``."""

    words: tuple[int, ...]
    box: Box
    text: str


# Lines of one text in a narrow column stand no further apart than this, in their heights; at most so many are read as one.
STACK_GAP, STACK_LINES = 1.0, 3


@dataclass(frozen=True, slots=True)
class Line:
    """One row of words over the whole width, left to right, as at least one segment."""

    segments: tuple[Segment, ...]
    box: Box

    @property
    def words(self) -> tuple[int, ...]:
        return tuple(index for segment in self.segments for index in segment.words)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


def words_in(text: str) -> int:
    """How many words a text has: those between spaces, and in scripts without spaces (of full width) one for ``WIDE_WORD`` characters."""
    if text.isascii():
        return len(text.split())
    wide = sum(east_asian_width(char) in "WF" for char in text)
    return len(text.split()) + wide // WIDE_WORD


def overlap(a0: int, a1: int, b0: int, b1: int) -> int:
    """Length that two intervals share; negative: the gap between them."""
    return (a1 if a1 < b1 else b1) - (a0 if a0 > b0 else b0)


class Spans:
    """Intervals, sorted by where they begin, of which those are asked for that overlap another one."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._spans = spans
        self._starts = [start for start, _ in spans]
        self._reach = list(accumulate((end for _, end in spans), max))  # of each and those before it the furthest end

    def overlapping(self, start: int, end: int) -> list[int]:
        """The numbers of those that share some length with the interval, by where they begin."""
        first, last = bisect_right(self._reach, start), bisect_left(self._starts, end)
        return [n for n in range(first, last) if overlap(*self._spans[n], start, end) > 0]


def same_row(a: Box, b: Box, share: float = SAME_LINE_OVERLAP) -> bool:
    """Whether two boxes overlap vertically by ``share`` of the lower one's height."""
    _, a0, _, a1 = a
    _, b0, _, b1 = b
    shared = (a1 if a1 < b1 else b1) - (a0 if a0 > b0 else b0)
    own, other = a1 - a0, b1 - b0
    lower = own if own < other else other
    return shared >= share * (lower if lower > 1 else 1)


def line_height(page: Page) -> float:
    """The median height of the page's words in pixels; 1 for a page without words."""
    return float(median(word.box.height for word in page.words)) if page.words else 1.0


def lines_of(page: Page) -> tuple[Line, ...]:
    """The words of a level page as lines, top to bottom; every word is in exactly one segment.

    A word joins the line whose last word it overlaps most, so a line may drift.
    """
    rows: list[list[int]] = []
    height = line_height(page)
    band = max(1, round(height))
    # rows by the bands of the page, one line height each, that their last word reaches
    reaching: defaultdict[int, set[int]] = defaultdict(set)
    order = sorted(range(len(page.words)), key=lambda i: (page.words[i].box.x0, page.words[i].box.y0, i))
    for index in order:
        word = page.words[index].box
        bands = range(word.y0 // band, word.y1 // band + 1)
        near = sorted(set().union(*(reaching[b] for b in bands)))
        best, row = max(((_joins(page.words[rows[n][-1]].box, word), -n) for n in near), default=(0.0, 0))
        if best > 0:
            last = page.words[rows[-row][-1]].box
            for b in range(last.y0 // band, last.y1 // band + 1):
                reaching[b].discard(-row)
            rows[-row].append(index)
            number = -row
        else:
            rows.append([index])
            number = len(rows) - 1
        for b in bands:
            reaching[b].add(number)
    return tuple(sorted((_line(page, row, height) for row in rows), key=lambda line: (line.box.y0 + line.box.y1, line.box.x0)))


def _joins(last: Box, word: Box) -> float:
    """By how much ``word`` belongs behind ``last``: the shared part of the lower one's height, 0 for not at all."""
    lower, higher = sorted((max(1, last.height), max(1, word.height)))
    shared = overlap(last.y0, last.y1, word.y0, word.y1) / lower
    if shared < SAME_LINE_OVERLAP or word.x0 < last.x1 - TOUCH * higher:
        return 0.0
    if higher > HEIGHT_RATIO * lower and shared < 1:
        return 0.0
    # Against a word that stands far away, a drifting line is as likely as another line.
    return shared / (1 + max(0, word.x0 - last.x1) / (1000 * higher))


def _line(page: Page, row: Sequence[int], height: float) -> Line:
    local = max(height * 0.7, float(median(page.words[i].box.height for i in row)))
    pitches = [word.box.width / len(word.text) for word in (page.words[i] for i in row) if len(word.text) > 1]
    widest = max(SEGMENT_GAP * local, SEGMENT_PITCH * float(median(pitches)) if pitches else 0.0)
    runs: list[list[int]] = [[row[0]]]
    for index in row[1:]:
        gap = page.words[index].box.x0 - page.words[runs[-1][-1]].box.x1
        if gap > widest:
            runs.append([index])
        else:
            runs[-1].append(index)
    segments = tuple(segment(page.words, run) for run in runs)
    return Line(segments, union(s.box for s in segments))


def stacked(words: Sequence[Word], lines: Sequence[Line]) -> Iterator[Segment]:
    """Segments right below each other that begin at one edge or share their middle, as one: a label broken over two or three lines."""
    spans = [Spans([(part.box.x0, part.box.x1) for part in line.segments]) for line in lines]
    for number, line in enumerate(lines):
        for first in line.segments:
            stack = [first]
            for n in range(number + 1, len(lines)):
                upper = stack[-1]
                if lines[n].box.y0 - upper.box.y1 > STACK_GAP * upper.box.height or len(stack) == STACK_LINES:
                    break
                near = spans[n].overlapping(upper.box.x0 - upper.box.height, upper.box.x1 + upper.box.height)
                lower = next((lines[n].segments[at] for at in near if _is_stacked(upper.box, lines[n].segments[at].box)), None)
                if lower is None:
                    continue
                stack.append(lower)
                indices = [index for part in stack for index in part.words]
                yield Segment(tuple(indices), union(part.box for part in stack), " ".join(words[index].text for index in indices))


def _is_stacked(upper: Box, lower: Box) -> bool:
    gap, height = lower.y0 - upper.y1, max(upper.height, lower.height)
    edges = (abs(upper.x0 - lower.x0), abs(upper.center[0] - lower.center[0]), abs(upper.x1 - lower.x1))
    return -height / 2 <= gap <= STACK_GAP * height and min(edges) <= height / 2 and max(upper.height, lower.height) < 2 * min(
        upper.height, lower.height)


def segment(words: Sequence[Word], indices: Sequence[int]) -> Segment:
    """The words with these indices, which stand from left to right, as one segment."""
    read = as_read(words, indices)
    return Segment(read, union(words[i].box for i in indices), " ".join(words[i].text for i in read))


def as_read(words: Sequence[Word], indices: Sequence[int]) -> tuple[int, ...]:
    """Words that stand from left to right in the order in which they are read.

    Where most are written from right to left, so is the line, but for runs of words in the other direction; numbers have none of
    their own (a word's share of the Unicode Bidirectional Algorithm, UAX 9).
    """
    if all(words[index].text.isascii() for index in indices):
        return tuple(indices)
    directions = [_direction(words[index].text) for index in indices]
    leftward = directions.count(-1) > directions.count(1)
    against = 1 if leftward else -1
    runs: list[list[int]] = []
    for index, direction in zip(indices, directions, strict=True):
        if runs and direction == against == _direction(words[runs[-1][-1]].text):
            runs[-1].append(index)
        else:
            runs.append([index])
    if leftward:
        return tuple(index for run in reversed(runs) for index in run)
    return tuple(index for run in runs for index in reversed(run))


def _direction(text: str) -> int:
    """1 for a word that is written from left to right, -1 from right to left, 0 for one without letters."""
    kinds = {bidirectional(letter) for letter in text}
    return -1 if kinds & {"R", "AL"} else int("L" in kinds)
