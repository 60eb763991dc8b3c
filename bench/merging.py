"""How fast answers become fields, and whether time stays linear and memory flat.

    bench/merging.py [--json] [--sizes 1000,10000,100000]

Makes invoices of one to eight pages, ten chunks and six line items a page, with answers of two extractors, some of them
wrong, and runs the merge stage over them on one core, from Parquet to Parquet, one document shard after
the other. Each size runs in a process of its own. Only the stage is timed, not the making of its input.

`candidates_per_s` is the rate at the largest size, `exponent` the slope of log time over log chunks from
10,000 chunks on (below, start-up counts), `peak_mb` the most memory a process held, by size. A size is made up to whole
shards of 640 chunks. The bench ends with an error unless every document of a size was merged, with fields in it, and of
the candidates something is accepted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import proof

SIZES = (1_000, 10_000, 100_000)
CHUNKS_PER_PAGE = 10
ITEMS = 6
PAGES_PER_SHARD = 64
# Shards that differ; more of them than the parsers' caches hold values, so that no run lives on its caches.
TEMPLATES = 24
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeio"]


def name(rng: random.Random) -> str:
    return "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))).capitalize()


def money(rng: random.Random) -> str:
    return f"{rng.randint(1, 999)}.{rng.randint(0, 99):02d}"


def page_lines(rng: random.Random, number: int) -> tuple[list[list[tuple[int, str]]], list[dict[str, Any]], list[int]]:
    """One page: its lines as (x, word), one answer per chunk, and the first line of each chunk."""
    items = [[f"{name(rng)} {name(rng)}", str(rng.randint(2, 9)), money(rng)] for _ in range(ITEMS)]
    for item in items:
        item.append(f"{int(item[1]) * float(item[2]):.2f}")
    net = sum(float(item[3]) for item in items)
    tax = round(net * 0.2, 2)
    issuer, buyer = f"{name(rng)} {name(rng)} GmbH", f"{name(rng)} {name(rng)}"
    invoice = f"R-{rng.randint(10**5, 10**6)}"
    date, due = (dt.date(2020, 1, 1) + dt.timedelta(rng.randint(0, 2000)) for _ in range(2))
    texts = [
        f"{issuer}", f"{name(rng)} street {rng.randint(1, 200)}", f"{rng.randint(10000, 99999)} {name(rng)}", f"Bill to {buyer}",
        f"Invoice Number {invoice} page {number}", f"Invoice Date {date:%d.%m.%Y} your reference {name(rng)}", f"Due Date {due:%d.%m.%Y}",
        "Description | Quantity | Price | Amount", *(" | ".join(item) for item in items),
        f"Subtotal {net:.2f} EUR", f"VAT 20 % {tax:.2f} EUR", f"Grand Total {net + tax:.2f} EUR", f"Thank you, {name(rng)} {name(rng)}",
    ]
    lines = []
    for text in texts:
        cells = text.split(" | ")
        line = []
        for at, cell in enumerate(cells):
            x = 40 + at * 180
            for word in cell.split():
                line.append((x, word))
                x += 10 * len(word) + 8
        lines.append(line)
    rows = [dict(zip(("description", "quantity", "unit_price", "amount"), item, strict=True)) for item in items]
    answers = [
        {"issuer": issuer, "buyer": buyer}, {"invoice_number": invoice}, {"date": f"{date:%d.%m.%Y}"}, {"due_date": f"{due:%d.%m.%Y}"},
        {"line_items": rows[:2]}, {"line_items": rows[2:4]}, {"line_items": rows[4:]},
        {"amount_untaxed": f"{net:.2f}"}, {"amount_total": [f"{net + tax:.2f}", f"{net:.2f}"]}, {},
    ]
    return lines, answers, [0, 4, 5, 6, 7, 10, 12, 14, 16, 17]


def disturb(rng: random.Random, answer: dict[str, Any]) -> dict[str, Any]:
    """What a model makes of it: dates as ISO, now and then a digit changed or a key spelt otherwise."""
    out: dict[str, Any] = {}
    for key, value in answer.items():
        if isinstance(value, str) and rng.random() < 0.1:
            value = value[:-1] + rng.choice("0123456789")
        out[key.replace("_", " ").title() if rng.random() < 0.2 else key] = value
    return out


def template(seed: int) -> tuple[list[int], list[dict[str, Any]], list[dict[str, Any]], dict[str, list[dict[str, Any]]], int]:
    """One shard's rows: pages of each document, and rows of read, chunk and the two extractors."""
    rng = random.Random(seed)
    sizes: list[int] = []
    while sum(sizes) < PAGES_PER_SHARD:
        sizes.append(min(rng.randint(1, 8), PAGES_PER_SHARD - sum(sizes)))
    readings, chunks, said = [], [], {"layout": [], "molmo": []}
    count = 0
    for at, size in enumerate(sizes):
        for number in range(1, size + 1):
            lines, answers, starts = page_lines(rng, number)
            words, line_of = [], []
            for row, line in enumerate(lines):
                for x, text in line:
                    words.append({
                        "text": text, "x0": x, "y0": 40 + 30 * row, "x1": x + 10 * len(text), "y1": 58 + 30 * row,
                        "confidence": round(rng.uniform(0.85, 0.99), 4), "source": "ocr",
                    })
                    line_of.append(row)
            readings.append({
                "document": at, "page": number, "width": 900, "height": 1200, "dpi": 100, "rotation": 0,
                "transform": [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], "text_source": "ocr", "words": words, "outcome": "ok", "reason": None,
                "detail": None, "seconds": 0.0, "cached": False,
            })
            for chunk, start in enumerate(starts):
                end = starts[chunk + 1] if chunk + 1 < len(starts) else len(lines)
                ids = [i for i, row in enumerate(line_of) if start <= row < end]
                box = {"x0": 0, "y0": 35 + 30 * start, "x1": 900, "y1": 35 + 30 * end}
                chunks.append({
                    "document": at, "page": number, "chunk": chunk, **box, "strategy": "layout", "words": len(ids), "word_ids": ids,
                    "text": " ".join(words[i]["text"] for i in ids),
                })
                for extractor, answer in (("layout", answers[chunk]), ("molmo", disturb(rng, answers[chunk]))):
                    count += values_in(answer)
                    said[extractor].append({
                        "document": at, "page": number, "chunk": chunk, **box, "extractor": extractor, "hinted": False, "raw": "",
                        "parsed": json.dumps(answer), "parse_status": "ok", "attempts": 1, "model": "", "revision": "", "prompt_hash": "",
                        "prompt_tokens": 0, "completion_tokens": 0, "seconds": 0.0, "cost": 0.0, "cached": False,
                    })
    return sizes, readings, chunks, said, count


