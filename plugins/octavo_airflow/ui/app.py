"""The web app: reads the lake and shows what the user may see, escaped.

File names, text and answers come from strangers' documents and the session's cookie is readable by scripts, so the
content security policy allows our own script file and no other, and every route asks Airflow who is there. Documents
are never opened here: the pictures of pages are those that reading kept.
"""

from __future__ import annotations

import datetime as dt
import mimetypes
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from upath import UPath

from octavo.config import Settings
from octavo.inspect import document as documents
from octavo.inspect import html, library, runs, sources
from octavo.lake import Lake
from octavo.model import Outcome, Partition, Verdict
from octavo_airflow.ui import answers, corrections
from octavo_airflow.ui.overview import overview

DAG_PREFIX = "octavo_"
POLICY = "default-src 'none'; {allowed}; frame-ancestors 'self'; base-uri 'none'; form-action {forms}"
PAGE_POLICY = POLICY.format(allowed="style-src 'self'; script-src 'self'; img-src 'self'", forms="'self'")
# Data Docs carry their styles in the page; their scripts stay off.
REPORT_POLICY = POLICY.format(allowed="style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:", forms="'none'")


def readable_contracts(user: GetUserDep) -> set[str]:
    """The contracts whose DAG the user may read; nobody gets here without a login."""
    dags = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return {dag.removeprefix(DAG_PREFIX) for dag in dags if dag.startswith(DAG_PREFIX)}


Readable = Annotated[set[str], Depends(readable_contracts)]
Day = dt.date | None
# An empty part of a form is no day.
FormDay = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]

app = FastAPI(title="Octavo", docs_url=None, redoc_url=None, openapi_url=None)


def prefix_of(request: Request) -> str:
    """The path under which the app is mounted, wherever Airflow itself is."""
    return str(request.scope.get("root_path", "")).rstrip("/")


Prefix = Annotated[str, Depends(prefix_of)]


@app.get("/", response_class=HTMLResponse)
def page(contracts: Readable, prefix: Prefix) -> HTMLResponse:
    """Per contract and day: documents, pages, quarantine, the gate's verdict, values by verdict."""
    return _html(html.render("days.html", prefix, contracts=overview(Settings(), contracts)))


