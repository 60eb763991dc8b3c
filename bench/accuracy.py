"""Run a contract over an evaluation set and write what was found, one line a document.

    python bench/accuracy.py CONTRACT SET_DIR OUT.jsonl [--state DIR]

SET_DIR is a folder with ``docs/``; nothing else of it is read. The real stages run in a workspace under
``--state`` (a temporary folder without it; with it, readings are kept for the next run). Lines follow
the scorers' format: ``{"file", "fields", "verdicts"}``, or ``{"file", "pairs"}`` for contracts with
pairs. Dates are ISO, amounts plain decimals, currencies codes. Files embedded in a PDF are never read.

The bench says how many files, pages and values these are, and ends with an error unless every page was read or found in the reading
store, and any value was found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import proof
from pages import DAY, read_counts
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.ingest import stage as ingest
from octavo.merging import stage as merging
from octavo.model import contracts
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Partition, Report
from octavo.model.settings import Settings
from octavo.page.values import currency_of
from octavo.reading import stage as reading
from octavo.storage.workspace import Workspace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("contract", help="name of a contract, or a contract file")
    parser.add_argument("set_dir", type=Path, help="folder with docs/")
    parser.add_argument("out", type=Path, help="predictions, one JSON object a line")
    parser.add_argument("--state", type=Path, help="folder for the reading store and the workspace, kept between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.state or Path(scratch)
        settings = Settings(state=str(root), lake=str(root / "lake"))
        contract = contracts.find(options.contract, settings.contracts)
        docs = options.set_dir / "docs"
        workspace, reports = run_stages(contract, docs, settings)
        lines, read = list(predictions(workspace, contract, docs)), read_counts(workspace, reports)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    for report in reports:
        print(f"{report.stage}: {report.seconds:.1f} s {report.counts}", file=sys.stderr)
    files = sum(path.is_file() for path in docs.rglob("*"))
    values = sum(len(line.get("fields") or line.get("pairs") or ()) for line in lines)
    print(f"{len(lines)} lines of {files} files, {values} values; {read}", file=sys.stderr)
    proof.some("predictions", lines=len(lines), values=values)
    return 0


def run_stages(contract: Contract, docs: Path, settings: Settings) -> tuple[Workspace, list[Report]]:
    """Every stage up to merge, in a workspace of its own; reports added up by stage."""
    run = f"accuracy-{time.monotonic_ns()}"
    workspace = Workspace.open(settings.workspaces, Partition(contract.name, DAY), run)
    reports = [ingest.run(workspace, contract, UPath(docs), settings)]
    plan = workspace.plan
    for stage in (
        lambda shard: reading.run(workspace, shard, settings),
        lambda shard: chunking.run(workspace, shard, contract.chunking),
        lambda shard: rules.run(workspace, shard, contract),
    ):
        reports += [stage(shard) for shard in plan.page_shards]
    reports += [merging.run(workspace, shard, contract, ["layout"]) for shard in plan.document_shards]
    stages: dict[str, list[Report]] = {}
    for report in reports:
        stages.setdefault(report.stage, []).append(report)
    return workspace, [Report(name, Report.total(group), sum(r.seconds for r in group)) for name, group in stages.items()]


def predictions(workspace: Workspace, contract: Contract, docs: Path) -> Iterator[dict[str, Any]]:
    """One line per file, in name order; equal bytes under two names give two lines."""
    names: dict[str, list[str]] = {}
    for row in workspace.read(workspace.documents).to_pylist():
        for uri in [row["uri"], *(row["copies"] or ())]:
            names.setdefault(row["document"], []).append(_name(uri, docs))
    found: dict[str, list[dict[str, Any]]] = {}
    for shard in workspace.plan.document_shards:
        for row in workspace.read(workspace.shard("fields", shard)).to_pylist():
            found.setdefault(row["document"], []).append(row)
    files = sorted((name, document) for document, listed in names.items() for name in listed)
    pairs = any(spec.type is Kind.PAIRS for spec in contract.fields.values())
    for name, document in files:
        rows = [row for row in found.get(document, ()) if row["matched"] and row["value"] is not None]
        if pairs:
            yield {"file": name, "pairs": _pairs(rows)}
        else:
            yield {
                "file": name,
                "fields": {row["field"]: _value(row, contract) for row in rows if row["field"] in contract.fields},
                "verdicts": {row["field"]: row["verdict"] for row in rows if row["field"] in contract.fields},
            }


def _name(uri: str, docs: Path) -> str:
    """``docs/NAME`` of a document's place."""
    return f"docs/{UPath(uri).relative_to(UPath(docs)).as_posix()}"


def _value(row: dict[str, Any], contract: Contract) -> str:
    """Dates as ISO, amounts as plain decimals, currencies as codes where they were typed; the text otherwise."""
    if row["date"] is not None:
        return str(row["date"].isoformat())
    spec = contract.fields[row["field"]]
    if spec.type is Kind.CURRENCY:
        return currency_of(row["value"], contract.locale.currency) or str(row["value"])
    if row["number"] is not None:
        return f"{row['number']:.2f}" if spec.type is Kind.MONEY else f"{row['number'].normalize():f}"
    return str(row["value"])


def _pairs(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Pairs from their two rows, ``pairs[3].key`` and ``pairs[3].value``; the value's verdict is the pair's."""
    whole: dict[str, dict[str, str]] = {}
    for row in rows:
        stem, _, part = row["field"].rpartition(".")
        pair = whole.setdefault(stem, {})
        if part in ("key", "value"):
            pair[part] = row["value"]
        if part == "value":
            pair["verdict"] = row["verdict"]
    return [pair for pair in whole.values() if {"key", "value"} <= set(pair)]


if __name__ == "__main__":
    raise SystemExit(main())
