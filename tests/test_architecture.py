"""The rooms of the house: what may import what, and what must not be in shipped code."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CORE = ROOT / "include" / "octavo"
SHIPPED = [*CORE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py"), *(ROOT / "dags").rglob("*.py")]
STAGES = ("ingest", "reading", "chunking", "extraction", "merging", "publishing")
ROOMS = (*STAGES, "model", "storage", "page", "workflows", "views", "cli")
HEAVY = ("torch", "transformers", "great_expectations", "pandas", "pytesseract", "pyarrow", "cv2", "onnxruntime", "rapidocr")


def name_of(path: Path) -> str:
    parts = path.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_after(code: str, **environment: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after ``code``."""
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"]
    settings = {**os.environ, "PYTHONPATH": "", **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=settings)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def imports(path: Path) -> set[str]:
    """Full names of what a module imports, at its top or within functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name_of(path).split(".")[: -node.level if path.name != "__init__.py" else (1 - node.level) or None]
                base = ".".join([*package, *([base] if base else [])])
            found.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
    return found


def test_the_whole_core_imports_without_airflow() -> None:
    names = sorted(name_of(path) for path in CORE.rglob("*.py") if path.name != "__main__.py")
    assert len(names) > 20
    loaded = modules_after(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert "octavo" in loaded
    assert not {"airflow", "octavo_airflow"} & loaded


@pytest.mark.parametrize(
    "module", [pytest.param("octavo.model.contracts", id="contracts"), pytest.param("octavo.model.settings", id="settings")]
)
def test_what_the_dag_file_needs_loads_nothing_heavy(module: str) -> None:
    loaded = modules_after(f"import {module}")
    assert "pydantic" in loaded
    assert loaded & set(HEAVY) == set()


def test_a_child_that_reads_images_starts_without_what_only_pdfs_and_other_stages_need() -> None:
    loaded = modules_after("import octavo.reading.worker, octavo.reading.tesseract")
    assert {"PIL", "pytesseract"} <= loaded
    assert loaded & {"pypdfium2", "cv2", "pyarrow", "pydantic", "pandas", "onnxruntime"} == set()


def test_parsing_the_dag_file_loads_nothing_heavy(tmp_path: Path) -> None:
    files = [str(path) for path in (ROOT / "dags").glob("*.py")]
    assert files
    loaded = modules_after(f"import runpy\nfor path in {files!r}: runpy.run_path(path)", AIRFLOW_HOME=str(tmp_path))
    assert {"airflow", "octavo", "octavo_airflow"} <= loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_other_stage(stage: str) -> None:
    others = tuple(f"octavo.{other}" for other in STAGES if other != stage)
    found = {name for path in (CORE / stage).rglob("*.py") for name in imports(path)}
    assert sorted(name for name in found if name.startswith(others) and name.split(".")[1] in STAGES) == []


def test_the_house_has_twelve_rooms_and_nothing_beside_them() -> None:
    assert {path.name for path in CORE.iterdir()} - {"__pycache__"} == {"__init__.py", "__main__.py", *ROOMS}


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "cli"])
def test_a_room_says_what_it_is_for_and_loads_nothing(room: str) -> None:
    """What the DAG file and the reading children load must stay light, and importing a room must not load all of it."""
    tree = ast.parse((CORE / room / "__init__.py").read_text(encoding="utf-8"))
    assert len((ast.get_docstring(tree) or "").splitlines()) == 3
    assert len(tree.body) == 1


def test_the_layers_name_every_room() -> None:
    """A room that the layers in pyproject.toml do not name would be held by nothing."""
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][1]["layers"]
    named = [name.strip() for layer in layers for name in layer.split("|")]
    assert sorted(named) == sorted([*ROOMS, "__main__"])


def test_import_linter_keeps_the_layers() -> None:
    done = subprocess.run([BIN / "lint-imports", "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_plugins_and_dags_import_airflow() -> None:
    assert [str(path) for path in CORE.rglob("*.py") if any(name.split(".")[0] == "airflow" for name in imports(path))] == []


def test_the_core_has_one_name() -> None:
    """``include.octavo`` would load every class a second time."""
    files = [*SHIPPED, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py"), *(ROOT / "samples").rglob("*.py")]
    ours = [path for path in files if "data" not in path.relative_to(ROOT).parts]  # tests/data: code as a model would bring it
    assert [str(path) for path in ours if any(name.split(".")[0] in ("include", "plugins") for name in imports(path))] == []


def test_shipped_code_has_no_print_assert_blanket_except_or_root_logger() -> None:
    folders = ["include", "plugins", "dags"]
    rules = "T20,S101,BLE001,E722,LOG,G"
    done = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--select", rules, "--ignore-noqa", "--output-format", "concise", *folders],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_would_be_noticed_if_they_were_broken(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text('import logging\nassert logging\nprint(1)\nlogging.info("root")\ntry:\n    pass\nexcept Exception:\n    pass\n')
    options = ["--no-cache", "--config", ROOT / "pyproject.toml", "--select", "T20,S101,BLE001,LOG", "--output-format", "concise"]
    command = [BIN / "ruff", "check", *options, bad]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert all(rule in done.stdout for rule in ("T201", "S101", "BLE001", "LOG015"))


def test_a_class_has_a_name_of_its_own() -> None:
    """A name that stands for several things has to be looked up each time."""
    nodes = [node for path in SHIPPED for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    classes = [node.name for node in nodes if isinstance(node, ast.ClassDef)]
    assert sorted(name for name, times in Counter(classes).items() if times > 1) == []


def test_every_module_says_what_it_is() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in SHIPPED}
    assert [str(path) for path, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))] == []
