"""One document as people look at it: a page with layers of boxes, and the fields with their evidence."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from octavo.model.entities import OcrReason, Outcome, Word, name_of
from octavo.model.settings import Settings
from octavo.page.tables import Table, tables_of
from octavo.reading.store import published
from octavo.storage.corrections import CorrectionStore
from octavo.storage.schemas import WHOLE_DOCUMENT, chunk_from_row
from octavo.views.sources import DocumentDay, Row, by_verdict

# Confidence from which on a word is drawn as sure, likely or doubtful; below, as a guess.
LEVELS = ((0.95, "sure"), (0.8, "likely"), (0.5, "doubtful"))
GUESS = "guess"
_ROW = re.compile(r"(.*\[\d+\])\.?(.*)")


@dataclass(frozen=True, slots=True)
class Rect:
    """A box as SVG has it: pixels of the page, origin top left."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word; ``level`` says how sure its reader was."""

    rect: Rect
    text: str
    confidence: float
    level: str


@dataclass(frozen=True, slots=True)
class ChunkMark:
    """A chunk; ``number`` counts from 1 in reading order, and ``table`` says whether words of a table are in it."""

    rect: Rect
    number: int
    text: str
    table: bool = False


@dataclass(frozen=True, slots=True)
class RulingMark:
    """A ruling as SVG has a line; ``width`` is its thickness."""

    x1: int
    y1: int
    x2: int
    y2: int
    width: int


@dataclass(frozen=True, slots=True)
class CellMark:
    """A cell of a table; ``head`` for one of its header."""

    rect: Rect
    text: str
    head: bool


@dataclass(frozen=True, slots=True)
class TableMark:
    """A table of the page: its cells with text. ``number`` counts from 1, top to bottom."""

    rect: Rect
    number: int
    rows: int
    columns: int
    cells: tuple[CellMark, ...]


@dataclass(frozen=True, slots=True)
class CheckMark:
    """A check box; ``state`` says what is in it."""

    rect: Rect
    state: str


@dataclass(frozen=True, slots=True)
class EvidenceRect:
    """Where the document says a field's value."""

    page: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field. ``number`` names it within the page, ``group`` is the list's row that it is of (``line_items[0]``), ``name`` the rest.

    ``key`` names it within the document: its path, with its record where that has several. ``confidence`` is None for generated values and
    in days of earlier versions.
    """

    number: int
    record: int | None
    key: str
    path: str
    group: str
    name: str
    value: str | None
    verdict: str
    confidence: Decimal | None
    support: str
    reason: str
    extractor: str | None
    page: int | None
    matched: bool
    evidence: tuple[EvidenceRect, ...]
    losers: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PageView:
    """A page. ``words_kept`` is False where its words are not in the reading store any more; then it has no picture either."""

    number: int
    width: int
    height: int
    outcome: str
    reason: str | None
    source: str
    words_kept: bool
    words: tuple[WordMark, ...]
    chunks: tuple[ChunkMark, ...]
    answers: tuple[Row, ...]
    picture: bytes | None = field(repr=False, default=None)
    notes: tuple[str, ...] = ()
    rulings: tuple[RulingMark, ...] = ()
    checks: tuple[CheckMark, ...] = ()
    tables: tuple[TableMark, ...] = ()

    @property
    def readable(self) -> bool:
        return self.outcome != Outcome.QUARANTINED and self.width > 0 and self.height > 0


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record of a document that may have several. ``row`` is the one in the contract's table, empty where it is held back, and
    ``problems`` say what is doubtful about it as a whole."""

    number: int
    first_page: int
    last_page: int
    row: Row
    problems: tuple[str, ...]

    @property
    def title(self) -> str:
        pages = f"page {self.first_page}" if self.first_page == self.last_page else f"pages {self.first_page} to {self.last_page}"
        return f"record {self.number}, {pages}"


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document of one day. ``run`` is set where it is not published: as that run staged it.

    ``record`` is its row in the contract's table. Where a document may have several, they are ``records``, and it is empty.
    """

    document: str
    name: str
    uri: str
    copies: tuple[str, ...]
    media_type: str
    contract: str
    day: dt.date
    run: str | None
    status: str
    reason: str | None
    pages: int
    fields: tuple[FieldView, ...]
    record: Row
    corrections: tuple[Row, ...]
    waiting: Row  # by field key, what people said since: the next run of the day takes it
    claimable: int | None = None
    unclaimed: tuple[Row, ...] = ()
    records: tuple[RecordView, ...] = ()

    @property
    def verdicts(self) -> dict[str, int]:
        """How many fields have each verdict."""
        return by_verdict(Counter(one.verdict for one in self.fields))

    def record_of(self, page: int) -> RecordView | None:
        """The record that a page belongs to; None where the document is one."""
        return next((one for one in self.records if one.first_page <= page <= one.last_page), None)

    def rows(self) -> list[tuple[str, Row]]:
        """The rows of the contract's table, each with its title."""
        return [(one.title.capitalize(), one.row) for one in self.records if one.row] or ([("Record", self.record)] if self.record else [])

    def groups(self, matched: bool, record: RecordView | None) -> Iterator[tuple[str, list[FieldView]]]:
        """The fields of a record that the contract has (or has not), row by row: those of no list first."""
        wanted = [one for one in self.fields if one.matched is matched and one.record == (record and record.number)]
        for group, fields in itertools.groupby(sorted(wanted, key=lambda one: (one.group != "", one.number)), key=lambda one: one.group):
            yield group, list(fields)

    def first_page(self, key: str | None) -> int:
        """The page that shows a field, else the first."""
        for one in self.fields:
            if one.key == key:
                return one.evidence[0].page if one.evidence else one.page or 1
        return 1


