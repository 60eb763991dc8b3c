"""``octavo remerge``."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any

import click
from upath import UPath

from octavo.cli import output
from octavo.cli.common import LakeFolder, err, model_options, out
from octavo.extraction import vlm
from octavo.model import contracts
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.storage.lake import Lake
from octavo.workflows import pipeline
from octavo.workflows import remerge as remerging


@click.command("remerge")
@click.argument("contract")
@click.option("--days", metavar="FROM..TO", help="Only these days, both included: 2026-11-02, 2026-11-02..2026-11-30, 2026-11-02..")
@click.option("--lake", type=LakeFolder(), help="Where the tables are.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--extract", is_flag=True, help="Ask the model anew, for fields that its kept answers do not have.")
@model_options
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on standard output.")
def remerge(contract: str, days: str | None, lake: str | None, extract: bool, as_json: bool, **options: Any) -> None:
    """Rebuild published days by CONTRACT as it is now, from the words and answers that are kept.

    A new label, type or rule counts for all of history without reading a page or asking a model. A new field gets what the
    extractor layout finds, or stays null until --extract asks the model. CONTRACT is a name in the contracts folder or
    a path to a YAML file. A day that the gate refuses stays as it is published. Exit codes: 0 all published, 8 the gate refused one.

    \b
    Example:
      python -m octavo remerge invoice --days 2026-11-01..2026-11-30 --lake ~/lake
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    if options["model"] and not extract:
        raise SettingsError("--model is asked only with --extract; without it the kept answers are taken")
    model = vlm.configure(**options) if extract else None
    spec = contracts.find(contract, settings.contracts)
    results = []
    for day in remerging.published_days(Lake(UPath(settings.lake)), spec.name, *_between(days)):
        with output.stage_progress(err, f"{spec.name} {day}") as progress:
            results.append(remerging.remerge_day(spec, day, settings, model=model, progress=progress))
    output.runs(err if as_json else out, results, settings)
    if as_json:
        sys.stdout.write(json.dumps({**pipeline.summarise(results), "days": len(results), "contract_hash": spec.hash}) + "\n")
    failed = [result.error for result in results if result.error]
    if failed:
        raise failed[0]


def _between(days: str | None) -> tuple[dt.date | None, dt.date | None]:
    """The first and the last day of ``FROM..TO``; None where a side is open."""
    if days is None:
        return None, None
    first, dots, last = days.partition("..")
    try:
        ends = [dt.date.fromisoformat(side) if side else None for side in (first, last if dots else first)]
    except ValueError as error:
        raise SettingsError(f"--days {days}: give days such as 2026-11-02..2026-11-30") from error
    if ends[0] and ends[1] and ends[0] > ends[1]:
        raise SettingsError(f"--days {days}: it ends before it begins")
    return ends[0], ends[1]
