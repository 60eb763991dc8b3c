"""A day's published tables: how large they are, the first rows of the contract's own, and how to read them elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from upath import UPath

from octavo import storage
from octavo.config import Settings
from octavo.lake import Lake
from octavo.model import Partition

SHOWN_ROWS = 20
SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class TableView:
    """The contract's own table of one published day. ``cells`` are texts, None for null; ``documents`` name the rows' documents."""

    contract: str
    day: str
    run: str
    path: str
    rows: int
    columns: tuple[str, ...]
    documents: tuple[str, ...]
    cells: tuple[tuple[str | None, ...], ...]
    tables: tuple[tuple[str, int], ...]
    duckdb: str
    pandas: str


def load(settings: Settings, partition: Partition) -> TableView | None:
    """The first rows of a day's table; None where the day is not published."""
    lake = Lake(UPath(settings.lake))
    manifest = lake.published(partition)
    if manifest is None:
        return None
    path = lake.table(partition.contract, partition)
    first = next(storage.iter_tables(path, rows=SHOWN_ROWS), None)
    rows = first.slice(0, SHOWN_ROWS).to_pylist() if first is not None else []
    columns = tuple(name for name in (first.schema.names if first is not None else ()) if name not in ("document", "contract_hash"))
    whole = f"{lake.root}/{partition.contract}"
    return TableView(
        partition.contract, partition.day.isoformat(), manifest["run"], str(path), manifest["tables"][partition.contract]["rows"], columns,
        tuple(row["document"] for row in rows), tuple(tuple(_cell(name, row[name]) for name in columns) for row in rows),
        tuple((name, about["rows"]) for name, about in sorted(manifest["tables"].items())),
        _duckdb(whole, partition), _pandas(whole, partition),
    )


def _cell(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if name == "uri":
        return str(value).rstrip("/").rsplit("/", 1)[-1]
    text = json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _duckdb(folder: str, partition: Partition) -> str:
    files = f"{folder}/*/*/part.parquet".replace("'", "''")
    return (
        f"select * from read_parquet('{files}', hive_partitioning = true, union_by_name = true)\n"
        f"where day = '{partition.day.isoformat()}';"
    )


def _pandas(folder: str, partition: Partition) -> str:
    return (
        "import pandas as pd\n\n"
        f"rows = pd.read_parquet({folder!r}, filters=[(\"day\", \"=\", {partition.day.isoformat()!r})])"
    )
