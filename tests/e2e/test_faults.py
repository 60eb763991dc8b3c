"""The database dies while a day runs. Tasks and the scheduler die in ``test_kills`` and ``test_fortnight``, all in ``make soak``."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Airflow
from tests.faults import under_airflow


def test_a_day_is_published_whole_though_the_database_is_killed_in_the_middle(airflow: Airflow, tmp_path: Path) -> None:
    verdict = under_airflow.run(airflow, tmp_path, 7, 0, "database")
    assert (verdict.problems, verdict.mixtures, verdict.kills) == ([], 0, 1)
    assert verdict.looks > 1
