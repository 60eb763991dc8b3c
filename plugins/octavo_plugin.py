"""Registers the Octavo page in Airflow's UI; the code is in ``octavo_airflow.ui``."""

from airflow.plugins_manager import AirflowPlugin


class OctavoPlugin(AirflowPlugin):
    """A nav item that shows what each day came to."""

    name = "octavo"
    external_views = [  # noqa: RUF012 - Airflow reads class attributes
        {"name": "Octavo", "href": "/octavo/", "destination": "nav", "url_route": "octavo", "nav_top_level": True}
    ]

    @property
    def fastapi_apps(self):
        from octavo_airflow.ui.app import app

        return [{"app": app, "url_prefix": "/octavo", "name": "Octavo"}]
