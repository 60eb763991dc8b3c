"""``octavo answers``: what is there, and what goes."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner
from upath import UPath

from octavo.cli import main
from octavo.storage.answer_segments import StoredAnswer
from octavo.storage.answer_store import AnswerStore, AnswerWriter, answer_key

DAY = 86_400 * 10**9


def key(number):
    return answer_key(b"", str(number), "m", None, {})


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """Ten answers of a receipt a week old, and five of a contract without a file."""
    store = AnswerStore(UPath(tmp_path / "lake/_octavo/answers"))
    corrections = tmp_path / "lake/_octavo/corrections/receipt.parquet"
    corrections.parent.mkdir(parents=True)
    corrections.write_bytes(b"what a person said")
    now = dt.datetime.now(dt.UTC).timestamp() * 10**9
    for first, last, model, contract, written in ((0, 10, "allenai/Molmo2-4B", "receipt", now - 7 * DAY), (10, 15, "other", "gone", now)):
        monkeypatch.setattr("octavo.storage.answer_store.time.time_ns", lambda written=written: int(written))
        with AnswerWriter(store) as writer:
            for number in range(first, last):
                writer.put(key(number), StoredAnswer("{}", "stop", 430, 12, 0.5, 1, model, "r1", "molmo2", "d1", contract))
    monkeypatch.setattr("octavo.storage.answer_store.time.time_ns", lambda: int(now))
    return tmp_path / "lake"


def octavo(*args):
    result = CliRunner().invoke(main, ["answers", *map(str, args)])
    return result.exit_code, " ".join(result.output.split())


def left(lake):
    return [number for number in range(15) if AnswerStore(UPath(lake / "_octavo/answers")).get([key(number)])]


def test_stats_say_what_there_is_of_which_model_and_contract(lake):
    code, said = octavo("stats", "--lake", lake, "--json")
    found = json.loads(said)
    assert (code, found["answers"], found["prompt_tokens"]) == (0, 15, 15 * 430)
    assert [(group["model"], group["contract"], group["answers"]) for group in found["groups"]] == [
        ("allenai/Molmo2-4B", "receipt", 10), ("other", "gone", 5)]
    _, said = octavo("stats", "--lake", lake)
    assert "15 answers" in said
    assert "allenai/Molmo2-4B" in said


@pytest.mark.parametrize(("options", "stay"), [
    pytest.param(["--older-than", 3], range(10, 15), id="by age"), pytest.param(["--older-than", 30], range(15), id="none is that old"),
    pytest.param(["--model", "other"], range(10), id="by model"), pytest.param(["--contract", "receipt"], range(10, 15), id="by contract"),
    pytest.param(["--unused"], range(10), id="of contracts that are gone"),
    pytest.param(["--unused", "--older-than", 3], range(15), id="all options together"),
])
def test_prune_says_what_would_go_and_removes_it_only_when_told_to(lake, options, stay):
    goes = 15 - len(stay)
    code, said = octavo("prune", "--lake", lake, *options)
    assert (code, left(lake)) == (0, list(range(15)))
    assert said.startswith(f"{goes} answers")
    assert "would go" in said
    _, said = octavo("prune", "--lake", lake, *options, "--yes")
    assert said.endswith("removed")
    assert left(lake) == list(stay)


def test_corrections_are_never_pruned(lake):
    octavo("prune", "--lake", lake, "--older-than", 0, "--yes")
    assert left(lake) == []
    assert (lake / "_octavo/corrections/receipt.parquet").read_bytes() == b"what a person said"


@pytest.mark.parametrize("options", [
    pytest.param([], id="no choice"), pytest.param(["--unused", "--contract", "receipt"], id="two choices"),
])
def test_a_choice_that_says_nothing_is_refused(lake, options):
    code, _ = octavo("prune", "--lake", lake, *options, "--yes")
    assert (code, left(lake)) == (4, list(range(15)))


def test_contracts_that_cannot_be_read_are_not_taken_for_gone(lake, tmp_path, monkeypatch):
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/gone.yaml").write_text("name: gone\ntitle: Gone\nfields: {total: {type: mony}}\n")
    monkeypatch.setenv("OCTAVO_CONTRACTS", str(tmp_path / "contracts"))
    code, _ = octavo("prune", "--lake", lake, "--unused", "--yes")
    assert (code, left(lake)) == (4, list(range(15)))
