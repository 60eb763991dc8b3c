"""``octavo contracts``."""

from __future__ import annotations

from pathlib import Path

import click

from octavo.cli import contracts_output, output
from octavo.cli.common import err, out
from octavo.model import contracts
from octavo.model.errors import ContractError, LexiconError, OctavoError, SettingsError
from octavo.model.settings import Settings
from octavo.views import trial as views
from octavo.views.files import write_page
from octavo.workflows import drafting, trial


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
    with output.stage_progress(err, name) as progress:
        draft = drafting.draft(name, examples, settings, truth, progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(drafting.as_yaml(draft), encoding="utf-8")
    contract = contracts.load(path)
    out.print(f"[green]wrote[/green] {path}: {sum(1 for _ in contract.leaves())} fields", highlight=False, soft_wrap=True)
    contracts_output.draft(out, draft)
    out.print(f"go on with: python -m octavo contracts try {path} {examples}", highlight=False, soft_wrap=True)


@contracts_group.command("try")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a document, with words, tables, labels and fields.")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the pages with their evidence to this file instead.",
)
@click.option("--lake", type=click.Path(file_okay=False), help="Whose reading store keeps the words.  [default: OCTAVO_LAKE or var/lake]")
def try_contract(name: str, files: tuple[Path, ...], as_json: bool, page: Path | None, lake: str | None) -> None:
    """Show what the contract NAME makes of FILES, documents or folders of them; nothing is published.

    For each document: the words and tables of its pages, where its labels are printed or why not, what was found with confidence and
    reason, and what no field took. NAME is a name in the contracts folder or a path to a YAML file. Models are not asked.

    \b
    Example:
      python -m octavo contracts try delivery_note ~/examples/slip_4711.pdf --html slip.html
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    contract = contracts.find(name, settings.contracts).model_copy(update={"files": ("**/*",)})
    with output.stage_progress(err, contract.name) as progress, trial.tried(contract, files, settings, progress) as made:
        found = list(views.load(made, settings))
        if not found:
            raise SettingsError(f"no documents in {', '.join(map(str, files))}; give PDFs, images, or folders or archives with some")
        if page is not None and len(found) > 1:
            listed = ", ".join(document.view.name for document in found[:5])
            raise SettingsError(f"--html takes one document, and there are {len(found)}: {listed}; give one of them")
        if page is not None:
            output.written(out, page, *write_page(found[0].place, found[0].view.document, settings, page))
            return
    for document in found:
        contracts_output.tried(out, contract, document, as_json)
