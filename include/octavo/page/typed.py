"""Which runs of words look like a value of a kind; what such a text says as a value is the merge stage's to read.

A *text* is what stands in a run of words joined by single spaces; every match is brought back to
the words it covers, so that a value is always words of the page.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

from octavo.model.contracts import FieldSpec, Kind, Locale, Marks
from octavo.model.entities import Box, Page
from octavo.model.lexicon import Lexicon, alternatives, current
from octavo.page.lines import Segment
from octavo.page.values import EMAIL, DateSpan, currency_of, parser
from octavo.page.values.numbers import APOSTROPHES, FRACTIONS, GROUPS, MINUS, SPACES, style_of

PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d ()/.-]{6,}\d(?!\w)")
# An identifier is groups of digits with single spaces between, or has a digit; it may start with letters
# and go on over ./-_ and a space before a digit group.
IDENTIFIER = re.compile(
    r"(?<![\w./-])\d{2,}(?: \d{2,}(?![\d/.:,-])){1,5}(?!\w)|"
    r"(?<![\w])(?:[A-Za-z]{0,6}[-/.]?)?(?=[\w./-]*\d)[A-Za-z0-9][\w./-]*(?:\s?[-/]\s?\w*\d\w*)*(?<![./-])"
)
# A sign or a mark belongs to an amount across this gap at most, in multiples of the height.
SIGN_GAP = 3.0
_GLUED_CLOCK = re.compile(r"(?<![\d/.-])(\d{1,2}(?P<s>[-/.])\d{1,2}(?P=s)(?:20\d{2}|\d{2}))(\d{1,2}:\d{2}(?::\d{2})?)(?!\d)")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")


class _Patterns:
    """The patterns of what a lexicon knows: marks of currencies, a contract's own among them, and domains of the web."""

    def __init__(self, lexicon: Lexicon, code: str | None) -> None:
        marks = (*lexicon.printed_marks, *sorted(lexicon.own_marks(code)))
        currency = "(?:" + "|".join(re.escape(mark) + (r"\.?" if mark.isalpha() else "") for mark in marks) + ")"
        self.currency_mark = re.compile(rf"(?<![A-Za-z]){currency}(?![A-Za-z])")
        self.currency_code = re.compile(rf"{self.currency_mark.pattern}|\b[A-Z]{{3}}\b")
        self.url = re.compile(
            r"(?:https?://|www\.)[^\s,;]+"
            rf"|(?<![@\w.])[\w-]+(?:\.[\w-]+)*\.{alternatives(lexicon.words('domains'))}(?:/[^\s,;]*)?(?![\w@])",
            re.IGNORECASE,
        )


@lru_cache(maxsize=16)
def _patterns(lexicon: Lexicon, code: str | None) -> _Patterns:
    return _Patterns(lexicon, code)


def currency_mark(code: str | None = None) -> re.Pattern[str]:
    """Finds marks and codes of currencies as they are printed, with those that a contract's own currency alone has."""
    return _patterns(current(), code).currency_mark


@dataclass(frozen=True, slots=True)
class Match:
    """A typed match: its text as printed, the words it covers, and how many words precede it in the run."""

    text: str
    words: tuple[int, ...]
    before: int


def wide_gap(left: Box, right: Box) -> int:
    """How many spaces stand for a gap between segments: two, or three where it is too wide for a sign and its amount."""
    return 2 if right.x0 - left.x1 <= SIGN_GAP * max(left.height, right.height) else 3


class Run:
    """Words of a page, in a given order, as one text; ``skip`` characters of the first word are left out.

    Words stand one space apart; ``parts`` says which words stand in one segment, and where it changes
    there are two or three spaces, so that no pattern joins a quantity to the amount in the next column.
    """

    def __init__(self, page: Page, words: Sequence[int], skip: int = 0, parts: Mapping[int, Segment] | None = None) -> None:
        self.words = tuple(words)
        texts = [page.words[i].text for i in self.words]
        if texts:
            texts[0] = texts[0][skip:]
        boxes = [page.words[i].box for i in self.words] if parts else []
        gaps = [0] + [
            wide_gap(boxes[n], boxes[n + 1]) if parts and parts[a] is not parts[b] else 1 for n, (a, b) in enumerate(pairwise(self.words))
        ]
        self.text = "".join(" " * gap + text for gap, text in zip(gaps, texts, strict=False))
        self._ends = list(accumulate(gap + len(text) for gap, text in zip(gaps, texts, strict=False)))
        self._starts = [end - len(text) for end, text in zip(self._ends, texts, strict=True)]

    def cut(self, start: int, end: int) -> tuple[str, tuple[int, ...], int]:
        """The text from ``start`` to ``end``, its words, and how many words stand before it."""
        first, past = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return " ".join(self.text[start:end].split()), self.words[first:past], first if first < past else 0


