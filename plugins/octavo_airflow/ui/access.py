"""Who is there and what they may do, and the headers that every answer carries."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from octavo.views import html
from octavo_airflow.ui import dag_index

POLICY = "default-src 'none'; {allowed}; frame-ancestors 'self'; base-uri 'none'; form-action {forms}"
PAGE_POLICY = POLICY.format(allowed="style-src 'self'; script-src 'self'; img-src 'self'", forms="'self'")
# Data Docs carry their styles in the page; their scripts stay off.
REPORT_POLICY = POLICY.format(allowed="style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:", forms="'none'")


def readable_dags(user: GetUserDep) -> dict[str, set[str]]:
    """The DAGs that publish contracts and that the user may read, with the contracts; nobody gets here without a login."""
    allowed = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return {dag: contracts for dag, contracts in dag_index.publishing().items() if dag in allowed}


Dags = Annotated[dict[str, set[str]], Depends(readable_dags)]


def readable_contracts(dags: Dags) -> set[str]:
    """The contracts that a DAG publishes which the user may read."""
    return set().union(*dags.values())


def prefix_of(request: Request) -> str:
    """The path under which the app is mounted, wherever Airflow itself is."""
    return str(request.scope.get("root_path", "")).rstrip("/")


Readable = Annotated[set[str], Depends(readable_contracts)]
Prefix = Annotated[str, Depends(prefix_of)]


def may_edit(user: BaseUser, dag: str) -> bool:
    """Whether the user may change things of a DAG."""
    return bool(get_auth_manager().is_authorized_dag(method="PUT", details=DagDetails(id=dag), user=user))


def may_run(user: BaseUser, dag: str) -> bool:
    """Whether the user may start a run of a DAG, as Airflow's own trigger asks it."""
    manager = get_auth_manager()
    return bool(manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag), user=user))


def from_here(request: Request) -> None:
    """Refuse a form that was not sent from a page of this very server: another site's page may send one too, with the user's cookie.

    Raises:
        HTTPException: 403.
    """
    site = request.headers.get("sec-fetch-site")
    same = site == "same-origin" if site is not None else (
        urlsplit(request.headers.get("origin") or "").netloc == request.headers.get("host")
    )
    if not same:
        raise HTTPException(403, "the form was not sent from a page of this server")


def may_correct(user: BaseUser, contract: str, dags: dict[str, set[str]]) -> bool:
    """Whether the user may edit one of the DAGs that publish a contract, of those that the user may read, and so its values."""
    return any(may_edit(user, dag) for dag, contracts in sorted(dags.items()) if contract in contracts)


def may_rebuild(user: BaseUser, contract: str, dags: dict[str, set[str]]) -> bool:
    """Whether the user may change a contract's values and start the DAG that rebuilds its days."""
    rebuilding = dag_index.rebuilding(contract)
    return rebuilding is not None and may_correct(user, contract, dags) and may_run(user, rebuilding)


def ask_correct(user: BaseUser, contract: str, dags: dict[str, set[str]]) -> None:
    """Raises:
    HTTPException: 403, where the user may not edit a contract's values.
    """
    if not may_correct(user, contract, dags):
        raise HTTPException(403, f"you may not edit a DAG that publishes {contract}")


def ask_run(user: BaseUser, dag: str) -> None:
    """Raises:
    HTTPException: 403, where the user may not start a run of the DAG.
    """
    if not may_run(user, dag):
        raise HTTPException(403, f"you may not start a run of {dag}")


def headers(policy: str = PAGE_POLICY, cache: str = "no-store") -> dict[str, str]:
    """What every answer carries."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": cache,
    }


def led_to_login(request: Request, error: HTTPException) -> Response:
    """A browser that asks for a page without a login is led to Airflow's, and back; whoever else gets the plain answer."""
    if error.status_code != 401 or request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": error.detail}, error.status_code, headers={**(error.headers or {}), **headers()})
    back = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path  # of this server, whatever Host says
    return RedirectResponse(get_auth_manager().get_url_login(next_url=back), 307, headers=headers())


def page(text: str) -> HTMLResponse:
    return HTMLResponse(text, headers=headers())


def json(value: Any) -> JSONResponse:
    return JSONResponse(html.plain(value), headers=headers())
