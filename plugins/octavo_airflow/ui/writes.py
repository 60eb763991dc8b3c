"""What people may write: corrections, and runs that take them or try files again. Each asks who is there, from where, and what they may."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Form, HTTPException
from fastapi.responses import RedirectResponse

from octavo.model.errors import Reason
from octavo.views import document as documents
from octavo.views import html, sources
from octavo_airflow.settings import AirflowSettings as Settings
from octavo_airflow.ui import access, corrections, dag_index, starting
from octavo_airflow.ui.access import Dags, Prefix, Readable

router = APIRouter(dependencies=[Depends(access.from_here)])
# Parameters of a DAG whose runs can be asked to try failed files again.
REQUEUE = ("day", "requeue")
# Where somebody came from: the queue with its filters, or the page of the document.
Text = Annotated[str, Form(max_length=500)]


@router.post("/document/{document_id}/fields", response_class=RedirectResponse)
def correct(
    document_id: str, user: GetUserDep, dags: Dags, contracts: Readable, prefix: Prefix, contract: Annotated[str, Form()],
    day: Annotated[dt.date, Form()], field: Annotated[str, Form()], action: Annotated[Literal["confirm", "correct"], Form()],
    value: Annotated[str, Form()] = "", back: Annotated[Literal["document", "review"], Form()] = "document", of_contract: Text = "",
    of_day: Text = "", of_field: Text = "", page: Annotated[int, Form(ge=1)] = 1, at: Annotated[int, Form(ge=0)] = 0,
) -> RedirectResponse:
    """Keep that a value is right, or what it is instead; the day's next run takes it. Asks for the permission to edit a DAG that publishes
    the contract."""
    place = _place(contracts, document_id, contract, day)
    access.ask_correct(user, contract, dags)
    view = documents.load(place, document_id)
    corrections.keep(view, user.get_name(), field, action, value)
    if back == "review":
        return _queue(prefix, contract=of_contract, day=of_day, field=of_field, page=page, at=at)
    links = html.AppLinks(prefix, view)
    return _to(next((links.field(one) for one in view.fields if one.key == field), links.page(1)))


@router.post("/day/rebuild", response_class=RedirectResponse)
def rebuild(
    user: GetUserDep, dags: Dags, contracts: Readable, prefix: Prefix, contract: Annotated[str, Form()], day: Annotated[dt.date, Form()],
    document: Text = "", field: Text = "", of_contract: Text = "", of_day: Text = "", of_field: Text = "",
) -> RedirectResponse:
    """Start the rebuilding of a day, so that its tables take what people said. Asks for the permissions to edit a DAG that publishes the
    contract and to start a run of the one that rebuilds its days."""
    if contract not in contracts:
        raise HTTPException(404, "no such contract")
    access.ask_correct(user, contract, dags)
    rebuilding = dag_index.rebuilding(contract)
    if rebuilding is None:
        raise HTTPException(409, f"no DAG rebuilds the days of {contract}; octavo_airflow.dags.history() in a DAG file makes it")
    access.ask_run(user, rebuilding)
    run = starting.start(rebuilding, user.get_name(), first=day.isoformat(), last=day.isoformat())
    if document:
        view = documents.load(_place(contracts, document, contract, day), document)
        shown = {"field": field} if field else {}
        return _to(f"{html.AppLinks(prefix, view).page(view.first_page(field))}&{urlencode({**shown, 'started': run})}")
    return _queue(prefix, contract=of_contract, day=of_day, field=of_field, started=run, rebuilt=contract)


@router.post("/run/requeue", response_class=RedirectResponse)
def requeue(
    user: GetUserDep, dags: Dags, prefix: Prefix, dag_id: Annotated[str, Form()], run_id: Annotated[str, Form()],
    day: Annotated[dt.date, Form()], reason: Annotated[Reason | Literal["any"], Form()],
) -> RedirectResponse:
    """Start a run that tries again what failed on a day for a reason. Asks for the permissions to edit the DAG and to start a run."""
    if dag_id not in dags:
        raise HTTPException(404, "no such DAG")
    if not access.may_edit(user, dag_id):
        raise HTTPException(403, f"you may not edit {dag_id}")
    access.ask_run(user, dag_id)
    if not dag_index.takes(dag_id, *REQUEUE):
        raise HTTPException(409, f"{dag_id} has no parameters {' and '.join(REQUEUE)}")
    run = starting.start(dag_id, user.get_name(), day=day.isoformat(), requeue=str(reason))
    return _to(f"{prefix}/run?{urlencode({'dag_id': dag_id, 'run_id': run_id, 'day': day.isoformat(), 'started': run})}")


def _place(contracts: set[str], document: str, contract: str, day: dt.date) -> sources.DocumentDay:
    place = sources.find(Settings(), contracts, document, contract, day)
    if place is None:
        raise HTTPException(404, "no such document")
    return place


def _queue(prefix: str, **query: Any) -> RedirectResponse:
    return _to(f"{prefix}/review?{urlencode({name: value for name, value in query.items() if value})}")


def _to(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303, headers=access.headers())
