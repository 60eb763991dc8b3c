"""The chunk stage: the pages of a shard are cut by the strategy of the contract."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from PIL import Image

from octavo.chunking import layout, segments, simple
from octavo.model.contracts import Chunking, Strategy
from octavo.model.deadline import TimedOut, within
from octavo.model.entities import Chunk, Outcome, Page, Report
from octavo.model.errors import Quarantined, Reason
from octavo.model.settings import Limits
from octavo.page.rendering import page_image
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace

log = logging.getLogger(__name__)

__all__ = ["cut", "run"]

_BY_WORDS = {
    Strategy.PAGE: simple.whole_page, Strategy.QUADRANTS: simple.quadrants, Strategy.LINE_GAP: simple.line_gap, Strategy.LAYOUT: layout.cut,
}


def cut(page: Page, rule: Chunking, picture: Callable[[], Image.Image]) -> list[Chunk]:
    """The page's chunks in reading order; every word is in exactly one.

    ``layout`` falls back to ``segments`` on a page without words.

    Args:
        page: the page with its words.
        rule: strategy and thresholds.
        picture: called where the page has to be looked at.
    """
    if rule.strategy is Strategy.SEGMENTS or (rule.strategy is Strategy.LAYOUT and not page.words):
        return segments.cut(page, rule.model_copy(update={"strategy": Strategy.SEGMENTS}), picture())
    return _BY_WORDS[rule.strategy](page, rule)


def run(workspace: Workspace, shard: str, chunking: Chunking, limits: Limits | None = None) -> Report:
    """Cut the pages of one shard.

    Pages that were not read and blank ones have no chunks.

    Args:
        workspace: the read stage must have run; the rows are written to ``workspace.shard("chunk", shard)``.
        shard: a page shard of the plan.
        chunking: strategy and thresholds.
        limits: a page that takes longer than ``page_seconds`` becomes one chunk, and so do those of a document that has taken
            ``document_seconds``.

    Returns:
        counts ``pages`` and ``chunks``.
    """
    started, bounds = time.monotonic(), limits or Limits()
    pages = workspace.read(workspace.shard("read", shard))
    documents = workspace.documents_of(pages["document"].unique().to_pylist(), ["uri", "media_type"])
    rows: list[dict[str, Any]] = []
    spent: defaultdict[str, float] = defaultdict(float)  # seconds by document
    for page, outcome, reason in zip(schemas.pages_of(pages), pages["outcome"].to_pylist(), pages["reason"].to_pylist(), strict=True):
        if outcome == Outcome.QUARANTINED or reason in (Reason.BLANK_PAGE, Reason.NOT_WANTED):
            continue

        def picture(page: Page = page, document: dict[str, Any] = documents[page.document]) -> Image.Image:
            return page_image(workspace.place(document), document["media_type"], page, bounds)

        begun = time.monotonic()
        try:
            with within(min(bounds.page_seconds, bounds.document_seconds - spent[page.document])):
                chunks = cut(page, chunking, picture)
        except (TimedOut, Quarantined) as error:
            if isinstance(error, Quarantined) and error.reason == Reason.CHANGED_DURING_RUN:
                raise
            log.warning("page %d of %s is one chunk: it cannot be cut (%s)", page.number, page.document, error)
            chunks = simple.whole_page(page, chunking)
        spent[page.document] += time.monotonic() - begun
        rows.extend(schemas.chunk_to_row(page, chunk) for chunk in chunks)
    fs.write_rows(workspace.shard("chunk", shard), rows, schemas.CHUNKS)
    return Report("chunk", {"pages": pages.num_rows, "chunks": len(rows)}, time.monotonic() - started)
