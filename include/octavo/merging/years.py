"""Years of dates that the page prints without one: they are those of another field of the document (``year_from``)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from octavo.model.contracts import Contract, leaf_path
from octavo.model.entities import Field, Verdict
from octavo.page.values import DayOfYear


def completed(fields: Sequence[Field], contract: Contract) -> list[Field]:
    """A document's fields with whole dates: of the years around the other field's the one that brings a date nearest to it.

    A date whose year is not known has no typed value, and none is surer than its year.
    """
    specs = dict(contract.leaves())
    by_path = {field.path: field for field in fields}
    return [
        _completed(field, by_path.get(specs[leaf_path(field.path)].year_from or ""), specs[leaf_path(field.path)].year_from)
        if isinstance(field.typed, DayOfYear) else field for field in fields
    ]


def _completed(field: Field, source: Field | None, name: str | None) -> Field:
    day = field.typed
    if not isinstance(day, DayOfYear) or source is None or not isinstance(source.typed, dt.date) or source.verdict is Verdict.UNSUPPORTED:
        return _doubted(field._replace(typed=None), f"its year is not known, since {name} has no date")
    about = source.typed
    dates = [date for year in (about.year - 1, about.year, about.year + 1) if (date := _date(year, day))]
    if not dates:
        return _doubted(field._replace(typed=None), f"no year near {about.year} has such a day")
    whole = field._replace(typed=min(dates, key=lambda date: (abs(date - about), date)))
    if source.verdict is not Verdict.ACCEPTED:
        return _doubted(whole, f"its year is that of {name}, which is not accepted")
    if whole.confidence is not None and source.confidence is not None:
        whole = whole._replace(confidence=min(whole.confidence, source.confidence))
    return whole._replace(reason=f"{whole.reason}; its year by {name}") if whole.verdict is Verdict.ACCEPTED else whole


def _doubted(field: Field, why: str) -> Field:
    return field._replace(verdict=Verdict.AMBIGUOUS, reason=why) if field.verdict is Verdict.ACCEPTED else field


def _date(year: int, day: DayOfYear) -> dt.date | None:
    try:
        return dt.date(year, day.month, day.day)
    except ValueError:
        return None
