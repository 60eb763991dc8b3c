"""Passwords of locked PDFs from an Airflow connection."""

from __future__ import annotations

import os

CONNECTION = "OCTAVO_PDF_PASSWORDS_CONN_ID"  # environment variable: id of a connection whose password is the list


def from_connection() -> None:
    """Give this task and its children the passwords that the connection holds, if one is named.

    The connection's password is what ``OCTAVO_PDF_PASSWORDS`` could hold as well: a JSON list, or one password a line. It stays in the
    environment of this task's process; Airflow masks it in logs.

    Raises:
        SettingsError: there is no such connection.
    """
    conn_id = os.environ.get(CONNECTION)
    if not conn_id:
        return
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from octavo.model.errors import SettingsError
    from octavo.model.settings import PDF_PASSWORDS

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        said = f"there is no connection {conn_id}, which {CONNECTION} names"
        raise SettingsError(f"{said}; add it under Admin, Connections, with the passwords as its password") from error
    os.environ[PDF_PASSWORDS] = connection.password or ""
