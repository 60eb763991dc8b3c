"""Reason codes, and errors a user can act on: one class per decision, each with an exit code and a remedy in its text.

Positional arguments go to ``super().__init__`` so that every error pickles across processes.
"""

from __future__ import annotations

from enum import StrEnum

from octavo.model.printing import fit_to_print

INTERRUPTED = 130  # exit code of a command that Ctrl-C ended, as a shell says it


class Reason(StrEnum):
    """Why something in the ledger did not end as plain ``ok``: one code per thing that a user would do something different about.

    docs/ledger.md lists them for users; a test keeps the two in step.
    """

    DUPLICATE = "duplicate"
    UNREADABLE_FILE = "unreadable_file"
    EMPTY_FILE = "empty_file"
    UNSUPPORTED_TYPE = "unsupported_type"
    MISLABELLED = "mislabelled"
    NAME_NOT_UTF8 = "name_not_utf8"
    PASSWORD_REQUIRED = "password_required"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    NO_PAGES = "no_pages"
    XFA_FORM = "xfa_form"
    DAMAGED_CONTENT = "damaged_content"
    PORTFOLIO = "portfolio"
    TOO_MANY_PAGES = "too_many_pages"
    DOCUMENT_TOO_LARGE = "document_too_large"
    ARCHIVE_TOO_LARGE = "archive_too_large"
    NESTED_ARCHIVE = "nested_archive"
    UNSAFE_MEMBER = "unsafe_member"
    DUPLICATE_MEMBER = "duplicate_member"
    PAGE_TOO_LARGE = "page_too_large"
    PAGE_UNREADABLE = "page_unreadable"
    TOO_MANY_WORDS = "too_many_words"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    READER_CRASHED = "reader_crashed"
    CHANGED_DURING_RUN = "changed_during_run"
    BLANK_PAGE = "blank_page"
    NO_WORDS = "no_words"
    NOT_WANTED = "not_wanted"
    NOT_THIS_KIND = "not_this_kind"
    NO_FIELDS = "no_fields"
    PAGES_LOST = "pages_lost"
    ANSWER_UNPARSABLE = "answer_unparsable"
    NOT_PROCESSED = "not_processed"


class OctavoError(Exception):
    """Base of everything Octavo raises on purpose.

    ``retryable``: trying again later may help (a busy store), as opposed to a fact about the input
    or the configuration. ``exit_code`` is what ``python -m octavo`` ends with.
    """

    retryable = False
    exit_code = 1

    def __str__(self) -> str:
        return fit_to_print(" ".join(str(part) for part in self.args), keep="\n")


class ContractError(OctavoError):
    """A contract file does not say what a contract must say."""

    exit_code = 3


class LexiconError(ContractError):
    """A lexicon file does not say what a lexicon must say."""


class SettingsError(OctavoError):
    """A setting or an option contradicts another one or names nothing."""

    exit_code = 4


class ToolMissing(OctavoError):
    """A program or a language file that a stage needs is not installed."""

    exit_code = 5


class WorkspaceError(OctavoError):
    """A stage's input is not in the workspace: an earlier stage did not finish."""

    exit_code = 6


class LedgerHole(OctavoError):
    """Something that was discovered has no end in the ledger."""

    exit_code = 7


class GateFailed(OctavoError):
    """The data-quality gate refused the day; nothing but the ledger was published."""

    exit_code = 8


class StoreUnavailable(OctavoError):
    """A store or the lake did not answer; the same call may succeed later."""

    retryable = True
    exit_code = 9


class ModelUnavailable(OctavoError):
    """A model's endpoint did not answer, or its card failed; answers given before are kept, and the same call may succeed later."""

    retryable = True
    exit_code = 10


class Cancelled(OctavoError):
    """The work was called off from outside; what was done before is kept."""

    retryable = True
    exit_code = 11


class Superseded(OctavoError):
    """A run that was started later has published the day; what it found counts."""

    exit_code = 12


class Damaged(OctavoError):
    """A file of the lake or of a store is not what was written there."""

    exit_code = 13


class Quarantined(OctavoError):
    """One document or page cannot be read. It is data, not a failure of the run: it goes to the ledger."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return fit_to_print(f"{self.reason}: {self.detail}")
