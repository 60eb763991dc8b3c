"""What a person says is kept, and wins whatever is done with the documents afterwards."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from upath import UPath

from octavo.cli import main
from octavo.model.contracts import Gate, Strategy
from octavo.model.entities import Partition
from octavo.model.errors import SettingsError
from octavo.storage import fs
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.workflows import pipeline, review
from tests.history import DAYS, FIELDS, contract, copied, publish, settings

# "due" is nowhere on the bills, and "slip" breaks its pattern: both want a look.
USED = contract({
    **FIELDS, "due": {"type": "money", "labels": ["Summe"], "required": True}, "guests": {"type": "integer"},
    "date": {"type": "date", "labels": ["Date"]}, "slip": {"type": "identifier", "labels": ["Table"], "pattern": "T-.*"},
}, gate={"min_pattern_share": 0.0})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("review")
    publish(root, USED)
    return root


@pytest.fixture
def root(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return copied(published, tmp_path, USED, monkeypatch)


def octavo(root: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["review", *args, "--lake", str(root / "lake")])


def lines(root: Path, *args: str) -> list[dict[str, Any]]:
    done = octavo(root, *args, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def field(root: Path, path: str, name: str = "bill_48213.pdf") -> dict[str, Any]:
    lake, partition = Lake(UPath(root / "lake")), Partition("bill", DAYS[0])
    documents = fs.read_table(lake.table("documents", partition)).to_pylist()
    document = next(row["document"] for row in documents if row["uri"].endswith(name))
    rows = fs.read_table(lake.table("fields", partition), where=("document", document)).to_pylist()
    return next(row for row in rows if row["field"] == path)


def record(root: Path, number: str = "48213") -> dict[str, Any]:
    path = Lake(UPath(root / "lake")).table("bill", Partition("bill", DAYS[0]))
    return next(row for row in fs.read_table(path).to_pylist() if row["number"] == number)


def test_what_wants_a_look_is_listed_with_its_reason(root: Path) -> None:
    rows = lines(root)
    assert {row["uri"].rsplit("/", 1)[-1] for row in rows} == {"bill_48213.pdf", "bill_48214.pdf", "bill_48215.pdf"}
    assert {(row["field"], row["reason"]) for row in rows} >= {("due", "required, but nothing was found")}
    assert all(row["verdict"] != "accepted" and row["correction"] is None for row in rows)
    assert {row["day"] for row in lines(root, "--day", "2026-11-03")} == {"2026-11-03"}
    assert len({row["document"] for row in lines(root, "bill_48214.pdf")}) == 1
    assert lines(root, "--contract", "other") == []
    assert "want a look" in octavo(root).stdout


def test_a_correction_waits_for_the_next_merge_and_then_is_in_all_tables(root: Path) -> None:
    said = lines(root, "bill_48213.pdf", "--set", "due=17.60", "--set", "guests=2", "--by", "ann")
    assert [(one["field"], one["value"], one["typed"], one["by"], one["action"]) for one in said] == [
        ("due", "17.60", "17.6", "ann", "corrected"), ("guests", "2", "2", "ann", "corrected"),
    ]
    waiting = next(row for row in lines(root, "bill_48213.pdf") if row["field"] == "due")
    assert waiting["correction"]["value"] == "17.60"
    assert "(ann)" in octavo(root, "bill_48213.pdf").stdout
    assert record(root)["due"] is None
    assert CliRunner().invoke(main, ["remerge", "bill", "--lake", str(root / "lake")]).exit_code == 0
    assert (record(root)["due"], record(root)["guests"]) == (Decimal("17.60"), 2)
    assert (field(root, "due")["verdict"], field(root, "due")["extractor"]) == ("accepted", "person")
    assert field(root, "due")["evidence"]
    assert [row["field"] for row in lines(root, "bill_48213.pdf") if row["field"] in ("due", "guests")] == []
    table = fs.read_table(Lake(UPath(root / "lake")).table("corrections", Partition("bill", DAYS[0]))).to_pylist()
    assert [(row["field"], row["value"], row["previous"], row["by"]) for row in table] == [
        ("due", "17.60", None, "ann"), ("guests", "2", None, "ann"),
    ]


def test_apply_publishes_the_day_anew_at_once(root: Path) -> None:
    done = octavo(root, "bill_48213.pdf", "--set", "total=99.90", "--apply")
    assert done.exit_code == 0, done.output
    assert record(root)["total"] == Decimal("99.90")
    assert (field(root, "total")["support"], field(root, "total")["losers"][0]["value"]) == ("none", "17.60")
    assert record(root, "48214")["total"] == Decimal("17.60")


def test_confirming_keeps_the_value_against_later_changes(root: Path) -> None:
    waiting = [row for row in lines(root, "bill_48213.pdf") if row["value"] is not None]
    assert waiting
    done = octavo(root, "bill_48213.pdf", "--confirm", "date", "--confirm-all", "--apply")
    assert done.exit_code == 0, done.output
    assert all(field(root, row["field"])["verdict"] == "accepted" for row in waiting)
    fields = USED.model_dump(mode="json")["fields"]
    fields["date"] = {"type": "date", "labels": ["Never"]}
    changed = contract(fields, locale={"date_order": "MDY"}, gate={"min_pattern_share": 0.0})
    path = root / "contracts" / "bill.yaml"
    path.write_text(json.dumps(changed.model_dump(mode="json", exclude_defaults=True)))
    assert CliRunner().invoke(main, ["remerge", "bill", "--lake", str(root / "lake")]).exit_code == 0
    assert (str(record(root)["date"]), field(root, "date")["extractor"]) == ("2026-03-12", "person")


def test_a_correction_survives_another_run_another_cut_and_the_loss_of_all_stores(published: Path, root: Path) -> None:
    assert octavo(root, "bill_48213.pdf", "--set", "total=99.90").exit_code == 0
    shutil.rmtree(root / "lake/_octavo")
    other = USED.model_copy(update={"chunking": USED.chunking.model_copy(update={"strategy": Strategy.QUADRANTS})})
    folder = UPath(published / "landing" / f"{DAYS[0]:%Y/%m/%d}")
    result = pipeline.run_day(other, folder, DAYS[0], settings(root))
    assert result.published, result.error
    assert (record(root)["total"], field(root, "total")["chunk"]) == (Decimal("99.90"), None)


def test_a_person_may_say_that_there_is_nothing(root: Path) -> None:
    assert octavo(root, "bill_48213.pdf", "--set", "due=", "--apply").exit_code == 0
    assert (field(root, "due")["value"], field(root, "due")["verdict"]) == (None, "accepted")
    assert "due" not in {row["field"] for row in lines(root, "bill_48213.pdf")}


@pytest.mark.parametrize(("args", "says"), [
    pytest.param(["bill_48213.pdf", "--set", "due=1", "--set", "totl=1"], "has no field 'totl'", id="no such field"),
    pytest.param(["bill_48213.pdf", "--set", "total=much"], "cannot be read as one money", id="another type"),
    pytest.param(["bill_48213.pdf", "--set", "total"], "FIELD=VALUE", id="no value"),
    pytest.param(["bill_48213.pdf", "--confirm", "due"], "no value to confirm", id="nothing to confirm"),
    pytest.param(["nowhere.pdf", "--confirm", "due"], "no document 'nowhere.pdf'", id="no such document"),
    pytest.param([".pdf", "--confirm", "due"], "names 4 documents", id="several documents"),
    pytest.param(["--set", "total=1"], "say which document", id="no document"),
])
def test_what_cannot_be_kept_is_said_and_nothing_is_kept(root: Path, args: list[str], says: str) -> None:
    done = octavo(root, *args)
    assert done.exit_code == 4
    assert says in done.stderr
    assert not (root / "lake/_corrections").exists()


def test_fields_of_lists_groups_and_pairs_are_named_by_their_paths(root: Path) -> None:
    used = contract({
        "service": {"type": "group", "fields": {"rate": {"type": "percentage"}}},
        "lines": {"type": "list", "fields": {"amount": {"type": "money"}}}, "pairs": {"type": "pairs"},
    })
    lake = Lake(UPath(root / "lake"))
    store = CorrectionStore(UPath(root / "corrections"))
    desk = review.Desk(lake, store, used, review.find(lake, "bill_48213.pdf"), "ann")
    for path, value in (("service.rate", "19 %"), ("lines[3].amount", "1.234,50 €"), ("pairs[0].value", "x")):
        desk.keep([desk.correct(path, value)])
    assert [(one.field, one.typed) for one in store.history(review.find(lake, "bill_48213.pdf").document)] == [
        ("service.rate", "19"), ("lines[3].amount", "1234.5"), ("pairs[0].value", None),
    ]
    for path in ("lines.amount", "lines[].amount", "lines[3]", "pairs", "service", "pairs[0].other"):
        with pytest.raises(SettingsError, match="has no field"):
            desk.correct(path, "1")


def test_a_record_that_the_gate_held_back_is_published_once_a_person_said_what_is_right(root: Path) -> None:
    strict = USED.model_copy(update={"gate": Gate(failing_rows="review")})
    (root / "contracts" / "bill.yaml").write_text(json.dumps(strict.model_dump(mode="json", exclude_defaults=True)))
    lake, partition = Lake(UPath(root / "lake")), Partition("bill", DAYS[0])
    assert CliRunner().invoke(main, ["remerge", "bill", "--lake", str(root / "lake")]).exit_code == 0
    assert fs.count_rows(lake.table("bill", partition)) == 0
    held = (lake.published(partition) or {})["held"]
    waiting = lines(root, "--day", "2026-11-02")
    assert {row["document"] for row in waiting if "held back by the gate: slip matches" in row["reason"]} == set(held)
    assert octavo(root, "bill_48213.pdf", "--set", "slip=T-1", "--apply").exit_code == 0
    assert [row["slip"] for row in fs.read_table(lake.table("bill", partition)).to_pylist()] == ["T-1"]


def test_a_run_of_one_document_leaves_the_others_held_back(published: Path, root: Path) -> None:
    strict = USED.model_copy(update={"gate": Gate(failing_rows="review")})
    lake, partition = Lake(UPath(root / "lake")), Partition("bill", DAYS[0])
    folder = UPath(published / "landing" / f"{DAYS[0]:%Y/%m/%d}")
    assert pipeline.run_day(strict, folder, DAYS[0], settings(root)).published
    before = lake.published(partition)
    one = pipeline.run_day(strict, folder, DAYS[0], settings(root), select="bill_48213*")
    assert one.published, one.error
    after = lake.published(partition)
    assert before is not None
    assert after is not None
    assert (len(before["held"]), after["held"]) == (2, before["held"])
    assert after["tables"]["review"]["sha256"] == before["tables"]["review"]["sha256"]
