"""A document's records, merged one after the other; each is merged as if it were a document of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from octavo.merging.documents import Merger, PageAnswers
from octavo.merging.kinds import NOT_THIS_KIND, KindMatch, refused
from octavo.merging.unclaimed import PageParts, parts_of
from octavo.model.contracts import Starts
from octavo.model.entities import Field, RecordPages
from octavo.model.errors import Reason
from octavo.page.record_starts import RecordStarts
from octavo.storage.corrections import Correction


@dataclass(frozen=True, slots=True)
class MergedRecord:
    """A record of a document.

    ``at`` has its number and pages, None where the document is one record. ``parts`` are what fields could take of its pages, ``problems``
    why none of its values is accepted, ``is_of_kind`` whether one of its pages has any of the contract's ``match``.
    """

    at: RecordPages | None
    fields: list[Field]
    parts: tuple[PageParts, ...] = ()
    problems: tuple[str, ...] = ()
    is_of_kind: bool = True


def merged_records(
    merger: Merger, kind: KindMatch, document: str, pages: Iterable[PageAnswers], corrections: Iterable[Correction] = (),
) -> Iterator[MergedRecord]:
    """The records of one document.

    Args:
        merger: of the contract.
        kind: tells documents of other kinds.
        document: its id.
        pages: its pages in order; each is weighed and let go.
        corrections: what people said about it. One that begins at the page on which its record began counts: without a page, the first.
    """
    said: dict[int, list[Correction]] = {}
    for correction in corrections:
        said.setdefault(correction.first_page, []).append(correction)
    for number, group in merger.starts.records(pages, attrgetter("layout")):
        seen = _Seen(merger.starts, kind)
        first = next(group, None)
        of_record = said.get(first.page.number if first and number else 1, ())
        fields = merger.merge(document, seen.noting(chain([first] if first else [], group)), of_record)
        problems = list(_problems(merger, seen.starts))
        if problems or not seen.is_of_kind:
            fields = refused(fields, problems[0] if seen.is_of_kind else NOT_THIS_KIND)
        if not seen.is_of_kind:
            problems.append(f"{Reason.NOT_THIS_KIND}: no page has any of the contract's `match`")
        at = RecordPages(number, seen.starts[0][0], seen.starts[-1][0]) if number else None
        if at:
            fields = [one._replace(record=number) for one in fields]
        yield MergedRecord(at, fields, tuple(seen.parts), tuple(problems), seen.is_of_kind)


class _Seen:
    """What is kept of a record's pages, which are let go: what fields could take, how many records begin on each, and the kind."""

    def __init__(self, starts: RecordStarts, kind: KindMatch) -> None:
        self._starts, self._kind = starts, kind
        self.parts: list[PageParts] = []
        self.starts: list[tuple[int, int]] = []
        self.is_of_kind = False

    def noting(self, pages: Iterable[PageAnswers]) -> Iterator[PageAnswers]:
        for page in pages:
            self.parts.append(parts_of(page.layout))
            self.starts.append((page.page.number, self._starts.on(page.layout)))
            self.is_of_kind = self._kind.is_on(page.page) or self.is_of_kind
            yield page


def _problems(merger: Merger, starts: Sequence[tuple[int, int]]) -> Iterator[str]:
    """What is doubtful about the bounds of a record.

    Args:
        starts: its pages, each with the number of records that begin on it.
    """
    if not isinstance(merger.contract.record_per, Starts):
        return
    first, last = starts[0][0], starts[-1][0]
    if not any(count for _, count in starts):
        pages = f"page {first} has" if first == last else f"pages {first} to {last} have"
        yield f"{pages} no line that the contract's `starts` finds: this may be no record, or the rest of one"
    for page, count in starts:
        if count > 1:
            yield f"page {page} has {count} lines that the contract's `starts` finds, and a record begins with a page: it may be several"
