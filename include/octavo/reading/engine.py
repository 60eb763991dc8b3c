"""Which OCR engine there is, and the key of everything that was read with it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from octavo.config import Settings
from octavo.errors import ToolMissing
from octavo.storage import digest

# Raise it whenever the same page would be read differently by this package's own code.
READER = 1


@dataclass(frozen=True, slots=True)
class Engine:
    """What the words of a page depend on, beside its bytes and the settings."""

    tesseract: str
    traineddata: tuple[tuple[str, str], ...]  # language, sha256
    pdfium: str
    pillow: str
    reader: int = READER


@lru_cache(maxsize=8)
def find(languages: str) -> Engine:
    """The engine of this machine.

    Args:
        languages: Tesseract's names, joined by ``+``.

    Raises:
        ToolMissing: names the Debian package to install.
    """
    program = shutil.which("tesseract")
    if program is None:
        raise ToolMissing("tesseract is not installed; install it with: apt-get install tesseract-ocr")
    listing = _output(program, "--list-langs")
    folder = re.search(r'"(.+)"', listing)
    installed = listing.splitlines()[1:]
    for language in languages.split("+"):
        if language not in installed:
            package = f"tesseract-ocr-{language.replace('_', '-').lower()}"
            raise ToolMissing(
                f"Tesseract has no language {language!r} (it has {', '.join(installed)}); install it with: apt-get install {package}, "
                "or change OCTAVO_LANGUAGES"
            )
    data = Path(folder[1]) if folder else Path()
    hashes = tuple((language, _sha256(data / f"{language}.traineddata")) for language in languages.split("+"))
    return Engine(_output(program, "--version").splitlines()[0], hashes, version("pypdfium2"), version("Pillow"))


def key(engine: Engine, settings: Settings) -> str:
    """Digest of what the words of a page depend on, beside its bytes."""
    return digest({**asdict(engine), "languages": settings.languages, "page_pixels": settings.limits.page_pixels})


def limits_key(settings: Settings) -> str:
    """Digest of what decides whether a page can be read at all."""
    return digest({"seconds": settings.limits.page_seconds, "bytes": settings.limits.child_bytes})


def _output(program: str, option: str) -> str:
    done = subprocess.run([program, option], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        said = done.stdout.strip()[:200]
        raise ToolMissing(f"{program} {option} failed: {said}; reinstall it with: apt-get install --reinstall tesseract-ocr")
    return done.stdout


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
