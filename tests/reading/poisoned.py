"""The reading child, with some pages that end it: started as ``python -m tests.reading.poisoned`` in place of the real one.

``POISON`` in the environment says what becomes of pages: ``2:crash,3:hang,4:once`` (``once``: it crashes, and a second child does not).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from octavo.reading import worker
from octavo.storage.children import serve

POISON = {int(page): what for page, _, what in (part.partition(":") for part in os.environ["POISON"].split(","))}
CRASHED = Path(os.environ["POISON_FLAG"])


def handle(request: dict[str, Any]) -> dict[str, Any]:
    for page in request["pages"]:
        what = POISON.get(page["page"])
        if what == "crash" or (what == "once" and not CRASHED.exists()):
            CRASHED.touch()
            os.abort()
        if what == "hang":
            time.sleep(3600)
    return worker.handle(request)


if __name__ == "__main__":
    serve(handle)
