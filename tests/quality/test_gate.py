"""The gate over staged tables, with the real Great Expectations."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pickle
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Partition
from octavo.model.errors import GateFailed, WorkspaceError
from octavo.publishing import expectations, gate
from octavo.publishing import row_checks as rows
from octavo.publishing.checks import Rule, checks
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace

DAY = dt.date(2026, 11, 4)
SECRET = "ROSALIND-PIKE"
FIELDS: dict[str, Any] = {
    "number": {"type": "identifier", "pattern": r"INV-\d+(?!\d)", "unique": True},
    "date": {"type": "date"},
    "total": {"type": "money", "required": True, "min": 0, "max": 1000},
    "net": {"type": "money"},
    "tax": {"type": "money"},
    "service": {"type": "group", "fields": {"rate": {"type": "percentage", "max": 100}}},
    "items": {"type": "list", "fields": {"name": {}, "amount": {"type": "money", "min": 0}}},
}
SUMS = [{"total": "total", "parts": ["net", "tax"]}, {"total": "net", "parts": ["items[].amount"], "tolerance": 0.05}]


def contract(fields: dict[str, Any] | None = None, **gate: Any) -> Contract:
    return Contract.model_validate({"name": "bill", "title": "Bills", "fields": fields or FIELDS, "gate": {"sums": SUMS, **gate}})


def record(number: int, /, **values: Any) -> dict[str, Any]:
    good = {
        "number": f"INV-{number}",
        "date": DAY,
        "total": Decimal("12.00"),
        "net": Decimal("10.00"),
        "tax": Decimal("2.00"),
        "service": {"rate": Decimal(20)},
        "items": [{"name": "bolt", "amount": Decimal("4.00")}, {"name": "nut", "amount": Decimal("6.00")}],
    }
    return {"document": name(number), "uri": f"{number}.pdf", "contract_hash": "x", **good, **values}


def name(number: int) -> str:
    return f"{number:064x}"


def stage(
    folder: Path, records: list[dict[str, Any]], used: Contract, *, quarantined: int = 0, pages: int = 1, documents: list[int] | None = None
) -> Workspace:
    """A workspace with the four staged tables; the readable documents are the records', unless given."""
    space = Workspace.open(UPath(folder / "state"), Partition(used.name, DAY), "run-1")
    ids = [row["document"] for row in records] if documents is None else [name(number) for number in documents]
    rows = [{"document": document, "uri": f"in/{int(document, 16)}.pdf", "pages": 1, "status": "ok"} for document in dict.fromkeys(ids)]
    rows += [{"document": name(10_000 + i), "uri": "bad", "status": "quarantined", "reason": "corrupt"} for i in range(quarantined)]
    read = [{"document": row["document"], "page": n + 1, "outcome": "ok"} for row in rows if row["status"] == "ok" for n in range(pages)]
    fs.write_rows(space.staged("documents"), rows, schemas.DOCUMENTS)
    fs.write_rows(space.staged("pages"), read, schemas.PAGES)
    fs.write_rows(space.staged("fields"), [{"document": d, "field": "total", "verdict": "accepted"} for d in ids], schemas.FIELDS)
    fs.write_rows(space.staged(used.name), records, schemas.record_schema(used))
    return space


def judge(folder: Path, records: list[dict[str, Any]], used: Contract, **staging: Any) -> dict[str, dict[str, Any]]:
    """What the gate says of each expectation, by name; the gate may pass or fail."""
    space = stage(folder, records, used, **staging)
    with contextlib.suppress(GateFailed):
        gate.run(space, used, UPath(folder / "reports"))
    return {entry["name"]: entry for entry in gate.read_result(space)["expectations"]}


def failed(found: dict[str, dict[str, Any]]) -> dict[str, tuple[int, int]]:
    return {title: (entry["failing"], entry["checked"]) for title, entry in found.items() if not entry["success"]}


