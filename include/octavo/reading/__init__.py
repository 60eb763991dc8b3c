"""Reading: every page of a shard becomes words with boxes, from its text layer or by OCR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octavo.reading.stage import run

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    """Load the stage when it is asked for: the children import this package too, and must start quickly."""
    if name == "run":
        from octavo.reading.stage import run  # noqa: PLC0415

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
