"""A card for each task: locks between processes, on files, without any card."""

import os
import signal
import subprocess
import sys

import pytest

from octavo.extraction.vlm.runtimes.lease import folder, take
from octavo.model.errors import SettingsError

CARDS = [("GPU-a", "cuda:0 (card A)"), ("GPU-b", "cuda:1 (card B)")]
HOLDER = """
import sys, time
from pathlib import Path
from octavo.extraction.vlm.runtimes.lease import take
lease = take([("GPU-a", "cuda:0 (card A)")], Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has card A."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_each_task_gets_a_card_of_its_own_and_a_released_one_is_free_again(tmp_path):
    first, second = take(CARDS, tmp_path, 0), take(CARDS, tmp_path, 0)
    assert [first.place, second.place] == [0, 1]
    first.release()
    assert take(CARDS, tmp_path, 0).place == 0


def test_a_card_that_another_process_has_is_passed_over(tmp_path, holder):
    assert take(CARDS, tmp_path, 0).place == 1


def test_two_tasks_on_one_card_are_an_error_of_the_settings_that_names_card_process_and_remedy(tmp_path, holder):
    with pytest.raises(SettingsError) as refused:
        take(CARDS[:1], tmp_path, 0)
    said = str(refused.value)
    assert said.startswith("1 card is here")
    assert f"cuda:0 (card A) by process {holder.pid}" in said
    assert "Set pool molmo_gpu to the number of cards" in said


def test_the_card_of_a_process_that_dies_is_free_as_soon_as_it_is_gone(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    assert take(CARDS[:1], tmp_path, 20).place == 0


def test_the_lock_files_are_this_users_own():
    assert folder().stat().st_mode & 0o777 == 0o700
