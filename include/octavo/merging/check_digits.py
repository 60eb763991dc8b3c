"""Check digits: what a number itself says about what it is. The rules are python-stdnum's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module

from octavo.merging.field_links import PLACED, STRONG, Tie
from octavo.page.index import PageIndex

# Kinds that a number of another kind passes for once in a hundred times or less: two check digits, or one beside a country's own form.
# One check digit alone lets every tenth number pass, which proves nothing.
PROVING = frozenset({"iban", "eu.vat", "lei", "isin", "isni", "iso11649", "grid"})
# Most words that one number is printed in: an IBAN of 34 characters in groups of four.
MOST_WORDS = 9
LONGEST = 34
SHORTEST = 8
_CACHE = 1 << 14
_SEPARATORS = re.compile(r"[\s.\-–/]+")
_EDGES = re.compile(r"^[^0-9A-Za-z]+|[^0-9A-Za-z]+$")


@lru_cache(_CACHE)
def kind_of(kinds: tuple[str, ...], text: str) -> str:
    """The first of ``kinds`` that ``text`` is a valid number of; empty for none."""
    text = _EDGES.sub("", text)
    forms = (text, _SEPARATORS.sub("", text))  # some kinds know separators of their own, others none
    return next((kind for kind in kinds if any(map(import_module(f"stdnum.{kind}").is_valid, forms))), "")


def tie(index: PageIndex, kinds: tuple[str, ...], text: str, words: Sequence[int]) -> Tie | None:
    """How its check digits tie a value to its field; None where they do not.

    A number whose kind is hard to meet by chance is the field's when the page has no other one of the kind.
    Any other valid number is only likelier than one that is not.
    """
    kind = kind_of(kinds, text)
    if not kind:
        return None
    name = kind.rpartition(".")[2].upper()
    if kind in PROVING and not _others(index, kind, frozenset(words)):
        return Tie(1.0, f"the page's only valid {name} number", "", PLACED)
    return Tie(STRONG / 2, f"a valid {name} number", "", PLACED)


def _others(index: PageIndex, kind: str, own: frozenset[int]) -> bool:
    """Whether words other than ``own`` show another valid number of the kind."""
    shown = _compact(" ".join(index.texts[i] for i in sorted(own)))
    for first in range(len(index.texts)):
        text = ""
        for last in range(first, min(first + MOST_WORDS, len(index.texts))):
            text += _compact(index.texts[last])
            if len(text) > LONGEST or index.lines[last] != index.lines[first]:
                break
            is_other = text not in shown and shown not in text
            if is_other and len(text) >= SHORTEST and any(char.isdigit() for char in text) and kind_of((kind,), text):
                return True
    return False


def _compact(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())
