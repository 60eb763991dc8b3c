"""How closely a value stands by a label: right of it on its row, or below it, with how much between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from octavo.model.contracts import FieldSpec, Kind, Where
from octavo.model.entities import Box
from octavo.model.lexicon import current
from octavo.page import labels
from octavo.page.index import PageIndex
from octavo.page.label_matches import LabelMatch
from octavo.page.lines import same_row
from octavo.page.values import squeeze

# Words between a label and its value past which they are not linked.
MOST_BETWEEN = 3
# The score of a value by the words between it and its label; with more of them it is none.
_FADING = tuple(round(1 / (1 + between), 4) for between in range(MOST_BETWEEN + 1))
# Digits of a count, which parts an amount from its label as little: "Total  6  850.00".
LONGEST_COUNT = 3
_AMOUNTS = frozenset({Kind.MONEY})
# A value stands right of its label within this gap, and its words follow each other within that one, in multiples of the height.
ANSWER_GAP, PHRASE_GAP = 4.0, 1.2


class Nearness(NamedTuple):
    """``score`` 0 to 1, ``row`` 1 on the label's row and 0 below it, what the label says, where it stands, and the value's side of it."""

    score: float
    row: int
    text: str
    label: LabelMatch | None = None
    side: Where = Where.RIGHT


_FAR = Nearness(0.0, 0, "")


class Neighbours:
    """Measures what stands between the labels and the values of a page. ``specs`` say of fields where their values stand."""

    def __init__(self, index: PageIndex, specs: Mapping[str, FieldSpec]) -> None:
        self._index = index
        self._where = {field: spec.where for field, spec in specs.items() if spec.where}
        self._answered: dict[tuple[int, ...], bool] = {}

    def nearest(self, matches: Sequence[LabelMatch], words: tuple[int, ...], box: Box, where: Sequence[Where] = ()) -> Nearness:
        """The closest of the label matches to the value of ``words``, whose first line is ``box``.

        Args:
            where: the sides on which the value has to stand; none: those of the fields that each label names.
        """
        best = _FAR
        for one in matches:
            sides = where or (self._sides(one) if self._where else ())
            if sides:
                found = max((self._on_side(side, one, words, box) for side in sides), key=lambda near: (near.score, near.row))
            else:
                score, row = self._geometry(one, words, box)
                found = Nearness(score, row, one.text, one, Where.RIGHT if row else Where.BELOW)
            if found.score > best.score or (found.score == best.score and found.row > best.row):
                best = found
        return best

    def _sides(self, label: LabelMatch) -> Sequence[Where]:
        """The sides on which the contract says that values of a label stand; none where one of its fields leaves it open."""
        told = [self._where.get(field, ()) for field in label.fields]
        return [side for sides in told for side in sides] if told and all(told) else ()

    def _on_side(self, side: Where, label: LabelMatch, words: tuple[int, ...], box: Box) -> Nearness:
        """How closely a value stands on one side of a label."""
        score, row = 0.0, int(side in (Where.RIGHT, Where.LEFT))
        if side is Where.INSIDE:
            inside = set(self._index.layout.boxes.get(label.words[0], ()))
            score = float(set(words).isdisjoint(label.words) and set(words) <= inside)
        elif side is Where.LEFT:
            last = self._index.place_boxes(words)[-1]
            if last.x1 <= label.box.x0 + label.box.height // 2 and same_row(label.box, last):
                score = _fade(self._between(label, words, (last.x1, label.box.x0), (last.y0, last.y1)))
        elif side is Where.ABOVE:
            last = self._index.place_boxes(words)[-1]
            far = (label.box.y0 - last.y1) / max(1, label.box.height)
            if -0.5 <= far <= labels.BELOW and labels.aligned(label.box, last):
                columns = max(label.box.x0, last.x0), max(max(label.box.x0, last.x0) + 1, min(label.box.x1, last.x1))
                score = _fade(self._between(label, words, columns, (last.y1, label.box.y0)))
        else:
            score, found = self._geometry(label, words, box)
            score = score if found == row else 0.0
        return Nearness(score, row, label.text, label, side)

    def _between(self, label: LabelMatch, words: tuple[int, ...], xs: tuple[int, int], ys: tuple[int, int]) -> int:
        """Words whose middle lies in a part of the page between a label and a value."""
        boxes = self._index.boxes
        return sum(
            xs[0] <= boxes[i].center[0] < xs[1] and ys[0] <= boxes[i].center[1] < ys[1] and self._parts(i, label, words)
            for i in self._index.between(*ys)
        )

    def _geometry(self, label: LabelMatch, words: tuple[int, ...], box: Box) -> tuple[float, int]:
        if words[0] in label.words or words[-1] in label.words:
            # glued ("Date:19/10/2018") when the value ends behind the label, itself when it does not
            return (1.0, 1) if words[-1] == label.words[-1] and self._index.boxes[words[-1]].x1 > label.box.x1 else (0.0, 0)
        left, top, right, bottom = label.box
        if top > box[3]:
            return 0.0, 0  # it stands lower
        height = bottom - top
        if box[0] >= right - height // 2 and box[1] < bottom and top < box[3] and same_row(label.box, box):
            return _fade(self._right_gap(label, words, box)), 1
        far = (box[1] - bottom) / max(1, height)
        if -0.5 <= far <= labels.BELOW * (MOST_BETWEEN + 1) and box[0] - height <= right and left - height <= box[2] \
                and box[1] >= bottom - height // 2 and labels.aligned(label.box, box):
            rows = self._rows_between(label, words, box)
            score = _fade(rows) if far <= labels.BELOW * (rows + 1) else 0.0
            return (score / 2 if score and self._is_answered(label) else score), 0
        return 0.0, 0

    def _is_answered(self, label: LabelMatch) -> bool:
        """Whether a label that ends in a colon has its value right of it, so that what stands below is another's."""
        known = self._answered.get(label.words)
        if known is None:
            known = self._answered[label.words] = self._index.texts[label.words[-1]].endswith(":") and self._has_value_beside(label)
        return known

    def _has_value_beside(self, label: LabelMatch) -> bool:
        """Whether the phrase right of a label is none that ends in a colon itself, as that of the next column does."""
        boxes, height = self._index.boxes, label.box.height
        edge, reach, found = label.box.x1, ANSWER_GAP * height, False
        for i in sorted(self._index.between(label.box.y0, label.box.y1), key=lambda i: boxes[i].x0):
            if boxes[i].x0 < label.box.x1 or not same_row(label.box, boxes[i]) or i in label.words:
                continue
            if boxes[i].x0 - edge > reach:
                break
            if self._index.texts[i].endswith(":"):
                return False
            edge, reach, found = boxes[i].x1, PHRASE_GAP * height, True
        return found

    def _right_gap(self, label: LabelMatch, words: tuple[int, ...], box: Box) -> int:
        """Words between a label and a value right of it on its row."""
        _, top, right, bottom = label.box
        boxes, texts = self._index.boxes, self._index.texts
        counted = label.kinds == _AMOUNTS
        found = 0
        for i in self._index.between(max(top, box.y0), max(top + 1, min(bottom, box.y1))):
            x0, _, x1, _ = boxes[i]
            if right <= (x0 + x1) / 2 < box.x0 and self._parts(i, label, words) \
                    and not (Kind.DATE in label.kinds and current().is_one("range_starts", texts[i])) \
                    and not (counted and texts[i].isdecimal() and len(texts[i]) <= LONGEST_COUNT):
                found += 1
        return found

    def _rows_between(self, label: LabelMatch, words: tuple[int, ...], box: Box) -> int:
        """Rows between a label and a value below it, within the columns they share."""
        x0, x1 = max(label.box.x0, box.x0), min(label.box.x1, box.x1)
        x0, x1 = min(x0, x1 - 1), max(x1, x0 + 1)
        rows = 0
        last: Box | None = None
        boxes, bottom, top = self._index.boxes, label.box.y1, box.y0
        for i in self._index.between(bottom, top):
            other = boxes[i]
            if other[0] < x1 and x0 < other[2] and bottom <= (other[1] + other[3]) / 2 < top and self._parts(i, label, words) \
                    and (last is None or not same_row(last, other)):
                rows += 1
                last = other
        return rows

    def _parts(self, i: int, label: LabelMatch, words: tuple[int, ...]) -> bool:
        text = squeeze(self._index.texts[i])
        return bool(text) and text not in current().fillers and i not in label.words and i not in words


def _fade(between: int) -> float:
    return 0.0 if between > MOST_BETWEEN else _FADING[between]
