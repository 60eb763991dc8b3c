"""Ingest: which files are documents, what they are, and what is quarantined for which reason."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.ingest.discovery import find
from octavo.ingest.inspection import media_type_of
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Partition, Report
from octavo.model.settings import Limits, Settings
from octavo.page.rendering import page_image
from octavo.reading import stage as reading
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace
from tests.documents import page_picture, text_pdf

CONTRACT = Contract(name="letter", title="Letters", fields={"text": FieldSpec()})


def run(folder: Path, root: Path, select: str | None = None, contract: Contract = CONTRACT, **settings: Any) -> tuple[Report, Workspace]:
    workspace = Workspace.open(UPath(root), Partition("letter", dt.date(2026, 3, 1)), "r1")
    return ingest.run(workspace, contract, UPath(folder), Settings(state=str(root), **settings), select), workspace


def rows(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {Path(row["uri"]).name: row for row in fs.read_table(workspace.documents).to_pylist()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def test_documents_are_listed_by_content_with_their_pages(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "two.pdf", [["one"], ["two"]])
    page_picture().save(folder / "scan.tif", save_all=True, append_images=[page_picture(), page_picture()])
    page_picture().save(folder / "photo.webp")
    report, workspace = run(folder, tmp_path)
    found = rows(workspace)
    assert {name: (row["pages"], row["media_type"], row["status"]) for name, row in found.items()} == {
        "two.pdf": (2, "application/pdf", "ok"), "scan.tif": (3, "image/tiff", "ok"), "photo.webp": (1, "image/webp", "ok"),
    }
    assert report.counts == {"files": 3, "documents": 3, "pages": 6, "quarantined": 0, "duplicates": 0}
    assert sum(span.pages for spans in workspace.plan.page_shards.values() for span in spans) == 6
    assert workspace.contract().hash == CONTRACT.hash


def test_equal_bytes_become_one_document_that_names_its_copies(folder: Path, tmp_path: Path) -> None:
    original = text_pdf(folder / "b.pdf").read_bytes()
    for name in ("a.pdf", "c.pdf"):
        (folder / name).write_bytes(original)
    report, workspace = run(folder, tmp_path)
    row = rows(workspace)["a.pdf"]
    assert [Path(copy).name for copy in row["copies"]] == ["b.pdf", "c.pdf"]
    assert report.counts["documents"] == 1
    assert report.counts["duplicates"] == 2


def test_the_order_of_files_does_not_change_a_byte(folder: Path, tmp_path: Path) -> None:
    for name in ("1.pdf", "2.pdf", "3.pdf"):
        text_pdf(folder / name, [[name]])
    _, first = run(folder, tmp_path / "one")
    for name in ("3.pdf", "1.pdf"):  # rewritten in another order
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).write_bytes(data)
    _, second = run(folder, tmp_path / "two")
    assert first.documents.read_bytes() == second.documents.read_bytes()


def truncated(image: Image.Image, path: Path) -> None:
    image.save(path)
    path.write_bytes(path.read_bytes()[:-200])


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "zero bytes": ("a.pdf", lambda path: path.write_bytes(b""), "empty_file"),
    "text called pdf": ("a.pdf", lambda path: path.write_bytes(b"Dear all, this is no PDF."), "mislabelled"),
    "a type we do not read": ("a.mp3", lambda path: path.write_bytes(b"ID3" + bytes(100)), "unsupported_type"),
    "no archive after all": ("a.zip", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)), "corrupt"),
    "a user password": ("a.pdf", lambda path: text_pdf(path, password="secret"), "password_required"),
    "half a pdf": ("a.pdf", lambda path: path.write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type"), "truncated"),
    "a broken pdf": ("a.pdf", lambda path: path.write_bytes(b"%PDF-1.7\nnothing\n%%EOF"), "corrupt"),
    "half a jpeg": ("a.jpg", lambda path: truncated(page_picture(), path), "truncated"),
    "half a png": ("a.png", lambda path: truncated(page_picture(), path), "truncated"),
    "a broken png": ("a.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64)), "corrupt"),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in BAD.items()])
def test_a_bad_file_is_quarantined_with_its_reason_and_the_others_go_on(case: Any, folder: Path, tmp_path: Path) -> None:
    name, make, reason = case
    make(folder / name)
    text_pdf(folder / "good.pdf")
    report, workspace = run(folder, tmp_path)
    found = rows(workspace)
    assert (found[name]["status"], found[name]["reason"], found[name]["pages"]) == ("quarantined", reason, 0)
    assert found["good.pdf"]["status"] == "ok"
    assert report.counts["quarantined"] == 1


def test_a_name_that_is_not_utf8_is_quarantined_and_a_copy_with_a_proper_name_is_not(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "proper.pdf", [["the same"]])
    shutil.copy(folder / "proper.pdf", os.fsencode(folder) + b"/caf\xe9.pdf")
    text_pdf(folder / "other.pdf", [["another"]])
    (folder / "other.pdf").rename(folder / os.fsdecode(b"a\xff.pdf"))
    _, workspace = run(folder, tmp_path)
    found = rows(workspace)
    assert (found["proper.pdf"]["status"], [copy.rsplit("/", 1)[1] for copy in found["proper.pdf"]["copies"]]) == ("ok", ["caf\\xe9.pdf"])
    assert found["a\\xff.pdf"]["reason"] == "name_not_utf8"


@pytest.mark.parametrize(("limits", "reason"), [
    pytest.param({"pages": 1}, "too_many_pages", id="pages"),
    pytest.param({"document_bytes": 10}, "document_too_large", id="bytes"),
])
def test_a_document_past_a_limit_is_quarantined(limits: dict[str, Any], reason: str, folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "two.pdf", [["one"], ["two"]])
    _, workspace = run(folder, tmp_path, limits=Limits(**limits))
    assert rows(workspace)["two.pdf"]["reason"] == reason


def test_a_picture_past_the_pixel_limit_is_never_decoded(folder: Path, tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    _, workspace = run(folder, tmp_path)
    assert rows(workspace)["bomb.png"]["reason"] == "page_too_large"


def test_an_empty_user_password_opens_normally(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "owner.pdf", owner="boss")
    _, workspace = run(folder, tmp_path)
    assert rows(workspace)["owner.pdf"]["status"] == "ok"


@pytest.mark.parametrize("held", [
    pytest.param("wrong\nsesame, open", id="one a line"),
    pytest.param('["wrong", "sesame, open"]', id="a JSON list"),
])
def test_a_password_of_the_list_opens_a_locked_pdf_and_is_kept_nowhere(
    held: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("OCTAVO_PDF_PASSWORDS", held)
    text_pdf(folder / "locked.pdf", [["Behind the door"]], password="sesame, open")
    text_pdf(folder / "other.pdf", [["Behind another"]], password="unknown")
    _, workspace = run(folder, tmp_path)
    found = rows(workspace)
    assert (found["locked.pdf"]["status"], found["locked.pdf"]["pages"]) == ("ok", 1)
    assert found["other.pdf"]["reason"] == "password_required"
    reading.run(workspace, "p0000", Settings(state=str(tmp_path), processes=1))
    [page] = fs.read_table(workspace.shard("read", "p0000")).to_pylist()
    assert [word["text"] for word in page["words"]] == ["Behind", "the", "door"]
    assert page_image(UPath(folder / "locked.pdf"), "application/pdf", schemas.page_from_row(page)).size == (1654, 2339)
    assert "none of the 2 passwords" in caplog.text
    assert "sesame" not in caplog.text
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != folder]
    assert left
    assert [path for path in left if b"sesame" in path.read_bytes()] == []


def test_a_file_is_what_it_contains_whatever_it_is_called(folder: Path, tmp_path: Path) -> None:
    page_picture().save(folder / "scan.pdf", format="PNG")
    _, workspace = run(folder, tmp_path)
    assert rows(workspace)["scan.pdf"]["media_type"] == "image/png"


@pytest.mark.parametrize(("junk", "expected"), [
    pytest.param(0, "application/pdf", id="at the start"),
    pytest.param(1000, "application/pdf", id="within the first 1,024 bytes"),
    pytest.param(1100, "application/octet-stream", id="too late"),
])
def test_a_pdf_header_may_stand_behind_junk(junk: int, expected: str) -> None:
    assert media_type_of(b"\x01" * junk + b"%PDF-1.4") == expected


def test_hidden_temporary_and_marker_files_are_no_documents(folder: Path) -> None:
    kept = ["a.pdf", "sub/b.pdf", "..odd.pdf"]
    for name in [*kept, ".hidden.pdf", ".git/c.pdf", "d.pdf.part", "e.tmp", "f.crdownload", "_SUCCESS", "day.done"]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    found = find(UPath(folder), ["**/*"], 0)
    assert sorted(str(Path(str(path)).relative_to(folder)) for path in found) == sorted(kept)


def test_a_link_that_leaves_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = text_pdf(tmp_path / "secret.pdf")
    (tmp_path / "elsewhere").mkdir()
    text_pdf(tmp_path / "elsewhere" / "deep.pdf")
    (folder / "link.pdf").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    text_pdf(folder / "inside.pdf")
    (folder / "again.pdf").symlink_to(folder / "inside.pdf")
    assert [path.name for path in find(UPath(folder), ["**/*", "linked/*"], 0)] == ["again.pdf", "inside.pdf"]


def test_a_file_that_still_changes_is_left_for_the_next_run(folder: Path) -> None:
    (folder / "new.pdf").write_bytes(b"x")
    (folder / "old.pdf").write_bytes(b"x")
    os.utime(folder / "old.pdf", (time.time() - 120, time.time() - 120))
    assert [path.name for path in find(UPath(folder), ["**/*"], 60)] == ["old.pdf"]


def test_select_and_the_contracts_globs_choose_files(folder: Path, tmp_path: Path) -> None:
    for name in ("a1.pdf", "a2.pdf", "b1.pdf"):
        text_pdf(folder / name, [[name]])
    page_picture().save(folder / "a3.png")
    pdfs_only = CONTRACT.model_copy(update={"files": ("*.pdf",)})
    _, workspace = run(folder, tmp_path, select="a*", contract=pdfs_only)
    assert sorted(rows(workspace)) == ["a1.pdf", "a2.pdf"]


def test_a_folder_that_does_not_exist_is_an_empty_day(tmp_path: Path) -> None:
    report, workspace = run(tmp_path / "nowhere", tmp_path)
    assert report.counts == {"files": 0, "documents": 0, "pages": 0, "quarantined": 0, "duplicates": 0}
    assert not workspace.plan.page_shards


def test_a_pdf_that_hangs_its_child_does_not_hang_the_run(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "slow.pdf")
    _, workspace = run(folder, tmp_path, limits=Limits(page_seconds=1e-6))
    assert rows(workspace)["slow.pdf"]["reason"] == "timeout"


def test_documents_of_an_object_store_are_inspected_too(tmp_path: Path) -> None:
    bucket = UPath("memory://ingest-bucket/day")
    (bucket / "letter.pdf").write_bytes(text_pdf(tmp_path / "letter.pdf").read_bytes())
    workspace = Workspace.open(UPath(tmp_path), Partition("letter", dt.date(2026, 3, 1)), "r1")
    ingest.run(workspace, CONTRACT, bucket, Settings(state=str(tmp_path)))
    assert rows(workspace)["letter.pdf"]["pages"] == 1
