"""Dates as documents print them: numeric in three orders, or with a month's name in the contract's languages."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from babel import Locale as Cldr
from babel.core import UnknownLocaleError

from octavo.model.lexicon import alternatives, current

# Two-digit years from here on are 19xx, below 20xx (the convention of POSIX strptime).
PIVOT = 69
FIRST_YEAR, LAST_YEAR = 1900, 2100

# Umlauts as they are written where there are none: März as Maerz.
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
# Months in Roman numerals, as Poland and Hungary write them: 3/III/2026.
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_Y4 = r"(?P<y>\d{4})"
_Y = r"(?P<y>\d{4}|\d{2})"
_D, _M = r"(?P<d>\d{1,2})", r"(?P<m>\d{1,2})"


# What parts the two ends of a range, and the longest beginning of one that is looked at, in characters.
_DASHES = "-–—"
_LONGEST_BEGIN = 24
# A year that has all days.
_LEAP_YEAR = 2000


class DateSpan(NamedTuple):
    """A date found in a text: the characters ``start`` to ``end`` (exclusive).

    ``order`` is 1 where the numbers fit the contract's order only, -1 where they fit the other one only
    (12/25/2018 day first), 0 where they fit both or the date has a month's name or leads with its year. ``either``: they fit both
    and mean another day in the other one.
    """

    start: int
    end: int
    date: dt.date
    order: int = 0
    either: bool = False


class DayOfYear(NamedTuple):
    """A date without its year."""

    month: int
    day: int


class DateRange(NamedTuple):
    """Two dates found in a text, the first of which takes its year, or its month too, from the last: 1 - 28 Feb 2026.

    The characters ``start`` to ``end`` (exclusive) are both, those from ``split`` on the last one.
    """

    start: int
    split: int
    end: int
    first: dt.date
    last: dt.date


class Dates:
    """Finds and reads dates in the given languages; English month names are always known."""

    def __init__(self, languages: Sequence[str], order: str) -> None:
        self._order = order
        self._months, weekdays = _names(languages)
        month = f"(?P<n>{_one_of(self._months)})" + r"(?![^\W\d_])"
        # looked at before the names are tried, one after the other, which takes ten times as long
        letter = "(?=[" + "".join(sorted({re.escape(name[0]) for name in (*self._months, "of", "de")})) + "])"
        ordinal = r"(?:st|nd|rd|th|er|\.|º)?"
        patterns = (
            rf"(?<![\w/.-]){_Y4}\s?(?P<s>[-/.年])\s?{_M}\s?(?:(?P=s)|月)\s?{_D}(?!\d)",
            rf"(?<!\w)(?P<a>\d{{1,2}})\s?(?P<s>[-/.])\s?(?P<b>\d{{1,2}})\s?(?P=s)\s?{_Y}(?!\d|(?P=s)\d|:\d)",
            rf"(?<!\w){_D}{ordinal}[-/.,\s]{{0,3}}{letter}(?:of |de |d')?{month}\.?[-/.,'’\s]{{0,3}}(?:de )?{_Y}(?![\d:])",
            rf"{letter}(?<![^\W\d_]){month}\.?[-/.\s]{{0,3}}{_D}(?:st|nd|rd|th)?[-/.,'’\s]{{1,3}}{_Y}(?![\d:])",
            rf"(?<!\w){_D}(?P<s>[-/. ])\s?(?P<r>(?-i:[IVX]{{1,4}}))(?P=s)\s?{_Y4}(?!\d)",
            rf"(?<![\w/.-]){_Y4}[-/.,\s]{{1,2}}{month}\.?[-/.,\s]{{1,2}}{_D}(?!\d)",
        )
        self._patterns = [re.compile(pattern, re.I) for pattern in patterns]
        self._yearless = [re.compile(pattern, re.I) for pattern in (
            rf"(?<!\w){_D}{ordinal}[-/.\s]{{0,2}}{letter}(?:of |de |d')?{month}\.?",
            rf"{letter}(?<![^\W\d_]){month}\.?[-/.\s]{{0,2}}{_D}(?:st|nd|rd|th)?(?!\w|[.,/:]\d)",
            r"(?<![\w/.,-])(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?![\w/:-]|[.,]\d)\.?",
        )]
        self._goes_on = re.compile(rf",?\s(?:19|20)\d{{2}}(?!\d)|\.?\s?(?:{_one_of(self._months)})(?![^\W\d_])", re.I)
        self._parting = parting = rf"(?:\s?[{_DASHES}]\s?|\s{alternatives(current().words('ranges'))}\s)"
        month = rf"\.?[\s-]?(?:{_one_of(self._months)})\.?"
        self._begins = re.compile(rf"(?<![\w./-])(?P<d>\d{{1,2}})(?:(?P<m>[./]\d{{1,2}}[./]?|{month})|\.)?{parting}$", re.I)
        self._month_starts = sorted({name[:3] for name in self._months})
        days = _one_of(weekdays)
        before, after = (alternatives(current().words(group)) for group in ("before_time", "after_time"))
        # what may stand beside a date in its own value: a weekday, and a time of ISO 8601 or of the lexicon's languages
        time = rf"(?:T|{before})?\s*\d{{1,2}}[:.h]\d{{2}}(?:[:.]\d{{2}}(?:\.\d+)?)?\s*(?:{after})?\s*(?:Z|UTC|GMT|[+-]\d{{2}}:?\d{{2}})?"
        self._beside = re.compile(rf"[\s()\[\],.;:*#-]*(?:(?:{days})\.?[\s,]*)?[\s()\[\],.;:*#-]*(?:{time})?[\s()\[\],.;:*#-]*", re.I)

    def find(self, text: str) -> Iterator[DateSpan]:
        """Every date in ``text``, leftmost and longest first, without overlaps; impossible dates are passed over."""
        spans = [
            DateSpan(found.start(), found.end(), date, self._fits(found), self._fits_either(found))
            for found, date in self._matches(text) if not self._is_of_range(found)
        ]
        spans.sort(key=lambda span: (span.start, -span.end))
        end = -1
        for span in spans:
            if span.start >= end:
                yield span
                end = span.end

    def _matches(self, text: str) -> Iterator[tuple[re.Match[str], dt.date]]:
        """What reads as a date in ``text``, also where it is part of something longer."""
        folded = text.casefold()
        named = any(start in folded for start in self._month_starts)
        patterns = self._patterns if named else (*self._patterns[:2], self._patterns[4])
        for pattern in patterns:
            for found in pattern.finditer(text):
                date = self._date(found)
                if date:
                    yield found, date

    def ranges(self, text: str) -> Iterator[DateRange]:
        """Every range in ``text`` whose first date is cut short, in order."""
        for found, _ in sorted(self._matches(text), key=lambda one: one[0].start()):
            begin = self._begins.search(text, max(0, found.start() - _LONGEST_BEGIN), found.start())
            dates = self.parse_range(text[begin.start():found.end()]) if begin else None
            if begin and dates:
                yield DateRange(begin.start(), found.start(), found.end(), *dates)

    def parse_range(self, text: str) -> tuple[dt.date, dt.date] | None:
        """The first and the last date of the one range that ``text`` is; otherwise None."""
        for parting in re.finditer(self._parting, text, re.I):
            head, last = text[:parting.start()].strip(), self.parse(text[parting.end():].strip())
            if last is None:
                continue
            first = self.parse(head)
            if first is None:
                day = DayOfYear(last.month, int(head.rstrip("."))) if head.rstrip(".").isdecimal() else self.parse_without_year(head)
                first = _make(last.year, *day) if day else None
                if day and first and first > last:
                    first = _make(last.year - 1, *day)
            if first and first <= last:
                return first, last
        return None

    def without_year(self, text: str) -> Iterator[tuple[int, int, DayOfYear]]:
        """Every date in ``text`` that has no year: where it begins, where it ends, and what it is."""
        taken = [(found.start(), found.end()) for found, _ in self._matches(text)]
        for pattern in self._yearless:
            for one in pattern.finditer(text):
                day = self._day_of_year(one)
                if day is not None and not any(start < one.end() and one.start() < end for start, end in taken):
                    yield one.start(), one.end(), day
                    taken.append(one.span())

    def parse_without_year(self, text: str) -> DayOfYear | None:
        """The one date without a year that ``text`` is, with a weekday or a clock time beside it at most; otherwise None."""
        found = list(self.without_year(text))
        if len(found) != 1:
            return None
        start, end, day = found[0]
        return day if self._beside.fullmatch(text[:start] + " " + text[end:]) else None

    def _day_of_year(self, found: re.Match[str]) -> DayOfYear | None:
        parts = found.groupdict()
        if "n" in parts:
            month, day = self._months[fold(parts["n"])], int(parts["d"])
        else:
            first, second = int(parts["a"]), int(parts["b"])
            month, day = (second, first) if self._order == "DMY" else (first, second)
            if month > 12 >= day:
                day, month = month, day
        return DayOfYear(month, day) if _make(_LEAP_YEAR, month, day) else None

    def parse(self, text: str) -> dt.date | None:
        """The one date that ``text`` is, with a weekday or a clock time beside it at most; otherwise None."""
        spans = list(self.find(text))
        if not spans:
            compact = re.fullmatch(rf"{_Y4}(?P<m>\d\d)(?P<d>\d\d)", text)
            return _make(int(compact["y"]), int(compact["m"]), int(compact["d"])) if compact else None
        if len(spans) > 1:
            return None
        span = spans[0]
        return span.date if self._beside.fullmatch(text[: span.start] + " " + text[span.end :]) else None

    def _fits(self, found: re.Match[str]) -> int:
        parts = found.groupdict()
        if "a" not in parts or self._order == "YMD":
            return 0
        day, month = (parts["b"], parts["a"]) if self._order == "MDY" else (parts["a"], parts["b"])
        return 1 if int(day) > 12 else -1 if int(month) > 12 else 0

    def _fits_either(self, found: re.Match[str]) -> bool:
        parts = found.groupdict()
        return "a" in parts and self._order != "YMD" and parts["a"] != parts["b"] and max(int(parts["a"]), int(parts["b"])) <= 12

    def _is_of_range(self, found: re.Match[str]) -> bool:
        """Whether a date is the end of a range whose beginning is cut short: 01.11.-30.11.2026, 1-30 November 2026, Nov 1-30, 2026."""
        text, parts = found.string, found.groupdict()
        if len(parts["y"]) == 2 and self._goes_on.match(text, found.end()) and text[: found.end() - 2].rstrip()[-1:] in _DASHES:
            return True
        begin = self._begins.search(text, max(0, found.start() - _LONGEST_BEGIN), found.start())
        if begin is None or not 1 <= int(begin["d"]) <= 31:
            return False
        return bool(begin["m"]) or ("n" in parts and int(begin["d"]) < int(parts["d"]))

    def _date(self, found: re.Match[str]) -> dt.date | None:
        parts = found.groupdict()
        if "r" in parts:
            return _make(int(parts["y"]), _ROMAN.index(parts["r"]) + 1, int(parts["d"])) if parts["r"] in _ROMAN else None
        if "n" in parts:
            return _make(_year(parts["y"]), self._months[fold(parts["n"])], int(parts["d"]))
        if "a" not in parts:
            return _make(int(parts["y"]), int(parts["m"]), int(parts["d"]))
        text, start = found.string, found.start()
        if start > 1 and text[start - 1] == parts["s"] and text[start - 2].isdigit():
            return None  # the tail of something longer, such as a telephone number
        first, second = int(parts["a"]), int(parts["b"])
        if self._order == "YMD" and len(parts["a"]) == len(parts["y"]) == 2:
            year_first = _make(_year(parts["a"]), second, int(parts["y"]))
            if year_first:
                return year_first
        day, month = (second, first) if self._order == "MDY" else (first, second)
        if month > 12 >= day:
            day, month = month, day
        return _make(_year(parts["y"]), month, day)


def fold(name: str) -> str:
    """Lower case without accents, so that OCR and telegraph spellings meet; Turkish's dotless i as i, as ``re`` compares it."""
    plain = unicodedata.normalize("NFD", name.casefold().rstrip(".").replace("ı", "i"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= PIVOT else 2000)


def _make(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day) if FIRST_YEAR <= year <= LAST_YEAR else None
    except ValueError:
        return None


def _one_of(names: Iterable[str]) -> str:
    """A pattern of any of the names, longest first; by first letters, since ``re`` tries one alternative after the other."""
    by_letter: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: (-len(name), name)):
        by_letter.setdefault(name[0], []).append(re.escape(name[1:]))
    return "|".join(f"{re.escape(letter)}(?:{'|'.join(rests)})" for letter, rests in sorted(by_letter.items()))


def _names(languages: Sequence[str]) -> tuple[dict[str, int], set[str]]:
    """Month names (folded, and as written) and weekday names from CLDR; a name that two months share is left out."""
    months: dict[str, int] = {"sept": 9}
    shared: set[str] = set()
    weekdays: set[str] = set()
    for language in dict.fromkeys(("en", *languages)):
        try:
            cldr = Cldr.parse(language, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in cldr.months[context][width].items():
                    for form in {fold(name), name.casefold().rstrip("."), fold(name)[:3], fold(name.translate(_TWO_LETTERS))}:
                        if months.setdefault(form, number) != number:
                            shared.add(form)
                weekdays.update(name.casefold().rstrip(".") for name in cldr.days[context][width].values())
    return {name: number for name, number in months.items() if name not in shared and not name.isdigit()}, weekdays
