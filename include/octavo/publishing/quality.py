"""The quality gate: staged tables are checked against the contract before anything is published."""

from __future__ import annotations

from typing import Any

from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Report
from octavo.model.errors import WorkspaceError
from octavo.storage import fs
from octavo.storage.workspace import Workspace

__all__ = ["read_result", "run"]


def run(workspace: Workspace, contract: Contract, reports: UPath) -> Report:
    """Validate the staged tables with Great Expectations.

    Where the contract sends failing rows to review, their records leave the contract's staged table for
    the staged ``review``, and the rest is validated again. Writes ``workspace.validation`` and the Data Docs
    under ``reports`` (``index.html``), whether the gate passes or not. Rows stream in batches, so memory does
    not grow with the day, except for the document ids and the columns that must be unique.

    Args:
        workspace: with ``documents``, ``pages``, ``fields`` and the contract's own table staged.
        contract: the run's contract; the expectations follow from it.
        reports: folder that holds this day's Data Docs; replaced.

    Returns:
        ``expectations``, ``failed_expectations`` (0, since any other number raises), ``rows`` of
        the contract's table, and ``held``: documents whose records wait for review instead.

    Raises:
        GateFailed: names each failed expectation with its rows and their document ids.
        WorkspaceError: a table is not staged.
    """
    from octavo.publishing import gate  # noqa: PLC0415 - Great Expectations takes seconds to import

    return gate.run(workspace, contract, reports)


def read_result(workspace: Workspace) -> dict[str, Any]:
    """What the gate said: ``success`` and one entry per expectation (see ``gate.Outcome``).

    Raises:
        WorkspaceError: the gate has not run.
    """
    try:
        found: dict[str, Any] = fs.read_json(workspace.validation)
    except FileNotFoundError as error:
        raise WorkspaceError(f"{workspace.validation} is missing: the gate of run {workspace.run} has not run") from error
    return found
