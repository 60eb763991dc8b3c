import datetime as dt
import os
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ProcessPoolExecutor

import pyarrow.parquet as pq
import pytest
from PIL import Image
from upath import UPath

from octavo.storage import answer_segments, fs
from octavo.storage.answer_segments import StoredAnswer
from octavo.storage.answer_store import FANOUT, AnswerStore, AnswerWriter, Choice, answer_key, pixels_digest

NOW = dt.datetime(2026, 11, 2, 6, 0, tzinfo=dt.UTC)


def key(number):
    return answer_key(number.to_bytes(4, "big"), "prompt", "model", "r1", {})


def answer(raw="{}", **changes):
    given = {"raw": raw, "finish": "stop", "prompt_tokens": 430, "completion_tokens": 12, "seconds": 0.5, "attempts": 1,
             "model": "allenai/Molmo2-4B", "revision": "r1", "runtime": "molmo2", "document": "d1"}
    return StoredAnswer(**{**given, **changes})


def put(store, numbers, raw="{}", **changes):
    with AnswerWriter(store) as writer:
        for number in numbers:
            writer.put(key(number), answer(f"{raw}{number}", **changes))


@pytest.fixture(params=[pytest.param("local", id="on a disk"), pytest.param("memory", id="on an object store")])
def root(request, tmp_path):
    return UPath(tmp_path / "answers") if request.param == "local" else UPath(f"memory://{uuid.uuid4().hex}/answers")


def test_an_answer_is_found_again_as_it_was_put(root):
    put(AnswerStore(root), range(3))
    assert AnswerStore(root).get([key(1), key(7)]) == {key(1): answer("{}1")}


def test_an_empty_store_has_no_answers(root):
    assert AnswerStore(root).get([key(1)]) == {}
    assert AnswerStore(root).get([]) == {}
    assert AnswerStore(root).stats().answers == 0


def test_every_answer_is_found_among_many_row_groups(root):
    put(AnswerStore(root), range(1500))
    found = AnswerStore(root).get([key(n) for n in range(0, 3000, 7)])
    assert found == {key(n): answer(f"{{}}{n}") for n in range(0, 1500, 7)}


@pytest.mark.parametrize("change", [
    pytest.param({"pixels": b"other"}, id="pixels"), pytest.param({"prompt": "other"}, id="prompt"),
    pytest.param({"model": "other"}, id="model"), pytest.param({"revision": None}, id="revision"),
    pytest.param({"decoding": {"max_new_tokens": 9}}, id="decoding"),
])
def test_a_key_depends_on(change):
    given = {"pixels": b"p", "prompt": "q", "model": "m", "revision": "r", "decoding": {"max_new_tokens": 8, "max_crops": 8}}
    assert answer_key(**{**given, **change}) != answer_key(**given)
    assert answer_key(**{**given, "decoding": {"max_crops": 8, "max_new_tokens": 8}}) == answer_key(**given)


def test_pixels_count_and_their_encoding_does_not():
    grey, wide = Image.new("L", (4, 2), 200), Image.new("L", (2, 4), 200)
    assert pixels_digest(grey) == pixels_digest(grey.convert("RGB"))
    assert pixels_digest(grey) != pixels_digest(wide)


def test_of_two_writers_of_one_question_the_first_counts_before_and_after_folding(root):
    first, second = AnswerWriter(AnswerStore(root)), AnswerWriter(AnswerStore(root))
    first.put(key(1), answer("first"))
    second.put(key(1), answer("second"))
    second.flush()
    first.flush()
    assert AnswerStore(root).get([key(1)])[key(1)].raw == "first"
    AnswerStore(root).fold(everything=True)
    assert AnswerStore(root).get([key(1)])[key(1)].raw == "first"
    assert AnswerStore(root).stats().segments == 1


def test_a_fresh_run_sees_only_its_own_answers_and_they_replace_the_old_ones(root):
    put(AnswerStore(root), [1, 2], "old")
    fresh = AnswerStore(root, since=NOW)
    assert fresh.get([key(1)]) == {}
    put(fresh, [1], "new")
    retried = AnswerStore(root, since=NOW)
    assert [a.raw for a in retried.get([key(1), key(2)]).values()] == ["new1"]
    AnswerStore(root).fold(everything=True)
    assert {a.raw for a in AnswerStore(root).get([key(1), key(2)]).values()} == {"new1", "old2"}


def test_a_task_leaves_one_file_and_many_tasks_leave_few(root):
    store = AnswerStore(root)
    with AnswerWriter(store) as writer:
        for number in range(5):
            writer.put(key(number), answer())
            writer.flush()
    assert len(answer_segments.listed(root)) == 1
    for task in range(4 * FANOUT):
        put(store, range(task * 10, task * 10 + 10))
    assert len(answer_segments.listed(root)) < 2 * FANOUT
    assert AnswerStore(root).stats().answers == 10 * 4 * FANOUT


def test_a_reader_finds_everything_while_segments_are_folded_under_it(root):
    store = AnswerStore(root)
    put(store, range(10))
    reader = AnswerStore(root)
    assert len(reader.get([key(1)])) == 1
    put(store, range(10, 20))
    AnswerStore(root).fold(everything=True)
    assert len(reader.get([key(n) for n in range(20)])) == 20


def test_a_segment_that_goes_while_it_is_read_is_looked_for_anew(root, monkeypatch):
    put(AnswerStore(root), range(5))
    put(AnswerStore(root), range(5, 9))
    listing = answer_segments.listed
    stale = listing(root)
    AnswerStore(root).fold(everything=True)
    lists = iter([stale, listing(root)])
    monkeypatch.setattr(answer_segments, "listed", lambda _: next(lists))
    assert len(AnswerStore(root).get([key(n) for n in range(9)])) == 9


