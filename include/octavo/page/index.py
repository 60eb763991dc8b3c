"""One page's words, indexed once, so that looking for a value costs the same on every page.

Words are cut into *runs* of letters and digits (``27,JALAN`` has two). A text is found where its runs,
joined, equal consecutive runs of the page; numbers, dates and currencies are found by their typed value.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from octavo.model.contracts import Marks
from octavo.model.entities import Box, Page, Source, union
from octavo.model.lexicon import current
from octavo.page.layout import PageLayout
from octavo.page.lines import SEGMENT_GAP, same_row
from octavo.page.typed import wide_gap
from octavo.page.values import AmountSpan, DateSpan, DayOfYear, Parser, Typed, currency_of, parser, squeeze, strip_marks
from octavo.page.values.numbers import APOSTROPHES, MINUS

# Words of a lower confidence (0 to 1) may be misread. Tesseract's right words mostly have 0.9 and more.
LEGIBLE = 0.8
# Most places of one value that are kept on one page; a page full of "0.00" needs no more.
MOST_PLACES = 64
# Characters that OCR exchanges, one for one.
ALIKE = str.maketrans("01582i|!", "olsbzlll")
_TO_DIGITS = str.maketrans("OoQDlIi|!SsBZz", "00001111155822")
_RUNS = re.compile(r"[^\W_]+")
_MINUS = frozenset(MINUS)
# What stands beside a currency's mark in its word.
_NUMERALS = re.compile(rf"[{MINUS}{APOSTROPHES}\d.,:()<>/+]")
# A detached minus or a split number belongs together up to this gap, in multiples of the word's height.
_TIGHT = 0.6


class Occurrence(NamedTuple):
    """One place where the page shows a value: word indices in order, and whether it is printed just as asked."""

    words: tuple[int, ...]
    exact: bool


def runs_of(text: str) -> tuple[str, ...]:
    """A word's runs of letters and digits, casefolded."""
    if text.isascii() and text.isalnum():  # most words: quicker done than remembered
        return (text.lower(),)
    return _runs_of(text)


@lru_cache(1 << 16)
def _runs_of(text: str) -> tuple[str, ...]:
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(filter(None, map(squeeze, _RUNS.findall(plain))))


@lru_cache(1 << 16)
def look_alike(text: str) -> str:
    """Letters and digits without accents, which capitals often lack, and with those that OCR exchanges made one; as long as ``text``."""
    return (text if text.isascii() else "".join(map(_without_accents, text))).translate(ALIKE)


def _without_accents(letter: str) -> str:
    parts = unicodedata.normalize("NFD", letter)
    return parts[0] if all(map(unicodedata.combining, parts[1:])) else letter


