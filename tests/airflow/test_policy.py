"""Backfills wait for daily runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from octavo_airflow import policy, pools


def instance(tag: str = "octavo", pool: str = pools.OCR) -> Any:
    task = SimpleNamespace(dag=SimpleNamespace(tags={tag}))
    return SimpleNamespace(task=task, pool=pool, priority_weight=9)


def asked(task: Any, kind: str | None = "backfill") -> tuple[int, str]:
    policy.task_instance_mutation_hook(task, None if kind is None else SimpleNamespace(run_type=kind))  # type: ignore[arg-type]
    return task.priority_weight, task.pool


@pytest.mark.parametrize("kind", ["scheduled", "manual", "asset_triggered", None])
def test_other_runs_keep_their_priority_and_their_pool(kind: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_BACKFILL_POOL", "octavo_backfill")
    assert asked(instance(), kind) == (9, pools.OCR)


def test_other_dags_are_left_alone() -> None:
    assert asked(instance("reports")) == (9, pools.OCR)


def test_a_task_of_a_backfill_weighs_less_than_every_other() -> None:
    task = instance()
    assert asked(task) == asked(task) == (0, pools.OCR)


@pytest.mark.parametrize(("pool", "taken"), [(pools.OCR, "octavo_backfill"), (pools.MOLMO, pools.MOLMO), ("default_pool", "default_pool")])
def test_a_pool_that_is_named_for_backfills_takes_the_place_of_readings(pool: str, taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_BACKFILL_POOL", "octavo_backfill")
    assert asked(instance(pool=pool)) == (0, taken)
