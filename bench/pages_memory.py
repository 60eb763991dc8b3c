"""Memory of a long document: one PDF through every stage, in a process of its own, at its highest.

    .venv/bin/python bench/pages_memory.py [--pages 2000] [--contract invoice] [--json]

The document has the given number of pages, each an invoice's worth of text. ``peak_mb`` is the memory (RSS) of the process and
its children together, ``seconds`` the wall time; ``mb_a_page`` is how much each further page adds, against a document a quarter
as long.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hostile import watch

from samples.drawing import Sheet

DAY = dt.date(2026, 11, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--contract", default="invoice")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    short, long = (measure(pages, options.contract) for pages in (options.pages // 4, options.pages))
    more = round((long["peak_mb"] - short["peak_mb"]) / (long["pages"] - short["pages"]), 3)
    result = {**long, "mb_a_page": more}
    print(json.dumps(result) if options.json else "\n".join(f"{name:12} {value}" for name, value in result.items()))
    return 0


def measure(pages: int, contract: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "in"
        folder.mkdir()
        (folder / "long.pdf").write_bytes(long_pdf(pages))
        command = [sys.executable, "-m", "octavo", "run", contract, str(folder), "--day", DAY.isoformat(), "--json"]
        command += ["--lake", f"{scratch}/lake"]
        started = time.monotonic()
        with (Path(scratch) / "out").open("w+") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "OCTAVO_PROCESSES": "2"})
            peak = watch(process, started + 3600)
            out.seek(0)
            said = out.read()
            if process.returncode:
                raise SystemExit(f"octavo run ended with exit code {process.returncode}: {said[-2000:]}")
            summary = json.loads(said.splitlines()[-1])
        return {
            "pages": summary["pages"], "chunks": summary["chunks"], "published": summary["published"], "peak_mb": peak >> 20,
            "seconds": round(time.monotonic() - started, 1), "by_stage": summary["seconds"],
        }


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
