"""Drafting: a first contract from a folder of example documents, with their true fields or without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from octavo.model.contracts import Kind, Locale
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.workflows.drafting.examples import Example, guessed_truth, read_examples, read_truth
from octavo.workflows.drafting.fields import Draft, draft_fields, locale_of

__all__ = ["Draft", "Example", "draft"]


def draft(name: str, folder: Path, settings: Settings, truth: Path | None = None) -> tuple[str, list[Draft]]:
    """Draft a contract.

    With truth, its fields are the contract's; without, the keys that the documents print most often are. Types
    follow from the values, labels from what stands beside them on the pages.

    Args:
        name: of the contract.
        folder: the example documents, at any depth.
        settings: how they are read; their words go to the reading store, so that a run does not read them again.
        truth: JSON lines with ``file`` and ``fields``; None takes ``truth.jsonl`` of the folder, if it is there.

    Returns:
        The contract as commented YAML, and its fields.

    Raises:
        SettingsError: nothing can be learnt from the folder.
    """
    examples = read_examples(name, folder, settings)
    if not any(page.words for example in examples for page in example.pages):
        raise SettingsError(f"{folder} has no document with words; give a folder with examples of one type of document")
    path = truth or folder / "truth.jsonl"
    if truth is not None or path.is_file():
        read_truth(path, examples)
        source = f"{sum(bool(example.truth) for example in examples)} of them with the true fields of {path.name}"
        if not any(example.truth for example in examples):
            raise SettingsError(f"{path} names none of the documents of {folder}; its lines need `file` and `fields`")
    else:
        guessed_truth(examples)
        source = "without true fields: they are the keys that the documents print most often"
        if not any(example.truth for example in examples):
            raise SettingsError(f"no keys with values were found in {folder}; give true fields: truth.jsonl with `file` and `fields`")
    locale = locale_of(examples)
    fields = draft_fields(examples, locale)
    return as_yaml(name, fields, locale, f"{len(examples)} documents, {source}"), fields


def as_yaml(name: str, fields: list[Draft], locale: Locale, source: str) -> str:
    """The contract, commented."""
    title = name.replace("_", " ").capitalize()
    lines = [
        f"# A draft by `octavo contracts new {name}`, from {source}.",
        "# Read it through: types and labels are what these documents show. docs/contracts.md has every key.",
        f"name: {name}",
        f"title: {_quoted(title)}",
        "description: \"\"  # one sentence; stands in the DAG's documentation",
        "schedule: null  # by hand only; \"0 0 * * *\" takes each day that has just ended",
        "locale:",
        "  languages: [en]  # of names of months and of digits' grouping",
        f"  date_order: {locale.date_order}  # how 03/04/2026 is read: the order that fits most of the examples' dates",
    ]
    if locale.currency:
        lines.append(f"  currency: {locale.currency}  # what a mark such as $ stands for")
    lines += ["fields:", *_fields(fields, "  ")]
    lines += [
        "gate:",
        "  failing_rows: review  # records that break a rule wait for a person; `stop` holds the whole day back",
        "  # min_required_share: 0.9",
        *_sums(fields),
    ]
    return "\n".join(lines) + "\n"


def _fields(fields: list[Draft], indent: str) -> Iterator[str]:
    for draft in fields:
        comment = f"  # the pages show it in {draft.found} of {draft.of} documents" if not draft.fields else f"  # in {draft.of} documents"
        yield f"{indent}{draft.name}:{comment}"
        yield f"{indent}  type: {draft.type}"
        if draft.labels:
            yield f"{indent}  labels: [{', '.join(map(_quoted, draft.labels))}]  # found beside it, most often first"
        elif draft.at_top:
            yield f"{indent}  place: top  # no label was found beside it"
        elif not draft.fields:
            yield f"{indent}  # labels: []  # none was found beside it: what is it printed under?"
        if draft.in_all and draft.type not in (Kind.GROUP, Kind.LIST):
            yield f"{indent}  required: true  # all of the documents have it"
        if draft.fields:
            yield f"{indent}  fields:"
            yield from _fields(draft.fields, indent + "    ")


def _sums(fields: list[Draft]) -> Iterator[str]:
    money = [draft.name for draft in fields if draft.type is Kind.MONEY]
    if len(money) > 2:
        yield f"  # sums:  # what must add up, for example of {', '.join(money)}"
        yield f"  #   - {{total: {money[-1]}, parts: [{', '.join(money[:-1])}]}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
