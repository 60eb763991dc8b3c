"""No day is lost, whatever the schedule: runs are simulated with Airflow's own timetable."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

from octavo_airflow.day import other_days, resolve_day

FIRST, LAST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def intervals(cron: str) -> list[DataInterval]:
    """The data intervals of a year of scheduled runs."""
    timetable = CronDataIntervalTimetable(cron, "UTC")
    found: list[DataInterval] = []
    while True:
        restriction = TimeRestriction(FIRST, None, catchup=True)  # type: ignore[arg-type]
        info = timetable.next_dagrun_info(last_automated_data_interval=found[-1] if found else None, restriction=restriction)
        if info is None or info.data_interval.end > LAST:
            return found
        found.append(info.data_interval)


def a_run(interval: DataInterval, kind: str = "scheduled", previous: dt.datetime | None = None) -> Any:
    run = SimpleNamespace(
        partition_key=None, run_type=kind, data_interval_start=interval.start, data_interval_end=interval.end, logical_date=interval.start,
    )
    return {"dag_run": run, "prev_data_interval_end_success": previous}


def taken(runs: list[Any], late_days: int) -> list[dt.date]:
    """Each day in the order in which it is taken, where a day that was taken is found no more."""
    days: list[dt.date] = []
    for run in runs:
        own = resolve_day(run)
        spans = other_days(run, own, late_days)
        others = [first + dt.timedelta(days=n) for first, before in spans for n in range((before - first).days)]
        days.append(own)
        days += [day for day in others if day >= FIRST.date() and day not in days]
    return days


@pytest.mark.parametrize("late_days", [0, 3, 31])
@pytest.mark.parametrize("cron", ["0 0 * * *", "0 6 * * *", "0 6 * * 1", "0 6 * * 1-5", "0 6 1 */3 *", "30 5 1 * *"])
@pytest.mark.parametrize("kind", ["scheduled", "backfill"])
def test_every_day_of_a_year_is_taken_once(kind: str, cron: str, late_days: int) -> None:
    spans = intervals(cron)
    ends = [None, *(span.end for span in spans)]
    runs = [a_run(span, kind, end if kind == "scheduled" else None) for span, end in zip(spans, ends, strict=False)]
    first, last = spans[0].start.date(), spans[-1].end.date()
    wanted = [first + dt.timedelta(days=n) for n in range((last - first).days)]
    found = Counter(taken(runs, late_days))
    assert {day: times for day, times in found.items() if times > 1} == {}
    assert sorted(day for day in found if first <= day) == wanted


def test_days_of_runs_that_failed_or_never_were_are_taken_by_the_next_one_however_long_ago() -> None:
    spans = intervals("0 6 * * *")
    back = a_run(spans[200], previous=spans[99].end)  # the scheduler was down, or a hundred runs failed
    assert taken([back], 3)[:2] == [spans[200].start.date(), spans[100].start.date()]
    assert len(taken([back], 3)) == 101


def test_a_run_of_every_hour_takes_its_day_and_looks_back() -> None:
    span = DataInterval(dt.datetime(2026, 5, 5, 7, tzinfo=dt.UTC), dt.datetime(2026, 5, 5, 8, tzinfo=dt.UTC))  # type: ignore[arg-type]
    assert other_days(a_run(span), resolve_day(a_run(span)), 2) == [(dt.date(2026, 5, 3), dt.date(2026, 5, 5))]
