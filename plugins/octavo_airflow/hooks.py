"""The connection that says which model reads and how it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from octavo.model.errors import OctavoError, SettingsError
from octavo_airflow.connection import CONNECTION_TYPE, FIELDS, HOOK_NAME

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from octavo.extraction.vlm import RuntimeOptions

class MolmoHook(BaseHook):
    """A Molmo model by its connection: behind an endpoint, or in the task's process.

    :param molmo_conn_id: a connection of type ``octavo_molmo``.
    """

    conn_name_attr = "molmo_conn_id"
    default_conn_name = "octavo_molmo_default"
    conn_type = CONNECTION_TYPE
    hook_name = HOOK_NAME

    def __init__(self, molmo_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.molmo_conn_id = molmo_conn_id

    def options(self) -> RuntimeOptions:
        """The runtime's options: the connection's over those of the environment.

        Raises:
            SettingsError: it is not there, is of another type, or does not fit together.
        """
        from airflow.sdk.exceptions import AirflowNotFoundException

        from octavo.extraction import vlm

        try:
            connection = self.get_connection(self.molmo_conn_id)
        except AirflowNotFoundException as error:
            raise SettingsError(
                f"there is no connection {self.molmo_conn_id}; add one of type {CONNECTION_TYPE}, in the UI under Admin, Connections"
            ) from error
        if connection.conn_type != CONNECTION_TYPE:
            raise SettingsError(
                f"connection {self.molmo_conn_id} is of type {connection.conn_type}; a model needs one of type {CONNECTION_TYPE}"
            )
        return vlm.configure(**_given(connection))

    def test_connection(self) -> tuple[bool, str]:
        """Ask the endpoint a few small questions, as a task would: what the button Test shows."""
        from octavo.extraction.vlm.trial import try_endpoint

        try:
            return True, try_endpoint(self.options())
        except OctavoError as error:
            return False, str(error)


def _given(connection: Connection) -> dict[str, Any]:
    """What a connection says, as options; what it leaves empty is left to the environment."""
    extra = connection.extra_dejson
    given = {name: extra[name] for name, *_ in FIELDS if extra.get(name) not in (None, "")}
    if connection.host:
        given["base_url"] = _url(connection)
        given.setdefault("runtime", "openai")
    if connection.password:
        given["api_key"] = connection.password
    return given


def _url(connection: Connection) -> str:
    """A whole URL in the host field as it is; a bare host with its port, and the usual path."""
    host = str(connection.host)
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'http'}://{host}{port}/v1"
