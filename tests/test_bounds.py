"""No document takes a stage's time or memory beyond its bounds, and the day goes on without it."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
import signal
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.extraction.rules import stage as rules
from octavo.ingest import inspection
from octavo.ingest import stage as ingest
from octavo.merging.documents import Merger
from octavo.model import deadline
from octavo.model.contracts import Contract
from octavo.model.deadline import TimedOut, fits, search, within
from octavo.model.entities import Partition
from octavo.model.errors import Quarantined
from octavo.model.settings import Limits, Settings
from octavo.page import rendering
from octavo.storage import fs
from octavo.storage.lake import Lake
from octavo.workflows import pipeline
from tests import hostile
from tests.documents import LINES, page_picture, text_pdf

DAY = dt.date(2026, 11, 2)
BILL = Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"total": {"type": "money", "labels": ["Total"]}}})
PARTITION = Partition("bill", DAY)
# Takes a time that doubles with each letter, on a text that does not fit.
BACKTRACKING, FLOOD = r"(a+)+b", "a" * 60


def spin() -> None:
    while True:
        pass


def test_work_that_does_not_end_is_ended_and_other_work_is_not() -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut, match=r"no end after 0\.2 s"), within(0.2):
        spin()
    assert time.monotonic() - started < 10
    with within(30):
        pass
    time.sleep(0.3)  # no alarm is left


def test_the_first_of_two_bounds_ends_the_work_and_the_other_goes_on() -> None:
    def both() -> None:
        with pytest.raises(TimedOut, match=r"after 0\.1 s"), within(0.1):
            spin()
        spin()

    with pytest.raises(TimedOut, match=r"after 0\.5 s"), within(0.5):
        both()
    with pytest.raises(TimedOut, match=r"after 0\.1 s"), within(0.1), within(30):
        spin()


def test_a_bound_that_was_there_before_outlives_ours() -> None:
    """Airflow's ``execution_timeout`` is one."""
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        with pytest.raises(TimedOut), within(0.1):
            spin()
        deadline_at = time.monotonic() + 10
        while not rung and time.monotonic() < deadline_at:
            time.sleep(0.01)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_thread_works_without_a_bound() -> None:
    done: list[bool] = []

    def work() -> None:
        with within(0.01):
            time.sleep(0.1)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_pattern_that_goes_back_over_its_text_for_ever_does_not_fit() -> None:
    assert fits(r"T-\d+", "T-12")
    assert not fits(r"T-\d+", "XT-12")
    assert search(r"T-\d+", "XT-12")
    started = time.monotonic()
    assert not fits(BACKTRACKING, FLOOD)
    assert not search(BACKTRACKING, FLOOD)
    assert time.monotonic() - started < 20
    with pytest.raises(TimedOut, match=r"after 0\.1 s"), within(0.1):  # the bound around it is not taken for the pattern's own
        fits(BACKTRACKING, FLOOD)


def run(root: Path, contract: Contract = BILL, **limits: Any) -> pipeline.DayResult:
    settings = Settings(lake=str(root / "lake"), processes=1, limits=Limits(**limits), page_images=False)
    return pipeline.run_day(contract, UPath(root / "in"), DAY, settings, extractor="layout")


def ends(root: Path) -> dict[str, tuple[str, str | None]]:
    """Status and reason of each published document, by its file's name."""
    rows = fs.read_table(Lake(UPath(root / "lake")).table("documents", PARTITION)).to_pylist()
    return {Path(row["uri"]).name: (row["status"], row["reason"]) for row in rows}


@pytest.fixture
def two(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "slow.pdf", [["SLOW", *LINES]])
    text_pdf(tmp_path / "in" / "sound.pdf", [["Total 17.60", *LINES]])
    return tmp_path


pytestmark = pytest.mark.timeout(120)


def slow(page: Any) -> bool:
    return any(word.text == "SLOW" for word in page.words)


