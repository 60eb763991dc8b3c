"""The rooms of the house, and what the core and its children start without.

import-linter holds the order of the rooms, ruff what may stand in shipped code (``make check``).
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "include" / "octavo"
STAGES = ("ingest", "reading", "chunking", "extraction", "merging", "publishing")
ROOMS = (*STAGES, "model", "storage", "page", "workflows", "views", "cli")


def name_of(path: Path) -> str:
    parts = path.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_after(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after ``code``."""
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"]
    settings = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=settings)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_the_whole_core_imports_without_airflow() -> None:
    names = sorted(name_of(path) for path in CORE.rglob("*.py") if path.name != "__main__.py")
    assert len(names) > 20
    loaded = modules_after(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert "octavo" in loaded
    assert not {"airflow", "octavo_airflow"} & loaded


def test_a_child_that_reads_images_starts_without_what_only_pdfs_and_other_stages_need() -> None:
    loaded = modules_after("import octavo.reading.worker, octavo.reading.tesseract")
    assert {"PIL", "pytesseract"} <= loaded
    assert loaded & {"pypdfium2", "cv2", "pyarrow", "pydantic", "pandas", "onnxruntime"} == set()


def test_the_house_has_twelve_rooms_and_nothing_beside_them() -> None:
    assert {path.name for path in CORE.iterdir()} - {"__pycache__"} == {"__init__.py", "__main__.py", *ROOMS}


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "cli"])
def test_a_room_says_what_it_is_for_and_loads_nothing(room: str) -> None:
    """What the DAG file and the reading children load must stay light, and importing a room must not load all of it."""
    tree = ast.parse((CORE / room / "__init__.py").read_text(encoding="utf-8"))
    assert len((ast.get_docstring(tree) or "").splitlines()) == 3
    assert len(tree.body) == 1


def test_a_class_has_a_name_of_its_own() -> None:
    """A name that stands for several things has to be looked up each time."""
    shipped = [path for folder in (CORE, ROOT / "plugins", ROOT / "dags") for path in folder.rglob("*.py")]
    nodes = [node for path in shipped for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    classes = [node.name for node in nodes if isinstance(node, ast.ClassDef)]
    assert sorted(name for name, times in Counter(classes).items() if times > 1) == []
