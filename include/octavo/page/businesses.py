"""Businesses that a page names: how their names and addresses are written, and whose name stands at its top."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from octavo.model.lexicon import Lexicon, alternatives, current, source_of
from octavo.page.index import PageIndex, runs_of
from octavo.page.labels import FUZZY_LENGTH
from octavo.page.lines import same_row

# A neighbour within this gap, in multiples of the height, belongs to the same phrase.
PHRASE_GAP = 1.2

# A house number before a comma; what post codes look like: 5 digits, 4 digits and 2 letters, a state and 5 digits.
_HOUSE_NUMBER = r"^\W*[a-z]?-?\d+[a-z]?(?:[-/&]\d+[a-z]?)*\s?,"
_POSTCODE = r"(?<![\d-])\d{5}(?![\d-])|\b\d{4}\s?[A-Z]{2}\b|\b[A-Z]{2}\s+\d{5}\b"
# A digit that OCR may have read for a letter, right between letters.
_DIGIT_FOR_LETTER = re.compile(r"[^\W\d_][.'’]?[0158]{1,2}(?=[.'’]?[^\W\d_])")


class BusinessWords:
    """How businesses are written about, in every language of a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.contact = lexicon.pattern("contact")
        self.title = lexicon.pattern("titles")
        self.trade = lexicon.pattern("trades")
        number, registration = (alternatives(lexicon.words(group)) for group in ("number_words", "registration"))
        numbers = alternatives(lexicon.words("number_words", "id_words"))
        self.numbered = rf"(?<!\w){registration}(?!\w)\W*(?:(?<!\w){numbers}(?!\w)|#|:)"
        self.registration = re.compile(
            rf"{self.numbered}|(?<!\w){registration}(?!\w)\W*(?:[a-z]{{2}})?\d{{5,}}|^\W*[a-z]{{0,3}}\d{{4,}}\s*-?\s*[a-z]?\d?\W*$",
            re.IGNORECASE,
        )
        self.reached = re.compile(rf"{self.contact.pattern}\s*[.:/+\d(]|@|www\.|\.com\b", re.IGNORECASE)
        self.address = re.compile(
            rf"(?<!\w){alternatives(lexicon.words('address'))}\d*(?!\w)|(?<!\w){number}\s?[.,:]?\s?\d+[a-z]?\b|{_HOUSE_NUMBER}|{_POSTCODE}",
            re.IGNORECASE,
        )
        self.number_first = re.compile(rf"\W*{number}\W", re.IGNORECASE)
        entries = lexicon.words("legal_forms")
        self._legal_form = re.compile(rf"(?<![\w'’]){_misread(entries)}(?!\w)", re.IGNORECASE)
        forms = {runs_of(entry) for entry in entries if entry[0].isalnum()}
        self._legal = forms | {("".join(runs),) for runs in forms if max(map(len, runs)) == 1}
        self._longest = max(map(len, self._legal), default=0)
        self._trades = {trade.casefold() for trade in lexicon.words("trades")}
        self.telling = self._trades | {runs[-1] for runs in self._legal}

    def legal_forms(self, text: str) -> list[tuple[int, int]]:
        """Where legal forms stand in a text: first character, and the one past the last. Long ones may have a letter misread."""
        return [found.span() for found in self._legal_form.finditer(text)]

    def ends_legal(self, runs: tuple[str, ...]) -> bool:
        """Whether runs of letters and digits end with a legal form."""
        return any(runs[-count:] in self._legal for count in range(1, self._longest + 1))

    def is_legal_form(self, runs: tuple[str, ...]) -> bool:
        """Whether runs of letters and digits are nothing but a legal form."""
        return runs in self._legal

    def has_trade(self, runs: tuple[str, ...]) -> bool:
        """Whether one of the runs names a trade."""
        return not self._trades.isdisjoint(runs)


def _misread(entries: Sequence[str]) -> str:
    """A pattern of the entries. Those of ``FUZZY_LENGTH`` letters may have any one character read as another."""
    patterns = [alternatives(entries)]
    for entry in entries:
        places = [at for at, char in enumerate(entry) if char.isalnum()]
        if len(places) >= FUZZY_LENGTH:
            patterns += [source_of(entry[:at]) + r"\w" + source_of(entry[at + 1:]) for at in places]
    return f"(?:{'|'.join(patterns)})"


@lru_cache(maxsize=1)
def _words(lexicon: Lexicon) -> BusinessWords:
    return BusinessWords(lexicon)


def business_words() -> BusinessWords:
    """The words of the process's lexicon."""
    return _words(current())


def has_legal_form(text: str) -> bool:
    """Whether a legal form stands anywhere in a text."""
    return bool(business_words().legal_forms(text))


def is_legal(runs: tuple[str, ...]) -> bool:
    """Whether runs of letters and digits end with a legal form."""
    return business_words().ends_legal(runs)


def is_trade(runs: tuple[str, ...]) -> bool:
    """Whether one of the runs names a trade."""
    return business_words().has_trade(runs)


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
        return bool(current().pattern("owners").search(" ".join(self._index.texts)))

    @cached_property
    def _named(self) -> list[Business]:
        """Every phrase of the page that names a business by its form, from the top down."""
        index = self._index
        stream = index.stream
        found: dict[tuple[int, ...], Business] = {}
        for i in sorted({stream.words[n] for run in stream.first.keys() & business_words().telling for n in stream.first[run]}):
            own = runs_of(index.texts[i])
            before = (i - 1, i) if i and index.lines[i - 1] == index.lines[i] else (i,)
            legal = is_legal(tuple(run for n in before for run in runs_of(index.texts[n])))
            if legal or is_trade(own):
                words = self._phrase(i, ends=legal)
                runs = tuple(run for n in words for run in runs_of(index.texts[n]))
                if business_words().is_legal_form(runs):
                    continue  # whose form it is stands elsewhere: "Co. No. 12345"
                found.setdefault(words, Business(index.boxes[words[0]].y0, words, runs, is_legal(runs)))
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


# Most words of a text that may be taken for a label.
LONGEST_LABEL_TEXT = 5


def reads_like_label(text: str) -> bool:
    """Whether a text is more likely a label than a value: it ends with a colon, or is short, has no digit and ends with a label's noun."""
    if text.rstrip().endswith(":"):
        return True
    words = [word.strip("().,:;*") for word in re.split(r"[\s/]+", text) if word.strip("().,:;*")]
    if not words or len(words) > LONGEST_LABEL_TEXT or any(c.isdigit() for c in text):
        return False
    return words[-1] == "#" or current().is_one("label_nouns", words[-1])
