"""One Airflow DAG for each contract."""

from octavo_airflow import dags

dags.build()
