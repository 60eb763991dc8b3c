"""Airflow's local settings: backfills of Octavo's DAGs wait for daily runs. Airflow finds this file in the plugins folder."""

from octavo_airflow.policy import task_instance_mutation_hook

__all__ = ["task_instance_mutation_hook"]
