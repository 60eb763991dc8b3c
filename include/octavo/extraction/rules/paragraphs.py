"""Paragraphs: runs of lines close below one another, columns apart, for documents whose text is what is wanted."""

from __future__ import annotations

from octavo.page.lines import Segment, overlap
from octavo.page.view import Candidate, View, trimmed

# Widest distance between the middles of two lines of a paragraph, in line heights. Running text measures 1.6 to 2.0.
PARAGRAPH_PITCH = 2.2
# Least share of the narrower line's width by which two lines of a paragraph overlap sideways.
PARAGRAPH_OVERLAP = 0.5


def paragraphs(view: View) -> list[Candidate]:
    """Every word of the page in one paragraph, from top to bottom."""
    found: list[list[Segment]] = []
    for line in view.lines:
        for segment in line.segments:
            above = [group for group in found if _goes_on(group[-1], segment, view.height)]
            if above:
                min(above, key=lambda group: abs(group[-1].box.x0 - segment.box.x0)).append(segment)
            else:
                found.append([segment])
    texts = (trimmed(view.page, [word for segment in group for word in segment.words]) for group in found)
    return [text for text in texts if text is not None]


def _goes_on(above: Segment, below: Segment, height: float) -> bool:
    shared = overlap(above.box.x0, above.box.x1, below.box.x0, below.box.x1)
    close = 0 < below.box.center[1] - above.box.center[1] < PARAGRAPH_PITCH * height
    return close and shared >= PARAGRAPH_OVERLAP * min(above.box.width, below.box.width)
