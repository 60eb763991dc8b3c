"""A shard's chunks as crops, a bounded number at a time, the next window rendered while a model works on this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from upath import UPath

from octavo.model.contracts import Prompt
from octavo.model.entities import Box, Chunk, Page
from octavo.model.errors import Quarantined
from octavo.model.tiling import canvas
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

    def halves(self, max_height_px: int | None, min_side_px: int, tiles: int | None = None) -> list[Cut]:
        """The chunk in two parts with crops of their own, cut from ``picture``; the whole where it cannot be cut."""
        if self.picture is None:
            return [self]
        boxes = [self.page.words[index].box for index in self.chunk.words]
        parts = []
        for box, words in halves(self.chunk.box, boxes):
            chunk = Chunk(self.chunk.number, box, tuple(self.chunk.words[index] for index in words), self.chunk.strategy)
            parts.append(Cut(self.page, chunk, crop(self.picture, box, max_height_px, min_side_px, tiles), self.picture))
        return parts


def windows(
    workspace: Workspace, shard: str, rule: Prompt, min_side_px: int, window_crops: int, tiles: int | None = None,
) -> Iterator[list[Cut]]:
    """The shard's chunks in the order of their rows, in lists of about ``window_crops``, fewer where pages are large.

    ``min_side_px`` and ``tiles`` are those of ``crop``.

    Raises:
        WorkspaceError: the shard was not read or not cut into chunks.
    """
    source = _filled(_cuts(workspace, shard, rule, min_side_px, tiles), window_crops)
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


def _cuts(workspace: Workspace, shard: str, rule: Prompt, min_side_px: int, tiles: int | None) -> Iterator[list[Cut]]:
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
                crops = [crop(picture, chunk.box, rule.max_height_px, min_side_px, tiles) for chunk in of_page]
                yield [Cut(page, chunk, image, picture) for chunk, image in zip(of_page, crops, strict=True)]


def _rows(pages: pa.Table) -> Iterator[dict[str, Any]]:
    """The table's rows, few at a time: the words of many pages are large as Python objects."""
    for batch in pages.to_batches(64):
        yield from batch.to_pylist()


# Room around a chunk's words, pixels: their boxes end at the ink.
MARGIN_PX = 8
# A pixel is ink when it differs this much from the crop's median grey, 0 to 255. Paper grain stays below.
INK_CONTRAST = 40
# Least share of inked pixels of a crop that shows something; one full stop on a 2,000 x 300 px strip is 6e-5.
INK_SHARE = 5e-5


def crop(page: Image.Image, box: Box, max_height_px: int | None, min_side_px: int, tiles: int | None = None) -> Image.Image:
    """The chunk's part of the page, RGB, with a margin.

    Args:
        page: the whole page.
        box: of the chunk.
        max_height_px: a taller crop is scaled down to it; None for any height.
        min_side_px: a shorter side is filled up with background on its right or bottom. Molmo sees a
            strip thinner than its tiles' overlap (112 px) squeezed into a single square, and Molmo2 stretches
            a side that is shorter than a tile (378 px) to one.
        tiles: a crop that is larger than Molmo2's canvas of so many tiles is shrunk to it; None leaves that to the processor.
    """
    left, top = max(0, box.x0 - MARGIN_PX), max(0, box.y0 - MARGIN_PX)
    right, bottom = min(page.width, box.x1 + MARGIN_PX), min(page.height, box.y1 + MARGIN_PX)
    image = page.crop((left, top, right, bottom)).convert("RGB")
    if max_height_px and image.height > max_height_px:
        width = max(1, round(image.width * max_height_px / image.height))
        image = image.resize((width, max_height_px), Image.Resampling.LANCZOS)
    image = padded(image, min_side_px)
    return shrunk(image, tiles) if tiles else image


def shrunk(image: Image.Image, tiles: int) -> Image.Image:
    """The image no larger than the canvas that Molmo2's processor stretches it to, which then cuts it into the same tiles.

    The processor takes one pixel in several when it shrinks (bilinear, without antialiasing), so that thin strokes break.
    """
    across, down = canvas(image.width, image.height, tiles)
    size = min(image.width, across), min(image.height, down)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def padded(image: Image.Image, min_side_px: int) -> Image.Image:
    """The image, with background added right and below where a side is shorter than ``min_side_px``."""
    size = max(image.width, min_side_px), max(image.height, min_side_px)
    if size == image.size:
        return image
    filled = Image.new("RGB", size, background(image))
    filled.paste(image, (0, 0))
    return filled


def background(image: Image.Image) -> tuple[int, int, int]:
    """The median colour of the image's border; white for an image without pixels."""
    pixels = np.asarray(image.convert("RGB"))
    if not pixels.size:
        return 255, 255, 255
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = np.median(border, axis=0).astype(int).tolist()
    return red, green, blue


def is_blank(image: Image.Image) -> bool:
    """Whether the image shows nothing but paper, of whatever colour."""
    grey = np.asarray(image.convert("L")).astype(np.int16)
    if not grey.size:
        return True
    inked = np.abs(grey - np.median(grey)) > INK_CONTRAST
    return bool(inked.mean() < INK_SHARE)


def halves(box: Box, words: Sequence[Box]) -> list[tuple[Box, list[int]]]:
    """A chunk's box cut in two between lines of words, as near to its middle as can be.

    Returns:
        (box, indices into ``words``) of the upper and the lower half; a chunk of one line is cut between
        two words instead, and one that cannot be cut comes back whole, as the only entry.
    """
    for axis in (1, 0):  # between lines, else between words
        edges = sorted((word[axis], word[axis + 2]) for word in words)
        reach = edges[0][1] if edges else 0
        cuts = []
        for start, end in edges[1:]:
            if start >= reach:
                cuts.append((start + reach) // 2)
            reach = max(reach, end)
        if cuts:
            middle = (box[axis] + box[axis + 2]) / 2
            cut = min(cuts, key=lambda place: (abs(place - middle), place))
            first = [index for index, word in enumerate(words) if word[axis + 2] <= cut]
            second = [index for index in range(len(words)) if index not in set(first)]
            upper = box._replace(y1=cut) if axis == 1 else box._replace(x1=cut)
            lower = box._replace(y0=cut) if axis == 1 else box._replace(x0=cut)
            return [(upper, first), (lower, second)]
    return [(box, list(range(len(words))))]
