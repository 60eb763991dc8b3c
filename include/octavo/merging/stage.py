"""The merge stage: answers and words of a document shard in, fields and records out, document by document."""

from __future__ import annotations

import gc
import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from octavo.merging.document_records import MergedRecord, merged_records
from octavo.merging.documents import Merger, PageAnswers
from octavo.merging.kinds import KindMatch
from octavo.merging.records import fields_table, record, verdicts
from octavo.merging.unclaimed import unclaimed
from octavo.model.contracts import Contract
from octavo.model.deadline import TimedOut, within
from octavo.model.entities import Answer, Box, Chunk, Field, Page, RecordPages, Report
from octavo.model.errors import WorkspaceError
from octavo.model.settings import Limits
from octavo.storage import fs, schemas
from octavo.storage.corrections import CorrectionStore
from octavo.storage.workspace import Workspace

# Numbers stay as they are written: 12.50 is not 12.5.
_JSON = json.JSONDecoder(parse_float=str, parse_int=str)
# Pages whose words are held at a time.
PAGES_AT_ONCE = 8
# Rows gathered before they go to the writer.
ROWS_AT_ONCE = 4096
# Objects made between two collections of garbage. Measured: bench/merging.py, 15 to 20% faster, 1 MB more memory.
COLLECT_AFTER = 50_000
logger = logging.getLogger(__name__)

_PLACE = ["document", "page", "chunk", "x0", "y0", "x1", "y1"]
_CHUNKS = pa.schema([schemas.CHUNKS.field(name) for name in (*_PLACE, "strategy", "word_ids")])
_ANSWERS = pa.schema([schemas.ANSWERS.field(name) for name in (*_PLACE, "extractor", "hinted", "parsed", "word_ids")])


def run(
    workspace: Workspace, shard: str, contract: Contract, extractors: Sequence[str], corrections: CorrectionStore | None = None,
    limits: Limits | None = None,
) -> Report:
    """Merge what ``extractors``, and people, said of the documents of one document shard.

    Reads ``read``, ``chunk`` and ``extract_<extractor>`` of the page shards that hold the documents'
    pages and writes ``fields``, ``records``, ``unclaimed`` and ``corrections`` (those that it saw) of the shard. The same
    answers and corrections give the same bytes, in whatever order they lie and however documents are cut into shards.

    Args:
        corrections: where people's corrections are kept; None: there are none.
        limits: a document that takes longer than ``document_seconds`` has no fields.

    Returns:
        Counts: documents, records, fields, corrections, and one per verdict.

    Raises:
        WorkspaceError: an earlier stage's file is missing, the answers of a named extractor included.
    """
    started = time.monotonic()
    merger = Merger(contract)
    pages_of = workspace.shards_of(shard)
    documents = list(pages_of)
    places = workspace.documents_of(documents, ["uri", "pages"])
    contract_hash = contract.hash
    said = corrections.of(contract.name, documents) if corrections else {}
    counts = {"documents": 0, "records": 0, "fields": 0, "corrections": sum(map(len, said.values())), **verdicts(())}
    records: list[dict[str, Any]] = []
    left: list[dict[str, Any]] = []
    heard: list[dict[str, Any]] = []
    source = _Pages(workspace, extractors)

    seconds, late = (limits or Limits()).document_seconds, set[str]()
    kind, strangers = KindMatch(contract.match), set[str]()

    def merged(document: str) -> list[MergedRecord]:
        """The document's records; one without fields where it takes too long."""
        nonlocal merger
        try:
            with within(seconds):
                made = list(merged_records(merger, kind, document, source.of(document, pages_of[document]), said.get(document, ())))
                free = [
                    {"document": document, **(one.at._asdict() if one.at else {}), "problems": one.problems,
                     **unclaimed(one.parts, one.fields)} for one in made
                ]
        except TimedOut:
            late.add(document)
            logger.warning("%s: no fields after %g s; raise limits.document_seconds", document, seconds)
            merger = Merger(contract)
            source.open_anew()
            return [MergedRecord(RecordPages(1, 1, places[document]["pages"]) if contract.many_records else None, [])]
        left.extend(free)
        if not any(one.is_of_kind for one in made):
            strangers.add(document)
        return made

    def rows() -> Iterator[pa.Table]:
        waiting: list[Field] = []
        for document in documents:
            made = merged(document)
            counts["documents"] += 1
            numbers = {one.at.first_page: one.at.record for one in made if one.at}
            heard.extend(one.row(numbers.get(one.first_page)) for one in said.get(document, ()))
            for one in made:
                records.append(record(contract, document, places[document]["uri"], contract_hash, one.fields, one.at))
                _count(counts, one.fields)
                for field in one.fields:
                    waiting.append(field)
                    if len(waiting) == ROWS_AT_ONCE:
                        yield fields_table(waiting, contract_hash)
                        waiting = []
        yield fields_table(waiting, contract_hash)

    with rare_collections():
        fs.write_table(workspace.shard("fields", shard), rows(), schemas.FIELDS)
    fs.write_rows(workspace.shard("records", shard), records, schemas.record_schema(contract))
    fs.write_rows(workspace.shard("unclaimed", shard), left, schemas.UNCLAIMED)
    workspace.keep_timeouts("merge", shard, late)
    workspace.keep_strangers(shard, strangers)
    fs.write_rows(workspace.shard("corrections", shard), heard, schemas.CORRECTIONS)
    return Report("merge", counts, time.monotonic() - started)


