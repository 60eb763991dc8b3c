"""What nobody took: columns of tables and labelled values that none of a document's fields lies on, and rows that its lists left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from octavo.model.entities import Box, Field, Page, union
from octavo.model.lexicon import SUMS, current
from octavo.page.layout import PageLayout
from octavo.page.lines import Line, Segment
from octavo.page.tables import Table

# A label is at most so many words and ends with a colon; its value is at most so many, and no farther away, in line heights.
LABEL_WORDS, VALUE_WORDS, VALUE_GAP = 6, 10, 14.0
# A column that so many of a list's rows fill belongs to the shape of its rows, and a shape has so many columns.
FILLED_SHARE, SHAPE_COLUMNS = 0.8, 2
# Characters of a text that is listed.
LONGEST = 80
# Pixels: evidence is looked up by level strips of the page.
STRIP = 64


@dataclass(frozen=True, slots=True)
class UnclaimedPart:
    """What a field could take: ``kind`` is ``column`` or ``value``, ``boxes`` those of its cells or words, in pixels of the page."""

    kind: str
    text: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class PartRow:
    """A row below a table's header: its cells by column, and whether it begins with a word of sums."""

    cells: dict[int, Box]
    is_sum: bool


@dataclass(frozen=True, slots=True)
class PartTable:
    """A table: its columns with something in them, its rows below the header, and its first words."""

    text: str
    columns: tuple[UnclaimedPart, ...]
    rows: tuple[PartRow, ...]


@dataclass(frozen=True, slots=True)
class PageParts:
    """What fields could take of one page."""

    page: int
    tables: tuple[PartTable, ...]
    values: tuple[UnclaimedPart, ...]


def parts_of(layout: PageLayout) -> PageParts:
    """The page's tables and labelled values; of values those that stand in no table."""
    page = layout.given
    inside = frozenset(word for table in layout.tables for word in table.words)
    values = tuple(part for line in layout.lines for part in _values(page, line, layout.height) if not inside.intersection(part[1]))
    return PageParts(
        page.number, tuple(_table(page, table) for table in layout.tables),
        tuple(UnclaimedPart("value", text[:LONGEST], tuple(page.words[word].box for word in words)) for text, words in values),
    )


