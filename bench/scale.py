"""Cost and memory per page as a day grows: synthetic words, no OCR, through every stage that comes after reading.

    .venv/bin/python bench/scale.py [--sizes 1000,10000,100000] [--json]

A day of receipts of one to three pages lies there as if its pages had been read. It is taken through chunk, extract (layout),
merge, tables, ledger, publish; the gate, which looks at whole tables, is measured apart. ORIGINALS documents are made, and a day
consists of copies of them under ids of their own. Every stage runs in a process of its own. A stage that works on shards
goes through ``--sample`` of the day's shards, spread evenly, each opened as a task would open it, so its peak memory is that of
the hungriest task and of all that a task might leave behind; what it would take for the day is worked out from that. The other stages take
the whole day. Costs are processor time, which a busy machine distorts less than the clock, but does (docs/scale.md).

``per_page_ratio_100k_to_1k`` is the cost per page of the largest size over the smallest's, without the gate; ``peak_mb`` is the
largest peak of any stage but the gate, by size; ``gate_peak_mb`` and ``gate_ms_per_page`` are the gate's.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from octavo import chunking, contracts, ledger, merging, publishing, quality, schemas, storage, tables
from octavo.config import Settings
from octavo.extraction import layout
from octavo.lake import Lake
from octavo.model import Partition
from octavo.quality import gate  # noqa: F401 - loads Great Expectations before anything is measured
from octavo.workspace import Workspace, cut_into_shards

DAY = dt.date(2026, 11, 2)
EXTRACTORS = ("layout",)
GOODS = ("WHITE BREAD", "SUGAR 1KG", "GREEN TEA", "RICE 5KG", "WALL PLUGS 50", "PAINT BRUSH", "BATTERY AA", "NOTEBOOK A5", "SOAP")
SHOPS = ("TANGLEWOOD HARDWARE SDN BHD", "NORTHGATE MINI MARKET SDN BHD", "HARBOUR COFFEE LTD", "CAFE QUINCE LTD", "EAST BOOKS LTD")
LETTER_PX, LINE_PX = 14, 36   # width of a letter and distance of lines
PAGE_PX = (1000, 1600)
ORIGINALS = 300
BY_PAGES, BY_DOCUMENTS = ("read", "chunk", "extract_layout"), ("fields", "records", "corrections")


def pages_of(number: int) -> list[list[str]]:
    """The lines of each page of a document: a receipt's head, goods and total; the same number gives the same text."""
    chance = random.Random(number)
    pages = [[f"{chance.choice(GOODS)} {chance.randint(1, 9)} {chance.randint(100, 9900) / 100:.2f}" for _ in range(18)]
             for _ in range(chance.choice((1, 1, 2, 3)))]
    pages[0][:0] = [
        chance.choice(SHOPS), f"NO. {chance.randint(1, 99)}, JALAN CEMPAKA {chance.randint(1, 9)}",
        f"{chance.randint(10000, 99999)} OLD TOWN",
        f"Date: {chance.randint(1, 28):02}/{chance.randint(1, 12):02}/2026", f"Invoice No: {chance.randint(10000, 99999)}",
    ]
    pages[-1] += [f"Total: RM {chance.randint(1000, 99000) / 100:.2f}", "THANK YOU PLEASE COME AGAIN"]
    return pages


def reading(document: str, number: int, lines: list[str], noise: random.Random) -> dict[str, Any]:
    """A ``READINGS`` row, every line's words side by side."""
    words = []
    for row, line in enumerate(lines):
        left, top = 80 + noise.randint(-2, 2), 80 + LINE_PX * row
        for text in line.split():
            right = left + LETTER_PX * len(text)
            words.append({"text": text, "x0": left, "y0": top, "x1": right, "y1": top + 24, "confidence": 0.95, "source": "ocr"})
            left = right + LETTER_PX
    return {
        "document": document, "page": number, "width": PAGE_PX[0], "height": PAGE_PX[1], "dpi": 200, "rotation": 0,
        "transform": [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], "text_source": "ocr", "words": words, "outcome": "ok", "reason": None,
        "detail": None, "seconds": 0.0, "cached": True,
    }


def name(number: int) -> str:
    return f"{number:064x}"


def uri(number: int) -> str:
    return f"/landing/{number}.png"


