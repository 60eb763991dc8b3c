"""Lists of plain values: what stands behind a label or below it, parted by commas, gaps or lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from octavo.extraction.rules.scalars import cell_under, right_of
from octavo.model.contracts import CHOSEN, PLAIN, FieldSpec
from octavo.page import choices, typed
from octavo.page.lines import Line, Segment
from octavo.page.values import TEXTUAL
from octavo.page.view import Printed, View, trimmed

# What parts the values of one line, besides a wide gap.
_PARTING = re.compile(r"\s*[,;|•·]\s+|\s{2,}|\s*[;|•·]\s*")
# Widest gap between two lines of a list, in line heights.
LINE_GAP = 1.5


def plain_values(view: View, path: str, spec: FieldSpec) -> list[Printed]:
    """The values of a list on a page, in reading order."""
    leaf = spec.fields[PLAIN]
    found: list[Printed] = []
    for label in view.prints.get(f"{path}[].{PLAIN}", ()):
        number = view.line_of[label.words[-1]]
        words, skip = right_of(view, view.lines[number], label)
        found += _values(view, leaf, words, skip)
        first = view.segment_of[words[0]] if words and not skip else None
        edge = view.lines[number].box.y1
        for line in view.lines[number + 1:]:
            cell = _starting_at(view, line, first) if first else cell_under(line, label.box, label.box)
            if cell is None or line.box.y0 - edge > LINE_GAP * view.height or not view.label_words.isdisjoint(line.words):
                break
            found += _values(view, leaf, cell.words, 0)
            edge = line.box.y1
    return list(dict.fromkeys(found))


def _starting_at(view: View, line: Line, first: Segment) -> Segment | None:
    return next((part for part in line.segments if abs(part.box.x0 - first.box.x0) <= view.height), None)


def _values(view: View, leaf: FieldSpec, words: Sequence[int], skip: int) -> Iterator[Printed]:
    """The values among words that follow each other."""
    run = view.run(words, skip) if words else None
    if run is None:
        return
    if leaf.type not in TEXTUAL and leaf.type not in CHOSEN:
        yield from (Printed(match.text, match.words) for match in typed.values(run, leaf, view.locale))
        return
    start = 0
    for end, after in [*(found.span() for found in _PARTING.finditer(run.text)), (len(run.text), len(run.text))]:
        text, own, _ = run.cut(start, end) if end > start else ("", (), 0)
        cut = trimmed(view.page, own, skip if own and own[0] == words[0] else 0) if own else None
        if cut is not None and text and (leaf.type not in CHOSEN or choices.read(leaf, cut.text, view.locale) is not None):
            bare = text.strip(" .,;")
            yield Printed(bare if bare and bare in cut.text else cut.text, cut.words)
        start = after
