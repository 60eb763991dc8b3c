"""READINGS rows, made without loading what the children can do without (pyarrow, pydantic)."""

from __future__ import annotations

from typing import Any

from octavo.model.entities import CheckBox, Outcome, Ruling, Word
from octavo.model.errors import Reason

IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def word_row(word: Word) -> dict[str, Any]:
    """As ``schemas.WORD`` has it."""
    x0, y0, x1, y1 = word.box
    return {
        "text": word.text, "x0": x0, "y0": y0, "x1": x1, "y1": y1, "confidence": round(word.confidence, 4), "source": word.source.value,
    }


def ruling_row(ruling: Ruling) -> dict[str, Any]:
    """As ``schemas.RULING`` has it."""
    return ruling._asdict()


def check_row(check: CheckBox) -> dict[str, Any]:
    """As ``schemas.CHECK`` has it."""
    return {**check.box._asdict(), "ticked": check.ticked}


def quarantined(document: str, page: int, reason: Reason, detail: str, seconds: float) -> dict[str, Any]:
    """The row of a page that could not be read."""
    return {**_unread(document, page), "outcome": Outcome.QUARANTINED.value, "reason": reason.value, "detail": detail, "seconds": seconds}


def not_wanted(document: str, page: int) -> dict[str, Any]:
    """The row of a page that the contract leaves out."""
    return {**_unread(document, page), "outcome": Outcome.EMPTY.value, "reason": Reason.NOT_WANTED.value}


def _unread(document: str, page: int) -> dict[str, Any]:
    return {
        "document": document, "page": page, "width": 0, "height": 0, "dpi": None, "rotation": 0, "transform": list(IDENTITY),
        "skew": 0.0, "text_source": "none", "words": [], "detail": None, "seconds": 0.0, "cached": False, "rulings": [], "checks": [],
        "hidden_words": 0, "aside_words": 0, "ocr_reason": None,
    }
