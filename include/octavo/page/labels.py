"""Where a page prints a field's label.

A label matches its print when both are equal without case, punctuation and spaces and with the
letters and digits that OCR mixes up made one; from ``FUZZY_LENGTH`` characters on an edit is
forgiven. Where several labels of a field match overlapping words the longest wins, so that "Total Amount
Due" is never also "Total".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from octavo.model.entities import Box, Page, union
from octavo.page.index import look_alike
from octavo.page.lines import Line, Segment, lines_of, overlap

# Least similarity, 1 - edits / length, of a label that OCR misread ("Tolal", "lnvoice Date").
FUZZY = 0.8
# Shortest label, in characters, that may be misread: one edit turns "date" into "rate". From there on one
# edit, and one for so many characters of a long label.
FUZZY_LENGTH, CHARS_PER_EDIT = 5, 6
# Most words of one label that are searched for.
LONGEST_LABEL = 8
# A value below its label: farthest distance, in multiples of the label's height.
BELOW = 4.0
# Where a column of other values lies between, the tie fades; past this many it is none.
MOST_BETWEEN = 3

_DROP = re.compile(r"[^\w#%|!]|_")


@dataclass(frozen=True, slots=True)
class Label:
    """One place of the page where a label is printed.

    ``words`` are indices into ``Page.words``; the last one may hold the value as well ("Date:19/10/2018"),
    ``box`` then ends where the label does, by share of characters, and ``rest`` is where the last word
    goes on after the label (its length when it does not). ``text`` is what the page says, ``name``
    the label that was searched for, ``score`` 1 for equal and less for misread.
    """

    box: Box
    words: tuple[int, ...]
    text: str
    score: float
    name: str = ""
    rest: int = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of words of one segment that may be a label; ``chars`` characters of the last word belong to it."""

    words: tuple[int, ...]
    chars: int


@lru_cache(1 << 14)
def normalise(text: str) -> str:
    """A label as it is compared: NFKC, casefolded, letters, digits, ``#`` and ``%`` only, look-alikes folded."""
    return look_alike(_DROP.sub("", unicodedata.normalize("NFKC", text).casefold()))


class Index:
    """All places of one page where a label may stand. Building it once per page saves most of the time.

    ``lines`` are the page's; ``composed`` texts over several lines that may be one label (``PageLayout.composed``).
    """

    def __init__(self, page: Page, lines: Sequence[Line] | None = None, composed: Sequence[Segment] = ()) -> None:
        self.page = page
        self.lines = lines_of(page) if lines is None else lines
        self.windows: dict[str, list[_Window]] = {}
        for line in self.lines:
            for part in line.segments:
                self._add(part)
        for part in composed:
            self._add_whole(part)
        self._by_length: dict[int, list[str]] = {}
        for key in sorted(self.windows):
            self._by_length.setdefault(len(key), []).append(key)

    def _add(self, part: Segment) -> None:
        words = self.page.words
        for start in range(len(part.words)):
            joined = ""
            for end in range(start, min(start + LONGEST_LABEL, len(part.words))):
                index = part.words[end]
                text = words[index].text
                for head in _heads(text):
                    key = (joined + normalise(head)).lstrip("#")
                    if key and (head or end > start):
                        self.windows.setdefault(key, []).append(_Window(part.words[start:end + 1], len(head)))
                joined += normalise(text)

    def _add_whole(self, part: Segment) -> None:
        """A text over several lines, which is a label as a whole or not at all."""
        key = "".join(normalise(self.page.words[index].text) for index in part.words).lstrip("#")
        if key and len(part.words) <= LONGEST_LABEL:
            self.windows.setdefault(key, []).append(_Window(part.words, len(self.page.words[part.words[-1]].text)))

    def find(self, spec_labels: Sequence[str], not_labels: Sequence[str] = ()) -> list[Label]:
        """Where any of ``spec_labels`` is printed, top to bottom; a longer match of ``not_labels`` hides one."""
        wanted = {normalise(label).lstrip("#"): label for label in reversed(spec_labels)}
        unwanted = {normalise(label).lstrip("#") for label in not_labels} - set(wanted)
        targets = [key for key in [*wanted, *sorted(unwanted)] if key]
        found: list[tuple[float, int, _Window, str]] = []
        for key in targets:
            found += [(1.0, len(key), window, key) for window in self.windows.get(key, ())]
        found += self._misread([key for key in targets if len(key) >= FUZZY_LENGTH])
        return self._longest(found, wanted)

    def _misread(self, targets: Sequence[str]) -> list[tuple[float, int, _Window, str]]:
        found = []
        for length, group in groupby(sorted(targets, key=len), key=len):
            # a longer or shorter text has another word rather than a misread one ("Invoice", "Invoice No")
            alike = [key for near in (length - 1, length, length + 1) for key in self._by_length.get(near, ())]
            wanted = list(group)
            scores = process.cdist(wanted, alike, scorer=Levenshtein.normalized_similarity, score_cutoff=FUZZY)
            for row, column in zip(*scores.nonzero(), strict=True):
                target, key, score = wanted[row], alike[column], float(scores[row, column])
                edits = round((1 - score) * max(len(target), len(key)))
                if 0 < edits <= max(1, length // CHARS_PER_EDIT) and target.count("#") == key.count("#"):
                    found += [(round(score, 4), length, window, target) for window in self.windows[key]]
        return found

    def _longest(self, found: list[tuple[float, int, _Window, str]], wanted: dict[str, str]) -> list[Label]:
        found.sort(key=lambda f: (-round(f[0] * f[1], 3), -f[0], len(f[2].words), f[2].words, f[3]))
        taken: set[int] = set()
        labels = []
        for score, _, window, key in found:
            if taken.intersection(window.words):
                continue
            taken.update(window.words)
            if key in wanted:
                labels.append(self._label(window, score, wanted[key]))
        return sorted(labels, key=lambda label: (label.box.y0, label.box.x0, label.words))

    def _label(self, window: _Window, score: float, name: str) -> Label:
        words = self.page.words
        last = words[window.words[-1]]
        share = window.chars / len(last.text)
        end = last.box._replace(x1=last.box.x0 + max(1, round(last.box.width * share)))
        box = union([*(words[i].box for i in window.words[:-1]), end])
        text = " ".join([*(words[i].text for i in window.words[:-1]), last.text[:window.chars]])
        return Label(box, window.words, text, score, name, window.chars)


def _heads(text: str) -> list[str]:
    """The parts of a word that may end a label: all of it, and what stands before a colon, a bracket, an @ or a first digit."""
    heads = [text]
    for mark in re.finditer(r"[:=(@]|(?<=[A-Za-z.#])(?=[\d$€£])", text):
        if mark.start() > 0 and mark.end() < len(text):
            heads.append(text[:mark.start()])
    return heads


def aligned(header: Box, value: Box) -> bool:
    """Whether ``value`` stands in the column of ``header``: they overlap by a third of the narrower, or share an edge or the middle."""
    (a0, top, a1, bottom), (b0, y0, b1, y1) = header, value
    if overlap(a0, a1, b0, b1) >= max(1, min(a1 - a0, b1 - b0)) / 3:
        return True
    edge = max(bottom - top, y1 - y0)
    return abs(a0 - b0) <= edge or abs(a1 - b1) <= edge
