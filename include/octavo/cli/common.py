"""What the commands share: where they print, how they fail, the options that name a model."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.markup import escape
from upath import UPath

from octavo.cli import output
from octavo.cli.mistakes import as_known
from octavo.model.errors import INTERRUPTED
from octavo.model.settings import place

KEPT = "what is published stays as it was; the words and answers that came in are kept, so the same command goes on from there"

def folder_of(text: str) -> UPath:
    """What ``text`` names, on a local disk or on a store whose package is installed.

    Raises:
        SettingsError: it names no place for files.
        ImportError: the store's package is not installed.
    """
    found = UPath(place(text))
    found.fs  # noqa: B018 - loads the store's package
    return found


class Folder(click.ParamType[Any]):
    """A folder that is there, on a local disk or an object store (``s3://bucket/folder``), as a ``UPath``."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UPath:
        folder = folder_of(str(value))
        if not folder.exists():
            self.fail(f"Directory {str(value)!r} does not exist.", param, ctx)
        if not folder.is_dir():
            self.fail(f"{str(value)!r} is a file, not a folder.", param, ctx)
        return folder


class LakeFolder(Folder):
    """As ``Folder``, for a setting: the text that was given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # type: ignore[override]
        super().convert(value, param, ctx)
        return str(value)


class DayType(click.ParamType[Any]):
    """A day as ``2026-11-02``."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        try:
            return dt.datetime.strptime(str(value), "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{str(value)!r} is no day; give it as 2026-11-02.", param, ctx)


out, err = output.console(), output.console(stderr=True)


class Commands(click.Group):
    """The command line as a whole: what ends a command has one text and an exit code (docs/command_line.md), and no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print(f"[red]interrupted:[/red] {KEPT}", highlight=False, soft_wrap=True)
            code = INTERRUPTED
        except Exception as error:
            known = as_known(error)
            if known is None:
                raise
            if ctx.params["traceback"]:
                err.print_exception()
            err.print(f"[red]error:[/red] {escape(str(known))}", highlight=False, soft_wrap=True)
            code = known.exit_code
        sys.stdout.flush()
        sys.stderr.flush()
        ctx.exit(code)


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
