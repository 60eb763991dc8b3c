"""Drafts checked on their own examples: how many true values they get, and which fields find something else than was expected."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from octavo.model.contracts import Contract, Kind, leaf_path
from octavo.model.entities import Progress, Verdict
from octavo.model.settings import Settings
from octavo.page.values import parser, squeeze
from octavo.workflows.drafting.examples import Example
from octavo.workflows.drafting.fields import FieldDraft
from octavo.workflows.drafting.names import column_name
from octavo.workflows.trial import tried

Row = dict[str, Any]
Found = Mapping[str, Mapping[str, list[Row]]]
SEVERAL = "its label is printed several times with different values: which one is meant?"


def check(
    contract: Contract, drafts: Sequence[FieldDraft], examples: Sequence[Example], folder: Path, settings: Settings,
    progress: Progress | None = None,
) -> None:
    """Run a draft on its examples, count what it gets of the truth, and give a doubt to each field that accepts what it should not.

    What it should find is the truth, or without one what ``proposing`` saw beside the labels.
    """
    with tried(contract, [folder], settings, progress) as trial:
        uris = {row["document"]: row["uri"] for row in trial.rows("documents")}
        found: dict[str, defaultdict[str, list[Row]]] = {uri: defaultdict(list) for uri in uris.values()}
        for row in trial.rows("fields"):
            if row["matched"] and row["value"] is not None:
                found[uris[row["document"]]][leaf_path(row["field"])].append(row)
    told = any(example.truth for example in examples)
    for path, draft in _leaves(drafts):
        if told:
            _score(path, draft, contract, examples, found)
        else:
            if "[]" not in path and any(len(set(map(squeeze, own))) > 1 for own in draft.values.values()):
                draft.doubt = draft.doubt or SEVERAL
            _compare(path, draft, contract, examples, found)


def _leaves(drafts: Sequence[FieldDraft], prefix: str = "") -> Iterator[tuple[str, FieldDraft]]:
    for draft in drafts:
        if draft.fields:
            yield from _leaves(draft.fields, f"{prefix}{draft.name}{'[]' if draft.type is Kind.LIST else ''}.")
        else:
            yield f"{prefix}{draft.name}", draft


def _compare(path: str, draft: FieldDraft, contract: Contract, examples: Sequence[Example], found: Found) -> None:
    """Doubt a field where an accepted value is none of those that were seen beside its labels, or in its column."""
    other = values = 0
    for number, example in enumerate(examples):
        seen = draft.values.get(number, [])
        for row in found.get(example.uri, {}).get(path, ()):
            values += 1
            other += row["verdict"] == Verdict.ACCEPTED and not any(same(contract, draft.type, row, text) for text in seen)
    if other and not draft.doubt:
        draft.doubt = f"of {values} values found in the examples {other} are not what stands by the labels"


def _score(path: str, draft: FieldDraft, contract: Contract, examples: Sequence[Example], found: Found) -> None:
    """Count the examples whose true values a field gets, all of a list's column; an accepted value that is wrong is a doubt."""
    wrong = accepted = 0
    draft.gets = draft.of = 0
    for example in examples:
        true = [text for text in _true(example.truth, path) if text]
        rows = found.get(example.uri, {}).get(path, [])
        if not example.truth or not (true or rows):
            continue
        draft.of += bool(true)
        single = "[]" not in path
        pairs = list(zip(rows, true, strict=False)) if not single else [(row, text) for row in rows[:1] for text in true]
        right = [same(contract, draft.type, row, text) for row, text in pairs]
        draft.gets += bool(true) and (any(right) if single else all(right) and len(rows) == len(true))
        taken = Counter(row["verdict"] for row in rows)[Verdict.ACCEPTED]
        accepted += taken
        wrong += min(taken, 0 if (any(right) if single else all(right) and len(rows) == len(true)) else taken)
    if wrong and not draft.doubt:
        draft.doubt = f"of {accepted} values that it accepts in the examples {wrong} may be wrong"


def _true(truth: Any, path: str) -> list[str]:
    """The true texts at a path whose parts are columns' names: one, or one for each row of a list; of a scalar its spellings."""
    head, _, rest = path.partition(".")
    inside = truth if isinstance(truth, dict) else {}
    value = next((one for key, one in inside.items() if column_name(key) == head.removesuffix("[]")), None)
    if not rest:
        return [str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "")]
    if head.endswith("[]"):
        return ["".join(_true(row, rest)[:1]) for row in value] if isinstance(value, list) else []
    return _true(value, rest)


def same(contract: Contract, kind: Kind, row: Row, text: str) -> bool:
    """Whether a row of ``fields`` says what a text does, as values of its type."""
    typed = parser(contract.locale).parse(kind, text)
    if isinstance(typed, Decimal) and row["number"] is not None:
        return bool(row["number"] == typed)
    if row["date"] is not None and typed is not None:
        return bool(row["date"] == typed)
    return squeeze(str(row["value"])) == squeeze(text)
