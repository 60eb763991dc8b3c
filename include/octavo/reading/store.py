"""The reading store: what was read of a document, by content, so that no page is ever read twice.

    {root}/{document[:2]}/{document}/{key}/00001-00016.parquet           a block of pages
    {root}/{document[:2]}/{document}/{key}/00001-00016.{limits}.parquet  one whose failures depend on limits

The key is a digest of the reader's settings and of its engines' versions. Rows are ``schemas.READINGS``.
A block that holds a page which ran out of time or memory is kept for these limits only: with larger ones
it is read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from upath import UPath

from octavo import schemas, storage
from octavo.reasons import Reason
from octavo.workspace import Span

# Failures that larger limits, or a machine that is less busy, may turn into words.
LIMITED = {Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.READER_CRASHED}
# Failures of the run, not of the page: they are never kept.
PASSING = {Reason.CHANGED_DURING_RUN}


class ReadingStore:
    """Blocks of pages by document, key and limits; shared by all runs, safe for concurrent use.

    Args:
        root: ``settings.reading_store``.
        key: digest of what the words depend on.
        limits: digest of what only the failures depend on.
    """

    def __init__(self, root: UPath, key: str, limits: str) -> None:
        self._root = root
        self._key = key[:32]
        self._limits = limits[:12]

    def get(self, block: Span) -> pa.Table | None:
        """The block's rows, or None when it has not been read."""
        for path in (self._path(block), self._limited_path(block)):
            try:
                table = storage.read_table(path)
            except FileNotFoundError:
                continue
            if table.num_rows == block.pages and table.schema.equals(schemas.READINGS):
                return table
        return None

    def put(self, block: Span, rows: pa.Table) -> None:
        """Keep the block's rows unless it is already there: the first writer wins."""
        reasons = set(rows["reason"].to_pylist())
        if reasons & PASSING:
            return
        path = self._limited_path(block) if reasons & LIMITED else self._path(block)
        if not path.exists():
            storage.write_table(path, [rows], schemas.READINGS)

    def _path(self, block: Span) -> UPath:
        return document_folder(self._root, block.document) / self._key / f"{block.first:05d}-{block.last:05d}.parquet"

    def _limited_path(self, block: Span) -> UPath:
        path = self._path(block)
        return path.with_name(f"{path.stem}.{self._limits}.parquet")


def document_folder(root: UPath, document: str) -> UPath:
    """Where everything that was read of a document is kept; removing it forgets the document's words."""
    return root / document[:2] / document


def readings(root: UPath, document: str, page: int) -> Iterator[dict[str, Any]]:
    """Every ``READINGS`` row that is kept of a page, whatever engine read it.

    Args:
        root: ``settings.reading_store``.
        document: its sha256.
        page: number of the page, from 1.
    """
    for path in sorted(document_folder(root, document).glob("*/*-*.parquet")):
        first, last = map(int, path.name.partition(".")[0].split("-"))
        if first <= page <= last:
            yield from (row for row in storage.read_table(path).to_pylist() if row["page"] == page)
