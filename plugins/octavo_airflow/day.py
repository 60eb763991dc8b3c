"""Which day a run is about: the one place that answers it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from octavo.model.errors import SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Context


def resolve_day(context: Context) -> dt.date:
    """The day whose documents a run takes, in UTC.

    The first that is there of: the parameter ``day``, the run's partition key, the start of its data
    interval, its logical date, the moment it was asked for. So a scheduled run takes the day that has
    just ended, as does a run started by hand without a day.

    Raises:
        SettingsError: the parameter or the partition key is no date.
    """
    run = context["dag_run"]
    for name, value in (("the parameter day", context["params"].get("day")), ("the partition key", getattr(run, "partition_key", None))):
        if value:
            return _parsed(name, value)
    for moment in (run.data_interval_start, run.logical_date):
        if moment is not None:
            return moment.astimezone(dt.UTC).date()
    return run.run_after.astimezone(dt.UTC).date()


def _parsed(name: str, value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}; give a date such as 2026-11-02") from error
