"""The command line: one module for each command."""

from __future__ import annotations

import click

from octavo import __version__
from octavo.cli.answers import answers_group
from octavo.cli.common import Commands
from octavo.cli.contracts import contracts_group
from octavo.cli.doctor import doctor
from octavo.cli.forget import forget_document
from octavo.cli.gc import gc
from octavo.cli.index import index_group
from octavo.cli.init import init
from octavo.cli.merge import merge_command
from octavo.cli.molmo_try import molmo_try
from octavo.cli.remerge import remerge
from octavo.cli.requeue import requeue
from octavo.cli.review import review
from octavo.cli.run import run
from octavo.cli.show import show_document


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="octavo")
@click.option("--traceback", is_flag=True, help="Print where in the code an error came from, too.")
def main(traceback: bool) -> None:
    """Folders of PDFs, scans and photos in, typed Parquet tables with evidence out.

    \b
    Try it:
      python -m octavo run receipt samples/landing/receipt --lake /tmp/lake
      python -m octavo show receipt_0001.jpg --lake /tmp/lake
      python -m octavo contracts check
    """


for command in (
    init, doctor, run, molmo_try, show_document, review, merge_command, remerge, requeue, contracts_group, index_group, answers_group, gc,
    forget_document,
):
    main.add_command(command)
