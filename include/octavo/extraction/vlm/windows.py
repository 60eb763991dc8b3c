"""A shard's chunks as crops, a bounded number at a time, the next window rendered while a model works on this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
from PIL import Image
from upath import UPath

from octavo.extraction.vlm.crops import crop, halves
from octavo.model.contracts import Prompt
from octavo.model.entities import Chunk, Page
from octavo.model.errors import Quarantined
from octavo.page.rendering import page_image
from octavo.storage import schemas
from octavo.storage.fs import local_copy
from octavo.storage.workspace import Workspace

# Pixels of the pages of one window; 3 bytes each, twice (page and crops), and two windows are in memory.
WINDOW_PIXELS = 50_000_000

@dataclass(frozen=True)
class Cut:
    """A chunk with its crop and the page's picture; both None where the page cannot be rendered any more, as ``problem`` says."""

    page: Page
    chunk: Chunk
    image: Image.Image | None
    picture: Image.Image | None
    problem: str = ""

    @property
    def text(self) -> str:
        return self.chunk.text(self.page)

    def halves(self, max_height_px: int | None, min_side_px: int) -> list[Cut]:
        """The chunk in two parts with crops of their own, cut from ``picture``; the whole where it cannot be cut."""
        if self.picture is None:
            return [self]
        boxes = [self.page.words[index].box for index in self.chunk.words]
        parts = []
        for box, words in halves(self.chunk.box, boxes):
            chunk = Chunk(self.chunk.number, box, tuple(self.chunk.words[index] for index in words), self.chunk.strategy)
            parts.append(Cut(self.page, chunk, crop(self.picture, box, max_height_px, min_side_px), self.picture))
        return parts


def windows(workspace: Workspace, shard: str, rule: Prompt, min_side_px: int, window_crops: int) -> Iterator[list[Cut]]:
    """The shard's chunks in the order of their rows, in lists of about ``window_crops``, fewer where pages are large.

    Raises:
        WorkspaceError: the shard was not read or not cut into chunks.
    """
    source = _filled(_cuts(workspace, shard, rule, min_side_px), window_crops)
    with ThreadPoolExecutor(1, thread_name_prefix="octavo-crops") as pool:
        ahead = pool.submit(next, source, None)
        while window := ahead.result():
            ahead = pool.submit(next, source, None)
            yield window


def _filled(cuts: Iterator[list[Cut]], window_crops: int) -> Iterator[list[Cut]]:
    window: list[Cut] = []
    pixels = 0
    for page in cuts:
        window += page
        pixels += page[0].page.width * page[0].page.height
        if len(window) >= window_crops or pixels >= WINDOW_PIXELS:
            yield window
            window, pixels = [], 0
    if window:
        yield window


def _cuts(workspace: Workspace, shard: str, rule: Prompt, min_side_px: int) -> Iterator[list[Cut]]:
    """The chunks of each page that has some."""
    chunks: dict[tuple[str, int], list[Chunk]] = {}
    for row in workspace.read(workspace.shard("chunk", shard)).to_pylist():
        chunks.setdefault((row["document"], row["page"]), []).append(schemas.chunk_from_row(row))
    pages = workspace.read(workspace.shard("read", shard))
    documents = workspace.documents_of(pages["document"].unique().to_pylist(), ["uri", "media_type"])
    for document, rows in groupby(_rows(pages), key=lambda row: row["document"]):
        with ExitStack() as stack:
            local: UPath | None = None
            for row in rows:
                of_page = chunks.get((document, row["page"]))
                if not of_page:
                    continue
                page = schemas.page_from_row(row)
                try:
                    if local is None:  # once per document: an object store's file is copied here
                        local = UPath(stack.enter_context(local_copy(workspace.place(documents[document]))))
                    picture = page_image(local, documents[document]["media_type"], page)
                except (Quarantined, FileNotFoundError) as error:
                    yield [Cut(page, chunk, None, None, str(error)) for chunk in of_page]
                    continue
                yield [Cut(page, chunk, crop(picture, chunk.box, rule.max_height_px, min_side_px), picture) for chunk in of_page]


def _rows(pages: pa.Table) -> Iterator[dict[str, Any]]:
    """The table's rows, few at a time: the words of many pages are large as Python objects."""
    for batch in pages.to_batches(64):
        yield from batch.to_pylist()
