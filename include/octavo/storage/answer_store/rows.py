"""A stored answer, and its row in a segment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

SEGMENT = pa.schema([
    ("key", pa.binary()),                # 32 bytes
    ("since", pa.int64()),               # the fresh run that asked, seconds since 1970; 0 for any other
    ("written", pa.int64()),             # nanoseconds since 1970: among equals the first counts
    ("document", pa.string()),           # the first document that had this question, for `forget`
    ("model", pa.string()),
    ("revision", pa.string()),
    ("runtime", pa.string()),            # with versions; recorded, not part of the key
    ("raw", pa.string()),
    ("finish", pa.string()),
    ("prompt_tokens", pa.int64()),
    ("completion_tokens", pa.int64()),
    ("seconds", pa.float64()),
    ("attempts", pa.int32()),            # calls that this one answer took (an endpoint's retries)
    ("contract", pa.string()),           # the first contract that had this question
])


def conformed(rows: pa.Table, columns: list[str] | None = None) -> pa.Table:
    """Rows of a segment, with nulls for columns that were not there yet when it was written."""
    wanted = SEGMENT if columns is None else pa.schema([SEGMENT.field(name) for name in columns])
    for field in wanted:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(wanted.names)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a model said to one question, and what that took.

    ``finish``: why it ended (``stop``, ``length``, ``loop``). ``seconds``: this answer's share of its
    batch's time. ``runtime``: name and versions of what ran the model. ``document`` and ``contract``:
    who asked first.
    """

    raw: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    attempts: int
    model: str
    revision: str | None
    runtime: str
    document: str
    contract: str | None = None

    def row(self, key: bytes, since: int, written: int) -> dict[str, Any]:
        return {"key": key, "since": since, "written": written, **asdict(self)}

    @classmethod
    def of(cls, row: dict[str, Any]) -> StoredAnswer:
        return cls(**{name: row[name] for name in cls.__slots__})
