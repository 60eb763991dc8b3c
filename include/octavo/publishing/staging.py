"""Staging: the day's tables put together from the shards, in total order, ready for the gate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Outcome, Report, Verdict
from octavo.model.errors import Reason, SettingsError
from octavo.storage import fs
from octavo.storage.lake import Lake, table_schemas
from octavo.storage.schemas import ANSWERS, DOCUMENTS, PAGES, READINGS, REVIEW, UNCLAIMED, WHOLE_DOCUMENT, completed
from octavo.storage.workspace import Workspace

_LAST = "\uffff"  # after every document


def run(workspace: Workspace, contract: Contract, lake: Lake, extractors: Sequence[str], selected: bool = False) -> Report:
    """Write ``staged/{table}.parquet`` for every table of the day.

    Args:
        extractors: whose answers were asked for, in the order in which ``answers`` lists them.
        selected: the run took only some documents of its day; the published rows of all others are kept.

    Returns:
        The number of rows of each table.

    Raises:
        WorkspaceError: a shard of an earlier stage is missing.
    """
    started = time.monotonic()
    sources = {
        "pages": _pages(workspace),
        "chunks": _shards(workspace, "chunk"),
        "fields": _fields(workspace),
        "corrections": _documents_shards(workspace, "corrections"),
        contract.name: _documents_shards(workspace, "records"),
        "answers": _answers(workspace, extractors),
    }
    expected = table_schemas(contract)
    counts = {name: fs.write_table(workspace.staged(name), rows, expected[name]) for name, rows in sources.items()}
    counts["documents"] = fs.write_table(workspace.staged("documents"), _documents(workspace), DOCUMENTS)
    counts["review"] = fs.write_table(workspace.staged("review"), _review(workspace, contract), REVIEW)
    held = (lake.published(workspace.partition) or {}).get("held", {}) if selected else {}
    taken = workspace.documents_of(held, []) if held else {}
    fs.write_json(workspace.held, {document: names for document, names in held.items() if document not in taken})
    if selected:
        for name in expected:
            counts[name] = _keep_unselected(workspace, lake, name, expected[name])
    return Report("tables", counts, time.monotonic() - started)


def _shards(workspace: Workspace, stage: str) -> Iterator[pa.Table]:
    for shard in workspace.page_shards:
        yield workspace.read(workspace.shard(stage, shard))


def _documents_shards(workspace: Workspace, stage: str) -> Iterator[pa.Table]:
    for shard in workspace.document_shards:
        yield workspace.read(workspace.shard(stage, shard))


def _answers(workspace: Workspace, extractors: Sequence[str]) -> Iterator[pa.Table]:
    for shard in workspace.page_shards:
        for extractor in extractors:
            yield completed(workspace.read(workspace.shard(f"extract_{extractor}", shard)), ANSWERS)


def _pages(workspace: Workspace) -> Iterator[pa.Table]:
    """The readings with the numbers of their words, rulings and check boxes instead of these, of what no field took, and of the record."""
    left = _MergedRecords(workspace)
    for table in (completed(rows, READINGS) for rows in _shards(workspace, "read")):
        words = table["words"].combine_chunks()
        counts = pc.list_value_length(words)
        parents = pc.list_parent_indices(words).to_numpy()
        confidences = pc.struct_field(pc.list_flatten(words), "confidence").to_numpy()
        sums = np.bincount(parents, confidences, minlength=len(table))
        means = [round(total / n, 4) if n else None for total, n in zip(sums.tolist(), counts.to_pylist(), strict=True)]
        numbers = {name: pc.list_value_length(table[name]).cast(pa.int32()) for name in ("words", "rulings", "checks")}
        columns = {name: table[name] for name in PAGES.names if name in table.schema.names}
        pages = pa.table({**columns, **numbers, "mean_confidence": pa.array(means, pa.float64())})
        places = zip(table["document"].to_pylist(), table["page"].to_pylist(), strict=True)
        found = [(left.unclaimed_on(*place), left.record_of(*place)) for place in places]
        for n, name in enumerate(("unclaimed", "record")):
            pages = pages.append_column(name, pa.array([one[n] for one in found], pa.int32()))
        yield completed(pages, PAGES).select(PAGES.names)


def _documents(workspace: Workspace) -> Iterator[pa.Table]:
    """The documents with the status that their staged pages gave them, which lie in the order of the documents."""
    ended, left, late, strangers = _outcomes(workspace), _MergedRecords(workspace), workspace.timeouts(), workspace.strangers()
    document, pages = next(ended, ("", Counter()))
    for table in fs.iter_tables(workspace.documents):
        rows = table.to_pylist()
        for row in rows:
            own: Counter[str] = Counter()
            if row["document"] == document:
                own = pages
                document, pages = next(ended, ("", Counter()))
            if row["status"] != Outcome.QUARANTINED:
                row["status"], row["reason"] = _status(own)
                if row["document"] in late and row["status"] != Outcome.QUARANTINED:
                    row["status"], row["reason"] = Outcome.PARTIAL, Reason.TIMEOUT
                elif row["document"] in strangers and row["status"] == Outcome.OK:
                    row["reason"] = Reason.NOT_THIS_KIND
            found = left.of(row["document"])
            row |= dict.fromkeys(("claimable", "unclaimed", "unclaimed_parts"))
            if found:
                parts = [part for record in found for part in record["parts"]]
                row |= {"claimable": sum(record["claimable"] for record in found), "unclaimed": len(parts), "unclaimed_parts": parts}
        yield pa.Table.from_pylist(rows, schema=DOCUMENTS)


class _MergedRecords:
    """What merging left of documents' records beside their fields. Documents are asked for in their order; an earlier version left less."""

    def __init__(self, workspace: Workspace) -> None:
        paths = (workspace.shard("unclaimed", shard) for shard in workspace.document_shards)
        rows = (row for path in paths if path.exists() for row in completed(fs.read_table(path), UNCLAIMED).to_pylist())
        self._groups = groupby(rows, key=itemgetter("document"))
        self._document, self._records = "", list[dict[str, Any]]()
        self._by_page: Counter[int] = Counter()
        self._counted = ""

    def of(self, document: str) -> list[dict[str, Any]]:
        """The document's rows of ``schemas.UNCLAIMED``."""
        while self._document < document:
            self._document, records = next(self._groups, (_LAST, ()))
            self._records = list(records)
        return self._records if self._document == document else []

    def unclaimed_on(self, document: str, page: int) -> int | None:
        """How much no field took of one page."""
        found = self.of(document)
        if not found:
            return None
        if self._counted != document:
            self._counted, self._by_page = document, Counter(part["page"] for record in found for part in record["parts"])
        return self._by_page[page]

    def record_of(self, document: str, page: int) -> int | None:
        """The number of the record that a page belongs to."""
        found = (one["record"] for one in self.of(document) if one["record"] and one["first_page"] <= page <= one["last_page"])
        return next(found, None)


