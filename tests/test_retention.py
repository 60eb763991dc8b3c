"""``octavo gc``: workspaces go by age, and nothing else does."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from octavo.cli import main
from octavo.model.settings import Settings
from octavo.workflows.retention import leftovers

NOW = dt.datetime.now(dt.UTC)


def put(root: Path, name: str, days: float) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10)
    moment = (NOW - dt.timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


KEPT = (
    "receipt/contract=receipt/day=2026-01-01/part.parquet", "ledger/contract=receipt/day=2026-01-01/part.parquet",
    "_published/contract=receipt/day=2026-01-01.json", "_corrections/ab/ab-1.json", "_forgotten/abc", "_reports/contract=r/index.html",
    "_octavo/readings/ab/abc/key/00001-00016.parquet", "_octavo/answers/000000000001-0.parquet",
)


def test_old_workspaces_go_and_everything_else_stays(tmp_path: Path) -> None:
    kept = [put(tmp_path, name, 400) for name in KEPT]
    old = [put(tmp_path, f"_octavo/workspaces/receipt/2026-01-01/r1/{name}", 40) for name in ("contract.json", "read/p0000.parquet")]
    put(tmp_path, "_octavo/workspaces/receipt/2026-01-01/r2/contract.json", 400)
    going_on = put(tmp_path, "_octavo/workspaces/receipt/2026-01-01/r2/read/p0001.parquet", 0.5)
    unfinished = put(tmp_path, "fields/contract=receipt/day=2026-01-01/.part.parquet." + "0" * 32 + ".tmp", 40)
    pictures = put(tmp_path, "_octavo/readings/ab/abc/key/00001-00016.zip", 40)
    put(tmp_path, "_octavo/readings/ab/abc/key/00017-00032.zip", 20)
    told = CliRunner().invoke(main, ["gc", "--lake", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "3 things" in told.output
    assert all(path.exists() for path in [*kept, *old, going_on, unfinished, pictures])
    done = CliRunner().invoke(main, ["gc", "--lake", str(tmp_path), "--yes"])
    assert "3 things" in done.output
    assert "removed" in done.output
    assert [path for path in [*old, unfinished, pictures] if path.exists()] == []
    assert [path for path in [*kept, going_on] if not path.exists()] == []
    assert "nothing to remove" in CliRunner().invoke(main, ["gc", "--lake", str(tmp_path), "--yes"]).output


@settings(max_examples=30, deadline=None)
@given(ages=st.lists(st.floats(0, 90), min_size=1, max_size=5), limit=st.integers(1, 60))
def test_a_workspace_is_as_old_as_its_youngest_file(tmp_path_factory, ages, limit) -> None:  # type: ignore[no-untyped-def]
    root = tmp_path_factory.mktemp("gc")
    for number, age in enumerate(ages):
        put(root, f"_octavo/workspaces/receipt/2026-01-01/r1/read/p{number:04}.parquet", age)
    found = list(leftovers(Settings(lake=str(root)), NOW - dt.timedelta(days=limit)))
    assert len(found) == (min(ages) > limit)
    assert [one.path for one in found] in ([], [UPath(root / "_octavo/workspaces/receipt/2026-01-01/r1")])
