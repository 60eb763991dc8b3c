"""Files of few tests that take long come first: else one of pytest's workers has one of them at the end, and the others wait."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest

from octavo.merging import confidence

HERE = Path(__file__).parent
LONG = {HERE / name for name in (
    "faults/test_faults.py", "faults/test_concurrency.py", "molmo/with_torch/test_serving.py", "test_object_store.py", "test_requeue.py",
    "test_cli.py", "reading/test_reading.py", "reading/test_kill.py",
)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path not in LONG)


@pytest.fixture
def any_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts as the rules give them: no confidence is too low."""
    weights = dataclasses.replace(confidence.shipped(), accept_at=Decimal(0))
    monkeypatch.setattr(confidence, "shipped", lambda: weights)
