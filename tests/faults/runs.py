"""Seeded runs of a day on which something falls, and whether the promises held: the driver of the command line's road."""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import fsspec
from upath import UPath

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo.storage import fs as storage
from octavo.storage.fs import UNFINISHED
from samples import make
from tests import days
from tests.documents import make_zip
from tests.faults import processes, reader
from tests.faults.attempts import FILLER, STAGES, Blow, Day, Ended, attempt
from tests.object_store import ENVIRONMENT, server

DAY = dt.date(2026, 3, 2)
CONTRACT = "receipt"
TARGETS = (*STAGES, "child", "disk", "store")
ATTEMPTS = 4          # until the day has to be published
DISK_MEGABYTES = 64
BY_THE_CLOCK = 0.3    # share of kills at a moment, not before an operation on a file
AGAIN = 0.25          # share of runs after which the day is run once more, which must read nothing and change nothing
BUCKET = "octavo"


@dataclass
class Verdict:
    """What became of one run. ``problems`` says what each count counts."""

    run: int
    seed: int
    driver: str
    target: str
    kills: int = 0
    attempts: int = 0
    lost: int = 0
    duplicated: int = 0
    mixtures: int = 0
    byte_differences: int = 0
    looks: int = 0
    problems: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Template:
    """A set of documents, and what undisturbed runs make of it from an empty lake and from one that has half of it published."""

    folder: Path
    before: Path
    old: dict[str, str]
    new: dict[str, str]
    undisturbed: dict[bool, Ended]
    documents: int
    pages: int