@pytest.mark.parametrize(("choice", "goes"), [
    pytest.param({"model": "other"}, range(10, 20), id="a model"), pytest.param({"revision": "r2"}, range(20, 25), id="a revision"),
    pytest.param({"contract": "invoice"}, range(20, 25), id="a contract"), pytest.param({"document": "d2"}, range(10, 20), id="a document"),
    pytest.param({"model": "other", "document": "d1"}, [], id="all conditions together"),
    pytest.param({"before": NOW - dt.timedelta(days=9999)}, [], id="an age that none has"),
    pytest.param({"before": NOW + dt.timedelta(days=9999)}, range(25), id="an age that all have"),
])
def test_prune_removes_what_fits_its_choice_and_counts_it_beforehand(root, choice, goes):
    store = AnswerStore(root)
    put(store, range(10))
    put(store, range(10, 20), model="other", document="d2", contract="receipt")
    put(store, range(20, 25), revision="r2", contract="invoice")
    wanted = Choice(**choice)
    assert store.count(wanted) == len(goes)
    assert AnswerStore(root).stats().answers == 25
    assert store.prune(wanted) == len(goes)
    left = AnswerStore(root).get([key(n) for n in range(25)])
    assert sorted(left) == sorted(key(n) for n in range(25) if n not in goes)
    assert store.count(wanted) == 0


def test_pruning_everything_leaves_no_file(root):
    put(AnswerStore(root), range(10))
    AnswerStore(root).prune(Choice(model="allenai/Molmo2-4B"))
    assert answer_segments.listed(root) == []
    assert AnswerStore(root).count(Choice(model="allenai/Molmo2-4B")) == 0


def test_a_choice_without_a_condition_is_refused():
    with pytest.raises(ValueError, match="condition"):
        Choice()


def test_stats_add_up_what_answers_took(root):
    put(AnswerStore(root), range(4), contract="receipt")
    put(AnswerStore(root), [2], contract="invoice")  # a slower writer of a question that is answered
    put(AnswerStore(root), [9], model="other")
    stats = AnswerStore(root).stats()
    assert (stats.answers, stats.prompt_tokens, stats.completion_tokens, stats.seconds) == (5, 2150, 60, 2.5)
    assert [(group.model, group.revision, group.contract, group.answers) for group in stats.groups] == [
        ("allenai/Molmo2-4B", "r1", "receipt", 4), ("other", "r1", None, 1)]
    assert all(NOW - dt.timedelta(days=1) < group.first <= group.last <= dt.datetime.now(dt.UTC) for group in stats.groups)
    assert stats.bytes > 0


def test_segments_of_earlier_versions_are_read_and_folded_with_new_ones(root):
    put(AnswerStore(root), range(3), contract="receipt")
    old = answer_segments.listed(root)[0]
    rows = old.read().drop_columns(["contract"])
    with fs.atomic(old.path) as stream:
        pq.write_table(rows, stream)
    put(AnswerStore(root), range(3, 6), contract="receipt")
    assert AnswerStore(root).stats().answers == 6
    assert AnswerStore(root).count(Choice(contract="receipt")) == 3
    AnswerStore(root).fold(everything=True)
    found = AnswerStore(root).get([key(n) for n in range(6)])
    assert [found[key(n)].contract for n in range(6)] == [None] * 3 + ["receipt"] * 3


def test_foreign_files_in_the_folder_do_no_harm(tmp_path):
    root = UPath(tmp_path)
    put(AnswerStore(root), [1])
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".000000000001-half.parquet.tmp").write_bytes(b"half")
    assert len(AnswerStore(root).get([key(1)])) == 1
    AnswerStore(root).fold(everything=True)
    assert (tmp_path / "notes.txt").exists()


def test_half_written_files_of_killed_writers_go_after_a_day(tmp_path):
    store = AnswerStore(UPath(tmp_path))
    put(store, [1])
    name = answer_segments.listed(store.root)[0].path.name
    old, young = tmp_path / f".{name}.aa.tmp", tmp_path / f".{name}.bb.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    store.prune(Choice(model="none"))
    assert (old.exists(), young.exists()) == (False, True)


def _write_many(root, worker):
    store = AnswerStore(UPath(root))
    for task in range(6):
        put(store, range(task * 20, task * 20 + 30), raw=f"w{worker}-")
    return {k: a.raw for k, a in AnswerStore(UPath(root)).get([key(n) for n in range(130)]).items()}


def test_processes_that_write_and_fold_at_once_lose_nothing_and_agree_in_the_end(tmp_path):
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(_write_many, [str(tmp_path)] * 3, range(3)))
    keys = [key(n) for n in range(130)]
    before = AnswerStore(UPath(tmp_path)).get(keys)
    assert len(before) == 130
    AnswerStore(UPath(tmp_path)).fold(everything=True)
    assert AnswerStore(UPath(tmp_path)).get(keys) == before


KILLED = """
import sys, time
from upath import UPath
from octavo.storage.answer_store import AnswerStore, AnswerWriter
from tests.answer_store.test_answer_store import answer, key
with AnswerWriter(AnswerStore(UPath(sys.argv[1]))) as writer:
    for batch in range(1000):
        for number in range(batch * 8, batch * 8 + 8):
            writer.put(key(number), answer())
        if batch == 5:
            print("five batches", flush=True)
            time.sleep(60)
        writer.flush()
"""


def test_a_killed_task_loses_only_the_batch_in_flight(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "five batches\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert AnswerStore(UPath(tmp_path)).stats().answers == 40
