"""What the commands share: where they print, how they fail, the options that name a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from octavo import show
from octavo.errors import OctavoError

out, err = show.console(), show.console(stderr=True)


def clear_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """End with the error's text and exit code instead of a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except OctavoError as error:
            err.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
            raise SystemExit(error.exit_code) from error

    return wrapped


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
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
