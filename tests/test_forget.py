"""Erasing one document: nothing of it is left, everything else stays, and it does not come back."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from upath import UPath

from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.errors import SettingsError, WorkspaceError
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.answer_segments import StoredAnswer
from octavo.storage.answer_store import AnswerStore, AnswerWriter
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.storage.lake import STABLE_TABLES, Forgotten, Lake
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection, forget, pipeline, review
from tests.documents import LINES, text_pdf

DAY = dt.date(2026, 11, 2)
RECEIPT = contracts.find("receipt", Settings().contracts)


def run(folder: Path, lake: Path) -> pipeline.DayResult:
    return pipeline.run_day(RECEIPT, UPath(folder), DAY, Settings(lake=str(lake), processes=1), extractor="layout")


def stable(lake: Path) -> dict[str, bytes]:
    return {str(p.relative_to(lake)): p.read_bytes() for name in (*STABLE_TABLES, "receipt") for p in (lake / name).rglob("*.parquet")}


def answer(document: str) -> StoredAnswer:
    return StoredAnswer("secret", "stop", 1, 1, 0.1, 1, "model", None, "runtime", document)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, str]:
    """A lake of three documents of which one was forgotten, one of the two others alone, and the forgotten sha256."""
    root = tmp_path_factory.mktemp("forget")
    for name in ("all", "kept"):
        (root / name).mkdir()
        for stem in ("kept_1", "kept_2", *(["gone"] if name == "all" else [])):
            text_pdf(root / name / f"{stem}.pdf", [[*LINES, f"Remark: {stem} person"]])
    lake = root / "lake"
    settings = Settings(lake=str(lake))
    (root / "in").mkdir()
    for path in (root / "all").iterdir():
        (root / "in" / path.name).write_bytes(path.read_bytes())
    assert run(root / "in", lake).error is None
    document = fs.sha256_of(UPath(root / "in" / "gone.pdf"))
    other = fs.sha256_of(UPath(root / "in" / "kept_1.pdf"))
    with AnswerWriter(AnswerStore(settings.answer_store)) as writer:
        writer.put(b"1" * 32, answer(document))
        writer.put(b"2" * 32, answer(other))
    for name in (document, other):
        CorrectionStore(settings.correction_store).put(
            Correction("receipt", name, "total", "1.00", "1.00", Action.CORRECTED, (), None, "ann", "2026-11-03T00:00:00+00:00"))
    left = Workspace.open(settings.workspaces, Partition("receipt", DAY), "failed")
    left.pin(RECEIPT)
    fs.copy(Lake(UPath(lake)).table("documents", Partition("receipt", DAY)), left.documents)
    return root, lake, root / "in", document


def test_a_forgotten_document_is_nowhere_and_the_rest_is_as_if_it_had_never_been(world: tuple[Path, Path, Path, str]) -> None:
    root, lake, landing, document = world
    settings = Settings(lake=str(lake))
    found, uris = forget.find("gone.pdf", settings)
    assert (found, uris) == (document, {str(landing / "gone.pdf")})
    erased = forget.erase(found, uris, settings)
    assert {name.split()[0] for name in erased.rows} >= {"documents", "pages", "chunks", "fields", "receipt", "answers", "ledger"}
    assert (erased.answers, erased.corrections, len(erased.workspaces), len(erased.reports)) == (1, 1, 1, 1)
    assert erased.reading_files > 0
    assert erased.left == [str(landing / "gone.pdf")]

    parts = [path for path in lake.rglob("*") if path.is_file()]
    assert len(list((lake / "_forgotten").iterdir())) == 1
    assert [path for path in parts if document in str(path)] == []
    assert [path for path in parts if b"gone" in path.read_bytes() or document.encode() in path.read_bytes()] == []
    (landing / "gone.pdf").rename(root / "gone.pdf")
    assert run(landing, root / "never").error is None
    assert stable(lake) == stable(root / "never")
    manifest = Lake(UPath(lake)).published(Partition("receipt", DAY))
    assert manifest is not None
    assert manifest["tables"]["documents"]["rows"] == 2
    for name, entry in manifest["tables"].items():
        assert fs.sha256_of(Lake(UPath(lake)).table(name, Partition("receipt", DAY))) == entry["sha256"]

    (root / "gone.pdf").rename(landing / "gone.pdf")
    result = run(landing, lake)
    assert (result.counts("ingest")["documents"], result.counts("ingest")["forgotten"]) == (2, 1)
    assert [path for path in lake.rglob("*") if path.is_file() and b"gone" in path.read_bytes()] == []
    assert len(CorrectionStore(settings.correction_store).history(fs.sha256_of(UPath(landing / "kept_1.pdf")))) == 1

    assert Forgotten(UPath(lake)).remove(document)
    assert run(landing, lake).counts("ingest")["documents"] == 3


def test_a_run_that_had_listed_the_document_before_cannot_publish_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    document = fs.sha256_of(UPath(text_pdf(tmp_path / "in" / "gone.pdf")))
    ledger_run = pipeline.ledger.run

    def forgotten_meanwhile(*args: object, **kwargs: object) -> object:
        Forgotten(UPath(tmp_path / "lake")).add(document)
        return ledger_run(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline.ledger, "run", forgotten_meanwhile)
    result = run(tmp_path / "in", tmp_path / "lake")
    assert isinstance(result.error, WorkspaceError)
    assert not result.published
    assert not list((tmp_path / "lake").glob("documents/**/*.parquet"))


def test_a_file_that_has_other_content_by_now_is_not_removed(tmp_path: Path) -> None:
    for name in ("same.pdf", "other.pdf"):
        text_pdf(tmp_path / name, [[name]])
    document = fs.sha256_of(UPath(tmp_path / "same.pdf"))
    uris = {str(tmp_path / "same.pdf"), str(tmp_path / "other.pdf")}
    erased = forget.erase(document, uris, Settings(lake=str(tmp_path / "lake")), landing=True)
    assert erased.landing_files == [str(tmp_path / "same.pdf")]
    assert (tmp_path / "other.pdf").exists()
    assert not (tmp_path / "same.pdf").exists()


def test_a_name_of_none_or_several_documents_is_refused_and_an_unknown_sha256_is_kept_out(tmp_path: Path) -> None:
    settings = Settings(lake=str(tmp_path))
    space = Workspace.open(settings.workspaces, Partition("receipt", DAY), "r1")
    rows = [{"document": name * 64, "uri": f"/in/{name}/scan.pdf", "copies": [], "media_type": "", "bytes": 1, "pages": 1, "status": "ok",
             "reason": None} for name in "ab"]
    from octavo.storage import schemas

    fs.write_rows(space.documents, rows, schemas.DOCUMENTS)
    with pytest.raises(SettingsError, match="names 2 documents"):
        forget.find("scan.pdf", settings)
    with pytest.raises(SettingsError, match="no document"):
        forget.find("can.pdf", settings)
    assert forget.find("a/scan.pdf", settings) == ("a" * 64, {"/in/a/scan.pdf"})
    assert forget.find("c" * 64, settings) == ("c" * 64, set())


CANARY = "Quillon Vexmoor"  # on the page, in names and in what people said
KILLED = """
import datetime as dt, sys, time
from pathlib import Path
from upath import UPath
from octavo.ingest import stage
from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.storage.workspace import Workspace

