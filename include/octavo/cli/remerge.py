"""``octavo remerge``."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click
from upath import UPath

from octavo.cli import output
from octavo.cli.common import LakeFolder, err, model_options, out
from octavo.extraction import vlm
from octavo.model import contracts
from octavo.model.contracts import Contract
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
@click.option("--dry-run", is_flag=True, help="Publish nothing; say which values and verdicts would change.")
@click.option("--accept-at", type=click.FloatRange(0, 1), help="With --dry-run: as if this were the contract's accept_at.")
@model_options
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on standard output.")
def remerge(
    contract: str, days: str | None, lake: str | None, extract: bool, dry_run: bool, accept_at: float | None, as_json: bool, **options: Any,
) -> None:
    """Rebuild published days by CONTRACT as it is now, from the words and answers that are kept.

    A new label, type or rule counts for all of history without reading a page or asking a model. A new field gets what the
    extractor layout finds, or stays null until --extract asks the model. CONTRACT is a name in the contracts folder or
    a path to a YAML file. A day that the gate refuses stays as it is published. Exit codes: 0 all published, 8 the gate refused one.

    \b
    Examples:
      python -m octavo remerge invoice --days 2026-11-01..2026-11-30 --lake ~/lake
      python -m octavo remerge invoice --dry-run --accept-at 0.8
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    if options["model"] and not extract:
        raise SettingsError("--model is asked only with --extract; without it the kept answers are taken")
    if dry_run and extract:
        raise SettingsError("--dry-run asks no model; leave out --extract")
    if accept_at is not None and not dry_run:
        raise SettingsError("--accept-at is a trial, for --dry-run only; write accept_at into the contract to publish by it")
    model = vlm.configure(**options) if extract else None
    spec = contracts.find(contract, settings.contracts)
    found = remerging.published_days(Lake(UPath(settings.lake)), spec.name, *_between(days))
    if dry_run:
        tried = spec if accept_at is None else spec.model_copy(update={"accept_at": Decimal(str(accept_at))})
        _preview(tried, found, settings, as_json)
        return
    results = []
    for day in found:
        with output.stage_progress(err, f"{spec.name} {day}") as progress:
            results.append(remerging.remerge_day(spec, day, settings, model=model, progress=progress))
    output.runs(err if as_json else out, results, settings)
    if as_json:
        sys.stdout.write(json.dumps({**pipeline.summarise(results), "days": len(results), "contract_hash": spec.hash}) + "\n")
    failed = [result.error for result in results if result.error]
    if failed:
        raise failed[0]


def _preview(spec: Contract, days: Sequence[dt.date], settings: Settings, as_json: bool) -> None:
    previews = []
    for day in days:
        with output.stage_progress(err, f"{spec.name} {day}") as progress:
            previews.append(remerging.preview_day(spec, day, settings, progress=progress))
    output.previews(err if as_json else out, spec.name, previews)
    if as_json:
        verdicts = sum((preview.verdicts for preview in previews), Counter())
        sys.stdout.write(json.dumps({
            "days": len(previews), "contract_hash": spec.hash,
            "verdicts": [{"published": old, "new": new, "fields": count} for (old, new), count in sorted(verdicts.items())],
            "changes": [{"day": str(one.day), **change._asdict()} for one in previews for change in one.changes],
        }, ensure_ascii=False) + "\n")


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
