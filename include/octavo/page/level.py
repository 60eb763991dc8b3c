"""A page as if it had been laid down level: geometry looks at rows and columns there, evidence is shown where the words are.

The reader tells the skew of the pictures that it has measured. Small angles, and scans that came with words of another
reader, are told by the words themselves: by the slope of phrases whose words follow each other tightly.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import NamedTuple

from octavo.model.entities import Box, CheckBox, Page, Ruling, Word
from octavo.page.lines import same_row

# Degrees. Less is within what is measured, and no line drifts by half its height over a page; nobody lays one further askew and keeps it.
LEAST, MOST = 0.3, 15.0
# A phrase tells the slope from so many of its line heights on; in shorter ones it is lost in ascenders and descenders.
SHORTEST = 8.0
# Fewest phrases that tell a page's skew.
FEWEST = 4
# Widest gap inside a phrase, in line heights.
GAP = 1.5


def levelled(page: Page) -> Page:
    """The page with its words and lines where they would stand without its skew, turned about its middle; a level page itself.

    A box is taken for that of an upright word that was turned with the page: its height and width less what the turn added.
    """
    skew = skew_of(page)
    if not skew:
        return page
    turn = _Turn.of(skew, page)
    return replace(
        page, words=tuple([word._replace(box=turn.box(word.box)) for word in page.words]), skew=0.0,
        rulings=tuple([turn.ruling(ruling) for ruling in page.rulings]),
        checks=tuple([CheckBox(turn.box(check.box), check.ticked) for check in page.checks]),
    )


def unlevelled(page: Page, box: Box) -> Box:
    """Where a box of the levelled page lies on the page itself: upright, about the same middle."""
    skew = skew_of(page)
    if not skew:
        return box
    x, y = _Turn.of(-skew, page).point(*box.center)
    left, top = round(x - box.width / 2), round(y - box.height / 2)
    return Box(left, top, left + box.width, top + box.height)


class _Turn(NamedTuple):
    """A turn against a skew, about a page's middle."""

    cos: float
    sin: float
    x_middle: float
    y_middle: float

    @classmethod
    def of(cls, skew: float, page: Page) -> _Turn:
        return cls(math.cos(math.radians(skew)), math.sin(math.radians(skew)), page.width / 2, page.height / 2)

    def point(self, x: float, y: float) -> tuple[float, float]:
        x, y = x - self.x_middle, y - self.y_middle
        return self.x_middle + x * self.cos + y * self.sin, self.y_middle - x * self.sin + y * self.cos

    def box(self, box: Box) -> Box:
        x, y = self.point(*box.center)
        cos, sin = self.cos, self.sin
        width = max(1.0, (box.width * cos - box.height * abs(sin)) / (cos * cos - sin * sin))
        height = max(1.0, (box.height * cos - box.width * abs(sin)) / (cos * cos - sin * sin))
        left, top = round(x - width / 2), round(y - height / 2)
        return Box(left, top, left + max(1, round(width)), top + max(1, round(height)))

    def ruling(self, ruling: Ruling) -> Ruling:
        (x0, y0), (x1, y1) = self.point(ruling.x0, ruling.y0), self.point(ruling.x1, ruling.y1)
        return Ruling(round(x0), round(y0), round(x1), round(y1), ruling.width)


def skew_of(page: Page) -> float:
    """The angle in degrees at which the page's lines fall to the right: what the reader measured, or else what its words tell."""
    if page.skew or not page.words:
        return page.skew
    slopes = sorted(_slopes(page.words))
    if len(slopes) < FEWEST:
        return 0.0
    lengths = list(accumulate(length for _, length in slopes))
    median, _ = slopes[bisect_left(lengths, lengths[-1] / 2)]
    angle = round(math.degrees(math.atan(median)), 1)  # as exact as the reader's
    return angle if LEAST <= abs(angle) <= MOST else 0.0


def _slopes(words: Sequence[Word]) -> Iterator[tuple[float, float]]:
    """The slope of each long phrase, and its length in pixels."""
    for phrase in _phrases(words):
        length = phrase[-1].center[0] - phrase[0].center[0]
        if length >= SHORTEST * max(1, phrase[0].height):
            yield _fitted(phrase), length


def _phrases(words: Sequence[Word]) -> Iterator[list[Box]]:
    """Runs of words that follow each other on a line, in the order in which they were read."""
    phrase = [words[0].box]
    for last, word in pairwise(word.box for word in words):
        lower = max(1, min(last.height, word.height))
        if same_row(last, word) and -lower <= word.x0 - last.x1 <= GAP * lower:
            phrase.append(word)
        else:
            yield phrase
            phrase = [word]
    yield phrase


def _fitted(phrase: Sequence[Box]) -> float:
    """The slope of the straight line nearest to the words' middles."""
    xs, ys = zip(*(box.center for box in phrase), strict=True)
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    return float(sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / sum((x - x_mean) ** 2 for x in xs))
