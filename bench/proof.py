"""What all benches share: they prove that they did the work which they measure; not a bench itself.

    proof.same("first run", reads=200, pages=200)    # ends the bench with an error unless all are equal, and not zero
    proof.some("library", rows_compared=12)          # ... unless there is one of each at least
    proof.none("second run", reads=0)                # ... unless there is none of any

Imported before anything that may not be installed, it has Python name a missing package in one line instead of a traceback, and
likewise what an error of Octavo's own says. It puts the repository on Python's path, and takes out of the environment where this
machine's own documents, tables and model are: a bench starts with stores of its own, and what it finds does not depend on them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

REPO = Path(__file__).resolve().parent.parent
INSTALL = "install what benches need with scripts/setup.sh dev, and start them with .venv/bin/python"
NOT_OURS = ("OCTAVO_LANDING", "OCTAVO_LAKE", "OCTAVO_STATE", "OCTAVO_MOLMO_MODEL", "OCTAVO_MOLMO_CONN_ID")
# Errors whose text names the remedy, by module; looked up only where the module has been loaded.
CLEAR_ERRORS = {"octavo.model.errors": "OctavoError", "scripts.stack": "StackError"}


def same(what: str, **counts: float) -> None:
    """End the bench unless all counts are equal and above zero."""
    if len(set(counts.values())) != 1 or not all(count > 0 for count in counts.values()):
        fail(f"{what}: {_listed(counts)}; they have to be equal and more than 0, so this measured something else")


def some(what: str, **counts: float) -> None:
    """End the bench unless every count is above zero."""
    if not all(count > 0 for count in counts.values()):
        fail(f"{what}: {_listed(counts)}; none of them may be 0, so this measured something else")


def none(what: str, **counts: float) -> None:
    """End the bench unless every count is zero."""
    if any(counts.values()):
        fail(f"{what}: {_listed(counts)}; they have to be 0, so this measured something else")


def need(*packages: str, programs: Sequence[str] = ()) -> None:
    """End the bench now, not in the middle, where a package (by its name on PyPI) or a program is missing that it uses later."""
    missing = [f"Python package {name}" for name in packages if not _has_package(name)]
    missing += [f"program {name}" for name in programs if shutil.which(name) is None]
    if missing:
        fail(f"missing: {', '.join(missing)}; {INSTALL}")


def show(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print the figures: one JSON object, or a line for each."""
    print(json.dumps(figures) if as_json else "\n".join(f"{name:24} {value}" for name, value in figures.items()), flush=True)


def fail(text: str) -> NoReturn:
    """End the bench with an error of one line."""
    raise SystemExit(f"error: {text}")


def _listed(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())


def _has_package(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _clear(error: BaseException) -> str | None:
    """What a user can do about an error, in one line; None for one that needs a traceback."""
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package and util.find_spec(package) is None:
            return f"missing: Python package {package}; {INSTALL}"
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr
        sys.stderr.write(said or "")
        return f"a program ended with {error.returncode}: {' '.join(map(str, error.cmd))[:300]}"
    for module, name in CLEAR_ERRORS.items():
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            return str(error)
    return None


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    text = _clear(error)
    if text is None:
        sys.__excepthook__(kind, error, trace)
    else:
        sys.stderr.write(f"error: {text}\n")


sys.excepthook = _tell
sys.path.insert(0, str(REPO))
for _name in NOT_OURS:
    os.environ.pop(_name, None)
