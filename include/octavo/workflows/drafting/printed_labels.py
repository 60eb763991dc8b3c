"""Where a page shows a value, and what is printed beside and above it."""

from __future__ import annotations

from dataclasses import dataclass

from octavo.merging.grounding import Grounder
from octavo.model.contracts import Kind
from octavo.model.entities import Box
from octavo.page.index import Occurrence, PageIndex
from octavo.page.lines import same_row

# Most words of a label.
LABEL_WORDS = 5
# Widest gap between words of one label, and farthest label above a value, in heights of the value's line.
WORD_GAP, ABOVE = 1.0, 2.5
# What joins two dates is as short as "to" and "bis".
LONGEST_JOINT = 3
# Places of one value that are looked at.
MOST_PLACES = 8
# A value in this part of the first page stands at the top.
TOP = 0.25
_EDGE = " \t:;.,|=–—_*#·>»"


@dataclass(frozen=True)
class Shown:
    """A value on a page: the labels that stand beside or above its places, and whether it stands at the top of page 1."""

    labels: tuple[str, ...]
    at_top: bool


def shown(index: PageIndex, kind: Kind, text: str, listed: bool) -> Shown | None:
    """What stands around a value; None where the page does not show it.

    Args:
        listed: the value is a list's cell, whose label is the header above it.
    """
    places = Grounder(index, {}).ground(kind, text, index.parser.parse(kind, text), 0).places[:MOST_PLACES]
    if not places:
        return None
    labels: list[str] = []
    for place in places:
        box = index.place_boxes(place.words)[0]
        beside = "" if listed else _beside(index, place, box, kind)
        labels += filter(None, [beside or _above(index, place, box)])
    first = index.place_boxes(places[0].words)[0]
    return Shown(tuple(labels), index.page.number == 1 and first.y0 < TOP * index.page.height)


def _beside(index: PageIndex, place: Occurrence, box: Box, kind: Kind) -> str:
    """The phrase that ends left of the value on its row; dates may share one: "Flight dates 6 Nov - 19 Nov"."""
    row = [i for i in index.between(box.y0, box.y1) if i not in place.words and same_row(index.boxes[i], box)]
    left = [i for i in row if index.boxes[i].x1 <= box.x0 + 2]
    left.sort(key=lambda i: -index.boxes[i].x1)
    if kind is Kind.DATE:
        dates = {i for places in index.dates.values() for words in places for i in words}
        between = next((at for at, i in enumerate(left) if i not in dates and len(index.texts[i].strip(_EDGE)) > LONGEST_JOINT), len(left))
        if any(i in dates for i in left[:between]):
            left = left[between:]
    return _phrase(index, left)


def _above(index: PageIndex, place: Occurrence, box: Box) -> str:
    """The phrase right above the value, where nothing stands between."""
    reach = range(box.y0 - round(ABOVE * box.height), box.y0)
    above = [
        i for i in index.between(reach.start, reach.stop)
        if i not in place.words and index.boxes[i].y1 <= box.y0 + box.height // 3 and _over(index.boxes[i], box)
    ]
    if not above:
        return ""
    lowest = index.boxes[max(above, key=lambda i: index.boxes[i].y1)]
    row = [i for i in index.between(lowest.y0, lowest.y1) if same_row(index.boxes[i], lowest)]
    start = min((i for i in above if same_row(index.boxes[i], lowest)), key=lambda i: index.boxes[i].x0)
    right = [i for i in row if index.boxes[i].x0 >= index.boxes[start].x0]
    return _phrase(index, sorted(right, key=lambda i: index.boxes[i].x0), forward=True)


def _over(upper: Box, lower: Box) -> bool:
    return upper.x0 < lower.x1 and lower.x0 < upper.x1


def _phrase(index: PageIndex, words: list[int], forward: bool = False) -> str:
    """The words from the first on that stand close together, as a label; empty where they are none."""
    taken: list[int] = []
    for i in words:
        if taken:
            last, box = index.boxes[taken[-1]], index.boxes[i]
            gap = box.x0 - last.x1 if forward else last.x0 - box.x1
            if gap > WORD_GAP * max(1, last.height) or (not forward and index.texts[i].endswith(":")):
                break
        taken.append(i)
        if len(taken) > LABEL_WORDS or (forward and index.texts[i].endswith(":")):
            break
    if not taken or len(taken) > LABEL_WORDS:
        return ""
    text = " ".join(index.texts[i] for i in (taken if forward else reversed(taken))).strip(_EDGE)
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    return text if letters >= 2 and letters > 2 * digits else ""
