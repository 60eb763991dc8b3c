"""``octavo molmo-try``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click
from PIL import Image

from octavo.cli.common import clear_errors, model_options, out
from octavo.extraction import vlm
from octavo.extraction.vlm.protocol import Question
from octavo.extraction.vlm.runtimes import open_runtime
from octavo.model.errors import ModelUnavailable


@click.command("molmo-try")
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@model_options
@click.option("--prompt", required=True, help="What to ask about the image.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=256, show_default=True, help="Most tokens of the answer.")
@click.option("--token-ids", is_flag=True, help="Print the generated token ids as the last line.")
@clear_errors
def molmo_try(image: Path, prompt: str, max_new_tokens: int, token_ids: bool, **options: Any) -> None:
    """Ask a model one thing about IMAGE and print its raw answer: a smoke test of a model and its runtime.

    \b
    Example:
      python -m octavo molmo-try page.png --model allenai/Molmo2-4B --prompt "Which shop is this?"
    """
    with Image.open(image) as opened:
        question = Question(opened.convert("RGB"), prompt, None, max_new_tokens)
    with closing(open_runtime(vlm.configure(**options))) as runtime:
        reply = next(reply for batch in runtime.ask([question]) for _, reply in batch)
    if reply.error:
        raise ModelUnavailable(reply.error)
    out.file.write(reply.text + "\n")
    if token_ids:
        out.file.write(" ".join(map(str, reply.token_ids)) + "\n")
