"""Passwords of locked PDFs from an Airflow connection."""

from __future__ import annotations

import os

CONNECTION = "OCTAVO_PDF_PASSWORDS_CONN_ID"  # environment variable: id of a connection whose password is the list


def from_connection() -> None:
    """Give this task and its children the passwords that the connection holds, if one is named.

    The connection's password is what ``OCTAVO_PDF_PASSWORDS`` could hold as well: a JSON list, or one password a line. It stays in the
    environment of this task's process; Airflow masks it in logs.
    """
    conn_id = os.environ.get(CONNECTION)
    if not conn_id:
        return
    from airflow.sdk import BaseHook

    from octavo.model.settings import PDF_PASSWORDS

    os.environ[PDF_PASSWORDS] = BaseHook.get_connection(conn_id).password or ""
