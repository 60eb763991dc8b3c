"""Pages drawn as text: every character is a cell, so a test shows the layout that it is about."""

from __future__ import annotations

import re

from octavo.model import Box, Page, Source, Word

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
