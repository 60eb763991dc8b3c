"""Confidence: how likely a value is right, from its features and the points of ``confidence.yaml``.

The points are those of a logistic regression, rounded to integers, so that sums are the same on every processor; a table turns a sum
into a confidence. ``scripts/fit_confidence.py`` writes the file; docs/verdicts.md says on what.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from octavo.merging.features import AGAINST, FOR, GROUPS, LINKS

SHIPPED = Path(__file__).with_name("confidence.yaml")
BASE = "base"
# Most features that a reason names.
NAMED = 2


@dataclass(frozen=True)
class Weights:
    """``points`` by group and feature; ``table``: from so many points on, so likely; ``accept_at``: the default of contracts."""

    points: Mapping[str, Mapping[str, int]]
    table: Sequence[tuple[int, Decimal]]
    accept_at: Decimal

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> Weights:
        """The weights that a file holds.

        Raises:
            ValueError: a feature is unknown, or its points contradict its name.
        """
        points: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
        for feature, by_group in tree["points"].items():
            if feature != BASE and not (feature in LINKS or feature in FOR or feature in AGAINST):
                raise ValueError(f"points.{feature}: there is no such feature")
            for group, value in by_group.items():
                if (feature in FOR and value < 0) or (feature in AGAINST and value > 0):
                    raise ValueError(f"points.{feature}.{group}: {value} contradicts what the feature says")
                points[group][feature] = value
        table = [(int(least), Decimal(str(likely))) for least, likely in tree["table"]]
        return cls(points, table, Decimal(str(tree["accept_at"])))

    def sum(self, group: str, features: Iterable[str]) -> int:
        """The points of a value of ``group``."""
        own = self.points[group]
        return own[BASE] + sum([own[one] for one in features])

    def confidence(self, group: str, features: Iterable[str]) -> Decimal:
        """How likely a value is right: 0 to 1 with three places."""
        return self.likely(self.sum(group, features))

    def likely(self, points: int) -> Decimal:
        """The confidence of so many points."""
        return self.table[max(0, bisect_right(self.table, points, key=lambda row: row[0]) - 1)][1]

    def least(self, group: str, features: Iterable[str]) -> list[str]:
        """The features that take most from a value, worst first; at most ``NAMED``. Its link is named where nothing else takes any."""
        own = self.points[group]
        taking = sorted((own[one], one) for one in features if own[one] < 0)
        worst = [entry for entry in taking if entry[1] not in LINKS] or taking
        return [one for _, one in worst[:NAMED]]


@cache
def shipped() -> Weights:
    """The weights that come with Octavo."""
    return Weights.of(YAML(typ="safe").load(SHIPPED.read_text(encoding="utf-8")))
