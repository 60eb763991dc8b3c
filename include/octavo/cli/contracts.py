"""``octavo contracts``."""

from __future__ import annotations

from pathlib import Path

import click

from octavo.cli.common import err, out
from octavo.model import contracts
from octavo.model.errors import ContractError, LexiconError, OctavoError, SettingsError
from octavo.model.settings import Settings
from octavo.workflows import drafting


@click.group("contracts")
def contracts_group() -> None:
    """Look after contracts."""


@contracts_group.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Check contract FILES (default: all of the contracts folder); each problem names file, line and remedy."""
    folder = Settings().contracts
    paths = files or tuple(sorted(Path(folder).glob("*.yaml")))
    if not paths:
        raise ContractError(f"{folder} has no contract (*.yaml); octavo init makes a folder with some, OCTAVO_CONTRACTS names another one")
    problems = 0
    for path in paths:
        try:
            contract = contracts.load(path) if path.is_file() else contracts.find(str(path), folder)
        except LexiconError:
            raise
        except OctavoError as error:
            err.print(str(error), highlight=False, soft_wrap=True)
            problems += 1
            continue
        leaves = sum(1 for _ in contract.leaves())
        line = f"[green]ok[/green] {path}: {contract.title}, {leaves} fields, hash {contract.hash[:12]}"
        out.print(line, highlight=False, soft_wrap=True)
    if problems:
        raise SystemExit(3)


@contracts_group.command("new")
@click.argument("name")
@click.option("--from", "examples", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Example documents.")
@click.option("--truth", type=click.Path(path_type=Path), help="JSON lines with file and fields.  [default: truth.jsonl of the examples]")
@click.option("--out", "target", type=click.Path(path_type=Path), help="The file to write.  [default: NAME.yaml in the contracts folder]")
@click.option("--lake", type=click.Path(file_okay=False), help="Whose reading store keeps the words.  [default: OCTAVO_LAKE or var/lake]")
def new(name: str, examples: Path, truth: Path | None, target: Path | None, lake: str | None) -> None:
    """Draft the contract NAME from a folder of examples: fields, their types, and the labels that stand beside them.

    With true fields, in lines such as {"file": "a.pdf", "fields": {"total": "12.50"}}, these become the contract's;
    without, the keys that the documents print most often. The draft is commented, and passes contracts check.

    \b
    Example:
      python -m octavo contracts new delivery_note --from ~/examples
    """
    if not contracts.NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is no contract's name: lower-case letters, digits and _")
    settings = Settings() if lake is None else Settings(lake=lake)
    path = target or Path(settings.contracts) / f"{name}.yaml"
    if path.exists():
        raise SettingsError(f"{path} is there already; name another contract, or another file with --out")
    if path.stem != name:
        raise SettingsError(f"--out {path}: a contract's file has its name; call it {name}.yaml")
    text, fields = drafting.draft(name, examples, settings, truth)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    contract = contracts.load(path)
    found = sum(draft.found for draft in fields)
    out.print(f"[green]wrote[/green] {path}: {sum(1 for _ in contract.leaves())} fields", highlight=False, soft_wrap=True)
    for draft in fields:
        labels = ", ".join(draft.labels) or ("at the top" if draft.at_top else "no label found")
        out.print(f"  {draft.name}  {draft.type}  {'' if draft.fields else labels}".rstrip(), highlight=False, markup=False)
    out.print(f"values that the pages show: {found}; go on with: python -m octavo run {path} {examples}", highlight=False, soft_wrap=True)
