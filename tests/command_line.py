"""The command line within the test's own process: one of its own first takes seconds to import the gate."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from octavo.cli import main


def octavo(*arguments: object, env: dict[str, str] | None = None) -> Result:
    """How the command ended; what would be a traceback is raised."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env, catch_exceptions=False)


def summary(result: Result) -> dict[str, Any]:
    """The JSON object that ends a successful command's output."""
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return said