def test_good_tables_pass_with_one_expectation_per_check(tmp_path: Path) -> None:
    used = contract(min_required_share=1.0)
    space = stage(tmp_path, [record(n) for n in range(3)], used)
    report = gate.run(space, used, UPath(tmp_path / "reports"))
    assert report.counts == {"expectations": len(checks(used)), "failed_expectations": 0, "rows": 3, "held": 0}
    result = gate.read_result(space)
    assert result["success"] is True
    assert (result["contract"], result["day"], result["rows"]) == ("bill", "2026-11-04", 3)
    assert (tmp_path / "reports" / "index.html").is_file()


def test_an_empty_day_passes(tmp_path: Path) -> None:
    used = contract(min_required_share=1.0)
    report = gate.run(stage(tmp_path, [], used), used, UPath(tmp_path / "reports"))
    assert report.counts["rows"] == 0


def test_a_pattern_without_an_end_fails_its_values_and_takes_the_gate_a_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expectations, "SLOW_SECONDS", 1.0)
    used = contract({"number": {"type": "identifier", "pattern": r"INV-\d+|(a+)+b"}}, min_pattern_share=0.5, sums=[])
    texts = [f"INV-{n}" if n < 30 else "a" * n for n in range(1, 60)]
    records = [{"document": name(n), "uri": f"{n}.pdf", "contract_hash": "x", "number": text} for n, text in enumerate(texts, 1)]
    started = time.monotonic()
    outcome = judge(tmp_path, records, used)[r"number matches INV-\d+|(a+)+b"]
    assert (outcome["failing"], outcome["checked"], outcome["success"]) == (30, 59, False)
    assert time.monotonic() - started < 12  # half a second for each would be 15


def test_nulls_fail_nothing_but_presence(tmp_path: Path) -> None:
    empty = record(1, number=None, date=None, total=None, net=None, tax=None, service=None, items=None)
    found = judge(tmp_path, [empty, record(2)], contract(min_required_share=1.0))
    assert failed(found) == {"total is present": (1, 2)}
    assert found["total is between 0 and 1000"]["checked"] == 1


@pytest.mark.parametrize(
    ("change", "title", "counts"),
    [
        pytest.param({"total": None}, "total is present", (1, 3), id="a required field is missing"),
        pytest.param({"number": "INV-12x"}, r"number matches INV-\d+(?!\d)", (1, 3), id="a pattern must match the whole value"),
        pytest.param({"number": "xINV-12"}, r"number matches INV-\d+(?!\d)", (1, 3), id="a pattern must match from the start"),
        pytest.param({"number": "INV-2"}, "number is unique", (2, 3), id="a value appears twice"),
        pytest.param({"total": Decimal("-0.01"), "net": None}, "total is between 0 and 1000", (1, 3), id="below the minimum"),
        pytest.param({"total": Decimal("1000.01"), "net": None}, "total is between 0 and 1000", (1, 3), id="above the maximum"),
        pytest.param({"service": {"rate": Decimal("100.5")}}, "service.rate is at most 100", (1, 3), id="in a group"),
        pytest.param(
            {"items": [{"amount": Decimal("-1.00")}, {"amount": Decimal("11.00")}]}, "items[].amount is at least 0", (1, 6), id="in a list"
        ),
        pytest.param({"tax": Decimal("2.02")}, "total = net + tax (within 0.01)", (1, 3), id="parts do not add up"),
        pytest.param({"items": [{"amount": Decimal("9.94")}]}, "net = items[].amount (within 0.05)", (1, 3), id="items do not add up"),
    ],
)
def test_a_bad_value_fails_its_expectation_and_names_its_document(
    tmp_path: Path, change: dict[str, Any], title: str, counts: tuple[int, int]
) -> None:
    found = judge(tmp_path, [record(1, **change), record(2), record(3)], contract(min_required_share=1.0))
    assert failed(found) == {title: counts}
    assert name(1) in found[title]["documents"]
    assert found[title]["values"] == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"tax": Decimal("2.01")}, id="a cent is within the tolerance"),
        pytest.param({"tax": None}, id="a part is unknown"),
        pytest.param({"net": None}, id="the total of another sum is unknown"),
        pytest.param({"items": []}, id="there are no items"),
        pytest.param({"items": [{"amount": Decimal("4.00")}, {"amount": None}]}, id="an item has no amount"),
    ],
)
def test_a_sum_holds_within_its_tolerance_and_where_a_number_is_unknown(tmp_path: Path, change: dict[str, Any]) -> None:
    assert failed(judge(tmp_path, [record(1, **change)], contract())) == {}