@app.get("/library", response_class=HTMLResponse)
def library_page(
    contracts: Readable, prefix: Prefix, name: str = "", contract: str = "", first: FormDay = "", last: FormDay = "", status: str = "",
    verdict: str = "", field: str = "", value: str = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """The published documents, newest first, and the form to search them."""
    wanted = _search(name, contract, first, last, status, verdict, field, value, page)
    return _html(html.render(
        "library.html", prefix, found=library.search(Settings(), contracts, wanted), wanted=wanted, contracts=sorted(contracts),
        outcomes=list(Outcome), verdicts=list(Verdict), query=answers.query_of(wanted),
    ))


@app.get("/document/{document_id}", response_class=HTMLResponse)
def document_page(
    document_id: str, user: GetUserDep, contracts: Readable, prefix: Prefix, page: int | None = None, field: str | None = None,
    contract: str | None = None, day: Day = None, run: str | None = None,
) -> HTMLResponse:
    """A page of a document with its words, chunks and evidence, and the fields beside it."""
    place, settings = _place(document_id, contracts, contract, day, run), Settings()
    view = documents.load(place, document_id)
    number = page or view.first_page(field)
    may = view.run is None and corrections.may_correct(user, DAG_PREFIX + view.contract)
    form = f"{prefix}/document/{document_id}/fields" if may else None
    return _html(html.document(prefix, view, documents.load_page(place, document_id, number, settings), number, field, form))


@app.post("/document/{document_id}/fields", response_class=RedirectResponse)
def correct(
    document_id: str, request: Request, user: GetUserDep, contracts: Readable, prefix: Prefix, contract: Annotated[str, Form()],
    day: Annotated[dt.date, Form()], field: Annotated[str, Form()], action: Annotated[Literal["confirm", "correct"], Form()],
    value: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Keep that a value is right, or what it is instead; the day's next run takes it. Asks for the permission to edit the DAG."""
    if not corrections.from_here(request):
        raise HTTPException(403, "the form was not sent from a page of this server")
    view = documents.load(_place(document_id, contracts, contract, day, None), document_id)
    if not corrections.may_correct(user, DAG_PREFIX + contract):
        raise HTTPException(403, f"you may not edit {DAG_PREFIX + contract}")
    corrections.keep(view, user.get_name(), field, action, value)
    links = html.AppLinks(prefix, view)
    shown = next((links.field(one) for one in view.fields if one.path == field), links.page(1))
    return RedirectResponse(shown, 303, headers=_headers(PAGE_POLICY))


@app.get("/page/{document_id}/{number}.jpg", response_class=Response)
def page_picture(
    document_id: str, number: int, contracts: Readable, contract: str | None = None, day: Day = None, run: str | None = None,
) -> Response:
    """The small picture of a page that reading kept."""
    picture = documents.picture(_place(document_id, contracts, contract, day, run), document_id, number, Settings())
    if picture is None:
        raise HTTPException(404, "no picture of this page was kept")
    return Response(picture, media_type="image/jpeg", headers=_headers(PAGE_POLICY, "private, max-age=3600"))


@app.get("/run", response_class=HTMLResponse)
def run_page(dag_id: str, run_id: str, contracts: Readable, prefix: Prefix, day: Day = None) -> HTMLResponse:
    """The funnel of a run, its outcomes, quarantine, gate and speed. Shown as a tab of every DAG run."""
    if not dag_id.startswith(DAG_PREFIX):
        return _html(html.render("note.html", prefix, text=f"{dag_id} is none of Octavo's DAGs."))
    view = _run(dag_id, run_id, contracts, day)
    if view is None:
        text = "Nothing is known of this run: it has not begun, or its workspace and its rows in the ledger are gone."
        return _html(html.render("note.html", prefix, text=text))
    return _html(html.render("run.html", prefix, view=view))


@app.get("/api/library")
def library_json(
    contracts: Readable, name: str = "", contract: str = "", first: FormDay = "", last: FormDay = "", status: str = "",
    verdict: str = "", field: str = "", value: str = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> JSONResponse:
    """What the library shows, as JSON."""
    wanted = _search(name, contract, first, last, status, verdict, field, value, page)
    return _json(answers.found(library.search(Settings(), contracts, wanted)))


@app.get("/api/document/{document_id}")
def document_json(
    document_id: str, contracts: Readable, page: int | None = None, contract: str | None = None, day: Day = None, run: str | None = None,
) -> JSONResponse:
    """A document's fields, and with ``page`` that page's words, chunks and answers, as JSON."""
    place = _place(document_id, contracts, contract, day, run)
    shown = documents.load_page(place, document_id, page, Settings()) if page else None
    return _json(answers.document(documents.load(place, document_id), shown))


@app.get("/api/run")
def run_json(dag_id: str, run_id: str, contracts: Readable, day: Day = None) -> JSONResponse:
    """What the run page shows, as JSON."""
    view = _run(dag_id, run_id, contracts, day)
    if view is None:
        raise HTTPException(404, "nothing is known of this run")
    return _json(answers.run(view))


@app.get("/openapi.json")
def openapi(user: GetUserDep) -> JSONResponse:
    """Every route of this app."""
    return _json(app.openapi())


@app.get("/static/{name}", response_class=Response)
def static(name: str, user: GetUserDep) -> Response:
    """Styles and script."""
    if name not in html.STATIC:
        raise HTTPException(404)
    return Response(html.static(name), media_type=html.STATIC[name], headers=_headers(PAGE_POLICY))


@app.get("/reports/{contract}/{day}/{path:path}", response_class=Response)
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


def _search(
    name: str, contract: str, first: str, last: str, status: str, verdict: str, field: str, value: str, page: int
) -> library.Search:
    days = [sources.as_date(text) if text else None for text in (first, last)]
    return library.Search(name.strip(), contract, days[0], days[1], status, verdict, field.strip(), value.strip(), page)


def _place(document: str, contracts: set[str], contract: str | None, day: Day, run: str | None) -> sources.Place:
    """Where the document lies, among what the user may read; who may not read it does not learn that it is there."""
    place = sources.find(Settings(), contracts, document, contract, day, run)
    if place is None:
        raise HTTPException(404, "no such document")
    return place


def _run(dag: str, run: str, contracts: set[str], day: Day) -> runs.RunView | None:
    contract = dag.removeprefix(DAG_PREFIX)
    if contract not in contracts:
        raise HTTPException(404, "no such DAG")
    return runs.load(Settings(), contract, run, day)


def _html(text: str) -> HTMLResponse:
    return HTMLResponse(text, headers=_headers(PAGE_POLICY))


def _json(value: Any) -> JSONResponse:
    return JSONResponse(html.plain(value), headers=_headers(PAGE_POLICY))


def _headers(policy: str, cache: str = "no-store") -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": cache,
    }
