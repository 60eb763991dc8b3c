"""Lists: rows of line items or pairs, found on the page row by row and joined across answers.

Two rows are one only when their answers can have seen the same print: another extractor on the same
chunk, or chunks whose boxes overlap. Two equal coffees said by one answer stay two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from octavo.merging.answer_candidates import Candidate
from octavo.merging.arithmetic import multiply
from octavo.merging.field_links import NO_TIE, STRONG, Tie, Ties
from octavo.merging.grounding import Ground
from octavo.merging.pair_links import PairTies
from octavo.merging.scored_candidates import Claim, Claimer
from octavo.merging.unlabelled_links import is_heading
from octavo.model import contracts
from octavo.model.entities import Box
from octavo.page import labels
from octavo.page.index import Place
from octavo.page.label_matches import Print
from octavo.page.lines import same_row
from octavo.page.values import NUMERIC, TEXTUAL, Typed

# Fewest values of one key that make a list of names, which may go on below the key: "cc:".
LEAST_LISTED = 3
# Anchors tried for one row before it is left without a place of its own.
MOST_ANCHORS = 64


@dataclass(slots=True)
class Row:
    """One row as one answer gave it: its cells' claims, by field. ``position``: where it is read within its chunk."""

    source: int
    box: Box
    chunk: int
    extractor: str
    cells: dict[str, list[Claim]]
    words: frozenset[int]
    position: int
    y: int
    number: int


@dataclass(slots=True)
class Slot:
    """One row of the result: the rows of all answers that are about it."""

    rows: list[Row] = field(default_factory=list)

    def cells(self) -> dict[str, list[Claim]]:
        found: dict[str, list[Claim]] = {}
        for row in self.rows:
            for name, claims in row.cells.items():
                found.setdefault(name, []).extend(claims)
        return found


_PARAGRAPH, _HEADING_LINE = contracts.Place.PARAGRAPH, contracts.Place.HEADING
_Cell = tuple[Candidate, Typed | None, Ground]
_Key = tuple[int, Box, int, frozenset[int], tuple[tuple[str, str], ...]]


