"""A document as one HTML file that can be sent to somebody."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from upath import UPath

from octavo.model.errors import Quarantined, SettingsError
from octavo.model.settings import Settings
from octavo.page.rendering import page_image
from octavo.storage import schemas
from octavo.views import html
from octavo.views.document import DocumentView, PageView, load, load_page
from octavo.views.sources import DocumentDay, Row, partition_of

MOST_PAGES = 200  # some 20 MB of HTML
SIDE, QUALITY = 1400, 75  # pixels and JPEG quality where no picture was kept, as ``reading.picture`` has them


def write(settings: Settings, found: Sequence[tuple[UPath, Row]], target: Path) -> int:
    """Write the pages and fields of a published document into one file; returns the number of pages.

    Args:
        settings: stores and limits.
        found: the documents that were named, each with the file of the table ``documents`` that lists it.
        target: the file.

    Raises:
        SettingsError: several documents were named.
    """
    ids = {row["document"] for _, row in found}
    if len(ids) > 1:
        listed = ", ".join(sorted(f"{row['document'][:12]} {row['uri']}" for _, row in found)[:5])
        raise SettingsError(f"--html takes one document, and {len(ids)} have that name: {listed}; give more of the path or of the sha256")
    path, row = found[-1]  # of several days the last
    place = DocumentDay(settings, partition_of(path))
    view = load(place, row["document"])
    numbers = range(1, min(view.pages, MOST_PAGES) + 1)
    pages = [page for number in numbers if (page := load_page(place, view.document, number, settings)) is not None]
    target.write_text(html.standalone(view, [_with_picture(view, page, place, settings) for page in pages]), encoding="utf-8")
    return len(pages)


def _with_picture(view: DocumentView, page: PageView, place: DocumentDay, settings: Settings) -> PageView:
    """The page with the picture that reading kept, or one made of the document where that is still there."""
    if page.picture is not None or not page.readable:
        return page
    frame = next(row for row in place.rows("pages", view.document) if row["page"] == page.number)
    try:
        image = page_image(UPath(view.uri), view.media_type, schemas.page_from_row({**frame, "words": []}), settings.limits)
    except (FileNotFoundError, Quarantined):
        return page  # gone or replaced: the page is shown by its words
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return replace(page, picture=stream.getvalue())
