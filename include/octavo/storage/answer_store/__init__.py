"""The answer store: what models have said, so that no question is ever paid for twice.

    {root}/000000000064-3f9c….parquet      one immutable segment; its name starts with its number of rows

An answer's key is the sha256 of everything that it depends on: the crop's pixels, the prompt, the model,
its revision and how it decodes. Every flush writes one segment, sorted by key; a writer folds its own
segments into one when it closes, and segments of a like size are folded together as they add up, so
there are always few files, and a look-up touches only the row groups whose range of keys holds one.

Writers never wait for one another. Where two have answered the same question, the first one's answer
counts, for every reader. A fresh run (``since``) does not see older answers, and its own replace them.
Corrections are not kept here.
"""

from octavo.storage.answer_store.key import answer_key, pixels_digest
from octavo.storage.answer_store.rows import StoredAnswer
from octavo.storage.answer_store.store import AnswerStore, Choice, Stats
from octavo.storage.answer_store.writer import AnswerWriter

__all__ = ["AnswerStore", "AnswerWriter", "Choice", "Stats", "StoredAnswer", "answer_key", "pixels_digest"]
