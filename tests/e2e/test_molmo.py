"""Molmo under the real scheduler: the trained fixture reads its own statements, in its pool, and is asked once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Airflow, running, until

FIXTURE = Path(__file__).parent.parent / "data" / "molmo2-fixture"
CONTRACT, DAY = "fixture_statement", "2026-10-20"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    root = tmp_path_factory.mktemp("molmo")
    shutil.copytree(FIXTURE / "documents", root / "landing" / CONTRACT / DAY.replace("-", "/"))
    (root / "contracts").mkdir()
    shutil.copy(FIXTURE / f"{CONTRACT}.yaml", root / "contracts")
    model = {"OCTAVO_MOLMO_MODEL": str(FIXTURE / "tiny-molmo2"), "OCTAVO_MOLMO_DEVICE": "cpu"}
    with running(root / "landing", root / "lake", root / "contracts", model) as found:
        yield found


def occupied(airflow: Airflow) -> int:
    pool = airflow.api.get("pools/molmo_gpu")
    return int(pool["running_slots"] + pool["queued_slots"])


def test_the_fixture_reads_its_statements_in_the_pool_and_is_never_asked_again(airflow: Airflow) -> None:
    first = airflow.run(CONTRACT, DAY)
    slots = airflow.api.get("pools/molmo_gpu")["slots"]
    seen: list[int] = []

    def ended() -> Any:
        seen.append(occupied(airflow))
        return airflow.api.state(f"octavo_{CONTRACT}", first) in ("success", "failed")

    until(ended, seconds=300)
    assert airflow.states(CONTRACT, first)["publish"] == {"success"}, airflow.why(CONTRACT, first)
    assert 0 < max(seen) <= slots
    asked = airflow.counts(CONTRACT, first, "extract_molmo")
    assert asked["model_calls"] > 0

    answers = [row for row in airflow.rows("answers", CONTRACT, DAY) if row["extractor"] == "molmo"]
    expected = [chunk["answer"] for chunk in json.loads((FIXTURE / "expected.json").read_text())["chunks"]]
    assert sorted(map(json.dumps, expected)) == sorted(json.dumps(json.loads(row["parsed"])) for row in answers)

    before = airflow.digests(CONTRACT, DAY)
    second = airflow.succeed(CONTRACT, DAY)
    again = airflow.counts(CONTRACT, second, "extract_molmo")
    assert (again["model_calls"], again["store_hits"]) == (0, len(answers))
    assert airflow.digests(CONTRACT, DAY) == before