settings = Settings()
taken = stage.Listing._take
def slow(self, *args):
    taken(self, *args)
    Path(sys.argv[2]).touch()
    time.sleep(60)
stage.Listing._take = slow
space = Workspace.open(settings.workspaces, Partition("receipt", dt.date(2026, 11, 2)), "killed")
stage.run(space, contracts.find("receipt", settings.contracts), UPath(sys.argv[1]), settings)
"""


def mentions(root: Path, words: tuple[str, ...]) -> list[str]:
    """Every file below ``root`` whose name or content, unpacked, has one of the words."""
    found = []
    for path in (path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += repr(pq.ParquetFile(path).read().to_pylist()).encode()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                content += b"".join(archive.read(name) for name in archive.namelist())
        if any(word.encode() in content or word in str(path) for word in words):
            found.append(str(path))
    return found


def test_no_byte_of_a_forgotten_document_is_left_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    """Beside the tables: a killed ingest's members, half files, a form that was parked before and is saved afterwards, and the log."""
    landing, lake, temporary = tmp_path / "landing", tmp_path / "lake", tmp_path / "tmp"
    for folder in (landing, temporary):
        folder.mkdir()
    text_pdf(landing / f"{CANARY}.pdf", [[*LINES, f"Customer: {CANARY}"]])
    text_pdf(landing / "other.pdf", [LINES])
    document = fs.sha256_of(UPath(landing / f"{CANARY}.pdf"))
    settings, partition = Settings(lake=str(lake)), Partition("receipt", DAY)
    caplog.set_level(logging.DEBUG)
    assert run(landing, lake).error is None
    about = review.find(Lake(UPath(lake)), document)
    parked = review.Desk(Lake(UPath(lake)), CorrectionStore(settings.correction_store), RECEIPT, about, "ann")
    asked = parked.correct("company", CANARY)
    space = Workspace.open(settings.workspaces, partition, "r9")
    space.keep_inputs(change_detection.files_of(UPath(landing), settings), "rules")
    fs.copy(space.root / "inputs.json", Lake(UPath(lake)).inputs_file(partition))

    archived = tmp_path / "archived"
    archived.mkdir()
    with zipfile.ZipFile(archived / "all.zip", "w") as archive:
        archive.write(landing / f"{CANARY}.pdf", f"{CANARY}.pdf")
    environment = {**os.environ, "OCTAVO_LAKE": str(lake), "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", KILLED, str(archived), str(tmp_path / "taken")], env=environment) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "taken").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    half = lake / "_corrections" / document[:2] / f".{document}.json.{'0' * 32}.tmp"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_text(CANARY)
    os.utime(half, (1, 1))
    words = (CANARY, document, hashlib.sha256(f"{CANARY}.pdf".encode()).hexdigest()[:32])
    raw = [path for path in [*lake.rglob("*"), *temporary.rglob("*")] if path.is_file() and path.read_bytes()[:5] == b"%PDF-"]
    assert len(raw) == 2  # a member in the killed run's workspace, and one in its temporary folder

    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    name, uris = forget.find(document, settings)
    erased = forget.erase(name, uris, settings, landing=True)
    assert erased.unfinished == 1
    with pytest.raises(SettingsError, match="was forgotten; nothing is kept of it"):
        parked.keep([asked])

    assert mentions(lake, words) == []
    assert [path for path in [*lake.rglob("*"), *temporary.rglob("*")] if path.is_file() and path.read_bytes()[:5] == b"%PDF-"] == []
    assert CANARY not in caplog.text.replace(f"{CANARY}.pdf", "")
    assert run(landing, lake).error is None
    assert mentions(lake, words) == []


