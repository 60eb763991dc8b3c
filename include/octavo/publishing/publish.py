"""Publishing: the staged tables of a day that passed the gate replace the ones in the lake."""

from __future__ import annotations

import logging
import time
from typing import Any

from octavo.model.contracts import Contract
from octavo.model.digest import digest
from octavo.model.entities import Report
from octavo.model.errors import GateFailed, Superseded, WorkspaceError
from octavo.storage import fs
from octavo.storage.lake import Forgotten, Lake, table_schemas
from octavo.storage.locks import Lock
from octavo.storage.workspace import Workspace

log = logging.getLogger(__name__)


def run(workspace: Workspace, contract: Contract, lake: Lake) -> Report:
    """Replace every table of the day, then name the digests that belong together.

    A table whose bytes are already there is left alone, so a repeated run changes nothing. One run at a time
    publishes a day, and the one that was started last wins: what an earlier one found may lack documents.

    Returns:
        ``published`` and ``unchanged`` tables, and the rows of each as ``rows_{table}``.

    Raises:
        GateFailed: the gate did not pass, or has not seen these tables.
        Superseded: a run that was started later has published the day.
        WorkspaceError: a document of the run was erased (``octavo forget``) while it ran.
        StoreUnavailable: another run is publishing the day.
    """
    started = time.monotonic()
    try:
        validation = fs.read_json(workspace.validation)
    except FileNotFoundError:
        validation = {"success": False}
    if not validation["success"]:
        raise GateFailed(f"{workspace.partition.path}: the gate has not passed, nothing is published; see {workspace.validation}")
    with lake.lock(workspace.partition, workspace.run) as lock:
        counts = _replace(workspace, contract, lake, lock, validation.get("held", {}))
    log.info("%s: %d tables replaced, %d unchanged", workspace.partition.path, counts["published"], counts["unchanged"])
    return Report("publish", counts, time.monotonic() - started)


def _replace(workspace: Workspace, contract: Contract, lake: Lake, lock: Lock, held: dict[str, Any]) -> dict[str, int]:
    """What ``run`` does once nobody else does it. ``held``: documents whose records wait for review."""
    published = lake.published(workspace.partition) or {}
    if published.get("run") != workspace.run and published.get("started", "") > workspace.started:
        raise Superseded(
            f"{workspace.partition.path}: run {published['run']} was started later ({published['started']}) and has published the day; "
            f"run {workspace.run} publishes nothing"
        )
    noted = Forgotten(lake.root).documents()
    if erased := [one for one in fs.read_table(workspace.staged("documents"), ["document"])["document"].to_pylist() if one in noted]:
        raise WorkspaceError(
            f"{workspace.partition.path}: {len(erased)} documents were erased by octavo forget while run {workspace.run} went on, "
            "so it publishes nothing; run the day again, and it leaves them out"
        )
    before = published.get("tables", {})
    tables = {}
    counts = {"published": 0, "unchanged": 0}
    for name in table_schemas(contract):
        staged, target = workspace.staged(name), lake.table(name, workspace.partition)
        sha256 = fs.sha256_of(staged)
        # The manifest alone does not tell: a run that was killed here has replaced some tables, but not the manifest.
        if before.get(name, {}).get("sha256") == sha256 and target.exists() and fs.sha256_of(target) == sha256:
            counts["unchanged"] += 1
        else:
            lock.renew()
            fs.copy(staged, target)
            counts["published"] += 1
        counts[f"rows_{name}"] = fs.count_rows(staged)
        tables[name] = {"rows": counts[f"rows_{name}"], "sha256": sha256}
    inputs = workspace.inputs()
    fs.write_json(lake.manifest(workspace.partition), {
        "contract": contract.name,
        "contract_hash": contract.hash,
        "day": workspace.day.isoformat(),
        "run": workspace.run,
        "started": workspace.started,
        "inputs": digest(inputs) if inputs is not None else None,
        "tables": tables,
        "held": held,
    })
    if inputs is not None:
        fs.write_json(lake.inputs_file(workspace.partition), inputs)
    return counts
