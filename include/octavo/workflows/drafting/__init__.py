"""Drafting: a first contract from a folder of example documents, with their true fields or without."""

from __future__ import annotations

from pathlib import Path

from octavo.model.contracts import Kind
from octavo.model.entities import Progress
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.workflows.drafting import checking
from octavo.workflows.drafting.draft_yaml import Draft, as_yaml, contract_of
from octavo.workflows.drafting.examples import Example, files_beside, read_examples, read_truth
from octavo.workflows.drafting.fields import FieldDraft, draft_fields, locale_of
from octavo.workflows.drafting.names import language_of
from octavo.workflows.drafting.proposing import propose

__all__ = ["Draft", "Example", "FieldDraft", "as_yaml", "draft"]


def draft(name: str, folder: Path, settings: Settings, truth: Path | None = None, progress: Progress | None = None) -> Draft:
    """Draft a contract, and check it on the examples.

    With truth, its fields are the contract's; without, they are the lists that the pages' grids show and the values that stand by labels.
    Types follow from the values, labels from what stands beside them on the pages.

    Args:
        name: of the contract.
        folder: the example documents, at any depth.
        settings: how they are read; their words go to the reading store, so that a run does not read them again.
        truth: JSON lines with ``file`` and ``fields``; None takes ``truth.jsonl`` of the folder, if it is there.
        progress: told how far it is.

    Raises:
        SettingsError: nothing can be learnt from the folder.
    """
    path = truth or folder / "truth.jsonl"
    files = files_beside(folder, path)
    examples = read_examples(name, folder, settings, files, progress)
    if not any(page.words for example in examples for page in example.pages):
        raise SettingsError(f"{folder} has no document with words; give a folder with examples of one type of document")
    told = truth is not None or path.is_file()
    if told:
        read_truth(path, examples)
        if not any(example.truth for example in examples):
            raise SettingsError(f"{path} names none of the documents of {folder}; its lines need `file` and `fields`")
        source = f"{sum(bool(example.truth) for example in examples)} of them with the true fields of {path.name}"
    else:
        source = "without true fields: the fields are what several of them print by labels and in tables"
    language, sure = language_of(examples)
    locale = locale_of(examples, language)
    fields = draft_fields(examples, locale) if told else propose(examples, locale)
    if not fields:
        raise SettingsError(f"no labels with values were found in {folder}; give true fields: truth.jsonl with `file` and `fields`")
    counted = "1 document" if len(examples) == 1 else f"{len(examples)} documents"
    made = Draft(name, fields, locale, sure, f"{counted}, {source}", told)
    checking.check(contract_of(made).model_copy(update={"files": files}), fields, examples, folder, settings, progress)
    if not told:
        for one in fields:
            if one.type is Kind.LIST and all(column.doubt for column in one.fields):
                one.doubt = one.fields[0].doubt
    return made
