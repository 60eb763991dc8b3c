"""Daily runs go before backfills: a cluster policy that Airflow finds by the entry point ``airflow.policy``.

Airflow starts waiting tasks by priority, then the oldest day first, so that a backfill of years would go before the run of
last night. The scheduler asks this hook about each task instance that it makes or clears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow import settings
from airflow.policies import hookimpl

from octavo_airflow import pools

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

OURS = "octavo_"  # DAG ids begin with it
BACKFILL = "backfill"  # the value of Airflow's DagRunType
WEIGHT = 0  # below every task of every other run: those weigh 1 and more. Among themselves the oldest day goes first


@hookimpl
def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None) -> None:
    """Let backfills of Octavo's DAGs wait for other runs, and take their slots from a pool of their own where one is named."""
    if dag_run is None or dag_run.run_type != BACKFILL or not task_instance.dag_id.startswith(OURS):
        return
    from octavo.model.settings import Settings

    task_instance.priority_weight = WEIGHT
    task_instance.pool = pools.of_backfill(task_instance.pool, Settings().backfill_pool)


# Airflow 3.3.2 asks the policies of packages about new task instances only where there is an airflow_local_settings.py too.
settings.task_instance_mutation_hook.is_noop = False  # type: ignore[attr-defined]
