"""Arrow schemas of every table, in the workspace and in the lake, and the way between them and ``model``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from octavo.model.contracts import PLAIN, Contract, FieldSpec, Kind
from octavo.model.entities import Box, CheckBox, Chunk, Page, Ruling, Source, Word

BOX = [("x0", pa.int32()), ("y0", pa.int32()), ("x1", pa.int32()), ("y1", pa.int32())]
WORD = pa.struct([("text", pa.string()), *BOX, ("confidence", pa.float64()), ("source", pa.string())])
RULING = pa.struct([*BOX, ("width", pa.int32())])  # end points and thickness
CHECK = pa.struct([*BOX, ("ticked", pa.bool_())])
EVIDENCE = pa.struct([("page", pa.int32()), *BOX])
LOSER = pa.struct([("value", pa.string()), ("page", pa.int32()), ("extractor", pa.string()), ("reason", pa.string())])

# What no field took, of a document: a table, one of its columns, or a labelled value.
PART = pa.struct([("kind", pa.string()), ("text", pa.string()), ("page", pa.int32()), *BOX])
# Rows of a table that a list left out.
DROPPED = pa.struct([("field", pa.string()), ("rows", pa.int32()), ("page", pa.int32()), *BOX])
# Of a contract that makes several records of a document: the number of one, and its pages.
RECORD = [("record", pa.int32()), ("first_page", pa.int32()), ("last_page", pa.int32())]
# What the merge stage writes of each record beside its fields.
UNCLAIMED = pa.schema([
    ("document", pa.string()),
    *RECORD,                             # null where the document is one record
    ("problems", pa.list_(pa.string())),  # why none of the record's values is accepted
    ("claimable", pa.int32()),
    ("parts", pa.list_(PART)),
    ("dropped", pa.list_(DROPPED)),
])

# No table repeats `contract` and `day`: readers of partitioned folders take both from the path.
DOCUMENTS = pa.schema([
    ("document", pa.string()),          # sha256 of the bytes
    ("uri", pa.string()),               # the first of its places, in sorted order
    ("copies", pa.list_(pa.string())),  # further places of the same bytes
    ("media_type", pa.string()),
    ("bytes", pa.int64()),
    ("pages", pa.int32()),
    ("status", pa.string()),            # an Outcome
    ("reason", pa.string()),            # a Reason, null for ok
    ("claimable", pa.int32()),          # it and the next two are null where an earlier version merged the document
    ("unclaimed", pa.int32()),          # of them those that no field took
    ("unclaimed_parts", pa.list_(PART)),
])

_PAGE = [
    ("document", pa.string()),
    ("page", pa.int32()),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("dpi", pa.int32()),
    ("rotation", pa.int32()),
    ("transform", pa.list_(pa.float64())),
    ("skew", pa.float64()),             # degrees at which lines fall to the right
    ("text_source", pa.string()),       # text_layer, ocr, mixed or none
    ("hidden_words", pa.int32()),       # of a PDF's text that no viewer shows; they are no words
    ("aside_words", pa.int32()),        # at an angle to the page's lines, as watermarks are; they are no words
    ("ocr_reason", pa.string()),        # an OcrReason: why a PDF's page was recognised
]
# What the read stage writes and the reading store keeps: a page with its words.
READINGS = pa.schema([
    *_PAGE,
    ("words", pa.list_(WORD)),
    ("outcome", pa.string()),
    ("reason", pa.string()),
    ("detail", pa.string()),
    ("seconds", pa.float64()),
    ("cached", pa.bool_()),
    ("rulings", pa.list_(RULING)),      # it and the next are null in readings of earlier versions
    ("checks", pa.list_(CHECK)),
])
PAGES = pa.schema([
    *_PAGE,
    ("words", pa.int32()),
    ("mean_confidence", pa.float64()),
    ("rulings", pa.int32()),            # it and the next are null where an earlier version read the page
    ("checks", pa.int32()),
    ("unclaimed", pa.int32()),          # tables, columns and labelled values that no field took; null likewise
    ("record", pa.int32()),             # to which it belongs; null where the document is one record
    ("outcome", pa.string()),
    ("reason", pa.string()),
])

CHUNKS = pa.schema([
    ("document", pa.string()),
    ("page", pa.int32()),
    ("chunk", pa.int32()),
    *BOX,
    ("strategy", pa.string()),
    ("words", pa.int32()),
    ("word_ids", pa.list_(pa.int32())),  # indices into the page's words
    ("text", pa.string()),
])

# One way of asking a model about a chunk, and how it ended.
TRY = pa.struct([("rung", pa.string()), ("finish", pa.string()), ("parse_status", pa.string()), ("detail", pa.string())])

ANSWERS = pa.schema([
    ("document", pa.string()),
    ("page", pa.int32()),
    ("chunk", pa.int32()),
    *BOX,
    ("extractor", pa.string()),
    ("hinted", pa.bool_()),
    ("raw", pa.string()),
    ("parsed", pa.string()),             # JSON
    ("word_ids", pa.string()),           # JSON of the same shape with lists of word indices for texts; null for a model's answers
    ("parse_status", pa.string()),
    ("attempts", pa.int32()),
    ("model", pa.string()),
    ("revision", pa.string()),
    ("prompt_hash", pa.string()),
    ("prompt_tokens", pa.int64()),
    ("completion_tokens", pa.int64()),
    ("seconds", pa.float64()),
    ("cost", pa.float64()),
    ("cached", pa.bool_()),
    ("finish", pa.string()),             # stop, length, loop, error or blank; null without a model
    ("detail", pa.string()),             # what is wrong with the answer, in words
    ("history", pa.list_(TRY)),          # every attempt, in order
])

FIELDS = pa.schema([
    ("document", pa.string()),
    ("record", pa.int32()),              # null where the document is one record
    ("field", pa.string()),              # total, line_items[0].amount
    ("matched", pa.bool_()),             # whether a field of the contract claims it
    ("value", pa.string()),
    ("number", pa.decimal128(24, 6)),
    ("date", pa.date32()),
    ("support", pa.string()),
    ("verdict", pa.string()),
    ("confidence", pa.decimal128(4, 3)),  # how likely the value is right; null for generated values and in days of earlier versions
    ("reason", pa.string()),
    ("page", pa.int32()),
    ("chunk", pa.int32()),
    ("evidence", pa.list_(EVIDENCE)),
    ("extractor", pa.string()),
    ("losers", pa.list_(LOSER)),
    ("contract_hash", pa.string()),      # of the contract that the row follows
])

# The field of a row of ``review`` that is about a document as a whole; no contract may have one of this name.
WHOLE_DOCUMENT = "document"

REVIEW = pa.schema([
    ("document", pa.string()),
    ("uri", pa.string()),
    ("record", pa.int32()),              # null where the document is one record
    ("field", pa.string()),
    ("value", pa.string()),
    ("verdict", pa.string()),
    ("confidence", pa.decimal128(4, 3)),
    ("reason", pa.string()),
    ("page", pa.int32()),
    ("evidence", pa.list_(EVIDENCE)),
    ("contract_hash", pa.string()),
])

CORRECTIONS = pa.schema([
    ("document", pa.string()),
    ("record", pa.int32()),              # null where the document is one record
    ("field", pa.string()),
    ("value", pa.string()),              # null: the document has no such value
    ("action", pa.string()),             # confirmed or corrected
    ("previous", pa.string()),
    ("by", pa.string()),
    ("said", pa.string()),               # ISO 8601, UTC
])

LEDGER = pa.schema([
    ("run", pa.string()),
    ("level", pa.string()),              # run, document, page or chunk
    ("document", pa.string()),
    ("uri", pa.string()),
    ("page", pa.int32()),
    ("chunk", pa.int32()),
    ("extractor", pa.string()),
    ("outcome", pa.string()),
    ("reason", pa.string()),
    ("detail", pa.string()),
    ("attempts", pa.int32()),
    ("seconds", pa.float64()),
    ("prompt_tokens", pa.int64()),
    ("completion_tokens", pa.int64()),
    ("cost", pa.float64()),
    ("cached", pa.bool_()),
    ("chunks_asked", pa.int32()),        # below it: chunks that a model was asked about in this run
    ("chunks_cached", pa.int32()),       # and whose answer was known
])

_ARROW = {
    Kind.MONEY: pa.decimal128(18, 2),
    Kind.NUMBER: pa.decimal128(24, 6),
    Kind.PERCENTAGE: pa.decimal128(9, 4),
    Kind.INTEGER: pa.int64(),
    Kind.DATE: pa.date32(),
    Kind.BOOLEAN: pa.bool_(),
}
_SOURCES = {source.value: source for source in Source}
# What a ``Page`` is made of.
PAGE_COLUMNS = ["document", "page", "width", "height", "dpi", "rotation", "transform", "skew", "words", "rulings", "checks"]
_OF_PAGES = pa.schema([READINGS.field(name) for name in PAGE_COLUMNS])
PAGES_AT_ONCE = 64
PAIR = pa.struct([("key", pa.string()), ("value", pa.string())])


def arrow_type(spec: FieldSpec) -> pa.DataType:
    """The Arrow type of a field: list<struct> for a list, or a list of plain values; struct for a group."""
    if spec.type is Kind.PAIRS:
        return pa.list_(PAIR)
    if spec.of is not None:
        return pa.list_(arrow_type(spec.fields[PLAIN]))
    if spec.type is Kind.LIST:
        return pa.list_(pa.struct([(name, arrow_type(item)) for name, item in spec.fields.items()]))
    if spec.type is Kind.GROUP:
        return pa.struct([(name, arrow_type(item)) for name, item in spec.fields.items()])
    return column_type(spec.type)


def column_type(kind: Kind) -> pa.DataType:
    """The Arrow type of a single value."""
    return _ARROW.get(kind, pa.string())


def record_schema(contract: Contract) -> pa.Schema:
    """The schema of the contract's own table: one typed row per record."""
    return pa.schema([
        ("document", pa.string()),
        *(RECORD if contract.many_records else ()),
        ("uri", pa.string()),
        ("contract_hash", pa.string()),
        *((name, arrow_type(spec)) for name, spec in contract.fields.items()),
    ])


