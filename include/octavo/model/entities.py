"""The nouns every stage shares: boxes, words, pages, chunks, answers.

All boxes live in one frame: pixels of the upright page as rendered, origin top left, not
deskewed. A reader that rotates, deskews or upscales inverts its transform before it hands
words on.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Box(NamedTuple):
    """An axis-parallel rectangle: left, top, right, bottom in pixels; right and bottom are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def overlaps(self, other: Box) -> bool:
        """Whether the two rectangles share at least one pixel."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, point: tuple[float, float]) -> bool:
        return self.x0 <= point[0] < self.x1 and self.y0 <= point[1] < self.y1


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of ``boxes``; ``ValueError`` for none."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


class Source(StrEnum):
    """Where a word comes from."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"


class OcrReason(StrEnum):
    """Why a PDF's page was recognised although it may have a text layer."""

    NO_TEXT = "no_text"          # it has none
    HIDDEN_TEXT = "hidden_text"  # no viewer shows any of it
    GARBLED = "garbled"          # its characters mean nothing
    OFF_INK = "off_ink"          # an OCR layer that does not lie on what the page shows
    SCAN = "scan"                # a few words on a picture


class Word(NamedTuple):
    """One word of a page. ``confidence`` is 0 to 1; a text layer's words have 1."""

    text: str
    box: Box
    confidence: float
    source: Source


class Ruling(NamedTuple):
    """A straight line that is drawn on a page: of a table, of a form, or between parts of the text.

    The end points of its middle line, pixels of the page: from left to right for a level one, from top to bottom for an upright one.
    On a skewed page it is as skewed as the words are. ``width`` is its thickness in pixels, 1 or more.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    width: int

    @property
    def level(self) -> bool:
        """Whether it runs across the page, not down."""
        return abs(self.x1 - self.x0) >= abs(self.y1 - self.y0)

    @property
    def length(self) -> float:
        """Pixels between its end points."""
        return math.hypot(self.x1 - self.x0, self.y1 - self.y0)


class CheckBox(NamedTuple):
    """A small square to tick, as it is drawn or printed as a character; ``ticked`` if there is a mark in it."""

    box: Box
    ticked: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was read.

    ``number`` counts from 1. ``width`` and ``height`` are pixels of the upright page, ``dpi`` the
    resolution it was rendered at (None for an image that does not say). ``rotation`` is the
    clockwise turn in degrees that made it upright, ``transform`` the affine (a, b, c, d, e, f) from
    the source's pixels (PDF: points, origin top left) to the page's: x' = ax + cy + e, y' = bx + dy + f.
    ``skew`` is the angle in degrees at which its lines fall to the right (below 0: rise); 0 for level ones.
    ``rulings`` come from the top down, then from the left; check boxes' own sides are none of them.
    """

    document: str
    number: int
    width: int
    height: int
    dpi: int | None
    rotation: int
    transform: tuple[float, float, float, float, float, float]
    words: tuple[Word, ...]
    skew: float = 0.0
    rulings: tuple[Ruling, ...] = ()
    checks: tuple[CheckBox, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class Chunk(NamedTuple):
    """A part of a page that is read as one: its box and the indices of its words in ``Page.words``.

    ``number`` counts from 0 within the page, in reading order.
    """

    number: int
    box: Box
    words: tuple[int, ...]
    strategy: str

    def text(self, page: Page) -> str:
        return " ".join(page.words[index].text for index in self.words)


class ParseStatus(StrEnum):
    """How an answer's raw text became JSON."""

    OK = "ok"
    REPAIRED = "repaired"
    FAILED = "failed"
    BLANK = "blank"
    TIMED_OUT = "timed_out"


class Answer(NamedTuple):
    """What one extractor said of one chunk.

    ``parsed`` maps field names, as the extractor wrote them, to JSON values: a text, a list of texts
    (alternatives for a scalar field, best first), or a list of objects for list fields.
    ``hinted``: the chunk's words were in the prompt, so the answer cannot confirm those words.
    ``word_ids`` has the shape of ``parsed``, with a list of indices into ``Page.words`` for each text; None where
    the extractor does not know which words it took.
    """

    page: int
    chunk: int
    box: Box
    extractor: str
    hinted: bool
    parsed: dict[str, object]
    word_ids: dict[str, object] | None = None


class Support(StrEnum):
    """Does the page say it?"""

    EXACT = "exact"
    NORMALISED = "normalised"
    NONE = "none"
    UNREADABLE = "unreadable"


class Verdict(StrEnum):
    """May a value be taken without a look? Only ``accepted`` says yes."""

    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"
    CONFLICTING = "conflicting"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"
    PARAPHRASE = "paraphrase"


class Evidence(NamedTuple):
    """Where the page says it: the box of one run of words on one page."""

    page: int
    box: Box


class Loser(NamedTuple):
    """A candidate that was not taken, and why, in words."""

    value: str
    page: int
    extractor: str
    reason: str


class RecordPages(NamedTuple):
    """A record of a document that may have several: its number, from 1, and its first and last page."""

    record: int
    first_page: int
    last_page: int


def name_of(record: int | None, path: str) -> str:
    """A field of a document as people and forms name it: ``total``, of a document with several records ``2:total``."""
    return path if record is None else f"{record}:{path}"


class Field(NamedTuple):
    """The resolved value of one field path (``total``, ``line_items[0].amount``) of one document.

    ``value`` is the text as found; ``typed`` its parsed form (str, Decimal, int, date), None when it
    cannot be parsed. ``page`` and ``chunk`` are where the winner was said. ``matched`` is False for a
    key that no contract field claims. ``confidence`` is how likely it is right, 0 to 1 with three places, None for a
    generated value or none; ``features`` are what was measured for that. ``record`` is the number of its record, None where the document
    is one record.
    """

    document: str
    path: str
    value: str | None
    typed: object
    support: Support
    verdict: Verdict
    reason: str
    page: int | None
    chunk: int | None
    evidence: tuple[Evidence, ...]
    extractor: str | None
    losers: tuple[Loser, ...] = ()
    matched: bool = True
    confidence: Decimal | None = None
    features: tuple[str, ...] = ()
    record: int | None = None


class Outcome(StrEnum):
    """How a document, page or chunk ended in the ledger."""

    OK = "ok"
    PARTIAL = "partial"
    EMPTY = "empty"
    FALLBACK = "fallback"
    QUARANTINED = "quarantined"


Progress = Callable[[str, int, int, str], None]
"""Called with (stage, how many are done, of how many, of what: pages, documents or steps) as work goes on."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a stage call did, as counts that may go through XCom. ``cost`` is of a model, in the currency of its prices."""

    stage: str
    counts: dict[str, int]
    seconds: float
    cost: float = 0.0

    @staticmethod
    def total(reports: Sequence[Report]) -> dict[str, int]:
        """The counts of several calls added up."""
        counts: dict[str, int] = {}
        for report in reports:
            for name, count in report.counts.items():
                counts[name] = counts.get(name, 0) + count
        return counts


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of one contract: what a run reads and the only thing it writes."""

    contract: str
    day: dt.date

    @property
    def path(self) -> str:
        """``contract={c}/day={yyyy-mm-dd}``, as it stands in the lake."""
        return f"contract={self.contract}/day={self.day.isoformat()}"
