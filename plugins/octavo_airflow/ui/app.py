"""The web app: reads the lake and shows what the user may see, escaped.

File names, text and answers come from strangers' documents and the session's cookie is readable by scripts, so the
content security policy allows our own script file and no other, and every route asks Airflow who is there. Documents
are never opened here: the pictures of pages are those that reading kept. What can be written is in ``writes``.
"""

from __future__ import annotations

import datetime as dt
import mimetypes
from collections.abc import Sequence
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from upath import UPath

from octavo.model.entities import Outcome, Partition, Verdict
from octavo.storage.lake import Lake
from octavo.views import contract as contract_pages
from octavo.views import document as documents
from octavo.views import html, library, preview, queue, runs, sources, tasks
from octavo.views.overview import overview
from octavo_airflow.settings import AirflowSettings as Settings
from octavo_airflow.ui import access, answers, dag_index, writes
from octavo_airflow.ui.access import Dags, Prefix, Readable
from octavo_airflow.ui.starting import Started
from octavo_airflow.ui.starting import started as run_started

Day = dt.date | None
# An empty part of a form is no day.
FormDay = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
NO_RUN = (
    "Nothing is known of this run: it has not begun, it found its day unchanged and left it alone, or its workspace and its rows in the "
    "ledger are gone."
)
NO_DOCUMENTS = "{} has no documents: none of its tasks publishes tables of Octavo's."

