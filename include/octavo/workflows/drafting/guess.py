"""Fields without truth: the keys that several documents print beside a value."""

from __future__ import annotations

import re
from collections import Counter

from octavo.extraction.rules.key_value_pairs import pairs
from octavo.page.values import squeeze
from octavo.page.view import View
from octavo.workflows.drafting.examples import Example, any_contract

# Keys that become fields, and the share of the documents that must print one.
MOST_FIELDS = 20
LEAST_SHARE = 0.5
LONGEST_NAME = 40


def guessed_truth(examples: list[Example]) -> None:
    """Give each example the values of its keys, where enough of the documents have the key, in the order of the pages."""
    found: list[dict[str, tuple[str, str]]] = []
    order: dict[str, list[int]] = {}
    for example in examples:
        values: dict[str, tuple[str, str]] = {}
        for page in example.pages:
            for pair in pairs(View(page, any_contract("draft"))):
                key = squeeze(pair.key)
                if key and not key.isdigit() and key not in values:
                    order.setdefault(key, []).append(len(values))
                    values[key] = (pair.key, pair.value)
        found.append(values)
    printed = Counter(key for values in found for key in values)
    least = max(1 if len(examples) < 3 else 2, round(LEAST_SHARE * len(examples)))
    often = [key for key, count in printed.most_common() if count >= least][:MOST_FIELDS]
    often.sort(key=lambda key: (sum(order[key]) / len(order[key]), key))
    names = _names([(key, next(values[key][0] for values in found if key in values)) for key in often])
    for example, values in zip(examples, found, strict=True):
        example.truth = {names[key]: values[key][1] for key in often if key in values and values[key][1]}


def _names(keys: list[tuple[str, str]]) -> dict[str, str]:
    """A column's name for each key."""
    names: dict[str, str] = {}
    for key, shown in keys:
        name = "_".join(re.findall(r"[a-z0-9]+", shown.casefold()))[:LONGEST_NAME].strip("_")
        name = name if name[:1].isalpha() else f"field_{name}".rstrip("_")
        while name in names.values():
            name += "_2"
        names[key] = name
    return names
