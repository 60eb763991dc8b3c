"""Benches prove their work: they end with one line that names the numbers where they did not do what they measure."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent / "bench"
SHARED = {"judged", "pages", "proof", "stacks"}
BENCHES = sorted(path for path in BENCH.glob("*.py") if path.stem not in SHARED)
# Started in one process, so that what they all import is loaded once.
HELP = """
import runpy, sys
for path in sys.argv[1:]:
    sys.argv = [path, "--help"]
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
"""


def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=BENCH, capture_output=True, text=True, check=False)


def proof(call: str) -> subprocess.CompletedProcess[str]:
    """What a bench does that makes this call of ``bench/proof.py``."""
    return python("-c", f"import proof\n{call}\nprint('figures')")


@pytest.mark.parametrize("call", [
    pytest.param("proof.same('first run', pages=8, reads=8)", id="equal counts"),
    pytest.param("proof.some('library', rows_compared=1)", id="something was done"),
    pytest.param("proof.none('second run', reads=0)", id="nothing was done twice"),
    pytest.param("proof.need('pytest', programs=['sh'])", id="all is installed"),
])
def test_a_bench_that_did_what_it_measures_goes_on(call: str) -> None:
    done = proof(call)
    assert (done.returncode, done.stdout, done.stderr) == (0, "figures\n", "")


@pytest.mark.parametrize(("call", "named"), [
    pytest.param("proof.same('first run', pages=1200, reads=0)", ("first run", "pages 1,200", "reads 0"), id="not everything was read"),
    pytest.param("proof.same('first run', pages=0, reads=0)", ("pages 0", "reads 0"), id="equal, but nothing"),
    pytest.param("proof.some('library', rows_compared=0)", ("library", "rows compared 0"), id="nothing was compared"),
    pytest.param("proof.none('second run', reads=3)", ("second run", "reads 3"), id="something was read twice"),
    pytest.param("proof.need('pytest', 'no-such-package')", ("package no-such-package", "scripts/setup.sh dev"), id="a missing package"),
    pytest.param("proof.need(programs=['no-such-tool'])", ("program no-such-tool", "scripts/setup.sh dev"), id="a missing program"),
    pytest.param("import no_such_module.part", ("package no_such_module", "scripts/setup.sh dev"), id="an import that fails"),
    pytest.param(
        "import octavo.model.errors; raise octavo.model.errors.ToolMissing('install it with: apt-get install x')", ("apt-get install x",),
        id="an error of Octavo's with its remedy",
    ),
    pytest.param(
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'raise SystemExit(3)'], check=True)", ("ended with 3",),
        id="a program that it started failed",
    ),
])
def test_a_bench_that_did_something_else_ends_with_one_line_that_names_the_numbers(call: str, named: tuple[str, ...]) -> None:
    done = proof(call)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch("error: .*\n", done.stderr), done.stderr
    assert [part for part in named if part not in done.stderr] == []


def test_a_mistake_in_a_bench_keeps_its_traceback() -> None:
    assert "Traceback" in proof("{}['missing']").stderr
    assert "Traceback" in proof("import octavo.no_such_module").stderr


def test_a_bench_does_not_use_the_stores_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_STATE", "/srv/octavo")
    monkeypatch.setenv("OCTAVO_OCR_PROFILE", "fast")
    done = proof("from octavo.model.settings import Settings; print(Settings(lake='own').state_root, Settings().ocr_profile)")
    assert done.stdout.splitlines()[0] == "own/_octavo fast"


def test_every_bench_says_what_it_measures() -> None:
    done = python("-c", HELP, *BENCHES)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"usage: (\S+)\.py", done.stdout) == [path.stem for path in BENCHES]


@pytest.mark.parametrize("path", BENCHES, ids=[path.stem for path in BENCHES])
def test_every_bench_names_a_missing_package_in_one_line(path: Path) -> None:
    done = python("-S", path)  # without the installed packages
    assert done.returncode != 0
    assert re.fullmatch(r"error: missing: Python package \w+.*; .*scripts/setup\.sh dev.*\n", done.stderr), done.stderr


def test_no_bench_depends_on_the_day_of_today() -> None:
    assert [path.name for path in BENCH.glob("*.py") if re.search(r"\b(today|now|utcnow)\(", path.read_text(encoding="utf-8"))] == []


def test_a_bench_over_nothing_ends_with_an_error() -> None:
    done = python("columns.py", "--pages", "0", "--json")
    said = "error: every kind: pages 0; none of them may be 0, so this measured something else\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
