#!/usr/bin/env python3
"""Break promises on purpose, one at a time, and tell which tests notice.

    .venv/bin/python tests/mutations/run.py [--only NAME]... [--repo DIR] [--json]

Each NAME.patch beside this file breaks one promise that a user relies on. Its first lines say which, and where it is to be noticed:

    Promise: A value that the page does not say is never accepted.
    Tests: tests/merging
    Check: lint-imports --no-cache

`Tests` are paths for pytest. `Check` is a command of the environment that must fail; there may be several, or none. Each patch
is applied to a copy of the checkout's tracked files, with an environment that imports that copy. All tests and checks run once
without any patch before: one that fails then notices nothing.

Ends with 0 if every broken promise was noticed; with 1 if one was not, if a patch does not apply, or if tests could not run.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
SOURCES = ("include", "plugins")    # what the checkout's package is installed from
TEST_SECONDS = 300                  # of a test that names no timeout of its own: a broken promise may make it hang
SHOWN_TESTS = 6                     # names in a row of the table
NOTICED, SURVIVED, UNUSABLE = "noticed", "survived", "unusable"
# Asks an interpreter for the folders that it imports from.
PLACES = "import json, sys, sysconfig; print(json.dumps([sys.path, sysconfig.get_path('stdlib'), sysconfig.get_path('scripts')]))"


class Unusable(Exception):
    """A mutation, or the suite, tells nothing as it is; the text says why."""


@dataclass(frozen=True)
class Mutation:
    """One broken promise. ``tests`` are paths for pytest, ``checks`` command lines."""

    name: str
    patch: Path
    promise: str
    tests: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass
class Outcome:
    """What came of a mutation: ``failing`` has each failing test and check with the number of its failing cases."""

    name: str
    promise: str
    state: str
    failing: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    why: str = ""


def load(folder: Path) -> list[Mutation]:
    """The mutations of a folder, by name.

    Raises:
        Unusable: one does not say what it breaks or where that is to be noticed.
    """
    found = []
    for patch in sorted(folder.glob("*.patch")):
        said: dict[str, list[str]] = {}
        for line in patch.read_text(encoding="utf-8").splitlines():
            if line.startswith(("diff ", "--- ")):
                break
            name, _, value = line.partition(":")
            said.setdefault(name, []).append(value.strip())
        tests = tuple(path for value in said.get("Tests", ()) for path in value.split())
        mutation = Mutation(patch.stem, patch, " ".join(said.get("Promise", ())), tests, tuple(said.get("Check", ())))
        if not mutation.promise or not (mutation.tests or mutation.checks):
            raise Unusable(f"{patch} must begin with a line 'Promise: …' and a line 'Tests: …' or 'Check: …'")
        found.append(mutation)
    return found


def applies(mutation: Mutation, repo: Path) -> str:
    """Why the patch does not apply to a checkout; empty if it does."""
    done = subprocess.run(["git", "apply", "--check", mutation.patch], cwd=repo, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"the patch does not apply any more; bring it to the code as it is now: {' '.join(done.stderr.split())}"


@contextmanager
def copied(repo: Path) -> Iterator[Path]:
    """A copy of the tracked files of ``repo``, as they lie there, with an environment of its own in ``.venv``; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="octavo-mutation-") as name:
        copy = Path(name).resolve() / "checkout"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=repo, capture_output=True, text=True, check=True).stdout
        for file in filter(None, listed.split("\0")):
            if os.path.lexists(repo / file):
                (copy / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(repo / file, copy / file, follow_symlinks=False)
        subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)  # some tests ask Git what it ignores
        _make_environment(repo, copy)
        yield copy


def _make_environment(repo: Path, copy: Path) -> None:
    """A ``.venv`` with all packages of the environment of ``repo``, but with the code of ``copy``.

    Packages are shared by path, so nothing is installed and no hook of an editable install runs. Programs are copied: they name
    their interpreter.
    """
    own = repo / ".venv"
    python = own / "bin" / "python" if (own / "bin" / "python").exists() else Path(sys.executable)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    asked = subprocess.run([python, "-I", "-c", PLACES], env=clean, cwd="/", capture_output=True, text=True, check=True).stdout
    path, standard, programs = json.loads(asked)
    packages = [
        place for place in path if Path(place).is_dir()
        and not _is_below(place, Path(standard), besides="site-packages") and not _is_below(place, repo, besides=".venv")
    ]
    subprocess.run([python, "-m", "venv", "--without-pip", copy / ".venv"], env=clean, check=True)
    [site] = (copy / ".venv" / "lib").glob("python*/site-packages")
    sources = [str(copy / name) for name in SOURCES if (copy / name).is_dir()]
    (site / "checkout.pth").write_text("".join(f"{place}\n" for place in [*sources, *packages]), encoding="utf-8")
    for program in Path(programs).iterdir():
        target = copy / ".venv" / "bin" / program.name
        if not program.is_file() or target.exists():
            continue
        with program.open("rb") as stream:
            is_script = stream.read(2) == b"#!"
        if is_script:
            target.write_bytes(program.read_bytes().replace(programs.encode(), str(target.parent).encode()))
            target.chmod(0o755)
        else:
            target.symlink_to(program.resolve())


