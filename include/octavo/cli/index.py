"""``octavo index``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from upath import UPath

from octavo.cli import output
from octavo.cli.common import err, folder_of, out
from octavo.model import contracts
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.workflows import date_assignment
from octavo.workflows.date_assignment import ManifestRow, Method, Placed, State

# Rows that want a look and fit a terminal; the manifest and --json have them all.
SHOWN = 40


class FolderOrArchive(click.ParamType[Any]):
    """A folder or an archive that is there, on a local disk or an object store, as an absolute ``UPath``."""

    name = "folder or archive"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UPath:
        place = folder_of(str(value)).absolute()
        if not place.exists():
            self.fail(f"{str(value)!r} does not exist.", param, ctx)
        return place


class Methods(click.ParamType[Any]):
    """``path,date,mtime``, in any order, each at most once."""

    name = "methods"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Method]:
        names = [part.strip() for part in str(value).split(",")]
        if not set(names) <= {*Method} or len(set(names)) < len(names):
            self.fail(f"{value!r}: give some of {', '.join(Method)}, joined by commas, each once.", param, ctx)
        return [Method(name) for name in names]


@click.group("index")
def index_group() -> None:
    """Give the documents of an undated archive their days: propose, look at the manifest, apply."""


@index_group.command("propose")
@click.argument("contract")
@click.argument("folder", type=FolderOrArchive())
@click.option("--by", type=Methods(), default="path,date", show_default=True, metavar="LIST",
              help="How days are found, in this order, the first wins: path, date (on the document), mtime (last change).")
@click.option("--pattern", "patterns", multiple=True, metavar="PATTERN",
              help="path: how a day is written, as %Y-%m-%d or a regular expression with groups year, month, day, or date; may be "
                   "given several times.  [default: year first, with -, _, ., / or nothing between]")
@click.option("--date-field", metavar="FIELD", help="date: the contract's field to take.  [default: its first date]")
@click.option("--check", is_flag=True, help="date: read documents whose path has said the day too, and tell where they disagree.")
@click.option("--out", "target", metavar="FILE", help="The manifest to write.  [default: CONTRACT-index.csv]")
@click.option("--lake", type=click.Path(file_okay=False), help="Whose reading store keeps the words.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def propose(
    contract: str, folder: UPath, by: list[Method], patterns: tuple[str, ...], date_field: str | None, check: bool, target: str | None,
    lake: str | None, as_json: bool,
) -> None:
    """Propose a day for each document of CONTRACT in FOLDER, and write the manifest: a CSV file to look through and change.

    FOLDER may also be a ZIP or TAR; archives in it are opened. Documents are read only where `date` is asked about them, and what is
    read is not read again by the run of their day. Call it again after an interruption.

    \b
    Examples:
      python -m octavo index propose invoice ~/archive
      python -m octavo index propose invoice s3://old/scans.zip --by path,date,mtime --pattern "%d.%m.%Y"
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    spec = contracts.find(contract, settings.contracts)
    manifest = UPath(target or f"{spec.name}-index.csv")
    if manifest.exists():
        raise SettingsError(f"{manifest} is there already, and somebody may have worked on it; name another file with --out, or remove it")
    with output.stage_progress(err, f"{spec.name} index") as progress:
        rows = date_assignment.propose(
            spec, folder, settings, by=by, patterns=patterns, date_field=date_field, check=check, progress=progress,
        )
    date_assignment.write(manifest, rows)
    counts = Counter(row.by or "undecided" for row in rows)
    disputed = sum(bool(row.conflicts) for row in rows)
    if as_json:
        out.file.write(json.dumps({"manifest": str(manifest), "files": len(rows), "by": dict(counts), "with_conflicts": disputed}) + "\n")
        return
    _print_proposal(rows)
    said = f"{manifest}: {len(rows):,} files, {counts['undecided']:,} undecided, {disputed:,} with conflicts"
    out.print(said, highlight=False, soft_wrap=True)
    out.print(f"look through it, then: python -m octavo index apply {manifest}", highlight=False, soft_wrap=True)


@index_group.command("apply")
@click.argument("manifest", type=UPath)
@click.option("--landing", metavar="FOLDER", help="Where documents arrive.  [default: OCTAVO_LANDING or var/landing]")
@click.option("--move", is_flag=True, help="Remove each file once it is put; archives stay.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a row.")
def apply(manifest: UPath, landing: str | None, move: bool, as_json: bool) -> None:
    """Put the files of MANIFEST into {landing}/{contract}/{yyyy}/{mm}/{dd}/: copies, unless --move is given.

    No file is ever replaced: where another one has the name, ours gets the beginning of its sha256 into its own. Rows without a day are
    listed and stay where they are. Whatever is there already is left, so call it as often as you like. Exit code: 4 if a file
    is gone or is not any more what was looked at.

    \b
    Example:
      python -m octavo index apply invoice-index.csv --landing ~/landing
    """
    settings = Settings() if landing is None else Settings(landing=landing)
    rows = date_assignment.read(manifest)
    for name in sorted({row.contract for row in rows}):
        contracts.find(name, settings.contracts)
    with output.stage_progress(err, "index") as progress:
        placed = list(date_assignment.place(rows, settings, move=move, progress=lambda done: progress("apply", done, len(rows), "files")))
    if as_json:
        for one in placed:
            row = {"file": one.row.file, "state": one.state.value, "target": str(one.target) if one.target else None, "detail": one.detail}
            out.json(row)
    else:
        _print_placed(placed, settings)
    if failed := sum(one.state.failed for one in placed):
        raise SettingsError(f"{failed:,} of {len(placed):,} files could not be put; their rows say why, the others are done")


def _print_proposal(rows: Sequence[ManifestRow]) -> None:
    table = Table()
    for name in ("by", "files", "first day", "last day", "with conflicts"):
        table.add_column(name, justify="right" if name in ("files", "with conflicts") else "left")
    for by in sorted({row.by for row in rows}, key=lambda name: (name == "", name)):
        same = [row for row in rows if row.by == by]
        days = [str(day) for day in sorted(row.day for row in same if row.day)] or [""]
        disputed = sum(bool(row.conflicts) for row in same)
        table.add_row(by or "undecided", f"{len(same):,}", days[0], days[-1], f"{disputed:,}")
    out.print(table)


def _print_placed(placed: Sequence[Placed], settings: Settings) -> None:
    shown = [one for one in placed if one.state not in (State.PUT, State.THERE, State.COPY)]
    for one in shown[:SHOWN]:
        said = str(one.target) if one.state is State.RENAMED else one.detail
        out.print(f"[yellow]{one.state}[/yellow]  {escape(one.row.file)}  {escape(said)}", highlight=False, soft_wrap=True)
    if len(shown) > SHOWN:
        out.print(f"and {len(shown) - SHOWN:,} more; --json lists them all", highlight=False)
    counts = Counter(one.state for one in placed)
    said = ", ".join(f"{counts[state]:,} {state}" for state in State if counts[state])
    out.print(said or "an empty manifest", highlight=False, soft_wrap=True)
    for contract in sorted({one.row.contract for one in placed if one.target}):
        days = sorted({one.row.day for one in placed if one.target and one.row.day and one.row.contract == contract})
        folder = f"{settings.landing.rstrip('/')}/{contract}"
        out.print(
            f"{len(days):,} days of {contract}, {days[0]} to {days[-1]}; run them: python -m octavo run {contract} {folder}\n"
            f"  or under Airflow: airflow backfill create --dag-id octavo_{contract} --from-date {days[0]} --to-date {days[-1]}",
            highlight=False, soft_wrap=True,
        )
