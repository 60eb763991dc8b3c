"""What an OCR engine has to do, and what words tell of how well it did."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from octavo.model.entities import Word

LYING_SHARE = 0.5  # a page whose words mostly are taller than wide lies on its side
LYING_LENGTH = 3   # letters of a word whose shape tells
# On a page whose words are mostly guesses (a photo, a texture, noise), guesses are not passed on as words.
GUESSED_PAGE = 0.5  # median confidence of a page under which it counts as such
GUESSED_WORD = 0.6  # words below this confidence are then dropped; text that a person can read scores above


class Recogniser(Protocol):
    """An OCR engine.

    ``enlarges``: small pages are doubled in size for it. ``cleans``: it reads print that is up to so many grey levels darker than
    its paper better once that is cleaned. ``straightens``: from so many degrees of skew on it may gain.
    """

    @property
    def enlarges(self) -> bool: ...

    @property
    def cleans(self) -> float: ...

    @property
    def straightens(self) -> float: ...

    def recognise(self, path: Path) -> list[Word]:
        """The words of an image file (grey, uncompressed, with its resolution where it is known), boxes in its pixels."""

    def recognise_all(self, paths: Sequence[Path]) -> list[list[Word]] | None:
        """The words of each of several files at once; None if that did not work out: then each is asked for alone."""

    def is_poor(self, words: Sequence[Word]) -> bool:
        """Whether a first look saw so little, or such doubtful or sideways words, that a second one is worth its time."""

    def rotation(self, path: Path, words: Sequence[Word]) -> int:
        """The clockwise turn in degrees that would make a poor page upright, as far as ``words`` or the file tell; else 0."""


def lies(word: Word) -> bool:
    """Whether a word lies on its side."""
    return len(word.text) >= LYING_LENGTH and word.box.height > word.box.width


def lying_share(words: Sequence[Word]) -> float:
    """The share of words that lie on their side, among those that are long enough to tell."""
    long = [word for word in words if len(word.text) >= LYING_LENGTH]
    return sum(lies(word) for word in long) / len(long) if long else 0.0


def mean_confidence(words: Sequence[Word]) -> float:
    """The mean confidence over characters; 1 for no words."""
    characters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / characters if characters else 1.0


def without_guesses(words: Sequence[Word]) -> list[Word]:
    """The words, without the guesses on a page that is mostly guesses."""
    if words and statistics.median(word.confidence for word in words) < GUESSED_PAGE:
        return [word for word in words if word.confidence >= GUESSED_WORD]
    return list(words)
