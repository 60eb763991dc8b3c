"""Words as they were when a day was published, whatever engine read them and whatever engine is there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
from upath import UPath

from octavo.model.entities import Outcome
from octavo.model.errors import WorkspaceError
from octavo.model.reasons import Reason
from octavo.reading.store import document_folder
from octavo.storage import fs, schemas
from octavo.storage.workspace import Span

Row = Mapping[str, Any]


def readings(root: UPath, block: Span, published: Sequence[Row]) -> pa.Table:
    """The block's ``READINGS`` rows, marked as found: of all that are kept those whose words were published.

    Args:
        root: ``settings.reading_store``.
        block: a block of pages of one document.
        published: its rows of the table ``pages``, in page order.

    Raises:
        WorkspaceError: they are not kept any more.
    """
    parts = [(unread, list(rows)) for unread, rows in groupby(published, key=lambda row: row["reason"] == Reason.NOT_WANTED)]
    if len(parts) > 1:
        spans = [(Span(block.document, rows[0]["page"], rows[-1]["page"]), rows) for _, rows in parts]
        return pa.concat_tables([readings(root, span, rows) for span, rows in spans])
    name = f"{block.first:05d}-{block.last:05d}"
    for path in sorted(document_folder(root, block.document).glob(f"*/{name}*.parquet")):
        table = fs.read_table(path)
        if table.schema.equals(schemas.READINGS) and _is_the_same(table, published):
            return _as_found(table)
    if all(row["outcome"] == Outcome.QUARANTINED or row["reason"] == Reason.NOT_WANTED for row in published):
        return pa.Table.from_pylist([_lost(row) for row in published], schema=schemas.READINGS)
    raise WorkspaceError(
        f"the words of document {block.document}, pages {block.first} to {block.last}, as they were published are not in {root} any more; "
        "run the day again, which reads them anew"
    )


def _is_the_same(table: pa.Table, published: Sequence[Row]) -> bool:
    """Whether the rows have the geometry and as many words as the published pages: chunks name words by their number."""
    if table.num_rows != len(published):
        return False
    columns = ["page", "width", "height", "rotation", "text_source", "outcome"]
    counts = [len(words) for words in table["words"]]
    return all(
        all(row[name] == shown[name] for name in columns) and count == (shown["words"] or 0)
        for row, count, shown in zip(table.select(columns).to_pylist(), counts, published, strict=True)
    )


def _as_found(table: pa.Table) -> pa.Table:
    table = table.set_column(table.schema.get_field_index("cached"), "cached", pa.array([True] * table.num_rows))
    return table.set_column(table.schema.get_field_index("seconds"), "seconds", pa.array([0.0] * table.num_rows))


def _lost(row: Row) -> dict[str, Any]:
    """A page that was not read is kept nowhere but in the published table, and holds no words."""
    kept = {name: row[name] for name in schemas.READINGS.names if name in row and name != "words"}
    return {**kept, "words": [], "detail": None, "seconds": 0.0, "cached": True}
