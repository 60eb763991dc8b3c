"""Running the checks and judging them: expectations by Great Expectations, shares over all batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Set
from dataclasses import asdict, dataclass, field
from itertools import groupby

from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Report
from octavo.model.errors import GateFailed, WorkspaceError
from octavo.publishing import expectations, row_checks, row_quarantine
from octavo.publishing.checks import Check, checks
from octavo.publishing.row_quarantine import Failing
from octavo.storage import fs
from octavo.storage.workspace import Workspace

log = logging.getLogger(__name__)

ROW_IDS = 20           # failing document ids that the result keeps of one expectation
ROW_IDS_IN_ERROR = 5   # of them in the error's text
FORMLESS = "a table has other columns or types than the contract"
ROUNDING = 1e-9        # 1 - 0.7 is a little more than 0.3


@dataclass
class Outcome:
    """What came of one expectation over all batches.

    ``table`` and ``column`` say where it looks. ``checked`` counts the rows with a value (all rows
    where presence is asked for), ``failing`` those that break it, ``share`` is the least share of
    rows that must not. ``documents`` are ids of failing rows, ``values`` their values, which only a
    contract with ``show_values`` fills.
    """

    name: str
    table: str
    column: str
    share: float
    success: bool = True
    checked: int = 0
    failing: int = 0
    documents: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    error: str | None = None

    def add(self, found: expectations.Found, show_values: bool) -> None:
        """Add one batch's counts and judge anew."""
        self.checked += found.checked
        self.failing += found.failing
        self.error = self.error or found.error
        room = ROW_IDS - len(self.documents)
        self.documents += found.documents[:room]
        if show_values:
            self.values += found.values[:room]
        right = (self.checked - self.failing) / self.checked if self.checked else 1.0
        self.success = self.error is None and right >= self.share - ROUNDING

    def __str__(self) -> str:
        if self.error:
            return f"'{self.name}' could not be checked: {self.error}"
        wanted = "" if self.share == 1 else f", where {self.share:.0%} must hold"
        return f"'{self.name}' failed on {self.failing:,} of {self.checked:,} rows{wanted}: {self._ids()}"

    def _ids(self) -> str:
        shown = self.documents[:ROW_IDS_IN_ERROR]
        more = self.failing - len(shown)
        return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def run(workspace: Workspace, contract: Contract, reports: UPath) -> Report:
    """See ``octavo.publishing.quality.run``."""
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
        "held": held,
        "expectations": [asdict(outcome) for _, outcome in outcomes],
    })
    expectations.write_data_docs(outcomes, workspace, contract, reports)
    if failed:
        listed = "; ".join(str(outcome) for outcome in failed if outcome.error != FORMLESS)
        raise GateFailed(
            f"{workspace.partition.path}: {len(failed)} of {len(outcomes)} expectations failed, nothing is published: {listed}. "
            f"Look at {reports / 'index.html'}; mend the documents, or change the contract's fields or gate, and run the day again"
        )
    log.info("%s: %d expectations hold on %d rows, %d wait for review", workspace.partition.path, len(outcomes), count, len(held))
    counts = {"expectations": len(outcomes), "failed_expectations": 0, "rows": count, "held": len(held)}
    return Report("validate", counts, time.monotonic() - started)


def _judge(workspace: Workspace, contract: Contract, held: Set[str], failing: Failing) -> list[tuple[Check, Outcome]]:
    """Every check with its outcome, in the contract's order. A table of the wrong form is looked at no further.

    Args:
        held: documents whose records were held back before.
        failing: where the contract sends failing rows to review, gets each failed check on records with its documents.
    """
    judge = expectations.Judge()
    outcomes: list[tuple[Check, Outcome]] = []
    for source, same in groupby(checks(contract), key=lambda check: check.source):
        group = list(same)
        formless = not source.startswith("schema:") and not all(o.success for c, o in outcomes if c.source.startswith("schema:"))
        judged = [Outcome(check.name, _table(source, contract), check.column, check.share) for check in group]
        outcomes += zip(group, judged, strict=True)
        if formless:
            for outcome in judged:
                outcome.success, outcome.error = False, FORMLESS
            continue
        every = contract.gate.failing_rows == "review" and group[0].field_of(contract) is not None
        documents: list[set[str]] = [set() for _ in group]
        for frame in row_checks.frames(workspace, contract, source, group, held):
            for outcome, found, named in zip(judged, judge.validate(frame, group, every), documents, strict=True):
                outcome.add(found, contract.gate.show_values)
                named |= found.every
        failing.update({
            check.name: (check, named) for check, outcome, named in zip(group, judged, documents, strict=True)
            if every and not outcome.success and outcome.error is None
        })
    return outcomes


def _table(source: str, contract: Contract) -> str:
    kind, _, name = source.partition(":")
    if kind == "schema":
        return name
    return {"trust": "fields"}.get(kind, kind if kind in ("documents", "fields", "pages", "answers") else contract.name)
