"""What is tested here is what the rules say."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _rules_alone(any_confidence: None) -> None:
    pass
