"""Shows broken contract files among Airflow's DAG import errors; the DAGs of all other contracts live on."""

from octavo_airflow import dags

dags.check_contracts()
