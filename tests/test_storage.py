import time
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from octavo.storage import fs

SCHEMA = pa.schema([("n", pa.int64()), ("t", pa.list_(pa.string()))])


def rows(count):
    return pa.table({"n": list(range(count)), "t": [[str(n)] * (n % 3) for n in range(count)]}, schema=SCHEMA)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = UPath(tmp_path / "a.bin")
    fs.write_bytes(path, b"old")
    with pytest.raises(TypeError), fs.atomic(path) as stream:
        stream.writelines([b"new", "no bytes"])
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["a.bin"]


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 40_000), max_size=6))
def test_however_rows_are_cut_into_tables_the_file_is_the_same(tmp_path_factory, cuts):
    folder = UPath(tmp_path_factory.mktemp("cuts"))
    whole = rows(40_000)
    borders = [0, *sorted(cuts), 40_000]
    parts = [whole.slice(a, b - a) for a, b in pairwise(borders)]
    fs.write_table(folder / "whole.parquet", [whole], SCHEMA)
    assert fs.write_table(folder / "parts.parquet", parts, SCHEMA) == 40_000
    assert (folder / "parts.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()


def test_no_rows_still_give_a_typed_file(tmp_path):
    assert fs.write_table(UPath(tmp_path / "a.parquet"), [], SCHEMA) == 0
    assert pq.read_table(tmp_path / "a.parquet").schema.equals(SCHEMA)


def test_an_object_store_is_written_and_read_like_a_disk():
    path = UPath("memory://bucket/folder/a.parquet")
    fs.write_table(path, [rows(5)], SCHEMA)
    assert fs.read_table(path).equals(rows(5))
    assert fs.count_rows(path) == 5
    fs.copy(path, UPath("memory://bucket/b.parquet"))
    assert fs.sha256_of(UPath("memory://bucket/b.parquet")) == fs.sha256_of(path)


@pytest.mark.parametrize("place", ["relative", "absolute", "memory"])
def test_the_files_below_a_folder_are_listed_with_size_and_time(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = UPath({"relative": "var/lake", "absolute": str(tmp_path / "var/lake"), "memory": f"memory://listed-{tmp_path.name}/lake"}[place])
    assert list(fs.files_under(root)) == []
    for name in ("b/two", "a"):
        fs.write_bytes(root / name, b"12")
    found = list(fs.files_under(root))
    assert [(file.path, file.size) for file in found] == [(root / "a", 2), (root / "b" / "two", 2)]
    assert all(file.path.read_bytes() == b"12" for file in found)
    assert all(abs(file.changed.timestamp() - time.time()) < 60 for file in found)
    fs.remove_tree(root)
    fs.remove_tree(root)
    assert list(fs.files_under(root)) == []


@settings(max_examples=20, deadline=None)
@given(wanted=st.sets(st.integers(-5, 40_100), max_size=20))
def test_rows_are_found_by_a_column_that_the_file_is_sorted_by(tmp_path_factory, wanted):
    schema = pa.schema([("name", pa.string()), ("n", pa.int64())])
    path = UPath(tmp_path_factory.mktemp("among")) / "a.parquet"
    fs.write_table(path, [pa.table({"name": [f"{n:06}" for n in range(40_000)], "n": list(range(40_000))}, schema=schema)], schema)
    found = fs.read_among(path, "name", {f"{n:06}" for n in wanted}, ["name", "n"])
    assert found["n"].to_pylist() == sorted(n for n in wanted if 0 <= n < 40_000)
