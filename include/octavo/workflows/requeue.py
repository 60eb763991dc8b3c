"""Documents that a run could not read, or not to the end: which there are, and making the next run try them again.

A file that ingest refused is looked at anew by every run of its day. What a page's reader failed at is remembered, so that
no run pays for it twice; once the cause is gone (a larger limit, another engine), that memory has to be dropped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from upath import UPath

from octavo.model.entities import Outcome, Partition
from octavo.model.errors import Reason
from octavo.model.settings import Settings
from octavo.reading.store import document_folder
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore, Choice
from octavo.storage.lake import Lake

_COLUMNS = ["run", "level", "document", "uri", "outcome", "reason"]
_FAILED = (Outcome.QUARANTINED, Outcome.PARTIAL, Outcome.FALLBACK)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document that did not come through, with the reasons of it, its pages and chunks, sorted."""

    partition: Partition
    document: str
    uri: str
    reasons: tuple[str, ...]


def waiting(settings: Settings, contract: str, reason: str | None = None, day: dt.date | None = None) -> list[Waiting]:
    """The documents of a contract that wait, by day and uri, as the ledger's latest run that saw each of them says.

    Args:
        reason: only those with this reason code.
        day: only this day.
    """
    found: list[Waiting] = []
    for path in sorted(Lake(UPath(settings.lake)).root.glob(f"ledger/contract={contract}/day=*/part.parquet")):
        partition = Partition(contract, dt.date.fromisoformat(path.parent.name.removeprefix("day=")))
        if day is None or partition.day == day:
            found += _of_day(path, partition)
    return [one for one in found if reason is None or reason in one.reasons]


def _of_day(ledger: UPath, partition: Partition) -> Iterator[Waiting]:
    """The day's documents that wait. Runs stand in the ledger in the order in which they ended."""
    documents: dict[str, str] = {}
    reasons: dict[str, set[str]] = {}
    last_run: dict[str, str] = {}
    latest = ""
    for table in fs.iter_tables(ledger, _COLUMNS):
        for row in table.to_pylist():
            uri, latest = row["uri"], row["run"]
            if uri is None:  # the sum of the run
                continue
            if last_run.get(uri) != row["run"]:  # a later run's word replaces an earlier one's
                last_run[uri], documents[uri], reasons[uri] = row["run"], row["document"], set()
            if row["outcome"] in _FAILED and row["reason"]:
                reasons[uri].add(row["reason"])
    for uri, document in sorted(documents.items()):
        if reasons[uri] and (last_run[uri] == latest or "!/" in uri or UPath(uri).exists()):
            yield Waiting(partition, document, uri, tuple(sorted(reasons[uri])))


def retry(settings: Settings, documents: Iterable[Waiting], reason: str | None = None) -> int:
    """Drop what is remembered of the documents' failures, so that the next run of their days tries again.

    Pages that were read stay as they are, but for those that are kept in one block with a failed one. With reason
    ``answer_unparsable`` the answers of models about the documents go too, and are paid for again.

    Returns:
        The number of blocks of pages that will be read again.
    """
    dropped = 0
    for document in sorted({one.document for one in documents}):
        for path in sorted(document_folder(settings.reading_store, document).glob("*/*-*.parquet")):
            rows = fs.read_table(path, ["outcome", "reason"]).to_pylist()
            if any(row["outcome"] == Outcome.QUARANTINED and reason in (None, row["reason"]) for row in rows):
                path.unlink(missing_ok=True)
                dropped += 1
        if reason == Reason.ANSWER_UNPARSABLE:
            AnswerStore(settings.answer_store).prune(Choice(document=document))
    return dropped