ACCOUNT: dict[str, Any] = {
    "opening": {"type": "money"}, "closing": {"type": "money"},
    "rows": {"type": "list", "fields": {"paid": {"type": "money"}, "received": {"type": "money"}}},
    "seals": {"type": "list", "of": "identifier", "pattern": r"S\d+"},
}
BALANCED = "closing = opening + rows[].received - rows[].paid"
BALANCE = {"total": "closing", "parts": ["opening", "rows[].received"], "minus": ["rows[].paid"]}


@pytest.mark.parametrize(("rows", "seals", "fails"), [
    pytest.param([("1.50", None), (None, "4.00")], ["S1", "S2"], None, id="each row has one of both"),
    pytest.param([("1.50", None), (None, "4.00")], ["S1"], f"{BALANCED} (within 0.01)", id="a cent and more"),
    pytest.param([("1.50", None), (None, None)], ["S1"], None, id="a row of which neither is known"),
    pytest.param([("1.50", None), (None, "4.00")], ["S1", "x"], r"seals[].value matches S\d+", id="a plain value that does not match"),
])
def test_a_sum_takes_away_what_its_minus_names_and_rows_may_have_one_of_two_columns(
    tmp_path: Path, rows: list[tuple[str | None, str | None]], seals: list[str], fails: str | None,
) -> None:
    used = contract(ACCOUNT, sums=[BALANCE])
    cells = [{"paid": paid and Decimal(paid), "received": received and Decimal(received)} for paid, received in rows]
    closing = Decimal("12.53") if fails and "seals" not in fails else Decimal("12.50")
    found = {"opening": Decimal("10.00"), "closing": closing, "rows": cells, "seals": seals}
    row = {"document": name(1), "uri": "1.pdf", "contract_hash": "x", **found}
    assert list(failed(judge(tmp_path, [row], used))) == ([fails] if fails else [])


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        pytest.param({"min_required_share": 0.75}, True, id="as many as are asked for"),
        pytest.param({"min_required_share": 0.76}, False, id="fewer than are asked for"),
    ],
)
def test_a_required_field_needs_the_share_of_the_gate(tmp_path: Path, gate: dict[str, float], passes: bool) -> None:
    records = [record(1, total=None), *(record(n) for n in (2, 3, 4))]
    assert (failed(judge(tmp_path, records, contract(**gate))) == {}) is passes


@pytest.mark.parametrize(
    ("bad", "share", "passes"),
    [
        pytest.param(7, 0.7, True, id="7 of 10 where 0.7 may"),
        pytest.param(8, 0.7, False, id="8 of 10 where 0.7 may"),
        pytest.param(10, 1.0, True, id="all may"),
        pytest.param(1, 0.0, False, id="none may"),
    ],
)
def test_quarantined_documents_count_against_all_that_were_discovered(tmp_path: Path, bad: int, share: float, passes: bool) -> None:
    used = contract(max_quarantined_share=share)
    found = judge(tmp_path, [record(n) for n in range(10 - bad)], used, quarantined=bad)
    title = f"at most {share:.0%} of the documents are quarantined"
    assert failed(found) == ({} if passes else {title: (bad, 10)})


