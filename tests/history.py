"""A lake with two published days of small bills, read from text layers and answered by a scripted model."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.settings import Settings
from octavo.workflows import pipeline
from tests.documents import text_pdf
from tests.molmo.fakes import OPTIONS, Scripted

DAYS = (dt.date(2026, 11, 2), dt.date(2026, 11, 3))
BILL = ("HARBOUR COFFEE LTD", "Invoice number: {n}", "Date: 12 March 2026", "Total amount 17.60", "Zu zahlen 17.60", "Table 4{n}")
FIELDS: dict[str, Any] = {
    "number": {"type": "identifier", "labels": ["Invoice number"], "required": True},
    "total": {"type": "money", "labels": ["Total amount"]},
}


def contract(fields: dict[str, Any] | None = None, **keys: Any) -> Contract:
    return Contract.model_validate({"name": "bill", "title": "Bills", "fields": fields or FIELDS, **keys})


def settings(root: Path, **keys: Any) -> Settings:
    return Settings(lake=str(root / "lake"), processes=1, **keys)


def documents(root: Path) -> list[tuple[dt.date, Path]]:
    """The day's folders: two bills on the first day, one on the second, and a file that is none."""
    folders = []
    for day, numbers in zip(DAYS, ((48213, 48214), (48215,)), strict=True):
        folder = root / "landing" / f"{day:%Y/%m/%d}"
        folder.mkdir(parents=True)
        for number in numbers:
            text_pdf(folder / f"bill_{number}.pdf", [[line.format(n=number) for line in BILL]])
        folders.append((day, folder))
    (folders[0][1] / "empty.pdf").touch()
    return folders


def publish(root: Path, used: Contract, runtime: Scripted | None = None) -> None:
    """Run every day by ``used``; with the scripted model where there is one (``open_runtime`` gives it)."""
    for day, folder in documents(root):
        result = pipeline.run_day(used, UPath(folder), day, settings(root), model=OPTIONS if runtime else None)
        assert result.published, result.error


def copied(published: Path, root: Path, used: Contract, patch: pytest.MonkeyPatch) -> Path:
    """A copy of a published lake, for one test to change, with a contracts folder that holds ``used``; returns ``root``."""
    shutil.copytree(published / "lake", root / "lake")
    (root / "contracts").mkdir()
    (root / "contracts" / "bill.yaml").write_text(json.dumps(used.model_dump(mode="json", exclude_defaults=True)))
    patch.setenv("OCTAVO_CONTRACTS", str(root / "contracts"))
    return root


def tables(root: Path) -> dict[str, bytes]:
    """The bytes of every published table but ``answers`` and ``ledger``, which tell of times, by path."""
    lake = root / "lake"
    paths = [path for path in lake.rglob("*.parquet") if path.relative_to(lake).parts[0] not in ("answers", "ledger", "_octavo")]
    return {str(path.relative_to(lake)): path.read_bytes() for path in paths}