def _count(counts: dict[str, int], fields: Sequence[Field]) -> None:
    counts["records"] += 1
    counts["fields"] += len(fields)
    for verdict, number in verdicts(fields).items():
        counts[verdict] += number


class _Pages:
    """Pages of documents with their chunks and answers. Only one page shard's answers are held, as Arrow."""

    def __init__(self, workspace: Workspace, extractors: Sequence[str]) -> None:
        self._workspace = workspace
        self._stages = [f"extract_{name}" for name in dict.fromkeys(extractors)]
        self._shard = ""
        self._chunks: dict[str, list[pa.Table]] = {}
        self._answers: dict[str, list[pa.Table]] = {}
        self._readings: Iterator[tuple[str, Iterator[Page]]] = iter(())
        self._waiting: tuple[str, Iterator[Page]] | None = None

    def of(self, document: str, shards: Sequence[str]) -> Iterator[PageAnswers]:
        """The document's pages in order."""
        for shard in shards:
            self._open(shard)
            chunks = _chunks(self._chunks.get(document, ()))
            answers = _answers(self._answers.get(document, ()))
            for page in self._read(document):
                yield PageAnswers(page, chunks.get(page.number, ()), answers.get(page.number, ()))

    def open_anew(self) -> None:
        """Forget what is open: reading was interrupted."""
        self._shard = ""

    def _open(self, shard: str) -> None:
        if shard == self._shard:
            return
        self._shard = shard
        self._chunks = self._by_document(["chunk"], _CHUNKS)
        self._answers = self._by_document(self._stages, _ANSWERS)
        path = self._workspace.shard("read", shard)
        if not path.exists():
            raise WorkspaceError(f"{path} is missing: the read stage of run {self._workspace.run} did not finish; clear it, run it again")
        self._readings = groupby(_pages_of(path), key=attrgetter("document"))
        self._waiting = None

    def _by_document(self, stages: Iterable[str], schema: pa.Schema) -> dict[str, list[pa.Table]]:
        """What stages wrote of the open shard, by document."""
        found: dict[str, list[pa.Table]] = {}
        for stage in stages:
            rows = self._workspace.read(self._workspace.shard(stage, self._shard), schema.names)
            for document, table in _cut(schemas.completed(rows, schema)):
                found.setdefault(document, []).append(table)
        return found

    def _read(self, document: str) -> Iterator[Page]:
        """The document's pages of the open shard. Shards list documents in the order in which they are merged."""
        while True:
            if self._waiting is None:
                self._waiting = next(self._readings, None)
            if self._waiting is None:
                return
            found, pages = self._waiting
            self._waiting = None
            if found == document:
                yield from pages
                return
            logger.debug("skipped %s, which belongs to another shard", found)


def _pages_of(path: UPath) -> Iterator[Page]:
    for table in fs.iter_tables(path, schemas.PAGE_COLUMNS, PAGES_AT_ONCE):
        yield from schemas.pages_of(table)


def _cut(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The table cut by document; rows of one document need not stand together."""
    ordered = table.take(pc.sort_indices(table, [("document", "ascending"), ("page", "ascending"), ("chunk", "ascending")]))
    start = 0
    for document, group in groupby(ordered["document"].to_pylist()):
        length = len(list(group))
        yield document, ordered.slice(start, length)
        start += length


def _tuples(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows as tuples: no names are looked up for every one of them."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _chunks(tables: Iterable[pa.Table]) -> dict[int, list[Chunk]]:
    """A document's chunks by page."""
    found: dict[int, list[Chunk]] = {}
    for table in tables:
        for _, page, number, x0, y0, x1, y1, strategy, words in _tuples(table):
            found.setdefault(page, []).append(Chunk(number, Box(x0, y0, x1, y1), tuple(words), strategy))
    return found


def _answers(tables: Iterable[pa.Table]) -> dict[int, list[Answer]]:
    """A document's answers by page; numbers in their JSON stay as they are written."""
    found: dict[int, list[Answer]] = {}
    for table in tables:
        for _, page, chunk, x0, y0, x1, y1, extractor, hinted, text, ids in _tuples(table):
            parsed = _JSON.decode(text) if text else {}
            found.setdefault(page, []).append(Answer(
                page, chunk, Box(x0, y0, x1, y1), extractor, bool(hinted), parsed if isinstance(parsed, dict) else {},
                json.loads(ids) if ids else None,
            ))
    return found


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely: scored candidates form no cycles, and looking through all of them takes a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
