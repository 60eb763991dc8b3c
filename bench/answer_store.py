"""Measure the answer store: bytes, files and look-up times as a million answers come in.

    python bench/answer_store.py [--answers 1000000] [--task 1000] [--batch 32] [--folder DIR] [--json]

Answers come as tasks of ``--task`` write them, each flushed in batches. Every answer is a distinct small
JSON object, so nothing compresses by being repeated. Look-ups are of shards of 1,000 keys. ``--folder`` has to be empty. The bench ends
with an error unless the store has every answer then, and finds those that it has, and no others.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import proof
from upath import UPath

from octavo.storage.answer_segments import StoredAnswer
from octavo.storage.answer_store import AnswerStore, AnswerWriter, answer_key


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--task", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--folder", type=Path, help="an empty folder for the store (default: a temporary one)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = UPath(options.folder or scratch)
        proof.none(f"{root}, before anything is written", answers=AnswerStore(root).stats().answers)
        proof.show(measure(root, options.answers, options.task, options.batch), options.json)


def measure(root: UPath, answers: int, task: int, batch: int) -> dict[str, float]:
    started = time.monotonic()
    slowest = 0.0
    raw_bytes = 0
    for first in range(0, answers, task):
        task_started = time.monotonic()
        with AnswerWriter(AnswerStore(root)) as writer:
            for number in range(first, min(first + task, answers)):
                answer = made_up(number)
                raw_bytes += len(answer.raw)
                writer.put(key(number), answer)
                if number % batch == batch - 1:
                    writer.flush()
        slowest = max(slowest, time.monotonic() - task_started)
    writing = time.monotonic() - started
    stats = AnswerStore(root).stats()
    proof.same("the store", written=answers, answers=stats.answers)
    return {
        "answers": stats.answers, "files": stats.segments, "bytes": stats.bytes, "bytes_per_answer": round(stats.bytes / stats.answers, 1),
        "raw_bytes_per_answer": round(raw_bytes / answers, 1), "write_seconds": round(writing, 1),
        "slowest_task_seconds": round(slowest, 2), **lookups(root, answers),
    }


def lookups(root: UPath, answers: int) -> dict[str, float]:
    """Seconds to look 1,000 keys up in a new process's place: all known, none known, and again."""
    chosen = random.Random(1).sample(range(answers), min(1000, answers))
    store = AnswerStore(root)
    seconds: dict[str, float] = {}
    for name, reader, numbers in (
        ("lookup_hits_seconds", store, chosen), ("lookup_again_seconds", store, chosen),
        ("lookup_misses_seconds", AnswerStore(root), [-number - 1 for number in chosen]),
    ):
        started = time.monotonic()
        found = len(reader.get([key(number) for number in numbers]))
        seconds[name] = round(time.monotonic() - started, 3)
        if numbers is chosen:
            proof.same(name, keys=len(chosen), found=found)
        else:
            proof.none(name, found=found)
    return {"keys_looked_up": len(chosen), **seconds}


def key(number: int) -> bytes:
    return answer_key(b"", str(number), "model", None, {})


def made_up(number: int) -> StoredAnswer:
    """An answer of about 150 characters with names, dates and amounts of its own."""
    draw = random.Random(number)
    name = " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(4, 9))) for _ in range(3))
    raw = json.dumps({"company": name, "date": f"2026-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
                      "total": f"{draw.randint(1, 99999) / 100:.2f}", "invoice_number": f"{draw.randrange(10**9)}",
                      "line_items": [{"amount": f"{draw.randint(1, 9999) / 100:.2f}"}]})
    document = f"{number // 30:064x}"
    return StoredAnswer(raw, "stop", draw.randint(410, 992), draw.randint(20, 90), draw.random(), 1, "m", None, "molmo2 1.0", document)


if __name__ == "__main__":
    main()
