"""Pages drawn as text: every character is a cell, so a test shows the layout that it is about."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from octavo.model.entities import Box, Page, Source, Word

CHAR, LINE, HEIGHT, MARGIN = 10, 20, 12, 10


def page(text: str, number: int = 1, document: str = "d", size: tuple[int, int] = (1000, 1000)) -> Page:
    """A page whose words stand where they stand in ``text``; two spaces part two segments."""
    words = []
    for row, line in enumerate(text.strip("\n").split("\n")):
        for found in re.finditer(r"\S+", line):
            x, y = MARGIN + found.start() * CHAR, MARGIN + row * LINE
            words.append(Word(found.group(), Box(x, y, x + len(found.group()) * CHAR - 2, y + HEIGHT), 0.95, Source.OCR))
    return Page(document, number, *size, None, 0, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), tuple(words))


def box(of: Page, text: str) -> Box:
    """The box of the first word that reads ``text``."""
    return next(word.box for word in of.words if word.text == text)


def askew(level: Page, degrees: float) -> Page:
    """The page turned about its middle, each box grown to hold its turned word."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    words = []
    for word in level.words:
        x, y = word.box.center[0] - level.width / 2, word.box.center[1] - level.height / 2
        x, y = x * cos - y * sin + level.width / 2, x * sin + y * cos + level.height / 2
        w, h = word.box.width * cos + word.box.height * abs(sin), word.box.width * abs(sin) + word.box.height * cos
        words.append(word._replace(box=Box(round(x - w / 2), round(y - h / 2), round(x + w / 2), round(y + h / 2))))
    return replace(level, words=tuple(words), skew=degrees)
