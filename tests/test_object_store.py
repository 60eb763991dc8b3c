"""Landing, workspace, stores and lake on S3 over real HTTP, with a server that is busy and slow at times."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import fsspec.config
import pytest
import s3fs
from click.testing import CliRunner
from upath import UPath

from octavo.cli import main
from octavo.model.errors import StoreUnavailable
from octavo.publishing import staging
from octavo.storage import fs, locks
from octavo.storage.lake import STABLE_TABLES, Lake
from tests.documents import LINES, make_zip, text_pdf
from tests.object_store import ENVIRONMENT, Faults, impatient, server
from tests.staging import CONTRACT, fill, publish_at_once, workspace

READ_SECONDS = 2.0


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[str, Faults]]:
    """A bucket's address, and what goes wrong with it."""
    with pytest.MonkeyPatch.context() as patch, server() as (address, faults):
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        patch.setitem(fsspec.config.conf, "s3", impatient(READ_SECONDS))
        s3fs.S3FileSystem.clear_instance_cache()
        fsspec.filesystem("s3").mkdir("octavo")
        yield "s3://octavo", faults
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(autouse=True)
def calm(store: tuple[str, Faults]) -> None:
    faults = store[1]
    faults.busy_every, faults.hang_every, faults.down = 0, 0, False


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """Two sound documents, one of them in an archive, and a bad one, all of one day."""
    day = tmp_path / "landing" / "receipt" / "2026" / "11" / "02"
    day.mkdir(parents=True)
    text_pdf(day / "one.pdf", [LINES, [*LINES, "second page"]])
    make_zip(day / "more.zip", {"two.pdf": text_pdf(tmp_path / "two.pdf", [[*LINES, "two"]]).read_bytes()})
    (day / "cut.pdf").write_bytes(b"%PDF-1.7 half of")
    return tmp_path / "landing" / "receipt"


def stable(lake: UPath) -> dict[str, bytes]:
    """The stable tables' bytes; uris differ with the place, so the tables that have them are left out."""
    names = [name for name in STABLE_TABLES if name not in ("documents", "review")]
    return {name: (lake / name / "contract=receipt/day=2026-11-02/part.parquet").read_bytes() for name in names}


