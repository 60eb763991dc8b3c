"""Whether a document is of the contract's kind: it has some of the words and patterns that the contract names (``match``)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from octavo.merging.scored_candidates import PERSON
from octavo.model.entities import Field, Page, Verdict
from octavo.model.field_specs import is_pattern
from octavo.page.index import runs_of

NOT_THIS_KIND = "the document is not of this kind: no page has any of the contract's `match`"


class KindMatch:
    """Looks for what a contract names on pages. Words match whole, in any case and with any marks between."""

    def __init__(self, match: Sequence[str]) -> None:
        self._patterns = [re.compile(one[1:-1]) for one in match if is_pattern(one)]
        self._phrases = [_spaced(one) for one in match if not is_pattern(one)]

    def is_on(self, page: Page) -> bool:
        """Whether a page has any of it; of a contract that names nothing every page does."""
        if not self._patterns and not self._phrases:
            return True
        text = " ".join(word.text for word in page.words)
        spaced = _spaced(text)
        return any(phrase in spaced for phrase in self._phrases) or any(one.search(text) for one in self._patterns)


def refused(fields: Sequence[Field], reason: str) -> list[Field]:
    """The fields of a document or record that may be none of the contract's, of which only what a person said is accepted."""
    return [
        field._replace(verdict=Verdict.AMBIGUOUS, reason=reason) if field.verdict is Verdict.ACCEPTED and field.extractor != PERSON
        else field for field in fields
    ]


def _spaced(text: str) -> str:
    return f" {' '.join(runs_of(text))} "
