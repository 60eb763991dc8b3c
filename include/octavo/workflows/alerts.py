"""What somebody should be told of a run: that the gate refused its day, that it did not come to its end, or that much was quarantined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.compute as pc

from octavo.model.entities import Outcome
from octavo.model.errors import Reason
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace

SHOWN_EXPECTATIONS = 20


@dataclass(frozen=True, slots=True)
class Alert:
    """One message about one run. It names expectations and reason codes; no document, no value.

    ``expectations`` are those that failed, each with the rows that were checked and that failed. ``documents`` counts what the run found,
    ``quarantined`` what of it was kept out, ``reasons`` why. ``error`` is what a task failed with.
    """

    contract: str
    day: str
    run: str
    refused: bool
    expectations: tuple[dict[str, Any], ...]
    documents: int
    quarantined: int
    reasons: Mapping[str, int]
    error: str | None = None

    @property
    def subject(self) -> str:
        """One line."""
        said = []
        if self.refused:
            said.append("the gate refused the day, nothing is published")
        elif self.error:
            said.append("the run failed")
        if self.quarantined:
            said.append(f"{self.quarantined:,} of {self.documents:,} documents are quarantined")
        return f"Octavo: {self.contract} {self.day}: {'; '.join(said)}"

    def text(self, link: str) -> str:
        """All of it, in plain text that ends with the link."""
        lines = [self.subject]
        for one in self.expectations[:SHOWN_EXPECTATIONS]:
            said = one["error"] or f"{one['failing']:,} of {one['checked']:,} rows fail"
            lines.append(f"- {one['name']}: {said}")
        if len(self.expectations) > SHOWN_EXPECTATIONS:
            lines.append(f"- and {len(self.expectations) - SHOWN_EXPECTATIONS:,} more expectations")
        lines += [f"- {reason}: {count:,} documents" for reason, count in self.reasons.items()]
        if self.error and not self.refused:
            lines.append(self.error)
        return "\n".join([*lines, link])

    def as_dict(self, link: str) -> dict[str, Any]:
        """For a machine: every attribute, ``subject``, ``text`` and ``link``."""
        return {"subject": self.subject, "text": self.text(link), "link": link, **asdict(self)}


def of_run(workspace: Workspace, lake: Lake, quarantined_share: float, error: str | None = None) -> Alert | None:
    """What there is to tell of a run whose ledger is written, or that failed before; None for a run that went well.

    Args:
        quarantined_share: quarantine is told where more than this share of the documents found is kept out; 0 to 1.
        error: what a task of the run failed with.
    """
    validation = fs.read_json(workspace.validation) if workspace.validation.exists() else None
    failed = [one for one in validation["expectations"] if not one["success"]] if validation else []
    documents, reasons = _documents(workspace, lake)
    quarantined = reasons.total()
    many = quarantined > quarantined_share * documents
    if not (failed or error or many):
        return None
    return Alert(
        workspace.partition.contract, workspace.day.isoformat(), workspace.run, bool(failed),
        tuple({name: one[name] for name in ("name", "table", "column", "checked", "failing", "error")} for one in failed),
        documents, quarantined, dict(reasons.most_common()), error,
    )


def _documents(workspace: Workspace, lake: Lake) -> tuple[int, Counter[str]]:
    """How many documents the run found, and of the quarantined ones how many for which reason."""
    path, total, reasons = lake.table("ledger", workspace.partition), 0, Counter[str]()
    if path.exists():
        for table in fs.iter_tables(path, ["run", "level", "outcome", "reason"]):
            mine = table.filter(pc.and_(pc.equal(table["run"], workspace.run), pc.equal(table["level"], "document")))
            for row in mine.select(["outcome", "reason"]).to_pylist():
                total += row["reason"] != Reason.DUPLICATE
                if row["outcome"] == Outcome.QUARANTINED:
                    reasons[row["reason"]] += 1
    return total, reasons
