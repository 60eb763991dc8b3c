"""Pictures of what a browser shows, and how accessible that is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.conftest import REPO

SIZES = ((1280, 800), (1920, 1080))
SCHEMES = ("light", "dark")
# Where the pictures of a walk are kept; OCTAVO_SCREENSHOTS names another folder, and has those of the other tests taken too.
PICTURES = REPO / "build" / "screenshots"
DRAWN_MS = 150  # until a page stands as it is after its size or theme has changed


def picture(page: Page, name: str, always: bool = False) -> None:
    """A picture of the page as it stands."""
    asked = os.environ.get("OCTAVO_SCREENSHOTS")
    if asked or always:
        folder = Path(asked) if asked else PICTURES
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"ui-{name}.png")


def pictures(page: Page, name: str, always: bool = False) -> None:
    """Pictures at both sizes, light and dark; the page has its first size again afterwards."""
    if always or os.environ.get("OCTAVO_SCREENSHOTS"):
        in_every_look(page, lambda look: picture(page, f"{name}-{look}", always))


def in_every_look(page: Page, see: Callable[[str], None]) -> None:
    """Call ``see`` with the page at both sizes, light and dark."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(DRAWN_MS)
            see(f"{width}-{scheme}")
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    page.emulate_media(color_scheme="light")


def barriers(page: Page) -> list[str]:
    """What axe finds wrong with the page in any look: look, rule and the first place."""
    found: list[str] = []

    def see(look: str) -> None:
        for one in Axe().run(page).response["violations"]:
            found.append(f"{look} {one['id']} ({one['impact']}) at {one['nodes'][0]['target']}: {one['nodes'][0]['html'][:120]}")

    in_every_look(page, see)
    return found
