"""Octavo under Airflow: thin operators, and a page in Airflow's UI. The only code that imports ``airflow``."""
