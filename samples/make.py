"""Makes the sample documents: ``python samples/make.py [--out DIR] [--seed N] [--pages N]``.

Writes ``landing/{contract}/{yyyy}/{mm}/{dd}/…`` and ``truth.jsonl`` (one object per file). All
people, companies and amounts are made up. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __package__ in (None, ""):  # started as a script: the folder above holds the package
    sys.path.insert(0, str(HERE.parent))

from samples.accounts import bank_statement, purchase_order  # noqa: E402
from samples.bills import order, statement  # noqa: E402
from samples.drawing import Sample, Scanner  # noqa: E402
from samples.invoices import invoice  # noqa: E402
from samples.leaves import form, lecture, two_columns, unreadable  # noqa: E402
from samples.receipts import receipt  # noqa: E402

SEED = 20261102
RECEIPTS, MORE_RECEIPTS, INVOICES, OTHERS = (dt.date(2026, 11, day) for day in (2, 3, 4, 5))
TRUTH = "truth.jsonl"
# A volume's seeds lie apart from the samples', so that no bench ever meets a page twice.
VOLUME_SEED = 1_000_000


def samples(seed: int = SEED) -> Iterator[Sample]:
    """The documents of the repository, by day and contract."""

    def rng(name: str) -> random.Random:
        return random.Random(f"{seed}/{name}")  # its own for each document: adding one changes no other

    for number, (suffix, scanner) in enumerate(
        (
            (".png", Scanner(skew=0.6)),
            (".jpg", Scanner(skew=-1.1, noise=9)),
            (".jpg", Scanner(skew=1.4)),
            (".webp", Scanner(skew=-0.5)),
            (".jpg", Scanner(noise=14, shade=30)),
        )
    ):
        yield receipt(rng(f"receipt {number}"), RECEIPTS, number, suffix, scanner)
    for number, (suffix, scanner) in enumerate(((".jpg", Scanner(skew=-0.8)), (".jpg", Scanner(skew=0.9, noise=11)), (".pdf", None)), 5):
        made = receipt(rng(f"receipt {number}"), MORE_RECEIPTS, number, suffix, scanner)
        yield made
    yield replace(made, name="receipt_0007_again.pdf", reason="duplicate")
    yield invoice(rng("invoice 0"), INVOICES, 0, "en", 38)
    yield invoice(rng("invoice 1"), INVOICES, 1, "en", 7, prepaid=True)
    yield invoice(rng("invoice 2"), INVOICES, 2, "de", 41)
    yield invoice(rng("invoice 3"), INVOICES, 3, "de", 9)
    yield invoice(rng("invoice 4"), INVOICES, 4, "en", 29, ".tif", Scanner(skew=0.4, noise=5, shade=6))
    yield from unreadable(rng("unreadable"), INVOICES)
    yield order(rng("order 0"), OTHERS, 0)
    yield order(rng("order 1"), OTHERS, 1, Scanner(skew=0.5))
    yield statement(rng("statement 0"), OTHERS, 0)
    yield statement(rng("statement 1"), OTHERS, 1, Scanner(skew=-0.6))
    yield bank_statement(rng("bank statement 0"), OTHERS, 0)
    yield bank_statement(rng("bank statement 1"), OTHERS, 1)
    yield purchase_order(rng("purchase order 0"), OTHERS, 0)
    yield purchase_order(rng("purchase order 1"), OTHERS, 1, Scanner(skew=0.5))
    yield form(rng("form 0"), OTHERS, 0, Scanner(skew=0.7, noise=5))
    yield lecture(OTHERS, 0)
    yield two_columns(OTHERS, 0)


def volume(pages: int, contract: str = "receipt", seed: int = SEED) -> Iterator[Sample]:
    """``pages`` pages of one contract on one day, no two alike: receipts are scans, invoices text PDFs of two pages."""
    for number in range(pages if contract == "receipt" else (pages + 1) // 2):
        rng = random.Random(f"{VOLUME_SEED + seed}/{contract} {number}")
        if contract == "receipt":
            yield receipt(rng, RECEIPTS, number, ".jpg", Scanner(skew=round(rng.uniform(-1, 1), 2), noise=8))
        elif contract == "invoice":
            rows = 30 if 2 * number + 1 < pages else 8  # the last one is short if pages is odd
            yield invoice(rng, INVOICES, number, rng.choice(("en", "de")), rows)
        else:
            raise ValueError(f"a volume is of receipt or invoice pages, not of {contract!r}")


def history(first: dt.date, days: int, documents: int, scans: int = 0, seed: int = SEED) -> Iterator[Sample]:
    """``documents`` receipts on each of ``days`` days, no two alike: text PDFs, and ``scans`` of them pictures."""
    for day in (first + dt.timedelta(days=n) for n in range(days)):
        for number in range(documents):
            rng = random.Random(f"{VOLUME_SEED + seed}/history {day} {number}")
            scanner = Scanner(skew=round(rng.uniform(-1, 1), 2), noise=8) if number < scans else None
            yield receipt(rng, day, number, ".jpg" if scanner else ".pdf", scanner)


def write(folder: Path, made: Iterable[Sample]) -> None:
    """Write documents, without their truth, under ``folder``."""
    for sample in made:
        path = folder / sample.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)


def build(folder: Path, seed: int = SEED, pages: int | None = None, contract: str = "receipt") -> list[Sample]:
    """Write the samples, or a volume of ``pages`` pages of ``contract``, under ``folder``; returns what was written."""
    made = list(samples(seed) if pages is None else volume(pages, contract, seed))
    write(folder, made)
    lines = (json.dumps(truth(sample), ensure_ascii=False) + "\n" for sample in sorted(made, key=lambda s: s.path))
    (folder / TRUTH).write_text("".join(lines), encoding="utf-8")
    return made


def truth(sample: Sample) -> dict[str, object]:
    """A sample's line in ``truth.jsonl``."""
    return {
        "file": sample.path,
        "contract": sample.contract,
        "day": sample.day.isoformat(),
        "pages": sample.pages,
        "scanned": sample.scanned,
        "outcome": sample.outcome,
        "reason": sample.reason,
        "fields": sample.fields,
        **({"text": sample.text} if sample.text else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the sample documents, or a larger volume for benches.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder that gets landing/ and truth.jsonl (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--pages", type=int, help="make this many pages of --contract on one day instead of the samples")
    parser.add_argument("--contract", choices=("receipt", "invoice"), default="receipt")
    args = parser.parse_args()
    if args.pages is not None and args.out == HERE:
        parser.error("--pages needs --out: a volume does not belong beside the samples")
    made = build(args.out, args.seed, args.pages, args.contract)
    sys.stdout.write(f"{len(made)} files, {sum(len(s.data) for s in made):,} bytes under {args.out}\n")


if __name__ == "__main__":
    main()
