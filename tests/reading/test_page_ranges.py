"""A contract's ``pages``: which pages are read, and how the others are accounted for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from pydantic import ValidationError
from upath import UPath

from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.workflows import pipeline
from octavo.workflows.remerge import remerge_day
from tests.documents import text_pdf

DAY = dt.date(2026, 3, 1)


def contract(pages: str | None) -> Contract:
    return Contract(name="letter", title="Letters", pages=pages, fields={"total": FieldSpec(labels=("Total",))})


@pytest.mark.parametrize(("pages", "wanted"), [
    pytest.param(None, [1, 2, 3, 4, 5, 6], id="all"),
    pytest.param("2", [2], id="one"),
    pytest.param("1-3", [1, 2, 3], id="a range"),
    pytest.param("2, 5-", [2, 5, 6], id="one and the rest"),
])
def test_ranges_of_pages_count_from_one_and_may_be_open(pages: str | None, wanted: list[int]) -> None:
    assert [number for number in range(1, 7) if contract(pages).wants_page(number)] == wanted


@pytest.mark.parametrize("pages", ["0-2", "5-3", "first", "1-3-5", ""])
def test_a_range_that_holds_no_page_is_refused(pages: str) -> None:
    with pytest.raises(ValidationError, match="pages"):
        contract(pages)


def test_only_the_wanted_pages_are_read_and_all_stand_in_the_ledger(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    text_pdf(folder / "letter.pdf", [[f"Total {number}.00"] for number in range(1, 21)])
    settings, lake = Settings(lake=str(tmp_path / "lake"), processes=1), Lake(UPath(tmp_path / "lake"))

    def run(pages: str | None) -> dict[str, int]:
        result = pipeline.run_day(contract(pages), UPath(folder), DAY, settings)
        assert result.published, result.error
        return result.counts("read")

    def table(name: str) -> list[dict[str, object]]:
        return fs.read_table(lake.table(name, Partition("letter", DAY))).to_pylist()

    first = run("2-3, 18-")
    assert (first["pages"], first["reads"], first["read_hits"]) == (20, 5, 0)
    last = table("ledger")[-1]["run"]
    pages = {row["page"]: (row["outcome"], row["reason"]) for row in table("ledger") if row["level"] == "page" and row["run"] == last}
    assert sorted(pages) == list(range(1, 21))
    assert {number for number, end in pages.items() if end == ("ok", None)} == {2, 3, 18, 19, 20}
    assert {end for number, end in pages.items() if number not in (2, 3, 18, 19, 20)} == {("empty", "not_wanted")}
    assert {row["page"] for row in table("chunks")} == {2, 3, 18, 19, 20}
    assert [row["status"] for row in table("documents")] == ["ok"]
    before = {path: path.read_bytes() for path in (tmp_path / "lake/fields").rglob("*.parquet")}
    again = run("2-3, 18-")
    assert (again["reads"], again["read_hits"]) == (0, 5)
    assert remerge_day(contract("2-3, 18-"), DAY, settings).published
    assert {path: path.read_bytes() for path in before} == before
