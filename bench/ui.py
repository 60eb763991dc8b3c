"""The library over a large lake, beside bare DuckDB queries for the same rows, in one run.

    python bench/ui.py [--documents N] [--days N] [--rounds N] [--json]

Makes a lake of N synthetic documents with ten fields each, cut into days, then asks both in turn for: the newest page, a late
page, part of a name, part of a value and a verdict. Each query of DuckDB lists the page's documents and counts their fields by
verdict, as the library does. ``library_vs_duckdb`` is the ratio of the medians' sums; ``worst`` that of the worst query; ``rows`` how
many documents each query gave. The bench ends with an error unless each gives some, and both give the same.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import proof
import duckdb
from upath import UPath

from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.views.library import PAGE_ROWS, Search, search

FIELDS = ("company", "date", "address", "total", "currency", "tax", "number", "due", "buyer", "paid")
VERDICTS = ("accepted",) * 8 + ("ambiguous", "conflicting")


def searches(documents: int) -> dict[str, Search]:
    """What is asked for, in a lake of so many documents: a page in the middle, and documents from its first half."""
    number = documents * 42 // 1000
    return {
        "newest page": Search(), "late page": Search(page=max(1, documents // PAGE_ROWS // 2)),
        "part of a name": Search(name=f"scan_{number:08}"[:-2]), "part of a value": Search(value=f"value {number * 3 // 4}5"),
        "a verdict": Search(verdict="conflicting"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        documents = build(Path(scratch), options.documents, options.days)
        result = measure(Path(scratch), options.rounds, searches(documents))
    proof.show({**result, "documents": documents, "days": options.days}, options.json)
    return 0


def build(root: Path, documents: int, days: int) -> int:
    """Write the tables ``documents`` and ``fields``; how many documents that are, as many on each day."""
    lake, each = Lake(UPath(root)), documents // days
    proof.some(f"{documents} documents on {days} days", documents_of_a_day=each)
    for number in range(days):
        partition = Partition("receipt", dt.date(2026, 1, 1) + dt.timedelta(days=number))
        ids = sorted((hashlib.sha256(str(n).encode()).hexdigest(), n) for n in range(number * each, (number + 1) * each))
        rows = [
            {"document": name, "uri": f"s3://landing/receipt/{partition.day:%Y/%m/%d}/scan_{n:08}.pdf", "copies": [],
             "media_type": "application/pdf", "bytes": 1000, "pages": 1, "status": "ok"}
            for name, n in ids
        ]
        fields = [
            {"document": name, "field": field, "matched": True, "value": f"value {n}{place}", "support": "exact",
             "verdict": VERDICTS[(n + place) % 10], "reason": "beside its label", "page": 1, "chunk": 0, "extractor": "layout",
             "evidence": [{"page": 1, "x0": 10, "y0": 10, "x1": 90, "y1": 30}], "losers": []}
            for name, n in ids for place, field in enumerate(FIELDS)
        ]
        fs.write_rows(lake.table("documents", partition), rows, schemas.DOCUMENTS)
        fs.write_rows(lake.table("fields", partition), fields, schemas.FIELDS)
    return each * days


def measure(root: Path, rounds: int, asked: dict[str, Search]) -> dict[str, Any]:
    settings = Settings(lake=str(root))
    ours: dict[str, list[float]] = {name: [] for name in asked}
    theirs: dict[str, list[float]] = {name: [] for name in asked}
    rows: dict[str, int] = {}
    for _ in range(rounds):
        for name, wanted in asked.items():
            seconds, found = timed(lambda wanted=wanted: [(hit.day, hit.document, sum(hit.verdicts.values()))
                                                          for hit in search(settings, {"receipt"}, wanted).hits])
            ours[name].append(seconds)
            seconds, expected = timed(lambda wanted=wanted: by_duckdb(root, wanted))
            theirs[name].append(seconds)
            if found != expected:
                proof.fail(f"{name}: the library's {len(found)} rows are not the {len(expected)} of DuckDB")
            rows[name] = len(found)
            proof.some(name, rows_compared=len(found))
    medians = {name: (statistics.median(ours[name]), statistics.median(theirs[name])) for name in asked}
    return {
        "library_vs_duckdb": round(sum(one for one, _ in medians.values()) / sum(other for _, other in medians.values()), 2),
        "worst": round(max(one / other for one, other in medians.values()), 2),
        **{f"{name}, ms": [round(1000 * one, 1), round(1000 * other, 1)] for name, (one, other) in medians.items()},
        "rows": rows,
    }


def timed(work: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    started = time.monotonic()
    found = work()
    return time.monotonic() - started, found


def by_duckdb(root: Path, wanted: Search) -> list[tuple[str, str, int]]:
    """The same page: day, document and number of fields, newest day first."""
    conditions, values = ["true"], []
    if wanted.name:
        conditions.append("contains(lower(uri), ?)")
        values.append(wanted.name.lower())
    if wanted.by_field:
        inner = ["true"]
        if wanted.verdict:
            inner.append("verdict = ?")
            values.append(wanted.verdict)
        if wanted.value:
            inner.append("contains(lower(value), ?)")
            values.append(wanted.value.lower())
        conditions.append(f"(day, document) in (select (day, document) from fields where {' and '.join(inner)})")
    with duckdb.connect() as connection:
        for table in ("documents", "fields"):
            files = f"{root}/{table}/contract=*/day=*/part.parquet"
            kinds = "{'contract': VARCHAR, 'day': VARCHAR}"
            connection.execute(
                f"create view {table} as select * from read_parquet('{files}', hive_partitioning = true, hive_types = {kinds})"
            )
        rows = connection.execute(
            f"select day, document, uri, pages, status, reason from documents where {' and '.join(conditions)} "
            f"order by day desc, contract, document limit {PAGE_ROWS} offset {(wanted.page - 1) * PAGE_ROWS}", values,
        ).fetchall()
        ids = [row[1] for row in rows]
        days = [row[0] for row in rows]
        counts: dict[tuple[str, str], int] = {}
        for day, document, _, count in connection.execute(
            "select day, document, verdict, count(*) from fields where day in (select unnest(?)) and document in (select unnest(?)) "
            "group by all", [days, ids],
        ).fetchall():
            counts[day, document] = counts.get((day, document), 0) + count
    return [(row[0], row[1], counts.get((row[0], row[1]), 0)) for row in rows]


if __name__ == "__main__":
    raise SystemExit(main())
