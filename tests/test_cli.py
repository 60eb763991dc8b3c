"""The command line, over real files and real OCR."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from octavo.cli import main
from octavo.storage.lake import STABLE_TABLES
from tests.command_line import octavo

SAMPLES = Path(__file__).parents[1] / "samples" / "landing"
RECEIPTS = SAMPLES / "receipt"


def in_a_process(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "octavo", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def stable(lake: Path) -> dict[str, bytes]:
    """The bytes of every stable table, by path inside the lake."""
    names = (*STABLE_TABLES, "receipt", "invoice")
    return {str(p.relative_to(lake)): p.read_bytes() for name in names for p in (lake / name).rglob("*.parquet")}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Two days of receipts, run once."""
    lake = tmp_path_factory.mktemp("lake")
    return lake, json.loads(in_a_process("run", "receipt", RECEIPTS, "--lake", lake, "--json").stdout.splitlines()[-1])


def test_a_run_prints_one_object_with_the_fixed_keys_and_publishes(first):
    lake, summary = first
    assert set(summary) == {
        "documents", "pages", "chunks", "quarantined", "reads", "read_hits", "model_calls", "store_hits", "seconds", "published",
        "prompt_tokens", "completion_tokens", "cost",
    }
    assert summary["published"] is True
    assert summary["documents"] == summary["pages"] == summary["reads"] == 8  # a ninth file is a copy
    assert {path.name for path in (lake / "receipt" / "contract=receipt").iterdir()} == {"day=2026-11-02", "day=2026-11-03"}


def test_a_second_run_reads_nothing_and_changes_no_byte(first):
    lake, _ = first
    before = stable(lake)
    summary = json.loads(octavo("run", "receipt", RECEIPTS, "--lake", lake, "--json").stdout.splitlines()[-1])
    assert (summary["reads"], summary["read_hits"], summary["model_calls"]) == (0, 8, 0)
    assert stable(lake) == before


def test_renamed_and_reordered_documents_and_small_shards_give_the_same_values(first, tmp_path, monkeypatch):
    lake, _ = first
    folder = tmp_path / "2026" / "11" / "02"
    folder.mkdir(parents=True)
    for i, path in enumerate(sorted((SAMPLES / "receipt/2026/11/02").iterdir(), reverse=True)):
        shutil.copy(path, folder / f"{i}{path.suffix}")
    monkeypatch.setenv("OCTAVO_SHARD_PAGES", "1")
    monkeypatch.setenv("OCTAVO_PROCESSES", "1")
    octavo("run", "receipt", tmp_path, "--lake", tmp_path / "lake")
    name = "fields/contract=receipt/day=2026-11-02/part.parquet"
    assert (tmp_path / "lake" / name).read_bytes() == (lake / name).read_bytes()


def test_bad_files_are_quarantined_with_their_reasons_and_the_day_is_published(tmp_path):
    result = octavo("run", "invoice", SAMPLES / "invoice", "--lake", tmp_path, "--json")
    assert result.exit_code == 0
    rows = pq.read_table(next((tmp_path / "documents").rglob("*.parquet"))).to_pylist()
    assert {Path(row["uri"]).name: row["reason"] for row in rows if row["status"] == "quarantined"} == {
        "cut_off.pdf": "truncated", "empty.pdf": "empty_file", "error_page.pdf": "mislabelled", "locked.pdf": "password_required",
    }
    assert "password_required" in result.stderr