class Bench:
    """Makes sets of documents under ``root``, once, and runs days of them."""

    def __init__(self, root: Path, seed: int, sets: int) -> None:
        from octavo.publishing import expectations  # noqa: F401 - takes seconds, which each fork would spend
        self._root, self._seed = root, seed
        self._environment = {"OCTAVO_OCR_PROFILE": "fast", "OCTAVO_PROCESSES": "1", "OCTAVO_SHARD_PAGES": "4"}
        self._contract = contracts.find(CONTRACT, Settings().contracts)
        self._templates = [processes.apart(self._make, number) for number in range(sets)]

    def run(self, number: int, target: str | None = None) -> Verdict:
        """Run number ``number``: the same seed and number always make the same choices."""
        target = target or TARGETS[number % len(TARGETS)]
        found: Verdict = processes.apart(self._run, number, target)
        return found

    def _make(self, number: int) -> Template:
        folder = self._root / f"set{number}" / "landing" / CONTRACT / f"{DAY:%Y/%m/%d}"
        chance = random.Random(f"{self._seed}/set {number}")
        documents = list(make.history(DAY, 1, chance.randint(5, 7), 1, self._seed + number))
        folder.mkdir(parents=True)
        half, rest = documents[::2], documents[1::2]
        for sample in half:
            (folder / sample.name).write_bytes(sample.data)
        (folder / "cut.pdf").write_bytes(documents[-1].data[:200])
        base = self._root / f"set{number}"
        before = self._day(base / "before", folder)
        _undisturbed(before, base / "scratch")
        old = days.digests(before.lake, CONTRACT, DAY)
        *rest, packed, twin = rest[:1] + rest
        for sample in rest:
            (folder / sample.name).write_bytes(sample.data)
        (folder / f"again_{twin.name}").write_bytes(half[0].data)
        make_zip(folder / "more.zip", {packed.name: packed.data, twin.name: twin.data})
        again = self._day(base / "again", folder)
        shutil.copytree(before.lake, again.lake)
        full = self._day(base / "full", folder)
        undisturbed = {True: _undisturbed(again, base / "scratch"), False: _undisturbed(full, base / "scratch")}
        new = days.digests(full.lake, CONTRACT, DAY)
        if days.digests(again.lake, CONTRACT, DAY) != new:
            raise RuntimeError("an undisturbed run from a lake with half of the documents gave other bytes than one from an empty lake")
        rows = storage.read_table(days.file(full.lake, "documents", CONTRACT, DAY), ["pages"])["pages"].to_pylist()
        shutil.rmtree(again.lake)
        shutil.rmtree(full.lake)
        return Template(folder, Path(before.lake), old, new, undisturbed, len(rows), sum(rows))

    def _day(self, lake: str | Path, folder: Path, **environment: str) -> Day:
        return Day(CONTRACT, folder, DAY, str(lake), {**self._environment, **environment})

    def _run(self, number: int, target: str) -> Verdict:
        chance = random.Random(f"{self._seed}/{number}")
        template = self._templates[chance.randrange(len(self._templates))]
        half = chance.random() < 0.5
        place = self._root / f"run{number}"
        verdict = Verdict(number, self._seed, "command line", target)
        blow = _blow(target, template.undisturbed[half], chance)
        with _lake(place, target, template.before if half else None) as (lake, environment, store):
            day = self._day(lake, template.folder, **environment)
            with reader.watching(lake, self._contract, DAY, day.environment) as seen:
                self._until_published(day, place, blow, store, verdict, template)
            known = [template.old, template.new] if half else [template.new]
            verdict.looks, verdict.mixtures = seen[0].looks, seen[0].mixtures(known)
            processes.apart(_judge, day, template).apply(verdict)
            if not verdict.problems and chance.random() < AGAIN:
                again = attempt(day, place / "scratch")
                if again.reads or not again.published:
                    verdict.duplicated += again.reads
                    verdict.problems.append(f"run again: {again.reads} pages read anew, {again.error or 'published'}")
                processes.apart(_judge, day, template).apply(verdict)
        shutil.rmtree(place, ignore_errors=True)
        return verdict

    def _until_published(
        self, day: Day, place: Path, blow: Blow, store: Callable[[str], None] | None, verdict: Verdict, template: Template,
    ) -> None:
        kept = processes.apart(_kept_pages, day)
        for turn in range(ATTEMPTS):
            ended = attempt(day, place / "scratch", None if turn else blow, store)
            verdict.attempts += 1
            verdict.kills += ended.struck
            if blow.what == "disk":
                (Path(day.lake) / FILLER).unlink(missing_ok=True)
            if store is not None:
                store("up")
            if ended.orphans:
                verdict.problems.append(f"{ended.orphans} processes outlived the attempt")
            if ended.error != "killed" and ended.reads > template.pages - kept:
                verdict.duplicated += ended.reads - (template.pages - kept)
                verdict.problems.append(f"{ended.reads} pages were read, though {kept} of {template.pages} were kept")
            if ended.published:
                return
            if turn and ended.error:
                verdict.problems.append(f"attempt {turn + 1}: {ended.error}")
            kept = processes.apart(_kept_pages, day)
        verdict.lost += template.documents
        verdict.problems.append(f"not published after {ATTEMPTS} attempts")


@dataclass
class Judged:
    """What was found wrong with a published day."""

    lost: list[str]
    repeated: list[str]
    differing: list[str]
    left: list[str]

    def apply(self, verdict: Verdict) -> None:
        verdict.lost += len(self.lost)
        verdict.duplicated += len(self.repeated)
        verdict.byte_differences += len(self.differing)
        verdict.problems += [*self.lost, *self.repeated, *self.differing, *self.left]


def judge(lake: days.Lake, contract: str, day: dt.date, expected: dict[str, str]) -> Judged:
    """Hold a day against promises 1 to 3 and 5: all accounted for, nothing twice, one publication, the bytes as ``expected``."""
    if days.manifest(lake, contract, day) is None:
        return Judged([f"{day} is not published"], [], [], [])
    found = days.digests(lake, contract, day)
    differing = [f"{table} differs from the undisturbed run's" for table, digest in found.items() if digest != expected[table]]
    locks = (file.path.name for file in storage.files_under(UPath(lake) / "_locks"))
    left = [f"{name} was left in _locks" for name in locks if not UNFINISHED.fullmatch(name)]  # those `octavo gc` removes
    if not days.is_published(lake, contract, day):
        left.append("the manifest names other digests than the tables have")
    return Judged(days.holes(lake, contract, day), days.repeated(lake, contract, day), differing, left)