def _values(page: Page, line: Line, height: float) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What stands behind a colon in a line: the label with its value, and the words of the value."""
    for number, part in enumerate(line.segments):
        texts = [page.words[word].text for word in part.words]
        ends = [n for n, text in enumerate(texts) if text.endswith(":") and any(map(str.isalpha, text))]
        if len(ends) != 1 or ends[0] >= LABEL_WORDS:
            continue
        words = part.words[ends[0] + 1:]
        if not words and number + 1 < len(line.segments):
            following: Segment = line.segments[number + 1]
            words = following.words if following.box.x0 - part.box.x1 <= VALUE_GAP * height and ":" not in following.text else ()
        value = " ".join(page.words[word].text for word in words)
        if len(words) <= VALUE_WORDS and any(map(str.isalnum, value)):
            yield " ".join([*texts[:ends[0] + 1], value]), words


def _table(page: Page, table: Table) -> PartTable:
    heads: defaultdict[int, list[str]] = defaultdict(list)
    columns: defaultdict[int, list[Box]] = defaultdict(list)
    rows: defaultdict[int, dict[int, Box]] = defaultdict(dict)
    firsts: dict[int, str] = {}
    for cell in table.cells:
        text = " ".join(page.words[word].text for word in cell.words)
        if cell.rows[1] < table.header_rows:
            for column in range(cell.columns[0], cell.columns[1] + 1):
                heads[column].append(text)
            continue
        box = union(page.words[word].box for word in cell.words)
        columns[cell.columns[0]].append(box)
        rows[cell.rows[0]][cell.columns[0]] = box
        firsts.setdefault(cell.rows[0], text)
    names = {column: " ".join(heads[column]) or f"column {column + 1}" for column in columns}
    made = tuple(UnclaimedPart("column", names[column][:LONGEST], tuple(boxes)) for column, boxes in sorted(columns.items()))
    text = " ".join(page.words[word].text for cell in table.cells[:len(table.xs)] for word in cell.words)
    found = tuple(PartRow(cells, current().begins(firsts[row], *SUMS)) for row, cells in sorted(rows.items()))
    return PartTable(text[:LONGEST], made, found)


class Claims:
    """Where the fields of a record have their evidence."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._at: defaultdict[tuple[int, int], list[tuple[Box, str]]] = defaultdict(list)
        for field in fields:
            if field.matched and field.value is not None:
                listed = field.path.partition("[")[0] if "[" in field.path else ""
                for page, box in field.evidence:
                    for strip in range(box.y0 // STRIP, box.y1 // STRIP + 1):
                        self._at[page, strip].append((box, listed))

    def on(self, page: int, box: Box) -> set[str]:
        """The lists whose values lie on a box of a page, by path; an empty text stands for fields of no list."""
        strips = range(box.y0 // STRIP, box.y1 // STRIP + 1)
        near = (claim for strip in strips for claim in self._at.get((page, strip), ()))
        return {listed for one, listed in near if one.holds(box.center) or box.holds(one.center)}


def unclaimed(pages: Sequence[PageParts], fields: Sequence[Field]) -> dict[str, Any]:
    """What no field of a record took, as a part of a row of ``schemas.UNCLAIMED``.

    ``claimable`` counts columns and labelled values, and a table that no field took anything of as one; what stands left of a column of
    single values are their labels. ``parts`` lists those that were not taken, a table for all of its columns. ``dropped`` has for each list
    and table the rows in the shape of those that the list took.
    """
    claims = Claims(fields)
    claimable = 0
    parts: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    for found in pages:
        for table in found.tables:
            taken = [set[str]().union(*(claims.on(found.page, box) for box in part.boxes)) for part in table.columns]
            free = [part for part, own, right in zip(table.columns, taken, [*taken[1:], set()], strict=True) if not own and right != {""}]
            if not any(taken):
                free = [UnclaimedPart("table", table.text, tuple(box for part in free for box in part.boxes))]
                claimable += 1
            else:
                claimable += sum(map(bool, taken)) + len(free)
                dropped += _dropped(found.page, table, claims)
            parts += [_row(found.page, part) for part in free if part.boxes]
        claimable += len(found.values)
        parts += [_row(found.page, part) for part in found.values if not any(claims.on(found.page, box) for box in part.boxes)]
    return {"claimable": claimable, "parts": parts, "dropped": dropped}


def _row(page: int, part: UnclaimedPart) -> dict[str, Any]:
    return {"kind": part.kind, "text": part.text, "page": page, **union(part.boxes)._asdict()}


def _dropped(page: int, table: PartTable, claims: Claims) -> Iterator[dict[str, Any]]:
    """For each list that took rows of a table: the others that fill all columns that its rows fill, but for sums at the table's end."""
    taken = [{path for box in row.cells.values() for path in claims.on(page, box)} for row in table.rows]
    for path in sorted({path for paths in taken for path in paths if path}):
        own = [row for row, paths in zip(table.rows, taken, strict=True) if path in paths]
        filled = Counter(column for row in own for column in row.cells)
        shape = {column for column, count in filled.items() if count >= FILLED_SHARE * len(own)}
        left = [(n, row) for n, row in enumerate(table.rows) if not taken[n] and shape <= row.cells.keys()]
        last = max((n for n, paths in enumerate(taken) if path in paths), default=0)
        left = [(n, row) for n, row in left if n < last or not row.is_sum]
        if left and len(shape) >= SHAPE_COLUMNS:
            box = union(box for _, row in left for box in row.cells.values())
            yield {"field": path, "rows": len(left), "page": page, **box._asdict()}
