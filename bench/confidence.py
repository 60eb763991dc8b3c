"""What the confidence is worth on kinds of documents that the fit has not seen.

    python bench/confidence.py --sets SET_DIR... [--state DIR] [--json]

For sets see ``judged``. Each family of documents is left out in turn: the points are fitted on the others, and the values of the left
one get their confidence from the table and are accepted from ``accept_at`` on, both of which come from all values so left out. Of each
family, with intervals (95%) by drawing documents anew:

- ``false_success``: share of wrong values among the accepted ones
- ``coverage``: share of the true values that are found right and accepted
- ``ece``: mean distance of confidence and share of right values, over ten equal parts of 0 to 1
- ``auc``: chance that a right value has more points than a wrong one

``rules`` are the first two where any confidence is accepted. Forms are measured with the fit on all families: nothing is fitted on them.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import proof
import judged
import numpy as np
from judged import Judged

from octavo.merging.confidence import Weights
from scripts import fit_confidence as fitting

MEASURED_ONLY = "form"
ROUNDS = 500
SEED = 17
Scored = tuple[Judged, int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sets", type=Path, nargs="+", required=True, help="folders with docs/ and truth.jsonl")
    parser.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sets = [judged.judge(folder, options.state or Path(scratch)) for folder in options.sets]
    proof.show(measure(sets), options.json)
    return 0


def measure(sets: Sequence[judged.JudgedSet]) -> dict[str, Any]:
    truths: dict[str, dict[str, int]] = {}
    for one in sets:
        truths.setdefault(one.family, {}).update({f"{one.name}/{name}": count for name, count in one.truths.items()})
    fitted = [one for one in sets if one.family != MEASURED_ONLY]
    tree = fitting.weights_of(fitted)
    weights = Weights.of(tree)
    folds = fitting.left_out([value for one in fitted for value in one.values if value.features])
    found = {family: list(zip(own, sums.tolist(), strict=True)) for family, (own, sums) in folds.items()}
    rest = [value for one in sets if one.family == MEASURED_ONLY for value in one.values if value.features]
    if rest:
        found[MEASURED_ONLY] = [(value, weights.sum(value.group, value.features)) for value in rest]
    proof.some("judged values", **{family.replace(" ", "_"): len(own) for family, own in found.items()})
    families = {family: family_figures(own, truths[family], weights) for family, own in found.items()}
    return {"accept_at": float(weights.accept_at), "families": families, **means(families)}


def family_figures(own: Sequence[Scored], truths: Mapping[str, int], weights: Weights) -> dict[str, Any]:
    def accepted(value: Judged, points: int) -> bool:
        return value.accepted and weights.likely(points) >= weights.accept_at

    def any_confidence(value: Judged, _: int) -> bool:
        return value.accepted

    wrong, covered = shares(own, truths, accepted)
    rules_wrong, rules_covered = shares(own, truths, any_confidence)
    return {
        "documents": len(truths), "values": len(own), "false_success": wrong, "coverage": covered,
        "ece": ece(own, weights), "auc": auc(own),
        "rules": {"false_success": rules_wrong, "coverage": rules_covered},
    } | {f"{name}_95": interval for name, interval in intervals(own, truths, accepted).items()}


def shares(own: Sequence[Scored], truths: Mapping[str, int], accepted: Callable[[Judged, int], bool]) -> tuple[float, float]:
    taken = [value for value, points in own if accepted(value, points)]
    right = sum(value.right for value in taken)
    return round(1 - right / len(taken), 4) if taken else 0.0, round(right / max(1, sum(truths.values())), 4)


def intervals(
    own: Sequence[Scored], truths: Mapping[str, int], accepted: Callable[[Judged, int], bool],
) -> dict[str, list[float]]:
    by_document: dict[str, list[Scored]] = {name: [] for name in truths}
    for value, points in own:
        by_document[value.document].append((value, points))
    names, draw = sorted(by_document), random.Random(SEED)
    drawn = []
    for _ in range(ROUNDS):
        chosen = draw.choices(names, k=len(names))
        values = [one for name in chosen for one in by_document[name]]
        drawn.append(shares(values, {str(at): truths[name] for at, name in enumerate(chosen)}, accepted))
    ends = np.quantile(np.array(drawn), (0.025, 0.975), axis=0)
    return {name: [round(float(end), 4) for end in ends[:, at]] for at, name in enumerate(("false_success", "coverage"))}


def ece(own: Sequence[Scored], weights: Weights) -> float:
    likely = np.array([float(weights.likely(points)) for _, points in own])
    right = np.array([value.right for value, _ in own], float)
    part = np.minimum((likely * 10).astype(int), 9)
    apart = [abs(float(likely[part == at].mean() - right[part == at].mean())) * int((part == at).sum()) for at in set(part.tolist())]
    return round(sum(apart) / len(own), 4)


def auc(own: Sequence[Scored]) -> float | None:
    """By ranks; None where all values are right, or all wrong."""
    right = sorted(points for value, points in own if value.right)
    wrong = np.array([points for value, points in own if not value.right])
    if not right or not len(wrong):
        return None
    below, not_above = np.searchsorted(wrong_sorted := np.sort(wrong), right, "left"), np.searchsorted(wrong_sorted, right, "right")
    return round(float((below + not_above).sum()) / (2 * len(right) * len(wrong)), 4)


def means(families: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Over the families that were left out, with the worst named."""
    left = {family: one for family, one in families.items() if family != MEASURED_ONLY}
    return {
        f"mean_{name}": round(float(np.mean([one[name] for one in left.values()])), 4) for name in ("false_success", "coverage")
    } | {
        "worst_false_success": max(left, key=lambda family: left[family]["false_success"]),
        "worst_coverage": min(left, key=lambda family: left[family]["coverage"]),
    }


if __name__ == "__main__":
    raise SystemExit(main())