def _judge(day: Day, template: Template) -> Judged:
    _at_home(day)
    return judge(day.lake, day.contract, day.day, template.new)


def _kept_pages(day: Day) -> int:
    """Pages whose words are kept for every later run."""
    _at_home(day)
    total = 0
    for file in storage.files_under(UPath(day.lake) / "_octavo" / "readings"):
        if file.path.suffix == ".parquet" and "." not in file.path.stem:
            first, last = map(int, file.path.stem.split("-"))
            total += last - first + 1
    return total


def _at_home(day: Day) -> None:
    """Have this process find the object store of the day."""
    os.environ.update(day.environment)


def _undisturbed(day: Day, scratch: Path) -> Ended:
    ended = attempt(day, scratch)
    if not ended.published:
        raise RuntimeError(f"an undisturbed run was not published: {ended.error}; see {scratch}/stderr")
    return ended


def _blow(target: str, undisturbed: Ended, chance: random.Random) -> Blow:
    """What falls on a run of this target, and when: before the n-th operation on a file, or at a moment of a stage."""
    if target in ("child", "store"):
        stage = chance.choice(("ingest", "read")) if target == "child" else chance.choice(STAGES)
        return Blow(target, stage, delay=chance.random() * undisturbed.seconds[stage])
    stage = chance.choice(STAGES) if target == "disk" else target
    if target != "disk" and chance.random() < BY_THE_CLOCK:
        return Blow("kill", stage, delay=chance.random() * undisturbed.seconds[stage])
    operation = chance.randint(1, max(1, undisturbed.operations[stage]))
    return Blow("disk" if target == "disk" else "kill", stage, operation, spare_pages=chance.choice((0, 1, 4, 16)))


@contextmanager
def _lake(place: Path, target: str, before: Path | None) -> Iterator[tuple[str, dict[str, str], Callable[[str], None] | None]]:
    """A lake for one run, with what is in ``before``: on a disk of its own, in an object store, or in a plain folder.

    Gives its place, what processes need in their environment for it, and what tells an object store to go ``down`` and ``up``.
    """
    lake = place / "lake"
    if target == "store":
        with _bucket() as (environment, tell):
            processes.apart(_fill_bucket, environment, before)
            yield f"s3://{BUCKET}/lake", environment, tell
        return
    if target == "disk":
        processes.own_mounts()
        processes.mount_disk(lake, DISK_MEGABYTES)
    if before is not None:
        shutil.copytree(before, lake, dirs_exist_ok=True)
    yield str(lake), {}, None


@contextmanager
def _bucket() -> Iterator[tuple[dict[str, str], Callable[[str], None]]]:
    """An S3 server in a process of its own."""
    ours, theirs = processes.FORK.Pipe()
    process = processes.FORK.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield {**ENVIRONMENT, "AWS_ENDPOINT_URL": ours.recv()}, ours.send
    finally:
        process.kill()
        process.join()


def _serve(pipe: Any) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with server() as (address, faults):
        pipe.send(address)
        while True:
            faults.down = pipe.recv() == "down"


def _fill_bucket(environment: dict[str, str], before: Path | None) -> None:
    os.environ.update(environment)
    fs = fsspec.filesystem("s3")
    fs.mkdir(BUCKET)
    if before is not None:
        fs.put(f"{before}/", f"{BUCKET}/lake/", recursive=True)


def total(verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    """The tally of many runs."""
    names = ("kills", "lost", "duplicated", "mixtures", "byte_differences")
    by_target = Counter((row["driver"], row["target"]) for row in verdicts)
    return {
        "runs": len(verdicts), **{name: sum(row[name] for row in verdicts) for name in names},
        "attempts": sum(row["attempts"] for row in verdicts), "looks": sum(row["looks"] for row in verdicts),
        "runs_with_problems": sum(bool(row["problems"]) for row in verdicts),
        "by_target": {f"{driver}: {target}": count for (driver, target), count in sorted(by_target.items())},
    }
