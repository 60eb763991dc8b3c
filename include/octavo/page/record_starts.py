"""Where the records of a document begin, by the contract's ``record_per``. A record is a range of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from octavo.model.contracts import Contract, Starts
from octavo.model.deadline import search
from octavo.page import typed
from octavo.page.layout import PageLayout

P = TypeVar("P")


class RecordStarts:
    """Cuts documents of a contract into records."""

    def __init__(self, contract: Contract) -> None:
        self._per = contract.record_per
        self._looked_at: PageLayout | None = None
        self._found: tuple[object, ...] = ()

    def on(self, layout: PageLayout) -> int:
        """Of how many records a page has a start; none on one without words, and none where the document is one record."""
        return len(self._keys(layout))

    def _keys(self, layout: PageLayout) -> tuple[object, ...]:
        """What tells the records apart that a page has starts of: the texts of the pattern's named group, without one the lines.

        ``starts`` is looked for in each line, where wide gaps are two or three spaces.
        """
        if self._per == "document" or not layout.given.words:
            return ()
        if not isinstance(self._per, Starts):
            return (layout.given.number,)
        if self._looked_at is not layout:  # asked several times of one page after the other
            starts = self._per.starts
            texts = (typed.Run(layout.page, line.words, 0, layout.segment_of).text for line in layout.lines)
            found = [(number, one) for number, text in enumerate(texts) if (one := search(starts, text))]
            keys = (next(iter(one.groupdict().values()), (layout.given.number, number)) for number, one in found)
            self._looked_at, self._found = layout, tuple(dict.fromkeys(keys))
        return self._found

    def has_top(self, layout: PageLayout) -> bool:
        """Whether a page heads a record, as far as the page itself shows it: what stands at its top is then at the record's."""
        return layout.given.number == 1 or self.on(layout) > 0

    def tops(self) -> Callable[[PageLayout], bool]:
        """Says of the pages of a record, asked for in their order, which of them heads it: a page that repeats its key does not."""
        begins = self._begins()
        return lambda layout: begins(layout) or layout.given.number == 1

    def records(self, pages: Iterable[P], layout_of: Callable[[P], PageLayout]) -> Iterator[tuple[int | None, Iterator[P]]]:
        """The pages of a document by record: its number from 1, None where the document is one record, and its pages.

        A page on which another record begins is the first of a new one, unless no page before it has words. Pages before the first of them
        are a record of their own. The pages of a record must be taken before the next one is asked for.
        """
        if self._per == "document":
            yield None, iter(pages)
            return
        for number, group in groupby(self._numbered(pages, layout_of), key=itemgetter(0)):
            yield number, (page for _, page in group)

    def _numbered(self, pages: Iterable[P], layout_of: Callable[[P], PageLayout]) -> Iterator[tuple[int, P]]:
        number, has_words, begins = 1, False, self._begins()
        for page in pages:
            layout = layout_of(page)
            begun = begins(layout)
            number += has_words and begun
            has_words = has_words or bool(layout.given.words)
            yield number, page

    def _begins(self) -> Callable[[PageLayout], bool]:
        """Says of one page after the other whether another record than the last one begins on it."""
        key: object = None

        def begins(layout: PageLayout) -> bool:
            nonlocal key
            keys = self._keys(layout)
            is_other = any(one != key for one in keys)
            key = keys[-1] if keys else key
            return is_other

        return begins
