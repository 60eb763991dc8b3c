"""``octavo gc``."""

from __future__ import annotations

import datetime as dt
import json

import click
from rich.markup import escape
from rich.table import Table

from octavo.cli.common import out
from octavo.model.settings import Settings
from octavo.workflows import retention


@click.command("gc")
@click.option("--older-than", "days", type=click.IntRange(min=1), default=30, show_default=True, metavar="DAYS",
              help="Only what nothing has changed in for so many days.")
@click.option("--lake", type=click.Path(file_okay=False), help="The lake to look in.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--yes", is_flag=True, help="Remove it; without it nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def gc(days: int, lake: str | None, yes: bool, as_json: bool) -> None:
    """Say which workspaces, small pictures of pages and unfinished files of killed runs would go, and with --yes remove them.

    A workspace is what a run keeps between its tasks; once it is gone, a task of that run cannot be cleared any more, but the day can be
    run again. Tables, words, answers and corrections never go: see `octavo answers prune` and `octavo forget`.

    \b
    Example:
      python -m octavo gc --older-than 14 --yes
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    found = list(retention.leftovers(settings, dt.datetime.now(dt.UTC) - dt.timedelta(days=days)))
    if yes:
        for one in found:
            one.remove()
    size = sum(one.bytes for one in found)
    if as_json:
        rows = [{"kind": one.kind, "path": str(one.path), "bytes": one.bytes, "changed": one.changed.isoformat()} for one in found]
        out.file.write(json.dumps({"removed": yes, "bytes": size, "found": rows}) + "\n")
        return
    if not found:
        out.print(f"nothing to remove: nothing is older than {days} days", highlight=False)
        return
    table = Table()
    for name in ("what", "name", "last changed", "MB"):
        table.add_column(name, justify="right" if name == "MB" else "left", overflow="fold")
    for one in (one for one in found if one.kind == "workspace"):
        table.add_row(one.kind, escape(one.name), f"{one.changed:%Y-%m-%d}", f"{one.bytes / 1e6:,.1f}")
    for kind in ("page pictures", "unfinished write"):  # there may be many: --json lists them
        if same := [one for one in found if one.kind == kind]:
            newest = max(one.changed for one in same)
            table.add_row(kind, f"{len(same):,} files", f"{newest:%Y-%m-%d}", f"{sum(one.bytes for one in same) / 1e6:,.1f}")
    out.print(table)
    end = "removed" if yes else "would go; --yes removes them"
    out.print(f"{len(found):,} things of {size / 1e6:,.1f} MB {end}", highlight=False, soft_wrap=True)