@lru_cache(maxsize=2)
def _numbers(spaces: bool) -> dict[Kind, re.Pattern[str]]:
    """The patterns of plain numbers; ``spaces``: a space groups digits, as it does in French. Spaces that do not break always do."""
    blanks = SPACES if spaces else SPACES.replace(" ", "")
    grouped = rf"(?:{GROUPS}|\d{{1,3}}(?:[{blanks}]\d{{3}})+(?!\d)|\d+)(?![{blanks}]\d{{3}}(?!\d))"
    begin = rf"(?<![\w.,/])(?<!\d[{APOSTROPHES}])[{MINUS}]?"
    return {
        Kind.NUMBER: re.compile(rf"{begin}(?:{grouped}(?:[.,]\d+)?(?:\s?[{FRACTIONS}])?|[{FRACTIONS}])(?![\w/]|[.,{APOSTROPHES}]\d)"),
        Kind.INTEGER: re.compile(rf"{begin}{grouped}(?!\w|[/.,{APOSTROPHES}]\d)"),
        Kind.PERCENTAGE: re.compile(rf"{begin}{grouped}(?:[.,]\d+)?\s?%"),
    }


def _pattern(kind: Kind, locale: Locale) -> re.Pattern[str] | None:
    """The pattern of a kind; None for free text, and for amounts and dates, which ``octavo.page.values`` finds."""
    match kind:
        case Kind.NUMBER | Kind.INTEGER | Kind.PERCENTAGE:
            return _numbers(style_of(locale).spaces)[kind]
        case Kind.PHONE:
            return PHONE
        case Kind.EMAIL:
            return EMAIL
        case Kind.URL:
            return _patterns(current(), locale.currency).url
        case Kind.IDENTIFIER:
            return IDENTIFIER
        case Kind.CURRENCY:
            return _patterns(current(), locale.currency).currency_code
        case _:
            return None


def matches(run: Run, kind: Kind, locale: Locale) -> Iterator[Match]:
    """What looks like a value of ``kind`` in a run, from left to right."""
    yield from _matches(run, _spans(run.text, kind, locale))


def _matches(run: Run, spans: Iterable[tuple[int, int]]) -> Iterator[Match]:
    for start, end in spans:
        while start < end and run.text[start].isspace():
            start += 1
        while start < end and run.text[end - 1].isspace():
            end -= 1
        text, words, before = run.cut(start, end)
        if words:
            yield Match(text, words, before)


def values(run: Run, spec: FieldSpec, locale: Locale) -> Iterator[Match]:
    """What looks like a value of a field in a run, from left to right: with its own marks, and without a year where it has one from
    another field."""
    yield from _matches(run, _spans(run.text, spec.type, locale, spec.marks))
    if spec.year_from is not None:
        yield from _matches(run, ((start, end) for start, end, _ in parser(locale).days_of_year(run.text)))


def _spans(text: str, kind: Kind, locale: Locale, marks: Marks | None = None) -> Iterator[tuple[int, int]]:
    if kind is Kind.DATE:
        yield from ((span.start, span.end) for span in _dates(text, locale))
        return
    if kind is Kind.MONEY:
        yield from ((span.start, span.end) for span in parser(locale, marks).amounts(text))
        return
    pattern = _pattern(kind, locale)
    for found in pattern.finditer(text) if pattern else ():
        if kind in (Kind.IDENTIFIER, Kind.INTEGER) and _CLOCK.match(text, found.start()):
            continue
        if kind is Kind.IDENTIFIER and has_date(found.group(), locale):
            continue
        if kind is Kind.CURRENCY and currency_of(found.group(), locale.currency) is None:
            continue
        yield found.span()


def _dates(text: str, locale: Locale) -> Iterator[DateSpan]:
    """The dates in a text; a clock time that OCR glued to one (``18/03/1809:03``) does not hide it."""
    return parser(locale).dates(_GLUED_CLOCK.sub(lambda found: found[1] + " " * len(found[3]), text))


def has_amount(text: str, locale: Locale) -> bool:
    """Whether there is an amount in ``text``."""
    return any(True for _ in parser(locale).amounts(text))


def has_date(text: str, locale: Locale) -> bool:
    """Whether there is a possible date in ``text``."""
    return any(True for _ in _dates(text, locale))
