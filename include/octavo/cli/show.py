"""``octavo show``."""

from __future__ import annotations

import click
from upath import UPath

from octavo import show
from octavo.cli.common import clear_errors, out
from octavo.config import Settings
from octavo.lake import Lake


@click.command("show")
@click.argument("document")
@click.option("--lake", type=click.Path(exists=True, file_okay=False), help="The lake to look in.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--json", "as_json", is_flag=True, help="Print the fields as JSON, one object a line.")
@clear_errors
def show_document(document: str, lake: str | None, as_json: bool) -> None:
    """Show what was found in DOCUMENT: its fields with verdict, page, evidence and the values that lost.

    DOCUMENT is the start of its sha256 (6 characters or more) or the end of its path.
    """
    show.document(out, Lake(UPath(lake or Settings().lake)), document, as_json)
