"""Files of few tests that take long come first: else one of pytest's workers has one of them at the end, and the others wait."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONG = {HERE / name for name in (
    "faults/test_faults.py", "faults/test_concurrency.py", "molmo/with_torch/test_serving.py", "test_object_store.py", "test_requeue.py",
    "test_cli.py", "reading/test_reading.py", "reading/test_kill.py",
)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path not in LONG)
