"""Holding back: records that fail the gate wait in ``review``, where a contract says so, and the others are published.

Every step may be repeated: a gate that was killed in between and runs again ends with the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from octavo.model.contracts import Contract
from octavo.publishing.checks import Check, RecordKey
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace

Failing = dict[str, tuple[Check, set[RecordKey]]]
"""Failed checks on records by name, each with the records that fail it."""
Held = dict[RecordKey, list[str]]
"""Records that are held back, with the names of the checks that they fail."""

PREFIX = "held back by the gate: "


def as_json(held: Held) -> dict[str, Any]:
    """By document the checks or, where that may have several records, by its records' numbers; as the day's manifest has it."""
    found: dict[str, Any] = {}
    for (document, record), names in sorted(held.items()):
        if record is None:
            found[document] = names
        else:
            found.setdefault(document, {})[str(record)] = names
    return found


def read(workspace: Workspace) -> Held:
    """What is held back already: by an earlier attempt, or of documents that this run did not take."""
    try:
        found = fs.read_json(workspace.held)
    except FileNotFoundError:
        return {}
    held: Held = {}
    for document, of_it in found.items():
        by_record = of_it if isinstance(of_it, dict) else {None: of_it}
        held |= {(document, record and int(record)): names for record, names in by_record.items()}
    return held


def hold(workspace: Workspace, contract: Contract, failing: Failing) -> Held:
    """Take the failing records out of the contract's staged table and put a row per failed check into ``review``."""
    held = read(workspace)
    for name, (_, records) in failing.items():
        for key in records:
            held[key] = sorted({*held.get(key, ()), name})
    fs.write_json(workspace.held, as_json(held))
    fs.write_rows(workspace.staged("review"), _review(workspace, contract, failing), schemas.REVIEW)
    _without(workspace, contract, held)
    return held


def _review(workspace: Workspace, contract: Contract, failing: Failing) -> list[dict[str, Any]]:
    """The staged rows, and those of the failing records' fields; a field has one row with all its reasons."""
    rows = {_key(row): row for row in fs.read_table(workspace.staged("review")).to_pylist()}
    wanted = {document for _, records in failing.values() for document, _ in records}
    uris = _of(workspace, "documents", ["document", "uri"], wanted)
    fields = {_key(row): row for row in _rows(workspace, "fields", wanted)}
    contract_hash = contract.hash
    for name, (check, records) in failing.items():
        path = check.field_of(contract) or ""
        for document, record in records:
            key = document, record or 0, path
            said = fields.get(key, {"document": document, "record": record, "field": path, "contract_hash": contract_hash})
            row = rows.setdefault(key, {**said, "uri": uris[document], "reason": ""})
            reasons = [reason for reason in (row["reason"] or "").split("; ") if reason]
            row["reason"] = "; ".join(dict.fromkeys([*reasons, PREFIX + name]))
    return [rows[key] for key in sorted(rows)]


def _key(row: Mapping[str, Any]) -> tuple[str, int, str]:
    """What names a field; 0 stands for the only record of a document."""
    return row["document"], row["record"] or 0, row["field"]


def _without(workspace: Workspace, contract: Contract, held: Held) -> None:
    path, schema = workspace.staged(contract.name), schemas.record_schema(contract)

    def kept() -> Iterator[pa.Table]:
        for table in fs.iter_tables(path):
            numbers = table["record"].to_pylist() if contract.many_records else [None] * table.num_rows
            keys = zip(table["document"].to_pylist(), numbers, strict=True)
            yield table.filter(pa.array([key not in held for key in keys], pa.bool_()))

    fs.write_table(path, kept(), schema)


def _rows(workspace: Workspace, table: str, documents: set[str]) -> Iterator[dict[str, Any]]:
    wanted = pa.array(sorted(documents), pa.string())
    for batch in fs.iter_tables(workspace.staged(table)):
        yield from batch.filter(pc.is_in(batch["document"], value_set=wanted)).to_pylist()


def _of(workspace: Workspace, table: str, columns: list[str], documents: set[str]) -> dict[str, str]:
    key, value = columns
    return {row[key]: row[value] for row in _rows(workspace, table, documents)}
