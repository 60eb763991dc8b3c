"""The rows that checks look at, streamed from the staged tables as small pandas frames.

Every frame has the column ``document``, which names a row in reports (a column's name, in frames of
a schema), those of records ``record`` as well, and only the columns that its checks need. Values are plain Python objects: text, dates,
``Decimal`` as float for ranges (their bounds are floats too), None for null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from octavo.model.contracts import Contract, Sum
from octavo.model.entities import Outcome, Verdict
from octavo.publishing.checks import Check, RecordKey, Rule, difference
from octavo.storage import fs
from octavo.storage.lake import table_schemas
from octavo.storage.workspace import Workspace

_APART = (Verdict.PARAPHRASE,)  # generated text is no claim about the page
BATCH_ROWS = 50_000  # bounds memory: about 50 MB as Python objects of one text column


@dataclass(frozen=True, slots=True)
class Records:
    """The contract's staged table; ``numbered`` where a document may have several records."""

    path: UPath
    numbered: bool

    def rows(self, paths: list[str]) -> Iterator[tuple[RecordKey, dict[str, Any]]]:
        """The key and the columns of ``paths`` of each record."""
        columns = sorted({path.split(".")[0].removesuffix("[]") for path in paths})
        for table in fs.iter_tables(self.path, ["document", *(["record"] if self.numbered else []), *columns], BATCH_ROWS):
            for row in table.to_pylist():
                yield (row["document"], row["record"] if self.numbered else None), row


def frames(
    workspace: Workspace, contract: Contract, source: str, group: list[Check], held: Set[RecordKey] = frozenset(),
) -> Iterator[pd.DataFrame]:
    """The frames of one source; none, or an empty one, where there are no rows.

    Args:
        source: ``schema:TABLE``, ``documents``, ``fields``, ``pages``, ``answers``, ``trust`` (verdicts of the contract's
            values), ``unclaimed`` (what fields could take), ``accounts``, ``records``, ``values:PATH``, ``length:PATH`` or ``sum:INDEX``.
        group: the checks that want it; a check for uniqueness gets all its rows in one frame.
        held: records that wait for review instead of being published.
    """
    kind, _, name = source.partition(":")
    records = Records(workspace.staged(contract.name), contract.many_records)
    match kind:
        case "schema":
            yield _schema(workspace.staged(name), table_schemas(contract)[name])
        case "documents" | "fields" | "pages" | "answers":
            columns = sorted({check.column for check in group})
            for table in fs.iter_tables(workspace.staged(kind), ["document", *columns], BATCH_ROWS):
                yield _frame(table.to_pydict())
        case "trust":
            for table in fs.iter_tables(workspace.staged("fields"), ["document", "matched", "value", "verdict"], BATCH_ROWS):
                values = [row for row in table.to_pylist() if row["matched"] and row["value"] is not None and row["verdict"] not in _APART]
                yield _frame({name: [row[name] for row in values] for name in ("document", "verdict")})
        case "unclaimed":
            for table in fs.iter_tables(workspace.staged("documents"), ["document", "claimable", "unclaimed"], BATCH_ROWS):
                counts = [(row["document"], row["claimable"] or 0, row["unclaimed"] or 0) for row in table.to_pylist()]
                yield _frame({
                    "document": [document for document, all_, _ in counts for _ in range(all_)],
                    "taken": [answer for _, all_, free in counts for answer in ["no"] * free + ["yes"] * (all_ - free)],
                })
        case "accounts":
            yield _accounts(workspace, records, held)
        case "records":
            known = set(_column(workspace.staged("documents"), "document"))
            for table in fs.iter_tables(records.path, ["document"], BATCH_ROWS):
                ids = table["document"].to_pylist()
                yield _frame({"document": ids, "known": [document in known for document in ids]})
        case "values":
            yield from _values(records, name, _wordless(workspace), any(check.rule is Rule.UNIQUE for check in group))
        case "length":
            wordless = _wordless(workspace)
            keyed = [(key, len(row[name] or ())) for key, row in records.rows([name]) if key[0] not in wordless]
            yield _of_records([key for key, _ in keyed], name, [length for _, length in keyed])
        case "sum":
            yield from _differences(records, contract.gate.sums[int(name)])


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """A frame of Python objects: pandas must neither turn None into NaN nor dates into timestamps."""
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def _schema(path: UPath, expected: pa.Schema) -> pd.DataFrame:
    """One row per column of either schema, with the position and the type it has in each."""
    with path.open("rb") as stream:
        found = pq.read_schema(stream)
    names = [*expected.names, *(name for name in found.names if name not in expected.names)]
    wanted = [_place(expected, name) for name in names]
    given = [_place(found, name, expected) for name in names]
    return _frame({"document": names, "found": given, "expected": wanted})


def _place(schema: pa.Schema, name: str, like: pa.Schema | None = None) -> str:
    """Position and type of a column; a type that equals the one in ``like`` is spelled as it is there.

    Arrow and Parquet give the items of a list different names, which do not count.
    """
    index = schema.get_field_index(name)
    if index < 0:
        return "no such column"
    kind = schema.field(index).type
    if like is not None and name in like.names and kind.equals(like.field(name).type):
        kind = like.field(name).type
    return f"{index + 1}. {kind}"


