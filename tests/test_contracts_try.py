"""``octavo contracts try``: what a contract makes of a file, and why, before anything is published."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fpdf import FPDF

from octavo.cli import main

CONTRACT = """\
name: slip
title: Slips
schedule: null
fields:
  number: {type: identifier, labels: [Slip number, Slip no.]}
  delivered: {type: date, labels: [Delivered on]}
  due: {type: date, labels: [Date], not_labels: [Date of print]}
  weight: {type: number, labels: [Gross weight]}
  driver: {type: name, labels: [Driver's full name]}
  remark: {labels: [terms overleaf]}
  goods:
    type: list
    fields:
      article: {labels: [Article]}
      amount: {type: money, labels: [Amount]}
"""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "slip.yaml"
    path.write_text(CONTRACT)
    return path


@pytest.fixture
def slip(tmp_path: Path) -> Path:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    rows: list[tuple[str, ...]] = [
        ("Slip number", "SL-4711"), ("Delivered on:", "soon"), ("Date of print", "03/04/2026"), ("Gross", "", "weight"),
        ("Drivers name", "Ann Field"),
        ("Please read the terms overleaf before you sign this slip of delivery and keep it",), ("Truck: 17",), (),
        ("Article", "", "Amount"), ("Bolt", "", "11.50"), ("Nut", "", "2.25"), ("Washer", "", "7.00"),
    ]
    for number, row in enumerate(rows):
        for x, text in zip((20, 70, 120), row, strict=False):
            pdf.text(x, 20 + 8 * number, text)
    path = tmp_path / "slip_4711.pdf"
    pdf.output(str(path))
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["contracts", "try", *map(str, args)])


def as_json(contract: Path, *files: Path) -> list[dict[str, Any]]:
    done = run(contract, *files, "--json", "--lake", contract.parent / "lake")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_text_has_words_and_grid_labels_values_with_their_confidence_and_what_nobody_took(contract: Path, slip: Path) -> None:
    done = run(contract, slip, "--lake", contract.parent / "lake")
    assert done.exit_code == 0, done.output
    said = done.stdout
    assert "page 1: 41 words from text_layer" in said
    assert "  Slip number | SL-4711" in said
    assert "page 1, table" in said
    assert "SL-4711" in said.split("found")[-1]
    assert "accepted" in said
    assert "in no field:" in said
    assert "Truck: 17" in said.split("in no field:")[1]


def test_each_label_says_where_it_is_printed_or_why_not(contract: Path, slip: Path) -> None:
    labels = {one["field"]: one for one in as_json(contract, slip)[0]["labels"]}
    printed = labels["number"]["printed"][0]
    assert (printed["page"], printed["label"], printed["right"]) == (1, "Slip number", "SL-4711")
    missed = {name: one["missed"][0]["why"] for name, one in labels.items() if one["missed"]}
    assert missed["due"] == "hidden by one of not_labels on page 1: Date of print 03/04/2026"
    assert missed["weight"] == "its words stand on page 1, but a wide gap parts them: Gross | weight"
    assert missed["driver"] == "not printed; most like it is “Drivers name” on page 1"
    assert labels["delivered"]["note"] == "printed, but nothing right of it or below it is taken as a date"
    assert labels["remark"]["note"] == "printed within a sentence only, where it may be no label"


def test_values_have_verdict_confidence_reason_and_place(contract: Path, slip: Path) -> None:
    found = {one["path"]: one for one in as_json(contract, slip)[0]["fields"]}
    number = found["number"]
    assert (number["value"], number["verdict"]) == ("SL-4711", "accepted")
    assert number["confidence"] > 0.8
    assert "Slip number" in number["reason"]
    assert number["evidence"][0]["page"] == 1
    assert found["goods[2].amount"]["value"] == "7.00"


def test_words_and_tables_are_those_of_the_page(contract: Path, slip: Path) -> None:
    page = as_json(contract, slip)[0]["pages"][0]
    assert page["words"][0]["text"] == "Slip"
    assert any(cell["text"] == "Washer" for table in page["tables"] for cell in table["cells"])


def test_the_page_is_one_file_with_evidence_and_no_lake(contract: Path, slip: Path) -> None:
    target = contract.parent / "slip.html"
    done = run(contract, slip, "--html", target, "--lake", contract.parent / "lake")
    assert done.exit_code == 0, done.output
    page = target.read_text()
    assert "SL-4711" in page
    assert "not published" in page
    assert "data:image/jpeg" in page
    lake = contract.parent / "lake"
    assert [path.name for path in lake.iterdir()] == ["_octavo"]
    assert [path.name for path in (lake / "_octavo").iterdir()] == ["readings"], "words are kept, and nothing else"


def test_several_files_come_one_after_the_other_and_a_bad_one_with_its_reason(contract: Path, slip: Path) -> None:
    broken = contract.parent / "other" / slip.name
    broken.parent.mkdir()
    broken.write_bytes(b"%PDF-1.7 nothing")
    found = as_json(contract, slip, broken)
    assert [(one["file"], one["status"]) for one in found] == [(str(slip), "ok"), (str(broken), "quarantined")]
    assert found[1]["reason"]


@pytest.mark.parametrize(("args", "says"), [
    pytest.param(["{folder}/empty"], "no documents in", id="nothing there"),
    pytest.param(["{folder}/two", "--html", "{folder}/x.html"], "--html takes one document, and there are 2", id="a page of two"),
])
def test_a_mistake_says_what_to_give(contract: Path, slip: Path, args: list[str], says: str) -> None:
    (contract.parent / "empty").mkdir()
    two = contract.parent / "two"
    two.mkdir()
    (two / "a.pdf").write_bytes(slip.read_bytes())
    (two / "b.pdf").write_bytes(slip.read_bytes() + b"\n")
    done = run(contract, *(arg.format(folder=contract.parent) for arg in args), "--lake", contract.parent / "lake")
    assert done.exit_code == 4
    assert says in done.stderr


def test_a_new_kind_in_ten_minutes_goes_as_the_documentation_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the walk, and every change to the draft, in their order."""
    root = Path(__file__).resolve().parent.parent
    text = (root / "docs" / "contracts.md").read_text(encoding="utf-8")
    walk = text.partition("## A new kind in ten minutes\n")[2].partition("\n## ")[0]
    (tmp_path / "samples").symlink_to(root / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCTAVO_PROCESSES", "1")
    draft, said = tmp_path / "supplier_bill.yaml", []
    for kind, block in re.findall(r"(?ms)^ *```(console|yaml)\n(.*?)^ *```", walk):
        if kind == "yaml":
            fields = re.sub(r"(?ms)^  (?:name|address):  #.*?(?=^  \w)", "", draft.read_text())
            draft.write_text(fields.replace("\nfields:\n", "\nfields:\n" + textwrap.indent(textwrap.dedent(block), "  ")))
            continue
        for command in re.findall(r"(?m)^ *\$ (.*)$", block):
            program, *args = shlex.split(command)
            if program == "python":
                done = CliRunner().invoke(main, args[2:])
                assert done.exit_code == 0, done.output
                said.append(done.stdout)
            else:
                subprocess.run([program, *args], check=True)
    drafted, first, _, checked, ran = said
    assert "items[].unit_price" in drafted
    assert "its place alone says what it is" in drafted
    assert "page 1  column  Bill to" in first
    assert "invoice_date" in first
    assert "data:image/jpeg" in (tmp_path / "invoice.html").read_text()
    assert "ok supplier_bill.yaml" in checked
    assert "yes" in ran
    rows = {row["path"]: row for row in as_json(draft, tmp_path / "bills" / "invoice_0001.pdf")[0]["fields"]}
    assert (rows["supplier"]["value"], rows["supplier"]["verdict"]) == ("Bluefin Marine Parts Inc.", "accepted")
    assert rows["customer"]["value"] == "Osprey Charter Co."