class Lists:
    """Builds the rows of one list on one page."""

    def __init__(
        self, claimer: Claimer, ties: Ties, fields: Sequence[str], pairs: bool, order: Mapping[int, int], carried: Sequence[Print] = (),
    ) -> None:
        """``order`` gives each word of the page its place in its chunk's reading order, ``carried`` the headers of the page before."""
        self._claimer = claimer
        self._order = order
        self._index = claimer.index
        self._ties = ties
        self._pairs = pairs
        self._fields = list(fields)
        self._specs = ties.specs
        self._path = fields[0].partition("[]")[0] if fields else ""
        self._free = PairTies(self._index, ties)
        self._listed: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        self._times: Counter[str] = Counter()
        own = [] if pairs else ties.headers(fields)
        self._headers = own
        self._carried = list(carried)
        self._goes_on = _last_row(own) or list(carried)
        self._known: dict[_Key, Row] = {}
        self._key: _Key = (0, Box(0, 0, 0, 0), 0, frozenset(), ())

    def rows(self, source: int, items: Iterable[Sequence[Candidate]]) -> list[Row]:
        """One answer's rows, each with places that no earlier row of the answer has taken."""
        taken: set[int] = set()
        rows: list[Row] = []
        if self._pairs:
            items = list(items)
            self._listed, self._times = {}, Counter(cells[0].value for cells in items)
        y = position = -1
        for number, candidates in enumerate(items):
            known = self._known_row(candidates, frozenset(taken), y)
            if known is not None:
                row = _retold(known, source, candidates, number)
                rows.append(row)
                taken |= row.words
                y, position = row.y, row.position
                continue
            key = self._key
            cells: list[_Cell] = [(one, *self._claimer.ground(one)) for one in candidates]
            places = self._pair_places(cells, taken) if self._pairs else self._row_places(cells, taken, y)
            claims: dict[str, list[Claim]] = {}
            words: set[int] = set()
            for at, (candidate, typed, ground) in enumerate(cells):
                place, tie = places[at]
                if place is not None and (self._pairs or tie is not _OFF_ROW):
                    words.update(place.words)
                claims.setdefault(candidate.field, []).append(
                    self._claimer.claim(candidate, typed, ground, place, NO_TIE if tie is _OFF_ROW else tie))
            taken |= words
            if words:
                y = min([self._index.boxes[i].y0 for i in words])
                position = min([self._order.get(i, i) for i in words])
            if not self._pairs:
                multiply(claims)
            first = candidates[0]
            rows.append(Row(source, first.box, first.chunk, first.extractor, claims, frozenset(words), position, y, number))
            self._known[key] = rows[-1]
        return rows

    def _known_row(self, candidates: Sequence[Candidate], taken: frozenset[int], y: int) -> Row | None:
        """What another answer's row with the same cells became, at the same state of the page."""
        first = candidates[0]
        self._key = (first.chunk, first.box, y, taken, tuple([(one.field, one.value) for one in candidates]))
        return self._known.get(self._key)

    def _row_places(self, cells: Sequence[_Cell], taken: set[int], y: int) -> list[tuple[Place | None, Tie]]:
        free = [[p for p in ground.places if taken.isdisjoint(p.words)] for _, _, ground in cells]
        row = self._best_row(cells, free, y)
        placed: list[tuple[Place | None, Tie]] = []
        used: set[int] = set()
        there = [[p for p in options if row is not None and self._on_row(p, row)] for options in free]
        together = sum(map(bool, there))
        for (candidate, _, ground), options in zip(cells, there, strict=True):
            on_row = [p for p in options if used.isdisjoint(p.words)]
            if on_row:
                # a column's header tells two equal numbers of one row apart
                tied = [(self._column(candidate.field, place), place) for place in on_row]
                tie, place = tied[0] if len(tied) == 1 else max(tied, key=lambda t: (t[0].score, t[1].exact, tuple(-i for i in t[1].words)))
                used.update(place.words)
                where = candidate.spec.place
                if where is _PARAGRAPH:
                    tie = _RUNNING_TEXT
                elif where is _HEADING_LINE and is_heading(self._index, place.words):
                    tie = _HEADING
                elif together <= 1:
                    tie = NO_TIE
                placed.append((place, tie))
            else:
                placed.append((ground.places[0] if ground.places else None, _OFF_ROW))
        if row is not None and together > 1 and self._heading(row) is not None:
            return self._in_section(cells, placed)
        return placed

    def _heading(self, row: Box) -> Box | None:
        """The heading of the list's own section, where that is the nearest above the row."""
        if not self._ties.sections:
            return None
        above = [(box, fields) for box, fields in self._ties.sections if box.y1 <= row.center[1]]
        return above[-1][0] if above and self._path in above[-1][1] else None

    def _in_section(self, cells: Sequence[_Cell], placed: list[tuple[Place | None, Tie]]) -> list[tuple[Place | None, Tie]]:
        """The cells of a row below the list's heading, tied by what they are: the only one of their kind, or text from the left."""
        order = {name: at for at, name in enumerate(self._fields)}
        kinds = Counter(_family(self._specs[name].type) for name in self._fields)
        texts = sorted(
            (order[candidate.field], place.words[0]) for (candidate, _, _), (place, tie) in zip(cells, placed, strict=True)
            if place is not None and tie is not _OFF_ROW and _family(candidate.spec.type) is contracts.Kind.TEXT
        )
        named = [at for at, name in enumerate(self._fields) if _family(self._specs[name].type) is contracts.Kind.TEXT]
        in_order = [at for at, _ in texts] == named[:len(texts)] and [word for _, word in texts] == sorted(word for _, word in texts)
        tied = []
        for (candidate, _, _), (place, tie) in zip(cells, placed, strict=True):
            family = _family(candidate.spec.type)
            alone = in_order if family is contracts.Kind.TEXT else kinds[family] == 1
            tied.append((place, _SECTION if place is not None and tie is not _OFF_ROW and not tie.rival and alone else tie))
        return tied

    def _best_row(self, cells: Sequence[_Cell], free: Sequence[Sequence[Place]], y: int) -> Box | None:
        """The row of the page that shows most of the cells; of equals the one next after the previous row."""
        anchors = min([options for options in free if options], key=len, default=None)
        if anchors is None:
            return None
        if len(anchors) == 1:
            return self._span(anchors[0])
        best: tuple[tuple[int, int, int, int], Box] | None = None
        for place in anchors[:MOST_ANCHORS]:
            box = self._span(place)
            count = sum(1 for options in free if any(self._on_row(p, box) for p in options))
            inside = self._claimer.inside(cells[0][0], place)
            key = (-count, not inside, box.y0 <= y, box.y0)
            if best is None or key < best[0]:
                best = (key, box)
        return best[1] if best else None

    def _span(self, place: Place) -> Box:
        boxes = self._index.place_boxes(place.words)
        return boxes[0] if len(boxes) == 1 else Box(boxes[0].x0, boxes[0].y0, boxes[-1].x1, boxes[-1].y1)

    def _on_row(self, place: Place, row: Box) -> bool:
        words = place.words
        return same_row(self._index.boxes[words[0]] if len(words) == 1 else self._span(place), row)

    def _column(self, name: str, place: Place) -> Tie:
        """Whether the nearest header above the cell in its column, on this page or else on the one before, is the field's own."""
        box = self._index.place_boxes(place.words)[0]
        heading = self._heading(box)
        if heading is not None:  # the section begins anew
            return self._under([one for one in self._headers if one.box.y0 > heading.y0], name, box) or NO_TIE
        return self._under(self._headers, name, box) or self._under(self._carried, name, box, " of an earlier page") or NO_TIE

    @staticmethod
    def _under(headers: Sequence[Print], name: str, box: Box, where: str = "") -> Tie | None:
        own = nearest = None
        middle = (box.y0 + box.y1) / 2
        height = box.height
        for header in headers:
            left, top, right, bottom = header.box
            reach = height if height > bottom - top else bottom - top
            if bottom <= middle and left <= box.x1 + reach and box.x0 <= right + reach and labels.aligned(header.box, box):
                if nearest is None or (top, -_apart(header.box, box)) > (nearest.box.y0, -_apart(nearest.box, box)):
                    nearest = header
                if name in header.fields and (own is None or top > own.box.y0):
                    own = header
        if nearest is not None and name not in nearest.fields and (own is None or _same_header(own, nearest)):
            return Tie(0.0, "", nearest.text)
        return Tie(1.0, f"in the column “{own.text}”{where}") if own is not None else None

    def headers_for_next_page(self) -> list[Print]:
        """The columns' headers as the next page sees them, where the table goes on: above its top."""
        height = self._index.page.height
        return [one._replace(box=one.box._replace(y0=one.box.y0 - height, y1=one.box.y1 - height)) for one in self._goes_on]

    def _pair_places(self, cells: Sequence[_Cell], taken: set[int]) -> list[tuple[Place | None, Tie]]:
        """Places of a key and its value such that the value stands by the key, best tied first."""
        keys = cells[0][2].places[:MOST_ANCHORS]
        values = cells[1][2].places[:MOST_ANCHORS] if len(cells) > 1 else ()
        best: tuple[tuple[float, bool, tuple[int, ...], tuple[int, ...]], Place, Place] | None = None
        for key in keys:
            for value in values:
                within = not set(key.words).isdisjoint(value.words) and key.words != value.words[: len(key.words)]
                if within or not taken.isdisjoint(value.words):
                    continue
                order = (-self._ties.between(key.words, value.words), not value.exact, key.words, value.words)
                if best is None or order < best[0]:
                    best = (order, key, value)
        if best is None:
            return [(ground.places[0] if ground.places else None, NO_TIE) for _, _, ground in cells]
        key_words, value_words = best[1].words, best[2].words
        listed = self._listed.setdefault(key_words, [])
        tie = self._free.of(key_words, value_words, listed if self._times[cells[0][0].value] >= LEAST_LISTED else None)
        if tie.score >= STRONG:
            listed.append(value_words)
        return [(best[1], tie), (best[2], tie), *((None, NO_TIE) for _ in cells[2:])]


