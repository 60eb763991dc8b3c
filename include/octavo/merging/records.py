"""From fields to rows: the ``fields`` table, and one typed record per document."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from octavo import schemas
from octavo.contracts import Contract, FieldSpec, Kind
from octavo.model import Field, Verdict

_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
# Digits enough for any column's decimal.
_EXACT = Context(prec=60)
_NUMBER = schemas.FIELDS.field("number").type


def field_row(field: Field) -> dict[str, Any]:
    """A ``schemas.FIELDS`` row."""
    typed = field.typed
    number = Decimal(typed) if isinstance(typed, int | Decimal) else None
    return {
        "document": field.document, "field": field.path, "matched": field.matched, "value": field.value,
        "number": _fit(number, _NUMBER), "date": typed if isinstance(typed, dt.date) else None,
        "support": field.support.value, "verdict": field.verdict.value, "reason": field.reason, "page": field.page, "chunk": field.chunk,
        "evidence": [{"page": e.page, **e.box._asdict()} for e in field.evidence], "extractor": field.extractor,
        "losers": [{"value": one.value, "page": one.page, "extractor": one.extractor, "reason": one.reason} for one in field.losers],
    }


def record(contract: Contract, document: str, uri: str, contract_hash: str, fields: Sequence[Field]) -> dict[str, Any]:
    """One row of the contract's own table.

    A value that the page does not say stays out; it is in ``fields`` with its verdict. Values with any
    other verdict are in. A value that cannot be read as its type, or does not fit its column, is null.
    """
    tree: dict[str, Any] = {}
    for field in fields:
        if field.matched and field.verdict is not Verdict.UNSUPPORTED and field.value is not None:
            _put(tree, field.path, field)
    return {"document": document, "uri": uri, "contract_hash": contract_hash, **_typed_group(contract.fields, tree)}


def _put(tree: dict[str, Any], path: str, field: Field) -> None:
    """File a field under its path; lists become {number: row}."""
    steps = _STEP.findall(path)
    node = tree
    for name, number in steps[:-1]:
        node = node.setdefault(name, {})
        if number:
            node = node.setdefault(int(number), {})
    node[steps[-1][0]] = field


def _typed_group(fields: dict[str, FieldSpec], tree: dict[str, Any]) -> dict[str, Any]:
    return {name: _typed(spec, tree.get(name)) for name, spec in fields.items()}


def _typed(spec: FieldSpec, node: Any) -> Any:
    if spec.type is Kind.PAIRS:
        return [{key: _text(row.get(key)) for key in ("key", "value")} for row in _rows(node)]
    if spec.type is Kind.LIST:
        return [_typed_group(spec.fields, row) for row in _rows(node)]
    if spec.type is Kind.GROUP:
        return _typed_group(spec.fields, node if isinstance(node, dict) else {})
    return _cell(spec, node) if isinstance(node, Field) else None


def _rows(node: Any) -> list[dict[str, Any]]:
    return [node[number] for number in sorted(node)] if isinstance(node, dict) else []


def _text(node: Any) -> str | None:
    return node.value if isinstance(node, Field) else None


def _cell(spec: FieldSpec, field: Field) -> Any:
    kind = schemas.arrow_type(spec)
    typed = field.typed
    if pa.types.is_string(kind):
        return typed if isinstance(typed, str) else field.value
    if pa.types.is_decimal(kind):
        return _fit(Decimal(typed), kind) if isinstance(typed, int | Decimal) else None
    if pa.types.is_integer(kind):
        return typed if isinstance(typed, int) and abs(typed) < 1 << 63 else None
    return typed


def _fit(number: Decimal | None, kind: Any) -> Decimal | None:
    """The number with the column's places; None when it has more digits than the column."""
    if number is None:
        return None
    most = kind.precision - kind.scale
    if number.adjusted() >= most:
        return None
    fitted = number.quantize(_step(kind.scale), rounding=ROUND_HALF_UP, context=_EXACT)
    return None if fitted.adjusted() >= most else fitted


@cache
def _step(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def verdicts(fields: Iterable[Field]) -> dict[str, int]:
    """How many fields have each verdict, every verdict named."""
    counts = {verdict.value: 0 for verdict in Verdict}
    for field in fields:
        counts[field.verdict.value] += 1
    return counts