def values_in(answer: Any) -> int:
    """Candidates in an answer: its scalar values."""
    if isinstance(answer, dict):
        return sum(map(values_in, answer.values()))
    return sum(map(values_in, answer)) if isinstance(answer, list) else 1


def measure(chunks: int) -> dict[str, float]:
    """Merge ``chunks`` chunks in this process."""
    import pyarrow as pa
    from upath import UPath

    from octavo.merging import stage as merging
    from octavo.model import contracts
    from octavo.model.entities import Partition, Report
    from octavo.model.settings import CONTRACTS_FOLDER
    from octavo.storage import fs, schemas
    from octavo.storage.workspace import Plan, Span, Workspace

    contract = contracts.find("invoice", CONTRACTS_FOLDER)
    folder = Path(tempfile.mkdtemp(prefix="octavo-merging-"))
    shards = max(1, round(chunks / (PAGES_PER_SHARD * CHUNKS_PER_PAGE)))
    stages = {"read": schemas.READINGS, "chunk": schemas.CHUNKS, "extract_layout": schemas.ANSWERS, "extract_molmo": schemas.ANSWERS}
    spent, candidates, documents, made = 0.0, 0, 0, {}
    reports: list[Report] = []
    try:
        for shard in range(shards):
            kind = shard % TEMPLATES
            if kind not in made:
                sizes, readings, chunk_rows, said, count = template(kind)
                tables = {"read": (readings, schemas.READINGS), "chunk": (chunk_rows, schemas.CHUNKS)}
                tables |= {f"extract_{extractor}": (rows, schemas.ANSWERS) for extractor, rows in said.items()}
                places = {}
                for stage, (rows, schema) in tables.items():
                    owners = [row["document"] for row in rows]
                    table = pa.Table.from_pylist([{**row, "document": ""} for row in rows], schema=schema)
                    places[stage] = folder / f"{kind}-{stage}.parquet"
                    fs.write_table(UPath(places[stage]), [table], schema)
                    places[f"{stage}-owners"] = owners
                made[kind] = (sizes, places, count)
            sizes, places, count = made[kind]
            ids = [f"{shard:032x}{at:032x}" for at in range(len(sizes))]
            workspace = Workspace(UPath(folder / "run"), Partition(contract.name, dt.date(2026, 1, 1)), "bench")
            for stage, schema in stages.items():
                table = fs.read_table(UPath(places[stage]))
                table = table.set_column(0, "document", pa.array([ids[at] for at in places[f"{stage}-owners"]]))
                fs.write_table(workspace.shard(stage, "p0000"), [table], schema)
            listed = [{"document": one, "uri": f"{one}.pdf", "copies": [], "media_type": "application/pdf", "bytes": 1, "pages": size,
                       "day": workspace.day, "status": "ok", "reason": None} for one, size in zip(ids, sizes, strict=True)]
            fs.write_rows(workspace.documents, listed, schemas.DOCUMENTS)
            workspace.write_plan(Plan({"p0000": tuple(Span(i, 1, n) for i, n in zip(ids, sizes, strict=True))}, {"d0000": tuple(ids)}))
            started = time.process_time()
            reports.append(merging.run(workspace, "d0000", contract, ["layout", "molmo"]))
            spent += time.process_time() - started
            candidates, documents = candidates + count, documents + len(ids)
            shutil.rmtree(folder / "run")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    done, counts = shards * PAGES_PER_SHARD * CHUNKS_PER_PAGE, Report.total(reports)
    proof.same(f"{done} chunks", documents=documents, merged_documents=counts["documents"])
    proof.some(f"{done} chunks", candidates=candidates, fields=counts["fields"], accepted=counts["accepted"])
    return {
        "chunks": done, "candidates": candidates, "seconds": round(spent, 3), "peak_mb": round(peak, 1),
        **{name: counts[name] for name in ("documents", "fields", "accepted")},
    }