_RUNNING_TEXT = Tie(1.0, "text of the page")
_HEADING = Tie(1.0, "a line of its own that heads the text below")
_SECTION = Tie(1.0, "below the heading of its list")
_OFF_ROW = Tie(0.0, "not on the row of the other cells")


def _family(kind: contracts.Kind) -> contracts.Kind:
    """Kinds whose values cannot be told apart by themselves count as one."""
    if kind in NUMERIC:
        return contracts.Kind.NUMBER
    return contracts.Kind.TEXT if kind in TEXTUAL else kind


def _retold(row: Row, source: int, candidates: Sequence[Candidate], number: int) -> Row:
    """A row as another answer told it in the same words."""
    waiting = {name: iter(claims) for name, claims in row.cells.items()}
    cells: dict[str, list[Claim]] = {}
    for candidate in candidates:
        cells.setdefault(candidate.field, []).append(next(waiting[candidate.field]).told_by(candidate))
    return Row(source, row.box, row.chunk, candidates[0].extractor, cells, row.words, row.position, row.y, number)


def _apart(header: Box, box: Box) -> float:
    return abs(header.center[0] - box.center[0])


def _last_row(headers: Sequence[Print]) -> list[Print]:
    """The lowest row that heads at least two columns; a lone label is no table's."""
    rows: list[list[Print]] = []
    for header in sorted(headers, key=lambda one: (one.box.y0, one.box.x0)):
        row = next((row for row in rows if same_row(row[0].box, header.box)), None)
        if row is None:
            rows.append([header])
        else:
            row.append(header)
    return next((row for row in reversed(rows) if len({one.fields for one in row}) > 1), [])


