"""Names and languages of a draft: what labels become as columns, and what the documents are written in."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from slugify import slugify

from octavo.workflows.drafting.examples import Example

LONGEST_NAME = 40
# What an unsure language is taken for, and the least probability of a sure one.
UNSURE, SURE = "en", 0.45


def column_name(printed: str, taken: Collection[str] = ()) -> str:
    """A column's name for what is printed or for a key of the truth, unlike those that are taken: ``NOME / RAZÃO`` is ``nome_razao``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", printed)
    name = slugify(spaced, separator="_", max_length=LONGEST_NAME, word_boundary=True)
    name = name if name[:1].isalpha() else f"field_{name}".rstrip("_")
    number = 2
    while (unique := name if number == 2 else f"{name}_{number - 1}") in taken:
        number += 1
    return unique


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_of(examples: Sequence[Example]) -> tuple[str, bool]:
    """The language that the documents' words are in, as a two-letter code, and whether that is sure; English where nothing is."""
    words = (word.text.casefold() for example in examples for page in example.pages for word in page.words)
    text = " ".join(word for word in words if any(map(str.isalpha, word)) and not any(map(str.isdigit, word)))
    code, probability = _identifier().classify(text)
    sure = bool(text) and len(code) == 2 and probability >= SURE
    return (code if sure else UNSURE), sure
