"""The reading store: what was read of a document, by content, so that no page is ever read twice.

    {root}/{document[:2]}/{document}/{key}/00001-00016.parquet           a block of pages
    {root}/{document[:2]}/{document}/{key}/00001-00016.{limits}.parquet  one whose failures depend on limits
    {root}/{document[:2]}/{document}/{key}/00001-00016.zip               small pictures of its pages: 00001.jpg and so on

The key is a digest of the reader's settings and of its engines' versions. Rows are ``schemas.READINGS``.
A block that holds a page which ran out of time or memory is kept for these limits only: with larger ones
it is read again.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
from upath import UPath

from octavo.model.entities import Outcome, Page
from octavo.model.errors import Reason, WorkspaceError
from octavo.storage import fs, schemas
from octavo.storage.workspace import Span

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
                table = fs.read_table(path)
            except FileNotFoundError:
                continue
            if table.num_rows == block.pages and table.schema.equals(schemas.READINGS):
                return table
        return None

    def put(self, block: Span, rows: pa.Table, pictures: Mapping[int, bytes] | None = None) -> None:
        """Keep the block's rows unless it is already there: the first writer wins.

        Args:
            block: pages of one document.
            rows: ``schemas.READINGS``, one for each page.
            pictures: JPEG of each page that has one, by its number.
        """
        reasons = set(rows["reason"].to_pylist())
        if reasons & PASSING:
            return
        if pictures:  # before the words: whoever finds these finds their pictures
            fs.write_bytes(self._path(block).with_suffix(".zip"), _zipped(pictures))
        path = self._limited_path(block) if reasons & LIMITED else self._path(block)
        if not path.exists():
            fs.write_table(path, [rows], schemas.READINGS)

    def _path(self, block: Span) -> UPath:
        return document_folder(self._root, block.document) / self._key / f"{block.first:05d}-{block.last:05d}.parquet"

    def _limited_path(self, block: Span) -> UPath:
        path = self._path(block)
        return path.with_name(f"{path.stem}.{self._limits}.parquet")


def document_folder(root: UPath, document: str) -> UPath:
    """Where everything that was read of a document is kept; removing it forgets the document's words."""
    return root / document[:2] / document


def _zipped(pictures: Mapping[int, bytes]) -> bytes:
    """An archive with the same bytes for the same pictures; they are compressed already."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for number, picture in sorted(pictures.items()):
            archive.writestr(zipfile.ZipInfo(_picture_name(number)), picture)
    return stream.getvalue()


def _picture_name(page: int) -> str:
    return f"{page:05d}.jpg"


def published(
    root: UPath, document: str, frame: Mapping[str, Any], chunks: Sequence[Mapping[str, Any]]
) -> tuple[Page, bytes | None] | None:
    """A published page with its words, and its JPEG where one was kept; None if its words are not kept any more.

    Of all that engines read of the page it is what has the words of the chunks.

    Args:
        root: ``settings.reading_store``.
        document: its sha256.
        frame: the page's row of the table ``pages``.
        chunks: its rows of the table ``chunks``.
    """
    for path in _blocks(root, document, frame["page"]):
        for row in _rows(path, frame["page"]):
            page = schemas.page_from_row(row)
            same = (page.width, page.height, len(page.words)) == (frame["width"], frame["height"], frame["words"])
            if same and all(schemas.chunk_from_row(dict(chunk)).text(page) == chunk["text"] for chunk in chunks):
                return page, _picture(path, page.number)
    return None


def _blocks(root: UPath, document: str, page: int) -> Iterator[UPath]:
    """The files of the blocks that hold a page."""
    for path in sorted(document_folder(root, document).glob("*/*-*.parquet")):
        first, last = map(int, path.name.partition(".")[0].split("-"))
        if first <= page <= last:
            yield path


def _rows(path: UPath, page: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = fs.read_table(path, where=("page", page)).to_pylist()
    return rows


def _picture(block: UPath, page: int) -> bytes | None:
    try:
        with block.with_name(f"{block.name.partition('.')[0]}.zip").open("rb") as stream, zipfile.ZipFile(stream) as archive:
            return archive.read(_picture_name(page))
    except (FileNotFoundError, KeyError):
        return None


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
        table = schemas.completed(fs.read_table(path), schemas.READINGS).select(schemas.READINGS.names)
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
    kept = {name: row[name] for name in schemas.READINGS.names if name in row and name not in ("words", "rulings", "checks")}
    return {**kept, "words": [], "rulings": [], "checks": [], "detail": None, "seconds": 0.0, "cached": True}