def test_a_document_that_extraction_takes_too_long_over_has_no_fields_and_the_day_is_published(
    two: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    extract = rules.extract
    monkeypatch.setattr(rules, "extract", lambda block, contract: spin() if slow(block[0]) else extract(block, contract))
    assert run(two, document_seconds=5).error is None
    assert ends(two) == {"slow.pdf": ("partial", "timeout"), "sound.pdf": ("ok", None)}
    lake = Lake(UPath(two / "lake"))
    records = {Path(row["uri"]).name: row["total"] for row in fs.read_table(lake.table("bill", PARTITION)).to_pylist()}
    assert (records["slow.pdf"], str(records["sound.pdf"])) == (None, "17.60")
    ledger = fs.read_table(lake.table("ledger", PARTITION)).to_pylist()
    late = {(row["level"], row["outcome"]) for row in ledger if row["reason"] == "timeout"}
    assert late == {("document", "partial"), ("chunk", "fallback")}


def test_a_document_that_merging_takes_too_long_over_has_no_fields_and_the_next_one_has_its_own(
    two: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    merge = Merger.merge

    def merged(self: Merger, document: str, pages: Any, *more: Any) -> Any:
        held = list(pages)
        return spin() if any(slow(one.page) for one in held) else merge(self, document, iter(held), *more)

    monkeypatch.setattr(Merger, "merge", merged)
    assert run(two, document_seconds=5).error is None
    assert ends(two) == {"slow.pdf": ("partial", "timeout"), "sound.pdf": ("ok", None)}
    [value] = [row["value"] for row in fs.read_table(Lake(UPath(two / "lake")).table("fields", PARTITION)).to_pylist()]
    assert value == "17.60"


def test_a_page_with_more_words_than_stages_can_take_is_kept_out(two: Path) -> None:
    text_pdf(two / "in" / "flood.pdf", [["word " * 12] * 40])
    assert run(two, page_words=300).error is None
    assert ends(two)["flood.pdf"] == ("quarantined", "page_unreadable")
    pages = fs.read_table(Lake(UPath(two / "lake")).table("pages", PARTITION)).to_pylist()
    assert [row["outcome"] for row in pages if row["reason"] == "too_many_words"] == ["quarantined"]
    assert ends(two)["sound.pdf"] == ("ok", None)


def test_a_page_that_cannot_be_cut_in_time_is_one_chunk(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from octavo.chunking import stage as chunking

    cut = chunking.cut
    monkeypatch.setattr(chunking, "cut", lambda page, *rest: spin() if slow(page) else cut(page, *rest))
    monkeypatch.setattr(chunking, "within", lambda seconds: within(0.5))
    assert run(two).error is None
    assert ends(two) == {"slow.pdf": ("ok", None), "sound.pdf": ("ok", None)}


def test_the_pages_of_a_document_that_cannot_be_cut_have_one_bound_together(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from octavo.chunking import stage as chunking

    text_pdf(two / "in" / "slow.pdf", [["SLOW", *LINES]] * 30)
    cut = chunking.cut
    monkeypatch.setattr(chunking, "cut", lambda page, *rest: spin() if slow(page) else cut(page, *rest))
    result = run(two, document_seconds=3)
    assert result.error is None
    assert sum(report.seconds for report in result.reports if report.stage == "chunk") < 30
    assert ends(two)["sound.pdf"] == ("ok", None)


# Of each kind those that take little time; bench/hostile_day.py takes all.
QUICK = {
    *hostile.HOSTILE_NAMES, "flood-same.pdf", "flood-line.pdf", "text-pattern.pdf", "text-brackets.pdf", "text-mail-open.pdf",
    "shared-page.pdf", "bomb-png-huge.png", "bomb-jpeg-size.jpg", "bomb-tiff-loop.tif", "bomb-forms-recursive.pdf", "bomb-page-loop.pdf",
    "bomb-depths.zip", "bomb-tar-depths.tar", "bomb-same.zip",
}


def test_small_files_that_are_made_to_stop_a_day_have_outcomes_and_ordinary_ones_their_values(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    made, expected = hostile.make(tmp_path / "in", QUICK), hostile.ordinary(tmp_path / "in")
    assert len(made) == len(QUICK)
    limits = Limits(page_seconds=20, document_seconds=10, archive_members=1000)
    settings = Settings(lake=str(tmp_path / "lake"), processes=1, limits=limits, page_images=False, ocr_profile="fast")
    result = pipeline.run_day(hostile.CONTRACT, UPath(tmp_path / "in"), DAY, settings, extractor="layout")
    assert (result.error, result.published) == (None, True)
    lake, partition = Lake(UPath(tmp_path / "lake")), Partition(hostile.CONTRACT.name, DAY)
    uris = fs.read_table(lake.table("documents", partition))["uri"].to_pylist()
    found = {uri.removeprefix(f"{tmp_path / 'in'}/").partition("!/")[0] for uri in uris}
    assert found == {os.fsencode(name).decode("utf-8", "backslashreplace") for name in (*made, *expected)}
    records = {Path(row["uri"]).name: row for row in fs.read_table(lake.table("hostile", partition)).to_pylist()}
    assert {name: {field: str(records[name][field]) for field in values} for name, values in expected.items()} == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "lake"]


def test_pictures_of_pages_are_drawn_in_a_child_within_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = type("Frame", (), {"number": 1, "width": 400, "height": 300, "dpi": None, "rotation": 0})()
    page_picture(LINES, (400, 300), 20).save(tmp_path / "a.png")
    monkeypatch.setattr(rendering, "draw", lambda *args: pytest.fail("decoded in the stage's own process"))
    assert rendering.page_image(UPath(tmp_path / "a.png"), "image/png", frame).size == (400, 300)
    with pytest.raises(Quarantined, match="page_too_large"):
        rendering.page_image(UPath(tmp_path / "a.png"), "image/png", frame, Limits(page_pixels=100))
    with pytest.raises(Quarantined, match="timeout"):
        rendering.page_image(UPath(tmp_path / "a.png"), "image/png", frame, Limits(page_seconds=1e-6))
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    with pytest.raises(Quarantined):
        rendering.page_image(UPath(tmp_path / "b.png"), "image/png", frame)
    assert rendering.page_image(UPath(tmp_path / "a.png"), "image/png", frame).size == (400, 300)


def test_a_file_beyond_all_limits_is_not_even_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "huge.pdf").open("wb") as stream:
        os.truncate(stream.fileno(), 1 << 40)
    text_pdf(tmp_path / "in" / "sound.pdf", [["Total 17.60"]])
    hashed = fs.sha256_of
    monkeypatch.setattr(ingest.fs, "sha256_of", lambda path: pytest.fail("hashed") if path.name == "huge.pdf" else hashed(path))
    assert run(tmp_path).error is None
    assert ends(tmp_path) == {"huge.pdf": ("quarantined", "document_too_large"), "sound.pdf": ("ok", None)}


def test_a_days_archives_together_unpack_to_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        with zipfile.ZipFile(tmp_path / "in" / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.txt", name * 1_000_000)
    text_pdf(tmp_path / "in" / "sound.pdf", [["Total 17.60"]])
    assert run(tmp_path, day_unpacked_bytes=1_500_000).error is None
    found = ends(tmp_path)
    assert (found["b.zip"], found["c.zip"]) == (("quarantined", "archive_too_large"),) * 2
    assert found["sound.pdf"] == ("ok", None)
    assert ("quarantined", "unsupported_type") in found.values()  # a.zip's member was looked at


def test_a_gzip_header_without_an_end_costs_a_childs_time_alone(tmp_path: Path) -> None:
    """Python reads a file's name in it byte by byte."""
    head = gzip.compress(b"x")
    (tmp_path / "a.gz").write_bytes(head[:3] + b"\x08" + head[4:10] + b"n" * 30_000_000)
    started = time.monotonic()
    with inspection.Inspector(Limits(page_seconds=0.5)) as inspector:
        found = inspector.inspect(UPath(tmp_path / "a.gz"))
    assert (found.reason, found.pages) == ("timeout", 0)
    assert time.monotonic() - started < 60


def test_the_interpreter_lets_an_alarm_end_a_match() -> None:
    """``fits`` rests on it."""
    with pytest.raises(TimedOut), within(0.2):
        re.fullmatch(BACKTRACKING, FLOOD)
    assert deadline.PATTERN_SECONDS < 5