def octavo(*args: object) -> str:
    done = CliRunner().invoke(main, [str(arg) for arg in args])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_run_on_an_object_store_that_fails_at_times_gives_the_bytes_of_a_local_run(
    store: tuple[str, Faults], landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket, faults = store
    monkeypatch.setenv("OCTAVO_PROCESSES", "1")
    fsspec.filesystem("s3").put(str(landing), "octavo/landing/receipt", recursive=True)
    octavo("run", "receipt", landing, "--lake", tmp_path / "lake", "--extractor", "layout")

    faults.busy_every, faults.hang_every, faults.hang_seconds = 23, 290, 2 * READ_SECONDS
    run = ["run", "receipt", f"{bucket}/landing/receipt", "--lake", f"{bucket}/lake", "--extractor", "layout", "--json"]
    first = json.loads(octavo(*run).splitlines()[-1])
    assert (first["published"], first["documents"], first["quarantined"], first["reads"]) == (True, 3, 1, 3)
    assert min(faults.failed, faults.hung) > 0
    lake = UPath(f"{bucket}/lake")
    assert stable(lake) == stable(UPath(tmp_path / "lake"))
    assert list(fs.files_under(lake / "_octavo" / "workspaces")) == []
    assert list(fs.files_under(lake / "_locks")) == []

    again = json.loads(octavo(*run).splitlines()[-1])
    assert (again["reads"], again["read_hits"]) == (0, 3)
    assert stable(lake) == stable(UPath(tmp_path / "lake"))
    faults.busy_every = faults.hang_every = 0
    assert "HARBOUR COFFEE" in octavo("show", "two.pdf", "--lake", f"{bucket}/lake")
    assert "1 documents wait" in octavo("requeue", "receipt", "--lake", f"{bucket}/lake")
    assert "nothing to remove" in octavo("gc", "--lake", f"{bucket}/lake")
    octavo("forget", "one.pdf", "--lake", f"{bucket}/lake", "--landing-file")
    assert not (UPath(bucket) / "landing/receipt/2026/11/02/one.pdf").exists()
    assert fs.count_rows(lake / "documents/contract=receipt/day=2026-11-02/part.parquet") == 2


def test_an_undated_archive_on_an_object_store_gets_its_days(store: tuple[str, Faults], tmp_path: Path) -> None:
    bucket, faults = store
    for name, content in (("2019-05-03 a.pdf", LINES), ("b/undated.pdf", LINES[:2]), ("2020-01-01.pdf", LINES[:3])):
        fs.write_bytes(UPath(bucket) / "old" / name, text_pdf(tmp_path / "a.pdf", [content]).read_bytes())
    fs.write_bytes(UPath(bucket) / "days/receipt/2020/01/01/2020-01-01.pdf", b"another document")
    manifest = f"{bucket}/manifest.csv"
    faults.busy_every = 23
    today = f"{dt.datetime.now(dt.UTC):%Y/%m/%d}"
    octavo("index", "propose", "receipt", f"{bucket}/old", "--by", "path,mtime", "--out", manifest)
    for _ in range(2):
        octavo("index", "apply", manifest, "--landing", f"{bucket}/days", "--move")
        landed = [str(file.path).rpartition("/days/receipt/")[2] for file in fs.files_under(UPath(bucket) / "days")]
        ours = landed.pop(1)  # 2020-01-01-{sha256}.pdf, beside the other document
        assert landed == ["2019/05/03/2019-05-03 a.pdf", "2020/01/01/2020-01-01.pdf", f"{today}/b/undated.pdf"]
        assert ours.startswith("2020/01/01/2020-01-01-")
        assert list(fs.files_under(UPath(bucket) / "old")) == []
    assert (UPath(bucket) / "days/receipt/2020/01/01/2020-01-01.pdf").read_bytes() == b"another document"


def test_a_write_that_fails_leaves_the_old_object(store: tuple[str, Faults]) -> None:
    path = UPath(store[0]) / "atomic" / "a.bin"
    fs.write_bytes(path, b"old")
    with pytest.raises(TypeError), fs.atomic(path) as stream:
        stream.writelines([b"half a ", "no bytes"])  # type: ignore[list-item]
    assert path.read_bytes() == b"old"


def test_of_writers_that_create_one_object_exactly_one_succeeds(store: tuple[str, Faults]) -> None:
    path, won = UPath(store[0]) / "create" / "a.json", []
    threads = [threading.Thread(target=lambda n=n: won.append(fs.create(path, str(n).encode()))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == [False] * 7 + [True]


def test_two_runs_that_publish_one_day_leave_the_tables_of_the_one_that_started_last(store: tuple[str, Faults], tmp_path: Path) -> None:
    lake = Lake(UPath(store[0]) / "twice")
    spaces = []
    for run, documents in (("early", {1: ["one"]}), ("late", {1: ["one"], 2: ["two"]})):
        space = fill(workspace(tmp_path, run), documents)
        staging.run(space, CONTRACT, lake, ["layout"])
        fs.write_json(space.validation, {"success": True})
        spaces.append(space)
    assert publish_at_once(spaces, lake) == "late"


def test_a_lock_that_another_run_holds_is_named(store: tuple[str, Faults]) -> None:
    path = UPath(store[0]) / "locks" / "day.json"
    with locks.held(path, "run a"), pytest.raises(StoreUnavailable, match="run a has held"), locks.held(path, "run b", wait_seconds=0):
        pass
    assert not path.exists()


def test_what_another_process_wrote_is_seen(store: tuple[str, Faults], tmp_path: Path) -> None:
    folder = UPath(store[0]) / "seen"
    fs.write_bytes(folder / "a", b"1")
    assert [file.path.name for file in fs.files_under(folder)] == ["a"]
    other = s3fs.S3FileSystem(skip_instance_cache=True)
    other.pipe_file("octavo/seen/b", b"2")
    assert [file.path.name for file in fs.files_under(folder)] == ["a", "b"]
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_a_store_that_is_down_ends_with_a_text_and_not_with_a_traceback(
    store: tuple[str, Faults], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(text_pdf(tmp_path / "a.pdf"), tmp_path / "in")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    store[1].down = True
    done = CliRunner().invoke(main, ["run", "receipt", str(tmp_path / "in"), "--lake", f"{store[0]}/down"])
    assert done.exit_code == 9, done.output
    assert "did not answer" in done.output


def test_a_store_that_is_not_there_ends_with_a_text_and_not_with_a_traceback(
    store: tuple[str, Faults], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(text_pdf(tmp_path / "a.pdf"), tmp_path / "in")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the port of "discard", where nobody listens
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        done = CliRunner().invoke(main, ["run", "receipt", str(tmp_path / "in"), "--lake", "s3://nowhere/lake"])
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
    assert done.exit_code == 9, done.output
    assert "did not answer" in done.output


def test_a_full_disk_ends_with_a_text_and_not_with_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf")

    def full(*arguments: object) -> int:
        with Path("/dev/full").open("wb", buffering=0) as stream:
            return stream.write(b"one byte")

    monkeypatch.setattr(fs, "write_table", full)
    done = CliRunner().invoke(main, ["run", "receipt", str(tmp_path / "in"), "--lake", str(tmp_path / "lake")])
    assert (done.exit_code, "No space left on device" in done.output) == (9, True), done.output