class Stream:
    """Consecutive words as one string of their runs, with the offsets at which runs start."""

    def __init__(self, texts: Sequence[str], ids: Iterable[int]) -> None:
        placed = [(index, runs_of(texts[index])) for index in ids]
        self.words = [index for index, runs in placed for _ in runs]
        runs = [run for _, runs in placed for run in runs]
        ends = list(accumulate(map(len, runs), initial=0))
        self.at = dict(zip(ends, range(len(ends)), strict=True))
        self.starts = ends[:-1]
        self.text = "".join(runs)
        self.first: dict[str, list[int]] = {}
        for number, run in enumerate(runs):
            if run in self.first:
                self.first[run].append(number)
            else:
                self.first[run] = [number]

    @cached_property
    def alike(self) -> str:
        return look_alike(self.text)

    def find(self, text: str, head: str) -> list[tuple[int, int]]:
        """Spans of runs (first, past the last) whose joined text is ``text``; ``head`` is its own first run."""
        found = []
        for number in self.first.get(head, ()):
            start = self.starts[number]
            if self.text.startswith(text, start):
                end = self.at.get(start + len(text))
                if end is not None:
                    found.append((number, end))
                    if len(found) == MOST_PLACES:
                        break
        return found or self._find_split(self.text, text)

    @cached_property
    def first_alike(self) -> dict[str, list[int]]:
        """``first`` with look-alikes made one, for labels: OCR inside a PDF has no confidence to go by."""
        found: dict[str, list[int]] = {}
        text, starts = self.alike, self.starts
        for run, numbers in self.first.items():
            start = starts[numbers[0]]
            alike = text[start : start + len(run)]
            found[alike] = sorted(found[alike] + numbers) if alike in found else numbers
        return found

    def find_alike(self, text: str) -> list[tuple[int, int]]:
        """As ``find``, with look-alikes made one."""
        return self._find_split(self.alike, look_alike(text))

    def _find_split(self, stream: str, text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        start = stream.find(text)
        while start >= 0 and len(found) < MOST_PLACES:
            first, end = self.at.get(start), self.at.get(start + len(text))
            if first is not None and end is not None and end > first:
                found.append((first, end))
            start = stream.find(text, start + 1)
        return found

    def ids(self, first: int, end: int) -> tuple[int, ...]:
        """The words of a span of runs, each once."""
        if end == first + 1:
            return (self.words[first],)
        return tuple(dict.fromkeys(self.words[first:end]))


class PageIndex:
    """A page's words by run, number, date, currency and row; each part is made when first asked for.

    ``boxes`` are those of the levelled page, on which all geometry works; ``shown`` are those of the page as it is. ``dates_said`` are
    the dates that the answers about the page give for the contract's fields, as printed.
    """

    def __init__(self, page: Page, parser: Parser, dates_said: Sequence[str] = (), layout: PageLayout | None = None) -> None:
        self.page = page
        self.layout = layout or PageLayout(page)
        self.parser = parser
        self._dates_said = dates_said
        self.texts = [word.text for word in page.words]
        self.shown = [word.box for word in page.words]
        level = self.layout.page
        self.boxes = self.shown if level is page else [word.box for word in level.words]
        self.stream = Stream(self.texts, range(len(self.texts)))
        self._chunks: dict[tuple[int, ...], Stream] = {}
        self._place_boxes: dict[tuple[int, ...], list[Box]] = {}
        self._marked: dict[Marks, PageIndex] = {}

    def marked(self, marks: Marks | None) -> PageIndex:
        """The page with its amounts signed by a field's own marks; without marks the page as it is."""
        if marks is None:
            return self
        if marks not in self._marked:
            self._marked[marks] = PageIndex(self.page, parser(self.parser.locale, marks), self._dates_said, self.layout)
        return self._marked[marks]

    @cached_property
    def days_of_year(self) -> dict[DayOfYear, list[tuple[int, ...]]]:
        """Every date without a year on the page, with the words that show it."""
        found: dict[DayOfYear, list[tuple[int, ...]]] = {}
        for start, end, day in self.parser.days_of_year(" ".join(self.texts)):
            found.setdefault(day, []).append(self._words_from(start, end))
        return found

    @cached_property
    def short_ranges(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """Ranges whose first date is cut short: the words of the last date, and those of all of it."""
        ranges = self.date_parser.date_ranges(" ".join(self.texts))
        return {self._words_from(one.split, one.end): self._words_from(one.start, one.end) for one in ranges}

    @cached_property
    def _starts(self) -> list[int]:
        """Where the words begin in the page's text, joined by spaces."""
        return list(accumulate([len(text) + 1 for text in self.texts], initial=0))

    def _words_from(self, start: int, end: int) -> tuple[int, ...]:
        """The words of a part of the page's text."""
        return tuple(range(bisect_right(self._starts, start) - 1, bisect_left(self._starts, end)))

    def chunk_stream(self, words: tuple[int, ...]) -> Stream:
        """The words of a chunk in the chunk's own order, where columns are not interleaved."""
        stream = self._chunks.get(words)
        if stream is None:
            stream = self._chunks[words] = Stream(self.texts, (i for i in words if i < len(self.texts)))
        return stream

    @cached_property
    def lines(self) -> list[int]:
        """For each word the number of its line in reading order; a step back or down starts a new one."""
        line = 0
        numbers = [0] if self.boxes else []
        for last, box in pairwise(self.boxes):
            if box[0] < last[0] or not same_row(last, box):
                line += 1
            numbers.append(line)
        return numbers

    @cached_property
    def amounts(self) -> dict[int, tuple[AmountSpan, tuple[int, ...]]]:
        """The amounts of money on the page with their words, by each of these words."""
        boxes, texts = self.boxes, self.texts
        parts = [word + self._gap(*pair) for word, pair in zip(texts, pairwise(boxes), strict=False)] + texts[-1:]
        ends = list(accumulate(map(len, parts)))
        found: dict[int, tuple[AmountSpan, tuple[int, ...]]] = {}
        for span in self.parser.amounts("".join(parts)):
            words = tuple(range(bisect_right(ends, span.start), bisect_left(ends, span.end) + 1))
            found |= dict.fromkeys(words, (span, words))
        return found

    @staticmethod
    def _gap(left: Box, right: Box) -> str:
        """What stands for the space between two words in a text of amounts."""
        if not same_row(left, right) or right.x0 < left.x0:
            return "\n"
        return " " if right.x0 - left.x1 <= SEGMENT_GAP * max(left.height, right.height) else " " * wide_gap(left, right)

    def doubt(self, words: Sequence[int]) -> str:
        """What beside an amount that these words show leaves open what it says; empty where nothing does."""
        return next((self.amounts[i][0].doubt for i in words if i in self.amounts and self.amounts[i][0].doubt), "")

    def is_opposite(self, words: Sequence[int], value: Typed | None) -> bool:
        """Whether what stands beside these words makes the amount that they show the opposite of ``value``."""
        signed = [self.amounts[i][0] for i in words if i in self.amounts]
        return isinstance(value, Decimal) and any(value and not one.doubt and one.value == -value for one in signed)

    def is_part(self, words: tuple[int, ...]) -> bool:
        """Whether words show only a part of an amount of which nothing is in doubt: 234,50 of 1 234,50."""
        whole = self.amounts.get(words[0])
        return whole is not None and not whole[0].doubt and len(words) < len(whole[1])

    @cached_property
    def numbers(self) -> dict[Decimal, list[tuple[int, ...]]]:
        """Every number on the page by value, with the words that show it."""
        found: dict[Decimal, list[tuple[int, ...]]] = {}
        amounts = self.amounts
        read = self.parser.amounts_of_word
        texts = self.texts
        last = len(texts) - 1
        for i, text in enumerate(texts):
            if text.isalpha():
                continue
            known = amounts.get(i)
            if known is not None:
                span, words = known
                if words not in found.get(span.value, ()):
                    found.setdefault(span.value, []).append(words)
                if span.value < 0 and not span.doubt:
                    continue
            number = read(text)
            if number is None or (known is not None and number == known[0].value):
                continue
            if i and texts[i - 1] in _MINUS and self.tight(i - 1, i):
                found.setdefault(-abs(number), []).append((i - 1, i))
                continue
            if i < last and texts[i + 1] in _MINUS and self.tight(i, i + 1) and (i + 1 == last or not self.tight(i + 1, i + 2)):
                found.setdefault(-abs(number), []).append((i, i + 1))
                continue
            found.setdefault(number, []).append((i,))
            if i < last and (texts[i + 1][:1].isdigit() or texts[i + 1].startswith((".", ","))) and self.tight(i, i + 1):
                joined = self.parser.amount(f"{text} {texts[i + 1]}")
                if joined is not None:
                    found.setdefault(joined, []).append((i, i + 1))
        return found

    @cached_property
    def numbers_alike(self) -> dict[Decimal, list[tuple[int, ...]]]:
        """Numbers that words of low confidence show once letters that look like digits are read as digits."""
        found: dict[Decimal, list[tuple[int, ...]]] = {}
        for i, word in enumerate(self.page.words):
            if word.confidence < LEGIBLE and any(c.isdigit() for c in word.text):
                number = self.parser.amounts_of_word(word.text.translate(_TO_DIGITS))
                if number is not None:
                    found.setdefault(number, []).append((i,))
        return found

    @cached_property
    def _other_order(self) -> str:
        """A date of the page that fits another order than the contract's only, as 11/17/2017 does, where none fits the contract's only."""
        orders = {span.order for span in self._spans}
        text = " ".join(self.texts)
        return next((text[span.start:span.end] for span in self._spans if span.order < 0), "") if 1 not in orders else ""

    @cached_property
    def date_parser(self) -> Parser:
        """The parser for this page's dates: in the other order where dates of the contract's own fields fit that one only."""
        if not self._other_order or not any(span.order < 0 for text in self._dates_said for span in self.parser.dates(text)):
            return self.parser
        order = self.parser.locale.date_order
        return parser(self.parser.locale.model_copy(update={"date_order": "MDY" if order == "DMY" else "DMY"}))

    def date_doubt(self, words: Sequence[int]) -> str:
        """What leaves open which day a date is that these words show; empty where nothing does."""
        if not self._other_order or self.date_parser is not self.parser:
            return ""
        either = any(span.either for span in self.parser.dates(" ".join(self.texts[i] for i in words)))
        return f"“{self._other_order}” on the page has day and month in the other order" if either else ""

    @cached_property
    def dates(self) -> dict[Typed, list[tuple[int, ...]]]:
        """Every date on the page, with the words that show it."""
        return self._dates(self.texts)

    @cached_property
    def dates_alike(self) -> dict[Typed, list[tuple[int, ...]]]:
        """Dates that show once letters that look like digits, in words of low confidence, are read as digits."""
        return self._dates([
            word.text.translate(_TO_DIGITS) if word.confidence < LEGIBLE and any(c.isdigit() for c in word.text) else word.text
            for word in self.page.words
        ])

    @cached_property
    def _spans(self) -> list[DateSpan]:
        return list(self.parser.dates(" ".join(self.texts)))

    def _dates(self, texts: Sequence[str]) -> dict[Typed, list[tuple[int, ...]]]:
        found: dict[Typed, list[tuple[int, ...]]] = {}
        known = self.date_parser is self.parser and texts is self.texts
        for span in self._spans if known else self.date_parser.dates(" ".join(texts)):
            found.setdefault(span.date, []).append(self._words_from(span.start, span.end))
        return found

    @cached_property
    def currencies(self) -> dict[str, list[tuple[int, ...]]]:
        """Every currency mark on the page, alone or glued to an amount, by ISO code."""
        found: dict[str, list[tuple[int, ...]]] = {}
        currency = self.parser.locale.currency
        own = current().own_marks(currency)
        for i, text in enumerate(self.texts):
            mark = _NUMERALS.sub("", text)
            if mark and len(mark) <= 5 and (mark.isupper() or not mark.isalpha() or mark in current().printed_marks or mark in own):
                code = currency_of(mark, currency)
                if code:
                    found.setdefault(code, []).append((i,))
        return found

    @cached_property
    def _by_y(self) -> tuple[list[int], list[int], int]:
        tops = [box[1] for box in self.boxes]
        order = sorted(range(len(tops)), key=tops.__getitem__)
        return sorted(tops), order, max([y1 - y0 for _, y0, _, y1 in self.boxes], default=0)

    def between(self, y0: int, y1: int) -> list[int]:
        """Words that overlap the rows ``y0`` to ``y1``, by their top."""
        tops, order, highest = self._by_y
        boxes = self.boxes
        return [i for i in order[bisect_left(tops, y0 - highest) : bisect_left(tops, y1)] if boxes[i][3] > y0]

    def tight(self, left: int, right: int) -> bool:
        """Whether two words follow each other on a row without a wide gap."""
        a, b = self.boxes[left], self.boxes[right]
        own, other = a.height, b.height
        return -own <= b.x0 - a.x1 <= _TIGHT * max(1, min(own, other) if own > 4 else other) and same_row(a, b)

    def place_boxes(self, words: tuple[int, ...]) -> list[Box]:
        """One box for each line that the words stand on, in reading order."""
        if len(words) == 1:
            return [self.boxes[words[0]]]
        boxes = self._place_boxes.get(words)
        if boxes is None:
            boxes = self._place_boxes[words] = [self._around(row, self.boxes) for row in self._rows_of(words)]
        return boxes

    def shown_boxes(self, words: tuple[int, ...]) -> list[Box]:
        """As ``place_boxes``, on the page as it is: where evidence lies."""
        if self.shown is self.boxes:
            return self.place_boxes(words)
        return [self._around(row, self.shown) for row in self._rows_of(words)]

    def _rows_of(self, words: tuple[int, ...]) -> list[list[int]]:
        rows = [[words[0]]]
        for index in words[1:]:
            box, last = self.boxes[index], self.boxes[rows[-1][-1]]
            if same_row(last, box) and box.x0 >= last.x0:
                rows[-1].append(index)
            else:
                rows.append([index])
        return rows

    @staticmethod
    def _around(row: Sequence[int], boxes: Sequence[Box]) -> Box:
        return boxes[row[0]] if len(row) == 1 else union(boxes[i] for i in row)

    def confidence(self, words: Sequence[int]) -> float:
        """The lowest confidence among words."""
        read = self.page.words
        return read[words[0]].confidence if len(words) == 1 else min([read[i].confidence for i in words])

    def is_printed(self, words: Sequence[int], text: str) -> bool:
        """Whether the words show ``text`` character for character, marks around it aside."""
        shown = self.texts[words[0]] if len(words) == 1 else " ".join(self.texts[i] for i in words)
        return text in shown or strip_marks(text) in shown

    @cached_property
    def scanned(self) -> bool:
        """Whether any word comes from OCR."""
        return any(word.source is Source.OCR for word in self.page.words)
