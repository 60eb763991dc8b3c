"""Reason codes: why something in the ledger did not end as plain ``ok``.

docs/ledger.md lists them for users; a test keeps the two in step.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """One code per thing that a user would do something different about."""

    DUPLICATE = "duplicate"
    EMPTY_FILE = "empty_file"
    UNSUPPORTED_TYPE = "unsupported_type"
    MISLABELLED = "mislabelled"
    NAME_NOT_UTF8 = "name_not_utf8"
    PASSWORD_REQUIRED = "password_required"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    NO_PAGES = "no_pages"
    TOO_MANY_PAGES = "too_many_pages"
    DOCUMENT_TOO_LARGE = "document_too_large"
    ARCHIVE_TOO_LARGE = "archive_too_large"
    NESTED_ARCHIVE = "nested_archive"
    UNSAFE_MEMBER = "unsafe_member"
    DUPLICATE_MEMBER = "duplicate_member"
    PAGE_TOO_LARGE = "page_too_large"
    PAGE_UNREADABLE = "page_unreadable"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    READER_CRASHED = "reader_crashed"
    CHANGED_DURING_RUN = "changed_during_run"
    BLANK_PAGE = "blank_page"
    NO_WORDS = "no_words"
    NOT_WANTED = "not_wanted"
    NO_FIELDS = "no_fields"
    PAGES_LOST = "pages_lost"
    ANSWER_UNPARSABLE = "answer_unparsable"
    NOT_PROCESSED = "not_processed"