def test_who_guesses_a_name_finds_it_neither_among_the_notes_nor_among_the_inputs(tmp_path: Path) -> None:
    lakes = [UPath(tmp_path / name) for name in ("one", "other")]
    for lake in lakes:
        Forgotten(lake).add("a" * 64)
        assert "a" * 64 in Forgotten(lake).documents()
        assert "b" * 64 not in Forgotten(lake).documents()
    notes = [next(iter((lake / "_forgotten").iterdir())).name for lake in lakes]
    assert len({*notes, "a" * 64}) == 3
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.pdf").touch()
    noted = [change_detection.files_of(UPath(tmp_path / "day"), Settings(lake=str(lake))) for lake in lakes]
    assert noted[0].keys() != noted[1].keys()
    assert noted[0] == change_detection.files_of(UPath(tmp_path / "day"), Settings(lake=str(lakes[0])))


def test_a_note_of_an_earlier_version_counts_and_can_be_taken_away(tmp_path: Path) -> None:
    (tmp_path / "_forgotten").mkdir()
    (tmp_path / "_forgotten" / ("a" * 64)).touch()
    assert "a" * 64 in Forgotten(UPath(tmp_path)).documents()
    assert Forgotten(UPath(tmp_path)).remove("a" * 64)
    assert "a" * 64 not in Forgotten(UPath(tmp_path)).documents()
