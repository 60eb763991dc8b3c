"""Links to Octavo's pages, for tasks and for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class OctavoLink(BaseOperatorLink):
    """From a task to the tab that shows its run's documents."""

    name = "Documents"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address of the tab that Octavo adds to the run."""
        return run_tab(ti_key.dag_id, ti_key.run_id)


def run_tab(dag_id: str, run_id: str) -> str:
    """Address of the tab that Octavo adds to a DAG run."""
    from airflow.sdk import conf

    base = (conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")
    return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}/plugin/octavo-run"
