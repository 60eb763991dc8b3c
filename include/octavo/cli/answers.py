"""``octavo answers``."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from octavo.cli.common import out
from octavo.model import contracts
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.storage.answer_store import AnswerStore, Choice

_lake = click.option("--lake", type=click.Path(file_okay=False), help="The lake they belong to.  [default: OCTAVO_LAKE or var/lake]")


@click.group("answers")
def answers_group() -> None:
    """Look after what models have said: the answer store. What persons said (corrections) is kept elsewhere, for ever."""


@answers_group.command("stats")
@_lake
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(lake: str | None, as_json: bool) -> None:
    """Show how many answers there are of which model and contract, and what they took."""
    found = _store(lake).stats()
    if as_json:
        out.file.write(json.dumps(asdict(found), default=str) + "\n")
        return
    table = Table(title=f"{found.answers:,} answers, {found.bytes / 1e6:,.1f} MB in {found.segments} files", title_justify="left")
    for name in ("model", "revision", "contract", "answers", "first", "last"):
        table.add_column(name, justify="right" if name == "answers" else "left", overflow="fold")
    for group in found.groups:
        names = [escape(name or "-") for name in (group.model, group.revision, group.contract)]
        table.add_row(*names, f"{group.answers:,}", f"{group.first:%Y-%m-%d}", f"{group.last:%Y-%m-%d}")
    out.print(table)
    spent = f"{found.prompt_tokens:,} prompt tokens, {found.completion_tokens:,} tokens of answers, {found.seconds:,.1f} s of models"
    out.print(spent, highlight=False)


@answers_group.command("prune")
@_lake
@click.option("--older-than", "days", type=click.IntRange(min=0), metavar="DAYS", help="Given more than so many days ago.")
@click.option("--model", metavar="NAME", help="Of this model, as `answers stats` names it.")
@click.option("--revision", metavar="REV", help="Of this revision.")
@click.option("--contract", metavar="NAME", help="First asked for this contract.")
@click.option("--unused", is_flag=True, help="Of every contract that is not in the contracts folder any more.")
@click.option("--yes", is_flag=True, help="Remove them; without it nothing is changed.")
def prune(
    lake: str | None, days: int | None, model: str | None, revision: str | None, contract: str | None, unused: bool, yes: bool,
) -> None:
    """Say which answers would go, and with --yes remove them: those that fit all options.

    A question whose answer is gone is paid for again when it comes up. Corrections never go.

    \b
    Examples:
      python -m octavo answers prune --model allenai/Molmo2-4B --revision 3f9c…
      python -m octavo answers prune --unused --older-than 90 --yes
    """
    if unused and contract:
        raise SettingsError("--unused and --contract exclude each other: name one contract, or take all that are gone")
    if not unused and (days, model, revision, contract) == (None, None, None, None):
        raise SettingsError("say which answers: --older-than, --model, --revision, --contract or --unused")
    store = _store(lake)
    before = None if days is None else dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    names = _unused(store) if unused else [contract]
    count = 0
    for choice in (Choice(before, model, revision, name) for name in names):
        count += store.prune(choice) if yes else store.count(choice)
    what = f" of contracts that are gone ({escape(', '.join(map(str, names)) or 'none')})" if unused else ""
    out.print(f"{count:,} answers{what} {'removed' if yes else 'would go; --yes removes them'}", highlight=False, soft_wrap=True)


def _unused(store: AnswerStore) -> list[str | None]:
    """Contracts of answers that have no file in the contracts folder."""
    valid, errors = contracts.load_valid(Settings().contracts)
    if errors:
        raise SettingsError(f"a contract cannot be read, so it is not known which are in use: {errors[0]}")
    known = {contract.name for contract in valid}
    return sorted({group.contract for group in store.stats().groups if group.contract and group.contract not in known}, key=str)


def _store(lake: str | None) -> AnswerStore:
    settings = Settings() if lake is None else Settings(lake=lake)
    return AnswerStore(settings.answer_store)
