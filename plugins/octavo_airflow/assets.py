"""What DAGs say of themselves: the published tables are their assets. Other DAGs can be scheduled on them, and pages know DAGs by them."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import Asset

GROUP = "octavo"
TABLES = ("documents", "pages", "chunks", "fields", "review", "corrections")  # beside the contract's own; a test holds it against the lake


def table_assets(contract: str, lake: str) -> list[Asset]:
    """One asset per published table of a contract, named ``{contract}/{table}``; ``lake`` is a path or a URL."""
    root = lake.rstrip("/") if "://" in lake else Path(lake).resolve().as_uri()
    return [
        Asset(name=f"{contract}/{table}", uri=f"{root}/{table}/contract={contract}", group=GROUP)
        for table in (*TABLES, contract)
    ]


def rebuild_tag(contract: str) -> str:
    """The tag of the DAG that rebuilds a contract's published days."""
    return f"rebuilds:{contract}"