def test_a_blank_page_among_bad_files_is_an_empty_document_and_the_day_is_published(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("L", (800, 1000), 255).save(folder / "blank.png")
    (folder / "nothing.pdf").touch()
    (folder / "page.pdf").write_text("<html><body>404</body></html>")
    result = octavo("run", "receipt", folder, "--lake", tmp_path / "lake", "--day", "2026-11-09", "--json")
    summary = json.loads(result.stdout)
    assert (summary["published"], summary["quarantined"]) == (True, 2)
    rows = pq.read_table(next((tmp_path / "lake/documents").rglob("*.parquet"))).to_pylist()
    statuses = {Path(row["uri"]).name: row["status"] for row in rows}
    assert statuses == {"blank.png": "empty", "nothing.pdf": "quarantined", "page.pdf": "quarantined"}
    fields = pq.read_table(next((tmp_path / "lake/fields").rglob("*.parquet"))).to_pylist()
    assert [row["value"] for row in fields if row["value"]] == []


def test_an_empty_folder_is_an_empty_day_with_typed_tables(tmp_path):
    (tmp_path / "in").mkdir()
    result = octavo("run", "invoice", tmp_path / "in", "--lake", tmp_path / "lake", "--day", "2026-11-09", "--json")
    assert json.loads(result.stdout)["published"] is True
    table = pq.read_table(tmp_path / "lake/invoice/contract=invoice/day=2026-11-09/part.parquet")
    assert table.num_rows == 0
    assert str(table.schema.field("amount_total").type) == "decimal128(18, 2)"


def test_a_selected_document_is_taken_alone_and_the_rest_of_its_day_stays(first, tmp_path):
    lake, _ = first
    shutil.copytree(lake, tmp_path / "lake")
    result = octavo("run", "receipt", RECEIPTS, "--lake", tmp_path / "lake", "--day", "2026-11-02",
                    "--documents", "receipt_0001*", "--json")
    assert json.loads(result.stdout)["documents"] == 1
    assert stable(tmp_path / "lake") == stable(lake)


def undated(folder: Path, *names: str) -> Path:
    """A folder without days that holds samples with a text layer."""
    folder.mkdir()
    for name in names:
        shutil.copy(next(SAMPLES.rglob(name)), folder / name)
    return folder


def test_a_second_folder_without_days_is_asked_about_before_it_replaces_the_first(tmp_path):
    one, other = undated(tmp_path / "one", "order_0000.pdf"), undated(tmp_path / "other", "statement_0000.pdf")
    run = ("run", "generic", "--lake", tmp_path / "lake", "--extractor", "layout")

    def published() -> set[str]:
        (part,) = (tmp_path / "lake" / "documents").rglob("*.parquet")
        return {Path(uri).name for uri in pq.ParquetFile(part).read(["uri"])["uri"].to_pylist()}

    assert octavo(*run, one).exit_code == octavo(*run, one).exit_code == 0  # the same folder again is nothing to ask about
    asked = octavo(*run, other)
    assert asked.exit_code == 4
    assert "has 1 documents of another folder already" in asked.stderr
    assert all(option in asked.stderr for option in ("--add", "--replace", "--day", "order_0000.pdf"))
    assert published() == {"order_0000.pdf"}
    assert octavo(*run, other, "--add").exit_code == 0
    assert published() == {"order_0000.pdf", "statement_0000.pdf"}
    assert octavo(*run, other, "--replace").exit_code == 0
    assert published() == {"statement_0000.pdf"}
    assert "give one of them" in octavo(*run, other, "--add", "--replace").stderr


def test_a_document_of_another_kind_waits_for_review_and_none_of_its_values_is_accepted(tmp_path):
    contract = tmp_path / "order.yaml"
    contract.write_text(
        "name: order\ntitle: Orders\nmatch: [Purchase-Order, '/Lieferschein \\d+/']\n"
        "fields:\n  total: {type: money, labels: [Total, Amount due]}\n  number: {type: identifier, labels: [Order no., Account number]}\n")
    folder = undated(tmp_path / "in")
    shutil.copy(SAMPLES / "purchase_order" / "2026" / "11" / "05" / "order_0000.pdf", folder / "right.pdf")
    shutil.copy(SAMPLES / "energy_statement" / "2026" / "11" / "05" / "statement_0000.pdf", folder / "wrong.pdf")
    assert octavo("run", contract, folder, "--lake", tmp_path / "lake", "--extractor", "layout").exit_code == 0

    def rows(table: str) -> list[dict]:
        (part,) = (tmp_path / "lake" / table).rglob("*.parquet")
        return pq.ParquetFile(part).read().to_pylist()

    documents = {Path(row["uri"]).name: row for row in rows("documents")}
    assert {name: (row["status"], row["reason"]) for name, row in documents.items()} == {
        "right.pdf": ("ok", None), "wrong.pdf": ("ok", "not_this_kind")}
    wrong = documents["wrong.pdf"]["document"]
    verdicts = {(row["document"] == wrong, row["verdict"]) for row in rows("fields") if row["matched"]}
    assert (False, "accepted") in verdicts
    assert {verdict for is_wrong, verdict in verdicts if is_wrong} == {"ambiguous"}
    for_review = [row["reason"] for row in rows("review") if row["document"] == wrong and row["field"] == "document"]
    assert for_review == ["not_this_kind: no page has any of the contract's `match`"]
    assert [row["reason"] for row in rows("ledger") if row["document"] == wrong and row["level"] == "document"] == ["not_this_kind"]


def test_show_prints_the_fields_of_a_document_with_verdict_and_evidence(first):
    lake, _ = first
    fields = [json.loads(line) for line in octavo("show", "receipt_0000.png", "--lake", lake, "--json").stdout.splitlines()]
    total = next(field for field in fields if field["field"] == "total")
    assert total["verdict"] == "accepted"
    assert total["evidence"][0]["page"] == 1
    assert total["value"] in octavo("show", "receipt_0000.png", "--lake", lake).stdout


def test_show_prints_the_tables_of_a_document(first):
    lake, _ = first
    receipt = ("show", "receipt_0000.png", "--lake", lake, "--tables")
    tables = [json.loads(line) for line in octavo(*receipt, "--json").stdout.splitlines()]
    assert [table["table"] for table in tables] == list(range(1, len(tables) + 1))
    assert tables
    texts = [cell["text"] for table in tables for cell in table["cells"]]
    printed = octavo(*receipt).stdout
    assert "page 1, table 1:" in printed
    assert all(text.split()[0] in printed for text in texts)


def test_show_draws_the_published_chunks_of_a_document_and_those_of_another_cut(first, tmp_path):
    lake, _ = first
    published, other = (
        octavo("show", "receipt_0000.png", "--lake", lake, "--chunks", "--out", tmp_path / name, *more)
        for name, more in (("published", []), ("other", ["--chunking", "line_gap"]))
    )
    assert [(result.exit_code, result.stderr) for result in (published, other)] == [(0, ""), (0, "")]
    rows = pq.read_table(lake / "chunks/contract=receipt/day=2026-11-02/part.parquet").to_pylist()
    ids = {row["uri"]: row["document"] for row in pq.read_table(next((lake / "documents").rglob("day=2026-11-02/*.parquet"))).to_pylist()}
    wanted = next(document for uri, document in ids.items() if uri.endswith("receipt_0000.png"))
    assert published.stdout.split()[-2:] == [str(sum(row["document"] == wanted for row in rows)), "chunks"]
    assert int(other.stdout.split()[-2]) > 5
    with Image.open(tmp_path / "other/receipt_0000-p0001.png") as two, Image.open(tmp_path / "published/receipt_0000-p0001.png") as one:
        assert one.size == two.size
        assert one.tobytes() != two.tobytes()


@pytest.mark.parametrize(("args", "code", "says"), [
    pytest.param(["show", "receipt", "--lake", ".", "--chunking", "page"], 4, "belongs to --chunks", id="a cut without a picture"),
    pytest.param(["run", "recipt", "."], 3, "no contract 'recipt'", id="an unknown contract"),
    pytest.param(["run", "receipt", ".", "--extractor", "molmo"], 4, "none is configured", id="a model without a runtime"),
    pytest.param(["show", "nowhere.pdf", "--lake", "."], 4, "no document 'nowhere.pdf'", id="an unknown document"),
    pytest.param(["run", "receipt", str(RECEIPTS), "--day", "1999-01-01"], 4, "no folder for 1999-01-01", id="a day that is not there"),
    pytest.param(["merge", __file__, __file__, "--contract", "receipt"], 4, "test_cli.py:1: no JSON", id="answers that are no JSON"),
    pytest.param(["run", "receipt", "nowhere"], 2, "does not exist", id="a folder that is not there"),
])
def test_a_mistake_ends_with_its_exit_code_and_a_text(args, code, says, tmp_path, monkeypatch):
    monkeypatch.setenv("OCTAVO_LAKE", str(tmp_path))
    result = octavo(*args)
    assert result.exit_code == code
    assert says in result.stderr


def test_a_mistake_leaves_no_traceback():
    result = in_a_process("run", "recipt", ".")
    assert result.returncode == 3
    assert result.stderr.startswith("error: no contract 'recipt'")


def test_a_broken_contract_is_named_with_file_line_and_remedy(tmp_path):
    path = tmp_path / "bill.yaml"
    path.write_text("name: bill\ntitle: Bills\nfields:\n  total: {type: monney}\n")
    result = octavo("contracts", "check", path)
    assert result.exit_code == 3
    assert f"{path}:4: fields.total.type: is none of text" in result.stderr


def test_a_day_that_the_gate_refuses_publishes_the_ledger_only(tmp_path):
    path = tmp_path / "strict.yaml"
    text = "name: strict\ntitle: Strict\nfields:\n  total: {type: money, labels: [Total], max: 1, required: true}\n"
    path.write_text(text + "gate: {min_required_share: 1.0}\n")
    result = octavo("run", path, RECEIPTS, "--lake", tmp_path / "lake", "--day", "2026-11-02")
    assert result.exit_code == 8
    assert "total" in result.stderr
    assert [child.name for child in sorted((tmp_path / "lake").iterdir()) if not child.name.startswith("_")] == ["ledger"]


def test_answers_from_outside_are_merged_against_words_from_outside(tmp_path):
    at = {"document": "d", "page": 1}
    texts = [("Total", [10, 10, 60, 30]), ("53.40", [70, 10, 120, 30])]
    words = [{**at, "text": text, "box": box, "confidence": 0.99, "source": "ocr"} for text, box in texts]
    answer = {**at, "box": [0, 0, 200, 40], "extractor": "molmo", "hinted": False, "text": '{"total": ["53.40", "99.00"]}'}
    (tmp_path / "words.jsonl").write_text("".join(json.dumps(word) + "\n" for word in words))
    (tmp_path / "answers.jsonl").write_text(json.dumps(answer) + "\n")
    files = (tmp_path / "answers.jsonl", tmp_path / "words.jsonl", "--contract", "receipt")
    rows = [json.loads(line) for line in octavo("merge", *files, "--json").stdout.splitlines()]
    total = next(row for row in rows if row["field"] == "total")
    assert (total["value"], total["verdict"], total["evidence"]) == ("53.40", "accepted", [[70, 10, 120, 30]])
    assert total["losers"][0]["value"] == "99.00"
    assert "beside its label" in octavo("merge", *files).stdout


def test_every_command_explains_itself():
    def walk(command, path):
        yield path, command
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, [*path, name])

    for path, command in walk(main, []):
        assert command.help, path
        for param in command.params:
            assert getattr(param, "help", None) or param.param_type_name == "argument", (path, param.name)
