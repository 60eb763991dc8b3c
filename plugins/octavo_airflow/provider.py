"""What Airflow lists under Providers. The UI page is registered by ``plugins/octavo_plugin.py``, not here."""

from __future__ import annotations

from typing import Any

from octavo_airflow.connection import connection_type


def get_provider_info() -> dict[str, Any]:
    """The ``apache_airflow_provider`` entry point."""
    from octavo import __version__

    return {
        "package-name": "octavo",
        "name": "Octavo",
        "description": "Folders of documents in, typed Parquet tables with evidence out.",
        "versions": [__version__],
        "integrations": [{"integration-name": "Octavo", "external-doc-url": "", "tags": ["software"]}],
        "operators": [{"integration-name": "Octavo", "python-modules": ["octavo_airflow.operators"]}],
        "hooks": [{"integration-name": "Octavo", "python-modules": ["octavo_airflow.hooks"]}],
        "connection-types": [connection_type()],
    }
