"""Text reduced to what counts when it is compared."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Marks that stand around a value without belonging to it.
_MARKS = " \t\r\n.,;:!?*|_~`'\"’‘“”«»=<>[]{}"
_ASCII_REST = {code: None for code in range(128) if not chr(code).isalnum()}


def collapse(text: str) -> str:
    """White space collapsed to single spaces and trimmed."""
    return " ".join(text.split())


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: half a surrogate pair, which JSON may escape, becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(1 << 16)
def squeeze(text: str) -> str:
    """NFKC, casefolded, letters and digits only: how texts and identifiers are compared. Leading zeros stay."""
    if text.isascii():
        return text.lower() if text.isalnum() else text.lower().translate(_ASCII_REST)
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def strip_marks(text: str) -> str:
    """White space collapsed and marks around the text dropped; signs, brackets and currency marks stay."""
    return collapse(text).strip(_MARKS)
