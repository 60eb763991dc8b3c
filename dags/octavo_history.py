"""The Airflow DAGs over what is published: rebuilding days, and asking people about values."""

from octavo_airflow import dags

dags.history()
