"""Lists: rows of line items or pairs, found on the page row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from octavo.merging.answer_candidates import Candidate
from octavo.merging.arithmetic import multiply
from octavo.merging.field_links import NO_LINK, STRONG, FieldLink, FieldLinks
from octavo.merging.grounding import Grounding
from octavo.merging.joined_rows import ItemRow
from octavo.merging.pair_links import PairLinks
from octavo.merging.scored_candidates import ByField, CandidateScorer
from octavo.merging.unlabelled_links import is_heading
from octavo.model import contracts
from octavo.model.entities import Box
from octavo.page import labels
from octavo.page.index import Occurrence
from octavo.page.label_matches import LabelMatch
from octavo.page.lines import same_row
from octavo.page.tables import Table
from octavo.page.values import NUMERIC, TEXTUAL, Typed

# Fewest values of one key that make a list of names, which may go on below the key: "cc:".
LEAST_LISTED = 3
# A row that names this share of the columns that the header names is none.
HEADER_SHARE = 0.5
# Anchors tried for one row before it is left without a place of its own.
MOST_ANCHORS = 64


class RowShape(Enum):
    """What a row of a list is on its page."""

    ROW = "row"         # cells side by side below their headers
    COLUMN = "column"   # cells one below the other, right of their headers
    PLAIN = "plain"     # one value
    PAIR = "pair"       # a key and its value


_PARAGRAPH, _HEADING_LINE = contracts.Place.PARAGRAPH, contracts.Place.HEADING
_Cell = tuple[Candidate, Typed | None, Grounding]
_Placed = tuple[Occurrence | None, FieldLink]
_Key = tuple[int, Box, int, frozenset[int], tuple[tuple[str, str], ...]]


class PageLists:
    """Builds the rows of one list on one page."""

    def __init__(
        self, scorer: CandidateScorer, links: FieldLinks, fields: Sequence[str], shape: RowShape, order: Mapping[int, int],
        carried: Sequence[LabelMatch] = (),
    ) -> None:
        """``order`` gives each word of the page its place in its chunk's reading order, ``carried`` the headers of the page before."""
        self._scorer = scorer
        self._order = order
        self._index = scorer.index
        self._links = links
        self._shape, self._pairs = shape, shape is RowShape.PAIR
        self._fields = list(fields)
        self._specs = links.specs
        self._path = fields[0].partition("[]")[0] if fields else ""
        self._free = PairLinks(self._index, links)
        self._listed: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        self._times: Counter[str] = Counter()
        own = [] if self._pairs else links.headers(fields)
        self._headers = own
        self._heads, self._columns = _grid(self._index.layout.tables, own)
        self._carried = list(carried)
        self._goes_on = _last_row(own) or list(carried)
        self._known: dict[_Key, ItemRow] = {}

    def rows(self, source: int, items: Iterable[Sequence[Candidate]]) -> list[ItemRow]:
        """One answer's rows, each with places that no earlier row of the answer has taken."""
        taken: set[int] = set()
        rows: list[ItemRow] = []
        if self._pairs:
            items = list(items)
            self._listed, self._times = {}, Counter(cells[0].value for cells in items)
        y = position = -1
        for number, candidates in enumerate(items):
            first = candidates[0]
            # The cells, and the state of the page that they meet: another answer may have given the row already.
            key: _Key = (first.chunk, first.box, y, frozenset(taken), tuple([(one.field, one.value) for one in candidates]))
            known = self._known.get(key)
            if known is not None:
                row = _repeated(known, source, candidates, number)
                rows.append(row)
                taken |= row.words
                y, position = row.y, row.position
                continue
            cells: list[_Cell] = [(one, *self._scorer.ground(one)) for one in candidates]
            places = self._places(cells, taken, y)
            all_scored: ByField = {}
            words: set[int] = set()
            for at, (candidate, typed, grounding) in enumerate(cells):
                place, link = places[at]
                if place is not None and (self._pairs or link is not _OFF_ROW):
                    words.update(place.words)
                all_scored.setdefault(candidate.field, []).append(
                    self._scorer.score(candidate, typed, grounding, place, NO_LINK if link is _OFF_ROW else link))
            taken |= words
            if words:
                y = min([self._index.boxes[i].y0 for i in words])
                position = min([self._order.get(i, i) for i in words])
            if not self._pairs:
                multiply(all_scored)
            rows.append(ItemRow(source, first.box, first.chunk, all_scored, frozenset(words), position, y, number))
            self._known[key] = rows[-1]
        return rows

    def _places(self, cells: Sequence[_Cell], taken: set[int], y: int) -> list[_Placed]:
        """Where the cells of a row stand, and how they are linked to their fields."""
        if self._shape is RowShape.PAIR:
            return self._pair_places(cells, taken)
        if self._shape is RowShape.ROW:
            return self._row_places(cells, taken, y)
        find = self._in_headed_row if self._shape is RowShape.COLUMN else self._in_list
        placed: list[_Placed] = []
        for candidate, _, grounding in cells:
            linked = [(find(candidate.field, place), place) for place in grounding.places if taken.isdisjoint(place.words)]
            link, place = max(linked, key=lambda t: (t[0].score, tuple(-i for i in t[1].words)), default=(NO_LINK, None))
            placed.append((place, link))
        return placed

    def _in_headed_row(self, name: str, place: Occurrence) -> FieldLink:
        """Whether the nearest header left of a cell is the field's own; a field without a header on the page heads the columns."""
        box = self._index.place_boxes(place.words)[0]
        left = [one for one in self._headers if one.box.x1 <= box.x0 and same_row(one.box, box)]
        if left:
            nearest = max(left, key=lambda one: one.box.x1)
            if name in nearest.fields:
                return FieldLink(1.0, f"in the row “{nearest.text}”", how="column", label=nearest)
            return FieldLink(0.0, "", nearest.text)
        named = any(name in one.fields for one in self._headers)
        top = min((one.box.y0 for one in self._headers), default=0)
        return NO_LINK if named or box.y1 > top + box.height // 2 else FieldLink(1.0, "it heads its column", how="column")

    def _in_list(self, name: str, place: Occurrence) -> FieldLink:
        """Whether the label that stands before a value on its row, or else above it, is the list's own."""
        box = self._index.place_boxes(place.words)[0]
        if any(set(one.words) >= set(place.words) for one in self._links.labels()):
            return NO_LINK
        before = [one for one in self._links.labels() if one.box.x1 <= box.x0 + box.height // 2 and same_row(one.box, box)]
        above = [one for one in self._links.labels() if one.box.y1 <= box.y0 + box.height // 2 and one.box.x0 <= box.x1]
        nearest = max(before, key=lambda one: one.box.x1, default=None) or max(above, key=lambda one: one.box.y1, default=None)
        if nearest is None or name not in nearest.fields:
            return FieldLink(0.0, "", nearest.text) if nearest is not None else NO_LINK
        return FieldLink(1.0, f"in the list of “{nearest.text}”", how="listed", label=nearest)

    def _row_places(self, cells: Sequence[_Cell], taken: set[int], y: int) -> list[_Placed]:
        free = [[p for p in grounding.places if taken.isdisjoint(p.words)] for _, _, grounding in cells]
        row = self._best_row(cells, free, y)
        placed: list[_Placed] = []
        used: set[int] = set()
        there = [[p for p in options if row is not None and self._on_row(p, row)] for options in free]
        together = sum(map(bool, there))
        for (candidate, _, grounding), options in zip(cells, there, strict=True):
            on_row = [p for p in options if used.isdisjoint(p.words)]
            if on_row:
                # a column's header tells two equal numbers of one row apart
                linked = [(self._column(candidate.field, place), place) for place in on_row]
                link, place = linked[0] if len(linked) == 1 else max(
                    linked, key=lambda t: (t[0].score, t[1].exact, tuple(-i for i in t[1].words)))
                used.update(place.words)
                where = candidate.spec.place
                if where is _PARAGRAPH:
                    link = _RUNNING_TEXT
                elif where is _HEADING_LINE and is_heading(self._index, place.words):
                    link = _HEADING
                elif together <= 1:
                    link = NO_LINK
                placed.append((place, link))
            else:
                placed.append((grounding.places[0] if grounding.places else None, _OFF_ROW))
        if row is not None and together > 1 and self._heading(row) is not None:
            return self._in_section(cells, placed)
        return placed

    def _heading(self, row: Box) -> Box | None:
        """The heading of the list's own section, where that is the nearest above the row."""
        if not self._links.sections:
            return None
        above = [(box, fields) for box, fields in self._links.sections if box.y1 <= row.center[1]]
        return above[-1][0] if above and self._path in above[-1][1] else None

    def _in_section(self, cells: Sequence[_Cell], placed: list[_Placed]) -> list[_Placed]:
        """The cells of a row below the list's heading, linked by what they are: the only one of their kind, or text from the left."""
        order = {name: at for at, name in enumerate(self._fields)}
        kinds = Counter(_family(self._specs[name].type) for name in self._fields)
        texts = sorted(
            (order[candidate.field], place.words[0]) for (candidate, _, _), (place, link) in zip(cells, placed, strict=True)
            if place is not None and link is not _OFF_ROW and _family(candidate.spec.type) is contracts.Kind.TEXT
        )
        named = [at for at, name in enumerate(self._fields) if _family(self._specs[name].type) is contracts.Kind.TEXT]
        in_order = [at for at, _ in texts] == named[:len(texts)] and [word for _, word in texts] == sorted(word for _, word in texts)
        linked = []
        for (candidate, _, _), (place, link) in zip(cells, placed, strict=True):
            family = _family(candidate.spec.type)
            alone = in_order if family is contracts.Kind.TEXT else kinds[family] == 1
            section = _ALONE if kinds[family] == 1 else _SECTION
            linked.append((place, section if place is not None and link is not _OFF_ROW and not link.rival and alone else link))
        return linked

    def _best_row(self, cells: Sequence[_Cell], free: Sequence[Sequence[Occurrence]], y: int) -> Box | None:
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
            inside = self._scorer.inside(cells[0][0], place)
            key = (-count, not inside, box.y0 <= y, box.y0)
            if best is None or key < best[0]:
                best = (key, box)
        return best[1] if best else None

    def _span(self, place: Occurrence) -> Box:
        boxes = self._index.place_boxes(place.words)
        return boxes[0] if len(boxes) == 1 else Box(boxes[0].x0, boxes[0].y0, boxes[-1].x1, boxes[-1].y1)

    def _on_row(self, place: Occurrence, row: Box) -> bool:
        words = place.words
        return same_row(self._index.boxes[words[0]] if len(words) == 1 else self._span(place), row)

    def _column(self, name: str, place: Occurrence) -> FieldLink:
        """Whether the nearest header above the cell in its column, on this page or else on the one before, is the field's own."""
        cell = self._columns.get(place.words[0])
        headed = self._heads.get(cell, ()) if cell else ()
        if headed:
            own = next((one for one in headed if name in one.fields), None)
            return _in_column(own) if own else FieldLink(0.0, "", headed[0].text)
        box = self._index.place_boxes(place.words)[0]
        heading = self._heading(box)
        if heading is not None:  # the section begins anew
            return self._under([one for one in self._headers if one.box.y0 > heading.y0], name, box) or NO_LINK
        return self._under(self._headers, name, box) or self._under(self._carried, name, box, " of an earlier page") or NO_LINK

    @staticmethod
    def _under(headers: Sequence[LabelMatch], name: str, box: Box, where: str = "") -> FieldLink | None:
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
            return FieldLink(0.0, "", nearest.text)
        if own is None:
            return None
        return _in_column(own, where)

    def headers_for_next_page(self) -> list[LabelMatch]:
        """The columns' headers as the next page sees them, where the table goes on: above its top."""
        height = self._index.page.height
        return [one._replace(box=one.box._replace(y0=one.box.y0 - height, y1=one.box.y1 - height)) for one in self._goes_on]

    def _pair_places(self, cells: Sequence[_Cell], taken: set[int]) -> list[_Placed]:
        """Places of a key and its value such that the value stands by the key, most closely linked first."""
        keys = cells[0][2].places[:MOST_ANCHORS]
        values = cells[1][2].places[:MOST_ANCHORS] if len(cells) > 1 else ()
        best: tuple[tuple[float, bool, tuple[int, ...], tuple[int, ...]], Occurrence, Occurrence] | None = None
        for key in keys:
            for value in values:
                within = not set(key.words).isdisjoint(value.words) and key.words != value.words[: len(key.words)]
                if within or not taken.isdisjoint(value.words):
                    continue
                order = (-self._links.between(key.words, value.words), not value.exact, key.words, value.words)
                if best is None or order < best[0]:
                    best = (order, key, value)
        if best is None:
            return [(grounding.places[0] if grounding.places else None, NO_LINK) for _, _, grounding in cells]
        key_words, value_words = best[1].words, best[2].words
        listed = self._listed.setdefault(key_words, [])
        link = self._free.of(key_words, value_words, listed if self._times[cells[0][0].value] >= LEAST_LISTED else None)
        if link.score >= STRONG:
            listed.append(value_words)
        return [(best[1], link), (best[2], link), *((None, NO_LINK) for _ in cells[2:])]


def _in_column(header: LabelMatch, where: str = "") -> FieldLink:
    how, label = ("earlier_column", None) if where else ("column", header)  # its words are not this page's
    return FieldLink(1.0, f"in the column “{header.text}”{where}", how=how, label=label)


def _grid(
    tables: Sequence[Table], headers: Sequence[LabelMatch],
) -> tuple[dict[tuple[int, int, int], list[LabelMatch]], dict[int, tuple[int, int, int]]]:
    """What heads the columns of a page's tables.

    Args:
        tables: of the page.
        headers: the labels of a list's columns on the page.

    Returns:
        The headers by table, by the row of the nearest header above and by column; and of each word below one that key.
    """
    heads: dict[tuple[int, int, int], list[LabelMatch]] = {}
    columns: dict[int, tuple[int, int, int]] = {}
    label_of = {one.words[-1]: one for one in headers}
    for number, table in enumerate(tables):
        rows: dict[int, set[int]] = {}
        for cell in table.cells:
            for word in cell.words:
                if word in label_of:
                    for column in range(cell.columns[0], cell.columns[1] + 1):
                        heads.setdefault((number, cell.rows[1], column), []).append(label_of[word])
                    rows.setdefault(cell.rows[1], set()).add(cell.columns[0])
        most = max(map(len, rows.values()), default=0)  # a unit's value may read like its label, and a description hold labels
        header_rows = sorted(row for row, labelled in rows.items() if len(labelled) > max(1, HEADER_SHARE * most))
        for cell in table.cells:
            above = [row for row in header_rows if row < cell.rows[0]]
            if above:
                columns.update(dict.fromkeys(cell.words, (number, above[-1], cell.columns[0])))
    return heads, columns


_RUNNING_TEXT = FieldLink(1.0, "text of the page", how="running_text")
_HEADING = FieldLink(1.0, "a line of its own that heads the text below", how="heading")
_SECTION = FieldLink(1.0, "below the heading of its list", how="section")
_ALONE = _SECTION._replace(how="alone_in_section")
_OFF_ROW = FieldLink(0.0, "not on the row of the other cells")


def _family(kind: contracts.Kind) -> contracts.Kind:
    """Kinds whose values cannot be told apart by themselves count as one."""
    if kind in NUMERIC:
        return contracts.Kind.NUMBER
    return contracts.Kind.TEXT if kind in TEXTUAL else kind


def _repeated(row: ItemRow, source: int, candidates: Sequence[Candidate], number: int) -> ItemRow:
    """A row that another answer gives in the same words."""
    waiting = {name: iter(all_scored) for name, all_scored in row.cells.items()}
    cells: ByField = {}
    for candidate in candidates:
        cells.setdefault(candidate.field, []).append(next(waiting[candidate.field]).repeated_by(candidate))
    return ItemRow(source, row.box, row.chunk, cells, row.words, row.position, row.y, number)


def _apart(header: Box, box: Box) -> float:
    return abs(header.center[0] - box.center[0])


def _last_row(headers: Sequence[LabelMatch]) -> list[LabelMatch]:
    """The lowest row that heads at least two columns; a lone label is no table's."""
    rows: list[list[LabelMatch]] = []
    for header in sorted(headers, key=lambda one: (one.box.y0, one.box.x0)):
        row = next((row for row in rows if same_row(row[0].box, header.box)), None)
        if row is None:
            rows.append([header])
        else:
            row.append(header)
    return next((row for row in reversed(rows) if len({one.fields for one in row}) > 1), [])


def _same_header(one: LabelMatch, other: LabelMatch) -> bool:
    return same_row(one.box, other.box)
