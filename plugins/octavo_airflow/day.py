"""Which day a run is about: the one place that answers it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from octavo.model.errors import SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Context


def resolve_day(context: Context, day: str = "") -> dt.date:
    """The day whose documents a run takes, in UTC.

    The first that is there of: ``day``, the run's partition key, the latest day on which documents arrived (``schedule: on_arrival``),
    the start of its data interval, its logical date, the moment it was asked for. So a scheduled run takes the first day of the interval
    that has just ended, as does a run started by hand without a day.

    Raises:
        SettingsError: ``day`` or the partition key is no date.
    """
    run = context["dag_run"]
    arrived = arrivals(context)
    for name, value in (("day", day), ("the partition key", getattr(run, "partition_key", None)), ("an arrival", max(arrived, default=""))):
        if value:
            return _parsed(name, value)
    for moment in (run.data_interval_start, run.logical_date):
        if moment is not None:
            return moment.astimezone(dt.UTC).date()
    return run.run_after.astimezone(dt.UTC).date()


def arrivals(context: Context) -> set[str]:
    """The days whose folders the watcher of the landing folder told of, where it started the run."""
    events = getattr(context["dag_run"], "consumed_asset_events", None) or ()
    told = [(event.extra or {}).get("payload") for event in events]
    return {str(day) for payload in told if isinstance(payload, dict) for day in payload.get("days") or ()}


def other_days(context: Context, own: dt.date, late_days: int) -> list[tuple[dt.date, dt.date]]:
    """The days, beside its own, at which a run has to look: the first, and the one after the last, of each span.

    A scheduled run takes every day since the data interval of the last one that succeeded, however long ago that is, and looks again
    at ``late_days`` days. A backfill's run takes the days of its own interval. A run of the watcher takes the days that it tells of.

    Args:
        own: the day that the run itself takes; it may lie in a span.
        late_days: ``Settings.late_days``.
    """
    run = context["dag_run"]
    end = max(own, run.data_interval_end.astimezone(dt.UTC).date()) if run.data_interval_end is not None else own
    if run.run_type == "backfill":
        return [(own, end)] if end > own else []
    again = own - dt.timedelta(days=late_days)
    if arrived := arrivals(context):
        days = sorted(_parsed("an arrival", day) for day in arrived)
        return [*((day, day + dt.timedelta(days=1)) for day in days if day < again), (again, max(own, *days) + dt.timedelta(days=1))]
    previous = context.get("prev_data_interval_end_success")
    since = previous.astimezone(dt.UTC).date() if previous else own
    first = min(again, since)
    return [(first, end)] if end > first else []


def _parsed(name: str, value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}; give a date such as 2026-11-02") from error