def slope(points: list[tuple[float, float]]) -> float:
    """The least-squares slope of log y over log x."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of chunks, smallest first")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    proof.need("octavo", "pyarrow")
    results = []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
    for size in map(int, options.sizes.split(",")):
        print(f"{size:,} chunks …", file=sys.stderr)
        command = [sys.executable, __file__, "--one", str(size)]
        results.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout))
    settled = [r for r in results if r["chunks"] >= 9_000] or results
    report = {
        "candidates_per_s": round(results[-1]["candidates"] / results[-1]["seconds"]),
        "exponent": round(slope([(r["chunks"], r["seconds"]) for r in settled]), 4) if len(settled) > 1 else None,
        "peak_mb": {str(r["chunks"]): r["peak_mb"] for r in results},
        "sizes": results,
    }
    if options.json:
        print(json.dumps(report))
        return
    for one in results:
        rate = f"{one['candidates'] / one['seconds']:>8,.0f}/s  {one['peak_mb']:>6.0f} MB"
        made = f"{one['documents']:>8,} documents  {one['fields']:>9,} fields"
        print(f"{one['chunks']:>9,} chunks  {made}  {one['candidates']:>10,} candidates  {one['seconds']:>8.1f} s  {rate}")
    print(f"exponent {report['exponent']}")


if __name__ == "__main__":
    main()
