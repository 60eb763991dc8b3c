"""Publishing: the staged tables of a day that passed the gate replace the ones in the lake."""

from __future__ import annotations

import logging
import time

from octavo import storage
from octavo.contracts import Contract
from octavo.errors import GateFailed
from octavo.lake import Lake, table_schemas
from octavo.model import Report
from octavo.workspace import Workspace

log = logging.getLogger(__name__)


def run(workspace: Workspace, contract: Contract, lake: Lake) -> Report:
    """Replace every table of the day, then name the digests that belong together.

    A table whose bytes are already there is left alone, so a repeated run changes nothing.

    Returns:
        ``published`` and ``unchanged`` tables, and the rows of each as ``rows_{table}``.

    Raises:
        GateFailed: the gate did not pass, or has not seen these tables.
    """
    started = time.monotonic()
    try:
        validation = storage.read_json(workspace.validation)
    except FileNotFoundError:
        validation = {"success": False}
    if not validation["success"]:
        raise GateFailed(f"{workspace.partition.path}: the gate has not passed, nothing is published; see {workspace.validation}")
    before = (lake.published(workspace.partition) or {}).get("tables", {})
    tables = {}
    counts = {"published": 0, "unchanged": 0}
    for name in table_schemas(contract):
        staged, target = workspace.staged(name), lake.table(name, workspace.partition)
        sha256 = storage.sha256_of(staged)
        if before.get(name, {}).get("sha256") == sha256 and target.exists():
            counts["unchanged"] += 1
        else:
            storage.copy(staged, target)
            counts["published"] += 1
        counts[f"rows_{name}"] = storage.count_rows(staged)
        tables[name] = {"rows": counts[f"rows_{name}"], "sha256": sha256}
    storage.write_json(lake.manifest(workspace.partition), {
        "contract": contract.name,
        "contract_hash": contract.hash,
        "day": workspace.day.isoformat(),
        "run": workspace.run,
        "tables": tables,
        "held": validation.get("held", {}),  # documents whose records wait for review
    })
    log.info("%s: %d tables replaced, %d unchanged", workspace.partition.path, counts["published"], counts["unchanged"])
    return Report("publish", counts, time.monotonic() - started)
