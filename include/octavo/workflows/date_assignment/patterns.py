"""Days that stand in paths."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import NamedTuple

from octavo.model.contracts import Locale
from octavo.model.errors import SettingsError
from octavo.page.values.dates import FIRST_YEAR, LAST_YEAR, Dates

# The orders that sort by time, which is why files are named so.
DEFAULT = ("%Y-%m-%d", "%Y_%m_%d", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d")
_DIRECTIVES = {"Y": r"(?P<year>\d{4})", "m": r"(?P<month>\d{2})", "d": r"(?P<day>\d{2})", "%": "%"}
_GROUPS = {"year", "month", "day", "date"}


class InPath(NamedTuple):
    """A day that a path names, and what names it."""

    day: dt.date
    text: str


class PathPattern:
    """One way to write a day into a path.

    Args:
        text: ``%Y``, ``%m`` and ``%d`` between any other characters, or a regular expression with groups named ``year``, ``month``
            and ``day``, or with one named ``date`` that is read as a date of the contract's locale. Without a day it is the month's
            first, without a month the year's.
        locale: how dates are written.

    Raises:
        SettingsError: it is neither.
    """

    def __init__(self, text: str, locale: Locale) -> None:
        self._dates = Dates(locale.languages, locale.date_order)
        try:
            self._pattern = re.compile(text if "(?P<" in text else _translated(text))
        except re.error as error:
            raise SettingsError(f"--pattern {text}: no regular expression: {error}") from error
        names = set(self._pattern.groupindex)
        if not names & {"year", "date"} or names - _GROUPS:
            has = ", ".join(sorted(names)) or "no group"
            raise SettingsError(f"--pattern {text}: name its year with %Y, or with a group (?P<year>…) or (?P<date>…); it has {has}")

    def find(self, path: str) -> list[InPath]:
        """The days that stand in ``path``, from left to right; impossible ones are passed over."""
        found = ((self._day(match), match) for match in self._pattern.finditer(path))
        return [InPath(day, match[0]) for day, match in found if day and FIRST_YEAR <= day.year <= LAST_YEAR]

    def _day(self, match: re.Match[str]) -> dt.date | None:
        parts = match.groupdict()
        if parts.get("date"):
            return self._dates.parse(parts["date"])
        try:
            return dt.date(*(int(parts.get(name) or 1) for name in ("year", "month", "day")))
        except ValueError:
            return None


def days_in(path: str, patterns: Sequence[PathPattern]) -> list[InPath]:
    """The days in ``path``, those of an earlier pattern first; of one pattern's the innermost, which is the last, first."""
    return [one for pattern in patterns for one in reversed(pattern.find(path))]


def _translated(text: str) -> str:
    """The regular expression that a pattern with ``%Y`` stands for; its digits do not continue at either end."""
    parts = re.split(r"%(.)", text)
    for directive in parts[1::2]:
        if directive not in _DIRECTIVES:
            raise SettingsError(f"--pattern {text}: %{directive} is not known; there are %Y, %m, %d and %%, or give a regular expression")
    made = "".join(_DIRECTIVES[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return rf"(?<!\d){made}(?!\d)"
