"""The mutations that show what the tests notice: each applies to the code as it is, and the script that tries them tells the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations import run

ROOT = Path(__file__).resolve().parent.parent
MUTATIONS = run.load(run.HERE)
# Fails where the value of a checkout of its own is another one.
CHECK = "Check: python -c 'import octavo; exit(octavo.VALUE - 1)'\n"


@pytest.mark.parametrize("mutation", [pytest.param(mutation, id=mutation.name) for mutation in MUTATIONS])
def test_a_mutation_applies_and_names_tests_that_are_there(mutation: run.Mutation) -> None:
    assert run.applies(mutation, ROOT) == ""
    assert [path for path in mutation.tests if not (ROOT / path.partition("::")[0]).exists()] == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own with mutations of all kinds."""
    hunk = "--- a/include/octavo/__init__.py\n+++ b/include/octavo/__init__.py\n@@ -1,2 +1,2 @@\n"
    breaks, leaves = f"{hunk}-VALUE = 1\n+VALUE = 2\n OTHER = 1\n", f"{hunk} VALUE = 1\n-OTHER = 1\n+OTHER = 2\n"
    mutations = {
        "by_a_test": f"Tests: tests\n{breaks}", "by_a_check": CHECK + breaks, "survivor": CHECK + leaves,
        "stale": CHECK + breaks.replace("VALUE = 1", "VALUE = 3"), "lost": f"Tests: tests/test_gone.py\n{breaks}",
    }
    files = {
        "include/octavo/__init__.py": "VALUE = 1\nOTHER = 1\n",
        "tests/test_value.py": "import octavo\n\n\ndef test_the_value():\n    assert octavo.VALUE == 1\n",
        **{f"tests/mutations/{name}.patch": f"Promise: It holds.\n{text}" for name, text in mutations.items()},
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for command in ("init", "add ."):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def tried(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, run.__file__, "--repo", checkout, *arguments], capture_output=True, text=True, check=False)


def test_a_survivor_and_a_patch_that_does_not_apply_are_told_and_fail(checkout: Path) -> None:
    done = tried(checkout, "--json", "--skip-clean")
    assert done.returncode == 1, done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert {name: one["state"] for name, one in found.items()} == {
        "by_a_test": "noticed", "by_a_check": "noticed", "survivor": "survived", "stale": "unusable", "lost": "unusable",
    }
    assert found["by_a_test"]["failing"] == {"tests/test_value.py::test_the_value": 1}
    assert list(found["by_a_check"]["failing"]) == [CHECK.removeprefix("Check: ").strip()]
    assert "does not apply any more" in found["stale"]["why"]
    assert "tests/test_gone.py" in found["lost"]["why"]


def test_what_is_noticed_is_a_table_but_nothing_is_that_fails_without_a_mutation(checkout: Path) -> None:
    done = tried(checkout, "--only", "by_a_check")
    assert done.returncode == 0, done.stderr
    assert "| by_a_check | It holds. | **1**: `python -c" in done.stdout
    (checkout / "include/octavo/__init__.py").write_text("VALUE = 2\nOTHER = 1\n")
    done = tried(checkout, "--only", "survivor")
    assert (done.returncode, done.stdout) == (1, "")
    assert "these fail without a mutation" in done.stderr
