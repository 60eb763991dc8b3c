"""Drafting: a first contract from a folder of example documents, with their true fields or without."""

from __future__ import annotations

from pathlib import Path

from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.workflows.drafting.examples import Example, read_examples, read_truth
from octavo.workflows.drafting.fields import Draft, draft_fields, locale_of
from octavo.workflows.drafting.guess import guessed_truth
from octavo.workflows.drafting.text import as_yaml

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
