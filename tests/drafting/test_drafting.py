"""A first contract from examples: it passes the check, finds what the examples have, and is a person's to go on with."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fpdf import FPDF
from upath import UPath

from octavo.cli import main
from octavo.model import contracts
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.workflows import drafting, pipeline
from tests.documents import text_pdf

DAY = dt.date(2026, 11, 2)
SLIP = (
    "RIVERSIDE TRANSPORT LTD", "Delivery note: DN-{n}", "Delivered on: 11/{day}/2026", "Received by: {who}", "Gross weight {weight} kg",
    "Freight charge ${money}", "Drive carefully",
)
ROWS = [
    {"n": 4711, "day": 17, "who": "Rosa Field", "weight": "120.5", "money": "17.60"},
    {"n": 4712, "day": 23, "who": "Amir Stone", "weight": "88.0", "money": "9.00"},
    {"n": 4713, "day": 28, "who": "Lena Brook", "weight": "301.2", "money": "44.10"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "examples"
    made.mkdir()
    for row in ROWS:
        text_pdf(made / f"slip_{row['n']}.pdf", [[line.format(**row) for line in SLIP]])
    return made


def truth(folder: Path, **changed: Any) -> None:
    lines = [
        {"file": f"somewhere/slip_{row['n']}.pdf", "fields": {
            "noteNumber": f"DN-{row['n']}", "delivered": f"2026-11-{row['day']}", "carrier": "RIVERSIDE TRANSPORT LTD",
            "receiver": {"name": row["who"]}, "weight": row["weight"], "charge": f"${row['money']}", "remark": None, **changed,
        }} for row in ROWS
    ]
    (folder / "truth.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def new(folder: Path, *args: str) -> Result:
    out = folder.parent / "contracts" / "slip.yaml"
    return CliRunner().invoke(main, [
        "contracts", "new", "slip", "--from", str(folder), "--out", str(out), "--lake", str(folder.parent / "lake"), *args,
    ])


def drafted(folder: Path, *args: str) -> Contract:
    done = new(folder, *args)
    assert done.exit_code == 0, done.output
    path = folder.parent / "contracts" / "slip.yaml"
    assert CliRunner().invoke(main, ["contracts", "check", str(path)]).exit_code == 0
    return contracts.load(path)


def records(folder: Path, used: Contract) -> list[dict[str, Any]]:
    settings = Settings(lake=str(folder.parent / "lake"), processes=1)
    result = pipeline.run_day(used, UPath(folder), DAY, settings)
    assert result.published, result.error
    assert result.counts("read")["reads"] == 0, "the draft has read the documents already"
    path = Lake(UPath(settings.lake)).table(used.name, Partition(used.name, DAY))
    return sorted(fs.read_table(path).to_pylist(), key=lambda row: str(row["uri"]))


def test_a_draft_with_truth_has_its_fields_their_types_and_the_labels_beside_them(folder: Path) -> None:
    truth(folder)
    used = drafted(folder)
    fields = dict(used.leaves())
    assert {path: (spec.type, list(spec.labels)) for path, spec in fields.items()} == {
        "note_number": (Kind.IDENTIFIER, ["Delivery note"]),
        "delivered": (Kind.DATE, ["Delivered on"]),
        "carrier": (Kind.NAME, []),
        "receiver.name": (Kind.NAME, ["Received by"]),
        "weight": (Kind.NUMBER, ["Gross weight"]),
        "charge": (Kind.MONEY, ["Freight charge"]),
    }
    assert fields["carrier"].place == "top"
    assert {path for path, spec in fields.items() if spec.required} == set(fields)


def test_the_order_of_dates_and_the_currency_follow_from_the_pages(folder: Path) -> None:
    truth(folder)
    locale = drafted(folder).locale
    assert (locale.date_order, locale.currency) == ("MDY", "USD")


def test_a_draft_runs_on_its_examples_and_finds_their_values(folder: Path) -> None:
    truth(folder)
    rows = records(folder, drafted(folder))
    assert [(row["note_number"], row["delivered"].day, row["receiver"]["name"], str(row["charge"])) for row in rows] == [
        (f"DN-{row['n']}", row["day"], row["who"], row["money"]) for row in ROWS
    ]


def test_without_truth_the_keys_that_are_printed_most_become_the_fields(folder: Path) -> None:
    used = drafted(folder)
    assert {"delivery_note", "delivered_on", "received_by"} <= set(used.fields)
    assert used.fields["delivered_on"].type is Kind.DATE
    assert {row["delivery_note"] for row in records(folder, used)} == {f"DN-{row['n']}" for row in ROWS}


def test_lists_get_the_headers_above_their_cells_and_no_values_as_labels(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    lines = []
    for number in range(3):
        items = [{"article": f"Bolt M{number}", "amount": f"1{number}.50"}, {"article": "Nut", "amount": "2.25"}]
        table(folder / f"{number}.pdf", [("Article", "Amount"), *((item["article"], item["amount"]) for item in items)])
        lines.append({"file": f"{number}.pdf", "goods": items})
    (folder / "truth.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    goods = drafted(folder).fields["goods"]
    assert goods.type is Kind.LIST
    assert {name: (spec.type, list(spec.labels)) for name, spec in goods.fields.items()} == {
        "article": (Kind.TEXT, ["Article"]), "amount": (Kind.MONEY, ["Amount"]),
    }


def table(path: Path, rows: list[tuple[str, str]]) -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    for number, (left, right) in enumerate(rows):
        pdf.text(20, 20 + 8 * number, left)
        pdf.text(120, 20 + 8 * number, right)
    pdf.output(str(path))


@pytest.mark.parametrize(("args", "says"), [
    pytest.param(["--truth", "nowhere.jsonl"], "no such file", id="no truth"),
    pytest.param(["--out", "other.yaml"], "call it slip.yaml", id="another file name"),
])
def test_a_mistake_is_named(folder: Path, args: list[str], says: str) -> None:
    done = new(folder, *args)
    assert done.exit_code == 4
    assert says in done.stderr


@pytest.mark.parametrize(("text", "says"), [
    pytest.param("no json\n", "truth.jsonl:1: no JSON", id="no JSON"),
    pytest.param('{"total": 1}\n', "truth.jsonl:1: a line is one JSON object with `file`", id="no file"),
    pytest.param('{"file": "other.pdf", "fields": {"a": "b"}}\n', "names none of the documents", id="other documents"),
])
def test_truth_that_means_nothing_is_named(folder: Path, text: str, says: str) -> None:
    (folder / "truth.jsonl").write_text(text)
    done = new(folder)
    assert done.exit_code == 4
    assert says in done.stderr


def test_a_contract_that_is_there_is_not_written_over(folder: Path) -> None:
    truth(folder)
    drafted(folder)
    path = folder.parent / "contracts" / "slip.yaml"
    before = path.read_bytes()
    done = new(folder)
    assert done.exit_code == 4
    assert "is there already" in done.stderr
    assert path.read_bytes() == before


def test_a_folder_without_words_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    done = new(tmp_path / "examples")
    assert done.exit_code == 4
    assert "no document with words" in done.stderr


def test_the_draft_explains_itself(folder: Path) -> None:
    truth(folder)
    drafted(folder)
    text = (folder.parent / "contracts" / "slip.yaml").read_text()
    assert "from 3 documents, 3 of them with the true fields of truth.jsonl" in text
    assert text.count("this draft gets it in 3 of 3 that have it") == 6


def test_what_the_draft_gets_of_the_truth_is_said_and_a_field_that_accepts_wrong_values_accepts_none(folder: Path) -> None:
    truth(folder, weight="999.9")
    done = new(folder)
    assert done.exit_code == 0, done.output
    gets = {line.split("│")[1].strip(): line.split("│")[4].strip() for line in done.stdout.splitlines() if line.startswith("│")}
    assert gets["charge"] == "3 of 3"
    assert gets["weight"] == "0 of 3"
    assert "quarantined" not in done.stderr, "the truth is no document"


def test_texts_of_a_lists_rows_label_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    table(folder / "a.pdf", [("Article", "Amount"), ("Total care kit", "11.50"), ("Nut", "2.25"), ("Bolt", "7.00")])
    (folder / "truth.jsonl").write_text('{"file": "a.pdf", "fields": {"total": "11.50"}}\n')
    assert drafted(folder).fields["total"].labels == ()


def test_the_first_step_is_told_before_anything_is_read(folder: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    drafting.draft("slip", folder, Settings(lake=str(folder.parent / "lake")), progress=lambda *step: told.append(step))
    assert told[0] == ("look", 0, 1, "steps")
    assert ("read", 3, 3, "pages") in told
