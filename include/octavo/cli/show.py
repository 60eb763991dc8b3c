"""``octavo show``."""

from __future__ import annotations

from pathlib import Path

import click
from upath import UPath

from octavo.cli import output
from octavo.cli.common import LakeFolder, out
from octavo.model.contracts import Chunking, Strategy
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.storage.lake import Lake
from octavo.views import files


@click.command("show")
@click.argument("document")
@click.option("--lake", type=LakeFolder(), help="The lake to look in.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--contract", metavar="NAME", help="Only as this contract read it, where several did.")
@click.option("--json", "as_json", is_flag=True, help="Print the fields, or the tables, as JSON, one object a line.")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the pages with their evidence to this file instead.",
)
@click.option("--chunks", "as_chunks", is_flag=True, help="Write a picture of each page with its chunks and words instead.")
@click.option("--tables", "as_tables", is_flag=True, help="Print the tables found on its pages instead, whatever the contract asks for.")
@click.option("--chunking", type=click.Choice([s.value for s in Strategy]), help="--chunks: cut the pages this way, to compare.")
@click.option("--out", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", help="--chunks: folder of the pictures.")
def show_document(
    document: str, lake: str | None, contract: str | None, as_json: bool, page: Path | None, as_chunks: bool, as_tables: bool,
    chunking: str | None, folder: Path,
) -> None:
    """Show what was found in DOCUMENT: its fields with verdict, page, evidence and the values that lost.

    DOCUMENT is the start of its sha256 (6 characters or more) or the end of its path.
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    if chunking and not as_chunks:
        raise SettingsError("--chunking belongs to --chunks: it changes the picture, not what was published")
    found = output.named(Lake(UPath(settings.lake)), document, contract)
    if page is not None:
        output.written(out, page, *files.write_html(settings, found, page))
        return
    if as_tables:
        output.tables(out, settings, found, as_json)
        return
    if not as_chunks:
        output.document(out, settings, found, as_json)
        return
    rule = Chunking(strategy=Strategy(chunking)) if chunking else None
    output.chunks(out, Lake(UPath(settings.lake)), found, settings, folder, rule)
