"""Memory of a long document: one PDF through every stage, each stage in a process of its own, at its highest.

    .venv/bin/python bench/pages_memory.py [--pages 500] [--repeat 4] [--contract invoice] [--json]

The document has ``--pages`` pages, each an invoice's worth of text. Reading, chunking and extraction work on shards of pages and are
measured on these. For the stages that see a whole document, what was read of it is then repeated ``--repeat`` times, with pages
numbered on. ``peak_mb`` is the memory (RSS) of each stage's process at its highest, without that of the child that reads.
The bench counts the pages that were read (``reads``), the words on them and the fields that were found, and ends with an error unless every
stage that goes through pages had all of them, and the tables that are published hold the repeated pages.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import random
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import proof
import pyarrow as pa
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.ingest import stage as ingest
from octavo.merging import stage as merging
from octavo.model import contracts
from octavo.model.entities import Partition, Report
from octavo.model.settings import Settings
from octavo.publishing import gate, ledger, publish, staging
from octavo.reading import stage as reading
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.storage.workspace import Plan, Span, Workspace
from samples.drawing import Sheet

DAY = dt.date(2026, 11, 2)
BY_PAGES = ("read", "chunk", "extract_layout")
WHOLE = ("merge", "tables", "validate", "ledger", "publish")
SHARDED = {"read": schemas.READINGS, "chunk": schemas.CHUNKS, "extract_layout": schemas.ANSWERS}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--contract", default="invoice")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    proof.show(measure(options.pages, options.repeat, options.contract), options.json)
    return 0


def measure(pages: int, repeat: int, contract: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "in"
        folder.mkdir()
        (folder / "long.pdf").write_bytes(long_pdf(pages))
        peaks, counts = {}, {}
        for stage in ("ingest", *BY_PAGES, *WHOLE):
            if stage == WHOLE[0]:
                _in_own_process(_repeat, scratch, repeat)
            peaks[stage], counts[stage] = _in_own_process(_stage, stage, scratch, contract)
    proof.same("the document", made=pages, found=counts["ingest"]["pages"], reads=counts["read"]["reads"], cut=counts["chunk"]["pages"])
    proof.none("the document", unreadable_pages=counts["read"]["quarantined_pages"])
    found = {"words": counts["read"]["words"], "answers": counts["extract_layout"]["answers"], "fields": counts["merge"]["fields"]}
    proof.some("the document", **found)
    proof.same("repeated", pages=pages * repeat, staged=counts["tables"]["pages"], published=counts["publish"]["rows_pages"])
    proof.same("repeated", fields=found["fields"], published=counts["publish"]["rows_fields"])
    return {"pages": pages * repeat, "reads": counts["read"]["reads"], **found, "peak_mb": peaks}


def _in_own_process(work: Callable[..., Any], *arguments: object) -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _workspace(scratch: str) -> Workspace:
    return Workspace(UPath(f"{scratch}/run"), Partition("long", DAY), "run")


def _stage(stage: str, scratch: str, name: str) -> tuple[int, dict[str, int]]:
    """Run one stage on all its shards: the most MB of this process, and the counts of all shards."""
    settings = Settings(state=f"{scratch}/state", lake=f"{scratch}/lake", processes=1)
    contract, workspace, lake = contracts.find(name, settings.contracts), _workspace(scratch), Lake(UPath(settings.lake))
    once: dict[str, Callable[[], Report]] = {
        "ingest": lambda: ingest.run(workspace, contract, UPath(f"{scratch}/in"), settings),
        "tables": lambda: staging.run(workspace, contract, lake, [rules.EXTRACTOR]),
        "validate": lambda: gate.run(workspace, contract, lake.reports(workspace.partition)),
        "ledger": lambda: ledger.run(workspace, lake, [rules.EXTRACTOR]),
        "publish": lambda: publish.run(workspace, contract, lake),
    }
    each: dict[str, Callable[[str], Report]] = {
        "read": lambda shard: reading.run(workspace, shard, settings),
        "chunk": lambda shard: chunking.run(workspace, shard, contract.chunking),
        "extract_layout": lambda shard: rules.run(workspace, shard, contract),
        "merge": lambda shard: merging.run(workspace, shard, contract, [rules.EXTRACTOR]),
    }
    if stage in once:
        reports = [once[stage]()]
    else:
        shards = workspace.plan.document_shards if stage == "merge" else workspace.plan.page_shards
        reports = [each[stage](shard) for shard in shards]
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return peak >> 10, Report.total(reports)


def _repeat(scratch: str, times: int) -> None:
    """Have what was read of the document follow itself so many times."""
    workspace = _workspace(scratch)
    plan, [row] = workspace.plan, fs.read_table(workspace.documents).to_pylist()
    shards: dict[str, tuple[Span, ...]] = {}
    for time in range(times):
        for shard, (span,) in plan.page_shards.items():
            name, first = f"p{len(shards):04d}", time * row["pages"]
            shards[name] = (Span(span.document, first + span.first, first + span.last),)
            for stage, schema in SHARDED.items() if time else ():
                table = fs.read_table(workspace.shard(stage, shard))
                place = table.schema.get_field_index("page")
                numbers = pa.array([first + page for page in table["page"].to_pylist()], table.schema.field(place).type)
                fs.write_table(workspace.shard(stage, name), [table.set_column(place, table.schema.field(place), numbers)], schema)
    fs.write_rows(workspace.documents, [{**row, "pages": times * row["pages"]}], schemas.DOCUMENTS)
    workspace.write_plan(Plan(shards, plan.document_shards))


def long_pdf(pages: int) -> bytes:
    """An invoice of so many pages: a heading, thirty rows of a table and a carried sum on each."""
    rng, sheet = random.Random(pages), Sheet()
    for number in range(pages):
        if number:
            sheet.add_page()
        sheet.write_at(20, 20, f"Harbour Supply Ltd    Invoice number: HS-{pages:06d}    Page {number + 1}", 10)
        sheet.write_at(20, 27, "Invoice date: 02 November 2026    Total amount: 1,234.50", 10)
        sheet.write_at(20, 34, "Description", 9, "B")
        sheet.write_at(190, 34, "Amount", 9, "B", "right")
        for row in range(30):
            y = 42 + 7 * row
            sheet.write_at(20, y, f"Article {rng.randrange(10**6)} with a name of some words", 9)
            sheet.write_at(150, y, str(rng.randint(1, 20)), 9, align="right")
            sheet.write_at(190, y, f"{rng.uniform(1, 999):.2f}", 9, align="right")
    return sheet.to_bytes()


if __name__ == "__main__":
    raise SystemExit(main())
