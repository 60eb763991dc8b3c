"""Records that fail the gate wait for review, where the contract says so; with the real Great Expectations."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.errors import GateFailed
from octavo.publishing import gate, row_quarantine
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace
from tests.quality.test_gate import FIELDS, contract, name, record, stage


def review_of(space: Workspace) -> list[dict[str, Any]]:
    return fs.read_table(space.staged("review")).to_pylist()


def staged(folder: Path, records: list[dict[str, Any]], used: Contract, **kwargs: Any) -> Workspace:
    space = stage(folder, records, used, **kwargs)
    asked = [{"document": name(1), "uri": name(1), "field": "total", "value": "12.00", "verdict": "ambiguous", "reason": "who knows"}]
    fs.write_rows(space.staged("review"), asked, schemas.REVIEW)
    return space


def judge(space: Workspace, used: Contract, folder: Path) -> list[str]:
    """Run the gate; the documents whose records are left."""
    gate.run(space, used, UPath(folder / "reports"))
    return [row["document"] for row in fs.read_table(space.staged(used.name)).to_pylist()]


@pytest.mark.parametrize(("bad", "field", "reason"), [
    pytest.param({"number": "X-7"}, "number", r"number matches INV-\d+(?!\d)", id="a pattern"),
    pytest.param({"total": Decimal("9999.00"), "net": None}, "total", "total is between 0 and 1000", id="a range"),
    pytest.param({"total": None}, "total", "total is present", id="a required value"),
    pytest.param({"net": Decimal("5.00"), "items": None}, "total", "total = net + tax (within 0.01)", id="a sum"),
    pytest.param({"items": [{"name": "bolt", "amount": Decimal("-1.00")}, {"name": "nut", "amount": Decimal("11.00")}]},
                 "items[].amount", "items[].amount is at least 0", id="a cell of a list"),
])
def test_a_row_that_fails_goes_to_review_and_the_others_pass(tmp_path: Path, bad: dict[str, Any], field: str, reason: str) -> None:
    used = contract(failing_rows="review", min_required_share=1.0)
    space = staged(tmp_path, [record(1), record(2, **bad), record(3)], used)
    assert judge(space, used, tmp_path) == [name(1), name(3)]
    rows = [(row["document"], row["field"], row["reason"]) for row in review_of(space)]
    assert rows == [(name(1), "total", "who knows"), (name(2), field, f"held back by the gate: {reason}")]
    result = gate.read_result(space)
    assert (result["success"], result["rows"], result["held"]) == (True, 2, {name(2): [reason]})
    assert all(entry["success"] for entry in result["expectations"])


def test_by_default_a_row_that_fails_stops_the_day(tmp_path: Path) -> None:
    used = contract(min_required_share=1.0)
    space = staged(tmp_path, [record(1), record(2, number="X-7")], used)
    with pytest.raises(GateFailed, match="number matches"):
        judge(space, used, tmp_path)
    assert len(fs.read_table(space.staged(used.name))) == 2
    assert len(review_of(space)) == 1


def test_rows_within_the_share_that_may_fail_are_not_held_back(tmp_path: Path) -> None:
    used = contract(failing_rows="review", min_pattern_share=0.5)
    space = staged(tmp_path, [record(1), record(2, number="X-7")], used)
    assert judge(space, used, tmp_path) == [name(1), name(2)]
    assert gate.read_result(space)["held"] == {}


def test_all_rows_that_fail_are_held_back_however_many(tmp_path: Path) -> None:
    used = contract(failing_rows="review")
    space = staged(tmp_path, [record(n, number="same" if n >= 10 else f"INV-{n}") for n in range(100)], used)
    assert judge(space, used, tmp_path) == [name(n) for n in range(10)]
    assert {row["reason"] for row in review_of(space) if row["field"] == "number"} == {
        r"held back by the gate: number matches INV-\d+(?!\d); held back by the gate: number is unique",
    }


def test_a_review_row_that_is_there_already_gets_the_reason_beside_its_own(tmp_path: Path) -> None:
    used = contract(failing_rows="review")
    space = staged(tmp_path, [record(1, total=Decimal("9999.00"), net=None)], used)
    assert judge(space, used, tmp_path) == []
    [row] = review_of(space)
    assert (row["value"], row["reason"]) == ("12.00", "who knows; held back by the gate: total is between 0 and 1000")


def test_what_is_wrong_with_the_day_as_a_whole_still_stops_it(tmp_path: Path) -> None:
    used = contract(failing_rows="review", max_quarantined_share=0.1)
    space = staged(tmp_path, [record(1), record(2, number="X-7")], used, quarantined=3)
    with pytest.raises(GateFailed, match="quarantined"):
        judge(space, used, tmp_path)
    assert len(fs.read_table(space.staged(used.name))) == 2


def test_a_record_that_is_lost_is_not_taken_for_one_that_is_held_back(tmp_path: Path) -> None:
    used = contract(failing_rows="review")
    space = staged(tmp_path, [record(1), record(2, number="X-7")], used, documents=[1, 2, 3])
    with pytest.raises(GateFailed, match="every readable document has one record"):
        judge(space, used, tmp_path)


def test_the_gate_may_run_again(tmp_path: Path) -> None:
    used = contract(failing_rows="review")
    space = staged(tmp_path, [record(1), record(2, number="X-7"), record(3)], used)
    first = judge(space, used, tmp_path)
    tables = {path.name: path.read_bytes() for path in (space.root / "staged").iterdir()}
    assert judge(space, used, tmp_path) == first
    assert {path.name: path.read_bytes() for path in (space.root / "staged").iterdir()} == tables
    assert list(gate.read_result(space)["held"]) == [name(2)]


@pytest.mark.parametrize("step", [pytest.param("_review", id="before review is written"), pytest.param("_without", id="after it")])
def test_a_gate_that_was_killed_in_between_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    used = contract(failing_rows="review")
    made = [record(1), record(2, number="X-7"), record(3)]
    whole = staged(tmp_path / "whole", made, used)
    judge(whole, used, tmp_path)
    space = staged(tmp_path / "killed", made, used)
    def die(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(row_quarantine, step, die)
        with pytest.raises(KeyboardInterrupt):
            judge(space, used, tmp_path)
    judge(space, used, tmp_path)
    for table in ("review", used.name):
        assert space.staged(table).read_bytes() == whole.staged(table).read_bytes()


def test_a_list_without_rows_is_held_back(tmp_path: Path) -> None:
    fields = {**FIELDS, "items": {**FIELDS["items"], "required": True}}
    used = contract(fields, failing_rows="review", sums=[], min_required_share=1.0)
    space = staged(tmp_path, [record(1), record(2, items=[])], used)
    assert judge(space, used, tmp_path) == [name(1)]
