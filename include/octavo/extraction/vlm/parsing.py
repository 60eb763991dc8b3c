"""From a model's raw text to an answer: its JSON, checked against the contract.

Nothing that a model wrote is lost: the raw text is kept with the answer, numbers stay as they are written, and keys that the
contract does not know, or that come twice, stay in, for the merge stage to report. Null says nothing, so a member that is null
is as good as left out. A text without any JSON object in it is ``failed``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from octavo.model import answer_json
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import ParseStatus

_SCALAR = str | int | float | bool


@dataclass(frozen=True)
class Parsed:
    """What could be made of a raw text.

    ``complete``: it ends where JSON ends; False means that more was to come. ``problems`` says what does not
    fit the contract, in words; such values are kept all the same.
    """

    value: dict[str, Any]
    status: ParseStatus
    complete: bool = True
    problems: tuple[str, ...] = ()


FAILED = Parsed({}, ParseStatus.FAILED, complete=False, problems=("no JSON object in the answer",))


def parse(raw: str, contract: Contract) -> Parsed:
    """Make JSON of what a model wrote.

    ``ok`` is strict JSON that fits the contract; ``repaired`` needed help or does not fit in places;
    ``failed`` has no JSON object, or one without a single value.
    """
    value, strict, complete = answer_json.read(raw)
    value, wrapped = answer_json.as_object(value, contract)
    if not isinstance(value, dict) or (not strict and not answer_json.holds_value(value)):
        return FAILED
    value = _said(value) or {}
    problems = tuple(_problems(value, contract.fields, ""))
    status = ParseStatus.OK if strict and not wrapped and not problems else ParseStatus.REPAIRED
    return Parsed(value, status, complete, problems)


def _said(value: Any) -> Any:
    """The value without nulls, and without objects and lists that held nothing else; None where nothing is left."""
    if isinstance(value, dict):
        members = {key: kept for key, inner in value.items() if (kept := _said(inner)) is not None}
        return members if members or not value else None
    if isinstance(value, list):
        items = [kept for inner in value if (kept := _said(inner)) is not None]
        return items if items or not value else None
    return value


def _problems(value: dict[str, Any], fields: dict[str, FieldSpec], prefix: str) -> list[str]:
    found = [f"{prefix}{name}: no such field" for name in value if name not in fields]
    for name, spec in fields.items():
        if name in value:
            found += _misfits(value[name], spec, prefix + name)
    return found


def _misfits(value: Any, spec: FieldSpec, path: str) -> list[str]:
    match spec.type:
        case Kind.GROUP:
            return _problems(value, spec.fields, f"{path}.") if isinstance(value, dict) else [f"{path}: not an object"]
        case Kind.LIST | Kind.PAIRS:
            if not isinstance(value, list):
                return [f"{path}: not a list"]
            fields = spec.fields or {"key": FieldSpec(), "value": FieldSpec()}
            found: list[str] = []
            for number, item in enumerate(value):
                place = f"{path}[{number}]"
                found += _problems(item, fields, f"{place}.") if isinstance(item, dict) else [f"{place}: not an object"]
            return found
        case _:
            texts = value if isinstance(value, list) else [value]
            return [] if all(isinstance(text, _SCALAR) for text in texts) else [f"{path}: not a text"]