@pytest.mark.parametrize(
    ("staging", "numbers", "title"),
    [
        pytest.param({"documents": [1, 2, 3]}, [1, 2], "every readable document has one record", id="a record is missing"),
        pytest.param({"documents": [1, 2]}, [1, 2, 2], "every readable document has one record", id="a record is there twice"),
        pytest.param({"documents": [1]}, [1, 2], "every record belongs to a document", id="a record of nothing"),
        pytest.param({"pages": 2}, [1, 2], "every readable document has all its pages", id="more pages than were counted"),
        pytest.param({"pages": 0}, [1, 2], "every readable document has all its pages", id="pages were lost"),
    ],
)
def test_documents_pages_and_records_account_for_each_other(
    tmp_path: Path, staging: dict[str, Any], numbers: list[int], title: str
) -> None:
    used = contract({"note": {}}, sums=[])
    records = [{"document": name(number), "uri": "u", "contract_hash": "x", "note": "n"} for number in numbers]
    assert title in failed(judge(tmp_path, records, used, **staging))


def test_a_column_of_another_type_fails_by_name_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    used = contract()
    space = stage(tmp_path, [record(1)], used)
    schema = schemas.record_schema(used)
    wrong = schema.set(schema.get_field_index("total"), pa.field("total", pa.float64()))
    fs.write_rows(space.staged("bill"), [{**record(1), "total": 12.0}], wrong)
    with pytest.raises(GateFailed, match=r"'columns and types of bill' failed on 1 of 10 rows: total") as caught:
        gate.run(space, used, UPath(tmp_path / "reports"))
    assert "could not be checked" not in str(caught.value)
    assert not any(entry["success"] for entry in gate.read_result(space)["expectations"] if not entry["name"].startswith("columns"))


def test_the_error_says_which_expectation_failed_on_how_many_rows_and_pickles(tmp_path: Path) -> None:
    used = contract(min_required_share=0.9)
    space = stage(tmp_path, [record(n, total=None) for n in range(8)] + [record(8)], used)
    with pytest.raises(GateFailed) as caught:
        gate.run(space, used, UPath(tmp_path / "reports"))
    text = str(pickle.loads(pickle.dumps(caught.value)))
    assert "'total is present' failed on 8 of 9 rows, where 90% must hold" in text
    assert all(f"{n}.pdf ({name(n)[:12]})" in text for n in range(5))
    assert "and 3 more" in text
    assert "index.html" in text


def test_at_most_twenty_documents_are_named(tmp_path: Path) -> None:
    found = judge(tmp_path, [record(n, total=None) for n in range(30)], contract(min_required_share=0.5))
    assert found["total is present"]["failing"] == 30
    assert len(found["total is present"]["documents"]) == 20


@pytest.mark.parametrize("shown", [pytest.param(False, id="private"), pytest.param(True, id="the contract allows it")])
def test_values_stay_out_of_reports_unless_the_contract_shows_them(tmp_path: Path, shown: bool) -> None:
    used = contract(show_values=shown)
    space = stage(tmp_path, [record(1, number=SECRET), record(2)], used)
    with pytest.raises(GateFailed) as caught:
        gate.run(space, used, UPath(tmp_path / "reports"))
    pages = "".join(path.read_text() for path in (tmp_path / "reports").rglob("*.html"))
    assert len(pages) > 1000
    assert (SECRET in pages) is shown
    assert (SECRET in json.dumps(gate.read_result(space))) is shown
    assert SECRET not in str(caught.value)
    assert name(1) not in pages


def test_data_docs_load_nothing_from_elsewhere_and_replace_the_last_ones(tmp_path: Path) -> None:
    used, reports = contract(), tmp_path / "reports"
    judge(tmp_path, [record(1, total=None)], contract(min_required_share=1.0))
    refused = (reports / "index.html").read_text()
    gate.run(stage(tmp_path / "again", [record(1)], used), used, UPath(reports))
    assert (reports / "index.html").read_text() != refused
    pages = {path: path.read_text() for path in reports.rglob("*.html")}
    assert {path.relative_to(reports).as_posix() for path in pages} == {"index.html", "expectations/bill.html"}
    assert 'href="expectations/bill.html"' in pages[reports / "index.html"]
    for text in pages.values():
        assert "<script" not in text
        assert re.findall(r"""(?:src=|<link[^>]*href=|url\()["']?(?:https?:)?//""", text) == []
    assert sum(path.stat().st_size for path in reports.rglob("*") if path.is_file()) < 300_000


