"""Daily runs go before backfills: a cluster policy, for those who want it.

Airflow starts waiting tasks by priority, then the oldest day first, so that a backfill of years would go before the run of
last night. It asks a policy about each task instance that it makes or clears where an ``airflow_local_settings.py`` has one:

    from octavo_airflow.policy import task_instance_mutation_hook
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from octavo_airflow import pools

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

OURS = "octavo"  # the tag of DAGs that are asked about
BACKFILL = "backfill"  # the value of Airflow's DagRunType
WEIGHT = 0  # below every task of every other run: those weigh 1 and more. Among themselves the oldest day goes first


def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None = None) -> None:
    """Let backfills of DAGs that are tagged ``octavo`` wait for other runs, and take their slots from a pool of their own where one is
    named."""
    dag = task_instance.task.dag if task_instance.task is not None else None
    if dag_run is None or dag_run.run_type != BACKFILL or dag is None or OURS not in dag.tags:
        return
    from octavo_airflow.settings import AirflowSettings

    task_instance.priority_weight = WEIGHT
    task_instance.pool = pools.of_backfill(task_instance.pool, AirflowSettings().backfill_pool)
