"""Writes the lock files: ``python scripts/lock.py``, with pip 25 or newer and uv under Python 3.11 on Linux.

Resolves each requirements file without installing anything. The core's versions hold in all of
them, so that a test run and a model run use the same pipeline. Each version has the sha256 of its files for every platform.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# requirements files → lock file; each lock binds the ones after it.
LOCKS = (
    (("requirements-core.txt",), "requirements-core.lock"),
    (("requirements.txt",), "requirements.lock"),
    (("requirements.txt", "requirements-dev.txt"), "requirements-dev.lock"),
)
HEADER = """# Every version that `pip install {options}` takes, for Python 3.11 on 64-bit Linux.
# So that nothing but these very files is installed: pip install --require-hashes --no-deps -r {name}. scripts/setup.sh takes
# the versions alone, as constraints. Made by scripts/lock.py; do not edit.
"""


def resolve(files: tuple[str, ...], constraints: Path | None) -> dict[str, str]:
    """Name → version of all packages that the files need."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
        for file in files:
            command += ["-r", str(ROOT / file)]
        if constraints:  # without the hashes, which pip takes of requirements alone
            pinned = Path(folder) / "constraints.txt"
            versions = re.findall(r"^[\w.-]+==[^\s;]+", constraints.read_text(encoding="utf-8"), re.MULTILINE)
            pinned.write_text("\n".join(versions), encoding="utf-8")
            command += ["-c", str(pinned)]
        subprocess.run(command, check=True)
        packages = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {package["metadata"]["name"].lower().replace("_", "-").replace(".", "-"): package["metadata"]["version"] for package in packages}


def hashed(versions: dict[str, str]) -> str:
    """The lines of a lock: each package with its version and the hashes of its files."""
    with tempfile.TemporaryDirectory() as folder:
        pinned, locked = Path(folder) / "pinned.in", Path(folder) / "locked.txt"
        pinned.write_text("".join(f"{package}=={version}\n" for package, version in sorted(versions.items())), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--universal", "--python-version", "3.11",
                   "--no-deps", "--generate-hashes", "--no-header", "--no-annotate", "--output-file", str(locked), str(pinned)]
        subprocess.run(command, check=True)
        return locked.read_text(encoding="utf-8")


def main() -> None:
    before: Path | None = None
    for files, name in LOCKS:
        options = " ".join(f"-r {file}" for file in files)
        versions = resolve(files, before)
        (ROOT / name).write_text(HEADER.format(options=options, name=name) + hashed(versions), encoding="utf-8")
        sys.stdout.write(f"{name}: {len(versions)} packages\n")
        before = ROOT / name


if __name__ == "__main__":
    main()
