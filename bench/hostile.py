"""What the pipeline does with broken, locked, huge, empty and oddly named files: one process a file, one line a file.

    .venv/bin/python bench/hostile.py SET_DIR OUT.jsonl [--contract receipt] [--select GLOB] [--profile best|fast]

SET_DIR is a folder with ``docs/``; nothing else of it is read. Each file goes through every stage up to the staged tables,
alone, in a process of its own that is killed after 60 s. A line is ``{"file", "outcome", "reason", "pages", "chars", "text",
"fields", "verdicts", "content_hash", "seconds", "peak_mb", "wrote_outside"}``; outcomes are ok, empty, quarantined, crash and
timeout. ``peak_mb`` is the memory (RSS) of the process and its children together, at its highest. Pages are read one at a
time, each within 40 s and 1.5 GiB, so that one bad page does not use up the whole file's limits.

The bench says how many files had which outcome, and ends with an error where there are none, and where none got through the stages.
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
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import proof
import psutil
from accuracy import predictions, run_stages
from upath import UPath

from octavo.model import contracts
from octavo.model.entities import Outcome
from octavo.model.settings import Settings
from octavo.publishing import staging
from octavo.reading import engine
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace

SECONDS = 60.0
LIMITS = {"OCTAVO_PROCESSES": "1", "OCTAVO_LIMIT_PAGE_SECONDS": "40", "OCTAVO_LIMIT_CHILD_BYTES": str(3 << 29)}
LOOK_SECONDS = 0.05  # between two looks at the memory
OUTCOMES = {Outcome.OK: "ok", Outcome.PARTIAL: "ok", Outcome.EMPTY: "empty", Outcome.QUARANTINED: "quarantined"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path, help="folder with docs/")
    parser.add_argument("out", type=Path, help="outcomes, one JSON object a line")
    parser.add_argument("--contract", default="receipt")
    parser.add_argument("--select", default="*", help="take only files whose name matches this glob")
    parser.add_argument("--profile", choices=("best", "fast"), default="best")
    parser.add_argument("--one", metavar="SCRATCH", type=Path, help=argparse.SUPPRESS)  # how this program starts itself
    options = parser.parse_args()
    if options.one is not None:
        options.out.write_text(json.dumps(outcome_of(options.set_dir, options.one, options.contract), ensure_ascii=False), encoding="utf-8")
        return 0
    engine.find(options.profile, Settings().languages)  # where it is missing, every file would look like one that crashes
    outcomes: Counter[str] = Counter()
    with options.out.open("w", encoding="utf-8") as out:
        for file in sorted((options.set_dir / "docs").iterdir()):
            if fnmatchcase(file.name, options.select):
                line = {"file": f"docs/{file.name}", **watched(file.absolute(), options)}
                print(f"{line['seconds']:6.1f} s {line['peak_mb']:5} MB  {line['outcome']:12} {line['reason'] or '':20} {file.name}")
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                outcomes[line["outcome"]] += 1
    print(f"{outcomes.total()} files: {', '.join(f'{count} {name}' for name, count in outcomes.most_common())}")
    through = outcomes.total() - outcomes["crash"] - outcomes["timeout"]
    proof.some(f"{options.set_dir / 'docs'}", files=outcomes.total(), files_through_all_stages=through)
    return 0


def watched(file: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The outcome of ``file`` from a process of its own, with the time and memory that it took."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, work, temporary, result = (Path(scratch) / name for name in ("set/docs", "work", "tmp", "result.json"))
        for made in (folder, work, temporary):
            made.mkdir(parents=True)
        (folder / file.name).write_bytes(file.read_bytes())
        command = [sys.executable, __file__, str(folder.parent), str(result), "--contract", options.contract, "--one", scratch]
        env = {**os.environ, **LIMITS, "OCTAVO_OCR_PROFILE": options.profile, "TMPDIR": str(temporary)}
        started = time.monotonic()
        with (Path(scratch) / "stderr").open("w+b") as stderr:
            process = subprocess.Popen(command, cwd=work, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
            peak = watch(process, started + SECONDS)
            seconds = time.monotonic() - started
            stderr.seek(0)
            said = stderr.read().decode(errors="replace").strip()
        found: dict[str, Any] = {"outcome": "timeout" if seconds >= SECONDS else "crash", "reason": None, "pages": None}
        if process.returncode == 0:
            found = json.loads(result.read_text(encoding="utf-8"))
        elif said:
            print(said[-2000:], file=sys.stderr)
        outside = list(work.iterdir()) or [path for path in folder.parent.rglob("*") if path not in (folder, folder / file.name)]
        return {**found, "seconds": round(seconds, 2), "peak_mb": peak >> 20, "wrote_outside": bool(outside)}


def watch(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Wait for the process, or kill it and its children at the deadline; the most bytes that they held together."""
    peak, root = 0, psutil.Process(process.pid)
    while process.poll() is None:
        family = [root, *_children(root)]
        peak = max(peak, sum(_held(member) for member in family))
        if time.monotonic() >= deadline:
            process.kill()  # its children die with it
        time.sleep(LOOK_SECONDS)
    return peak


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return list(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _held(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def outcome_of(set_dir: Path, scratch: Path, contract_name: str) -> dict[str, Any]:
    """What came of the only file in ``set_dir/docs``."""
    settings = Settings(state=str(scratch / "state"), lake=str(scratch / "lake"))
    contract = contracts.find(contract_name, settings.contracts)
    workspace, _ = run_stages(contract, set_dir / "docs", settings)
    staging.run(workspace, contract, Lake(UPath(settings.lake)), ["layout"])
    staged = workspace.read(workspace.staged("documents")).to_pylist()
    if not staged:  # discovery left the file out
        return {"outcome": "quarantined", "reason": "not_a_document", "pages": 0}
    [document], [line] = staged, list(predictions(workspace, contract, set_dir / "docs"))
    text = text_of(workspace)
    return {
        "outcome": OUTCOMES[Outcome(document["status"])], "reason": reason_of(workspace, document), "pages": document["pages"],
        "chars": len(text), "text": text, "fields": line["fields"], "verdicts": line["verdicts"],
        "content_hash": document["document"],
    }


def reason_of(workspace: Workspace, document: dict[str, Any]) -> str | None:
    """The document's reason; where all its pages were lost, the first page's."""
    if document["status"] == Outcome.OK:
        return None
    pages = [row["reason"] for row in workspace.read(workspace.staged("pages"), ["reason"]).to_pylist() if row["reason"]]
    return str(pages[0]) if pages else document["reason"]


def text_of(workspace: Workspace) -> str:
    """The text of all chunks in reading order."""
    return "\n".join(row["text"] for row in workspace.read(workspace.staged("chunks"), ["text"]).to_pylist() if row["text"])


if __name__ == "__main__":
    raise SystemExit(main())
