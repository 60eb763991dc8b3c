"""Octavo's DAGs under names of somebody else's."""

from octavo_airflow import dags

dags.build("receipt", prefix="docs_")
dags.history(["receipt"], prefix="docs_")
