"""Tells people of days that want a look: a message to a webhook, or through any notifier that Airflow has."""

from __future__ import annotations

import inspect
import logging
import pkgutil
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from octavo_airflow.day import resolve_day
from octavo_airflow.links import run_tab

if TYPE_CHECKING:
    from airflow.sdk import Connection, Context

    from octavo.model.settings import Settings

TIMEOUT_SECONDS = 10
TRIES = 3  # to connect; an answer counts, whatever it is


class OctavoNotifier(BaseNotifier):
    """A callback for the tasks ``ledger`` and ``publish``: says what is wrong with the day, and nothing where all is well.

    It tells of a gate that refused the day, of a run that failed, and of quarantine above a threshold. A message that cannot be sent is
    logged as an error and changes nothing about the run.

    :param contract: name of the contract.
    :param day: the day that the run takes, as its tasks have it (templated).
    :param conn_id: an HTTP connection to which the message is posted as JSON; its extra are headers.
    :param notifier: import path of a notifier's class, which is made with ``arguments``, or of a function that is called with the context
        and them. Templates among them may use ``{{ octavo.subject }}``, ``{{ octavo.text }}`` and ``{{ octavo.link }}``.
    :param arguments: keyword arguments for it.
    :param quarantined_share: largest share of quarantined documents that is nothing to tell of.
    """

    template_fields = ("day",)

    def __init__(
        self, *, contract: str, day: str = "", conn_id: str | None = None, notifier: str | None = None,
        arguments: dict[str, Any] | None = None, quarantined_share: float = 0.1,
    ) -> None:
        super().__init__()
        self.contract = contract
        self.day = day
        self.conn_id = conn_id
        self.notifier = notifier
        self.arguments = arguments or {}
        self.quarantined_share = quarantined_share

    def notify(self, context: Context) -> None:
        """Send what there is to tell."""
        message = self.message(context)
        if message is None:
            return
        self.log.info("%s", message["subject"])
        if self.conn_id:
            self._post(message)
        if self.notifier:
            found: Any = pkgutil.resolve_name(self.notifier)
            call: Any = found(**self.arguments) if inspect.isclass(found) else partial(found, **self.arguments)
            call({**context, "octavo": message})

    def message(self, context: Context) -> dict[str, Any] | None:
        """What there is to tell, as it is sent: see ``octavo.workflows.alerts.Alert``."""
        from upath import UPath

        from octavo.model.entities import Partition
        from octavo.model.errors import Superseded
        from octavo.storage.lake import Lake
        from octavo.storage.workspace import Workspace
        from octavo.workflows import alerts
        from octavo_airflow.settings import AirflowSettings as Settings

        settings = Settings()
        workspace = Workspace.open(settings.workspaces, Partition(self.contract, resolve_day(context, self.day)), context["run_id"])
        error = context.get("exception")
        if isinstance(getattr(error, "__cause__", None), Superseded):  # the later run has published, and tells of the day itself
            return None
        alert = alerts.of_run(workspace, Lake(UPath(settings.lake)), self.quarantined_share, str(error) if error else None)
        return alert.as_dict(run_tab(context["ti"].dag_id, context["run_id"])) if alert else None

    def _post(self, message: dict[str, Any]) -> None:
        import httpx
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            connection = BaseHook.get_connection(str(self.conn_id))
            login = (connection.login, connection.password or "") if connection.login else None
            headers = {name: str(value) for name, value in connection.extra_dejson.items()}
            logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each address, and a webhook's is its secret
            with httpx.Client(transport=httpx.HTTPTransport(retries=TRIES - 1), timeout=TIMEOUT_SECONDS, auth=login) as client:
                client.post(_url(connection), json=message, headers=headers).raise_for_status()
        except AirflowNotFoundException:
            self.log.error("nobody was told: there is no connection %s; add one of type HTTP under Admin, Connections", self.conn_id)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = f"HTTP {error.response.status_code}" if isinstance(error, httpx.HTTPStatusError) else type(error).__name__
            self.log.error("nobody was told: the webhook of connection %s did not take the message: %s", self.conn_id, said)


def callbacks(contract: str, day: str, settings: Settings) -> list[OctavoNotifier]:
    """The notifier that the settings ask for, as a list for a task's callbacks; empty where nobody is to be told."""
    if not (settings.notify_conn_id or settings.notifier):
        return []
    return [OctavoNotifier(
        contract=contract, day=day, conn_id=settings.notify_conn_id, notifier=settings.notifier, arguments=settings.notifier_args,
        quarantined_share=settings.notify_quarantined_share,
    )]


def _url(connection: Connection) -> str:
    """A whole URL in the host field as it is; else host, port and, in a connection that was given as a URL, its path."""
    host = connection.host or ""
    if "://" in host:
        return host
    schema = connection.schema or ""
    scheme = schema if schema in ("http", "https") else "https" if connection.conn_type == "https" else "http"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{host}{port}/{schema.lstrip('/') if schema != scheme else ''}"