def _same_header(one: Print, other: Print) -> bool:
    return same_row(one.box, other.box)


def join(rows: Sequence[Row]) -> list[Slot]:
    """Join one page's rows across answers, in reading order.

    Args:
        rows: rows of one list on one page, sorted by answer, each answer's rows in its own order.
    """
    slots: list[Slot] = []
    by_word: dict[int, list[int]] = {}
    by_value: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for row in rows:
        own = {name: claims[0].canonical for name, claims in row.cells.items()}
        signature = tuple(sorted(own.items()))
        near = {at for word in row.words for at in by_word.get(word, ())}
        near.update(by_value.get(signature, ()))
        fitting = [(likeness, -at) for at in near if _saw_the_same(slots[at], row) and (likeness := _likeness(slots[at], row, own))[0] > 0]
        if fitting:
            at = -max(fitting)[1]
        else:
            at = len(slots)
            slots.append(Slot())
        slots[at].rows.append(row)
        for word in row.words:
            by_word.setdefault(word, []).append(at)
        by_value.setdefault(signature, []).append(at)
    return sorted(slots, key=lambda slot: _read_at(slot.rows[0]))


def _read_at(row: Row) -> tuple[int, ...]:
    return row.chunk, row.position, row.y, row.source, row.number


def _saw_the_same(slot: Slot, row: Row) -> bool:
    """Whether a row is of another answer, which saw the same part of the page."""
    saw = False
    for other in slot.rows:
        if other.source == row.source:
            return False
        saw = saw or other.box.overlaps(row.box)
    return saw


def _likeness(slot: Slot, row: Row, own: Mapping[str, str]) -> tuple[int, int]:
    """How alike a slot and a row, which says ``own``, are: cells that say the same and words in common, then those words; (0, 0) for no."""
    best = shared = 0
    placed = False
    for other in slot.rows:
        alike = 0
        for name, claims in other.cells.items():
            if own.get(name) == claims[0].canonical:
                alike += 1
        best, shared, placed = max(best, alike), max(shared, len(other.words & row.words)), placed or bool(other.words)
    if best and not shared and placed and row.words:
        return (0, 0)  # both stand on the page, at different places: two equal coffees
    return (best + shared, shared)
