"""Run every DAG over the samples and show what came out: the second half of ``make run``.

    python -m scripts.demo

Ends with 0 only if every day was published and the UI answers.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from upath import UPath

from octavo.cli import output
from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from scripts.api import FINISHED, AirflowApi
from scripts.stack import REPO, Stack, StackError, asked_workers

SAMPLES = REPO / "samples" / "landing"
# A tiny model that knows two statements by heart: shows the road of a model where no real one is named.
FIXTURE = REPO / "tests" / "data" / "molmo2-fixture"
FIXTURE_PARTITION = Partition("fixture_statement", dt.date(2026, 10, 20))
PARSE_SECONDS = 120   # until the DAG processor has seen a contract
RUN_SECONDS = 1800
SHOWN_FIELDS = 5
SHOWN_ROWS = 3

console = output.console()


@dataclass
class DayRun:
    """One run of one contract over one day of the samples."""

    partition: Partition
    run: str = ""
    state: str = "waiting"

    @property
    def dag(self) -> str:
        return f"octavo_{self.partition.contract}"


def main() -> int:
    memorised = os.environ.get("EXTRACTOR") == "molmo" and not os.environ.get("OCTAVO_MOLMO_MODEL")
    if memorised:
        console.print("  no MODEL is named: a tiny fixture reads the two statements that it knows by heart")
        os.environ.update(OCTAVO_MOLMO_MODEL=str(FIXTURE / "tiny-molmo2"), OCTAVO_CONTRACTS=str(FIXTURE))
        os.environ["OCTAVO_MOLMO_MIN_SIDE_PX"] = "112"  # as the fixture was trained: its tiles are not those of the released models
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of a model this small wait for each other more than they compute
    try:
        stack = Stack(workers=asked_workers())
        stack.start(lambda text: console.print(f"  {text}"))
    except StackError as error:
        console.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True, highlight=False)
        return 1
    os.environ.update({name: value for name, value in stack.environment().items() if name.startswith("OCTAVO_")})
    settings = Settings()
    landing = Path(settings.landing)
    runs = [DayRun(partition) for partition in (copy_fixture(landing) if memorised else copy_samples(landing))]
    api = AirflowApi(stack.url, stack.login)
    started = time.monotonic()
    trigger(api, runs)
    follow(api, runs)
    show(api, runs, settings)
    return finish(api, stack, runs, settings, time.monotonic() - started)


def copy_samples(landing: Path) -> list[Partition]:
    """Copy the samples to where documents arrive; returns the days that have some."""
    days = set()
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file():
            relative = path.relative_to(SAMPLES)
            target = landing / relative
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
            contract, *day = relative.parts[:4]
            days.add((contract, dt.date(*map(int, day))))
    return [Partition(contract, day) for contract, day in sorted(days)]


def copy_fixture(landing: Path) -> list[Partition]:
    """Copy the fixture's two statements to where documents arrive."""
    target = landing / FIXTURE_PARTITION.contract / f"{FIXTURE_PARTITION.day:%Y/%m/%d}"
    shutil.copytree(FIXTURE / "documents", target, dirs_exist_ok=True)
    return [FIXTURE_PARTITION]


def trigger(api: AirflowApi, runs: Sequence[DayRun]) -> None:
    deadline = time.monotonic() + PARSE_SECONDS
    for day in runs:
        while not api.has_dag(day.dag):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{day.dag} did not appear; look at the DAG import errors: {api.client.base_url}")
            time.sleep(1)
        day.run = api.trigger(day.dag, day=day.partition.day.isoformat(), extractor=os.environ.get("EXTRACTOR", "auto"))


def follow(api: AirflowApi, runs: Sequence[DayRun]) -> None:
    """Show how far each run is, until all have ended."""
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[now]}"),
        TimeElapsedColumn(),
    )
    deadline = time.monotonic() + RUN_SECONDS
    with Progress(*columns, console=console) as progress:
        bars = {id(day): progress.add_task(f"{day.partition.contract} {day.partition.day}", total=None, now="queued") for day in runs}
        while any(day.state not in FINISHED for day in runs):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all runs ended within {RUN_SECONDS} s")
            for day in runs:
                if day.state in FINISHED:
                    continue
                day.state = api.state(day.dag, day.run)
                tasks = api.tasks(day.dag, day.run)
                done = sum(task["state"] in ("success", "skipped", "failed", "upstream_failed") for task in tasks)
                active = sorted({task["task_id"] for task in tasks if task["state"] in ("queued", "running", "up_for_retry")})
                now = day.state if day.state in FINISHED else ", ".join(active) or day.state
                progress.update(bars[id(day)], total=len(tasks) or None, completed=done, now=now)
                if not console.is_terminal and day.state in FINISHED:
                    console.print(f"  {day.partition.contract} {day.partition.day}: {day.state}", highlight=False)
            time.sleep(1)