def load(place: DocumentDay, document: str) -> DocumentView:
    """What a day says of a document that it lists."""
    row = place.rows("documents", document)[0]
    found = place.rows(place.partition.contract, document)
    records = tuple(_records(place, document, found))
    record = {name: value for name, value in found[0].items() if name not in ("document", "uri")} if found else {}
    order = {name: number for number, name in enumerate(record)}  # the record has the contract's order
    fields = sorted(place.rows("fields", document), key=lambda one: (
        one.get("record") or 0, order.get(_top(one["field"]), len(order)), _natural(one["field"])))
    merged = tuple({"record": None, **row} for row in place.rows("corrections", document))  # an earlier version has no numbers
    return DocumentView(
        document=document, name=str(row["uri"]).rstrip("/").rsplit("/", 1)[-1], uri=row["uri"], copies=tuple(row["copies"] or ()),
        media_type=row["media_type"], contract=place.partition.contract, day=place.partition.day, run=place.run, status=row["status"],
        reason=row["reason"], pages=row["pages"] or 0, fields=tuple(_field(number, one) for number, one in enumerate(fields)),
        record={} if records else record, corrections=merged, waiting=_waiting(place, document, merged, records),
        claimable=row.get("claimable"), unclaimed=tuple(row.get("unclaimed_parts") or ()), records=records,
    )


def _records(place: DocumentDay, document: str, rows: Sequence[Row]) -> Iterator[RecordView]:
    """The records of a document that may have several, by the pages that belong to them; ``rows`` are those of the contract's table."""
    frames = [frame for frame in place.rows("pages", document) if frame.get("record") is not None]
    by_number = {row.get("record"): row for row in rows} if frames else {}
    doubts = [row for row in place.rows("review", document) if row["field"] == WHOLE_DOCUMENT] if frames else []
    for number, group in itertools.groupby(frames, key=lambda frame: int(frame["record"])):
        pages = [frame["page"] for frame in group]
        row = {name: value for name, value in by_number.get(number, {}).items() if name not in ("document", "uri", "record")}
        yield RecordView(number, pages[0], pages[-1], row, tuple(one["reason"] for one in doubts if one["record"] == number))


def _waiting(place: DocumentDay, document: str, merged: Sequence[Row], records: Sequence[RecordView]) -> Row:
    """What people said about fields that the tables do not have yet, by field key."""
    known = {(row["field"], row["said"]) for row in merged}
    kept = CorrectionStore(place.settings.correction_store).of(place.partition.contract, [document]).get(document, [])
    numbers: dict[int, int | None] = {one.first_page: one.number for one in records} or {1: None}
    waiting = [(numbers[one.first_page], one) for one in kept if one.first_page in numbers and (one.field, one.said) not in known]
    return {name_of(number, one.field): one.row(number) for number, one in waiting}


