"""Sets of documents with truth, and which of the values found in them are right; for fitting and measuring the confidence.

A set is a folder with ``docs/`` and ``truth.jsonl``: one object a document, with ``file`` and either ``fields`` and ``lists`` or
``key_values``. A contract stands in the folder (``*.yaml``), or is the shipped one whose name begins the folder's name.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from accuracy import run_stages
from rapidfuzz.distance import Levenshtein

from octavo.merging import stage as merging
from octavo.merging.documents import Merger
from octavo.merging.features import group_of
from octavo.model import contracts
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Field, Verdict
from octavo.model.settings import Settings
from octavo.page.values import NUMBERS, NUMERIC
from octavo.storage.workspace import Workspace

ALIKE = 0.8  # similarity of a form's key and value to those of the truth
# Kinds of documents that one maker lays out alike count as one family.
FAMILIES = {"invoice": "orders and invoices", "purchase_order": "orders and invoices", "order_x": "orders and invoices"}


@dataclass(frozen=True)
class Judged:
    """One value that was found, and whether it is right. ``accepted``: no rule speaks against it."""

    family: str
    document: str
    path: str
    value: str
    group: str
    features: tuple[str, ...]
    right: bool
    accepted: bool
    confidence: Decimal | None


@dataclass(frozen=True)
class JudgedSet:
    """The values of a set: those found, and how many the truth has by document."""

    name: str
    family: str
    values: list[Judged]
    truths: dict[str, int]


def contract_of(folder: Path, settings: Settings) -> Contract:
    own = sorted(folder.glob("*.yaml"))
    if own:
        return contracts.load(own[0])
    shipped = [one.name for one in contracts.load_all(settings.contracts) if folder.name.startswith(one.name)]
    if not shipped:
        raise SystemExit(f"{folder}: no contract in it, and none of the shipped ones' names begins its name")
    return contracts.find(max(shipped, key=len), settings.contracts)


def judge(folder: Path, state: Path) -> JudgedSet:
    """Read, extract and merge a set's documents and compare the values with its truth. Any confidence is accepted."""
    settings = Settings(state=str(state), lake=str(state / "lake"))
    contract = contract_of(folder, settings).model_copy(update={"accept_at": Decimal(0)})
    workspace, _ = run_stages(contract, folder / "docs", settings)
    found = dict(fields_of(workspace, contract))
    family = FAMILIES.get(contract.name, contract.name)
    values, truths = [], {}
    for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        name = truth["file"]
        judged, truths[name] = judge_document(truth, found.get(Path(name).name, ()), contract)
        specs = dict(contract.leaves())
        values += [
            Judged(
                family, f"{folder.name}/{name}", field.path, field.value or "", group_of(_kind(specs, field.path)), field.features, right,
                field.verdict is Verdict.ACCEPTED, field.confidence,
            )
            for field, right in judged
        ]
    return JudgedSet(folder.name, family, values, truths)


def _kind(specs: Mapping[str, FieldSpec], path: str) -> Kind:
    spec = specs.get(_plain(path))
    return spec.type if spec else Kind.TEXT


def _plain(path: str) -> str:
    head, bracket, rest = path.partition("[")
    return f"{head}[]{rest.partition(']')[2]}" if bracket else head


def fields_of(workspace: Workspace, contract: Contract) -> Iterator[tuple[str, list[Field]]]:
    """The fields of each file, by its name."""
    merger = Merger(contract)
    for shard in workspace.plan.document_shards:
        pages_of = workspace.shards_of(shard)
        places = workspace.documents_of(list(pages_of), ["uri", "copies"])
        source = merging._Pages(workspace, ["layout"])
        for document, shards in pages_of.items():
            fields = merger.merge(document, source.of(document, shards))
            for uri in [places[document]["uri"], *(places[document]["copies"] or ())]:
                yield Path(uri).name, fields


