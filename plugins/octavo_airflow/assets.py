"""The published tables as Airflow assets: other DAGs can be scheduled on them."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import Asset

TABLES = ("documents", "pages", "chunks", "fields", "review", "corrections")  # beside the contract's own; a test holds it against the lake


def table_assets(contract: str, lake: str) -> list[Asset]:
    """One asset per published table of a contract, named ``{contract}/{table}``; ``lake`` is a path or a URL."""
    root = lake.rstrip("/") if "://" in lake else Path(lake).resolve().as_uri()
    return [
        Asset(name=f"{contract}/{table}", uri=f"{root}/{table}/contract={contract}", group="octavo")
        for table in (*TABLES, contract)
    ]