def test_data_docs_of_two_runs_of_a_day_may_be_written_side_by_side(tmp_path: Path) -> None:
    site, reports = tmp_path / "site", UPath(tmp_path / "reports")
    for number in range(20):
        fs.write_bytes(UPath(site / f"{number % 4}/{number}.html"), b"a page" * 1000)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: expectations._replace(site, reports), range(20)))
    assert {path.name: path.read_bytes() for path in (tmp_path / "reports").rglob("*.*")} == {
        f"{number}.html": b"a page" * 1000 for number in range(20)
    }


def test_counts_are_added_up_over_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(n, total=None if n % 2 else Decimal("12.00"), number="INV-7" if n in (0, 9) else f"INV-{n}") for n in range(10)]
    used = contract(min_required_share=0.9)
    whole = judge(tmp_path / "whole", records, used)
    monkeypatch.setattr(rows, "BATCH_ROWS", 3)
    assert judge(tmp_path / "batches", records, used) == whole
    assert failed(whole) == {"total is present": (5, 10), "number is unique": (3, 10)}


def test_row_wise_frames_stay_within_a_batch_and_hold_only_the_columns_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH_ROWS", 4)
    used = contract()
    space = stage(tmp_path, [record(n) for n in range(10)], used)
    group = [check for check in checks(used) if check.source == "values:total"]
    frames = list(rows.frames(space, used, "values:total", group))
    assert [len(frame) for frame in frames] == [4, 4, 2]
    assert {tuple(frame.columns) for frame in frames} == {("document", "total")}
    unique = [check for check in checks(used) if check.rule is Rule.UNIQUE]
    assert [len(frame) for frame in rows.frames(space, used, unique[0].source, unique)] == [10]


def test_tables_that_are_not_staged_are_a_workspace_error(tmp_path: Path) -> None:
    used = contract()
    space = Workspace.open(UPath(tmp_path / "state"), Partition(used.name, DAY), "run-1")
    with pytest.raises(WorkspaceError, match="not all staged"):
        gate.run(space, used, UPath(tmp_path / "reports"))
    with pytest.raises(WorkspaceError, match="has not run"):
        gate.read_result(space)


OFFLINE = """
import os
import sys
import octavo.publishing.gate
assert not {"great_expectations", "pandas"} & set(sys.modules), "heavy at import"
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        sys.stderr.write(f"asked the network: {event} {args}")
        sys.stderr.flush()
        os._exit(3)
sys.addaudithook(refuse)
from pathlib import Path
from upath import UPath
from tests.quality.test_gate import contract, record, stage
folder = Path(sys.argv[1])
used = contract()
octavo.publishing.gate.run(stage(folder, [record(1)], used), used, UPath(folder / "reports"))
"""


def test_a_run_asks_nothing_of_the_network_and_importing_the_stage_is_light(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)],
        cwd=root,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert not any(tmp_path.joinpath(".great_expectations").glob("*"))


def test_pairs_that_found_nothing_are_absent(tmp_path: Path) -> None:
    used = contract({"pairs": {"type": "pairs", "required": True}}, sums=[], min_required_share=1.0)
    base = {"uri": "u", "contract_hash": "x"}
    pairs = [[{"key": "Name", "value": "A"}], [], None]
    found = judge(tmp_path, [{"document": name(n), **base, "pairs": value} for n, value in enumerate(pairs)], used)
    assert failed(found) == {"pairs is present": (2, 3)}


def test_reports_may_lie_in_an_object_store(tmp_path: Path) -> None:
    used, reports = contract(), UPath("memory://reports/bill")
    for number in (1, 2):
        gate.run(stage(tmp_path, [record(number)], used), used, reports)
    assert "bill: total" in (reports / "index.html").read_text()
    assert len(list(reports.glob("**/*.html"))) == 2