def _accounts(workspace: Workspace, records: Records, held: Set[RecordKey]) -> pd.DataFrame:
    """One row per readable document: how many records and pages it has, and how many it should have.

    A record that is held back counts: it is accounted for in ``review``.
    """
    documents = fs.read_table(workspace.staged("documents"), ["document", "status", "pages"]).to_pydict()
    readable = [i for i, status in enumerate(documents["status"]) if status != Outcome.QUARANTINED]
    ids = [documents["document"][i] for i in readable]
    published = [key for key, _ in records.rows([]) if key not in held]
    of_pages = list(_pages(workspace))
    found, pages = Counter(document for document, _ in (*published, *held)), Counter(document for document, _ in of_pages)
    expected = Counter(document for document, _ in {key for key in of_pages if key[1] is not None})
    return _frame({
        "document": ids,
        "records": [found[document] for document in ids],
        "expected_records": [expected[document] or 1 for document in ids],
        "pages": [pages[document] for document in ids],
        "expected_pages": [documents["pages"][i] or 0 for i in readable],
    })


def _pages(workspace: Workspace) -> Iterator[RecordKey]:
    """The record of each page."""
    for table in fs.iter_tables(workspace.staged("pages"), ["document", "record"], BATCH_ROWS):
        yield from zip(table["document"].to_pylist(), table["record"].to_pylist(), strict=True)


def _column(path: UPath, name: str) -> list[Any]:
    return list(fs.read_table(path, [name])[name].to_pylist())


def _wordless(workspace: Workspace) -> set[str]:
    """Documents on which nothing was read: a blank page has no values, and that is no fault of the day's."""
    documents = fs.read_table(workspace.staged("documents"), ["document", "status"]).to_pydict()
    silent = (Outcome.EMPTY, Outcome.QUARANTINED)
    return {document for document, status in zip(documents["document"], documents["status"], strict=True) if status in silent}


def _values(records: Records, path: str, wordless: set[str], whole: bool) -> Iterator[pd.DataFrame]:
    """The values of one field path, one row each: a list's items are rows of their own."""
    keys: list[RecordKey] = []
    found: list[Any] = []
    for key, row in records.rows([path]):
        if key[0] in wordless:
            continue
        values = resolve(row, path)
        keys += [key] * len(values)
        found += [_plain(value) for value in values]
        if len(keys) >= BATCH_ROWS and not whole:
            yield _of_records(keys, path, found)
            keys, found = [], []
    yield _of_records(keys, path, found)


def _of_records(keys: list[RecordKey], name: str, values: list[Any]) -> pd.DataFrame:
    """A frame with the record of each row."""
    numbers = {"record": [number for _, number in keys]} if keys and keys[0][1] is not None else {}
    return _frame({"document": [document for document, _ in keys], **numbers, name: values})


def _differences(records: Records, check: Sum) -> Iterator[pd.DataFrame]:
    """Total less parts, and with what the sum takes away, of each record; None where one of the numbers is unknown.

    Where a sum takes away, columns of one list share its rows, as deposits and withdrawals do: an empty cell is nothing where the row has
    another one of them.
    """
    keys: list[RecordKey] = []
    found: list[float | None] = []
    for key, row in records.rows(list(check.names)):
        terms = {path: [Decimal(value) for value in _known(_terms(row, path, check))] for path in check.names}
        keys.append(key)
        parts = sum(sum(terms[path]) for path in check.parts) - sum(sum(terms[path]) for path in check.minus)
        found.append(float(sum(terms[check.total]) - parts) if all(terms.values()) else None)
        if len(keys) >= BATCH_ROWS:
            yield _of_records(keys, difference(check), found)
            keys, found = [], []
    yield _of_records(keys, difference(check), found)


def _terms(row: dict[str, Any], path: str, check: Sum) -> list[Any]:
    """The values of one term of a sum."""
    owner, column, _ = path.partition("[].")
    shared = [name for name in check.names if name.startswith(f"{owner}[].")] if column and check.minus else []
    if len(shared) < 2:
        return resolve(row, path)
    of_rows = zip(*(resolve(row, name) for name in shared), strict=True)
    at = shared.index(path)
    return [cells[at] if cells[at] is not None or not any(cell is not None for cell in cells) else 0 for cells in of_rows]


def _known(values: list[Any]) -> list[Any]:
    """The values, or none of them if one is unknown."""
    return [] if any(value is None for value in values) else values


def resolve(row: object, path: str) -> list[Any]:
    """The values at a path of a record: one for ``total``, as many as there are items for ``line_items[].amount``."""
    head, _, rest = path.partition(".")
    value = row.get(head.removesuffix("[]")) if isinstance(row, dict) else None
    if not head.endswith("[]"):
        return resolve(value, rest) if rest else [value]
    return [found for item in value or () for found in (resolve(item, rest) if rest and isinstance(item, dict) else [item])]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return None if value == [] else value  # a field of pairs that found none is absent
