"""Grounding: does the page's own text say a value, and where?

``exact``: the words show it as given. ``normalised``: they show it in another form (case, punctuation,
a line break, 1,234.00 for 1234.00). ``none``: they do not. ``unreadable``: what was read there is too
poor to tell. Edit distance is for running text in poorly read words only, never for numbers, dates and identifiers.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise, repeat
from operator import attrgetter
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from octavo.model.contracts import CHOSEN, Kind
from octavo.model.entities import Box, Chunk, Source, Support
from octavo.page.index import LEGIBLE, Occurrence, PageIndex, Stream, runs_of
from octavo.page.lines import same_row
from octavo.page.values import NUMERIC, TEXTUAL, DayOfYear, Typed, squeeze, strip_marks

# Below this confidence a word refutes nothing: it says that something is there, not what.
POOR = 0.6
# A chunk whose share of such words is higher cannot refute anything.
POOR_SHARE = 0.5
# Similarity (0 to 100) of running text that poorly read words may show, and its least length.
TEXT_SIMILARITY = 90
TEXT_LENGTH = 10
# A text goes on in the line below within this distance, in multiples of the height; at most so many places are tried.
COLUMN_GAP = 2.0
MOST_STARTS = 8
# An identifier shorter than this must be cut into words as the page cuts it.
SHORT_IDENTIFIER = 6
# A generated text is covered by the page from this share of its content words on.
COVERED = 0.5
# Words with fewer letters carry no content of their own.
CONTENT_LENGTH = 4

_STRICT = frozenset({Kind.IDENTIFIER, Kind.PHONE, Kind.EMAIL, Kind.URL})
_BEFORE = frozenset(":#=([/*")
_AFTER = frozenset(":;.,)]*!?")


class Grounding(NamedTuple):
    """What the page says about a value. ``cover`` is the share of content words, for generated text only."""

    support: Support
    places: tuple[Occurrence, ...]
    cover: float | None = None


# A member of an enumeration takes Python 3.11 longer to find than a call: these are asked for with every value.
_GENERATED, _DATE, _CURRENCY, _MONEY = Kind.GENERATED, Kind.DATE, Kind.CURRENCY, Kind.MONEY
# The support of a value that the page shows, by whether it is printed just as asked.
SHOWN = {True: Support.EXACT, False: Support.NORMALISED}
_NONE = Grounding(Support.NONE, ())
_UNREADABLE = Grounding(Support.UNREADABLE, ())


class _Legibility(NamedTuple):
    """Whether a chunk was read too poorly to refute anything, and its poorly read words, squeezed."""

    poor: bool
    dim: tuple[str, ...]


class Grounder:
    """Answers whether one page shows a value. Each distinct question is worked out once."""

    def __init__(self, index: PageIndex, chunks: dict[int, Chunk]) -> None:
        self.index = index
        self._chunks = chunks
        self._judged: dict[int | None, _Legibility] = {}
        self._known: dict[tuple[Kind, str, Typed | None, int], Grounding] = {}
        self._others: dict[PageIndex, Grounder] = {}

    def of(self, index: PageIndex) -> Grounder:
        """The same on another index of the page."""
        if index not in self._others:
            self._others[index] = Grounder(index, self._chunks)
        return self._others[index]

    def ground(self, kind: Kind, text: str, typed: Typed | None, chunk: int) -> Grounding:
        """Where the page shows a value.

        Args:
            kind: the field's kind.
            text: the value as the extractor wrote it.
            typed: its parsed form, None if it has none.
            chunk: number of the chunk the answer is about; its words decide whether it was read well enough to refute the value.
        """
        key = (kind, text, typed, chunk)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._ground(kind, text, typed, self._chunks.get(chunk))
        return known

    def named(self, kind: Kind, text: str, words: tuple[int, ...]) -> Grounding | None:
        """The place that an extractor names for a value; None where its words do not say the value, or do not follow each other."""
        texts = self.index.texts
        if max(words) >= len(texts) or squeeze(text) not in squeeze("".join([texts[i] for i in words])):
            return None
        if len(words) > 1 and not self._is_run(words, kind in TEXTUAL or kind is Kind.IDENTIFIER):
            return None
        place = Occurrence(words, self.index.is_printed(words, text))
        return Grounding(SHOWN[place.exact], (place,))

    def _is_run(self, words: tuple[int, ...], wraps: bool) -> bool:
        """Whether words are read one after the other; ``wraps``: over several lines."""
        boxes, lines = self.index.boxes, self.index.lines
        if not wraps and not same_row(boxes[words[0]], boxes[words[-1]]):
            return False
        return all(
            (word == last + 1 and (wraps or lines[word] == lines[last])) or self._follows(boxes[last], boxes[words[0]], boxes[word])
            for last, word in pairwise(words)
        )

    def _ground(self, kind: Kind, text: str, typed: Typed | None, chunk: Chunk | None) -> Grounding:
        if kind is _GENERATED:
            return self._cover(text, self._judge(chunk))
        places = self._typed_places(kind, typed) if typed is not None else []
        if not places and (typed is None or kind in TEXTUAL or kind in _STRICT or kind in CHOSEN):
            places = self._text_places(kind, text, chunk)
            if places and kind in TEXTUAL:
                places = self._of_the_same_number(text, places)
        if places:
            marked = tuple([Occurrence(words, self.index.is_printed(words, text)) for words in places])
            return Grounding(SHOWN[any(map(attrgetter("exact"), marked))], marked)
        judged = self._judge(chunk)
        return _UNREADABLE if judged.poor or self._may_be_misread(kind, text, judged) else _NONE

    def _typed_places(self, kind: Kind, typed: Typed) -> list[tuple[int, ...]]:
        index = self.index
        if kind in NUMERIC:
            number = Decimal(typed) if isinstance(typed, int) else typed
            if not isinstance(number, Decimal):
                return []
            return index.numbers.get(number) or (index.numbers_alike.get(number) if index.scanned else None) or []
        if isinstance(typed, DayOfYear):
            return index.days_of_year.get(typed, [])
        if kind is _DATE:
            return index.dates.get(typed) or (index.dates_alike.get(typed) if index.scanned else None) or []
        if kind is _CURRENCY:
            return index.currencies.get(str(typed), [])
        return []

    def _text_places(self, kind: Kind, text: str, chunk: Chunk | None) -> list[tuple[int, ...]]:
        squeezed = squeeze(text)
        if not squeezed:
            return []
        head = runs_of(text)[0]
        streams = [self.index.stream]
        found = self._in_stream(self.index.stream, squeezed, head, kind, text)
        if not found and chunk is not None and head != squeezed:
            streams.append(self.index.chunk_stream(chunk.words))
            found = self._in_stream(streams[-1], squeezed, head, kind, text)
        if not found and kind in TEXTUAL and head != squeezed:
            found = [words for words in map(self._down_a_column, self._starts(head), repeat(squeezed)) if words]
        if not found and self.index.scanned and kind not in NUMERIC and kind is not _DATE:
            found = self._misread(streams, squeezed, kind)
        return found

    def _of_the_same_number(self, text: str, places: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Without the places that show another number in the same digits: -100.00 and 10000 are no 100.00, also where they are text."""
        parse = self.index.parser.parse
        number = parse(_MONEY, text)
        if number is None:
            return places
        shown = [parse(_MONEY, strip_marks(" ".join(self.index.texts[i] for i in words))) for words in places]
        return [words for words, other in zip(places, shown, strict=True) if other is None or other == number]

    def _in_stream(self, stream: Stream, squeezed: str, head: str, kind: Kind, text: str) -> list[tuple[int, ...]]:
        spans = stream.find(squeezed, head)
        if kind in TEXTUAL or kind is _CURRENCY:
            return [stream.ids(first, end) for first, end in spans]
        return [stream.ids(first, end) for first, end in spans if self._is_whole(stream, first, end, squeezed, text)]

    def _starts(self, head: str) -> list[int]:
        """Words that begin with the value's first run."""
        stream = self.index.stream
        return [stream.words[run] for run in stream.first.get(head, ())[:MOST_STARTS]]

    def _down_a_column(self, start: int, squeezed: str) -> tuple[int, ...]:
        """The words of a text that goes on below its own first line, where the page's order puts other columns between."""
        index = self.index
        words, rest = [start], squeezed.removeprefix(squeeze(index.texts[start]))
        while rest and rest != squeezed:
            last, first = index.boxes[words[-1]], index.boxes[words[0]]
            reach = last.y1 + round(COLUMN_GAP * last.height)
            step = min(
                (
                    (not same_row(last, box), box.y0, box.x0, i)
                    for i in index.between(last.y0, reach)
                    if i not in words and (text := squeeze(index.texts[i])) and rest.startswith(text)
                    and self._follows(last, first, box := index.boxes[i])
                ),
                default=None,
            )
            if step is None:
                return ()
            words.append(step[-1])
            rest = rest.removeprefix(squeeze(index.texts[step[-1]]))
        return tuple(words) if not rest else ()

    @staticmethod
    def _follows(last: Box, first: Box, box: Box) -> bool:
        """Whether a word stands right behind the last one, or begins a line below under the first one."""
        if same_row(last, box):
            return 0 <= box.x0 - last.x1 + last.height <= 3 * last.height
        return box.y0 >= last.y0 + last.height // 2 and abs(box.x0 - first.x0) <= 2 * first.height

    def _is_whole(self, stream: Stream, first: int, end: int, squeezed: str, text: str) -> bool:
        """Whether a span is a whole identifier on one line, not the tail or the head of a longer one."""
        words = stream.ids(first, end)
        texts = self.index.texts
        if len(words) > 1:
            lines = self.index.lines
            if lines[words[0]] != lines[words[-1]]:
                return False
            if len(squeezed) < SHORT_IDENTIFIER and [squeeze(texts[i]) for i in words] != [s for s in map(squeeze, text.split()) if s]:
                return False
        before = texts[words[0]].casefold()
        start = before.find(runs_of(text)[0])
        glued = start > 0 and before[start - 1] not in _BEFORE and first > 0 and stream.words[first - 1] == words[0]
        goes_on = end < len(stream.words) and stream.words[end] == words[-1]
        if goes_on:
            tail = texts[words[-1]].casefold()
            last = runs_of(text)[-1]
            after = tail.rfind(last) + len(last)
            goes_on = not (after < len(tail) and tail[after] in _AFTER and not tail[after + 1 : after + 2].isdigit())
        return not glued and not goes_on

    def _misread(self, streams: list[Stream], squeezed: str, kind: Kind) -> list[tuple[int, ...]]:
        """Look-alikes in words of low confidence; for running text, a bounded edit distance there as well."""
        words = self.index.page.words
        for stream in streams:
            found = [stream.ids(first, end) for first, end in stream.find_alike(squeezed)]
            found = [ids for ids in found if self._differs_in_poor_words_only(ids, squeezed)]
            if found:
                return found
        if kind not in TEXTUAL or len(squeezed) < TEXT_LENGTH:
            return []
        for stream in streams:
            if len(stream.text) < len(squeezed) or fuzz.partial_ratio(squeezed, stream.text, score_cutoff=TEXT_SIMILARITY) == 0:
                continue
            near = fuzz.partial_ratio_alignment(squeezed, stream.text, score_cutoff=TEXT_SIMILARITY)
            if near is None:
                continue
            first = stream.at.get(near.dest_start, next((stream.at[o] for o in range(near.dest_start, -1, -1) if o in stream.at), 0))
            end = next((stream.at[o] for o in range(near.dest_end, len(stream.text) + 1) if o in stream.at), len(stream.words))
            ids = stream.ids(first, max(end, first + 1))
            shown = "".join(squeeze(self.index.texts[i]) for i in ids)
            if Levenshtein.normalized_similarity(squeezed, shown) * 100 < TEXT_SIMILARITY or _digits(shown) != _digits(squeezed):
                continue
            if self._differs_in_poor_words_only(ids, squeezed) and any(words[i].source is Source.OCR for i in ids):
                return [ids]
        return []

    def _differs_in_poor_words_only(self, ids: tuple[int, ...], squeezed: str) -> bool:
        """Whether every word whose own letters are not in the value was read with low confidence."""
        rest = squeezed
        for i in ids:
            own = squeeze(self.index.texts[i])
            at = rest.find(own)
            if 0 <= at <= 2:
                rest = rest[at + len(own) :]
            elif self.index.page.words[i].confidence >= LEGIBLE:
                return False
            else:
                rest = rest[len(own) :]
        return True

    def _judge(self, chunk: Chunk | None) -> _Legibility:
        """How well a chunk, or the page for None, was read. Asked only where a value is not found."""
        number = None if chunk is None else chunk.number
        judged = self._judged.get(number)
        if judged is None:
            judged = self._judged[number] = self._judge_words(chunk)
        return judged

    def _judge_words(self, chunk: Chunk | None) -> _Legibility:
        words = self.index.page.words
        if chunk is not None:
            words = tuple(words[i] for i in chunk.words if i < len(words))
        dim = [word for word in words if word.source is Source.OCR and word.confidence < POOR]
        return _Legibility(not words or len(dim) > POOR_SHARE * len(words), tuple(squeeze(word.text) for word in dim))

    def _may_be_misread(self, kind: Kind, text: str, chunk: _Legibility) -> bool:
        """Whether a poorly read word of the chunk may be this value: alike in length and in most characters."""
        if not chunk.dim:
            return False
        for part in text.split() if kind in TEXTUAL else [text]:
            own = squeeze(part)
            if own and any(shown and Levenshtein.distance(own, shown) <= max(1, len(own) // 3) for shown in chunk.dim):
                return True
        return False

    def _cover(self, text: str, chunk: _Legibility) -> Grounding:
        content = [run for run in runs_of(text) if len(run) >= CONTENT_LENGTH or run.isdigit()]
        if chunk.poor:
            return Grounding(Support.UNREADABLE, (), 0.0)
        if not content:
            return Grounding(Support.NONE, (), 0.0)
        cover = sum(run in self.index.stream.first for run in content) / len(content)
        return Grounding(Support.NORMALISED if cover >= COVERED else Support.NONE, (), round(cover, 4))


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())
