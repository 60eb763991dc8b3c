"""The correction store: nothing that a person said is lost, whoever else writes."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.model.contracts import Kind
from octavo.model.entities import Box, Evidence
from octavo.storage.corrections import Action, Correction, CorrectionStore

DOCUMENT, OTHER = "ab" + "0" * 62, "ab" + "1" * 62


def said(field: str = "total", value: str | None = "53.40", **changed: Any) -> Correction:
    made: dict[str, Any] = {
        "contract": "receipt", "document": DOCUMENT, "field": field, "value": value, "typed": value, "action": Action.CORRECTED,
        "anchor": (Evidence(1, Box(1, 2, 3, 4)),), "previous": "53.48", "by": "ann", "said": "2026-11-02T10:00:00+00:00",
    }
    return Correction(**{**made, **changed})


def test_a_correction_comes_back_as_it_was_given(tmp_path: Path) -> None:
    store = CorrectionStore(UPath(tmp_path))
    store.put(said())
    assert CorrectionStore(UPath(tmp_path)).of("receipt", [DOCUMENT, OTHER]) == {DOCUMENT: [said()]}


def test_the_last_word_about_a_field_counts_and_the_others_stay(tmp_path: Path) -> None:
    store = CorrectionStore(UPath(tmp_path))
    for one in (said(value="1"), said("company", "ACME"), said(value="2"), said(value=None)):
        store.put(one)
    assert [(one.field, one.value) for one in store.of("receipt", [DOCUMENT])[DOCUMENT]] == [("company", "ACME"), ("total", None)]
    assert [one.value for one in store.history(DOCUMENT)] == ["1", "ACME", "2", None]


def test_documents_and_contracts_are_kept_apart(tmp_path: Path) -> None:
    store = CorrectionStore(UPath(tmp_path))
    store.put(said(document=OTHER))
    store.put(said(contract="invoice"))
    assert store.of("receipt", [DOCUMENT]) == {}
    assert list(store.of("invoice", [DOCUMENT, OTHER])) == [DOCUMENT]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    fields = [f"items[{n}].amount" for n in range(64)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda field: CorrectionStore(UPath(tmp_path)).put(said(field)), fields))
    assert sorted(one.field for one in CorrectionStore(UPath(tmp_path)).of("receipt", [DOCUMENT])[DOCUMENT]) == sorted(fields)


def test_a_writer_that_was_killed_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    store = CorrectionStore(UPath(tmp_path))
    store.put(said())
    whole = next((tmp_path / "ab").iterdir())
    (tmp_path / "ab" / f".{whole.name}.{'0' * 32}.tmp").write_text(whole.read_text()[:20])
    (tmp_path / "ab" / "notes.txt").write_text("of a person")
    assert store.of("receipt", [DOCUMENT]) == {DOCUMENT: [said()]}


def test_a_document_is_forgotten_alone(tmp_path: Path) -> None:
    store = CorrectionStore(UPath(tmp_path))
    for one in (said(), said(value="2"), said(document=OTHER)):
        store.put(one)
    assert store.remove(DOCUMENT) == 2
    assert store.remove(DOCUMENT) == 0
    assert list(store.of("receipt", [DOCUMENT, OTHER])) == [OTHER]


def test_the_store_may_lie_in_an_object_store() -> None:
    store = CorrectionStore(UPath("memory://corrections"))
    store.put(said())
    assert store.of("receipt", [DOCUMENT]) == {DOCUMENT: [said()]}


@pytest.mark.parametrize(("kind", "typed", "value"), [
    pytest.param(Kind.DATE, "2026-03-04", dt.date(2026, 3, 4), id="date"),
    pytest.param(Kind.MONEY, "1234.50", Decimal("1234.50"), id="money"),
    pytest.param(Kind.INTEGER, "7", 7, id="integer"),
    pytest.param(Kind.TEXT, None, None, id="text"),
    pytest.param(Kind.MONEY, "2026-03-04", None, id="the contract has changed its type"),
])
def test_a_typed_value_does_not_depend_on_how_a_locale_reads_it(kind: Kind, typed: str | None, value: object) -> None:
    assert said(typed=typed).typed_value(kind) == value


def test_the_files_are_plain_json(tmp_path: Path) -> None:
    CorrectionStore(UPath(tmp_path)).put(said())
    row = json.loads(next((tmp_path / "ab").glob("*.json")).read_text())
    assert (row["field"], row["value"], row["by"], row["anchor"]) == ("total", "53.40", "ann", [{"page": 1, "box": [1, 2, 3, 4]}])
