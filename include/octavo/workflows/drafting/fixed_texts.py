"""What the pages of several documents print alike: labels and headings, since values differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise

from octavo.extraction.rules.key_value_pairs import BELOW_GAP, BESIDE_GAP, KEY_WORDS, Pair, reads_like_key
from octavo.page.labels import aligned
from octavo.page.lines import Line, Segment
from octavo.page.values import squeeze
from octavo.page.view import Printed, View, trimmed

# What at least so many documents print, and this share of them, is part of their form.
LEAST_DOCUMENTS, LEAST_SHARE = 3, 0.5
# Lines of a section with a text and something with digits at its right.
LEAST_ROWS = 2
# Lines below a label that stand so close make a block, in line heights.
BLOCK_GAP, BLOCK_LINES = 0.9, 3


def fixed_texts(documents: Sequence[Sequence[View]]) -> frozenset[str]:
    """The texts, squeezed, that stand in a piece of a line of their own in enough of the documents."""
    counts: Counter[str] = Counter()
    for views in documents:
        counts.update({squeeze(part.text) for view in views for line in view.lines for part in line.segments})
    least = max(LEAST_DOCUMENTS, LEAST_SHARE * len(documents))
    return frozenset(text for text, count in counts.items() if text and count >= least)


def fixed_pairs(view: View, fixed: Set[str], used: Set[int]) -> Iterator[tuple[Pair, bool]]:
    """Fixed texts with what stands right of them or below them and is not fixed, and whether that begins a block of lines.

    Args:
        view: a page.
        fixed: what all of the documents print.
        used: words that are no label and no value.
    """
    taken = set(used)
    for number, line in enumerate(view.lines):
        for at, part in enumerate(line.segments):
            if not taken.isdisjoint(part.words) or squeeze(part.text) not in fixed or not _is_label(part):
                continue
            right = line.segments[at + 1] if at + 1 < len(line.segments) else None
            value, block = None, False
            near = right is not None and (part.text.endswith(":") or right.box.x0 - part.box.x1 <= BESIDE_GAP * view.height)
            if right is not None and near and _is_value(part, right, fixed):
                value = right
            elif not part.text.endswith(":"):
                below = _below(view, number, part)
                value = below[0] if below and squeeze(below[0].text) not in fixed else None
                block = len(below) >= BLOCK_LINES
            if value is not None and taken.isdisjoint(value.words):
                taken.update(part.words, value.words)
                made = trimmed(view.page, value.words)
                if made is not None:
                    yield Pair(Printed(part.text, part.words), made.printed), block


def _is_label(part: Segment) -> bool:
    return len(part.words) <= KEY_WORDS and reads_like_key(part.text)


def _is_value(label: Segment, value: Segment, fixed: Set[str]) -> bool:
    """Whether what stands right of a fixed text is its value: it is not fixed as well, unless it has digits or a colon says so."""
    if value.text.endswith(":"):
        return False
    return squeeze(value.text) not in fixed or label.text.endswith(":") or any(map(str.isdigit, value.text))


def _below(view: View, number: int, part: Segment) -> list[Segment]:
    """The pieces of the lines below one that stand in its column, close to each other."""
    found: list[Segment] = []
    bottom, gap = part.box.y1, BELOW_GAP
    for line in view.lines[number + 1:]:
        if line.box.y0 - bottom > gap * view.height:
            break
        own = [one for one in line.segments if aligned(part.box, one.box)]
        if own:
            found.append(own[0])
            bottom, gap = own[0].box.y1, BLOCK_GAP
    return found


def sections(view: View, fixed: Set[str]) -> Iterator[tuple[str, int]]:
    """Fixed texts that stand alone in their line, with how many lines below have a text and something with digits at its right."""
    heads = [number for number, line in enumerate(view.lines) if _heads(line, fixed)]
    for head, end in pairwise([*heads, len(view.lines)]):
        rows = sum(len(line.segments) == 2 and any(map(str.isdigit, line.segments[1].text)) for line in view.lines[head + 1:end])
        if rows:
            yield view.lines[head].text, rows


def _heads(line: Line, fixed: Set[str]) -> bool:
    return len(line.segments) == 1 and squeeze(line.text) in fixed and _is_label(line.segments[0]) and not line.text.endswith(":")
