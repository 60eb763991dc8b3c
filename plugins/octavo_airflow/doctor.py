"""Airflow's part of ``octavo doctor``: version, pools and pages, by Airflow's own command line and over HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

from octavo.workflows.doctor import Finding, Health
from octavo_airflow import pools
from octavo_airflow.settings import AirflowSettings

if TYPE_CHECKING:
    from octavo.model.settings import Settings

LEAST = (3, 2)
COMMAND_SECONDS = 120


def checks(settings: Settings) -> Iterator[Finding]:
    """The entry point ``octavo.checks``."""
    found = version("apache-airflow-core")
    if tuple(int(part) for part in found.split(".")[:2]) < LEAST:
        yield Finding("Airflow", Health.PROBLEM, f"version {found}", "Octavo needs Airflow 3.2 or newer")
    else:
        yield Finding("Airflow", Health.OK, f"version {found}")
    differing = [name for name in type(settings).model_fields if getattr(AirflowSettings(), name) != getattr(settings, name)]
    if differing:
        said = f"airflow.cfg sets {', '.join(differing)}, which this command line does not read"
        yield Finding("settings", Health.WARNING, said, "set OCTAVO_… in the environment instead, so that both mean the same folders")
    yield from _pools(settings)
    yield _plugin()
    yield _pages()


def _pools(settings: Settings) -> Iterator[Finding]:
    command = shutil.which("airflow", path=str(Path(sys.executable).parent)) or "airflow"
    ask = [command, "pools", "list", "--output", "json"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=COMMAND_SECONDS)
        slots = {pool["pool"]: int(pool["slots"]) for pool in json.loads(done.stdout[done.stdout.index('[{') :])}
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        told = str(getattr(error, "stderr", "") or error)
        said = f"airflow pools list did not answer: {next((line for line in told.splitlines() if 'Error' in line), told)[:200]}"
        remedy = "airflow db migrate; on a worker without Airflow's database look where the scheduler is"
        yield Finding("pools", Health.WARNING, said, remedy)
        return
    wanted = [("read", pools.OCR, settings.processes), ("extract_molmo", pools.MOLMO, settings.molmo_pool_slots)]
    if settings.backfill_pool:
        wanted.append(("read of a backfill", settings.backfill_pool, settings.processes))
    problems = pools.shortages(wanted, slots)
    for problem in problems:
        said, _, remedy = problem.partition("; ")
        yield Finding("pools", Health.PROBLEM, said, remedy)
    if not problems:
        yield Finding("pools", Health.OK, ", ".join(f"{pool} {slots[pool]}" for _, pool, _ in wanted))


def _plugin() -> Finding:
    if any(entry.value.startswith("octavo_airflow.") for entry in entry_points(group="airflow.plugins")):
        return Finding("plugin", Health.OK, "registered")
    return Finding("plugin", Health.PROBLEM, "this installation does not register Octavo's pages", "pip install octavo anew")


def _pages() -> Finding:
    import httpx
    from airflow.sdk import conf

    base = (conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")
    try:
        status = httpx.get(f"{base}/octavo/", timeout=pools.TIMEOUT_SECONDS).status_code
    except httpx.HTTPError as error:
        return Finding("pages", Health.WARNING, f"{base} did not answer: {error}", "start the API server, or set [api] base_url")
    if status == 404:
        remedy = "install Octavo where the API server runs, and start it anew"
        return Finding("pages", Health.PROBLEM, f"{base} does not have Octavo's pages", remedy)
    return Finding("pages", Health.OK, f"{base}/octavo/")
