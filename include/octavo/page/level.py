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

from octavo.model.entities import Box, Page, Word

# Degrees. Less is within what is measured, and no line drifts by half its height over a page; nobody lays one further askew and keeps it.
LEAST, MOST = 0.3, 15.0
# A phrase tells the slope from so many of its line heights on; in shorter ones it is lost in ascenders and descenders.
SHORTEST = 8.0
# Fewest phrases that tell a page's skew.
FEWEST = 4
# Widest gap inside a phrase, in line heights, and least share of the lower word's height by which neighbours overlap.
GAP, OVERLAP = 1.5, 0.5


def levelled(page: Page) -> Page:
    """The page with its words where they would stand without its skew, turned about its middle; a level page itself.

    A box is taken for that of an upright word that was turned with the page: its height and width less what the turn added.
    """
    skew = skew_of(page)
    if not skew:
        return page
    cos, sin = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    x_middle, y_middle = page.width / 2, page.height / 2
    words = []
    for word in page.words:
        x, y = word.box.center[0] - x_middle, word.box.center[1] - y_middle
        x, y = x_middle + x * cos + y * sin, y_middle - x * sin + y * cos
        width = max(1.0, (word.box.width * cos - word.box.height * abs(sin)) / (cos * cos - sin * sin))
        height = max(1.0, (word.box.height * cos - word.box.width * abs(sin)) / (cos * cos - sin * sin))
        left, top = round(x - width / 2), round(y - height / 2)
        words.append(word._replace(box=Box(left, top, left + max(1, round(width)), top + max(1, round(height)))))
    return replace(page, words=tuple(words), skew=0.0)


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
        on_line = min(last.y1, word.y1) - max(last.y0, word.y0) >= OVERLAP * lower
        if on_line and -lower <= word.x0 - last.x1 <= GAP * lower:
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
