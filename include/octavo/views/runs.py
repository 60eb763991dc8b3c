"""One run: how many documents became pages, chunks, answers, fields and records, and what was lost on the way."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from upath import UPath

from octavo.model.entities import Outcome, Partition
from octavo.model.errors import Reason
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace
from octavo.views.sources import Row, as_date, by_verdict, children, days

SHOWN_DOCUMENTS = 200
SHOWN_LOST = 100
FOUND_DAYS = 60  # newest days of the ledger in which a run is looked for whose workspace is gone


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel: ``parts`` are its outcomes (or verdicts) by number, ``note`` what else there is to say."""

    name: str
    total: int
    parts: dict[str, int]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Speed:
    """What one kind of work took, beside what was found in a store: seconds of all processes added up."""

    work: str
    done: int
    found: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    cost: float

    @property
    def per_second(self) -> float | None:
        return self.done / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class RunDocument:
    """A document of the run; ``staged`` says that it is to be looked at as the run left it."""

    document: str
    name: str
    pages: int
    status: str
    reason: str | None
    verdicts: dict[str, int]
    staged: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """A run of one contract over one day. ``gate`` is ``passed``, ``refused``, ``not run`` or ``not kept``.

    ``later`` names the run that has published the day since. ``kept`` is False where what this one staged is gone: then the
    ledger tells of it.
    """

    contract: str
    day: dt.date
    run: str
    published: bool
    later: str | None
    kept: bool
    gate: str
    funnel: tuple[Step, ...]
    reasons: tuple[tuple[str, str, str, int], ...]
    lost: tuple[Row, ...]
    lost_count: int
    lost_reasons: tuple[str, ...]
    expectations: tuple[Row, ...]
    speed: tuple[Speed, ...]
    documents: tuple[RunDocument, ...]
    document_count: int
    has_report: bool
    accounted: bool


def load(settings: Settings, contract: str, run: str, day: dt.date | None = None) -> RunView | None:
    """What a run came to; None if neither its workspace nor the ledger knows it.

    Args:
        settings: lake and workspaces.
        contract: the run's contract.
        run: its id.
        day: its day, where that is known.
    """
    lake = Lake(UPath(settings.lake))
    partition = Partition(contract, day) if day else _partition(settings, lake, contract, run)
    if partition is None or run in (".", ".."):
        return None
    workspace = Workspace.open(settings.workspaces, partition, run)
    ledger = _ledger(lake, partition, run)
    if not workspace.documents.exists() and not ledger:
        return None
    manifest = lake.published(partition)
    published = manifest is not None and manifest["run"] == run
    validation = _json(workspace.validation)
    later = manifest["run"] if manifest and not published and _is_older(workspace, lake.manifest(partition)) else None
    kept = published or workspace.documents.exists()
    unknown = "not run" if kept else "not kept"
    gate = ("passed" if validation["success"] else "refused") if validation else "passed" if published else unknown
    where = {name: _table(workspace, lake, name, published) for name in ("documents", "fields", contract)}
    documents = _rows(where["documents"] or workspace.documents, ["document", "uri", "pages", "status", "reason"])
    if not kept:
        documents = _of_ledger(ledger)
    verdicts: dict[str, Counter[str]] = {}
    for row in _rows(where["fields"], ["document", "verdict"]):
        verdicts.setdefault(row["document"], Counter())[row["verdict"]] += 1
    lost = [row for row in ledger if row["outcome"] == Outcome.QUARANTINED and row["level"] != "chunk"]
    records = _count(where[contract])
    return RunView(
        contract, partition.day, run, published, later, kept, gate,
        tuple(_funnel(workspace, documents, ledger, verdicts, records, published))[: None if kept else -2],
        tuple(_reasons(ledger)), tuple(lost[:SHOWN_LOST]), len(lost),
        tuple(sorted({row["reason"] for row in lost if row["reason"]})), tuple(validation["expectations"] if validation else ()),
        tuple(_speed(ledger)), tuple(_documents(documents, verdicts, staged=not published and where["documents"] is not None)),
        len(documents), (lake.reports(partition) / "index.html").exists(),
        bool(ledger) and not any(row["reason"] == Reason.NOT_PROCESSED for row in ledger),
    )


def _partition(settings: Settings, lake: Lake, contract: str, run: str) -> Partition | None:
    """The day of a run: by its workspace, else by the ledger."""
    name = Workspace.open(UPath("x"), Partition("x", dt.date.min), run).root.name
    for folder in reversed(children(settings.workspaces / contract)):
        day = as_date(folder.name)
        if day and (folder / name / "contract.json").exists():
            return Partition(contract, day)
    for partition in days(lake.root / "ledger", [contract])[:FOUND_DAYS]:
        if _ledger(lake, partition, run):
            return partition
    return None


def _ledger(lake: Lake, partition: Partition, run: str) -> list[Row]:
    try:
        rows: list[Row] = fs.read_table(lake.table("ledger", partition), where=("run", run)).to_pylist()
    except FileNotFoundError:
        return []
    return rows


