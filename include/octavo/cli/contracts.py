"""``octavo contracts``."""

from __future__ import annotations

from pathlib import Path

import click

from octavo import contracts
from octavo.cli.common import clear_errors, err, out
from octavo.config import Settings
from octavo.errors import OctavoError


@click.group("contracts")
def contracts_group() -> None:
    """Look after contracts."""


@contracts_group.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@clear_errors
def check(files: tuple[Path, ...]) -> None:
    """Check contract FILES (default: all of the contracts folder); each problem names file, line and remedy."""
    paths = files or tuple(sorted(Path(Settings().contracts).glob("*.yaml")))
    problems = 0
    for path in paths:
        try:
            contract = contracts.load(path) if path.is_file() else contracts.find(str(path), Settings().contracts)
        except OctavoError as error:
            err.print(str(error), highlight=False, soft_wrap=True)
            problems += 1
            continue
        leaves = sum(1 for _ in contract.leaves())
        line = f"[green]ok[/green] {path}: {contract.title}, {leaves} fields, hash {contract.hash[:12]}"
        out.print(line, highlight=False, soft_wrap=True)
    if problems:
        raise SystemExit(3)
