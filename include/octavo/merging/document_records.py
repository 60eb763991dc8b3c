"""A document's records, merged one after the other; each is merged as if it were a document of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

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
        problems = list(_problems(merger, seen.pages))
        if problems or not seen.is_of_kind:
            fields = refused(fields, problems[0] if seen.is_of_kind else NOT_THIS_KIND)
        if not seen.is_of_kind:
            problems.append(f"{Reason.NOT_THIS_KIND}: no page has any of the contract's `match`")
        at = RecordPages(number, seen.pages[0].number, seen.pages[-1].number) if number else None
        if at:
            fields = [one._replace(record=number) for one in fields]
        yield MergedRecord(at, fields, tuple(seen.parts), tuple(problems), seen.is_of_kind)


class _SeenPage(NamedTuple):
    """What is kept of a page: how many records begin on it, whether it has words, and whether it could not be read."""

    number: int
    starts: int
    has_words: bool
    is_lost: bool


class _Seen:
    """What is kept of a record's pages, which are let go: what fields could take, how they tell of its bounds, and the kind."""

    def __init__(self, starts: RecordStarts, kind: KindMatch) -> None:
        self._starts, self._kind = starts, kind
        self.parts: list[PageParts] = []
        self.pages: list[_SeenPage] = []
        self.is_of_kind = False

    def noting(self, pages: Iterable[PageAnswers]) -> Iterator[PageAnswers]:
        for page in pages:
            self.parts.append(parts_of(page.layout))
            self.pages.append(_SeenPage(page.page.number, self._starts.on(page.layout), bool(page.page.words), not page.page.width))
            self.is_of_kind = self._kind.is_on(page.page) or self.is_of_kind
            yield page


def _problems(merger: Merger, pages: Sequence[_SeenPage]) -> Iterator[str]:
    """What is doubtful about the bounds of a record, of a contract that says where records start."""
    contract = merger.contract
    if not isinstance(contract.record_per, Starts):
        return
    first, last = pages[0].number, pages[-1].number
    if not any(page.starts for page in pages):
        said = f"page {first} has" if first == last else f"pages {first} to {last} have"
        yield f"{said} no line that the contract's `starts` finds: this may be no record, or the rest of one"
    for at, page in enumerate(pages):
        if page.starts > 1:
            yield f"page {page.number} has starts of {page.starts} records, and a record begins with a page: it may be several"
        if page.is_lost and contract.wants_page(page.number) and any(one.has_words and not one.starts for one in pages[at + 1:]):
            yield f"page {page.number} could not be read: a record may begin on it"