def _table(workspace: Workspace, lake: Lake, name: str, published: bool) -> UPath | None:
    """Where the run's table lies: in the lake, or staged; None while there is none."""
    if published:
        return lake.table(name, workspace.partition)
    staged = workspace.staged(name)
    return staged if staged.exists() else None


def _rows(path: UPath | None, columns: list[str]) -> list[Row]:
    try:
        found: list[Row] = fs.read_table(path, columns).to_pylist() if path is not None else []
    except FileNotFoundError:
        return []
    return found


def _is_older(workspace: Workspace, manifest: UPath) -> bool:
    """Whether a run's workspace is gone, or its gate had its say before the day was published for the last time."""
    if not workspace.documents.exists():
        return True
    return bool(workspace.validation.exists() and workspace.validation.stat().st_mtime <= manifest.stat().st_mtime)


def _of_ledger(ledger: list[Row]) -> list[Row]:
    """The documents of a run as its rows of the ledger have them."""
    pages = Counter(row["document"] for row in ledger if row["level"] == "page")
    return [
        {"document": row["document"], "uri": row["uri"], "pages": pages[row["document"]], "status": row["outcome"], "reason": row["reason"]}
        for row in ledger if row["level"] == "document" and row["document"] and row["reason"] != Reason.DUPLICATE
    ]


def _count(path: UPath | None) -> int:
    return fs.count_rows(path) if path is not None else 0


def _json(path: UPath) -> Any:
    try:
        return fs.read_json(path)
    except FileNotFoundError:
        return None


def _funnel(
    workspace: Workspace, documents: list[Row], ledger: list[Row], verdicts: dict[str, Counter[str]], records: int, published: bool,
) -> list[Step]:
    """The steps; while a run goes on, the ledger is not written yet and the shards' files tell how far it is."""
    by_level = {level: [row for row in ledger if row["level"] == level] for level in ("document", "page", "chunk")}
    outcomes = {level: dict(Counter(str(row["outcome"]) for row in rows).most_common()) for level, rows in by_level.items()}
    chunks = len({(row["document"], row["page"], row["chunk"]) for row in by_level["chunk"]})
    extractors = sorted({str(row["extractor"]) for row in by_level["chunk"]})
    of_fields: Counter[str] = sum(verdicts.values(), Counter())
    copies = sum(row["reason"] == Reason.DUPLICATE for row in by_level["document"])
    return [
        Step("documents", len(by_level["document"]) or len(documents), outcomes["document"], f"{copies} copies" if copies else ""),
        Step("pages", len(by_level["page"]) or _shard_rows(workspace, "read"), outcomes["page"]),
        Step("chunks", chunks or _shard_rows(workspace, "chunk"), {}),
        Step("answers", len(by_level["chunk"]) or _shard_rows(workspace, "extract_layout"), outcomes["chunk"], ", ".join(extractors)),
        Step("fields", of_fields.total(), by_verdict(of_fields)),
        Step("records", records, {}, "published" if published else "not published"),
    ]


def _shard_rows(workspace: Workspace, stage: str) -> int:
    return sum(fs.count_rows(path) for path in children(workspace.root / stage) if path.name.endswith(".parquet"))


def _reasons(ledger: list[Row]) -> list[tuple[str, str, str, int]]:
    """(level, outcome, reason, how many) of everything that is no plain ``ok``."""
    counts = Counter((row["level"], row["outcome"], row["reason"]) for row in ledger if row["reason"])
    order = {"document": 0, "page": 1, "chunk": 2}
    return sorted(((*key, count) for key, count in counts.items()), key=lambda one: (order[one[0]], -one[3], one[2]))


def _speed(ledger: list[Row]) -> list[Speed]:
    works: dict[str, list[Row]] = {}
    for row in ledger:
        if row["level"] == "page":
            works.setdefault("reading pages", []).append(row)
        elif row["level"] == "chunk" and row["reason"] != Reason.NOT_PROCESSED:
            works.setdefault(f"answers by {row['extractor']}", []).append(row)
    return [
        Speed(
            work, sum(not row["cached"] for row in rows), sum(bool(row["cached"]) for row in rows),
            *(sum(row[name] or 0 for row in rows) for name in ("seconds", "prompt_tokens", "completion_tokens", "cost")),
        )
        for work, rows in works.items()
    ]


def _documents(rows: list[Row], verdicts: dict[str, Counter[str]], staged: bool) -> list[RunDocument]:
    """Those first that want a look: kept out, then by the number of values that are not accepted."""
    made = [
        RunDocument(
            row["document"], str(row["uri"]).rstrip("/").rsplit("/", 1)[-1], row["pages"] or 0, row["status"], row["reason"],
            by_verdict(verdicts.get(row["document"], {})), staged,
        )
        for row in rows
    ]
    made.sort(key=lambda one: (one.status != Outcome.QUARANTINED, -sum(n for verdict, n in one.verdicts.items() if verdict != "accepted")))
    return made[:SHOWN_DOCUMENTS]
