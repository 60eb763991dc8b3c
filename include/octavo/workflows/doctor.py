"""Whether a machine has what a run needs; what is missing comes with its remedy.

Airflow's part is found by the entry point ``octavo.checks``: the core knows nothing of Airflow.
"""

from __future__ import annotations

import datetime as dt
import difflib
import importlib.util
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points, version

import psutil
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.trial import try_endpoint
from octavo.model import contracts
from octavo.model.errors import OctavoError
from octavo.model.settings import PDF_PASSWORDS, Limits, Settings
from octavo.reading import engine
from octavo.storage import fs

GROUP = "octavo.checks"
READING_BYTES = 1 << 30   # of a process that reads with profile best; measured: docs/scale.md
NEARLY = 0.88             # of 1: how alike a variable's name and a setting's are where one was meant
MOST_SKEW_SECONDS = 60.0  # between this clock and the store's


class Health(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # a run works, with less or later than it could
    PROBLEM = "problem"  # a run would fail


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``remedy`` is empty where all is well."""

    name: str
    state: Health
    said: str
    remedy: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check's findings, Airflow's first where it is installed."""
    found: list[Check] = [entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
    for check in (*found, _variables, _contracts, _packages, _reading, _landing, _lake, _memory, _model):
        yield from check(settings)


def _variables(settings: Settings) -> Iterator[Finding]:
    """Variables that are nearly a setting's: nobody reads them."""
    models = (Settings, Limits, vlm.RuntimeOptions)
    known = {f"{model.model_config['env_prefix']}{name}".upper() for model in models for name in model.model_fields}
    known |= {PDF_PASSWORDS, f"{PDF_PASSWORDS}_CONN_ID"}
    for name in sorted(name for name in os.environ if name.startswith("OCTAVO_") and name not in known):
        if meant := difflib.get_close_matches(name, known, 1, NEARLY):
            yield Finding("settings", Health.WARNING, f"nothing reads {name}", f"{meant[0]} is a setting; see docs/settings.md")


def _contracts(settings: Settings) -> Iterator[Finding]:
    sound, errors = contracts.load_valid(settings.contracts)
    for error in errors:
        yield Finding("contracts", Health.WARNING, str(error), "mend the file; its DAG is not there, all others are")
    if sound:
        yield Finding("contracts", Health.OK, f"{settings.contracts}: {', '.join(one.name for one in sound)}")
    else:
        yield Finding("contracts", Health.PROBLEM, f"{settings.contracts} has no sound contract", "octavo init, or set OCTAVO_CONTRACTS")


def _packages(settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("great_expectations") is None:
        yield Finding("gate", Health.PROBLEM, "Great Expectations is not installed", "pip install 'octavo[gate]'")
    else:
        yield Finding("gate", Health.OK, f"Great Expectations {version('great-expectations')}")


def _reading(settings: Settings) -> Iterator[Finding]:
    try:
        found = engine.find(settings.ocr_profile, settings.languages)
    except OctavoError as error:
        said, _, remedy = str(error).partition("; ")
        yield Finding("reading", Health.PROBLEM, said, remedy or "see docs/reading.md")
    else:
        yield Finding("reading", Health.OK, f"{', '.join(found.recogniser)}, languages {settings.languages}, PDFium {found.pdfium}")


def _landing(settings: Settings) -> Iterator[Finding]:
    folder = UPath(settings.landing)
    try:
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else None
    except OSError as error:
        yield Finding("landing", Health.PROBLEM, f"{folder} cannot be listed: {error}", "let this user read it")
        return
    if names is None:
        yield Finding("landing", Health.WARNING, f"{folder} is not there", "make it, or set OCTAVO_LANDING")
    else:
        yield Finding("landing", Health.OK, f"{folder}: {', '.join(names[:10]) or 'empty'}")


def _lake(settings: Settings) -> Iterator[Finding]:
    """Writes, reads and removes a small file where the stores are, on the terms on which runs hold their locks."""
    for name, root in {"lake": UPath(settings.lake), "state": settings.state_root}.items():
        probe = root / "_doctor" / uuid.uuid4().hex
        try:
            first, second = fs.create(probe, b"octavo"), fs.create(probe, b"another")
            written = next(fs.files_under(probe.parent), None)
            kept = probe.read_bytes()
            fs.remove_tree(probe.parent)
        except OSError as error:
            remedy = f"let this user write there, or set OCTAVO_{name.upper()}"
            yield Finding(name, Health.PROBLEM, f"{root} cannot be written: {error}", remedy)
            continue
        if (first, second, kept) != (True, False, b"octavo"):
            yield Finding(
                name, Health.PROBLEM, f"{root} overwrites a file that must only be made where there is none",
                "use a store with conditional puts: two runs could publish a day at once",
            )
            continue
        skew = abs((dt.datetime.now(dt.UTC) - written.changed).total_seconds()) if written and written.changed else 0.0
        if skew > MOST_SKEW_SECONDS:
            yield Finding("clock", Health.WARNING, f"this clock and that of {root} are {skew:.0f} s apart", "set both by NTP")
        yield Finding(name, Health.OK, f"{root} is written, read and locked")


def _memory(settings: Settings) -> Iterator[Finding]:
    free, need = psutil.virtual_memory().available, settings.processes * READING_BYTES
    said = f"{free >> 20} MiB free, {settings.processes} processes read"
    if settings.ocr_profile == "best" and free < need:
        least = max(1, free // READING_BYTES)
        yield Finding("memory", Health.WARNING, said, f"a process may take 1 GiB; set OCTAVO_PROCESSES={least}, or OCTAVO_OCR_PROFILE=fast")
    else:
        yield Finding("memory", Health.OK, said)


def _model(settings: Settings) -> Iterator[Finding]:
    if not settings.molmo_model:
        yield Finding("model", Health.OK, "none is configured: extraction by layout alone")
        return
    try:
        options = vlm.configure()
        yield Finding("model", Health.OK, try_endpoint(options))
    except OctavoError as error:
        yield Finding("model", Health.PROBLEM, str(error), "see docs/molmo.md")
        return
    if options.runtime != "openai":
        yield from _card()


def _card() -> Iterator[Finding]:
    missing = [name for name in ("torch", "torchvision", "transformers", "xgrammar") if importlib.util.find_spec(name) is None]
    if missing:
        said = f"{', '.join(missing)} are not installed"
        yield Finding("model", Health.PROBLEM, said, "pip install 'octavo[molmo]', or use runtime openai")
    ask = ["nvidia-smi", "--query-gpu=name,memory.free", "--format=csv,noheader"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        said = "the NVIDIA driver lists none on this machine"
        yield Finding("GPU", Health.WARNING, said, "run the model's tasks where there is one (docs/molmo.md)")
    else:
        yield Finding("GPU", Health.OK, "; ".join(done.stdout.splitlines()))