def judge_document(truth: Mapping[str, Any], fields: Iterable[Field], contract: Contract) -> tuple[list[tuple[Field, bool]], int]:
    """The fields that the truth settles with whether they are right, and how many values it has."""
    fields = [one for one in fields if one.matched and one.value]
    if "key_values" in truth:
        return _pairs(truth["key_values"], fields)
    specs = dict(contract.leaves())
    unscored = {name.replace("[].", ".") for name in truth.get("unscored", ())}
    seen, normal = truth.get("label_found_in_text_layer"), truth.get("fields_norm", {})
    known = {
        name: normal.get(name, value) if value is not None else None for name, value in truth.get("fields", {}).items()
        if name in specs and name not in unscored and (seen is None or seen.get(name)) and not (name in normal and normal[name] is None)
    }
    judged = [(one, is_right(one, known[one.path], specs[one.path].type)) for one in fields if one.path in known]
    count = sum(value is not None for value in known.values())
    for name, rows in truth.get("lists", {}).items():
        if name not in unscored:
            more, cells = _list(name, rows, fields, specs, unscored)
            judged += more
            count += cells
    return judged, count


def is_right(field: Field, truth: object, kind: Kind) -> bool:
    """Whether a field says what the truth says, or one of its forms."""
    return any(_same(field, one, kind) for one in (truth if isinstance(truth, list) else [truth]) if one is not None)


def _same(field: Field, truth: object, kind: Kind) -> bool:
    if kind in NUMERIC:
        try:
            return isinstance(field.typed, NUMBERS) and Decimal(field.typed) == Decimal(str(truth))
        except InvalidOperation:
            return False
    if kind is Kind.DATE:
        return str(field.typed) == str(truth)
    shown = str(field.typed) if kind is Kind.CURRENCY else str(field.value)
    return plain(shown) == plain(str(truth)) or plain(str(field.value)) == plain(str(truth))


def plain(text: str) -> str:
    """Letters and digits only."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _list(
    name: str, truth: Sequence[Mapping[str, Any]], fields: Sequence[Field], specs: Mapping[str, FieldSpec], unscored: set[str],
) -> tuple[list[tuple[Field, bool]], int]:
    columns = sorted({c for row in truth for c in row if c != "_optional" and f"{name}.{c}" not in unscored})
    rows: dict[str, dict[str, Field]] = {}
    for one in fields:
        if one.path.startswith(f"{name}["):
            number, _, column = one.path[len(name) + 1:].partition("].")
            if column in columns:
                rows.setdefault(number, {})[column] = one
    found = [rows[number] for number in sorted(rows, key=int)]

    def right(i: int, j: int) -> int:
        own = sum(c in found[j] and is_right(found[j][c], truth[i].get(c), specs[f"{name}[].{c}"].type) for c in columns)
        return 100 * own + 1 if own else 0

    best = [[0] * (len(found) + 1) for _ in range(len(truth) + 1)]
    for i in range(len(truth) - 1, -1, -1):
        for j in range(len(found) - 1, -1, -1):
            here = right(i, j)
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + here if here else 0)
    partner: dict[int, Mapping[str, Any]] = {}
    i = j = 0
    while i < len(truth) and j < len(found):
        here = right(i, j)
        if here and best[i][j] == best[i + 1][j + 1] + here:
            partner[j] = truth[i]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    judged = [
        (one, is_right(one, partner.get(j, {}).get(c), specs[f"{name}[].{c}"].type))
        for j, row in enumerate(found) for c, one in row.items()
    ]
    count = sum(row.get(c) is not None for row in truth if not row.get("_optional") for c in columns)
    return judged, count


def _pairs(truth: Sequence[Mapping[str, str]], fields: Sequence[Field]) -> tuple[list[tuple[Field, bool]], int]:
    rows: dict[str, dict[str, Field]] = {}
    for one in fields:
        stem, _, part = one.path.rpartition(".")
        rows.setdefault(stem, {})[part] = one
    left = [(plain(one["key"]), plain(one["value"])) for one in truth]
    judged = []
    for row in rows.values():
        if {"key", "value"} <= row.keys():
            own = plain(row["key"].value or ""), plain(row["value"].value or "")
            alike = [min(Levenshtein.normalized_similarity(a, b) for a, b in zip(own, other, strict=True)) for other in left]
            best = max(range(len(left)), key=alike.__getitem__, default=None)
            right = best is not None and alike[best] >= ALIKE
            if right and best is not None:
                del left[best]
            judged.append((row["value"], right))
    return judged, len(truth)
