"""``octavo doctor``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from rich.markup import escape

from octavo.cli.common import out
from octavo.model.settings import Settings
from octavo.workflows import doctor as checks

COLOURS = {checks.Health.OK: "green", checks.Health.WARNING: "yellow", checks.Health.PROBLEM: "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Look whether this machine has what a run needs: Airflow, pools, pages, contracts, gate, OCR, stores, memory, model and clock.

    What is missing comes with its remedy. Exit code 5 where a run would fail.

    \b
    Example:
      octavo doctor --json
    """
    found = []
    for one in checks.examine(Settings()):
        found.append(one)
        if not as_json:
            colour = COLOURS[one.state]
            out.print(f"[{colour}]{one.state}[/{colour}] {one.name}: {escape(one.said)}", highlight=False, soft_wrap=True)
            if one.remedy:
                out.print(f"   {escape(one.remedy)}", highlight=False, soft_wrap=True)
    well = all(one.state is not checks.Health.PROBLEM for one in found)
    if as_json:
        sys.stdout.write(json.dumps({"ok": well, "checks": [asdict(one) for one in found]}) + "\n")
    if not well:
        raise SystemExit(5)
