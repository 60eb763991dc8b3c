"""The Octavo page in Airflow's UI."""
