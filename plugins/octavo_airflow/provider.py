"""What Airflow lists under Providers. The pages in its UI are registered by ``octavo_airflow.plugin``, not here."""

from __future__ import annotations

from typing import Any

from octavo_airflow.connection import connection_type

INTEGRATION = "Octavo"


def get_provider_info() -> dict[str, Any]:
    """The ``apache_airflow_provider`` entry point."""
    from octavo import __version__
    from octavo_airflow import settings

    def modules(*names: str) -> list[dict[str, Any]]:
        return [{"integration-name": INTEGRATION, "python-modules": [f"octavo_airflow.{name}" for name in names]}]

    return {
        "package-name": "octavo",
        "name": "Octavo",
        "description": "Folders of documents in, typed Parquet tables with evidence out.",
        "versions": [__version__],
        "integrations": [{"integration-name": INTEGRATION, "external-doc-url": "", "tags": ["software"]}],
        "operators": modules("operators", "operators.history"),
        "hooks": modules("hooks"),
        "triggers": modules("triggers"),
        "notifications": ["octavo_airflow.notifier.OctavoNotifier"],
        "connection-types": [connection_type()],
        "extra-links": ["octavo_airflow.links.OctavoLink"],
        "config": {settings.SECTION: {
            "description": "Octavo's settings. The environment variable OCTAVO_<OPTION>, where it is set, goes first.",
            "options": settings.options(),
        }},
    }
