"""What version 0.1 of November 2026 (commit 7039d62) left behind, for tests/test_earlier_version.py.

    PYTHONPATH=. .venv/bin/python tests/data/version-0.1/make.py        in a checkout of that commit

Writes ``landing/`` (copies of sample documents) and ``lake/`` (tables, corrections, ledger, stores, one parked workspace) beside this
file. Only commands are called, so the files are what a user of that version has:

- receipt, 2 November: a scan and a text PDF; a value was confirmed and merged, another was corrected and waits for the next run;
- invoice, 4 November: line items, two of which were corrected and merged, and two files that are quarantined;
- slip, 3 November: a contract of the user's own, answered by a model over HTTP (a script plays it), so that the answer store is not empty;
- airtime, 5 November: published, then a field became required and the gate refused the day: its workspace is parked. The missing value
  was given since and waits for the next run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.molmo.endpoint import completion, serving

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
DOCUMENTS = {
    "receipt/2026/11/02": ["receipt/2026/11/02/receipt_0003.webp", "receipt/2026/11/03/receipt_0007.pdf"],
    "slip/2026/11/03": ["receipt/2026/11/03/receipt_0007.pdf"],
    "invoice/2026/11/04": [f"invoice/2026/11/04/{name}.pdf" for name in ("invoice_0001", "cut_off", "locked")],
    "airtime/2026/11/05": ["adbuy/2026/11/05/order_0000.pdf"],
}
# Files lie in the landing folder since then; the test sets it too, because git keeps no times.
ARRIVED = 1_793_923_200  # 6 November 2026, 00:00 UTC
SAID = '{"shop": "TANGLEWOOD HARDWARE SDN BHD", "cashier": "Ben", "total": "RM 21.90"}'


def octavo(*arguments: str, status: int = 0) -> str:
    """Run a command in this folder; its standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OCTAVO_")}
    environment |= {
        "OCTAVO_LAKE": "lake", "OCTAVO_LANDING": "landing", "OCTAVO_CONTRACTS": "contracts", "OCTAVO_OCR_PROFILE": "fast",
        "OCTAVO_PROCESSES": "1", "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "octavo", *arguments], cwd=HERE, env=environment, stdout=subprocess.PIPE, text=True, check=False,
    )
    if done.returncode != status:
        raise SystemExit(f"octavo {' '.join(arguments)} ended with {done.returncode}, not {status}")
    return done.stdout


def review(document: str, *said: str) -> None:
    octavo("review", document, "--by", "ann", *said)


def main() -> int:
    for folder in ("landing", "lake", "contracts"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    shutil.copytree(HERE / "own", HERE / "contracts")
    for name in ("receipt", "invoice"):
        shutil.copy(ROOT / "include" / "contracts" / f"{name}.yaml", HERE / "contracts")
    for folder, names in DOCUMENTS.items():
        (HERE / "landing" / folder).mkdir(parents=True)
        for name in names:
            copy = HERE / "landing" / folder / Path(name).name
            shutil.copy(ROOT / "samples" / "landing" / name, copy)
            os.utime(copy, (ARRIVED, ARRIVED))

    for contract in ("receipt", "invoice"):
        octavo("run", contract, f"landing/{contract}")
    with serving(lambda number, body: completion(SAID)) as endpoint:
        octavo("run", "slip", "landing/slip", "--runtime", "openai", "--model", "scripted", "--base-url", endpoint.url)
    used = HERE / "contracts" / "airtime.yaml"
    text = used.read_text(encoding="utf-8")
    used.write_text(text.replace("labels: [Approved on], required: true", "labels: [Approved on]"), encoding="utf-8")
    octavo("run", "airtime", "landing/airtime")
    used.write_text(text, encoding="utf-8")
    octavo("run", "airtime", "landing/airtime", status=8)
    review("receipt_0003.webp", "--confirm", "company", "--apply")
    review(
        "invoice_0001.pdf", "--set", "buyer=Osprey Charter Company", "--set", "line_items[1].description=Desk lamp LED, black",
        "--set", "line_items[5].amount=211.21", "--confirm", "due_date", "--apply",
    )
    review("receipt_0003.webp", "--set", "total=GBP 71.35")
    review("order_0000.pdf", "--set", "approved=11/05/2026")

    shutil.rmtree(HERE / "contracts")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
