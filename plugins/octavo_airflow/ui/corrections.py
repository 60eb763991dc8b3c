"""Putting what a person says about a field into the store."""

from __future__ import annotations

from fastapi import HTTPException
from upath import UPath

from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.errors import OctavoError
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.views.document import DocumentView
from octavo.workflows.review import Desk, Reviewed
from octavo_airflow.settings import AirflowSettings as Settings


def keep(view: DocumentView, by: str, field: str, action: str, value: str) -> None:
    """Put what a person says about a field into the store.

    Args:
        view: the published document.
        by: who says it.
        field: the field's name in the document: its path, with its record where that has several.
        action: ``confirm`` (as it stands) or ``correct``.
        value: for ``correct`` what it is; empty: there is none.

    Raises:
        HTTPException: 422 with the reason, where it makes no sense.
    """
    settings = Settings()
    try:
        contract = contracts.find(view.contract, settings.contracts)
        about = Reviewed(Partition(view.contract, view.day), view.document, view.uri)
        desk = Desk(Lake(UPath(settings.lake)), CorrectionStore(settings.correction_store), contract, about, by)
        desk.keep([desk.confirm(field) if action == "confirm" else desk.correct(field, value)])
    except OctavoError as error:
        raise HTTPException(422, str(error)) from error
