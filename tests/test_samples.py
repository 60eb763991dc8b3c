"""The shipped documents are what the script makes, and the truth fits them."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageSequence
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.rules import stage as rules
from octavo.ingest import stage as ingest
from octavo.merging.documents import Merger, PageAnswers
from octavo.model import contracts
from octavo.model.entities import Answer, Box, Field, Partition, Verdict
from octavo.model.settings import CONTRACTS_FOLDER, Settings
from octavo.reading import stage as reading
from octavo.storage import schemas
from octavo.storage.workspace import Workspace
from samples import make
from samples.drawing import rasterise

ROOT = Path(make.HERE)
TRUTH = [json.loads(line) for line in (ROOT / make.TRUTH).read_text(encoding="utf-8").splitlines()]
READABLE = [row for row in TRUTH if row["outcome"] == "ok"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted((folder / "landing").rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make.build(folder)
    return folder


def pictures(name: str, data: bytes) -> list[np.ndarray]:
    """The pages of a file as they look; those of a PDF at 72 dpi."""
    if name.endswith(".pdf"):
        images = rasterise(data, 72)
    else:
        images = [frame.convert("L").copy() for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data)))]
    return [np.asarray(image, dtype=np.int16) for image in images]


def test_the_same_seed_gives_the_same_bytes_in_another_process(made: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "make.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True)
    assert files(tmp_path) == files(made)
    assert (tmp_path / make.TRUTH).read_bytes() == (made / make.TRUTH).read_bytes()


def test_the_repository_holds_what_the_script_makes(made: Path) -> None:
    """Pages must look the same; the bytes may differ where another zlib packs them differently."""
    assert (made / make.TRUTH).read_bytes() == (ROOT / make.TRUTH).read_bytes()
    fresh, kept = files(made), files(ROOT)
    assert set(fresh) == set(kept)
    for name in (row["file"] for row in READABLE if fresh[row["file"]] != kept[row["file"]]):
        pairs = list(zip(pictures(name, fresh[name]), pictures(name, kept[name]), strict=True))
        assert all(a.shape == b.shape and np.abs(a - b).mean() < 0.5 for a, b in pairs), name


def test_another_seed_makes_other_documents() -> None:
    first, other = next(make.samples(1)), next(make.samples(2))
    assert (first.data, first.fields) != (other.data, other.fields)


def test_the_repository_holds_three_megabytes_of_samples_at_most() -> None:
    assert sum(len(data) for data in files(ROOT).values()) < 3_000_000


def test_the_truth_names_every_file_once() -> None:
    assert [row["file"] for row in TRUTH] == sorted(files(ROOT))


@pytest.mark.parametrize("row", [row for row in READABLE if row["file"].endswith(".pdf")], ids=lambda row: row["file"])
def test_a_pdf_has_the_pages_of_the_truth_and_text_unless_it_is_a_scan(row: dict) -> None:
    with pypdfium2.PdfDocument(ROOT / row["file"]) as document:
        text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
        assert len(document) == row["pages"]
    assert bool(text.strip()) is not row["scanned"]


@pytest.mark.parametrize("row", [row for row in READABLE if not row["file"].endswith(".pdf")], ids=lambda row: row["file"])
def test_an_image_opens_with_the_pages_of_the_truth(row: dict) -> None:
    with Image.open(ROOT / row["file"]) as image:
        assert getattr(image, "n_frames", 1) == row["pages"]
        assert min(image.size) > 500


@pytest.mark.parametrize(
    ("contract", "fields"),
    [
        pytest.param("receipt", ("company", "total"), id="receipt"),
        pytest.param("invoice", ("invoice_number", "issuer", "buyer", "currency"), id="invoice"),
        pytest.param("adbuy", ("contract_num", "advertiser"), id="adbuy"),
        pytest.param("energy_statement", ("account_number", "website"), id="energy statement"),
    ],
)
def test_a_text_pdf_says_what_the_truth_says(contract: str, fields: tuple[str, ...]) -> None:
    rows = [row for row in READABLE if row["contract"] == contract and row["file"].endswith(".pdf") and not row["scanned"]]
    assert rows
    for row in rows:
        with pypdfium2.PdfDocument(ROOT / row["file"]) as document:
            text = " ".join(page.get_textpage().get_text_bounded() for page in document)
        assert [name for name in fields if row["fields"][name] not in text] == []


@pytest.mark.parametrize("row", [row for row in READABLE if row["contract"] == "invoice"], ids=lambda row: row["file"])
def test_line_items_add_up_to_the_untaxed_amount(row: dict) -> None:
    cents = [round(float(item["amount"]) * 100) for item in row["fields"]["line_items"]]
    assert sum(cents) == round(float(row["fields"]["amount_untaxed"]) * 100)


@pytest.mark.parametrize("contract", contracts.load_all(CONTRACTS_FOLDER), ids=lambda contract: contract.name)
def test_every_contract_has_samples_and_the_truth_uses_its_field_names(contract: contracts.Contract) -> None:
    rows = [row for row in READABLE if row["contract"] == contract.name]
    assert rows
    assert {name for row in rows for name in row["fields"]} <= set(contract.fields)
    for name, spec in contract.fields.items():
        nested = [row["fields"].get(name) for row in rows if spec.fields]
        for item in (item for value in nested for item in (value if isinstance(value, list) else [value or {}])):
            assert set(item) <= set(spec.fields)


def test_bad_files_are_bad_in_the_way_the_truth_says() -> None:
    bad = {row["reason"]: ROOT / row["file"] for row in TRUTH if row["outcome"] == "quarantined"}
    assert bad["empty_file"].stat().st_size == 0
    assert bad["mislabelled"].read_bytes().startswith(b"<!DOCTYPE html>")
    with pytest.raises(pypdfium2.PdfiumError, match="password"):
        pypdfium2.PdfDocument(bad["password_required"])
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(bad["truncated"])
    assert bad["truncated"].read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("contract", "pages"), [pytest.param("receipt", 3, id="receipts"), pytest.param("invoice", 5, id="invoices, an odd number of pages")]
)
def test_a_volume_has_as_many_pages_as_asked_for_and_no_two_files_alike(tmp_path: Path, contract: str, pages: int) -> None:
    made = make.build(tmp_path, pages=pages, contract=contract)
    assert sum(sample.pages for sample in made) == pages
    assert len({sample.data for sample in made}) == len(made)
    assert {Path(name).parts[1] for name in files(tmp_path)} == {contract}


def merged(contract: str, name: str, root: Path, said: dict[str, list] | None = None) -> tuple[dict[str, Any], dict[str, Field]]:
    """The truth of a sample with a text layer and what the stages make of it, with a stand-in for the model where it says something."""
    row = next(row for row in TRUTH if row["contract"] == contract and row["file"].endswith(name))
    spec = contracts.find(contract, CONTRACTS_FOLDER)
    space = Workspace.open(UPath(root), Partition(contract, dt.date(2026, 11, 5)), "r1")
    settings = Settings(lake=str(root / "lake"), processes=1)
    ingest.run(space, spec, UPath((ROOT / row["file"]).parent), settings, name)
    (shard,) = space.plan.page_shards
    reading.run(space, shard, settings)
    chunking.run(space, shard, spec.chunking)
    page = schemas.page_from_row(space.read(space.shard("read", shard)).to_pylist()[0])
    chunks = [schemas.chunk_from_row(row) for row in space.read(space.shard("chunk", shard)).to_pylist()]
    rules.run(space, shard, spec)
    answers = [said_by_layout(row) for row in space.read(space.shard("extract_layout", shard)).to_pylist()]
    if said:
        answers.append(Answer(1, chunks[0].number, chunks[0].box, "molmo", False, said))
    return row["fields"], {field.path: field for field in Merger(spec).merge(page.document, [PageAnswers(page, chunks, answers)])}


def said_by_layout(row: dict[str, Any]) -> Answer:
    box = Box(row["x0"], row["y0"], row["x1"], row["y1"])
    parsed = json.loads(row["parsed"] or "{}")
    return Answer(row["page"], row["chunk"], box, rules.EXTRACTOR, True, parsed)


@pytest.mark.usefixtures("any_confidence")
def test_the_energy_statement_gives_every_field_with_its_evidence(tmp_path: Path) -> None:
    truth, found = merged("energy_statement", "statement_0000.pdf", tmp_path)
    assert {path for path, field in found.items() if field.verdict is not Verdict.ACCEPTED or not field.evidence} == set()
    assert set(leaves(truth)) <= set(found)
    text = {path: value for path, value in leaves(truth).items() if found[path].typed == found[path].value}
    assert len(text) > 20
    assert {path: found[path].value for path in text} == text


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """Every value of a record of the truth, by its path in the fields table."""
    if isinstance(value, dict):
        return {key: text for name, inner in value.items() for key, text in leaves(inner, f"{path}.{name}" if path else name).items()}
    if isinstance(value, list):
        return {key: text for at, inner in enumerate(value) for key, text in leaves(inner, f"{path}[{at}]").items()}
    return {} if value is None else {path: value}


def test_the_lecture_page_gives_its_topics_and_a_models_explanations(tmp_path: Path) -> None:
    topics = [
        {"name": "Stacks", "explanation": "Stacks give back what was added last; adding and removing take constant time."},
        {"name": "Queues", "explanation": "Queues give back the item that has waited longest."},
        {"name": "Hash tables", "explanation": "A hash of the key names the bucket in which the item lies."},
        {"name": "Binary search trees", "explanation": "Smaller keys stay on the left and larger keys on the right."},
    ]
    truth, found = merged("lecture_notes", "lecture_0000.pdf", tmp_path, {"topics": topics})
    assert [found[f"topics[{n}].name"].value for n in range(4)] == [topic["name"] for topic in truth["topics"]]
    for n, topic in enumerate(topics):
        name, explanation = found[f"topics[{n}].name"], found[f"topics[{n}].explanation"]
        assert (name.verdict, len(name.evidence)) == (Verdict.ACCEPTED, 1)
        assert (explanation.value, explanation.verdict) == (topic["explanation"], Verdict.PARAPHRASE)
        assert "% of its content words" in explanation.reason
