"""The review queue: every published value that waits for a person, newest day first, with the piece of the page that shows it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.compute as pc
from upath import UPath

from octavo.model.entities import Partition, name_of
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.corrections import Correction, CorrectionStore
from octavo.storage.lake import Lake
from octavo.views.document import Rect
from octavo.views.library import dataset
from octavo.views.sources import Row, days
from octavo.workflows.review import first_pages, names_a_value

PAGE_ITEMS = 25
# Rows whose corrections are looked up together: a page is mostly full after one look.
LOOKED_AT = 100
# Around the evidence, in heights of its box: enough to read the label beside or above the value.
MARGIN = 2.5
LEAST_WIDTH = 0.45  # of the page, that a piece shows


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; empty strings and None ask for everything. ``field`` is a path; ``page`` counts from 1."""

    contract: str = ""
    day: dt.date | None = None
    field: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class PageCutout:
    """A part of a page: ``view`` is what is shown, ``boxes`` the evidence in it; pixels of the page, as all boxes."""

    page: int
    width: int
    height: int
    view: Rect
    boxes: tuple[Rect, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A value that waits. ``name`` is its file's, ``label`` names its field in the document. ``single`` is False where a whole list,
    document or record is meant, which only the document's page can answer."""

    contract: str
    day: dt.date
    document: str
    name: str
    record: int | None
    field: str
    label: str
    value: str | None
    verdict: str | None
    confidence: Decimal | None
    reason: str
    page: int | None
    single: bool
    piece: PageCutout | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A day of a contract with ``values`` about which somebody said something that its tables do not have yet."""

    contract: str
    day: dt.date
    values: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of what waits. ``rows`` counts what the days' tables list, answered or not; ``answered`` covers the days looked at."""

    items: tuple[Item, ...]
    page: int
    more: bool
    rows: int
    answered: tuple[Answered, ...]


def load(settings: Settings, contracts: Collection[str], wanted: Wanted) -> Queue:
    """One page of the values that wait for a person and about which nobody said anything yet; of each day the likeliest first.

    Args:
        settings: the lake and the corrections.
        contracts: those that may be seen.
        wanted: what is asked for.
    """
    lake, store = Lake(UPath(settings.lake)), CorrectionStore(settings.correction_store)
    seen = sorted(set(contracts) & {wanted.contract}) if wanted.contract else contracts
    partitions = [one for one in days(lake.root / "review", seen) if wanted.day in (None, one.day)]
    rows: list[tuple[Partition, Row]] = []
    answered: list[Answered] = []
    start = (max(1, wanted.page) - 1) * PAGE_ITEMS
    for partition in partitions:
        said = 0
        for row, correction in _with_answers(lake, store, partition, _review(lake, partition, wanted.field)):
            if correction is None:
                rows.append((partition, row))
            said += correction is not None
        if said:
            answered.append(Answered(partition.contract, partition.day, said))
        if len(rows) > start + PAGE_ITEMS:
            break
    shown = rows[start : start + PAGE_ITEMS]
    return Queue(
        tuple(_items(lake, shown)), max(1, wanted.page), len(rows) > start + PAGE_ITEMS, _count(lake, partitions, wanted.field),
        tuple(answered),
    )


def _count(lake: Lake, partitions: Sequence[Partition], field: str) -> int:
    where = pc.field("field") == field if field else None
    return int(dataset(lake, "review", partitions).count_rows(filter=where)) if partitions else 0


def _review(lake: Lake, partition: Partition, field: str) -> list[Row]:
    try:
        rows: list[Row] = fs.read_table(lake.table("review", partition), where=("field", field) if field else None).to_pylist()
    except FileNotFoundError:
        return []
    return sorted(rows, key=lambda row: (-(row.get("confidence") or 0), row["document"], row.get("record") or 0, row["field"]))


def _with_answers(lake: Lake, store: CorrectionStore, partition: Partition, rows: Sequence[Row]) -> Iterator[tuple[Row, Correction | None]]:
    """Each row with what somebody said about it since the day was published."""
    merged: set[tuple[str, str, str]] | None = None
    for at in range(0, len(rows), LOOKED_AT):
        some = rows[at : at + LOOKED_AT]
        of_documents = store.of(partition.contract, {row["document"] for row in some})
        said = {(document, one.first_page, one.field): one for document, found in of_documents.items() for one in found}
        if said and merged is None:
            merged = _merged(lake, partition)
        first = first_pages(lake, partition, of_documents)
        for row in some:
            answer = said.get((row["document"], first.get((row["document"], row.get("record")), 1), row["field"]))
            yield row, answer if answer and (answer.document, answer.field, answer.said) not in (merged or ()) else None


def _merged(lake: Lake, partition: Partition) -> set[tuple[str, str, str]]:
    """What people said that the day's tables have already."""
    try:
        rows = fs.read_table(lake.table("corrections", partition), ["document", "field", "said"]).to_pylist()
    except FileNotFoundError:
        return set()
    return {(row["document"], row["field"], row["said"]) for row in rows}


def _items(lake: Lake, rows: Sequence[tuple[Partition, Row]]) -> Iterator[Item]:
    frames: dict[tuple[Partition, str, int], tuple[int, int]] = {}
    for partition in dict.fromkeys(partition for partition, _ in rows):
        ids = {row["document"] for one, row in rows if one == partition}
        pages = fs.read_among(lake.table("pages", partition), "document", ids, ["document", "page", "width", "height"]).to_pylist()
        frames.update({(partition, page["document"], page["page"]): (page["width"], page["height"]) for page in pages})
    for partition, row in rows:
        evidence = row["evidence"] or ()
        number = evidence[0]["page"] if evidence else row["page"]
        boxes = [Rect(one["x0"], one["y0"], one["x1"] - one["x0"], one["y1"] - one["y0"]) for one in evidence if one["page"] == number]
        yield Item(
            partition.contract, partition.day, row["document"], str(row["uri"]).rstrip("/").rsplit("/", 1)[-1], row.get("record"),
            row["field"], name_of(row.get("record"), row["field"]), row["value"], row["verdict"], row.get("confidence"),
            row["reason"] or "", number, names_a_value(row),
            piece(number, frames.get((partition, row["document"], number)), boxes) if boxes else None,
        )


def piece(number: int, frame: tuple[int, int] | None, boxes: Sequence[Rect]) -> PageCutout | None:
    """What to show of a page so that the boxes can be read with what stands around them; None for a page without a size.

    Args:
        number: of the page, from 1.
        frame: its width and height, pixels.
        boxes: at least one, pixels of the page.
    """
    if frame is None or not all(frame):
        return None
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    margin = round(MARGIN * min(box.height for box in boxes))
    wide = max(right - left + 2 * margin, round(LEAST_WIDTH * frame[0]))
    x = min(max(0, (left + right - wide) // 2), max(0, frame[0] - wide))
    y = max(0, top - margin)
    return PageCutout(number, *frame, Rect(x, y, min(wide, frame[0]), max(1, min(bottom + margin, frame[1]) - y)), tuple(boxes))