def _outcomes(workspace: Workspace) -> Iterator[tuple[str, Counter[str]]]:
    """Each document's pages by how they ended."""
    columns = ["document", "outcome"]
    tables = fs.iter_tables(workspace.staged("pages"), columns)
    rows = (row for table in tables for row in zip(*(table[name].to_pylist() for name in columns), strict=True))
    for document, group in groupby(rows, key=itemgetter(0)):
        yield document, Counter(outcome for _, outcome in group)


def _status(pages: Counter[str]) -> tuple[str, str | None]:
    total = pages.total()
    if total and pages[Outcome.QUARANTINED] == total:
        return Outcome.QUARANTINED, Reason.PAGE_UNREADABLE
    if pages[Outcome.QUARANTINED] or pages[Outcome.PARTIAL]:
        return Outcome.PARTIAL, Reason.PAGES_LOST
    if total and pages[Outcome.EMPTY] == total:
        return Outcome.EMPTY, Reason.NO_WORDS
    return Outcome.OK, None


def _review(workspace: Workspace, contract: Contract) -> Iterator[pa.Table]:
    """Every value that is not accepted, every required field that has none, every list that left out rows of its table, and every document
    or record that may be none of the contract's."""
    places = (row for table in fs.iter_tables(workspace.documents, ["document", "uri"]) for row in table.to_pylist())
    required = [path for path, spec in contract.leaves() if spec.required and "[]" not in path]
    lists = [path for path, spec in contract.fields.items() if spec.type is Kind.LIST and spec.required]
    of_field = [name for name in REVIEW.names if name != "uri"]
    contract_hash = contract.hash
    for shard in workspace.document_shards:
        documents = list(workspace.shards_of(shard))
        uris = _uris(places, set(documents))
        records: list[tuple[str, int | None]] = [(document, None) for document in documents]
        if contract.many_records:
            records = _keys(workspace.read(workspace.shard("records", shard), ["document", "record"]))
        held: set[tuple[str, int | None, str]] = set()
        wanted: list[pa.Table] = []
        for rows in workspace.stream(workspace.shard("fields", shard)):
            rows = rows.filter(rows["matched"])
            given, accepted = pc.is_valid(rows["value"]), pc.equal(rows["verdict"], Verdict.ACCEPTED)
            found = rows.filter(pc.and_(pc.or_(given, accepted), pc.is_in(rows["field"], pa.array(required, pa.string()))))
            held.update(zip(*(found[name].to_pylist() for name in ("document", "record", "field")), strict=True))
            wanted.append(rows.filter(pc.and_(given, pc.invert(accepted))).select(of_field))
            for path in lists:
                listed = rows.filter(pc.and_(given, pc.starts_with(rows["field"], f"{path}[")))
                held.update((document, record, f"{path}[]") for document, record in _keys(listed))
        missing = [
            {"document": document, "record": record, "field": path, "reason": f"required, but {what} was found"}
            for paths, what in ((required, "nothing"), ([f"{path}[]" for path in lists], "no row"))
            for document, record in records for path in paths if (document, record, path) not in held
        ]
        missing = [{**row, "contract_hash": contract_hash} for row in (*missing, *_doubtful(workspace, shard))]
        joined = pa.concat_tables([*wanted, pa.Table.from_pylist(missing, pa.schema([REVIEW.field(name) for name in of_field]))])
        joined = joined.take(pc.sort_indices(joined, [(name, "ascending") for name in ("document", "record", "field")]))
        known = pc.index_in(joined["document"], pa.array(uris, pa.string()))
        yield joined.append_column("uri", pa.array(uris.values(), pa.string()).take(known.combine_chunks()))


