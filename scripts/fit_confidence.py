"""Fit the points of ``confidence.yaml`` on sets of documents with truth.

    python scripts/fit_confidence.py SET_DIR... [--state DIR] [--out FILE]

SET_DIR is a folder with ``docs/`` and ``truth.jsonl`` (see ``bench/judged.py``); pass a set and its training part both. Each set's
documents are read, extracted and merged; every value found is an example, right or wrong by the truth. A logistic regression over the
features is fitted, with shared and own weights for each group of types; families of documents weigh alike. A weight lies near what its
name says (``PRIOR``) unless the examples say otherwise, and never on the other side of nought. Its sums become confidences by isotonic
regression over values of families that were left out in turn; ``accept_at`` is the least confidence from which on, of these, at most
``WRONG`` are wrong, on average over families. The same sets give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from ruamel.yaml import YAML
from scipy.optimize import minimize  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import judged  # type: ignore[import-not-found]  # noqa: E402
from judged import Judged, JudgedSet  # noqa: E402

from octavo.merging.confidence import BASE, SHIPPED  # noqa: E402
from octavo.merging.features import AGAINST, FOR, GROUPS, LINKS  # noqa: E402

NAMES = [*LINKS, *FOR, *AGAINST]
POINTS = 100          # points of one unit of log odds
WRONG = 0.03          # share of accepted values that may be wrong
# Where a weight lies that the examples say nothing of, in log odds, and how strongly it is held there.
PRIOR_BASE, PRIOR_FOR, PRIOR_AGAINST = 1.5, 0.2, -0.7
PRIOR = {
    "unlinked": -3.0, "section": -2.0, "alone_in_section": -0.5, "doubtful_key": -2.0, "earlier_column": -1.0, "top_name": -0.5,
    "top_address": -0.5, "short_row": -2.0, "odd_form": -1.5, "shared_words": -1.5, "goes_on": -1.5, "ragged": -1.0,
}
HELD_SHARED, HELD_OWN = 10.0, 30.0
MOST_ROUNDS = 2000
LEAST, MOST = 0.01, 0.99  # of a confidence
STEPS = (-800, 1000, 20)  # points between two confidences
Floats = npt.NDArray[np.float64]
WIDTH = len(NAMES) + 1


@dataclass(frozen=True)
class Fit:
    """Weights in log odds by (group, feature), the base last."""

    weights: Floats

    def sums(self, values: Sequence[Judged]) -> npt.NDArray[np.int64]:
        """The points of values."""
        points = self.points()
        found = [sum(points[v.group][one] for one in (BASE, *v.features)) for v in values]
        return np.array(found, np.int64)

    def points(self) -> dict[str, dict[str, int]]:
        names = [*NAMES, BASE]
        return {
            group: {name: round(POINTS * float(value)) + 0 for name, value in zip(names, self.weights[at], strict=True)}
            for at, group in enumerate(GROUPS)
        }


def fit(values: Sequence[Judged]) -> Fit:
    """Weights of the features, of some families' values."""
    blocks = len(GROUPS) + 1
    place = {name: at for at, name in enumerate(NAMES)}
    examples = np.zeros((len(values), blocks * WIDTH))
    for row, value in enumerate(values):
        columns = [place[one] for one in value.features] + [WIDTH - 1]
        for block in (0, 1 + GROUPS.index(value.group)):
            examples[row, [block * WIDTH + column for column in columns]] = 1
    right = np.array([value.right for value in values], float)
    counts = Counter(value.family for value in values)
    share = np.array([len(values) / len(counts) / counts[value.family] for value in values])
    prior = np.zeros(blocks * WIDTH)
    usual = {**dict.fromkeys(LINKS, 0.0), **dict.fromkeys(FOR, PRIOR_FOR), **dict.fromkeys(AGAINST, PRIOR_AGAINST), **PRIOR}
    prior[:WIDTH] = [*(usual[name] for name in NAMES), PRIOR_BASE]
    held = np.full(blocks * WIDTH, HELD_OWN)
    held[:WIDTH] = HELD_SHARED
    bounds = [(0 if name in FOR else None, 0 if name in AGAINST else None) for name in [*NAMES, BASE]] * blocks

    def loss(weights: Floats) -> tuple[float, Floats]:
        sums, away = examples @ weights, weights - prior
        likely = 1 / (1 + np.exp(-sums))
        value = (share * (np.logaddexp(0, sums) - right * sums)).sum() + (held * away * away).sum() / 2
        return float(value), examples.T @ (share * (likely - right)) + held * away

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": MOST_ROUNDS, "ftol": 1e-12})
    if not found.success:
        raise SystemExit(f"the fit did not end: {found.message}")
    by_block = found.x.reshape(blocks, WIDTH)
    return Fit(by_block[0] + by_block[1:])


