"""One check of ``scripts/matrix.sh``, under the Python and the Airflow of its row: ``parse DAGS``, ``run DAGS DAY`` or ``pages``.

Prints what came out as one cell of the table; ends with an error where it failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any


def dags(folder: str) -> dict[str, Any]:
    """The DAGs of a folder, as Airflow's own collector reads them."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=folder)
    if bag.import_errors:
        raise SystemExit(str(bag.import_errors))
    return dict(bag.dags)


def parse(folder: str) -> str:
    """Every DAG file."""
    return f"{len(dags(folder))} DAGs"


def run(folder: str, day: str) -> str:
    """A day of the samples by ``DAG.test()``, published."""
    import pyarrow.dataset as ds

    ended = dags(folder)["octavo_receipt"].test(run_conf={"day": day, "extractor": "layout"})
    state = str(getattr(ended.state, "value", ended.state))
    rows = ds.dataset(f"{os.environ['OCTAVO_LAKE']}/receipt", partitioning="hive").count_rows()
    if state != "success" or not rows:
        raise SystemExit(f"{state}, {rows} rows")
    return f"{state}, {rows} rows"


def pages() -> str:
    """Airflow's API server with the pages in it."""
    os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] = "True"
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app(), base_url="http://localhost:8080") as client:
        token = client.get("/auth/token").json()["access_token"]
        seen = client.get("/octavo/", headers={"Authorization": f"Bearer {token}"})
    if seen.status_code != 200:
        raise SystemExit(f"/octavo/ answered {seen.status_code}")
    return "open"


if __name__ == "__main__":
    checks: dict[str, Callable[..., str]] = {"parse": parse, "run": run, "pages": pages}
    sys.stdout.write(checks[sys.argv[1]](*sys.argv[2:]) + "\n")
