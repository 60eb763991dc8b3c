"""The read stage.

Pages are read by child processes, one per core, block by block; what was read is kept in the reading store.
A page that cannot be read is a row with outcome ``quarantined`` and a reason; the others go on.
"""

from __future__ import annotations

import logging
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from contextlib import ExitStack
from itertools import groupby
from typing import Any

import pyarrow as pa

from octavo.model.contracts import Contract
from octavo.model.entities import Outcome, Report
from octavo.model.settings import Settings
from octavo.reading import engine
from octavo.reading.pool import BATCH_PAGES, LocalDocument, ReaderPool, batches
from octavo.reading.rows import not_wanted
from octavo.reading.store import ReadingStore
from octavo.storage import fs, schemas
from octavo.storage.workspace import Span, Workspace

log = logging.getLogger(__name__)


def run(workspace: Workspace, shard: str, settings: Settings, progress: Callable[[int], None] | None = None) -> Report:
    """Read the pages of one shard into the workspace.

    Args:
        workspace: ingest must have run; the rows are written to ``workspace.shard("read", shard)``.
        shard: a page shard of the plan.
        settings: number of processes, OCR profile, languages, limits, place of the reading store.
        progress: called with the number of pages that are done so far.

    Returns:
        counts ``pages``, ``reads`` (pages that were read now), ``read_hits`` (pages from the store), ``words``
        and ``quarantined_pages``.

    Raises:
        ToolMissing: Tesseract or one of its languages is not installed.
        SettingsError: the OCR profile does not read one of the languages.
    """
    started = time.monotonic()
    found = engine.find(settings.ocr_profile, settings.languages)
    store = ReadingStore(settings.reading_store, engine.key(found, settings), engine.limits_key(settings))
    contract = workspace.contract()
    pieces = [piece for span in workspace.spans(shard) for block in span.blocks() for piece in _pieces(block, contract)]
    blocks = [piece for piece, wanted in pieces if wanted]
    tables = {block: table for block in blocks if (table := store.get(block)) is not None}
    hits = sum(block.pages for block in tables)
    tables = {block: _as_hit(table) for block, table in tables.items()}
    missing = [block for block in blocks if block not in tables]
    if progress is not None:
        progress(hits)
    if missing:
        tables |= _read(workspace, missing, settings, store, lambda pages: progress(hits + pages) if progress is not None else None)
    written = [tables[piece] if wanted else _not_wanted(piece) for piece, wanted in pieces]
    fs.write_table(workspace.shard("read", shard), written, schemas.READINGS)
    counts = {
        "pages": sum(piece.pages for piece, _ in pieces), "reads": sum(block.pages for block in blocks) - hits, "read_hits": hits,
        "words": sum(len(words) for table in tables.values() for words in table["words"]),
        "quarantined_pages": sum(outcome == Outcome.QUARANTINED for table in tables.values() for outcome in table["outcome"].to_pylist()),
    }
    return Report("read", counts, time.monotonic() - started)


def _pieces(block: Span, contract: Contract) -> Iterator[tuple[Span, bool]]:
    """The block cut where the contract's ``pages`` begin and end, each piece with whether it is read."""
    for wanted, numbers in groupby(range(block.first, block.last + 1), key=contract.wants_page):
        first, *rest = numbers
        yield Span(block.document, first, rest[-1] if rest else first), wanted


def _not_wanted(piece: Span) -> pa.Table:
    rows = [not_wanted(piece.document, number) for number in range(piece.first, piece.last + 1)]
    return pa.Table.from_pylist(rows, schema=schemas.READINGS)


def _as_hit(rows: pa.Table) -> pa.Table:
    """The rows as a run reports them that did not have to read them."""
    rows = rows.set_column(rows.schema.get_field_index("cached"), "cached", pa.array([True] * rows.num_rows))
    return rows.set_column(rows.schema.get_field_index("seconds"), "seconds", pa.array([0.0] * rows.num_rows))


def _read(
    workspace: Workspace, blocks: list[Span], settings: Settings, store: ReadingStore, progress: Callable[[int], None],
) -> dict[Span, pa.Table]:
    """The rows of ``blocks``, each kept in the store as soon as its last page is read."""
    documents = workspace.documents_of({block.document for block in blocks}, ["uri", "media_type"])
    flaws = workspace.flaws()
    tables: dict[Span, pa.Table] = {}
    sources: dict[str, LocalDocument] = {}
    with ExitStack() as stack:
        processes = min(settings.processes, sum(block.pages for block in blocks))
        pool = stack.enter_context(ReaderPool(settings, processes))
        block_of: dict[tuple[str, int], Span] = {}
        for block in blocks:
            if block.document not in sources:
                row = documents[block.document]
                sources[block.document] = LocalDocument(
                    block.document, workspace.place(row), row["media_type"], flaws.get(block.document),
                )
                stack.callback(sources[block.document].close)
            block_of |= {(block.document, number): block for number in range(block.first, block.last + 1)}
        rows: dict[Span, list[dict[str, Any]]] = {block: [] for block in blocks}
        pages = [(sources[document], number) for document, number in block_of]
        done = 0
        for future in as_completed([pool.read(batch) for batch in batches(pages, processes, BATCH_PAGES[settings.ocr_profile])]):
            for row in future.result():
                block = block_of[row["document"], row["page"]]
                rows[block].append(row)
                done += 1
                if len(rows[block]) == block.pages:
                    source = sources[block.document]
                    finished = rows.pop(block)
                    tables[block] = _finish(source, finished)
                    store.put(block, tables[block], {row["page"]: b64decode(row["preview"]) for row in finished if row.get("preview")})
                    if not any(other.document == block.document for other in rows):
                        source.close()
            progress(done)
    return tables


def _finish(source: LocalDocument, rows: list[dict[str, Any]]) -> pa.Table:
    """The rows of one block in page order; all quarantined if the document is not any more what ingest saw."""
    rows.sort(key=lambda row: int(row["page"]))
    if not source.unchanged():
        rows = [source.quarantined_as_changed(row["page"]) for row in rows]
    return pa.Table.from_pylist(rows, schema=schemas.READINGS)
