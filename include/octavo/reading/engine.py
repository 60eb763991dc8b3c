"""Which OCR engine there is, and the key of everything that was read with it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from octavo.model.digest import digest
from octavo.model.errors import SettingsError, ToolMissing
from octavo.model.settings import Settings

# Raise it whenever the same page would be read differently by this package's own code.
READER = 7


# What the models of profile best read, by Tesseract's names: PP-OCRv6 knows the letters of these Latin alphabets, Chinese and
# Japanese. Compared with the models' character list; Vietnamese, Greek, Cyrillic and all others lack letters there.
BEST_LANGUAGES = frozenset((
    "afr", "aze", "bos", "bre", "cat", "ceb", "ces", "chi_sim", "chi_tra", "cos", "cym", "dan", "deu", "eng", "enm", "epo", "est",
    "eus", "fao", "fil", "fin", "fra", "frm", "fry", "gla", "gle", "glg", "hat", "hrv", "hun", "ind", "isl", "ita", "ita_old", "jav",
    "jpn", "kmr", "lat", "lav", "lit", "ltz", "mlt", "mri", "msa", "nld", "nor", "oci", "pol", "por", "que", "ron", "slk", "slv",
    "spa", "spa_old", "sqi", "srp_latn", "sun", "swa", "swe", "tur", "uzb",
))


@dataclass(frozen=True, slots=True)
class Engine:
    """What the words of a page depend on, beside its bytes and the settings: the programs and models by name and version."""

    recogniser: tuple[str, ...]
    models: tuple[tuple[str, str], ...]  # language, sha256; the wheel of ``best`` brings its own
    pdfium: str
    pillow: str
    reader: int = READER


@lru_cache(maxsize=8)
def find(profile: str, languages: str) -> Engine:
    """The engine of this machine.

    Args:
        profile: ``best`` or ``fast``.
        languages: Tesseract's names, joined by ``+``.

    Raises:
        ToolMissing: names the Debian package to install.
        SettingsError: the profile does not read one of the languages.
    """
    wanted = languages.split("+")
    recogniser, models = _rapid_ocr(wanted) if profile == "best" else _tesseract(wanted)
    return Engine(recogniser, models, version("pypdfium2"), version("Pillow"))


def _rapid_ocr(languages: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    unknown = [language for language in languages if language not in BEST_LANGUAGES]
    if unknown:
        raise SettingsError(
            f"OCR profile 'best' does not read {', '.join(unknown)} (it reads Latin letters, Chinese and Japanese); "
            "set OCTAVO_OCR_PROFILE=fast to read with Tesseract, or change OCTAVO_LANGUAGES"
        )
    try:
        return tuple(f"{package} {version(package)}" for package in ("rapidocr", "onnxruntime", "opencv-python-headless")), ()
    except PackageNotFoundError as error:
        raise ToolMissing(
            f"{error.name} is not installed, which OCR profile 'best' reads with; install it with: pip install 'octavo[ocr]', "
            "or set OCTAVO_OCR_PROFILE=fast to read with Tesseract"
        ) from error


def _tesseract(languages: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    program = shutil.which("tesseract")
    if program is None:
        raise ToolMissing("tesseract is not installed; install it with: apt-get install tesseract-ocr")
    with ThreadPoolExecutor(2) as threads:  # each takes Tesseract 20 ms, and nothing else can be done before
        listing, said = threads.map(lambda option: _output(program, option), ("--list-langs", "--version"))
    folder = re.search(r'"(.+)"', listing)
    installed = listing.splitlines()[1:]
    for language in languages:
        if language not in installed:
            package = f"tesseract-ocr-{language.replace('_', '-').lower()}"
            raise ToolMissing(
                f"Tesseract has no language {language!r} (it has {', '.join(installed)}); install it with: apt-get install {package}, "
                "or change OCTAVO_LANGUAGES"
            )
    data = Path(folder[1]) if folder else Path()
    hashes = tuple((language, _sha256(data / f"{language}.traineddata")) for language in languages)
    return (said.splitlines()[0],), hashes


def key(engine: Engine, settings: Settings) -> str:
    """Digest of what the words of a page depend on, beside its bytes."""
    return digest({**asdict(engine), "languages": settings.languages, "page_pixels": settings.limits.page_pixels})


def limits_key(settings: Settings) -> str:
    """Digest of what decides whether a page can be read at all."""
    limits = settings.limits
    return digest({
        "seconds": limits.page_seconds, "document": limits.document_seconds, "bytes": limits.child_bytes, "words": limits.page_words,
    })


def _output(program: str, option: str) -> str:
    done = subprocess.run([program, option], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        said = done.stdout.strip()[:200]
        raise ToolMissing(f"{program} {option} failed: {said}; reinstall it with: apt-get install --reinstall tesseract-ocr")
    return done.stdout


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
