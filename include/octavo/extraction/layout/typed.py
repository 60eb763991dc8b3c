"""Which runs of words look like a value of a kind: a pre-screen, parsing to types is the merge stage's.

A *text* is what stands in a run of words joined by single spaces; every match is brought back to
the words it covers, so that a value is always words of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from babel.dates import get_month_names

from octavo.contracts import Kind, Locale
from octavo.model import Page

# Month names are accepted in all of these, whatever the contract's languages: labels and dates of one
# document are often in two languages.
LANGUAGES = ("en", "de", "fr", "nl", "es", "it", "pt", "ms")
CURRENCY = r"(?:[€$£¥]|US\$|RM|MYR|EUR|USD|GBP|CHF|SGD|CAD|AUD|INR|Rs\.?|₹|kr)"
# A space groups thousands only before a decimal comma: "2 150.00" is a quantity and a price.
_AMOUNT = r"(?:\d{1,3}(?:[.,'’]\d{3})+\s?[.,]\s?\d{2}|\d{1,3}(?:[ \u00a0\u202f]\d{3})+,\d{2}|\d+\s?[.,]\s?\d{2})"
MONEY = re.compile(
    rf"(?<![\w.,/-])(?P<open>\()?(?:-\s?)?(?:{CURRENCY}\s?)?(?:-\s?)?(?:{_AMOUNT})(?![\d/%]|[.,]\d|\s?%)(?:-(?!\d))?(?:\s?{CURRENCY}(?!\w))?(?(open)\))"
    rf"|(?<![\w.,/-])(?:-\s?)?{CURRENCY}\s?-?\d{{1,3}}(?:[.,]\d{{3}})*(?![\d/%.,])",
    re.IGNORECASE,
)
NUMBER = re.compile(r"(?<![\w.,/])-?\d+(?:[.,']\d{3})*(?:[.,]\d+)?(?![\w/])")
INTEGER = re.compile(r"(?<![\w.,/])-?\d{1,3}(?:[.,']?\d{3})*(?![\w/.,]\d)")
PERCENTAGE = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)?\s?%")
PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d ()/.-]{6,}\d(?!\w)")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(
    r"(?:https?://|www\.)[^\s,;]+"
    r"|(?<![@\w.])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|gov|edu|de|fr|nl|eu|my|uk|io|info)(?:/[^\s,;]*)?(?![\w@])",
    re.IGNORECASE,
)
CURRENCY_CODE = re.compile(rf"(?<![A-Za-z]){CURRENCY}(?![A-Za-z])|\b[A-Z]{{3}}\b")
# An identifier has a digit; it may start with letters, and go on over ./-_ and a space before a digit group.
IDENTIFIER = re.compile(r"(?<![\w])(?:[A-Za-z]{0,6}[-/.]?)?(?=[\w./-]*\d)[A-Za-z0-9][\w./-]*(?:\s?[-/]\s?\w*\d\w*)*(?<![./-])")
_CLOCK = re.compile(r"^\d{1,2}:\d{2}")


@lru_cache(maxsize=1)
def date_pattern() -> re.Pattern[str]:
    """Dates in digits, and with month names of ``LANGUAGES``, in any order and with the usual separators."""
    names: set[str] = set()
    for language in LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                names |= {name.casefold().rstrip(".") for name in get_month_names(width, context, language).values()}
    names |= {name[:3] for name in names if len(name) > 3 and name.isascii()} | {"sept", "mrz"}
    month = "(?:" + "|".join(sorted(map(re.escape, names), key=lambda n: (-len(n), n))) + ")"
    year, day = r"(?:(?:19|20)\d{2}|'?\d{2})", r"(?:0?[1-9]|[12]\d|3[01])"
    return re.compile(
        r"(?<![\w.,/])(?:"
        rf"(?:19|20)\d{{2}}\s?(?P<a>[-/.])\s?\d{{1,2}}\s?(?P=a)\s?\d{{1,2}}"
        rf"|{day}\s?(?P<b>[-/.])\s?\d{{1,2}}\s?(?P=b)\s?{year}"
        rf"|{day}(?:st|nd|rd|th|er)?[\s./-]*(?:de\s|of\s)?{month}[\s.,/'-]*(?:de\s)?{year}"
        rf"|{month}[\s./-]*{day}(?:st|nd|rd|th)?[\s.,/'-]+{year}"
        r")(?![\d/]|[.,]\d|-\d{1,2}(?![\d./-]))",
        re.IGNORECASE,
    )


@dataclass(frozen=True, slots=True)
class Match:
    """A typed match: its text as printed, the words it covers, and how many words precede it in the run."""

    text: str
    words: tuple[int, ...]
    before: int


class Run:
    """Words of a page, in a given order, as one text; ``skip`` characters of the first word are left out."""

    def __init__(self, page: Page, words: Sequence[int], skip: int = 0) -> None:
        self.words = tuple(words)
        parts = [page.words[i].text for i in self.words]
        if parts:
            parts[0] = parts[0][skip:]
        self.text = " ".join(parts)
        lengths = [len(part) + 1 for part in parts]
        self._starts = [0, *accumulate(lengths)][:-1] if parts else []
        self._ends = [start + length - 1 for start, length in zip(self._starts, lengths, strict=True)]

    def cut(self, start: int, end: int) -> tuple[str, tuple[int, ...], int]:
        """The text from ``start`` to ``end``, its words, and how many words stand before it."""
        covered = [n for n in range(len(self.words)) if self._starts[n] < end and self._ends[n] > start]
        return self.text[start:end], tuple(self.words[n] for n in covered), covered[0] if covered else 0


def patterns(kind: Kind) -> tuple[re.Pattern[str], ...]:
    """The patterns of a kind; none for free text."""
    match kind:
        case Kind.DATE:
            return (date_pattern(),)
        case Kind.MONEY:
            return (MONEY,)
        case Kind.NUMBER:
            return (NUMBER,)
        case Kind.INTEGER:
            return (INTEGER,)
        case Kind.PERCENTAGE:
            return (PERCENTAGE,)
        case Kind.PHONE:
            return (PHONE,)
        case Kind.EMAIL:
            return (EMAIL,)
        case Kind.URL:
            return (URL,)
        case Kind.IDENTIFIER:
            return (IDENTIFIER,)
        case Kind.CURRENCY:
            return (CURRENCY_CODE,)
        case _:
            return ()


def matches(run: Run, kind: Kind, locale: Locale) -> Iterator[Match]:
    """What looks like a value of ``kind`` in a run, from left to right."""
    del locale
    for pattern in patterns(kind):
        for found in pattern.finditer(run.text):
            text = found.group()
            if kind is Kind.IDENTIFIER and (date_pattern().fullmatch(text) or _CLOCK.match(run.text[found.start():])):
                continue
            if kind is Kind.INTEGER and _CLOCK.match(run.text[found.start():]):
                continue
            stripped = text.strip()
            start = found.start() + text.index(stripped)
            text, words, before = run.cut(start, start + len(stripped))
            if words:
                yield Match(text, words, before)


def is_typed(text: str, kind: Kind) -> bool:
    """Whether the whole of ``text`` looks like one value of ``kind``; free text needs a letter or digit."""
    found = patterns(kind)
    if not found:
        return any(c.isalnum() for c in text)
    return any(pattern.fullmatch(text.strip()) for pattern in found)