def _is_below(place: str, folder: Path, besides: str) -> bool:
    """Whether ``place`` lies in ``folder``, but not in its part ``besides``."""
    path = Path(place)
    return path.is_relative_to(folder) and besides not in path.relative_to(folder).parts


def failing(copy: Path, tests: Sequence[str], checks: Sequence[str]) -> Counter[str]:
    """The tests and checks that fail in a copy, each with the number of its cases.

    Raises:
        Unusable: tests could not be collected, or a check is no program of the environment.
    """
    programs = copy / ".venv" / "bin"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment |= {"PATH": f"{programs}{os.pathsep}{environment.get('PATH', os.defpath)}", "VIRTUAL_ENV": str(copy / ".venv")}
    found: Counter[str] = Counter()
    for check in checks:
        program, *arguments = shlex.split(check)
        if not (programs / program).exists():
            raise Unusable(f"the environment has no program {program}")
        done = subprocess.run([programs / program, *arguments], cwd=copy, env=environment, capture_output=True, check=False)
        if done.returncode:
            found[check] += 1
    if tests:
        missing = [path for path in tests if not (copy / path.partition("::")[0]).exists()]
        if missing:
            raise Unusable(f"there is no {', '.join(missing)}; name the tests that hold the promise now")
        report = copy.parent / "report.xml"
        options = ["-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={report}", f"--timeout={TEST_SECONDS}"]
        command = [programs / "python", "-m", "pytest", *options, *tests]
        done = subprocess.run(command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode not in (0, 1):
            raise Unusable(f"pytest ended with {done.returncode}: {done.stdout[-2000:].strip()}")
        found += _failing_tests(report)
    return found


def _failing_tests(report: Path) -> Counter[str]:
    """The functions that failed, by file and name, from a report in JUnit's form."""
    found: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            found[f"{case.get('file')}::{(case.get('name') or '').partition('[')[0]}"] += 1
    return found


def try_out(mutation: Mutation, repo: Path) -> Outcome:
    """Apply a mutation to a copy and run what is to notice it."""
    started = time.monotonic()
    outcome = Outcome(mutation.name, mutation.promise, UNUSABLE, why=applies(mutation, repo))
    if outcome.why:
        return outcome
    with copied(repo) as copy:
        subprocess.run(["git", "apply", mutation.patch], cwd=copy, check=True)
        try:
            outcome.failing = dict(sorted(failing(copy, mutation.tests, mutation.checks).items()))
        except Unusable as error:
            outcome.why = str(error)
        else:
            outcome.state = NOTICED if outcome.failing else SURVIVED
    outcome.seconds = round(time.monotonic() - started, 1)
    return outcome


def failing_without(mutations: Sequence[Mutation], repo: Path) -> Counter[str]:
    """What fails though nothing is broken."""
    tests = dict.fromkeys(path for mutation in mutations for path in mutation.tests)
    checks = dict.fromkeys(check for mutation in mutations for check in mutation.checks)
    with copied(repo) as copy:
        return failing(copy, list(tests), list(checks))


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a table in Markdown."""
    lines = ["| mutation | promise that it breaks | noticed by | seconds |", "| --- | --- | --- | ---: |"]
    for one in outcomes:
        names = [f"`{name.removeprefix('tests/')}`" + (f" ({count} cases)" if count > 1 else "") for name, count in one.failing.items()]
        more = [f"{len(names) - SHOWN_TESTS} more"] if len(names) > SHOWN_TESTS else []
        noticed = {
            NOTICED: f"**{len(names)}**: {', '.join([*names[:SHOWN_TESTS], *more])}", SURVIVED: "**nothing: it survived**",
            UNUSABLE: f"**unusable**: {' '.join(one.why.split())}",
        }[one.state]
        lines.append(f"| {one.name} | {one.promise} | {noticed.replace('|', '/')} | {one.seconds:.0f} |")
    return "\n".join(lines) + "\n"


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="only this mutation; may be given several times")
    parser.add_argument("--repo", type=Path, default=REPO, metavar="DIR",
                        help="the checkout whose code and tests are tried, with its own tests/mutations if it has them (default: this one)")
    parser.add_argument("--skip-clean", action="store_true", help="trust that everything passes without a mutation")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args(arguments)
    repo = args.repo.resolve()
    own = repo / "tests" / "mutations"
    try:
        mutations = load(own if any(own.glob("*.patch")) else HERE)
        unknown = set(args.only or ()) - {mutation.name for mutation in mutations}
        if unknown:
            raise Unusable(f"there is no mutation {', '.join(sorted(unknown))}")
        mutations = [mutation for mutation in mutations if not args.only or mutation.name in args.only]
        if not args.skip_clean:
            say("without a mutation …")
            if broken := failing_without(mutations, repo):
                raise Unusable(f"these fail without a mutation, so they would notice nothing: {', '.join(sorted(broken))}")
    except Unusable as error:
        say(f"error: {error}")
        return 1
    outcomes = []
    for mutation in mutations:
        outcomes.append(outcome := try_out(mutation, repo))
        say(f"{outcome.name}: {outcome.state}, {len(outcome.failing)} tests and checks fail, {outcome.seconds:.0f} s {outcome.why}")
    sys.stdout.write(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n" if args.json else table(outcomes))
    return 0 if all(one.state == NOTICED for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
