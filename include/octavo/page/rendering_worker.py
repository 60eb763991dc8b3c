"""The child of ``rendering``: draws one page. Runs as ``python -m octavo.page.rendering_worker``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from octavo.model.errors import Quarantined, Reason
from octavo.page.rendering import draw
from octavo.storage.children import serve


def handle(request: dict[str, Any]) -> dict[str, Any]:
    """``path``: a file with the page's pixels, RGB, three bytes each, and ``size``: width and height."""
    try:
        page = SimpleNamespace(**request["page"])
        image = draw(Path(request["path"]), request["media_type"], page, request["max_pixels"]).convert("RGB")
    except Quarantined as error:
        return {"reason": error.reason, "detail": error.detail}
    except MemoryError:
        return {"reason": Reason.OUT_OF_MEMORY, "detail": "raise limits.child_bytes"}
    pixels = Path(tempfile.gettempdir()) / "pixels"
    pixels.write_bytes(image.tobytes())
    return {"reason": None, "path": str(pixels), "size": image.size}


if __name__ == "__main__":
    serve(handle)
