"""Starting runs for people, and telling what has become of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException


@dataclass(frozen=True, slots=True)
class Started:
    """A run of a DAG and its state, as Airflow has it."""

    dag: str
    run: str
    state: str


def start(dag: str, by: str, **conf: Any) -> str:
    """Start a run of a DAG, the way that Airflow's own API does for tasks that start runs; returns its id.

    Args:
        dag: its id.
        by: the user who asked for it; Airflow shows the name beside the run.
        conf: values of the DAG's parameters.

    Raises:
        HTTPException: 409 with the reason, where Airflow starts no run.
    """
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
    from airflow.utils.types import DagRunTriggeredByType

    try:
        run = trigger_dag(dag, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=by, conf=conf)
    except (DagNotFound, DagRunAlreadyExists, ParamValidationError, ValueError) as error:
        raise HTTPException(409, f"{dag} was not started: {error}") from error
    if run is None:
        raise HTTPException(409, f"{dag} was not started")
    return str(run.run_id)


def started(dag: str, run: str | None) -> Started | None:
    """What has become of a run; None where Airflow has none of that name."""
    if not run:
        return None
    from airflow.models import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag, DagRun.run_id == run))
    return Started(dag, run, str(getattr(state, "value", state))) if state is not None else None
