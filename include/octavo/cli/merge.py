"""``octavo merge``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import click

from octavo.cli import output
from octavo.cli.common import out
from octavo.merging import merge_files
from octavo.model import contracts
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings


@click.command("merge")
@click.argument("answers", type=click.File(encoding="utf-8"))
@click.argument("words", type=click.File(encoding="utf-8"))
@click.option("--contract", required=True, help="A contract's name or the path of its YAML file.")
@click.option("--json", "as_json", is_flag=True, help="Print the fields as JSON, one object a line.")
def merge_command(answers: IO[str], words: IO[str], contract: str, as_json: bool) -> None:
    """Merge ANSWERS given from outside against given WORDS, without running an extractor. Both are JSON lines.

    An answer has document, page, box [x0, y0, x1, y1], extractor, hinted (it was shown the words) and text, as the
    model said it. A word has document, page, text, box, confidence (0 to 1) and source (text_layer or ocr).

    \b
    Example:
      python -m octavo merge answers.jsonl words.jsonl --contract receipt --json
    """
    spec = contracts.find(contract, Settings().contracts)
    fields = merge_files.merge(_json_lines(answers), _json_lines(words), spec)
    if as_json:
        for field in fields:
            out.json(field)
    else:
        output.merged(out, fields)


def _json_lines(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(stream), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SettingsError(f"{stream.name}:{number}: no JSON: {error}") from error
            if not isinstance(row, dict):
                raise SettingsError(f"{stream.name}:{number}: a line is one JSON object")
            yield row


def _lines(stream: IO[str]) -> Iterator[str]:
    try:
        yield from stream
    except UnicodeDecodeError as error:
        raise SettingsError(f"{stream.name} is not UTF-8 ({error}); save it as UTF-8") from error
