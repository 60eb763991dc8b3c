"""Ways to run a Molmo model, behind one protocol."""

from __future__ import annotations

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Runtime


def open_runtime(options: RuntimeOptions) -> Runtime:
    """The runtime that the options name; no weights are loaded yet.

    Raises:
        ToolMissing: a library that it needs is not installed.
        SettingsError: the model cannot be found.
    """
    match options.runtime:
        case "openai":
            from octavo.extraction.vlm.runtimes.openai import OpenAI

            return OpenAI(options)
        case "molmo2":
            from octavo.extraction.vlm.runtimes.molmo2 import Molmo2

            return Molmo2(options)
        case "molmo-0924":
            from octavo.extraction.vlm.runtimes.molmo_0924 import Molmo0924

            return Molmo0924(options)
