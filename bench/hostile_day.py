"""A day of small files that are made to stop it, beside three ordinary documents: what becomes of each, and what the day costs.

    .venv/bin/python bench/hostile_day.py [--profile best|fast] [--kind KIND] [--out FILE.json] [--json]

The files are those of ``tests/hostile.py``: floods of words, pages that share one content stream, bombs behind the reader, names and texts
that attack what handles them. All of them are one day, which a process of its own takes through every stage, with limits that are smaller
than the shipped ones (``LIMITS``), so that the bench takes minutes. One document a shard, so that a stage's seconds are a document's.

The bench ends with an error unless the day is published, every file has an outcome in the ledger, the ordinary documents have their
values, no document took a stage longer than its bound allows, and the memory of all processes together stayed within theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import proof
from hostile import watch
from pages import DAY
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.settings import Limits, Settings
from octavo.reading import engine
from octavo.storage import fs
from octavo.storage.archives import SEPARATOR
from octavo.storage.lake import Lake
from octavo.storage.workspace import cut_into_shards
from octavo.workflows import pipeline
from tests import hostile

LIMITS = Limits(
    page_seconds=10, document_seconds=10, archive_seconds=20, child_bytes=3 << 29, archive_bytes=1 << 28, archive_members=1000, pages=500,
)
# What a bound may be passed by: the interpreter looks for the alarm between two steps, a child is ended and another one started.
SLACK_SECONDS = 10.0
# The stages' own process, with Great Expectations, pandas and the words of one document.
OWN_BYTES = 3 << 29
SECONDS = 7200.0
WITHIN_DOCUMENT = ("chunk", "extract_layout", "merge")


@dataclass(frozen=True)
class Spent:
    """The longest that a document took in a stage."""

    seconds: float
    file: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--profile", choices=("best", "fast"), default="best")
    parser.add_argument("--kind", choices=hostile.KINDS, help="make the files of one kind only")
    parser.add_argument("--out", type=Path, help="write what became of each file, as JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--day", metavar="SCRATCH", type=Path, help=argparse.SUPPRESS)  # how this program starts itself
    options = parser.parse_args()
    settings = Settings(ocr_profile=options.profile)
    if options.day is not None:
        (options.day / "result.json").write_text(json.dumps(day_of(options.day, settings)), encoding="utf-8")
        return 0
    engine.find(settings.ocr_profile, settings.languages)  # where it is missing, every picture would be lost for that
    with tempfile.TemporaryDirectory() as scratch:
        landing, work, temporary = (Path(scratch) / name for name in ("in", "work", "tmp"))
        for folder in (landing, work, temporary):
            folder.mkdir()
        only = hostile.KINDS[options.kind] if options.kind else None
        made, expected = hostile.make(landing, only), hostile.ordinary(landing)
        command = [sys.executable, __file__, "--profile", options.profile, "--day", scratch]
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=work, env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.DEVNULL)
        peak = watch(process, started + SECONDS)
        seconds = time.monotonic() - started
        if process.returncode != 0:
            proof.fail(f"the day ended with {process.returncode} after {seconds:.0f} s")
        result = json.loads((Path(scratch) / "result.json").read_text(encoding="utf-8"))
        left = [path.name for folder in (work, temporary) for path in folder.iterdir()]
    faults = list(chain(faults_of(result, made, expected), (f"{name} was left behind" for name in left)))
    if peak > LIMITS.child_bytes + OWN_BYTES:
        faults.append(f"{peak >> 20:,} MB of memory, over {(LIMITS.child_bytes + OWN_BYTES) >> 20:,}")
    figures = {
        "hostile_files": len(made), **Counter(kind for kind in made.values()), "outcomes": result["outcomes"], "seconds": round(seconds, 1),
        "peak_mb": peak >> 20, **{f"longest_{stage}": spent for stage, spent in result["longest"].items()}, "faults": faults,
    }
    if options.out is not None:
        options.out.write_text(json.dumps({**figures, "files": result["files"]}, indent=1), encoding="utf-8")
    proof.show(figures, options.json)
    proof.some("hostile files", files=len(made), outcomes=len(result["files"]))
    return 1 if faults else 0


def day_of(scratch: Path, settings: Settings) -> dict[str, Any]:
    """Take the files in ``scratch/in`` through every stage; what became of each, by its name, and the longest of each stage."""
    settings = settings.model_copy(update={
        "lake": str(scratch / "lake"), "state": str(scratch / "state"), "processes": 1, "shard_pages": 1, "limits": LIMITS,
    })
    done = pipeline.run_day(hostile.CONTRACT, UPath(scratch / "in"), DAY, settings, extractor="layout")
    lake, partition = Lake(UPath(settings.lake)), Partition(hostile.CONTRACT.name, DAY)
    result: dict[str, Any] = {"published": done.published, "error": str(done.error or ""), "outcomes": {}, "longest": {}}
    result |= {"files": {}, "values": {}}
    if not done.published:
        return result
    documents = fs.read_table(lake.table("documents", partition)).to_pylist()
    for row in documents:
        for uri in (row["uri"], *row["copies"]):
            result["files"][uri.removeprefix(f"{scratch / 'in'}/")] = [row["status"], row["reason"], row["pages"]]
    result["outcomes"] = dict(Counter(f"{status} {reason or ''}".strip() for status, reason, _ in result["files"].values()))
    for row in fs.read_table(lake.table("hostile", partition)).to_pylist():
        result["values"][Path(row["uri"]).name] = {name: str(value) for name, value in row.items() if value is not None}
    names = {row["document"]: Path(row["uri"]).name for row in documents}
    ledger = fs.read_table(lake.table("ledger", partition)).to_pylist()
    pages = [row for row in ledger if row["level"] == "page" and row["seconds"] is not None]
    result["longest"] = {stage: [round(spent.seconds, 1), spent.file] for stage, spent in longest(done, documents, pages, names)}
    return result


def longest(
    done: pipeline.DayResult, documents: list[dict[str, Any]], pages: list[dict[str, Any]], names: dict[str, str],
) -> Iterator[tuple[str, Spent]]:
    """Each stage with the document that it took longest over; reading with the longest page, and the document whose pages took longest."""
    yield "page", max((Spent(row["seconds"], names[row["document"]]) for row in pages), key=lambda one: one.seconds)
    read: Counter[str] = Counter()
    for row in pages:
        read[row["document"]] += row["seconds"]
    document, seconds = read.most_common(1)[0]
    yield "read", Spent(seconds, names[document])
    plan = cut_into_shards([(row["document"], row["pages"]) for row in documents], 1)
    by_pages = [spans[0].document for spans in plan.page_shards.values()]
    for stage in WITHIN_DOCUMENT:
        shards = [ids[0] for ids in plan.document_shards.values()] if stage == "merge" else by_pages
        spent: Counter[str] = Counter()
        for document, report in zip(shards, (report for report in done.reports if report.stage == stage), strict=True):
            spent[document] = max(spent[document], report.seconds)
        document, seconds = spent.most_common(1)[0]
        yield stage, Spent(seconds, names[document])
    for report in done.reports:
        if report.stage in ("ingest", "tables", "validate", "ledger", "publish"):
            yield report.stage, Spent(report.seconds, "all files together")


def faults_of(result: dict[str, Any], made: dict[str, str], expected: dict[str, dict[str, str]]) -> Iterator[str]:
    """What is not as it should be."""
    if not result["published"]:
        yield f"the day was not published: {result['error']}"
        return
    found = {name.partition(SEPARATOR)[0] for name in result["files"]}
    known = {os.fsencode(name).decode("utf-8", "backslashreplace") for name in (*made, *expected)}
    yield from (f"{name!a} has no outcome" for name in sorted(known - found))
    for name, values in expected.items():
        wrong = {field: result["values"].get(name, {}).get(field) for field, value in values.items()} if name in result["values"] else {}
        yield from (f"{name}: {field} is {wrong.get(field)}, not {value}" for field, value in values.items() if wrong.get(field) != value)
    bounds = {"page": LIMITS.page_seconds, **dict.fromkeys(WITHIN_DOCUMENT, LIMITS.document_seconds)}
    for stage, bound in bounds.items():
        seconds, file = result["longest"][stage]
        if seconds > bound + SLACK_SECONDS:
            yield f"{stage} took {seconds} s over {file!a}, whose bound is {bound:g} s"


if __name__ == "__main__":
    raise SystemExit(main())
