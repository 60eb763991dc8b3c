"""Holding back: records that fail the gate wait in ``review``, where a contract says so, and the others are published.

Every step may be repeated: a gate that was killed in between and runs again ends with the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from octavo.model.contracts import Contract
from octavo.publishing.checks import Check
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace

Failing = dict[str, tuple[Check, set[str]]]
"""Failed checks on records by name, each with the documents that fail it."""
Held = dict[str, list[str]]
"""Documents that are held back, with the names of the checks that they fail."""

PREFIX = "held back by the gate: "


def read(workspace: Workspace) -> Held:
    """What is held back already: by an earlier attempt, or of documents that this run did not take."""
    try:
        found: Held = fs.read_json(workspace.held)
    except FileNotFoundError:
        return {}
    return found


def hold(workspace: Workspace, contract: Contract, failing: Failing) -> Held:
    """Take the failing documents' records out of the contract's staged table and put a row per failed check into ``review``."""
    held = read(workspace)
    for name, (_, documents) in failing.items():
        for document in sorted(documents):
            held[document] = sorted({*held.get(document, ()), name})
    fs.write_json(workspace.held, held)
    fs.write_rows(workspace.staged("review"), _review(workspace, contract, failing), schemas.REVIEW)
    _without(workspace, contract, held)
    return held


def _review(workspace: Workspace, contract: Contract, failing: Failing) -> list[dict[str, Any]]:
    """The staged rows, and those of the failing documents' fields; a field has one row with all its reasons."""
    rows = {(row["document"], row["field"]): row for row in fs.read_table(workspace.staged("review")).to_pylist()}
    wanted = {document for _, documents in failing.values() for document in documents}
    uris = _of(workspace, "documents", ["document", "uri"], wanted)
    fields = {(row["document"], row["field"]): row for row in _rows(workspace, "fields", wanted)}
    contract_hash = contract.hash
    for name, (check, documents) in failing.items():
        path = check.field_of(contract) or ""
        for document in documents:
            said = fields.get((document, path), {"document": document, "field": path, "contract_hash": contract_hash})
            row = rows.setdefault((document, path), {**said, "uri": uris[document], "reason": ""})
            reasons = [reason for reason in (row["reason"] or "").split("; ") if reason]
            row["reason"] = "; ".join(dict.fromkeys([*reasons, PREFIX + name]))
    return [rows[key] for key in sorted(rows)]


def _without(workspace: Workspace, contract: Contract, held: Mapping[str, Any]) -> None:
    path, schema = workspace.staged(contract.name), schemas.record_schema(contract)
    gone = pa.array(sorted(held), pa.string())

    def kept() -> Iterator[pa.Table]:
        for table in fs.iter_tables(path):
            yield table.filter(pc.invert(pc.is_in(table["document"], value_set=gone)))

    fs.write_table(path, kept(), schema)


def _rows(workspace: Workspace, table: str, documents: set[str]) -> Iterator[dict[str, Any]]:
    wanted = pa.array(sorted(documents), pa.string())
    for batch in fs.iter_tables(workspace.staged(table)):
        yield from batch.filter(pc.is_in(batch["document"], value_set=wanted)).to_pylist()


def _of(workspace: Workspace, table: str, columns: list[str], documents: set[str]) -> dict[str, str]:
    key, value = columns
    return {row[key]: row[value] for row in _rows(workspace, table, documents)}