def show(api: AirflowApi, runs: Sequence[DayRun], settings: Settings) -> None:
    lake = Lake(UPath(settings.lake))
    summary = Table(title="Runs", title_justify="left")
    for name in ("contract", "day", "run", "gate", "docs", "pages", "read", "known", "bad", "records", "accepted", "to review"):
        summary.add_column(name, overflow="fold")
    bad: list[tuple[str, ...]] = []
    for day in runs:
        published = day.state == "success" and lake.published(day.partition) is not None
        reads = Counter({"reads": 0, "read_hits": 0})
        for task in api.tasks(day.dag, day.run):
            if task["task_id"] == "read" and task["state"] == "success":
                reads.update(api.xcom(day.dag, day.run, "read", index=task["map_index"]))
        row = [day.partition.contract, f"{day.partition.day:%d %b %Y}", day.state, _gate(api, day)]
        if published:
            documents = fs.read_table(lake.table("documents", day.partition)).to_pylist()
            verdicts = Counter(fs.read_table(lake.table("fields", day.partition), ["verdict"])["verdict"].to_pylist())
            quarantined = [d for d in documents if d["status"] == "quarantined"]
            bad += [(day.partition.contract, str(day.partition.day), Path(d["uri"]).name, d["reason"]) for d in quarantined]
            row += [
                str(len(documents)), str(sum(d["pages"] for d in documents)), str(reads["reads"]), str(reads["read_hits"]),
                str(len(quarantined)),
                str(fs.count_rows(lake.table(day.partition.contract, day.partition))), str(verdicts["accepted"]),
                str(fs.count_rows(lake.table("review", day.partition))),
            ]
        summary.add_row(*row)
    console.print(summary)
    console.print("read: pages read in this run; known: pages found in the reading store; bad: quarantined documents\n", highlight=False)
    for name in dict.fromkeys(day.partition.contract for day in runs):
        _records(settings, lake, name, [day.partition for day in runs if day.partition.contract == name and day.state == "success"])
    if bad:
        quarantine = Table(title="Quarantined (they do not stop the day)", title_justify="left")
        for name in ("contract", "day", "file", "reason"):
            quarantine.add_column(name)
        for line in bad:
            quarantine.add_row(*map(escape, line))
        console.print(quarantine)


def _gate(api: AirflowApi, day: DayRun) -> str:
    """What Great Expectations said, in a few words; the run's workspace may be gone already."""
    state = next(task["state"] for task in api.tasks(day.dag, day.run) if task["task_id"] == "validate")
    if state != "success":
        return "[red]refused[/red]" if state == "failed" else "-"
    counts = api.xcom(day.dag, day.run, "validate")
    return f"passed {counts['expectations'] - counts['failed_expectations']}/{counts['expectations']}"


def _records(settings: Settings, lake: Lake, name: str, partitions: Sequence[Partition]) -> None:
    """A few values of the contract's own table."""
    contract = contracts.find(name, settings.contracts)
    hidden = (contracts.Kind.GENERATED, contracts.Kind.GROUP)
    shown = [field for field, spec in contract.fields.items() if spec.type not in hidden][:SHOWN_FIELDS]
    rows = [row for partition in partitions for row in fs.read_table(lake.table(name, partition), ["uri", *shown]).to_pylist()]
    table = Table(title=f"{name}: {len(rows)} rows", title_justify="left")
    for column in ("document", *shown):
        table.add_column(column, overflow="fold", max_width=34)
    for row in rows[:SHOWN_ROWS]:
        table.add_row(escape(Path(row["uri"]).name), *(escape(_short(row[field])) for field in shown))
    console.print(table)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} rows" if value else ""
    return "" if value is None else str(value)[:80]


def finish(api: AirflowApi, stack: Stack, runs: Sequence[DayRun], settings: Settings, seconds: float) -> int:
    failed = [day for day in runs if day.state != "success"]
    answers = all(api.client.get(page, follow_redirects=True).status_code == 200 for page in ("/", "/octavo/"))
    console.print(f"{len(runs) - len(failed)} of {len(runs)} days published in {seconds:.0f} s", highlight=False)
    for day in failed:
        console.print(f"[red]failed:[/red] {stack.url}/dags/{day.dag}/runs/{day.run}", soft_wrap=True, highlight=False)
    console.print(f"Lake:  {settings.lake}", soft_wrap=True, highlight=False)
    console.print(f"UI:    {stack.entrance}", soft_wrap=True, highlight=False)
    console.print("       (this address logs you in as admin: keep it to yourself)")
    console.print("Stop:  make stop")
    if not answers:
        console.print("[red]error:[/red] the UI does not answer")
    return 0 if answers and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
