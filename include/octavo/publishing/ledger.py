"""The ledger: how every document, page and chunk of a run ended, and the proof that none is missing.

It is derived from what the stages left in the workspace, and written whether the day was
published or not. Rows of earlier runs of the same day stay. What answers took is added up: a page's row has the sums of its
chunks, a document's of its pages, and one row those of the run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from octavo.model.entities import Outcome, ParseStatus, Partition, Report
from octavo.model.errors import LedgerHole, Reason
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.schemas import LEDGER
from octavo.storage.workspace import Span, Workspace

Row = dict[str, Any]

# Columns of the ledger that add up. Tokens are those of the answers, whoever paid for them; seconds and cost are this run's.
SUMS = ("seconds", "prompt_tokens", "completion_tokens", "cost", "chunks_asked", "chunks_cached")
_DIGITS = {"seconds": 4, "cost": 8}


def run(workspace: Workspace, lake: Lake, extractors: Sequence[str]) -> Report:
    """Account for every document, page and chunk of the run.

    Returns:
        Rows per outcome, and ``missing``: 0.

    Raises:
        LedgerHole: something that was discovered did not come to an end; the ledger says what.
    """
    started = time.monotonic()
    tally: Counter[str] = Counter()
    target = lake.table("ledger", workspace.partition)
    with lake.lock(workspace.partition, workspace.run):
        fs.write_table(target, _with_earlier_runs(target, workspace, _rows(workspace, extractors, tally)), LEDGER)
    if tally["missing"]:
        raise LedgerHole(
            f"{tally['missing']} of {tally['rows']} documents, pages and chunks of run {workspace.run} did not come to an end; "
            f"they are in {target} with reason {Reason.NOT_PROCESSED}. Clear the failed tasks and run them again."
        )
    return Report("ledger", dict(tally), time.monotonic() - started)


def _with_earlier_runs(target: Any, workspace: Workspace, rows: Iterator[pa.Table]) -> Iterator[pa.Table]:
    if target.exists():
        for earlier in fs.iter_tables(target):
            for field in LEDGER:
                if field.name not in earlier.column_names:  # written by an earlier version
                    earlier = earlier.append_column(field, pa.nulls(earlier.num_rows, field.type))
            yield earlier.filter(pc.not_equal(earlier["run"], workspace.run))
    yield from rows


def _rows(workspace: Workspace, extractors: Sequence[str], tally: Counter[str]) -> Iterator[pa.Table]:
    """The run's rows: its pages with their chunks, each document after its last page, and the run.

    Documents, shards and records lie in the same order, so no more is held than a shard and the document that goes on in the next one.
    """
    pages: dict[str, Counter[str]] = {}
    sums: dict[str, Row] = {}
    whole: Row = {}
    late, strangers = workspace.timeouts(), workspace.strangers()
    documents = (row for table in fs.iter_tables(workspace.documents) for row in table.to_pylist())
    recorded = _recorded(workspace)
    document, record = next(documents, None), next(recorded, None)

    def ended(before: str | None) -> Iterator[Row]:
        """The rows of the documents up to ``before``, without it; None: of all that are left."""
        nonlocal document, record, whole
        while document is not None and document["document"] != before:
            name = document["document"]
            spent_on_it = sums.pop(name, {})
            whole = added([whole, spent_on_it])
            its_rows = _document_rows(document, pages.pop(name, Counter()), name == record, spent_on_it, late.get(name))
            yield from (_of_another_kind(row) if name in strangers and row["outcome"] == Outcome.OK else row for row in its_rows)
            if name == record:
                record = next(recorded, None)
            document = next(documents, None)

    for shard in workspace.page_shards:
        spans = workspace.spans(shard)
        uris = {document: row["uri"] for document, row in workspace.documents_of({span.document for span in spans}, ["uri"]).items()}
        rows = with_pages(list(_shard_rows(workspace, shard, spans, extractors, uris)))
        for row in rows:
            if row["level"] == "page":
                pages.setdefault(row["document"], Counter())[_state(row)] += 1
                sums[row["document"]] = added([sums.get(row["document"], {}), row])
        yield _table(workspace, [*rows, *ended(spans[-1].document)], tally)
    yield _table(workspace, list(ended(None)), tally)
    whole = {"level": "run", **_end(tally["missing"]), **whole}
    yield pa.Table.from_pylist([{"run": workspace.run, "attempts": 1, **whole}], schema=LEDGER)


def _end(missing: int) -> Row:
    return {"outcome": Outcome.PARTIAL, "reason": Reason.NOT_PROCESSED} if missing else {"outcome": Outcome.OK}


def _table(workspace: Workspace, rows: list[Row], tally: Counter[str]) -> pa.Table:
    for row in rows:
        tally["rows"] += 1
        tally[f"{row['level']}s_{row['outcome']}"] += 1
        tally["missing"] += row["reason"] == Reason.NOT_PROCESSED
    return pa.Table.from_pylist([{"run": workspace.run, "attempts": 1, **row} for row in rows], schema=LEDGER)


def _state(row: Row) -> str:
    return "missing" if row["reason"] == Reason.NOT_PROCESSED else str(row["outcome"])


def _recorded(workspace: Workspace) -> Iterator[str]:
    """Documents that have a merged record, in order."""
    for shard in workspace.document_shards:
        path = workspace.shard("records", shard)
        if path.exists():
            yield from (document for document, _ in groupby(fs.read_table(path, ["document"])["document"].to_pylist()))


def _document_rows(document: Row, ends: Counter[str], is_recorded: bool, sums: Row, late: str | None) -> Iterator[Row]:
    row = {"level": "document", "document": document["document"], "uri": document["uri"]}
    copy, row = row, {**row, **sums}
    if document["status"] == Outcome.QUARANTINED:
        yield {**row, "outcome": Outcome.QUARANTINED, "reason": document["reason"]}
    else:
        quarantined, empty, total = ends[Outcome.QUARANTINED], ends[Outcome.EMPTY], ends.total()
        if ends["missing"] or total != document["pages"] or not is_recorded:
            yield {**row, "outcome": Outcome.PARTIAL, "reason": Reason.NOT_PROCESSED}
        elif quarantined == total:
            yield {**row, "outcome": Outcome.QUARANTINED, "reason": Reason.PAGE_UNREADABLE}
        elif late:
            yield {**row, "outcome": Outcome.PARTIAL, "reason": Reason.TIMEOUT, "detail": f"{late} gave up; raise limits.document_seconds"}
        elif quarantined or ends[Outcome.PARTIAL]:
            yield {**row, "outcome": Outcome.PARTIAL, "reason": Reason.PAGES_LOST, "detail": f"{quarantined} of {total} pages"}
        elif empty == total:
            yield {**row, "outcome": Outcome.EMPTY, "reason": Reason.NO_WORDS}
        else:
            yield {**row, "outcome": Outcome.OK, "reason": None}
    for uri in document["copies"]:
        yield {**copy, "uri": uri, "outcome": Outcome.OK, "reason": Reason.DUPLICATE}


def _of_another_kind(row: Row) -> Row:
    return row if row["reason"] else {**row, "reason": Reason.NOT_THIS_KIND, "detail": "no page has any of the contract's `match`"}


def _shard_rows(
    workspace: Workspace, shard: str, spans: Sequence[Span], extractors: Sequence[str], uris: dict[str, str]
) -> Iterator[Row]:
    read = {(row["document"], row["page"]): row for row in _have(workspace, "read", shard, _PAGE_COLUMNS)}
    chunks: dict[tuple[str, int], list[int]] = {}
    for row in _have(workspace, "chunk", shard, ["document", "page", "chunk"]):
        chunks.setdefault((row["document"], row["page"]), []).append(row["chunk"])
    answers = {
        (row["document"], row["page"], row["chunk"], row["extractor"]): row
        for extractor in extractors
        for row in _have(workspace, f"extract_{extractor}", shard, _ANSWER_COLUMNS)
    }
    chunked = workspace.shard("chunk", shard).exists()
    for span in spans:
        for number in range(span.first, span.last + 1):
            key = (span.document, number)
            row = {"level": "page", "document": span.document, "uri": uris[span.document], "page": number}
            page = read.get(key)
            if page is None or (not chunked and page["outcome"] != Outcome.QUARANTINED):
                yield {**row, "outcome": Outcome.PARTIAL, "reason": Reason.NOT_PROCESSED}
                continue
            yield {**row, **{name: page[name] for name in ("outcome", "reason", "detail", "seconds", "cached")}}
            for chunk in chunks.get(key, ()):
                for extractor in extractors:
                    of_chunk = {**row, "level": "chunk", "chunk": chunk, "extractor": extractor}
                    yield _chunk_row(of_chunk, answers.get((*key, chunk, extractor)))


_PAGE_COLUMNS = ["document", "page", "outcome", "reason", "detail", "seconds", "cached"]
_ANSWER_COLUMNS = [
    "document", "page", "chunk", "extractor", "parse_status", "parsed", "model", "attempts",
    "seconds", "prompt_tokens", "completion_tokens", "cost", "cached",
]


def _have(workspace: Workspace, stage: str, shard: str, columns: list[str]) -> list[Row]:
    path = workspace.shard(stage, shard)
    return fs.read_table(path, columns).to_pylist() if path.exists() else []


def _chunk_row(row: Row, answer: Row | None) -> Row:
    if answer is None:
        return {**row, "outcome": Outcome.PARTIAL, "reason": Reason.NOT_PROCESSED}
    row = {**row, **of_chunk(answer)}
    if answer["parse_status"] == ParseStatus.FAILED:
        return {**row, "outcome": Outcome.FALLBACK, "reason": Reason.ANSWER_UNPARSABLE}
    if answer["parse_status"] == ParseStatus.TIMED_OUT:
        return {**row, "outcome": Outcome.FALLBACK, "reason": Reason.TIMEOUT}
    if answer["parsed"] in (None, "{}"):
        return {**row, "outcome": Outcome.EMPTY, "reason": Reason.NO_FIELDS}
    return {**row, "outcome": Outcome.OK, "reason": None}


def of_run(lake: Lake, partition: Partition, run: str) -> Row:
    """The sums of a run, from its row; empty where the ledger has none."""
    target = lake.table("ledger", partition)
    rows = fs.read_table(target, where=("run", run)).to_pylist() if target.exists() else []
    return next((row for row in rows if row["level"] == "run"), {})


def of_chunk(answer: Row) -> Row:
    """What one extractor's answer about one chunk took. An extractor without a model asks nobody."""
    spent = {name: answer[name] for name in ("attempts", "seconds", "prompt_tokens", "completion_tokens", "cost", "cached")}
    if answer["model"] is not None and answer["attempts"]:
        spent |= {"chunks_asked": int(not answer["cached"]), "chunks_cached": int(bool(answer["cached"]))}
    return spent


def added(rows: Iterable[Row]) -> Row:
    """The sums over rows of one level; a column that none of them has is left out."""
    sums: Row = {}
    for row in rows:
        for name in SUMS:
            if row.get(name) is not None:
                sums[name] = sums.get(name, 0) + row[name]
    return {name: round(value, _DIGITS[name]) if name in _DIGITS else value for name, value in sums.items()}


def with_pages(rows: list[Row]) -> list[Row]:
    """A shard's rows, each page's followed by those of its chunks, with the sums of the chunks on the page."""
    page: Row = {}
    chunks: list[Row] = []
    done: list[Row] = []
    for row in [*rows, {"level": "page"}]:
        if row["level"] == "page":
            done += [{**page, **added([page, *chunks])}, *chunks] if page else []
            page, chunks = row, []
        else:
            chunks.append(row)
    return done
