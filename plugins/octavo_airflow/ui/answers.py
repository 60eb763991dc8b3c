"""The views as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from octavo.views.document import DocumentView, PageView


def query_of(wanted: Any) -> dict[str, Any]:
    """A search as the parts of its address."""
    return {name: value for name, value in asdict(wanted).items() if value not in (None, "")}


def plain(view: Any) -> dict[str, Any] | None:
    """A view as nested values; None for none."""
    return asdict(view) if view is not None else None


def document(view: DocumentView, page: PageView | None) -> dict[str, Any]:
    """The document; its picture has an address of its own."""
    shown = asdict(page) if page else None
    if shown is not None:
        shown["picture"] = shown["picture"] is not None
    return {**asdict(view), "page": shown}
