"""``octavo molmo-try``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from PIL import Image, UnidentifiedImageError

from octavo.cli.common import err, model_options, out
from octavo.extraction import vlm
from octavo.extraction.vlm.protocol import Question
from octavo.extraction.vlm.runtimes import open_runtime
from octavo.extraction.vlm.trial import question_of
from octavo.model import contracts
from octavo.model.errors import ModelUnavailable, SettingsError
from octavo.model.settings import Settings


@click.command("molmo-try")
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@model_options
@click.option("--prompt", help="What to ask about the image.")
@click.option("--contract", metavar="CONTRACT", help="Ask what a run of this contract would ask about a page, held to its schema.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), help="Most tokens of the answer.  [default: 256, or the contract's]")
@click.option("--token-ids", is_flag=True, help="Print the generated token ids as the last line.")
def molmo_try(
    image: Path, prompt: str | None, contract: str | None, max_new_tokens: int | None, token_ids: bool, **options: Any,
) -> None:
    """Ask a model one thing about IMAGE and print its raw answer: a smoke test of a model and its runtime.

    \b
    Example:
      python -m octavo molmo-try page.png --model allenai/Molmo2-4B --prompt "Which shop is this?"
      python -m octavo molmo-try page.png --model allenai/Molmo2-4B --contract receipt
    """
    if (prompt is None) is (contract is None):
        raise click.UsageError("give either --prompt or --contract")
    configured = vlm.configure(**options)
    with _opened(image) as opened:
        if contract:
            question = question_of(contracts.find(contract, Settings().contracts), opened, configured)
        else:
            question = Question(opened.convert("RGB"), prompt or "", None, 256)
    if max_new_tokens:
        question = replace(question, max_new_tokens=max_new_tokens)
    with closing(open_runtime(configured)) as runtime:
        reply = next(reply for batch in runtime.ask([question]) for _, reply in batch)
    if reply.error:
        raise ModelUnavailable(reply.error)
    if getattr(runtime, "ignores_schema", False):
        err.print("the server does not hold its model to the contract's schema: answers are parsed as they come", highlight=False)
    out.file.write(reply.text + "\n")
    if token_ids:
        out.file.write(" ".join(map(str, reply.token_ids)) + "\n")


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise SettingsError(f"{path} is no picture; give a PNG or JPEG of a page (pdftoppm -png makes them of a PDF)") from error