def lay_out(space: Workspace, contract: contracts.Contract, counts: list[int], shard_pages: int) -> None:
    """Leave ``counts[n]`` pages of document n as ingest would."""
    storage.write_rows(space.documents, [
        {"document": name(n), "uri": uri(n), "copies": [], "media_type": "image/png", "bytes": 1, "pages": count, "status": "ok",
         "reason": None} for n, count in enumerate(counts)
    ], schemas.DOCUMENTS)
    space.pin(contract)
    space.write_plan(cut_into_shards([(name(n), count) for n, count in enumerate(counts)], shard_pages))


@dataclass(frozen=True)
class Originals:
    """Some documents taken through the stages, to be copied under other ids: by stage, each document's rows."""

    rows: dict[str, dict[str, pa.Table]]

    @classmethod
    def make(cls, root: Path, contract: contracts.Contract, shard_pages: int) -> Originals:
        space = Workspace.open(UPath(root / "originals"), Partition(contract.name, DAY), "originals")
        texts = [pages_of(n) for n in range(ORIGINALS)]
        lay_out(space, contract, [len(pages) for pages in texts], shard_pages)
        for shard, spans in space.plan.page_shards.items():
            rows = []
            for span in spans:
                number = int(span.document, 16)
                noise = random.Random(number)
                rows += [reading(span.document, page, lines, noise) for page, lines in enumerate(texts[number], 1)]
            storage.write_rows(space.shard("read", shard), rows, schemas.READINGS)
            chunking.run(space, shard, contract.chunking)
            layout.run(space, shard, contract)
        for shard in space.plan.document_shards:
            merging.run(space, shard, contract, EXTRACTORS)
        shards = {**dict.fromkeys(BY_PAGES, space.plan.page_shards), **dict.fromkeys(BY_DOCUMENTS, space.plan.document_shards)}
        found: dict[str, dict[str, pa.Table]] = {}
        for stage, names in shards.items():
            whole = pa.concat_tables([storage.read_table(space.shard(stage, shard)) for shard in names])
            found[stage] = {document: whole.filter(pc.equal(whole["document"], document)) for document in map(name, range(ORIGINALS))}
        return cls(found)

    def copy(self, stage: str, documents: list[str]) -> pa.Table:
        """The stage's rows of ``documents``, which are copies of the originals in turn."""
        tables = []
        for document in documents:
            number = int(document, 16)
            table = self.rows[stage][name(number % ORIGINALS)]
            for column, value in (("document", document), ("uri", uri(number))):
                if column in table.column_names:
                    table = table.set_column(table.column_names.index(column), column, pa.array([value] * len(table), pa.string()))
            tables.append(table)
        return pa.concat_tables(tables)


def fill(space: Workspace, contract: contracts.Contract, originals: Originals) -> None:
    """Leave every shard of every stage as the stages would."""
    forms = {"read": schemas.READINGS, "chunk": schemas.CHUNKS, "extract_layout": schemas.ANSWERS, "fields": schemas.FIELDS,
             "records": schemas.record_schema(contract), "corrections": schemas.CORRECTIONS}
    for shard, spans in space.plan.page_shards.items():
        for stage in BY_PAGES:
            storage.write_table(space.shard(stage, shard), [originals.copy(stage, [span.document for span in spans])], forms[stage])
    for shard, documents in space.plan.document_shards.items():
        for stage in BY_DOCUMENTS:
            storage.write_table(space.shard(stage, shard), [originals.copy(stage, list(documents))], forms[stage])


