"""Archives as folders of documents, and hostile ones."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model import contracts
from octavo.model.entities import Partition, Report
from octavo.model.errors import Quarantined
from octavo.model.settings import Limits, Settings
from octavo.storage import archives, fs
from octavo.storage.workspace import Workspace
from octavo.workflows import pipeline
from tests.documents import LINES, Members, make_zip, tar_bytes, text_pdf

RECEIPT = contracts.find("receipt", Settings().contracts)
DAY = dt.date(2026, 11, 2)


def pdf(folder: Path, text: str) -> bytes:
    return text_pdf(folder / f"{text}.pdf", [[*LINES, text]]).read_bytes()


def make_zst(path: Path, members: Members) -> Path:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(tar_bytes(members))
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


KINDS: dict[str, Callable[[Path, Members], Path]] = {
    "a.zip": make_zip,
    "a.tar": lambda path, members: written(path, tar_bytes(members)),
    "a.tar.gz": lambda path, members: written(path, gzip.compress(tar_bytes(members))),
    "a.tar.zst": make_zst,
}


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def run(landing: Path, select: str | None = None, **limits: Any) -> tuple[Report, Workspace, dict[str, tuple[str, str | None]]]:
    """Ingest; (report, workspace, name within the folder → status and reason)."""
    workspace = Workspace.open(UPath(landing.parent / "state"), Partition("receipt", DAY), "r1")
    given = Settings(lake=str(landing.parent / "lake"), limits=Limits(**limits))
    report = ingest.run(workspace, RECEIPT, UPath(landing), given, select)
    rows = fs.read_table(workspace.documents).to_pylist()
    return report, workspace, {row["uri"].removeprefix(f"{landing}/"): (row["status"], row["reason"]) for row in rows}


@pytest.mark.parametrize("name", KINDS)
def test_members_are_documents_with_the_archives_path_before_theirs(name: str, landing: Path, tmp_path: Path) -> None:
    one, two = pdf(tmp_path, "one"), pdf(tmp_path, "two")
    KINDS[name](landing / name, {"./2026/one.pdf": one, "two.pdf": two, "again.pdf": two, "__MACOSX/._two.pdf": b"x", ".DS_Store": b"x"})
    report, workspace, found = run(landing)
    assert found == {f"{name}!/2026/one.pdf": ("ok", None), f"{name}!/two.pdf": ("ok", None)}
    assert report.counts == {"files": 3, "documents": 2, "pages": 2, "quarantined": 0, "duplicates": 1}
    for row in fs.read_table(workspace.documents).to_pylist():
        # Taken from the workspace while the run lasts, and from the archive ever after.
        assert fs.sha256_of(workspace.place(row)) == row["document"]
        with fs.local_copy(UPath(row["uri"])) as path:
            assert fs.sha256_of(UPath(path)) == row["document"]


def test_a_run_over_an_archive_gives_the_values_of_a_run_over_its_members(landing: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    data = {name: pdf(tmp_path, name) for name in ("a", "b")}
    make_zip(landing / "all.zip", {f"{name}.pdf": content for name, content in data.items()})
    for name, content in data.items():
        (plain / f"{name}.pdf").write_bytes(content)
    tables = []
    for folder in (landing, plain):
        made = Settings(lake=str(tmp_path / f"lake-{folder.name}"), processes=1)
        result = pipeline.run_day(RECEIPT, UPath(folder), DAY, made, extractor="layout")
        assert (result.error, result.counts("ledger").get("documents_ok")) == (None, 2)
        tables.append((Path(made.lake) / f"fields/contract=receipt/day={DAY}/part.parquet").read_bytes())
    assert tables[0] == tables[1]


def tar_with(kind: bytes, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("link.pdf")
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return buffer.getvalue()


def zip_with_link(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.pdf")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return path


def encrypted(path: Path) -> Path:
    """A ZIP whose only member says that it is encrypted, in both of its headers."""
    data = bytearray(make_zip(path, {"locked.pdf": b"%PDF-1.7"}, zipfile.ZIP_STORED).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return written(path, bytes(data))


def damaged(path: Path) -> Path:
    data = bytearray(make_zip(path, {"bad.pdf": b"%PDF-1.7 some text that is long enough"}, zipfile.ZIP_STORED).read_bytes())
    data[data.index(b"some")] ^= 0xFF
    return written(path, bytes(data))


HOSTILE: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "a way up": (lambda p: make_zip(p, {"../../up.pdf": b"%PDF-1.7"}), "h!/../../up.pdf", "unsafe_member"),
    "a way up in a TAR": (lambda p: written(p, tar_bytes({"a/../../up.pdf": b"x"})), "h!/a/../../up.pdf", "unsafe_member"),
    "an absolute path": (lambda p: written(p, tar_bytes({"/etc/cron.pdf": b"x"})), "h!//etc/cron.pdf", "unsafe_member"),
    "a Windows path": (lambda p: make_zip(p, {"C:/x.pdf": b"x"}), "h!/C:/x.pdf", "unsafe_member"),
    "a backslash's way up": (lambda p: make_zip(p, {"..\\up.pdf": b"x"}), "h!/..\\up.pdf", "unsafe_member"),
    "a name that cannot be printed": (lambda p: make_zip(p, {"a\x1b[2J.pdf": b"x"}), "h!/a\\x1b[2J.pdf", "unsafe_member"),
    "a symbolic link": (lambda p: written(p, tar_with(tarfile.SYMTYPE, "/etc/passwd")), "h!/link.pdf", "unsafe_member"),
    "a hard link": (lambda p: written(p, tar_with(tarfile.LNKTYPE, "/etc/passwd")), "h!/link.pdf", "unsafe_member"),
    "a device": (lambda p: written(p, tar_with(tarfile.CHRTYPE, "")), "h!/link.pdf", "unsafe_member"),
    "a symbolic link in a ZIP": (zip_with_link, "h!/link.pdf", "unsafe_member"),
    "an encrypted member": (encrypted, "h!/locked.pdf", "password_required"),
    "a damaged member": (damaged, "h!/bad.pdf", "corrupt"),
    "an odd compression": (lambda p: make_zip(p, {"a.pdf": b"x"}, zipfile.ZIP_LZMA), "h!/a.pdf", "unsupported_type"),
    "an archive in an archive": (lambda p: make_zip(p, {"in.zip": make_zip(p, {"a": b"b"}).read_bytes()}), "h!/in.zip", "nested_archive"),
    "a TAR in an archive": (lambda p: make_zip(p, {"in.tgz": gzip.compress(tar_bytes({"a": b"b"}))}), "h!/in.tgz", "nested_archive"),
    "no documents": (lambda p: make_zip(p, {"notes.txt": b"hello"}), "h!/notes.txt", "unsupported_type"),
    "a ZIP of nothing": (lambda p: make_zip(p, {}), "h", "empty_file"),
    "half a ZIP": (lambda p: written(p, make_zip(p, {"a.pdf": bytes(5000)}, 0).read_bytes()[:3000]), "h", "corrupt"),
    "half a TAR": (lambda p: written(p, gzip.compress(tar_bytes({"a.pdf": bytes(range(256)) * 900}))[:-90]), "h", "corrupt"),
    "a bomb": (lambda p: make_zip(p, {str(i): bytes(1 << 20) for i in range(4)}), "h", "archive_too_large"),
    "a bomb of one member": (lambda p: make_zip(p, {"a.pdf": bytes(1 << 22)}), "h", "archive_too_large"),
    "a bomb in a TAR": (lambda p: written(p, gzip.compress(tar_bytes({"a": bytes(1 << 22)}))), "h", "archive_too_large"),
    "too many members": (lambda p: make_zip(p, {str(i): b"%d" % i for i in range(60)}), "h", "archive_too_large"),
    "too many in a TAR": (lambda p: written(p, tar_bytes({str(i): b"" for i in range(60)})), "h", "archive_too_large"),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in HOSTILE.items()])
def test_what_is_hostile_is_refused_with_its_reason_and_nothing_is_written_elsewhere(case: Any, landing: Path, tmp_path: Path) -> None:
    make, name, reason = case
    make(landing / "h")
    text_pdf(landing / "sound.pdf")
    report, _, found = run(landing, archive_bytes=3 << 20, archive_members=50)
    assert found[name] == ("quarantined", reason)
    assert found["sound.pdf"] == ("ok", None)
    assert report.counts["documents"] == len(found) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "state"]
    assert sorted(path.name for path in landing.iterdir()) == ["h", "sound.pdf"]


def test_one_member_past_the_limit_of_a_document_costs_only_itself(landing: Path, tmp_path: Path) -> None:
    sound = pdf(tmp_path, "sound")
    make_zip(landing / "a.zip", {"big.pdf": bytes(1 << 20), "sound.pdf": sound})
    _, _, found = run(landing, document_bytes=1 << 18)
    assert found == {"a.zip!/big.pdf": ("quarantined", "document_too_large"), "a.zip!/sound.pdf": ("ok", None)}


def test_a_declared_size_is_not_believed(landing: Path) -> None:
    data = bytearray(make_zip(landing / "h", {"a.pdf": bytes(1 << 22)}).read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at:at + 4] = struct.pack("<I", 10)
    (landing / "h").write_bytes(data)
    _, _, found = run(landing, archive_bytes=1 << 20)
    assert {reason for _, reason in found.values()} <= {"archive_too_large", "corrupt"}
    assert not any(status == "ok" for status, _ in found.values())


def test_members_of_one_name_and_two_contents_are_all_refused(landing: Path) -> None:
    with zipfile.ZipFile(landing / "a.zip", "w") as archive:
        archive.writestr("same.pdf", b"%PDF-1.7 one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("same.pdf", b"%PDF-1.7 two")
    report, _, found = run(landing)
    assert set(found.values()) == {("quarantined", "duplicate_member")}
    assert report.counts["quarantined"] == 2


def test_the_memory_of_a_header_is_bounded(landing: Path) -> None:
    """A TAR may declare an extended header of any size, which its reader takes into memory whole."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 3 << 30
    with gzip.open(landing / "h", "wb", 1) as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(400):
            stream.write(bytes(1 << 20))
    _, _, found = run(landing, child_bytes=300 << 20, archive_bytes=1 << 20)
    assert found["h"][1] in ("out_of_memory", "reader_crashed", "corrupt")


