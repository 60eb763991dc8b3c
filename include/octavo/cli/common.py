"""What the commands share: where they print, how they fail, the options that name a model."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from rich.markup import escape
from upath import UPath

from octavo.cli import output
from octavo.model.errors import OctavoError, StoreUnavailable

# What s3fs and its kin make of a server's 5xx after their own tries, beside time-outs; and a disk that is full.
UNANSWERED = {errno.EBUSY, errno.EIO, errno.ENOSPC, errno.EDQUOT}


def unreachable() -> tuple[type[Exception], ...]:
    """What says that a disk or a store cannot be used: ``OSError``, and what S3's client raises beside it where that is loaded."""
    s3 = sys.modules.get("botocore.exceptions")
    return (OSError, s3.ConnectionError, s3.HTTPClientError) if s3 else (OSError,)


class Folder(click.ParamType[Any]):
    """A folder that is there, on a local disk or an object store (``s3://bucket/folder``), as a ``UPath``."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UPath:
        folder = UPath(value)
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


out, err = output.console(), output.console(stderr=True)


def clear_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """End with the error's text and exit code instead of a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except OctavoError as error:
            err.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
            raise SystemExit(error.exit_code) from error
        except unreachable() as error:
            named = isinstance(error, OSError) and not isinstance(error, TimeoutError | ConnectionError)
            if named and error.errno not in UNANSWERED:  # type: ignore[attr-defined]
                raise
            said = f"a disk or an object store did not answer, or is full ({escape(str(error))}); what was done is kept, try again later"
            err.print(f"[red]error:[/red] {said}", highlight=False, soft_wrap=True)
            raise SystemExit(StoreUnavailable.exit_code) from error

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