def left_out(values: Sequence[Judged]) -> dict[str, tuple[list[Judged], npt.NDArray[np.int64]]]:
    """Each family's values with the points that a fit on the other families gives them."""
    found = {}
    for family in sorted({value.family for value in values}):
        own = [value for value in values if value.family == family]
        found[family] = own, fit([value for value in values if value.family != family]).sums(own)
    return found


def table_of(folds: Mapping[str, tuple[list[Judged], npt.NDArray[np.int64]]]) -> list[list[Any]]:
    """Points and the confidence from there on: isotonic regression (pool adjacent violators), lines between the pools' middles.

    Families weigh alike.
    """
    rows = sorted(
        (int(points), float(value.right), 1 / len(own)) for own, sums in folds.values() for value, points in zip(own, sums, strict=True)
    )
    pools: list[list[float]] = []  # of each its points, its right ones and all of it, by weight
    for points, right, weight in rows:
        pools.append([points * weight, right * weight, weight])
        while len(pools) > 1 and pools[-2][1] / pools[-2][2] >= pools[-1][1] / pools[-1][2]:
            last = pools.pop()
            pools[-1] = [one + other for one, other in zip(pools[-1], last, strict=True)]
    middles = [points / weight for points, _, weight in pools]
    likely = [right / weight for _, right, weight in pools]
    table: list[list[Any]] = []
    for points in range(*STEPS):
        shown = f"{min(MOST, max(LEAST, float(np.interp(points, middles, likely)))):.3f}"
        if not table or table[-1][1] != shown:
            table.append([points, shown])
    return table


def threshold(folds: Mapping[str, tuple[list[Judged], npt.NDArray[np.int64]]], table: Sequence[Sequence[Any]]) -> str:
    """The least confidence of the table from which on at most ``WRONG`` are wrong, on average over families."""
    for points, likely in table:
        wrong = [
            np.mean([not value.right for value, got in zip(own, sums, strict=True) if got >= points and value.accepted] or [False])
            for own, sums in folds.values()
        ]
        if np.mean(wrong) <= WRONG:
            return str(likely)
    raise SystemExit("no confidence has few enough wrong values: fit on more documents")


def weights_of(sets: Sequence[JudgedSet]) -> dict[str, Any]:
    """What ``confidence.yaml`` holds, fitted on sets."""
    values = [value for one in sets for value in one.values if value.features]
    folds = left_out(values)
    table = table_of(folds)
    points = fit(values).points()
    families = {family: {"documents": len({v.document for v in own}), "values": len(own)} for family, (own, _) in folds.items()}
    return {
        "provenance": {
            "command": f"python scripts/fit_confidence.py {' '.join(one.name for one in sets)}",
            "families": families, "numpy": version("numpy"), "scipy": version("scipy"),
        },
        "accept_at": threshold(folds, table),
        "table": table,
        "points": {name: {group: points[group][name] for group in GROUPS} for name in [BASE, *NAMES]},
    }


def write(tree: Mapping[str, Any], out: Path) -> None:
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 140
    with out.open("w", encoding="utf-8") as file:
        file.write("# Written by scripts/fit_confidence.py. Points of log odds by feature and group of types; see docs/verdicts.md.\n")
        yaml.dump(tree, file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sets", type=Path, nargs="+", help="folders with docs/ and truth.jsonl")
    parser.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sets = [judged.judge(folder, options.state or Path(scratch)) for folder in options.sets]
    tree = weights_of(sets)
    write(tree, options.out)
    values = sum(len(one.values) for one in sets)
    Console().print(f"{options.out}: {values} values of {len(sets)} sets, accept_at {tree['accept_at']}", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
