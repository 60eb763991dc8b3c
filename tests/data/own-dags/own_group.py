"""A DAG of somebody else's: Octavo's tasks as a group among their own."""

from airflow.sdk import DAG, task

from octavo_airflow import document_tasks

with DAG("own_group", schedule=None) as dag:
    @task
    def look(table: str) -> str:
        return f"pd.read_parquet({table!r})"

    document_tasks("receipt", day="2026-11-02", documents="receipt_000[01]*") >> look("receipt")
