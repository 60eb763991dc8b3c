"""What Octavo writes on a disk is its user's alone, unless a setting shares it; and a day leads nowhere but into the landing folder."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from upath import UPath

from octavo.ingest.discovery import day_folder
from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.errors import SettingsError
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.workflows import change_detection, pipeline
from tests.documents import text_pdf

DAY = dt.date(2026, 11, 2)


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("share", "closed"), [
    pytest.param(None, 0o077, id="by default to its user alone"),
    pytest.param("group", 0o027, id="to a group that may read"),
    pytest.param("everybody", 0o022, id="to everybody who may read"),
])
def test_tables_stores_pictures_and_workspaces_are_as_private_as_the_setting_says(
    share: str | None, closed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    if share:
        monkeypatch.setenv("OCTAVO_SHARE", share)
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf")
    settings = Settings(lake=str(tmp_path / "made" / "lake"), state=str(tmp_path / "made" / "state"), processes=1)
    contract = contracts.find("receipt", settings.contracts)
    result = pipeline.run_day(contract, UPath(tmp_path / "in"), DAY, settings, extractor="layout")
    assert result.error is None
    said = Correction("receipt", "a" * 64, "total", "1", "1", Action.CORRECTED, (), None, "ann", "t")
    CorrectionStore(settings.correction_store).put(said)
    fs.create(UPath(tmp_path / "made" / "created"), b"x")
    found = [tmp_path / "made", *(tmp_path / "made").rglob("*")]
    assert {path.suffix for path in found} >= {".parquet", ".json", ".html", ".zip", ""}
    assert [f"{path} {path.stat().st_mode & 0o777:o}" for path in found if path.stat().st_mode & closed] == []
    if share:
        assert [path for path in found if not path.stat().st_mode & 0o040] == []


def test_an_unknown_word_for_who_may_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_SHARE", "world")
    with pytest.raises(SettingsError, match="OCTAVO_SHARE=world"):
        Settings()


@pytest.mark.parametrize("at", ["receipt/2026/11/02", "receipt/2026/11", "receipt"])
def test_a_day_that_leads_out_of_the_landing_folder_is_refused(at: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    text_pdf(outside / "secret.pdf")
    link = tmp_path / "landing" / at
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    settings = Settings(landing=str(tmp_path / "landing"), lake=str(tmp_path / "lake"))
    with pytest.raises(SettingsError, match="OCTAVO_LANDING_LINKS=true"):
        day_folder(settings, Partition("receipt", DAY))
    assert change_detection.late_days("receipt", settings, DAY, DAY + dt.timedelta(1)) == []
    allowed = settings.model_copy(update={"landing_links": True})
    assert day_folder(allowed, Partition("receipt", DAY)).name == "02"


def test_a_landing_folder_that_is_a_link_itself_is_taken(tmp_path: Path) -> None:
    (tmp_path / "disk" / "receipt" / "2026" / "11" / "02").mkdir(parents=True)
    (tmp_path / "landing").symlink_to(tmp_path / "disk")
    settings = Settings(landing=str(tmp_path / "landing"))
    assert day_folder(settings, Partition("receipt", DAY)).exists()
