"""The seam between extraction and merging: pages askew give the values and verdicts of level ones.

Pages are drawn as words, turned by some degrees as a scanner turns them, and taken through the stages: words, chunks, answers, fields.
Whoever levels a page, all of it has to look at the same page: else a value is found that nobody can tie to its label any more.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw, ImageFont
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.ingest import stage as ingest
from octavo.merging import stage as merging
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Box, Partition
from octavo.model.settings import Settings
from octavo.page.values import parser
from octavo.reading import stage as reading
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace, cut_into_shards
from tests.documents import askew as turned

pytestmark = pytest.mark.usefixtures("any_confidence")

DOCUMENT = "d" * 64
# A4 at 200 dpi with print of 10 pt, pixels.
WIDTH, HEIGHT = 1654, 2339
CHAR, PRINT, LINE = 15, 28, 58
LEFT, RIGHT = 130, 1520  # margins


@dataclass
class Sheet:
    """A level page: words with their boxes, pixels."""

    words: list[tuple[str, Box]] = field(default_factory=list)

    def write(self, x: int, line: float, text: str) -> Sheet:
        """Words from ``x`` on, at the top of a line (from 0; parts of one are spacing)."""
        top = 120 + round(line * LINE)
        for word in text.split():
            self.words.append((word, Box(x, top, x + len(word) * CHAR, top + PRINT)))
            x += (len(word) + 1) * CHAR
        return self

    def end(self, x: int, line: float, text: str) -> Sheet:
        """Words that end at ``x``, as amounts do."""
        return self.write(x - len(text) * CHAR, line, text)


class Askew(NamedTuple):
    """How a page lies: ``degrees`` at which its lines fall to the right, and the angle that the reader measured (0: it saw none)."""

    degrees: float
    measured: float

    def __str__(self) -> str:
        if not self.degrees:
            return "level"
        told = "unnoticed" if not self.measured else "" if self.measured == self.degrees else f"measured as {self.measured:+g}"
        return f"{self.degrees:+g} degrees {told}".strip()

    def turned(self, box: Box, size: tuple[int, int]) -> Box:
        """The box around a box's turned corners, on the larger page that a turned one needs."""
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        corners = [(x - WIDTH / 2, y - HEIGHT / 2) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
        xs = [size[0] / 2 + x * cos - y * sin for x, y in corners]
        ys = [size[1] / 2 + x * sin + y * cos for x, y in corners]
        return Box(math.floor(min(xs)), math.floor(min(ys)), math.ceil(max(xs)), math.ceil(max(ys)))

    @property
    def size(self) -> tuple[int, int]:
        cos, sin = math.cos(math.radians(self.degrees)), abs(math.sin(math.radians(self.degrees)))
        return math.ceil(WIDTH * cos + HEIGHT * sin), math.ceil(WIDTH * sin + HEIGHT * cos)


# The reader measures angles from 1 degree on, to 0.1 on average and 0.5 at worst; of what is less long phrases tell.
ANGLES = [
    Askew(0, 0),
    *(Askew(sign * 0.5, 0) for sign in (1, -1)),
    *(Askew(sign * degrees, sign * degrees) for degrees in (1, 1.5, 2, 3, 4, 6, 8) for sign in (1, -1)),
    Askew(3, 2.7), Askew(-6, -6.3),
]
every_angle = pytest.mark.parametrize("askew", ANGLES, ids=str)


class Seen(NamedTuple):
    """A field as it is published: its value, its verdict and reason, and the drawn words that its evidence covers."""

    value: str | None
    verdict: str
    reason: str
    evidence: str


def fields(root: Path, contract: Contract, sheet: Sheet, askew: Askew) -> dict[str, Seen]:
    """The published fields of a page that lies askew, by path."""
    size = askew.size
    boxes = [askew.turned(box, size) for _, box in sheet.words]
    words = [
        {"text": text, **box._asdict(), "confidence": 0.95, "source": "ocr"}
        for (text, _), box in zip(sheet.words, boxes, strict=True)
    ]
    space = Workspace.open(UPath(root), Partition(contract.name, dt.date(2026, 11, 2)), "r1")
    space.pin(contract)
    fs.write_rows(space.documents, [{
        "document": DOCUMENT, "uri": "page.png", "copies": [], "media_type": "image/png", "bytes": 1, "pages": 1, "status": "ok",
    }], schemas.DOCUMENTS)
    plan = cut_into_shards([(DOCUMENT, 1)], 16)
    space.write_plan(plan)
    fs.write_rows(space.shard("read", "p0000"), [{
        "document": DOCUMENT, "page": 1, "width": size[0], "height": size[1], "dpi": 200, "rotation": 0,
        "transform": [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], "skew": float(askew.measured), "text_source": "ocr", "words": words, "outcome": "ok",
        "seconds": 0.0, "cached": False,
    }], schemas.READINGS)
    return {
        row["field"]: Seen(row["value"], row["verdict"], row["reason"], " ".join(_covered(row["evidence"] or (), sheet, boxes)))
        for row in merged(space, contract)
    }


def merged(space: Workspace, contract: Contract) -> list[dict[str, Any]]:
    """The rows of the table ``fields`` about the contract's fields, from what was read."""
    chunking.run(space, "p0000", contract.chunking)
    rules.run(space, "p0000", contract)
    merging.run(space, "d0000", contract, ["layout"])
    rows = pq.ParquetFile(Path(space.shard("fields", "d0000"))).read().to_pylist()
    return [row for row in rows if row["matched"]]


def _covered(evidence: list[dict[str, Any]], sheet: Sheet, boxes: list[Box]) -> Iterator[str]:
    """The words whose middle an evidence box holds, as they were drawn; boxes are those of the page as it lies."""
    for (text, _), box in zip(sheet.words, boxes, strict=True):
        if any(Box(one["x0"], one["y0"], one["x1"], one["y1"]).holds(box.center) for one in evidence):
            yield text


def accepted(found: dict[str, Seen], expected: dict[str, str]) -> dict[str, Any]:
    """What is otherwise than expected: fields without their value, not accepted, or shown by other words; nothing where all is well."""
    return {
        path: found.get(path) for path, value in expected.items()
        if path not in found or (found[path].value, found[path].verdict) != (value, "accepted")
        or not set(value.split()) <= set(found[path].evidence.split())
    }


def contract(fields: dict[str, Any], **keys: Any) -> Contract:
    return Contract.model_validate({"name": "note", "title": "Notes", "locale": {"currency": "EUR"}, "fields": fields, **keys})


LABELS = contract({
    "number": {"type": "identifier", "labels": ["Note number"]},
    "issued": {"type": "date", "labels": ["Issued on"]},
    "due": {"type": "date", "labels": ["Due on"]},
    "account": {"type": "identifier", "labels": ["Account"]},
    "order": {"type": "identifier", "labels": ["Your order"]},
    "clerk": {"type": "name", "labels": ["Clerk"]},
    "remark": {"type": "text", "labels": ["Remark"]},
    "net": {"type": "money", "labels": ["Net"]},
    "tax": {"type": "money", "labels": ["Tax"]},
    "total": {"type": "money", "labels": ["Total"], "not_labels": ["Total weight"]},
    "weight": {"type": "number", "labels": ["Total weight"]},
})


@every_angle
def test_values_right_of_their_labels_near_and_far(tmp_path: Path, askew: Askew) -> None:
    sheet = Sheet().write(LEFT, 0, "STORE NOTE")
    for line, (label, value) in enumerate((
        ("Note number:", "LN-3100"), ("Issued on:", "28.05.2026"), ("Due on:", "12.06.2026"), ("Account:", "967-2033"),
        ("Your order:", "PO-77120"), ("Clerk:", "Mara Vries"),
    ), 2):
        sheet.write(LEFT, line, label).write(LEFT + 380, line, value)
    for line, (label, value) in enumerate((
        ("Total weight", "812.5"), ("Net", "1,273.11"), ("Tax", "241.89"), ("Total", "1,515.00"),
    ), 12):
        sheet.write(LEFT, line, label).end(RIGHT, line, value)
    assert accepted(fields(tmp_path, LABELS, sheet, askew), {
        "number": "LN-3100", "issued": "28.05.2026", "due": "12.06.2026", "account": "967-2033", "order": "PO-77120", "clerk": "Mara Vries",
        "weight": "812.5", "net": "1,273.11", "tax": "241.89", "total": "1,515.00",
    }) == {}


@every_angle
def test_values_in_columns_at_the_far_side_of_dense_lines(tmp_path: Path, askew: Askew) -> None:
    """Single-spaced: over the width of the page a line that falls by 2 degrees comes down by its own spacing."""
    sheet = Sheet().write(LEFT, 0, "STORE NOTE")
    for line, (label, value, other, there) in enumerate((
        ("Note number", "LN-3100", "Net", "1,273.11"), ("Account", "967-2033", "Tax", "241.89"),
        ("Your order", "PO-77120", "Total", "1,515.00"), ("Clerk", "Mara Vries", "Issued on", "28.05.2026"),
    )):
        at = 2 + 0.7 * line
        sheet.write(LEFT, at, label).write(LEFT + 340, at, value).write(950, at, other).end(RIGHT, at, there)
    assert accepted(fields(tmp_path, LABELS, sheet, askew), {
        "number": "LN-3100", "account": "967-2033", "order": "PO-77120", "clerk": "Mara Vries", "issued": "28.05.2026", "net": "1,273.11",
        "tax": "241.89", "total": "1,515.00",
    }) == {}


@every_angle
def test_values_below_their_labels(tmp_path: Path, askew: Askew) -> None:
    sheet = Sheet().write(LEFT, 0, "STORE NOTE")
    heads = (("Note number", "LN-3100"), ("Issued on", "28.05.2026"), ("Account", "967-2033"), ("Total", "1,515.00"))
    for column, (label, value) in enumerate(heads):
        sheet.write(LEFT + 370 * column, 2, label).write(LEFT + 370 * column, 2.8, value)
    sheet.write(LEFT, 6, "Remark").write(LEFT, 6.8, "Leave at the north gate")
    assert accepted(fields(tmp_path, LABELS, sheet, askew), {
        "number": "LN-3100", "issued": "28.05.2026", "account": "967-2033", "total": "1,515.00", "remark": "Leave at the north gate",
    }) == {}


TABLE = contract({
    "number": {"type": "identifier", "labels": ["Note number"]},
    "items": {"type": "list", "fields": {
        "code": {"type": "identifier", "labels": ["Code"]},
        "article": {"type": "text", "labels": ["Article"]},
        "quantity": {"type": "number", "labels": ["Qty"]},
        "price": {"type": "money", "labels": ["Price"]},
        "amount": {"type": "money", "labels": ["Amount"]},
    }},
    "total": {"type": "money", "labels": ["Total"]},
})
ITEMS = (
    ("CR-10", "Crate hire", "6", "35.00", "210.00"), ("NW-22", "Night watch", "9", "77.00", "693.00"),
    ("CO-07", "Cold room", "9", "68.00", "612.00"), ("LB-31", "Labels", "4", "2.50", "10.00"),
    ("FL-90", "Fork lift", "1", "48.20", "48.20"), ("WR-02", "Wrapping", "12", "1.15", "13.80"),
)


@every_angle
@pytest.mark.parametrize("spacing", [pytest.param(1.0, id="wide rows"), pytest.param(0.65, id="dense rows")])
def test_tables_over_the_width_of_the_page(tmp_path: Path, askew: Askew, spacing: float) -> None:
    sheet = Sheet().write(LEFT, 0, "STORE NOTE").write(LEFT, 2, "Note number:").write(LEFT + 200, 2, "LN-3100")
    ends = (910, 1210, RIGHT)
    sheet.write(LEFT, 4, "Code").write(LEFT + 200, 4, "Article")
    for end, head in zip(ends, ("Qty", "Price", "Amount"), strict=True):
        sheet.end(end, 4, head)
    for row, (code, article, *numbers) in enumerate(ITEMS, 1):
        line = 4 + row * spacing
        sheet.write(LEFT, line, code).write(LEFT + 200, line, article)
        for end, number in zip(ends, numbers, strict=True):
            sheet.end(end, line, number)
    line = 5 + (len(ITEMS) + 1) * spacing
    sheet.write(910, line, "Total").end(RIGHT, line, "1,587.00")
    expected = {
        f"items[{row}].{name}": value
        for row, item in enumerate(ITEMS) for name, value in zip(("code", "article", "quantity", "price", "amount"), item, strict=True)
    }
    found = fields(tmp_path, TABLE, sheet, askew)
    assert accepted(found, {"number": "LN-3100", "total": "1,587.00", **expected}) == {}
    assert {path for path in found if path.startswith("items")} == set(expected)


@pytest.mark.parametrize(("printed", "amount", "verdict"), [
    ("-7.50", "-7.50", "accepted"), ("— 7.50", "-7.50", "accepted"), ("7.50 -", "-7.50", "accepted"), ("( € 7.50 )", "-7.50", "accepted"),
    ("<7.50>", "-7.50", "accepted"), ("7.50 Cr.", "-7.50", "accepted"), ("CR 7.50", "-7.50", "accepted"), ("7.50 DR", "7.50", "accepted"),
    ("€ 1 250,00", "1250.00", "accepted"), ("1,25,000.00", "125000.00", "accepted"), ("1ʼ250.00", "1250.00", "accepted"),
    ("less 7.50", "-7.50", "ambiguous"), ("~7.50", "7.50", "ambiguous"), ("7.50¬", "7.50", "ambiguous"), ("[7.50]", "7.50", "ambiguous"),
    ("(7.50", "7.50", "ambiguous"),
])
def test_what_stands_beside_an_amount_reaches_its_value_and_verdict(tmp_path: Path, printed: str, amount: str, verdict: str) -> None:
    sheet = Sheet().write(LEFT, 0, "STORE NOTE").write(LEFT, 2, "Total").write(LEFT + 300, 2, printed)
    found = fields(tmp_path, LABELS, sheet, Askew(0, 0))["total"]
    assert (parser(LABELS.locale).parse(Kind.MONEY, found.value or ""), found.verdict) == (Decimal(amount), verdict)


@pytest.mark.parametrize(("gap", "amount", "verdict"), [
    pytest.param(1, "-7.50", "accepted", id="a space"),
    pytest.param(4, "-7.50", "ambiguous", id="a wide gap"),
    pytest.param(12, "7.50", "ambiguous", id="another column"),
])
def test_a_minus_far_from_its_amount_is_left_to_a_person(tmp_path: Path, gap: int, amount: str, verdict: str) -> None:
    sheet = Sheet().write(LEFT, 2, "Total").write(LEFT + 200, 2, "-").write(LEFT + 200 + CHAR + gap * CHAR, 2, "7.50")
    found = fields(tmp_path, LABELS, sheet, Askew(0, 0))["total"]
    assert (parser(LABELS.locale).parse(Kind.MONEY, found.value or ""), found.verdict) == (Decimal(amount), verdict)


def test_a_date_of_something_else_does_not_turn_the_contracts_order(tmp_path: Path) -> None:
    sheet = Sheet().write(LEFT, 2, "Issued on 03/02/2022").write(LEFT, 4, "Balance as of 06/17/2020")
    found = fields(tmp_path, LABELS, sheet, Askew(0, 0))["issued"]
    assert (found.value, found.verdict) == ("03/02/2022", "ambiguous")
    assert "06/17/2020" in found.reason


def test_a_date_of_the_contracts_own_says_in_which_order_the_others_are(tmp_path: Path) -> None:
    sheet = Sheet().write(LEFT, 2, "Issued on 11/17/2017").write(LEFT, 4, "Due on 12/03/2017")
    found = fields(tmp_path, LABELS, sheet, Askew(0, 0))
    assert [found[name].verdict for name in ("issued", "due")] == ["accepted", "accepted"]


PAIRS = contract({"pairs": {"type": "pairs"}})
ANSWERS = (
    ("Applicant:", "Jonas Albrecht"), ("Street:", "14 Quarry Lane"), ("Town:", "Lower Marsh"), ("Telephone:", "555 0170"),
    ("Date of birth:", "4 March 1988"),
)


@every_angle
def test_pairs_of_a_form(tmp_path: Path, askew: Askew) -> None:
    sheet = Sheet().write(600, 0, "REQUEST FOR STORAGE")
    for line, (key, value) in enumerate(ANSWERS):
        sheet.write(LEFT, 2 + line, key).write(LEFT + 300, 2 + line, value)
    sheet.write(LEFT, 8, "Depot:").write(LEFT + 300, 8, "North quay").write(900, 8, "Shelf:").write(1050, 8, "B 17")
    found = fields(tmp_path, PAIRS, sheet, askew)
    count = len({path.partition(".")[0] for path in found})
    pairs = {found[f"pairs[{n}].key"].value: (found[f"pairs[{n}].value"].value, found[f"pairs[{n}].value"].verdict) for n in range(count)}
    expected = {**{key.rstrip(":"): value for key, value in ANSWERS}, "Depot": "North quay", "Shelf": "B 17"}
    assert {str(key).rstrip(":"): said for key, said in pairs.items()} == {key: (value, "accepted") for key, value in expected.items()}


NAMES = contract({
    "company": {"type": "name", "place": "top"},
    "address": {"type": "address", "place": "after_company"},
    "buyer": {"type": "name", "labels": ["Bill to"]},
    "total": {"type": "money", "labels": ["Total"]},
})


@every_angle
def test_names_and_addresses_without_labels(tmp_path: Path, askew: Askew) -> None:
    sheet = Sheet().write(LEFT, 0, "Harbour Coffee Trading Ltd").end(RIGHT, 0, "INVOICE")
    sheet.write(LEFT, 0.8, "27 Mill Street").write(LEFT, 1.6, "Ferndale 43210").end(RIGHT, 1.6, "Page 1 of 1")
    sheet.write(LEFT, 4, "Bill to:").write(LEFT, 4.8, "Osprey Charter Ltd").write(950, 4, "Ship to:").write(950, 4.8, "Lighthouse Wharf")
    for line, (what, amount) in enumerate((("Flat white beans", "310.00"), ("Paper cups", "44.50"), ("Delivery", "12.00")), 8):
        sheet.write(LEFT, line, what).end(RIGHT, line, amount)
    sheet.write(LEFT, 12, "Total").end(RIGHT, 12, "366.50")
    assert accepted(fields(tmp_path, NAMES, sheet, askew), {
        "company": "Harbour Coffee Trading Ltd", "address": "27 Mill Street Ferndale 43210", "buyer": "Osprey Charter Ltd",
        "total": "366.50",
    }) == {}


@pytest.mark.parametrize("degrees", [0, -1, 1.5, -2, 7])
def test_a_picture_of_a_page_gives_the_same_however_it_lies(tmp_path: Path, degrees: float) -> None:
    """The whole way, from pixels: what the reader measures and where it says words stand is what the other tests assume."""
    picture = Image.new("L", (WIDTH, 1300), 255)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(30)
    lines = (("Note number", "LN-3100"), ("Account", "967-2033"), ("Issued on", "28.05.2026"))
    for line, (label, value) in enumerate(lines):
        draw.text((LEFT, 120 + 70 * line), label, font=font, fill=0)
        draw.text((LEFT + 300, 120 + 70 * line), value, font=font, fill=0)
    heads, rows = (("Article", "Qty", "Amount"), [(article, quantity, amount) for _, article, quantity, _, amount in ITEMS])
    for line, (article, quantity, amount) in enumerate([heads, *rows], 5):
        draw.text((LEFT, 120 + 70 * line), article, font=font, fill=0)
        draw.text((900, 120 + 70 * line), quantity, font=font, fill=0, anchor="ra")
        draw.text((RIGHT, 120 + 70 * line), amount, font=font, fill=0, anchor="ra")
    draw.text((LEFT, 1080), "Total", font=font, fill=0)
    draw.text((RIGHT, 1080), "1,587.00", font=font, fill=0, anchor="ra")
    (tmp_path / "in").mkdir()
    turned(picture, degrees).save(tmp_path / "in" / "note.png", dpi=(200, 200))
    used = contract({
        "number": {"type": "identifier", "labels": ["Note number"]}, "account": {"type": "identifier", "labels": ["Account"]},
        "issued": {"type": "date", "labels": ["Issued on"]}, "total": {"type": "money", "labels": ["Total"]},
        "items": {"type": "list", "fields": {
            "article": {"type": "text", "labels": ["Article"]}, "quantity": {"type": "number", "labels": ["Qty"]},
            "amount": {"type": "money", "labels": ["Amount"]},
        }},
    })
    space = Workspace.open(UPath(tmp_path), Partition("note", dt.date(2026, 11, 2)), "r1")
    settings = Settings(lake=str(tmp_path / "lake"), processes=1, ocr_profile="fast")
    ingest.run(space, used, UPath(tmp_path / "in"), settings)
    reading.run(space, "p0000", settings)
    found = {row["field"]: (row["value"], row["verdict"]) for row in merged(space, used)}
    expected = {"number": "LN-3100", "account": "967-2033", "issued": "28.05.2026", "total": "1,587.00"}
    for row, cells in enumerate(rows):
        expected |= {f"items[{row}].{name}": value for name, value in zip(("article", "quantity", "amount"), cells, strict=True)}
    assert {path: found.get(path) for path, value in expected.items() if found.get(path) != (value, "accepted")} == {}
