"""Pages of PDFs that can be read in part only: what is damaged is said, and what is there is read."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pikepdf
import pyarrow.parquet as pq
import pytest
from upath import UPath

from octavo.ingest.flaws import flaws
from octavo.model.errors import Reason
from octavo.workflows import pipeline
from tests.documents import LINES, text_pdf
from tests.history import DAYS, contract, settings


def two_pages(path: Path, change: Any = None, **options: Any) -> Path:
    """Two pages of text; ``change`` takes the compressed content of the second."""
    text_pdf(path, [LINES, LINES * 3])
    with pikepdf.open(path, allow_overwriting_input=True) as document:
        page = document.pages[1]
        content = zlib.compress(page.Contents.read_bytes())
        page.Contents = document.make_stream(change(content) if change else content, Filter=pikepdf.Name.FlateDecode)
        document.save(path, compress_streams=False, **(options or {"stream_decode_level": pikepdf.StreamDecodeLevel.none}))
    return path


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbled(content: bytes) -> bytes:
    return content[: len(content) // 2] + bytes(255 - byte for byte in content[len(content) // 2 :])


@pytest.mark.parametrize(("change", "found"), [
    pytest.param(None, {}, id="sound"), pytest.param(cut, {2: Reason.DAMAGED_CONTENT}, id="cut"),
    pytest.param(garbled, {2: Reason.DAMAGED_CONTENT}, id="garbled"), pytest.param(lambda content: b"", {}, id="empty"),
])
def test_damaged_content_is_found_on_its_page(change: Any, found: dict[int, Reason], tmp_path: Path) -> None:
    assert flaws(two_pages(tmp_path / "page.pdf", change)) == found


def test_damage_is_found_behind_a_known_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = two_pages(tmp_path / "locked.pdf", cut, encryption=pikepdf.Encryption(owner="o", user="secret"))
    assert flaws(path) == {}
    monkeypatch.setenv("OCTAVO_PDF_PASSWORDS", "wrong\nsecret")
    assert flaws(path) == {2: Reason.DAMAGED_CONTENT}


def test_the_cover_of_a_portfolio_is_told(tmp_path: Path) -> None:
    path = text_pdf(tmp_path / "portfolio.pdf")
    with pikepdf.open(path, allow_overwriting_input=True) as document:
        document.Root.Collection = pikepdf.Dictionary(Type=pikepdf.Name.Collection)
        document.save(path)
    assert flaws(path) == {1: Reason.PORTFOLIO}


def test_what_is_no_pdf_any_more_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "noise.pdf"
    path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    assert flaws(path) == {}


def test_a_damaged_page_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    two_pages(folder / "bill.pdf", cut)
    result = pipeline.run_day(contract(), UPath(folder), DAYS[0], settings(tmp_path))
    assert result.published, result.error
    tables = {name: read_day(tmp_path / "lake", name) for name in ("documents", "pages")}
    assert [(row["status"], row["reason"], row["pages"]) for row in tables["documents"]] == [("partial", "pages_lost", 2)]
    assert [(row["outcome"], row["reason"]) for row in tables["pages"]] == [("ok", None), ("partial", "damaged_content")]
    assert 0 < tables["pages"][1]["words"] < 3 * tables["pages"][0]["words"]


def read_day(lake: Path, table: str) -> list[dict[str, Any]]:
    [file] = (lake / table).glob("contract=bill/day=*/part.parquet")
    rows: list[dict[str, Any]] = pq.ParquetFile(file).read().to_pylist()
    return rows
