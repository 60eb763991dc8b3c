"""The quality gate: staged tables are checked against the contract before anything is published.

Expectations are Great Expectations', shares are counted over all batches.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Set
from dataclasses import asdict
from itertools import groupby
from typing import Any

from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Report
from octavo.model.errors import GateFailed, ToolMissing, WorkspaceError
from octavo.publishing import row_quarantine
from octavo.publishing.checks import Check, CheckOutcome, RecordKey, checks
from octavo.publishing.row_quarantine import Failing
from octavo.storage import fs
from octavo.storage.workspace import Workspace

log = logging.getLogger(__name__)

FORMLESS = "a table has other columns or types than the contract"


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
        the contract's table, and ``held``: records that wait for review instead.

    Raises:
        GateFailed: names each failed expectation with its rows and their documents' files and ids.
        ToolMissing: Great Expectations is not installed.
        WorkspaceError: a table is not staged.
    """
    try:
        from octavo.publishing import expectations  # noqa: PLC0415 - Great Expectations takes seconds to import
    except ModuleNotFoundError as error:
        raise ToolMissing(f"{error.name} is not installed, which the gate needs; install it with: pip install 'octavo[gate]'") from error

    started = time.monotonic()
    try:
        held = row_quarantine.read(workspace)
        failing: Failing = {}
        outcomes = _judge(workspace, contract, held.keys(), failing)
        if failing and all(o.success or c.name in failing for c, o in outcomes):
            held = row_quarantine.hold(workspace, contract, failing)
            outcomes = _judge(workspace, contract, held.keys(), {})
    except FileNotFoundError as error:
        raise WorkspaceError(f"{error.filename or error} is missing: the tables of run {workspace.run} are not all staged") from error
    failed = [outcome for _, outcome in outcomes if not outcome.success]
    count = fs.count_rows(workspace.staged(contract.name))
    fs.write_json(workspace.validation, {
        "contract": contract.name,
        "contract_hash": contract.hash,
        "day": workspace.day.isoformat(),
        "success": not failed,
        "rows": count,
        "held": row_quarantine.as_json(held),
        "expectations": [asdict(outcome) for _, outcome in outcomes],
    })
    expectations.write_data_docs(outcomes, workspace, contract, reports)
    if failed:
        named = {one for outcome in failed for one in outcome.documents}
        rows = fs.read_table(workspace.staged("documents"), ["document", "uri"]).to_pylist()
        names = {row["document"]: str(row["uri"]).rsplit("/", 1)[-1] for row in rows if row["document"] in named}
        listed = "; ".join(outcome.said(names) for outcome in failed if outcome.error != FORMLESS)
        raise GateFailed(
            f"{workspace.partition.path}: {len(failed)} of {len(outcomes)} expectations failed, nothing is published: {listed}. "
            f"Look at {reports / 'index.html'}; mend the documents, or change the contract's fields or gate, and run the day again"
        )
    log.info("%s: %d expectations hold on %d rows, %d wait for review", workspace.partition.path, len(outcomes), count, len(held))
    counts = {"expectations": len(outcomes), "failed_expectations": 0, "rows": count, "held": len(held)}
    return Report("validate", counts, time.monotonic() - started)


def read_result(workspace: Workspace) -> dict[str, Any]:
    """What the gate said: ``success`` and one entry per expectation (see ``checks.CheckOutcome``).

    Raises:
        WorkspaceError: the gate has not run.
    """
    try:
        found: dict[str, Any] = fs.read_json(workspace.validation)
    except FileNotFoundError as error:
        raise WorkspaceError(f"{workspace.validation} is missing: the gate of run {workspace.run} has not run") from error
    return found


def _judge(workspace: Workspace, contract: Contract, held: Set[RecordKey], failing: Failing) -> list[tuple[Check, CheckOutcome]]:
    """Every check with its outcome, in the contract's order. A table of the wrong form is looked at no further.

    Args:
        held: records that were held back before.
        failing: where the contract sends failing rows to review, gets each failed check on records with those that fail it.
    """
    from octavo.publishing import expectations, row_checks  # noqa: PLC0415 - as in ``run``; pandas too

    judge = expectations.Judge()
    outcomes: list[tuple[Check, CheckOutcome]] = []
    for source, same in groupby(checks(contract), key=lambda check: check.source):
        group = list(same)
        formless = not source.startswith("schema:") and not all(o.success for c, o in outcomes if c.source.startswith("schema:"))
        judged = [CheckOutcome(check.name, _table(source, contract), check.column, check.share) for check in group]
        outcomes += zip(group, judged, strict=True)
        if formless:
            for outcome in judged:
                outcome.success, outcome.error = False, FORMLESS
            continue
        every = contract.gate.failing_rows == "review" and group[0].field_of(contract) is not None
        records: list[set[RecordKey]] = [set() for _ in group]
        for frame in row_checks.frames(workspace, contract, source, group, held):
            for outcome, found, named in zip(judged, judge.validate(frame, group, every), records, strict=True):
                outcome.add(found, contract.gate.show_values)
                named |= found.every
        failing.update({
            check.name: (check, named) for check, outcome, named in zip(group, judged, records, strict=True)
            if every and not outcome.success and outcome.error is None
        })
    return outcomes


def _table(source: str, contract: Contract) -> str:
    kind, _, name = source.partition(":")
    if kind == "schema":
        return name
    own = kind if kind in ("documents", "fields", "pages", "answers") else contract.name
    return {"trust": "fields", "unclaimed": "documents"}.get(kind, own)