def load_page(place: DocumentDay, document: str, number: int, settings: Settings) -> PageView | None:
    """One page with its words, chunks and answers; None if the document has no such page."""
    frame = next((row for row in place.rows("pages", document) if row["page"] == number), None)
    if frame is None:
        return None
    chunks = [row for row in place.rows("chunks", document) if row["page"] == number]
    answers = [row for row in place.rows("answers", document) if row["page"] == number]
    kept = published(settings.reading_store, document, frame, chunks) if frame["outcome"] != Outcome.QUARANTINED else None
    words = kept[0].words if kept else ()
    tables = tables_of(kept[0]) if kept else ()
    in_table = frozenset().union(*(table.words for table in tables))
    return PageView(
        number, frame["width"], frame["height"], frame["outcome"], frame["reason"], frame["text_source"], kept is not None,
        tuple(WordMark(_rect(*word.box), word.text, word.confidence, level(word.confidence)) for word in words),
        tuple(
            ChunkMark(_rect(*chunk.box), row["chunk"] + 1, row["text"], not in_table.isdisjoint(chunk.words))
            for row, chunk in ((row, chunk_from_row(row)) for row in chunks)
        ),
        tuple(answers), kept[1] if kept else None, tuple(notes_of(frame)),
        tuple(RulingMark(*ruling) for ruling in (kept[0].rulings if kept else ())),
        tuple(CheckMark(_rect(*box), "ticked" if ticked else "empty") for box, ticked in (kept[0].checks if kept else ())),
        tuple(_table(number, table, words) for number, table in enumerate(tables, 1)),
    )


def _table(number: int, table: Table, words: Sequence[Word]) -> TableMark:
    texts = {cell: " ".join(words[word].text for word in cell.words) for cell in table.cells}
    cells = tuple(CellMark(_rect(*cell.box), text, cell.rows[0] < table.header_rows) for cell, text in texts.items())
    return TableMark(_rect(*table.box), number, len(table.ys) - 1, len(table.xs) - 1, cells)


OCR_REASONS = {
    OcrReason.NO_TEXT: "the PDF has no text here",
    OcrReason.HIDDEN_TEXT: "no viewer shows the PDF's own text",
    OcrReason.GARBLED: "the characters of the PDF's own text mean nothing",
    OcrReason.OFF_INK: "the PDF's own text does not lie on what the page shows",
    OcrReason.SCAN: "the PDF's own text is a few words on a scan",
}


def notes_of(frame: Row) -> Iterator[str]:
    """What a reader of the page should know of its words, in words; pages of earlier versions tell less."""
    if reason := frame.get("ocr_reason"):
        yield f"recognised, because {OCR_REASONS[reason]}"
    if hidden := frame.get("hidden_words"):
        words, them = ("word", "it") if hidden == 1 else ("words", "them")
        yield f"{hidden} {words} of the PDF's text left out, because no viewer shows {them}"
    if aside := frame.get("aside_words"):
        yield f"{aside} {'word' if aside == 1 else 'words'} at an angle to the lines left out"


def picture(place: DocumentDay, document: str, number: int, settings: Settings) -> bytes | None:
    """The JPEG that reading kept of a page, if it did."""
    found = load_page(place, document, number, settings)
    return found.picture if found else None


def level(confidence: float) -> str:
    """In words how sure the reader was of a word."""
    return next((name for least, name in LEVELS if confidence >= least), GUESS)


def _field(number: int, row: Row) -> FieldView:
    inside = _ROW.fullmatch(row["field"])
    group, name = (inside[1], inside[2] or inside[1]) if inside else ("", row["field"])
    return FieldView(
        number, row.get("record"), name_of(row.get("record"), row["field"]), row["field"], group, name, row["value"], row["verdict"],
        row.get("confidence"), row["support"],
        row["reason"] or "", row["extractor"],
        row["page"], row["matched"], tuple(_evidence(row["evidence"] or ())), tuple(row["losers"] or ()),
    )


def _evidence(boxes: Sequence[dict[str, Any]]) -> Iterator[EvidenceRect]:
    for box in boxes:
        yield EvidenceRect(box["page"], _rect(box["x0"], box["y0"], box["x1"], box["y1"]))


def _rect(x0: int, y0: int, x1: int, y1: int) -> Rect:
    return Rect(x0, y0, max(1, x1 - x0), max(1, y1 - y0))


def _top(path: str) -> str:
    """The contract's own field that a path lies in."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts row 10 after row 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path) if part]
