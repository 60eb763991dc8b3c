"""Octavo under Airflow: operators, DAGs, and pages in Airflow's UI. The only code that imports ``airflow``."""

from __future__ import annotations

from typing import Any

__all__ = ["document_tasks"]


def __getattr__(name: str) -> Any:
    """``document_tasks``, loaded when it is asked for: whoever imports one module of the package must not load them all."""
    if name != "document_tasks":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from octavo_airflow.dags import document_tasks

    return document_tasks
