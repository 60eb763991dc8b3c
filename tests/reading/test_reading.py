"""The read stage: text layers, OCR, frames, the reading store, and pages that cannot be read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Box, Partition, Report, Source, Word, union
from octavo.model.errors import SettingsError, ToolMissing
from octavo.model.settings import Limits, Settings
from octavo.page.level import levelled
from octavo.page.lines import lines_of
from octavo.page.rendering import page_image
from octavo.reading import engine, picture
from octavo.reading import stage as reading
from octavo.reading.recogniser import without_guesses
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace
from tests.documents import LINES, askew, drawn_pdf, page_picture, picture_pdf, text_pdf

PROFILES = ("best", "fast")
CONTRACT = Contract(name="letter", title="Letters", fields={"text": FieldSpec()})


def read(folder: Path, root: Path, run: str = "r1", **options: Any) -> tuple[Report, list[dict[str, Any]], Workspace]:
    """Ingest and read a folder; the report added up, all rows, and the workspace."""
    settings = Settings(state=str(root), processes=2, **options)
    workspace = Workspace.open(UPath(root / "workspaces"), Partition("letter", dt.date(2026, 3, 1)), run)
    # Limits are meant for reading: ingest counts pages within its own.
    ingest.run(workspace, CONTRACT, UPath(folder), settings.model_copy(update={"limits": Limits()}))
    shards = list(workspace.plan.page_shards)
    reports = [reading.run(workspace, shard, settings) for shard in shards]
    rows = [row for shard in shards for row in fs.read_table(workspace.shard("read", shard)).to_pylist()]
    return Report("read", Report.total(reports), 0.0), rows, workspace


def text(row: dict[str, Any]) -> str:
    return " ".join(word["text"] for word in row["words"])


def box_of(row: dict[str, Any], *wanted: str) -> Box:
    return union(Box(w["x0"], w["y0"], w["x1"], w["y1"]) for w in row["words"] if w["text"] in wanted)


def ink_around(image: Image.Image, box: Box) -> float:
    """The share of the picture's dark pixels that lie within ``box``, grown by 3 px."""
    dark = np.asarray(image.convert("L")) < 128
    return float(dark[max(0, box.y0 - 3):box.y1 + 3, max(0, box.x0 - 3):box.x1 + 3].sum() / max(1, dark.sum()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def test_a_text_layer_gives_its_words_in_the_frame_of_the_rendered_page(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "letter.pdf", [["Seventeen"]])
    report, [row], workspace = read(folder, tmp_path)
    assert (row["text_source"], row["dpi"], row["width"], row["height"], row["outcome"]) == ("text_layer", 200, 1654, 2339, "ok")
    assert [(word["text"], word["confidence"], word["source"]) for word in row["words"]] == [("Seventeen", 1.0, "text_layer")]
    image = page_image(UPath(folder / "letter.pdf"), "application/pdf", schemas.page_from_row(row))
    assert ink_around(image, box_of(row, "Seventeen")) == 1.0
    assert abs(box_of(row, "Seventeen").x0 - 20 / 25.4 * 200) < 5
    assert report.counts == {"pages": 1, "reads": 1, "read_hits": 0, "words": 1, "quarantined_pages": 0}
    assert workspace.plan.page_shards


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotated_pdf_page_is_read_upright(degrees: int, folder: Path, tmp_path: Path) -> None:
    upright = {90: "0 1 -1 0 300 400", 180: "-1 0 0 -1 300 400", 270: "0 -1 1 0 300 400"}[degrees]  # once the page is turned
    drawn_pdf(folder / "turned.pdf", f"BT /F1 12 Tf {upright} Tm (Harbour) Tj ET", page=f"/Rotate {degrees}")
    _, [row], _ = read(folder, tmp_path)
    page = schemas.page_from_row(row)
    box = page.words[0].box
    assert row["rotation"] == degrees
    assert ink_around(page_image(UPath(folder / "turned.pdf"), "application/pdf", page), box) == 1.0
    a, b, c, d, e, f = page.transform
    x, y = 300, 842 - 400  # where the word's baseline starts, in points from the top left
    assert (a * x + c * y + e, b * x + d * y + f) == (pytest.approx(box.x0, abs=5), pytest.approx(box.y1, abs=5))


def scan(path: Path) -> object:
    return picture_pdf(path.with_suffix(".pdf"), page_picture())


def with_exif(path: Path) -> object:
    exif = Image.Exif()
    exif[274] = 6  # the stored pixels have to be turned by 90 degrees clockwise
    return page_picture().transpose(Image.Transpose.ROTATE_90).save(path.with_suffix(".jpg"), exif=exif, quality=95)


def palette_with_alpha(path: Path) -> object:
    ink = Image.new("RGBA", (1000, 700), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), mask=page_picture().point(lambda value: 255 - value))
    return ink.quantize(16).save(path.with_suffix(".png"))


def sixteen_bit(path: Path) -> object:
    return Image.fromarray(np.asarray(page_picture()).astype(np.uint16) * 257).save(path.with_suffix(".png"))


MAKERS: dict[str, Callable[[Path], object]] = {
    "grey png": lambda path: page_picture().save(path.with_suffix(".png")),
    "1-bit tiff": lambda path: page_picture().convert("1").save(path.with_suffix(".tif"), compression="group4"),
    "cmyk jpeg": lambda path: page_picture().convert("CMYK").save(path.with_suffix(".jpg"), quality=95),
    "16-bit png": sixteen_bit,
    "palette with transparency": palette_with_alpha,
    "webp": lambda path: page_picture().convert("RGB").save(path.with_suffix(".webp"), lossless=True),
    "exif orientation": with_exif,
    "scanned pdf": scan,
    "small": lambda path: page_picture().resize((500, 350), Image.Resampling.LANCZOS).save(path.with_suffix(".png")),
    "large": lambda path: page_picture().resize((3000, 2100), Image.Resampling.BICUBIC).save(path.with_suffix(".png")),
    "upside down": lambda path: page_picture([*LINES, *LINES], (1000, 1000), 30).rotate(180).save(path.with_suffix(".png")),
    "on its side": lambda path: page_picture([*LINES, *LINES], (1000, 1000), 30).rotate(90).save(path.with_suffix(".png")),
}


# Files are decoded alike for both profiles; turns and sizes are what the better one treats in a way of its own.
TURNED_OR_SIZED = ("grey png", "scanned pdf", "small", "large", "upside down", "on its side")


@pytest.mark.parametrize(("make", "profile"), [
    *(pytest.param(make, "fast", id=f"{name}-fast") for name, make in MAKERS.items()),
    *(pytest.param(MAKERS[name], "best", id=f"{name}-best") for name in TURNED_OR_SIZED),
])
def test_every_kind_of_page_image_is_read_and_its_boxes_lie_on_its_picture(
    make: Callable[[Path], object], profile: str, folder: Path, tmp_path: Path,
) -> None:
    make(folder / "page")
    _, [row], workspace = read(folder, tmp_path, ocr_profile=profile)
    assert "48213" in text(row)
    assert "HARBOUR COFFEE LTD" in text(row)
    assert row["text_source"] == "ocr"
    page = schemas.page_from_row(row)
    [document] = fs.read_table(workspace.documents).to_pylist()
    image = page_image(UPath(document["uri"]), document["media_type"], page)
    assert image.size == (page.width, page.height)
    # Every dark pixel lies in some word's box.
    dark = np.asarray(image.convert("L")) < 100
    for word in page.words:
        dark[max(0, word.box.y0 - 8):word.box.y1 + 8, max(0, word.box.x0 - 8):word.box.x1 + 8] = False
    assert dark.mean() < 0.001


@pytest.mark.parametrize("profile", PROFILES)
def test_a_picture_under_a_relative_path_is_read(profile: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page_picture().save(folder / "page.jpg")
    monkeypatch.chdir(tmp_path)
    _, [row], _ = read(Path(folder.name), tmp_path, ocr_profile=profile)
    assert "48213" in text(row)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("image", "reason"), [
    pytest.param(Image.new("L", (800, 600), 255), "blank_page", id="white"),
    pytest.param(Image.new("L", (800, 600), 0), "blank_page", id="black"),
    pytest.param(Image.fromarray(np.random.default_rng(1).integers(0, 256, (600, 800), dtype=np.uint8)), "no_words", id="noise"),
])
def test_nothing_is_invented_on_a_page_without_text(
    image: Image.Image, reason: str, profile: str, folder: Path, tmp_path: Path,
) -> None:
    image.save(folder / "page.png")
    _, [row], _ = read(folder, tmp_path, ocr_profile=profile)
    assert (row["outcome"], row["reason"], row["words"], row["text_source"]) == ("empty", reason, [], "none")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_few_small_words_on_a_large_page_are_found_at_their_place(profile: str, folder: Path, tmp_path: Path) -> None:
    page = Image.new("L", (3300, 4600), 255)
    page.paste(page_picture(["Page 48213"], (400, 100), 30), (400, 300))
    page.save(folder / "page.png")
    _, [row], _ = read(folder, tmp_path, ocr_profile=profile)
    assert text(row) == "Page 48213"
    assert ink_around(page, box_of(row, "Page", "48213")) > 0.95


@pytest.mark.parametrize("profile", PROFILES)
def test_skewed_pages_have_the_lines_of_the_level_one_on_their_own_picture(profile: str, folder: Path, tmp_path: Path) -> None:
    level = page_picture(LINES, (1000, 700), 36)
    for degrees in (0, 3, 5, -7):
        askew(level, degrees).save(folder / f"{degrees}.png")
    _, rows, workspace = read(folder, tmp_path, ocr_profile=profile)
    names = {row["document"]: Path(row["uri"]).stem for row in fs.read_table(workspace.documents).to_pylist()}
    assert len(rows) == 4
    for row in rows:
        degrees = int(names[row["document"]])
        assert row["skew"] == pytest.approx(degrees, abs=0.3)
        page = schemas.page_from_row(row)
        assert [line.text for line in lines_of(levelled(page))] == list(LINES)
        dark = np.asarray(askew(level, degrees)) < 100
        assert dark.shape == (page.height, page.width)
        for word in page.words:
            dark[max(0, word.box.y0 - 8):word.box.y1 + 8, max(0, word.box.x0 - 8):word.box.x1 + 8] = False
        assert dark.mean() < 0.001


@pytest.mark.parametrize("profile", PROFILES)
def test_pages_read_together_have_the_words_that_they_have_alone(profile: str, folder: Path, tmp_path: Path) -> None:
    for number in range(3):
        page = page_picture([f"Page {number}", *LINES], (1000 + 50 * number, 1300), 30)
        page.save(folder / f"{number}.png", **({"dpi": (100 * number, 100 * number)} if number else {}))
    (folder / "3.png").write_bytes((folder / "2.png").read_bytes()[:-200] + bytes(200))  # one that cannot be decoded

    def words(processes: int) -> list[tuple[str, list[dict[str, Any]]]]:
        settings = Settings(state=str(tmp_path / str(processes)), processes=processes, ocr_profile=profile)
        workspace = Workspace.open(settings.workspaces, Partition("letter", dt.date(2026, 3, 1)), "r1")
        ingest.run(workspace, CONTRACT, UPath(folder), settings)
        reading.run(workspace, "p0000", settings)
        return [(row["outcome"], row["words"]) for row in fs.read_table(workspace.shard("read", "p0000")).to_pylist()]

    assert words(1) == words(4)  # with profile fast, one child takes them in one batch, four take one each


def test_a_second_run_reads_nothing_and_gives_the_same_words(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "letter.pdf", [[f"page {n}"] for n in range(1, 20)])
    page_picture().save(folder / "scan.png")
    first, rows, _ = read(folder, tmp_path, "r1", shard_pages=16)
    second, again, _ = read(folder, tmp_path, "r2", shard_pages=64)  # another shard size: the same blocks
    assert (first.counts["reads"], first.counts["read_hits"]) == (20, 0)
    assert (second.counts["reads"], second.counts["read_hits"]) == (0, 20)
    assert all(row["cached"] for row in again)

    def stable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [{name: value for name, value in row.items() if name not in ("cached", "seconds")} for row in rows]
        return sorted(kept, key=lambda row: (row["document"], row["page"]))

    assert stable(rows) == stable(again)


def test_rows_stand_in_the_plans_order_and_progress_counts_pages(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "a.pdf", [[f"page {n}"] for n in range(1, 5)])
    settings = Settings(state=str(tmp_path), processes=2)
    workspace = Workspace.open(UPath(tmp_path), Partition("letter", dt.date(2026, 3, 1)), "r1")
    ingest.run(workspace, CONTRACT, UPath(folder), settings)
    seen: list[int] = []
    reading.run(workspace, "p0000", settings, seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 4)
    assert fs.read_table(workspace.shard("read", "p0000"))["page"].to_pylist() == [1, 2, 3, 4]


def test_a_document_that_changed_since_ingest_is_quarantined_and_not_kept(folder: Path, tmp_path: Path) -> None:
    text_pdf(folder / "letter.pdf", [["before"]])
    settings = Settings(state=str(tmp_path), processes=1)
    workspace = Workspace.open(UPath(tmp_path), Partition("letter", dt.date(2026, 3, 1)), "r1")
    ingest.run(workspace, CONTRACT, UPath(folder), settings)
    text_pdf(folder / "letter.pdf", [["after"]])
    report = reading.run(workspace, "p0000", settings)
    [row] = fs.read_table(workspace.shard("read", "p0000")).to_pylist()
    assert (row["outcome"], row["reason"]) == ("quarantined", "changed_during_run")
    assert report.counts["quarantined_pages"] == 1
    assert not list(settings.reading_store.glob("**/*.parquet"))


def test_a_page_past_its_time_is_quarantined_until_the_limit_is_raised(folder: Path, tmp_path: Path) -> None:
    page_picture().save(folder / "slow.png")
    first, [row], _ = read(folder, tmp_path, "r1", limits=Limits(page_seconds=0.02))
    assert (row["outcome"], row["reason"]) == ("quarantined", "timeout")
    same, [kept], _ = read(folder, tmp_path, "r2", limits=Limits(page_seconds=0.02))
    assert (same.counts["reads"], kept["reason"]) == (0, "timeout")
    raised, [good], _ = read(folder, tmp_path, "r3")
    assert (first.counts["reads"], raised.counts["reads"], good["outcome"]) == (1, 1, "ok")


def test_a_page_that_needs_too_much_memory_is_quarantined_and_the_others_go_on(folder: Path, tmp_path: Path) -> None:
    Image.new("1", (13_000, 13_000), 1).save(folder / "huge.png")
    text_pdf(folder / "small.pdf")
    _, rows, _ = read(folder, tmp_path, limits=Limits(child_bytes=400 << 20))
    assert sorted((row["outcome"], row["reason"]) for row in rows if row["outcome"] != "ok") == [("quarantined", "out_of_memory")]
    assert sum(row["outcome"] == "ok" for row in rows) == 1


def test_a_frame_that_is_too_large_or_broken_costs_only_itself(folder: Path, tmp_path: Path) -> None:
    frames = [page_picture(), Image.new("L", (3000, 3000), 255)]
    frames[0].save(folder / "scan.tif", save_all=True, append_images=frames[1:])
    _, rows, _ = read(folder, tmp_path, limits=Limits(page_pixels=1_000_000))
    assert [(row["outcome"], row["reason"]) for row in rows] == [("ok", None), ("quarantined", "page_too_large")]


def test_a_layer_of_meaningless_characters_is_not_taken_for_text(folder: Path, tmp_path: Path) -> None:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.image(page_picture(), 0, 0, w=pdf.w)
    pdf.add_font("F", fname="/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    pdf.set_font("F", size=8)
    for line in range(20):
        pdf.text(10, 150 + 5 * line, "\ue000\ue001\ue002 \ue003\ue004")
    pdf.output(str(folder / "garbage.pdf"))
    _, [row], _ = read(folder, tmp_path)
    assert row["text_source"] == "ocr"
    assert "48213" in text(row)


def test_a_stamp_on_a_scan_does_not_hide_the_scan(folder: Path, tmp_path: Path) -> None:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.image(page_picture(size=(1000, 1400)), 0, 0, w=pdf.w, h=pdf.h)
    pdf.set_font("Helvetica", size=8)
    pdf.text(150, 290, "Page 1 of 1")
    pdf.output(str(folder / "scan.pdf"))
    _, [row], _ = read(folder, tmp_path)
    assert row["text_source"] == "ocr"
    assert "48213" in text(row)


@pytest.mark.parametrize(("dpi", "written"), [
    pytest.param(None, 1, id="unknown, of which Pillow makes 1"),
    pytest.param(150, 150, id="known"),
    pytest.param(4800, 2400, id="more than Tesseract believes"),
])
def test_the_file_that_is_recognised_is_grey_and_says_its_resolution(dpi: int | None, written: int, tmp_path: Path) -> None:
    page_picture().convert("1").save(tmp_path / "fax.tif", compression="group4", dpi=(72, 72))
    with Image.open(tmp_path / "fax.tif") as fax:
        source = picture.prepare(fax, tmp_path, (1000, 700), dpi, enlarge=False)
    with Image.open(source.path) as image:
        assert (image.mode, image.size, image.info["compression"]) == ("L", (1000, 700), "raw")
        assert image.info["dpi"] == (written, written)


def test_guesses_are_dropped_from_a_page_that_is_mostly_guesses() -> None:
    def words(*confidences: float) -> list[Word]:
        return [Word("word", Box(0, 0, 9, 9), confidence, Source.OCR) for confidence in confidences]

    assert without_guesses(words(0.3)) == []
    assert without_guesses(words(0.2, 0.4, 0.9)) == words(0.9)
    assert without_guesses(words(0.4, 0.9, 0.9)) == words(0.4, 0.9, 0.9)


def test_a_language_that_is_not_installed_names_its_package() -> None:
    with pytest.raises(ToolMissing, match="tesseract-ocr-chi-sim"):
        engine.find("fast", "eng+chi_sim")


def test_a_language_that_the_best_profile_does_not_read_names_the_way_out() -> None:
    with pytest.raises(SettingsError, match=r"does not read rus .*OCTAVO_OCR_PROFILE=fast"):
        engine.find("best", "eng+rus")


def test_a_missing_tesseract_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine.find.cache_clear()
    with pytest.raises(ToolMissing, match="apt-get install tesseract-ocr"):
        engine.find("fast", "eng")


def test_another_profile_language_or_version_has_another_key() -> None:
    found = engine.find("fast", "eng")
    keys = {
        engine.key(found, Settings()),
        engine.key(found, Settings(languages="osd")),
        engine.key(replace(found, recogniser=("tesseract 9",)), Settings()),
        engine.key(engine.find("best", "eng"), Settings()),
    }
    assert len(keys) == 4
    assert engine.key(found, Settings(processes=7, shard_pages=3)) in keys
