"""Links of free keys and values: a contract of pairs names no labels, so the form itself has to show which value answers which key.

Asked for is the clear form of a label: a colon, or the blank to be filled in, behind the whole key, the whole
value right behind it on the row, and nothing that goes on above the key or below the value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from octavo.merging.field_links import NO_LINK, STRONG, FieldLink, FieldLinks
from octavo.merging.unlabelled_links import is_whole
from octavo.model.entities import Box
from octavo.page.index import PageIndex, runs_of
from octavo.page.label_matches import LabelMatch
from octavo.page.lines import same_row

# Lines of one text stand no further apart than this, in line heights.
LINE_GAP = 0.9
# How far, in line heights, a list may be indented below its key.
INDENT = 3.0
# A mark behind a key stands within this gap, in line heights.
MARK_GAP = 1.5
# Words among which a colon makes a line a key's.
LONGEST_KEY = 6

# What ends a key: a colon, or the blank that was to be filled in.
_END = re.compile(r"[:：]$|__$|\.{4,}$")
# A key or value of nothing but a remark in brackets: "(prior to August 10)", but not "(1,200.00)".
_REMARK = re.compile(r"^\W*\([^()]*[^\W\d_]{2}[^()]*\)\W*$")
_TOGETHER = "key and value stand together"


class PairLinks:
    """Weighs the pairs of one page, in the order in which an answer gives them."""

    def __init__(self, index: PageIndex, links: FieldLinks) -> None:
        self._index = index
        self._links = links

    def of(self, key: tuple[int, ...], value: tuple[int, ...], items: Sequence[tuple[int, ...]] | None = None) -> FieldLink:
        """How a value is linked to its key, both given by their words.

        Args:
            key: the key's words.
            value: the value's words.
            items: where the key has a list of values, those that are linked to it already; None: it has no list.
        """
        glued = key[-1] == value[0] and ":" in self._index.texts[key[-1]]
        score = STRONG if glued else self._links.between(key, value)
        listed = items is not None and self._is_listed(key, value, items)
        if not score and not listed:
            return NO_LINK
        doubt = self._doubt(key, value, listed)
        if doubt:
            return FieldLink(max(score, STRONG) / 2, f"{_TOGETHER}, though {doubt}", how="doubtful_key")
        if listed:
            return FieldLink(1.0, "in the list below its key", how="listed")
        label = LabelMatch(key, self._index.place_boxes(key)[-1], _joined(self._index, key), frozenset(), frozenset())
        return FieldLink(1.0 if score >= STRONG else score, _TOGETHER, how="beside_label", label=label)

    def _is_listed(self, key: tuple[int, ...], value: tuple[int, ...], items: Sequence[tuple[int, ...]]) -> bool:
        """Whether a value goes on with its key's list: below or right of another of its values, or as the first below the key."""
        boxes = self._index.boxes
        if items:
            return any(self._is_below(one, value) or same_row(boxes[one[0]], boxes[value[0]]) for one in items)
        return self._is_below(key, value)

    def _doubt(self, key: tuple[int, ...], value: tuple[int, ...], listed: bool) -> str:
        """What speaks against the pair, in words; empty for nothing."""
        index = self._index
        head, first, last = index.place_boxes(key)[-1], index.place_boxes(value)[0], index.place_boxes(value)[-1]
        shown, answer = _joined(index, key), _joined(index, value)
        if key[-1] != value[0] and not self._is_ended(key, value):
            return "no colon or blank ends the key"
        if not listed and not same_row(head, first):
            return "the value is not on the key's row"
        cut = not is_whole(index, key, frozenset(value)) or not is_whole(index, value, frozenset(key))
        if cut or _is_open(shown) or _is_open(answer):
            return "one of them is cut out of a longer phrase"
        if _REMARK.match(answer):
            return "the value is a remark on the key"
        if index.texts[value[-1]].endswith(":") or self._is_ended(value, ()) or self._is_key(answer):
            return "the value looks like another key"
        if self._goes_on_above(key, index.place_boxes(key)[0]):
            return "the key may begin in the line above"
        if not listed and self._goes_on_below(head, value, last):
            return "the value may go on in the line below"
        return ""

    def _is_ended(self, words: tuple[int, ...], behind: tuple[int, ...]) -> bool:
        """Whether a colon or a blank ends the words, in the last of them or right behind it."""
        index, last = self._index, words[-1]
        if _END.search(index.texts[last]):
            return True
        box = index.boxes[last]
        following = [
            i for i in index.between(box.y0, box.y1)
            if -1 <= index.boxes[i].x0 - box.x1 <= MARK_GAP * box.height and i not in words and i not in behind
            and same_row(index.boxes[i], box)
        ]
        return any(_END.search(index.texts[i]) and not runs_of(index.texts[i]) for i in following)

    def _is_key(self, text: str) -> bool:
        """Whether the page prints the text with a colon behind it somewhere."""
        runs = tuple(run for part in text.split() for run in runs_of(part))
        if not runs:
            return False
        stream = self._index.stream
        spans = stream.find("".join(runs), runs[0])
        return any(self._index.texts[stream.words[end - 1]].endswith(":") for _, end in spans)

    def _is_below(self, upper: tuple[int, ...], words: tuple[int, ...]) -> bool:
        """Whether the words begin right below where the upper ones do, a little indented perhaps."""
        box, above = self._index.place_boxes(words)[0], self._index.place_boxes(upper)[-1]
        height = max(1, above.height)
        return -height <= box.x0 - above.x0 <= INDENT * height and box.y0 - above.y1 <= LINE_GAP * height and box.center[1] > above.y1

    def _goes_on_above(self, key: tuple[int, ...], box: Box) -> bool:
        """Whether the key may be the end of a text whose first line begins right above it."""
        index = self._index
        above = [
            i for i in index.between(box.y0 - round(LINE_GAP * box.height), box.y0)
            if index.boxes[i].center[1] < box.y0 and abs(index.boxes[i].x0 - box.x0) <= box.height and i not in key
        ]
        if not above:
            return False
        row = [i for i in self._row(index.boxes[above[0]]) if index.boxes[i].x0 >= index.boxes[above[0]].x0]
        return all(index.texts[i].isupper() == index.texts[key[0]].isupper() and index.texts[i].replace("-", "").isalpha() for i in row)

    def _goes_on_below(self, key: Box, value: tuple[int, ...], box: Box) -> bool:
        """Whether a line without a key of its own begins right below where the value does."""
        index = self._index
        left = index.place_boxes(value)[0].x0
        reach = box.y1 + round(LINE_GAP * box.height)
        below = [
            i for i in index.between(box.y1 - box.height // 4, reach)
            if index.boxes[i].center[1] > box.y1 and abs(index.boxes[i].x0 - left) <= box.height and i not in value
            and runs_of(index.texts[i])
        ]
        if not below:
            return False
        row = self._row(index.boxes[below[0]])
        before = [i for i in row if index.boxes[i].x1 <= left and index.boxes[i].x1 > key.x0 - key.height]
        behind = [i for i in row if index.boxes[i].x0 >= index.boxes[below[0]].x0]
        keyed = any(_END.search(index.texts[i]) for i in behind[:LONGEST_KEY])
        return not keyed and not any(runs_of(index.texts[i]) for i in before)

    def _row(self, box: Box) -> list[int]:
        """The words on a row, from the left."""
        boxes = self._index.boxes
        return sorted((i for i in self._index.between(box.y0, box.y1) if same_row(boxes[i], box)), key=lambda i: boxes[i].x0)


def _joined(index: PageIndex, words: tuple[int, ...]) -> str:
    return " ".join(index.texts[i] for i in words)


def _is_open(text: str) -> bool:
    """Whether a bracket is opened and not closed, or closed and not opened."""
    return text.count("(") != text.count(")")
