"""Values that a contract finds by a pattern (``find``), on a line of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from octavo.page import typed
from octavo.page.layout import PageLayout
from octavo.page.lines import Line

# Lines below a label that a pattern is looked for in.
LINES_BELOW = 3

compiled = lru_cache(re.compile)


def found(
    layout: PageLayout, pattern: str, labels: Sequence[Sequence[int]] | None = None,
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The values that a pattern finds, from the top down: the text of its named group, or all of it, with the words that show it.

    Args:
        layout: of the page; the pattern is looked for in each of its lines, where wide gaps are two or three spaces.
        pattern: a regular expression with one named group at most.
        labels: the words of labels; the pattern is looked for behind them, and in the lines below. None: everywhere.
    """
    expression = compiled(pattern)
    name = next(iter(expression.groupindex), 0)
    for number, line in enumerate(layout.lines):
        run = typed.Run(layout.page, line.words, 0, layout.segment_of)
        for one in expression.finditer(run.text):
            start, end = one.span(name)
            text, words, _ = run.cut(start, end) if end > start else ("", (), 0)
            if words and (labels is None or any(_is_behind(layout.lines, number, words, label) for label in labels)):
                yield text, words


def _is_behind(lines: Sequence[Line], number: int, words: Sequence[int], label: Sequence[int]) -> bool:
    """Whether words stand on a label's line behind it, or in the next lines."""
    at = next(n for n, line in enumerate(lines) if label[-1] in line.words)
    if at == number:
        order = lines[at].words
        return order.index(words[0]) >= order.index(label[-1])
    return at < number <= at + LINES_BELOW
