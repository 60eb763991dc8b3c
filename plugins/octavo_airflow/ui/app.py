"""The page's web app: reads the lake, shows what the user may see, runs no script.

File names and reasons come from strangers' documents and the session's cookie is readable by scripts,
so everything is escaped and the content security policy allows no script at all.
"""

from __future__ import annotations

import datetime as dt
import mimetypes
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from upath import UPath

from octavo.config import Settings
from octavo.lake import Lake
from octavo.model import Partition
from octavo_airflow.ui.overview import overview

HERE = Path(__file__).parent
PREFIX = "/octavo"
DAG_PREFIX = "octavo_"
POLICY = "default-src 'none'; {allowed}; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
PAGE_POLICY = POLICY.format(allowed="style-src 'self'")
# Data Docs carry their styles in the page; their scripts stay off.
REPORT_POLICY = POLICY.format(allowed="style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:")

templates = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)


def readable_contracts(user: GetUserDep) -> set[str]:
    """The contracts whose DAG the user may read; nobody gets here without a login."""
    dags = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return {dag.removeprefix(DAG_PREFIX) for dag in dags if dag.startswith(DAG_PREFIX)}


Readable = Annotated[set[str], Depends(readable_contracts)]

app = FastAPI(title="Octavo", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/")
def page(contracts: Readable) -> HTMLResponse:
    """Per contract and day: documents, pages, quarantine, the gate's verdict, values by verdict."""
    html = templates.get_template("page.html").render(contracts=overview(Settings(), contracts), prefix=PREFIX)
    return HTMLResponse(html, headers=_headers(PAGE_POLICY))


@app.get("/style.css")
def style(user: GetUserDep) -> Response:
    return Response((HERE / "style.css").read_bytes(), media_type="text/css", headers=_headers(PAGE_POLICY))


@app.get("/reports/{contract}/{day}/{path:path}")
def report(contract: str, day: dt.date, path: str, contracts: Readable) -> Response:
    """A file of the day's Data Docs."""
    parts = path.split("/")
    if contract not in contracts or any(part in ("", ".", "..") or "\\" in part for part in parts):
        raise HTTPException(404)
    file = Lake(UPath(Settings().lake)).reports(Partition(contract, day)).joinpath(*parts)
    try:
        content = file.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise HTTPException(404) from error
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers=_headers(REPORT_POLICY))


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