def page_from_row(row: dict[str, Any]) -> Page:
    """A ``READINGS`` row as a ``Page``."""
    return next(pages_of(pa.Table.from_pylist([row], _OF_PAGES)))


def completed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table of an earlier version with the columns of ``schema`` that it lacks, all null."""
    for column in schema:
        if column.name not in table.column_names:
            table = table.append_column(column, pa.nulls(table.num_rows, column.type))
    return table


def pages_of(readings: pa.Table) -> Iterator[Page]:
    """The pages of ``READINGS`` rows that have ``PAGE_COLUMNS``, few at a time: the words of many are large as Python objects."""
    for start in range(0, readings.num_rows, PAGES_AT_ONCE):
        yield from _pages_of(readings.slice(start, PAGES_AT_ONCE))


def _pages_of(readings: pa.Table) -> Iterator[Page]:
    """The pages column by column: no mapping is made of every word."""
    readings = completed(readings, _OF_PAGES)
    words, rulings, checks = _words(readings["words"]), _rulings(readings["rulings"]), _checks(readings["checks"])
    counts = zip(*(pc.list_value_length(readings[name]).to_pylist() for name in ("words", "rulings", "checks")), strict=True)
    columns = [readings[name].to_pylist() for name in PAGE_COLUMNS if name not in ("words", "rulings", "checks")]
    for document, number, width, height, dpi, rotation, transform, skew, of_page in zip(*columns, counts, strict=True):
        n_words, n_rulings, n_checks = (count or 0 for count in of_page)
        yield Page(
            document, number, width, height, dpi, rotation, tuple(transform), tuple(islice(words, n_words)), skew or 0.0,
            tuple(islice(rulings, n_rulings)), tuple(islice(checks, n_checks)),
        )


def _words(lists: pa.ChunkedArray) -> Iterator[Word]:
    """The words of all rows, one after the other."""
    for chunk in lists.chunks:
        texts, x0, y0, x1, y1, confidences, sources = (column.to_pylist() for column in chunk.flatten().flatten())
        yield from map(Word, texts, map(Box, x0, y0, x1, y1), confidences, map(_SOURCES.__getitem__, sources))


def _rulings(lists: pa.ChunkedArray) -> Iterator[Ruling]:
    """The rulings of all rows, one after the other."""
    for chunk in lists.chunks:
        yield from map(Ruling, *(column.to_pylist() for column in chunk.flatten().flatten()))


def _checks(lists: pa.ChunkedArray) -> Iterator[CheckBox]:
    """The check boxes of all rows, one after the other."""
    for chunk in lists.chunks:
        *sides, ticked = (column.to_pylist() for column in chunk.flatten().flatten())
        yield from map(CheckBox, map(Box, *sides), ticked)


def chunk_to_row(page: Page, chunk: Chunk) -> dict[str, Any]:
    return {
        "document": page.document, "page": page.number, "chunk": chunk.number, **chunk.box._asdict(),
        "strategy": chunk.strategy, "words": len(chunk.words), "word_ids": list(chunk.words), "text": chunk.text(page),
    }


def chunk_from_row(row: dict[str, Any]) -> Chunk:
    return Chunk(row["chunk"], Box(row["x0"], row["y0"], row["x1"], row["y1"]), tuple(row["word_ids"]), row["strategy"])
