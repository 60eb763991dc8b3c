"""Businesses that a page names: whose name stands at its top, and what else there may be the sender's name."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from octavo.page.index import PageIndex, runs_of
from octavo.page.lines import same_row

# A neighbour within this gap, in multiples of the height, belongs to the same phrase.
PHRASE_GAP = 1.2
# Fewest letters of a word that makes a name, beside the legal form.
NAMING_LETTERS = 3

# Runs that end a business's name, in the countries whose documents we meet.
_LEGAL = frozenset({
    "ag", "kg", "kgaa", "ug", "gmbh", "mbh", "ohg", "gbr", "ev", "ltd", "limited", "inc", "incorporated", "llc", "llp", "lp", "plc",
    "corp", "corporation", "bhd", "bv", "nv", "vof", "sa", "sas", "sarl", "sasu", "eurl", "spa", "srl", "pte", "pty", "oy", "oyj",
    "ab", "aps", "as", "asa", "kft", "zrt", "sro", "doo",
})
_LEGAL_PAIRS = frozenset({("s", "b"), ("b", "v"), ("n", "v"), ("s", "a"), ("a", "g"), ("e", "v"), ("e", "k"), ("co", "kg"), ("gmbh", "co")})
# Nouns of trades that small businesses, which have no legal form, put into their names.
_TRADES = frozenset({
    "restaurant", "restoran", "cafe", "kopitiam", "bakery", "bistro", "hardware", "supermarket", "minimarket", "mart", "market",
    "stationery", "pharmacy", "farmasi", "clinic", "klinik", "shop", "store", "stores", "kedai", "pasar", "syarikat", "perniagaan",
    "enterprise", "trading", "hotel", "petroleum", "petrol", "supply", "supplies", "grocers", "grocery", "bookstore", "gallery",
    "motors", "workshop", "salon", "seafood", "boutique", "butcher", "florist", "garage", "apotheke", "bäckerei", "boulangerie",
    "pharmacie", "winkel",
})
_TELLING = _LEGAL | _TRADES | {pair[-1] for pair in _LEGAL_PAIRS}
# Says that the business and its owner, who may both be called the seller, are told apart.
_OWNER = re.compile(r"\b(?:owned|operated|managed)\s+(?:and\s+\w+\s+)?by\b|\btrading\s+as\b|\bd[./]?b[./]?a\b[.:]?|\bt/a\b", re.IGNORECASE)
# A digit that OCR may have read for a letter, right between letters.
_DIGIT_FOR_LETTER = re.compile(r"[^\W\d_][.'’]?[0158]{1,2}(?=[.'’]?[^\W\d_])")


def is_legal(runs: tuple[str, ...]) -> bool:
    """Whether runs of letters and digits end with a legal form."""
    return bool(runs) and (runs[-1] in _LEGAL or runs[-2:] in _LEGAL_PAIRS)


def is_trade(runs: tuple[str, ...]) -> bool:
    """Whether one of the runs names a trade."""
    return not _TRADES.isdisjoint(runs)


def is_misread(text: str) -> bool:
    """Whether a word of a name mixes letters with digits that look like letters: ``D.1.Y.``."""
    return bool(_DIGIT_FOR_LETTER.search(text))


class Business(NamedTuple):
    """A phrase that ends with a legal form, or holds the noun of a trade: its first line's top, its words and their runs."""

    top: int
    words: tuple[int, ...]
    runs: tuple[str, ...]
    legal: bool


class Businesses:
    """What one page says of businesses."""

    def __init__(self, index: PageIndex) -> None:
        self._index = index

    @cached_property
    def has_owner(self) -> bool:
        """Whether the page tells a business and its owner apart."""
        return bool(_OWNER.search(" ".join(self._index.texts)))

    @cached_property
    def _named(self) -> list[Business]:
        """Every phrase of the page that names a business by its form, from the top down."""
        index = self._index
        stream = index.stream
        found: dict[tuple[int, ...], Business] = {}
        for i in sorted({stream.words[n] for run in stream.first.keys() & _TELLING for n in stream.first[run]}):
            own = runs_of(index.texts[i])
            before = (i - 1, i) if i and index.lines[i - 1] == index.lines[i] else (i,)
            legal = is_legal(tuple(run for n in before for run in runs_of(index.texts[n])))
            if legal or is_trade(own):
                words = self._phrase(i, ends=legal)
                runs = tuple(run for n in words for run in runs_of(index.texts[n]))
                found.setdefault(words, Business(index.boxes[words[0]].y0, words, runs, legal))
        return sorted(found.values(), key=lambda one: (one.top, one.words))

    def _phrase(self, i: int, ends: bool) -> tuple[int, ...]:
        """The words that stand tightly together on a line with word ``i``; up to it where it ``ends`` the phrase."""
        index, first, last = self._index, i, i
        while first and self._together(first - 1, first):
            first -= 1
        while not ends and last + 1 < len(index.texts) and self._together(last, last + 1):
            last += 1
        return tuple(range(first, last + 1))

    def _together(self, left: int, right: int) -> bool:
        one, other = self._index.boxes[left], self._index.boxes[right]
        return self._index.lines[left] == self._index.lines[right] and same_row(one, other) \
            and other.x0 - one.x1 <= PHRASE_GAP * max(1, min(one.height, other.height))

    def rival_of(self, words: tuple[int, ...]) -> str:
        """Another name on the page that may be the sender's as well; empty for none.

        For a name with a legal form that is one above it; for any other it is one with a legal form, wherever it stands.
        """
        index = self._index
        own = tuple(run for i in words for run in runs_of(index.texts[i]))
        legal, joined, top = is_legal(own), "".join(own), index.boxes[words[0]].y0
        for one in self._named:
            other = "".join(one.runs)
            above = one.words[-1] < words[0] and one.top < top
            if not set(one.words).isdisjoint(words) or other in joined or (joined in other and not one.legal):
                continue
            if above if legal else (one.legal or above):
                return " ".join(index.texts[i] for i in one.words)
        return ""
