"""``octavo review``."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from upath import UPath

from octavo.cli.common import DayType, LakeFolder, err, out
from octavo.model import contracts
from octavo.model.entities import name_of
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.workflows import remerge
from octavo.workflows import review as reviewing


@click.command("review")
@click.argument("document", required=False)
@click.option("--lake", type=LakeFolder(), help="The lake to look in.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--contract", help="Only documents of this contract.")
@click.option("--day", type=DayType(), help="Only documents of this day.")
@click.option("--confirm", metavar="FIELD", multiple=True, help="The value of FIELD is right; may be given several times.")
@click.option("--confirm-all", is_flag=True, help="All listed values of DOCUMENT are right.")
@click.option("--set", "changes", metavar="FIELD=VALUE", multiple=True, help="The value of FIELD; an empty VALUE: there is none.")
@click.option("--by", help="Who says so.  [default: the login name]")
@click.option("--apply", is_flag=True, help="Rebuild the document's day now; reads nothing and asks no model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def review(
    document: str | None, lake: str | None, contract: str | None, day: dt.date | None, confirm: tuple[str, ...], confirm_all: bool,
    changes: tuple[str, ...], by: str | None, apply: bool, as_json: bool,
) -> None:
    """List what wants a look, or say what is right about DOCUMENT; that wins every later run.

    DOCUMENT is the start of its sha256 (6 characters or more) or the end of its path. A FIELD is a path as the table has
    it: total, line_items[2].amount. Of a document with several records it has the record's number before it: 2:total.

    \b
    Examples:
      python -m octavo review --contract receipt --lake /tmp/lake
      python -m octavo review receipt_0002.jpg --lake /tmp/lake --confirm company --set total=15.50 --apply
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    place, store = Lake(UPath(settings.lake)), CorrectionStore(settings.correction_store)
    if not (confirm or confirm_all or changes):
        _print(list(reviewing.rows(place, store, contract, day, document)), as_json)
        return
    if document is None:
        raise SettingsError("say which document: octavo review DOCUMENT --confirm …")
    about = reviewing.find(place, document, contract, day)
    spec = contracts.find(about.partition.contract, settings.contracts)
    desk = reviewing.Desk(place, store, spec, about, by or _login())
    fields = list(confirm)
    if confirm_all:
        fields += [
            name_of(row["record"], row["field"]) for row in reviewing.rows(place, store, about.partition.contract, about.partition.day)
            if row["document"] == about.document and row["value"] is not None and "[]" not in row["field"]
        ]
    given = [_pair(change) for change in changes]
    confirmed = list(dict.fromkeys(fields))
    said = [desk.correct(field, value) for field, value in given] + [desk.confirm(field) for field in confirmed]
    desk.keep(said)
    for field, one in zip([*(field for field, _ in given), *confirmed], said, strict=True):
        names = ("contract", "document", "first_page", "field", "value", "typed", "previous", "by", "said")
        row = {name: getattr(one, name) for name in names}
        if as_json:
            out.json({**row, "action": one.action.value})
        else:
            shown = "no value" if one.value is None else one.value
            out.print(escape(f"{field}: {shown} ({one.action}, was {one.previous or 'empty'})"), highlight=False, soft_wrap=True)
    if not apply:
        err.print(f"kept; it counts from the next run or octavo remerge {spec.name} --days {about.partition.day} on", highlight=False)
        return
    result = remerge.remerge_day(spec, about.partition.day, settings)
    if result.error is not None:
        raise result.error
    err.print(f"{about.partition.path} is published anew", highlight=False)


def _pair(change: str) -> tuple[str, str]:
    field, equals, value = change.partition("=")
    if not equals:
        raise SettingsError(f"--set {change}: give it as FIELD=VALUE")
    return field.strip(), value


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            out.json(row)
        return
    table = Table(title=f"{len(rows)} values want a look", title_justify="left")
    for name in ("contract", "day", "document", "field", "value", "verdict", "why", "said since"):
        table.add_column(name, overflow="fold")
    for row in rows:
        said = row["correction"]
        since = f"{said['value'] or 'no value'} ({said['by']})" if said else ""
        name, field = row["uri"].rsplit("/", 1)[-1], name_of(row["record"], row["field"])
        cells = (row["contract"], row["day"], name, field, row["value"], row["verdict"], row["reason"], since)
        table.add_row(*(escape(str(cell or "")) for cell in cells))
    out.print(table)