def _keys(rows: pa.Table) -> list[tuple[str, int | None]]:
    """The document and the record's number of each row."""
    return list(zip(rows["document"].to_pylist(), rows["record"].to_pylist(), strict=True))


def _doubtful(workspace: Workspace, shard: str) -> Iterator[dict[str, Any]]:
    """A row of ``review`` for each problem of a record as a whole, and for each table of which a list left out rows."""
    path = workspace.shard("unclaimed", shard)
    for row in completed(fs.read_table(path), UNCLAIMED).to_pylist() if path.exists() else ():
        key = {"document": row["document"], "record": row["record"]}
        for problem in row["problems"] or ():
            yield {**key, "field": WHOLE_DOCUMENT, "page": row["first_page"], "reason": problem}
        for one in row["dropped"]:
            said = "a row of its table is" if one["rows"] == 1 else f"{one['rows']} rows of its table are"
            yield {
                **key, "field": f"{one['field']}[]", "page": one["page"], "reason": f"{said} in none of its items",
                "evidence": [{name: one[name] for name in ("page", "x0", "y0", "x1", "y1")}],
            }


def _uris(places: Iterator[dict[str, str]], wanted: set[str]) -> dict[str, str]:
    """Where the wanted documents lie; shards list them in the order of ``places``, so no more than a shard's are held."""
    found: dict[str, str] = {}
    while len(found) < len(wanted):
        row = next(places)
        if row["document"] in wanted:
            found[row["document"]] = row["uri"]
    return found


def _fields(workspace: Workspace) -> Iterator[pa.Table]:
    """The fields of all documents; those of one document may be many, so that no shard's are held."""
    for shard in workspace.document_shards:
        yield from workspace.stream(workspace.shard("fields", shard))


def _keep_unselected(workspace: Workspace, lake: Lake, name: str, schema: pa.Schema) -> int:
    """Add the published rows of documents that this run did not take to a staged table, in order."""
    staged, published = workspace.staged(name), lake.table(name, workspace.partition)
    rows = fs.read_table(staged)
    if not published.exists():
        return int(rows.num_rows)
    others = fs.read_table(published)
    if name != workspace.partition.contract:  # the fields of a contract are its own affair; other columns may have come since
        others = completed(others, schema).select(schema.names)
    if not others.schema.equals(schema):
        raise SettingsError(
            f"{published} was written by another version of contract {workspace.partition.contract}; "
            "run the whole day instead of selected documents"
        )
    taken = workspace.read(workspace.documents, ["document"])["document"]
    others = others.filter(pc.invert(pc.is_in(others["document"], value_set=taken.combine_chunks())))
    joined = pa.concat_tables([rows, others])
    return fs.write_table(staged, [joined.take(pc.sort_indices(joined, [("document", "ascending")]))], schema)
