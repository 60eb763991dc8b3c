"""``python -m octavo``: the same stages without Airflow."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import IO, Any

import click
from PIL import Image
from upath import UPath

from octavo import __version__, contracts, pipeline, show
from octavo.config import Settings
from octavo.errors import ModelUnavailable, OctavoError, SettingsError
from octavo.extraction import molmo
from octavo.extraction.molmo.protocol import Question
from octavo.extraction.molmo.runtimes import open_runtime
from octavo.lake import Lake
from octavo.merging import given

out, err = show.console(), show.console(stderr=True)


def _clear_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """End with the error's text and exit code instead of a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except OctavoError as error:
            err.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
            raise SystemExit(error.exit_code) from error

    return wrapped


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name a model and how it runs."""
    for option in (
        click.option("--base-url", metavar="URL", help="openai: where the API is, for example http://vllm:8000/v1."),
        click.option("--trust-remote-code", is_flag=True, default=None, help="molmo-0924: run the code that comes with the model."),
        click.option("--revision", metavar="REV", help="Commit or tag of the model."),
        click.option("--model", metavar="NAME", help="A hub name, a local folder, or the server's name.  [default: OCTAVO_MOLMO_MODEL]"),
        click.option("--runtime", type=click.Choice(["molmo2", "molmo-0924", "openai"]), help="How the model runs.  [default: molmo2]"),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="octavo")
def main() -> None:
    """Folders of PDFs, scans and photos in, typed Parquet tables with evidence out.

    \b
    Try it:
      python -m octavo run receipt samples/landing/receipt --lake /tmp/lake
      python -m octavo show receipt-01.png --lake /tmp/lake
      python -m octavo contracts check
    """


@main.command()
@click.argument("contract")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--lake", type=click.Path(file_okay=False), help="Where tables are published.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The documents' day.  [default: FOLDER's yyyy/mm/dd, else today]")
@click.option("--extractor", type=click.Choice(["auto", "layout", "molmo"]), help="Who reads the chunks.  [default: the contract's]")
@click.option("--chunking", type=click.Choice([s.value for s in contracts.Strategy]), help="How pages are cut.  [default: the contract's]")
@_model_options
@click.option("--documents", "select", metavar="GLOB", help="Take only files whose name matches; the day's other rows stay.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on standard output.")
@_clear_errors
def run(
    contract: str, folder: Path, lake: str | None, day: dt.datetime | None, extractor: str | None,
    chunking: str | None, select: str | None, as_json: bool, **options: Any,
) -> None:
    """Read, extract, check and publish the documents in FOLDER by CONTRACT.

    CONTRACT is a name in the contracts folder or a path to a YAML file. With yyyy/mm/dd folders below
    FOLDER each day is published for itself; otherwise FOLDER is one day. Files that cannot be read are
    quarantined with a reason and do not fail the day. Exit codes: 0 published, 8 the gate refused.

    \b
    Example:
      python -m octavo run invoice ~/invoices --lake ~/lake --day 2026-11-02
    """
    settings = Settings() if lake is None else Settings(lake=lake)
    model = molmo.configure(**options) if options["model"] or settings.molmo_model else None
    spec = contracts.find(contract, settings.contracts)
    if chunking:
        spec = spec.model_copy(update={"chunking": spec.chunking.model_copy(update={"strategy": contracts.Strategy(chunking)})})
    root = UPath(folder)
    days = list(pipeline.days_of(root)) or [(day.date() if day else dt.datetime.now(dt.UTC).date(), root)]
    if day:
        wanted = [(date, path) for date, path in days if date == day.date()]
        if not wanted:
            raise SettingsError(f"{folder} has no folder for {day.date()}; it has {', '.join(str(date) for date, _ in days)}")
        days = wanted
    results = []
    for date, path in days:
        with show.stage_progress(err, f"{spec.name} {date}") as progress:
            results.append(pipeline.run_day(spec, path, date, settings, extractor=extractor, model=model, select=select, progress=progress))
    show.runs(err if as_json else out, results, settings)
    if as_json:
        sys.stdout.write(json.dumps(pipeline.summarise(results)) + "\n")
    failed = [result.error for result in results if result.error]
    if failed:
        raise failed[0]


@main.command("molmo-try")
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_model_options
@click.option("--prompt", required=True, help="What to ask about the image.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=256, show_default=True, help="Most tokens of the answer.")
@click.option("--token-ids", is_flag=True, help="Print the generated token ids as the last line.")
@_clear_errors
def molmo_try(image: Path, prompt: str, max_new_tokens: int, token_ids: bool, **options: Any) -> None:
    """Ask a model one thing about IMAGE and print its raw answer: a smoke test of a model and its runtime.

    \b
    Example:
      python -m octavo molmo-try page.png --model allenai/Molmo2-4B --prompt "Which shop is this?"
    """
    with Image.open(image) as opened:
        question = Question(opened.convert("RGB"), prompt, None, max_new_tokens)
    with closing(open_runtime(molmo.configure(**options))) as runtime:
        reply = next(reply for batch in runtime.ask([question]) for _, reply in batch)
    if reply.error:
        raise ModelUnavailable(reply.error)
    out.file.write(reply.text + "\n")
    if token_ids:
        out.file.write(" ".join(map(str, reply.token_ids)) + "\n")


@main.command("show")
@click.argument("document")
@click.option("--lake", type=click.Path(exists=True, file_okay=False), help="The lake to look in.  [default: OCTAVO_LAKE or var/lake]")
@click.option("--json", "as_json", is_flag=True, help="Print the fields as JSON, one object a line.")
@_clear_errors
def show_document(document: str, lake: str | None, as_json: bool) -> None:
    """Show what was found in DOCUMENT: its fields with verdict, page, evidence and the values that lost.

    DOCUMENT is the start of its sha256 (6 characters or more) or the end of its path.
    """
    show.document(out, Lake(UPath(lake or Settings().lake)), document, as_json)


@main.command("merge")
@click.argument("answers", type=click.File(encoding="utf-8"))
@click.argument("words", type=click.File(encoding="utf-8"))
@click.option("--contract", required=True, help="A contract's name or the path of its YAML file.")
@click.option("--json", "as_json", is_flag=True, help="Print the fields as JSON, one object a line.")
@_clear_errors
def merge_given(answers: IO[str], words: IO[str], contract: str, as_json: bool) -> None:
    """Merge ANSWERS given from outside against given WORDS, without running an extractor. Both are JSON lines.

    An answer has document, page, box [x0, y0, x1, y1], extractor, hinted (it was shown the words) and text, as the
    model said it. A word has document, page, text, box, confidence (0 to 1) and source (text_layer or ocr).

    \b
    Example:
      python -m octavo merge answers.jsonl words.jsonl --contract receipt --json
    """
    spec = contracts.find(contract, Settings().contracts)
    fields = given.merge(_json_lines(answers), _json_lines(words), spec)
    if as_json:
        for field in fields:
            out.file.write(json.dumps(field, ensure_ascii=False) + "\n")
    else:
        show.merged(out, fields)


def _json_lines(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SettingsError(f"{stream.name}:{number}: no JSON: {error}") from error
            if not isinstance(row, dict):
                raise SettingsError(f"{stream.name}:{number}: a line is one JSON object")
            yield row


@main.group("contracts")
def contracts_group() -> None:
    """Look after contracts."""


@contracts_group.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@_clear_errors
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


if __name__ == "__main__":
    main(prog_name="python -m octavo")
