"""Registers Octavo's pages in Airflow's UI, by the entry point ``airflow.plugins``; the code is in ``octavo_airflow.ui``."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class OctavoPlugin(AirflowPlugin):
    """A nav item for the days and the library, and a tab on each DAG, DAG run and task instance."""

    name = "octavo"
    external_views = [  # noqa: RUF012 - Airflow reads class attributes
        {"name": "Octavo", "href": "/octavo/", "destination": "nav", "url_route": "octavo", "nav_top_level": True},
        {"name": "Documents", "href": "/octavo/run?dag_id={DAG_ID}&run_id={RUN_ID}", "destination": "dag_run", "url_route": "octavo-run"},
        {"name": "Contract", "href": "/octavo/contract?dag_id={DAG_ID}", "destination": "dag", "url_route": "octavo-contract"},
        {
            "name": "Documents", "destination": "task_instance", "url_route": "octavo-task",
            "href": "/octavo/task?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}",
        },
    ]

    @property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        from octavo_airflow.ui.app import app

        return [{"app": app, "url_prefix": "/octavo", "name": "Octavo"}]
