"""A day's published tables: how large they are, the first rows of the contract's own, and how to read them elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from upath import UPath

from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake

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
    first = next(fs.iter_tables(path, rows=SHOWN_ROWS), None)
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
    """A value as a text of a table's cell: of a list its length and its first row."""
    if value is None:
        return None
    if name == "uri":
        return str(value).rstrip("/").rsplit("/", 1)[-1]
    if isinstance(value, list):
        return _short(f"{len(value)} {'row' if len(value) == 1 else 'rows'}: {line(value[0])}" if value else "no rows")
    return _short(line(value))


def line(value: Any) -> str:
    """The parts of a row, and numbers without the zeros that their column adds."""
    if isinstance(value, dict):
        return " · ".join(line(part) for part in value.values() if part is not None)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value.as_tuple().exponent < -2 else f"{value:f}"  # type: ignore[operator]  # finite
    return str(value)


def _short(text: str) -> str:
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
