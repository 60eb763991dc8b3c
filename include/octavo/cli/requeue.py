"""``octavo requeue``."""

from __future__ import annotations

import datetime as dt
import json

import click
from rich.markup import escape
from rich.table import Table
from upath import UPath

from octavo.cli import output
from octavo.cli.common import DayType, Folder, err, out
from octavo.extraction import vlm
from octavo.model import contracts
from octavo.model.errors import Reason, SettingsError
from octavo.model.settings import Settings
from octavo.workflows import pipeline
from octavo.workflows import requeue as requeueing


@click.command("requeue")
@click.argument("contract")
@click.option("--reason", type=click.Choice([reason.value for reason in Reason]), metavar="CODE", help="Only with this reason code.")
@click.option("--day", type=DayType(), help="Only of this day.")
@click.option("--lake", type=click.Path(file_okay=False), help="Where the ledger is.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--yes", is_flag=True, help="Forget that they failed, so that the next run of their days tries again.")
@click.option("--run", "folder", type=Folder(),
              help="Do that, and run their days again now; the folder as for `octavo run`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def requeue(
    contract: str, reason: str | None, day: dt.date | None, lake: str | None, yes: bool, folder: UPath | None, as_json: bool,
) -> None:
    """List CONTRACT's documents that did not come through, and with --yes let the next run try them again.

    Do so once the cause is gone: a limit was raised, a language installed, the file delivered anew. Reasons are those of
    the ledger (docs/ledger.md). Whatever was read is not read again.

    \b
    Examples:
      python -m octavo requeue invoice
      python -m octavo requeue invoice --reason timeout --day 2026-11-02 --run ~/landing/invoice
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    spec = contracts.find(contract, settings.contracts)
    found = requeueing.waiting(settings, spec.name, reason, day)
    yes = yes or folder is not None
    blocks = requeueing.retry(settings, found, reason) if yes else 0
    if as_json:
        rows = [{"day": str(w.partition.day), "document": w.document, "uri": w.uri, "reasons": w.reasons} for w in found]
        out.file.write(json.dumps({"requeued": yes, "blocks": blocks, "documents": rows}) + "\n")
    else:
        _table(found)
        end = f"are tried again by the next run of their days ({blocks} blocks of pages to read)"
        end = end if yes else "wait; --yes lets the next run try them again"
        out.print(f"{len(found):,} documents {end}", highlight=False, soft_wrap=True)
    if folder is not None:
        _run(spec, folder, sorted({one.partition.day for one in found}), settings, as_json)


def _table(found: list[requeueing.Waiting]) -> None:
    if found:
        table = Table()
        for name in ("day", "document", "file", "reasons"):
            table.add_column(name, overflow="fold")
        for one in found:
            table.add_row(str(one.partition.day), one.document[:12], escape(one.uri.rsplit("/", 1)[-1]), ", ".join(one.reasons))
        out.print(table)


def _run(spec: contracts.Contract, root: UPath, days: list[dt.date], settings: Settings, quiet: bool) -> None:
    folders = dict(pipeline.days_of(root)) or ({days[0]: root} if len(days) == 1 else {})
    if lost := [str(day) for day in days if day not in folders]:
        raise SettingsError(f"{root} has no folder yyyy/mm/dd for {', '.join(lost)}; name the folder that `octavo run` was given")
    model = vlm.configure() if settings.molmo_model else None
    results = [pipeline.run_day(spec, folders[day], day, settings, model=model) for day in days]
    output.runs(err if quiet else out, results, settings)
    for result in results:
        if result.error:
            raise result.error