def test_an_office_document_is_no_archive(landing: Path) -> None:
    make_zip(landing / "letter.docx", {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
    _, _, found = run(landing)
    assert found == {"letter.docx": ("quarantined", "unsupported_type")}


def test_documents_are_selected_by_the_names_of_members_too(landing: Path, tmp_path: Path) -> None:
    make_zip(landing / "a.zip", {f"{name}.pdf": pdf(tmp_path, name) for name in ("b1", "c1")})
    text_pdf(landing / "c2.pdf")
    assert run(landing, "b*")[2] == {"a.zip!/b1.pdf": ("ok", None)}
    assert set(run(landing, "a.zip")[2]) == {"a.zip!/b1.pdf", "a.zip!/c1.pdf"}


@settings(max_examples=150, deadline=None)
@given(data=st.one_of(
    st.binary(max_size=600).map(lambda tail: b"PK\x03\x04" + tail),
    st.binary(max_size=600).map(lambda tail: b"\x1f\x8b" + tail),
    st.tuples(st.integers(0, 1200), st.binary(min_size=1, max_size=40)).map(
        lambda cut: (base := tar_bytes({"a.pdf": b"x" * 700}))[:cut[0]] + cut[1] + base[cut[0] + len(cut[1]):]),
    st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=20)).map(
        lambda cut: (base := gzip.compress(tar_bytes({"a.pdf": bytes(range(256)) * 3})))[:cut[0]] + cut[1] + base[cut[0] + len(cut[1]):]),
))
def test_damaged_archives_are_refused_or_give_bounded_members(tmp_path_factory: Any, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = written(folder / "h", data)
    (folder / "out").mkdir()
    kind = archives.kind_of(path)
    if kind is None:
        return
    try:
        found = archives.take_out(path, kind, folder / "out", 10, 10_000, 5_000)
    except Quarantined as error:
        found, refused = [], error.reason
    else:
        refused = None
    assert refused in (None, "corrupt", "archive_too_large", "empty_file")
    assert all((member.number is None) == (member.reason is not None) for member in found)
    assert {path.name for path in (folder / "out").iterdir()} <= {str(number) for number in range(10)}
    assert sum(path.stat().st_size for path in (folder / "out").iterdir()) <= 10_000
