"""``octavo forget``."""

from __future__ import annotations

import json

import click
from rich.markup import escape
from upath import UPath

from octavo.cli.common import out
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.storage.lake import Forgotten
from octavo.workflows import forget


@click.command("forget")
@click.argument("document")
@click.option("--lake", type=click.Path(file_okay=False), help="The lake it is in.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--landing-file", is_flag=True, help="Remove the document's files too, wherever runs found them.")
@click.option("--take-again", is_flag=True, help="The opposite: let runs take a document that was forgotten.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def forget_document(document: str, lake: str | None, landing_file: bool, take_again: bool, as_json: bool) -> None:
    """Erase DOCUMENT everywhere: tables, ledger, reports, workspaces, words, answers of models, corrections.

    DOCUMENT is its file's name or the end of its path, or its sha256 (6 characters or more). The file itself stays unless --landing-file
    is given; either way a note in {lake}/_forgotten, which does not tell what it was, sees that no run takes it again until
    --take-again (with all 64 characters). A run that is
    going on cannot publish it; call this again when the run has ended, since its tasks may have kept words meanwhile.

    \b
    Example:
      python -m octavo forget receipt_0001.jpg --lake ~/lake --landing-file
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    if take_again:
        _take_again(document, settings)
        return
    name, uris = forget.find(document, settings)
    erased = forget.erase(name, uris, settings, landing_file)
    if as_json:
        out.file.write(json.dumps(erased.as_dict()) + "\n")
        return
    for line in _lines(erased):
        out.print(escape(line), highlight=False, soft_wrap=True)


def _take_again(document: str, settings: Settings) -> None:
    if not Forgotten(UPath(settings.lake)).remove(document):
        raise SettingsError(
            f"{document} is not noted as forgotten in {settings.lake}; give all 64 characters of its sha256, as forget said them "
            "and sha256sum FILE says them"
        )
    out.print(f"{document}: taken again by the next run of its day", highlight=False, soft_wrap=True)


def _lines(erased: forget.Erased) -> list[str]:
    lines = [f"{erased.document} is forgotten"]
    lines += [f"  {rows} rows of {place}" for place, rows in sorted(erased.rows.items())]
    lines += [f"  reports {path}" for path in erased.reports]
    lines += [f"  workspace {path}" for path in erased.workspaces]
    lines.append(f"  {erased.reading_files} files of words, {erased.answers} answers of models, {erased.corrections} corrections")
    lines += [f"  {erased.unfinished} half files of killed writers"] if erased.unfinished else []
    lines += [f"  file {path}" for path in erased.landing_files]
    lines += [f"still there: {path} (no run takes it again; --landing-file removes it)" for path in erased.left]
    return lines
