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

DAG_PREFIX = "octavo_"
# What follows the name of a contract's DAG in those of the DAGs over its published days.
REMERGE, REVIEW = ".remerge", ".review"
POLICY = "default-src 'none'; {allowed}; frame-ancestors 'self'; base-uri 'none'; form-action {forms}"
PAGE_POLICY = POLICY.format(allowed="style-src 'self'; script-src 'self'; img-src 'self'", forms="'self'")
# Data Docs carry their styles in the page; their scripts stay off.
REPORT_POLICY = POLICY.format(allowed="style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:", forms="'none'")


def readable_contracts(user: GetUserDep) -> set[str]:
    """The contracts whose DAG the user may read; nobody gets here without a login. The names of other DAGs over a contract have a dot."""
    dags = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return {dag.removeprefix(DAG_PREFIX) for dag in dags if dag.startswith(DAG_PREFIX) and "." not in dag}


def prefix_of(request: Request) -> str:
    """The path under which the app is mounted, wherever Airflow itself is."""
    return str(request.scope.get("root_path", "")).rstrip("/")


Readable = Annotated[set[str], Depends(readable_contracts)]
Prefix = Annotated[str, Depends(prefix_of)]


def may_edit(user: BaseUser, dag: str) -> bool:
    """Whether the user may change things of a DAG, and so its values."""
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


def may_rebuild(user: BaseUser, contract: str) -> bool:
    """Whether the user may change a contract's values and start the DAG that rebuilds its days."""
    return may_edit(user, DAG_PREFIX + contract) and may_run(user, remerge_dag(contract))


def remerge_dag(contract: str) -> str:
    return f"{DAG_PREFIX}{contract}{REMERGE}"


def ask_edit(user: BaseUser, dag: str) -> None:
    """Raises:
    HTTPException: 403, where the user may not edit the DAG.
    """
    if not may_edit(user, dag):
        raise HTTPException(403, f"you may not edit {dag}")


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
