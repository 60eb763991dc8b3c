"""``octavo run``."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any

import click
from upath import UPath

from octavo.cli import output
from octavo.cli.common import DayType, Folder, err, model_options, out
from octavo.extraction import vlm
from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.publishing import ledger
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.workflows import pipeline


@click.command()
@click.argument("contract")
@click.argument("folder", type=Folder())
@click.option("--lake", type=click.Path(file_okay=False), help="Where tables are published.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--day", type=DayType(), help="The documents' day.  [default: FOLDER's yyyy/mm/dd, else today]")
@click.option("--add", is_flag=True, help="Keep what is published of the day, and add the documents of FOLDER.")
@click.option("--replace", is_flag=True, help="Replace what is published of the day.")
@click.option("--extractor", type=click.Choice(["auto", "layout", "molmo"]), help="Who reads the chunks.  [default: the contract's]")
@click.option("--chunking", type=click.Choice([s.value for s in contracts.Strategy]), help="How pages are cut.  [default: the contract's]")
@model_options
@click.option("--documents", "select", metavar="GLOB", help="Take only files whose name matches; the day's other rows stay.")
@click.option("--fresh", is_flag=True, help="Ask the model anew, also what it has answered before.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on standard output.")
def run(
    contract: str, folder: UPath, lake: str | None, day: dt.date | None, add: bool, replace: bool, extractor: str | None,
    chunking: str | None, select: str | None, fresh: bool, as_json: bool, **options: Any,
) -> None:
    """Read, extract, check and publish the documents in FOLDER by CONTRACT.

    CONTRACT is a name in the contracts folder or a path to a YAML file. With yyyy/mm/dd folders below
    FOLDER each day is published for itself; otherwise FOLDER is one day, today's without --day. Where that day has documents
    of another folder, --add keeps them and --replace does not. Files that cannot be read are
    quarantined with a reason and do not fail the day. Exit codes: 0 published, 8 the gate refused.

    \b
    Example:
      python -m octavo run invoice ~/invoices --lake ~/lake --day 2026-11-02
    """
    if add and replace:
        raise SettingsError("--add keeps what is published of the day and --replace does not; give one of them")
    settings = Settings() if lake is None else Settings(lake=lake)
    model = vlm.configure(**options) if options["model"] or settings.molmo_model else None
    spec = contracts.find(contract, settings.contracts)
    if chunking:
        spec = spec.model_copy(update={"chunking": spec.chunking.model_copy(update={"strategy": contracts.Strategy(chunking)})})
    root = folder
    days = list(pipeline.days_of(root))
    if not days:
        days = [(day or dt.datetime.now(dt.UTC).date(), root)]
        if not (day or add or replace or select):
            _ask_about_others(Lake(UPath(settings.lake)), Partition(spec.name, days[0][0]), root)
    if day:
        wanted = [(date, path) for date, path in days if date == day]
        if not wanted:
            raise SettingsError(f"{folder} has no folder for {day}; it has {', '.join(str(date) for date, _ in days)}")
        days = wanted
    results = []
    select = select or ("*" if add else None)
    since = dt.datetime.now(dt.UTC) if fresh else None
    for date, path in days:
        with output.stage_progress(err, f"{spec.name} {date}") as progress:
            results.append(pipeline.run_day(
                spec, path, date, settings, extractor=extractor, model=model, select=select, fresh=since, progress=progress,
            ))
    output.runs(err if as_json else out, results, settings)
    if as_json:
        took = ledger.added(ledger.of_run(Lake(UPath(settings.lake)), result.partition, result.run) for result in results)
        summed = {name: took.get(name, 0) for name in ("prompt_tokens", "completion_tokens", "cost")}
        sys.stdout.write(json.dumps({**pipeline.summarise(results), **summed}) + "\n")
    failed = [result.error for result in results if result.error]
    if failed:
        raise failed[0]


def _ask_about_others(lake: Lake, partition: Partition, folder: UPath) -> None:
    """Refuse to replace documents of another folder that nobody has spoken of.

    Raises:
        SettingsError: the day has some; names them and what to say.
    """
    if lake.published(partition) is None:
        return
    inside = f"{folder.absolute().as_posix().rstrip('/')}/"
    places = fs.read_table(lake.table("documents", partition), ["uri"])["uri"].to_pylist()
    others = [uri for uri in places if not UPath(uri).absolute().as_posix().startswith(inside)]
    if others:
        raise SettingsError(
            f"{partition.day} of contract {partition.contract} has {len(others)} documents of another folder already, such as {others[0]}; "
            f"say --add to keep them, --replace to replace them, or --day for another day than today"
        )