app = FastAPI(title="Octavo", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(writes.router)
app.add_exception_handler(HTTPException, access.led_to_login)  # type: ignore[arg-type]  # it is called for this class alone


@app.get("/", response_class=HTMLResponse)
def page(contracts: Readable, prefix: Prefix) -> HTMLResponse:
    """Per contract and day: documents, pages, quarantine, the gate's verdict, values by verdict."""
    return access.page(html.render("days.html", prefix, contracts=overview(Settings(), contracts)))


@app.get("/library", response_class=HTMLResponse)
def library_page(
    contracts: Readable, prefix: Prefix, name: str = "", contract: str = "", first: FormDay = "", last: FormDay = "", status: str = "",
    verdict: str = "", field: str = "", value: str = "", page: PageNumber = 1,
) -> HTMLResponse:
    """The published documents, newest first, and the form to search them."""
    wanted = _search(name, contract, first, last, status, verdict, field, value, page)
    return access.page(html.render(
        "library.html", prefix, found=library.search(Settings(), contracts, wanted), wanted=wanted,
        contracts=sorted(contracts), outcomes=list(Outcome), verdicts=list(Verdict), query=answers.query_of(wanted),
    ))


@app.get("/review", response_class=HTMLResponse)
def review_page(
    user: GetUserDep, dags: Dags, contracts: Readable, prefix: Prefix, contract: str = "", day: FormDay = "", field: str = "",
    page: PageNumber = 1, at: Annotated[int, Query(ge=0, le=queue.PAGE_ITEMS)] = 0, started: str | None = None, rebuilt: str = "",
) -> HTMLResponse:
    """Everything that waits for a person, to be confirmed or corrected in place by those who may."""
    wanted = queue.Wanted(contract, sources.as_date(day) if day else None, field.strip(), page)
    found = queue.load(Settings(), contracts, wanted)
    shown = {one.contract for one in found.items} | {one.contract for one in found.answered}
    editable = {one: access.may_correct(user, one, dags) for one in shown}
    return access.page(html.render(
        "review.html", prefix, found=found, wanted=wanted, contracts=sorted(contracts), editable=editable,
        rebuildable={one: access.may_rebuild(user, one, dags) for one in shown}, at=min(at, max(0, len(found.items) - 1)),
        query=answers.query_of(wanted), started=_rebuilding(contracts, rebuilt, started),
    ))


@app.get("/document/{document_id}", response_class=HTMLResponse)
def document_page(
    document_id: str, user: GetUserDep, dags: Dags, contracts: Readable, prefix: Prefix, page: int | None = None,
    field: str | None = None, contract: str | None = None, day: Day = None, run: str | None = None, started: str | None = None,
) -> HTMLResponse:
    """A page of a document with its words, chunks and evidence, and the fields beside it."""
    place, settings = _place(document_id, contracts, contract, day, run), Settings()
    view = documents.load(place, document_id)
    number = page or view.first_page(field)
    may = view.run is None and access.may_correct(user, view.contract, dags)
    return access.page(html.document(
        prefix, view, documents.load_page(place, document_id, number, settings), number, field,
        f"{prefix}/document/{document_id}/fields" if may else None,
        f"{prefix}/day/rebuild" if may and view.waiting and access.may_rebuild(user, view.contract, dags) else None,
        _rebuilding(contracts, view.contract, started),
    ))


@app.get("/page/{document_id}/{number}.jpg", response_class=Response)
def page_picture(
    document_id: str, number: int, contracts: Readable, contract: str | None = None, day: Day = None, run: str | None = None,
) -> Response:
    """The small picture of a page that reading kept."""
    picture = documents.picture(_place(document_id, contracts, contract, day, run), document_id, number, Settings())
    if picture is None:
        raise HTTPException(404, "no picture of this page was kept")
    return Response(picture, media_type="image/jpeg", headers=access.headers(cache="private, max-age=3600"))


@app.get("/run", response_class=HTMLResponse)
def run_page(
    dag_id: str, run_id: str, user: GetUserDep, dags: Dags, prefix: Prefix, contract: str = "", day: Day = None,
    started: str | None = None,
) -> HTMLResponse:
    """The funnel of a run, its outcomes, quarantine, gate and speed. Shown as a tab of every DAG run."""
    if not (contracts := _contracts(dag_id, dags)):
        return _note(prefix, NO_DOCUMENTS.format(dag_id))
    view = _load(run_id, contracts, contract, day)
    if view is None:
        return _note(prefix, NO_RUN)
    may = access.may_edit(user, dag_id) and access.may_run(user, dag_id) and dag_index.takes(dag_id, *writes.REQUEUE)
    return access.page(html.render(
        "run.html", prefix, view=view, dag=dag_id, may_requeue=may, started=run_started(dag_id, started),
        known=run_started(dag_id, run_id), others=sorted(contracts - {view.contract}),
    ))


@app.get("/task", response_class=HTMLResponse)
def task_page(
    dag_id: str, run_id: str, task_id: str, dags: Dags, prefix: Prefix, map_index: str = "-1",
) -> HTMLResponse:
    """What a task worked on: its shard's documents, the gate's result or the published table. Shown as a tab of every task instance."""
    if not (contracts := _contracts(dag_id, dags)):
        return _note(prefix, NO_DOCUMENTS.format(dag_id))
    stage, contract = dag_index.stage(dag_id, task_id)
    run = _load(run_id, contracts, contract)
    if run is None:
        return _note(prefix, NO_RUN)
    shard, table = _task(run, stage, map_index)
    return access.page(html.render("task.html", prefix, run=run, task=task_id, stage=stage, dag=dag_id, shard=shard, table=table))


@app.get("/table", response_class=HTMLResponse)
def table_page(contract: str, day: dt.date, contracts: Readable, prefix: Prefix) -> HTMLResponse:
    """The first rows of a day's published table, and how to read it elsewhere."""
    return access.page(html.render("table.html", prefix, table=_table(contract, day, contracts)))


@app.get("/contract", response_class=HTMLResponse)
def contract_of_dag(dag_id: str, dags: Dags, prefix: Prefix) -> HTMLResponse:
    """The contract that a DAG publishes, the first of several. Shown as a tab of every DAG."""
    if not (contracts := _contracts(dag_id, dags)):
        return _note(prefix, NO_DOCUMENTS.format(dag_id))
    return _contract_page(min(contracts), dags, prefix, sorted(contracts)[1:])


@app.get("/contract/{name}", response_class=HTMLResponse)
def contract_page(name: str, dags: Dags, prefix: Prefix) -> HTMLResponse:
    """A contract: its file, what follows from it, and how good its days were."""
    return _contract_page(name, dags, prefix)


@app.get("/api/library")
def library_json(
    contracts: Readable, name: str = "", contract: str = "", first: FormDay = "", last: FormDay = "", status: str = "",
    verdict: str = "", field: str = "", value: str = "", page: PageNumber = 1,
) -> JSONResponse:
    """What the library shows, as JSON."""
    wanted = _search(name, contract, first, last, status, verdict, field, value, page)
    return access.json(answers.plain(library.search(Settings(), contracts, wanted)))


@app.get("/api/review")
def review_json(contracts: Readable, contract: str = "", day: FormDay = "", field: str = "", page: PageNumber = 1) -> JSONResponse:
    """What the review queue shows, as JSON."""
    wanted = queue.Wanted(contract, sources.as_date(day) if day else None, field.strip(), page)
    return access.json(answers.plain(queue.load(Settings(), contracts, wanted)))


@app.get("/api/document/{document_id}")
def document_json(
    document_id: str, contracts: Readable, page: int | None = None, contract: str | None = None, day: Day = None, run: str | None = None,
) -> JSONResponse:
    """A document's fields, and with ``page`` that page's words, chunks and answers, as JSON."""
    place = _place(document_id, contracts, contract, day, run)
    shown = documents.load_page(place, document_id, page, Settings()) if page else None
    return access.json(answers.document(documents.load(place, document_id), shown))


@app.get("/api/run")
def run_json(dag_id: str, run_id: str, dags: Dags, contract: str = "", day: Day = None) -> JSONResponse:
    """What the run page shows, as JSON."""
    return access.json(answers.plain(_run(dag_id, run_id, dags, contract, day)))


@app.get("/api/task")
def task_json(dag_id: str, run_id: str, task_id: str, dags: Dags, map_index: str = "-1") -> JSONResponse:
    """The documents of a mapped task's shard, or the table that was published, as JSON."""
    stage, contract = dag_index.stage(dag_id, task_id)
    shard, table = _task(_run(dag_id, run_id, dags, contract), stage, map_index)
    return access.json({"shard": answers.plain(shard), "table": answers.plain(table)})


@app.get("/api/table")
def table_json(contract: str, day: dt.date, contracts: Readable) -> JSONResponse:
    """The first rows of a day's published table, as JSON."""
    return access.json(answers.plain(_table(contract, day, contracts)))


@app.get("/api/contract/{name}")
def contract_json(name: str, contracts: Readable) -> JSONResponse:
    """What the page of a contract shows, as JSON."""
    return access.json(answers.plain(_contract_view(name, contracts)))


@app.get("/openapi.json")
def openapi(user: GetUserDep) -> JSONResponse:
    """Every route of this app."""
    return access.json(app.openapi())


@app.get("/static/{name}", response_class=Response)
def static(name: str, user: GetUserDep) -> Response:
    """Styles and script."""
    if name not in html.STATIC:
        raise HTTPException(404)
    return Response(html.static(name), media_type=html.STATIC[name], headers=access.headers())


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
    return Response(content, media_type=kind, headers=access.headers(access.REPORT_POLICY))


def _search(
    name: str, contract: str, first: str, last: str, status: str, verdict: str, field: str, value: str, page: int
) -> library.Search:
    days = [sources.as_date(text) if text else None for text in (first, last)]
    return library.Search(name.strip(), contract, days[0], days[1], status, verdict, field.strip(), value.strip(), page)


def _place(document: str, contracts: set[str], contract: str | None, day: Day, run: str | None) -> sources.DocumentDay:
    """Where the document lies, among what the user may read; who may not read it does not learn that it is there."""
    place = sources.find(Settings(), contracts, document, contract, day, run)
    if place is None:
        raise HTTPException(404, "no such document")
    return place


def _contracts(dag: str, dags: dict[str, set[str]]) -> set[str]:
    """The contracts that a DAG publishes; none for a DAG that publishes no documents.

    Raises:
        HTTPException: 404, where the user may not read it.
    """
    if dag not in dags and dag in dag_index.publishing():
        raise HTTPException(404, "no such DAG")
    return dags.get(dag, set())


def _load(run: str, contracts: set[str], wanted: str, day: Day = None) -> runs.RunView | None:
    """A run over one of its DAG's contracts: the wanted one, if there is one, else the first that has something to show."""
    asked = [wanted] if wanted in contracts else sorted(contracts)
    return next((view for contract in asked if (view := runs.load(Settings(), contract, run, day))), None)


def _run(dag: str, run: str, dags: dict[str, set[str]], contract: str, day: Day = None) -> runs.RunView:
    view = _load(run, _contracts(dag, dags), contract, day)
    if view is None:
        raise HTTPException(404, "nothing is known of this run")
    return view


def _task(run: runs.RunView, stage: str, index: str) -> tuple[tasks.TaskView | None, preview.TableView | None]:
    """What there is to show of a task beside its run; Airflow names no index where a task is not mapped."""
    if stage == "publish":
        return None, preview.load(Settings(), Partition(run.contract, run.day))
    return tasks.load(Settings(), run, stage, int(index) if index.isdecimal() and len(index) < 6 else -1), None


def _table(contract: str, day: dt.date, contracts: set[str]) -> preview.TableView:
    view = preview.load(Settings(), Partition(contract, day)) if contract in contracts else None
    if view is None:
        raise HTTPException(404, "no such table")
    return view


def _contract_page(name: str, dags: dict[str, set[str]], prefix: str, others: Sequence[str] = ()) -> HTMLResponse:
    """``others`` are what the DAG at hand publishes beside it."""
    publishers = sorted(dag for dag, contracts in dags.items() if name in contracts)
    view = _contract_view(name, access.readable_contracts(dags))
    return access.page(html.render("contract.html", prefix, view=view, dags=publishers, others=others))


def _contract_view(name: str, contracts: set[str]) -> contract_pages.ContractView:
    view = contract_pages.load(Settings(), name) if name in contracts else None
    if view is None:
        raise HTTPException(404, "no such contract")
    return view


def _rebuilding(contracts: set[str], contract: str, run: str | None) -> Started | None:
    """What has become of a run that rebuilds days of a contract, for those who may read its DAG."""
    dag = dag_index.rebuilding(contract) if contract in contracts else None
    return run_started(dag, run) if dag else None


def _note(prefix: str, text: str) -> HTMLResponse:
    return access.page(html.render("note.html", prefix, text=text))
