"""Running text of a page: its headings and its paragraphs."""

from __future__ import annotations

import re

from octavo.page.lines import Segment, Spans, overlap
from octavo.page.view import Proposal, View, trimmed

# A heading: most words, and the gap above it and the width of the line below it against its own.
HEADING_WORDS, HEADING_GAP, HEADING_TEXT = 7, 1.0, 1.5
_COUNTED = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?|[a-zA-Z][.)]|[•*–-])$")


def headings(view: View) -> list[Proposal]:
    """Short lines with room above them and a longer line of text below, without the number that counts them."""
    found = []
    for above, line, below in zip(view.lines, view.lines[1:], view.lines[2:], strict=False):
        text = line.text
        spaced = line.box.y0 - above.box.y1 >= HEADING_GAP * view.height and below.box.y0 - line.box.y1 < 2 * (line.box.y0 - above.box.y1)
        if not spaced or len(line.segments) > 1 or len(text.split()) > HEADING_WORDS or text.rstrip().endswith((".", ":", ",", ";")):
            continue
        if below.box.width < HEADING_TEXT * line.box.width or abs(below.box.x0 - line.box.x0) > 3 * view.height:
            continue
        words = [i for i in line.words if not (i == line.words[0] and _COUNTED.match(view.page.words[i].text))]
        cut = trimmed(view.page, words)
        if cut is not None:
            found.append(cut)
    return found


# Widest distance between the middles of two lines of a paragraph, in line heights. Running text measures 1.6 to 2.0.
PARAGRAPH_PITCH = 2.2
# Least share of the narrower line's width by which two lines of a paragraph overlap sideways.
PARAGRAPH_OVERLAP = 0.5


def paragraphs(view: View) -> list[Proposal]:
    """Every word of the page in one paragraph, from top to bottom."""
    found: list[list[Segment]] = []
    near: list[list[Segment]] = []  # those that a line from here on may go on with
    for line, top in zip(view.lines, view.tops_below, strict=True):
        near = [group for group in near if top - group[-1].box.y1 < PARAGRAPH_PITCH * view.height]
        near.sort(key=lambda group: group[-1].box.x0)
        spans = Spans([(group[-1].box.x0, group[-1].box.x1) for group in near])
        new = []
        for segment in line.segments:
            beside = (near[n] for n in spans.overlapping(segment.box.x0, segment.box.x1))
            above = [group for group in beside if _goes_on(group[-1], segment, view.height)]
            if above:
                min(above, key=lambda group: abs(group[-1].box.x0 - segment.box.x0)).append(segment)
            else:
                new.append([segment])
        found += new
        near += new
    texts = (trimmed(view.page, [word for segment in group for word in segment.words]) for group in found)
    return [text for text in texts if text is not None]


def _goes_on(above: Segment, below: Segment, height: float) -> bool:
    shared = overlap(above.box.x0, above.box.x1, below.box.x0, below.box.x1)
    close = 0 < below.box.center[1] - above.box.center[1] < PARAGRAPH_PITCH * height
    return close and shared >= PARAGRAPH_OVERLAP * min(above.box.width, below.box.width)
