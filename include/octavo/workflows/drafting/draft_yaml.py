"""A draft as YAML: every line that a person should look at has a comment that says why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML

from octavo.model.contracts import Contract, Kind, Locale
from octavo.workflows.drafting.fields import FieldDraft

# No value is so sure: a field with it leaves all of its values to people.
NOTHING = 1


@dataclass(frozen=True)
class Draft:
    """A drafted contract: its fields, and where they come from. ``sure`` says whether the language is, ``told`` whether there was truth."""

    name: str
    fields: list[FieldDraft]
    locale: Locale
    sure: bool
    source: str
    told: bool


def contract_of(draft: Draft) -> Contract:
    """The draft as the contract that its YAML is."""
    return Contract.model_validate(YAML(typ="safe").load(as_yaml(draft)))


def as_yaml(draft: Draft) -> str:
    """The contract, commented."""
    name, locale = draft.name, draft.locale
    unsure = "" if draft.sure else "; the examples say too little to tell it"
    lines = [
        f"# A draft by `octavo contracts new {name}`, from {draft.source}.",
        f"# Look through it, then see what it does with a document: octavo contracts try {name} FILE. docs/contracts.md has every key.",
        f"name: {name}",
        f"title: {_quoted(name.replace('_', ' ').capitalize())}",
        "description: \"\"  # one sentence; stands in the DAG's documentation",
        "schedule: null  # by hand only; \"0 0 * * *\" takes each day that has just ended",
        "locale:",
        f"  languages: [{', '.join(map(_code, locale.languages))}]  # of names of months and of digits' grouping{unsure}",
        f"  date_order: {locale.date_order}  # how 03/04/2026 is read: the order that fits most of the examples' dates",
    ]
    if locale.decimal != "auto":
        lines.append(f"  decimal: \"{locale.decimal}\"  # the mark before the cents of nearly all amounts, unlike the language's")
    if locale.currency:
        lines.append(f"  currency: {locale.currency}  # what a mark such as $ stands for")
    lines += ["fields:", *_fields(draft.fields, "  ", draft.told)]
    lines += [
        "gate:",
        "  failing_rows: review  # records that break a rule wait for a person; `stop` holds the whole day back",
        "  # min_required_share: 0.9",
        *_sums(draft.fields),
    ]
    return "\n".join(lines) + "\n"


def _code(language: str) -> str:
    return _quoted(language) if language == "no" else language  # YAML reads no as false


def _fields(fields: Sequence[FieldDraft], indent: str, told: bool) -> Iterator[str]:
    for one in fields:
        yield f"{indent}{one.name}:  # {_seen(one, told)}"
        yield f"{indent}  type: {one.type}"
        if one.labels:
            yield f"{indent}  labels: [{', '.join(map(_quoted, one.labels))}]"
            if one.not_labels:
                yield f"{indent}  not_labels: [{', '.join(map(_quoted, one.not_labels))}]  # labels of other fields that begin alike"
        elif one.place:
            yield f"{indent}  place: {one.place}"
        elif not one.fields:
            yield f"{indent}  # labels: []  # none was found beside it: what is it printed under?"
        if one.in_all and one.type not in (Kind.GROUP, Kind.LIST):
            yield f"{indent}  required: true  # all of the documents have it"
        if one.doubt and not one.fields:
            yield f"{indent}  accept_at: {NOTHING}  # nothing is accepted: {one.doubt}"
        if one.fields:
            yield f"{indent}  fields:"
            yield from _fields(one.fields, indent + "    ", told)


def _seen(one: FieldDraft, told: bool) -> str:
    if one.fields:
        return _counted(one.of)
    return f"this draft gets it in {one.gets} of {one.of} that have it" if told else _counted(one.of)


def _counted(documents: int) -> str:
    return "in 1 document" if documents == 1 else f"in {documents} documents"


def _sums(fields: Sequence[FieldDraft]) -> Iterator[str]:
    money = [one.name for one in fields if one.type is Kind.MONEY]
    if len(money) > 2:
        yield f"  # sums:  # what must add up, for example of {', '.join(money)}"
        yield f"  #   - {{total: {money[-1]}, parts: [{', '.join(money[:-1])}]}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