def stages(space: Workspace, contract: contracts.Contract, lake: Lake, sample: int) -> Iterator[tuple[str, Callable[[], Any], float]]:
    """Each stage in order, and which share of the day's pages it goes through: stages of shards take ``sample`` shards, spread evenly."""
    plan = space.plan
    pages = {document: 0 for ids in plan.document_shards.values() for document in ids}
    for spans in plan.page_shards.values():
        for span in spans:
            pages[span.document] += span.pages
    shards = list(plan.page_shards)[:: max(1, len(plan.page_shards) // sample)]
    documents = list(plan.document_shards)[:: max(1, len(plan.document_shards) // sample)]
    of_shards = sum(span.pages for shard in shards for span in plan.page_shards[shard]) / sum(pages.values())
    of_documents = sum(pages[document] for shard in documents for document in plan.document_shards[shard]) / sum(pages.values())

    def task() -> Workspace:
        """The workspace as a task opens it: the plan is read anew."""
        return Workspace(space.root, space.partition, space.run)

    yield "chunk", lambda: [chunking.run(task(), shard, contract.chunking) for shard in shards], of_shards
    yield "extract_layout", lambda: [layout.run(task(), shard, contract) for shard in shards], of_shards
    yield "merge", lambda: [merging.run(task(), shard, contract, EXTRACTORS) for shard in documents], of_documents
    yield "tables", lambda: tables.run(space, contract, lake, EXTRACTORS), 1
    yield "validate", lambda: quality.run(space, contract, lake.reports(space.partition)), 1
    yield "ledger", lambda: ledger.run(space, lake, EXTRACTORS), 1
    yield "publish", lambda: publishing.run(space, contract, lake), 1


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Run ``work`` in a process of its own: its processor and wall seconds, and its peak memory in MB."""
    ours, theirs = multiprocessing.Pipe()

    def child() -> None:
        started, before = time.monotonic(), time.process_time()
        work()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        theirs.send({"cpu_s": time.process_time() - before, "wall_s": time.monotonic() - started, "peak_mb": peak})

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    except EOFError as error:
        raise SystemExit("a stage failed; see its error above") from error
    process.join()
    return found


def measure(pages: int, root: Path, contract: contracts.Contract, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Take a day of ``pages`` pages through all stages; what each took, processor seconds for the whole day."""
    originals = Originals.make(root, contract, options.shard_pages)
    space, lake = Workspace.open(UPath(root / "state"), Partition(contract.name, DAY), "scale"), Lake(UPath(root / "lake"))
    sizes = [len(pages_of(n)) for n in range(ORIGINALS)]
    counts: list[int] = []
    while sum(sizes) * (len(counts) // ORIGINALS) + sum(sizes[:len(counts) % ORIGINALS]) < pages:
        counts.append(sizes[len(counts) % ORIGINALS])
    lay_out(space, contract, counts, options.shard_pages)
    fill(space, contract, originals)
    before = {path: path.read_bytes() for path in (space.shard("extract_layout", "p0000"), space.shard("fields", "d0000"))}
    found: dict[str, dict[str, float]] = {}
    for stage, work, share in stages(space, contract, lake, options.sample):
        found[stage] = measured(work)
        found[stage]["cpu_s"] /= share
    if any(path.read_bytes() != data for path, data in before.items()):
        raise SystemExit("the copies are not what the stages make of them, so the figures mean nothing")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="pages of a day, comma-separated, smallest first")
    parser.add_argument("--shard-pages", type=int, default=Settings().shard_pages, help="pages of a shard (default: the setting's)")
    parser.add_argument("--sample", type=int, default=16, help="shards that chunk, extract and merge go through")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    contract = contracts.find("receipt", Settings().contracts)
    sizes = [int(size) for size in options.sizes.split(",")]
    found: dict[int, dict[str, dict[str, float]]] = {}
    for size in sizes:
        folder = Path(tempfile.mkdtemp(prefix="octavo-scale-"))
        try:
            found[size] = measure(size, folder, contract, options)
        finally:
            shutil.rmtree(folder)
        print(f"{size:,} pages: " + ", ".join(f"{name} {one['cpu_s'] / size * 1e3:.2f} ms {one['peak_mb']:.0f} MB"
                                              for name, one in found[size].items()), file=sys.stderr, flush=True)

    def cost(size: int) -> float:
        return sum(one["cpu_s"] for name, one in found[size].items() if name != "validate") / size * 1e3

    result = {
        "per_page_ratio_100k_to_1k": round(cost(sizes[-1]) / cost(sizes[0]), 3),
        "sizes": sizes,
        "ms_per_page": {size: round(cost(size), 3) for size in sizes},
        "peak_mb": {size: round(max(one["peak_mb"] for name, one in found[size].items() if name != "validate")) for size in sizes},
        "gate_ms_per_page": {size: round(found[size]["validate"]["cpu_s"] / size * 1e3, 3) for size in sizes},
        "gate_peak_mb": {size: round(found[size]["validate"]["peak_mb"]) for size in sizes},
        "stages": {size: {name: {key: round(value, 2) for key, value in one.items()} for name, one in of_size.items()}
                   for size, of_size in found.items()},
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
