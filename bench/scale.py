"""Cost and memory per page as a day grows: synthetic words, no OCR, through every stage that comes after reading.

    .venv/bin/python bench/scale.py [--sizes 1000,10000,100000] [--rounds 3] [--json]

A day of receipts of one to three pages lies there as if its pages had been read. It is taken through chunk, extract (layout),
merge, tables, ledger, publish; the gate, which looks at whole tables, is measured apart. ORIGINALS documents are made, and a day
consists of copies of them under ids of their own. Every stage runs in a process of its own, which knows nothing of the day and has
been through one shard of another one, so that what a process costs but once is left out. A stage that works on shards goes through
``--sample`` of the day's shards, spread evenly, each opened as a task would open it, so its peak memory is that of the hungriest task and
of all that a task might leave behind; what it would take for the day is worked out from that. The other stages take the whole day. Costs
are processor time, which a busy machine distorts less than the clock, but does. So all days are made first, and each of ``--rounds``
takes every stage through all of them, one size right after the other; the median of the rounds counts.

``per_page_ratio_100k_to_1k`` is the cost per page of the largest size over the smallest's, without the gate, and ``ratio_by_round`` what
each round alone would say; ``peak_mb`` is the largest peak of any stage but the gate, by size; ``gate_peak_mb`` and
``gate_ms_per_page`` are the gate's.

``pages`` and ``documents`` are those that a day of each size really has. The bench ends with an error unless every stage has gone
through all pages or documents of its sample, and the tables of each day hold all.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import proof
import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.merging import stage as merging
from octavo.model import contracts
from octavo.model.entities import Partition, Report
from octavo.model.settings import CONTRACTS_FOLDER, Settings
from octavo.publishing import gate, ledger, publish
from octavo.publishing import staging as tables
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace, cut_into_shards

DAY = dt.date(2026, 11, 2)
EXTRACTORS = ("layout",)
GATE = "validate"
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
    fs.write_rows(space.documents, [
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
            fs.write_rows(space.shard("read", shard), rows, schemas.READINGS)
            chunking.run(space, shard, contract.chunking)
            rules.run(space, shard, contract)
        for shard in space.plan.document_shards:
            merging.run(space, shard, contract, EXTRACTORS)
        shards = {**dict.fromkeys(BY_PAGES, space.plan.page_shards), **dict.fromkeys(BY_DOCUMENTS, space.plan.document_shards)}
        found: dict[str, dict[str, pa.Table]] = {}
        for stage, names in shards.items():
            whole = pa.concat_tables([fs.read_table(space.shard(stage, shard)) for shard in names])
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
            fs.write_table(space.shard(stage, shard), [originals.copy(stage, [span.document for span in spans])], forms[stage])
    for shard, documents in space.plan.document_shards.items():
        for stage in BY_DOCUMENTS:
            fs.write_table(space.shard(stage, shard), [originals.copy(stage, list(documents))], forms[stage])


@dataclass(frozen=True)
class Day:
    """A day of ``pages`` pages, or up to two more, which all stages have left in ``folder``; and the shards of it that are measured.

    ``shares``: by the kind of shard, which part of the day's pages its sample has. ``expected``: what each stage has to say that it
    went through, by the name of its count.
    """

    folder: Path
    contract: contracts.Contract
    pages: int
    page_shards: tuple[str, ...]
    document_shards: tuple[str, ...]
    shares: dict[str, float]
    expected: dict[str, dict[str, int]]

    @classmethod
    def make(cls, folder: Path, pages: int, contract: contracts.Contract, originals: Originals, shard_pages: int, sample: int) -> Day:
        sizes = [len(pages_of(n)) for n in range(ORIGINALS)]
        counts: list[int] = []
        while sum(sizes) * (len(counts) // ORIGINALS) + sum(sizes[:len(counts) % ORIGINALS]) < pages:
            counts.append(sizes[len(counts) % ORIGINALS])
        space = workspace_in(folder, contract)
        lay_out(space, contract, counts, shard_pages)
        fill(space, contract, originals)
        plan = space.plan
        of = {name(n): count for n, count in enumerate(counts)}
        page_shards = tuple(plan.page_shards)[:: max(1, len(plan.page_shards) // sample)]
        document_shards = tuple(plan.document_shards)[:: max(1, len(plan.document_shards) // sample)]
        sampled = [span for shard in page_shards for span in plan.page_shards[shard]]
        documents = [document for shard in document_shards for document in plan.document_shards[shard]]
        shares = {
            "page": sum(span.pages for span in sampled) / sum(counts),
            "document": sum(of[document] for document in documents) / sum(counts), "day": 1.0,
        }
        expected = {
            "chunk": {"pages": sum(span.pages for span in sampled)}, "merge": {"documents": len(documents)},
            "tables": {"pages": sum(counts), "documents": len(counts)},
            "publish": {"rows_pages": sum(counts), "rows_documents": len(counts)},
        }
        return cls(folder, contract, pages, page_shards, document_shards, shares, expected)

    def task(self) -> Workspace:
        """The workspace as a task opens it: the plan is read anew."""
        return workspace_in(self.folder, self.contract)

    @property
    def lake(self) -> Lake:
        return Lake(UPath(self.folder / "lake"))


def workspace_in(folder: Path, contract: contracts.Contract) -> Workspace:
    return Workspace.open(UPath(folder / "state"), Partition(contract.name, DAY), "scale")


# Each stage in order: what its tasks work on, and what goes through them all.
STAGES: dict[str, tuple[str, Callable[[Day], list[Report]]]] = {
    "chunk": ("page", lambda day: [chunking.run(day.task(), shard, day.contract.chunking) for shard in day.page_shards]),
    "extract_layout": ("page", lambda day: [rules.run(day.task(), shard, day.contract) for shard in day.page_shards]),
    "merge": ("document", lambda day: [merging.run(day.task(), shard, day.contract, EXTRACTORS) for shard in day.document_shards]),
    "tables": ("day", lambda day: [tables.run(day.task(), day.contract, day.lake, EXTRACTORS)]),
    GATE: ("day", lambda day: [gate.run(day.task(), day.contract, day.lake.reports(day.task().partition))]),
    "ledger": ("day", lambda day: [ledger.run(day.task(), day.lake, EXTRACTORS)]),
    "publish": ("day", lambda day: [publish.run(day.task(), day.contract, day.lake)]),
}


def go_through(stage: str, small: Day, day: Day, theirs: Connection) -> None:
    """Send back the stage's counts, its processor and wall seconds, for the whole day, and this process's peak memory in MB."""
    kind, work = STAGES[stage]
    work(small)
    started, before = time.monotonic(), time.process_time()
    reports = work(day)
    cpu, wall = time.process_time() - before, time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs.send((Report.total(reports), {"cpu_s": cpu / day.shares[kind], "wall_s": wall / day.shares[kind], "peak_mb": peak}))


def measured(stage: str, small: Day, day: Day) -> dict[str, float]:
    """What ``go_through`` says, in a process of its own."""
    # Not a copy of this process: it would look for garbage among the objects that made the days, and count their memory as its own.
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=go_through, args=(stage, small, day, theirs))
    process.start()
    theirs.close()
    counts: dict[str, int]
    found: dict[str, float]
    try:
        counts, found = ours.recv()
    except EOFError:
        proof.fail(f"{stage} failed; see its error above")
    process.join()
    for name, expected in day.expected.get(stage, {}).items():
        proof.same(f"{stage} of {day.pages} pages", **{name: counts[name], "of_the_sample": expected})
    return found


@dataclass
class Round:
    """What one round took: by size and stage."""

    taken: dict[int, dict[str, dict[str, float]]]

    def cost(self, size: int) -> float:
        """Milliseconds a page of all stages but the gate."""
        return sum(one["cpu_s"] for stage, one in self.taken[size].items() if stage != GATE) / size * 1e3

    def peak(self, size: int) -> float:
        return max(one["peak_mb"] for stage, one in self.taken[size].items() if stage != GATE)

    @property
    def ratio(self) -> float:
        return self.cost(max(self.taken)) / self.cost(min(self.taken))

    def __str__(self) -> str:
        return "\n".join(f"{size:,} pages: " + ", ".join(
            f"{stage} {one['cpu_s'] / size * 1e3:.2f} ms {one['peak_mb']:.0f} MB" for stage, one in of.items()
        ) for size, of in self.taken.items())


def measure(small: Day, days: Sequence[Day], rounds: int) -> Iterator[Round]:
    """Every stage of every day, again and again."""
    made = {path: path.read_bytes() for day in days for path in (
        day.task().shard("extract_layout", day.page_shards[0]), day.task().shard("fields", day.document_shards[0]))}
    for turn in range(rounds):
        for day in days:
            shutil.rmtree(day.folder / "lake", ignore_errors=True)
        taken: dict[int, dict[str, dict[str, float]]] = {day.pages: {} for day in days}
        for stage in STAGES:
            for day in days if turn % 2 else reversed(days):  # neither size always has what the other one left in the caches
                taken[day.pages][stage] = measured(stage, small, day)
        yield Round(taken)
    if any(path.read_bytes() != data for path, data in made.items()):
        proof.fail("the copies are not what the stages make of them, so the figures mean nothing")


def median(rounds: Sequence[Round]) -> Round:
    """The median of every figure."""
    return Round({
        size: {stage: {key: statistics.median(one.taken[size][stage][key] for one in rounds) for key in figures}
               for stage, figures in of.items()}
        for size, of in rounds[0].taken.items()
    })


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="pages of a day, comma-separated")
    parser.add_argument("--shard-pages", type=int, default=Settings().shard_pages, help="pages of a shard (default: the setting's)")
    parser.add_argument("--sample", type=int, default=16, help="shards that chunk, extract and merge go through (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times that every stage is measured (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    contract = contracts.find("receipt", CONTRACTS_FOLDER)
    rounds = []
    with tempfile.TemporaryDirectory(prefix="octavo-scale-") as folder:
        originals = Originals.make(Path(folder), contract, options.shard_pages)
        small, *days = (Day.make(Path(folder) / name, int(size), contract, originals, options.shard_pages, options.sample)
                        for name, size in (("small", options.shard_pages), *((size, size) for size in options.sizes.split(","))))
        for one in measure(small, days, options.rounds):
            rounds.append(one)
            print(f"round {len(rounds)}: ratio {one.ratio:.3f}\n{one}", file=sys.stderr, flush=True)
    found = median(rounds)
    sizes = list(found.taken)
    result = {
        "per_page_ratio_100k_to_1k": round(found.ratio, 3),
        "ratio_by_round": [round(one.ratio, 3) for one in rounds],
        "sizes": sizes,
        "pages": {day.pages: day.expected["tables"]["pages"] for day in days},
        "documents": {day.pages: day.expected["tables"]["documents"] for day in days},
        "ms_per_page": {size: round(found.cost(size), 3) for size in sizes},
        "peak_mb": {size: round(found.peak(size)) for size in sizes},
        "gate_ms_per_page": {size: round(found.taken[size][GATE]["cpu_s"] / size * 1e3, 3) for size in sizes},
        "gate_peak_mb": {size: round(found.taken[size][GATE]["peak_mb"]) for size in sizes},
        "stages": {size: {stage: {key: round(value, 2) for key, value in one.items()} for stage, one in of_size.items()}
                   for size, of_size in found.taken.items()},
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
