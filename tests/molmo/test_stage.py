import datetime as dt
import json

import pytest
from PIL import Image
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.protocol import Finish, Reply
from octavo.extraction.vlm.retries import OUT_OF_MEMORY
from octavo.model.contracts import Contract, PromptStyle
from octavo.model.errors import ModelUnavailable
from octavo.storage import fs, schemas
from octavo.storage.answer_store import AnswerStore, pixels_digest
from tests.molmo.fakes import OPTIONS, Scripted

SOUND = '{"supplier":"Brook Valley Energy"}'
# The two statements' last lines are the same, pixel by pixel: one question for two chunks.
CHUNKS, QUESTIONS = 10, 9


@pytest.fixture
def store(tmp_path):
    return AnswerStore(UPath(tmp_path / "answers"))


def extract(space, contract, store, runtime, options=OPTIONS):
    report = vlm.run(space, "p0000", contract, options, store, runtime=runtime)
    return report, fs.read_table(space.shard("extract_molmo", "p0000")).to_pylist()


def prompted(contract, **rule):
    return contract.model_copy(update={"prompt": contract.prompt.model_copy(update=rule)})


def test_every_chunk_has_a_row_in_the_chunks_order(statements, statement_contract, store):
    report, rows = extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    chunks = fs.read_table(statements.shard("chunk", "p0000")).to_pylist()
    place = ("document", "page", "chunk", "x0", "y0", "x1", "y1")
    assert [[row[name] for name in place] for row in rows] == [[row[name] for name in place] for row in chunks]
    assert report.counts == {
        "chunks": CHUNKS, "answers": CHUNKS, "model_calls": QUESTIONS, "store_hits": 1, "blank": 0, "failed": 0,
        "prompt_tokens": 430 * QUESTIONS, "completion_tokens": 10 * QUESTIONS,
    }
    row = rows[0]
    assert fs.read_table(statements.shard("extract_molmo", "p0000")).schema.equals(schemas.ANSWERS)
    assert json.loads(row["parsed"]) == {"supplier": "Brook Valley Energy"}
    assert (row["extractor"], row["hinted"], row["raw"], row["parse_status"]) == ("molmo", False, SOUND, "ok")
    assert [row["cached"] for row in rows] == [False] * QUESTIONS + [True]
    assert (row["attempts"], row["model"], row["revision"], row["finish"], row["cached"]) == (1, "fake", "r1", "stop", False)
    assert len(row["prompt_hash"]) == 64


def test_a_second_run_asks_nothing_and_says_the_same(statements, statement_contract, store):
    _, first = extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    runtime = Scripted(lambda question: AssertionError("asked again"))
    report, second = extract(statements, statement_contract, store, runtime)
    assert (report.counts["model_calls"], report.counts["store_hits"], runtime.questions) == (0, CHUNKS, [])
    spent = ("seconds", "cost", "cached")
    assert [{k: v for k, v in row.items() if k not in spent} for row in second] == [
        {k: v for k, v in row.items() if k not in spent} for row in first]
    assert all(row["cached"] and row["seconds"] == 0 for row in second)


def test_a_fresh_run_asks_everything_anew_and_its_retry_nothing(statements, statement_contract, store):
    extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    fresh = AnswerStore(store.root, since=dt.datetime.now(dt.UTC))
    other = '{"supplier":"Other"}'
    report, rows = extract(statements, statement_contract, fresh, Scripted(lambda question: other))
    assert (report.counts["model_calls"], {row["raw"] for row in rows}) == (QUESTIONS, {other})
    report, rows = extract(statements, statement_contract, fresh, Scripted(lambda question: SOUND))
    assert (report.counts["model_calls"], {row["raw"] for row in rows}) == (0, {other})
    report, rows = extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    assert (report.counts["model_calls"], {row["raw"] for row in rows}) == (0, {other})


def test_an_interrupted_task_asks_only_what_was_in_flight_when_it_is_run_again(statements, statement_contract, store):
    def dies(question):
        return KeyboardInterrupt() if len(runtime.questions) == 8 else SOUND

    runtime = Scripted(dies, batch=2)
    with pytest.raises(KeyboardInterrupt):
        extract(statements, statement_contract, store, runtime)
    report, _ = extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    assert (report.counts["store_hits"], report.counts["model_calls"]) == (7 + 1, QUESTIONS - 7)


@pytest.mark.parametrize("change", [
    pytest.param({"model": "other"}, id="another model"), pytest.param({"rule": {"max_new_tokens": 99}}, id="another token limit"),
    pytest.param({"rule": {"template": "Read."}}, id="another prompt"), pytest.param({"options": {"constrain": False}}, id="no grammar"),
])
def test_what_an_answer_depends_on_makes_it_another_question(statements, statement_contract, store, change):
    extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    contract = prompted(statement_contract, **change.get("rule", {}))
    options = OPTIONS.model_copy(update=change.get("options", {}))
    report, _ = extract(statements, contract, store, Scripted(lambda question: SOUND, model=change.get("model", "fake")), options)
    assert report.counts["model_calls"] == QUESTIONS


def test_a_blank_chunk_never_reaches_the_model(statements, statement_contract, store, monkeypatch):
    monkeypatch.setattr("octavo.extraction.vlm.windows.crop", lambda *given: Image.new("RGB", (200, 120), "ivory"))
    runtime = Scripted(lambda question: SOUND)
    report, rows = extract(statements, statement_contract, store, runtime)
    assert runtime.questions == []
    assert report.counts["blank"] == CHUNKS
    assert {(row["parse_status"], row["finish"], row["parsed"], row["attempts"]) for row in rows} == {("blank", "blank", "{}", 0)}


TRUNCATED = '{"supplier":"Brook Valley Energy","charges":[{"name":"Gas","amount":"3"},{"name":"Wa'


@pytest.mark.parametrize(("script", "status", "finish", "rungs", "parsed"), [
    pytest.param(lambda q: Reply(TRUNCATED, Finish.LENGTH), "repaired", "length", ["plain", "longer", "smaller"],
                 {"supplier": "Brook Valley Energy", "charges": [{"name": "Gas", "amount": "3"}] * 2},
                 id="truncated JSON, however many tokens"),
    pytest.param(lambda q: Reply(TRUNCATED, Finish.LENGTH) if q.max_new_tokens < 700 else SOUND, "ok", "stop", ["plain", "longer"],
                 {"supplier": "Brook Valley Energy"}, id="truncated JSON that more tokens complete"),
    pytest.param(lambda q: '{"supplier":"B","iban":"DE1"}', "repaired", "stop", ["plain"], {"supplier": "B", "iban": "DE1"},
                 id="invented keys"),
    pytest.param(lambda q: f"Of course! {SOUND} I hope this helps.", "repaired", "stop", ["plain"], json.loads(SOUND),
                 id="prose around JSON"),
    pytest.param(lambda q: "The supplier is Brook Valley.", "failed", "stop", ["plain", "stricter", "smaller"], {}, id="prose alone"),
    pytest.param(lambda q: SOUND if "JSON only" in q.prompt else "The supplier is…", "ok", "stop", ["plain", "stricter"], json.loads(SOUND),
                 id="prose until asked strictly"),
    pytest.param(lambda q: Reply('{"supplier":"' + "no " * 200, Finish.LOOP), "failed", "loop", ["plain", "stricter", "smaller"], {},
                 id="endless repetition"),
    pytest.param(lambda q: '{"charges":"none","total_amount_due":{"x":[1]}}', "repaired", "stop", ["plain"],
                 {"charges": "none", "total_amount_due": {"x": ["1"]}}, id="wrong types"),
    pytest.param(lambda q: Reply("", Finish.ERROR, error="HTTP 400: too large"), "failed", "error", ["plain"], {}, id="refused"),
])
def test_no_bad_answer_fails_the_shard_and_each_is_told(statements, statement_contract, store, script, status, finish, rungs, parsed):
    report, rows = extract(statements, statement_contract, store, Scripted(script))
    row = rows[1]  # four lines: it can be cut in two
    assert (row["parse_status"], row["finish"]) == (status, finish)
    assert [entry["rung"] for entry in row["history"]] == rungs
    assert row["attempts"] == len(rungs)
    assert json.loads(row["parsed"]) == parsed
    assert report.counts["failed"] == (CHUNKS if status == "failed" else 0)


def test_the_raw_text_of_a_failed_answer_is_kept_and_says_what_was_wrong(statements, statement_contract, store):
    _, rows = extract(statements, statement_contract, store, Scripted(lambda question: "no JSON here"))
    assert {(row["raw"], row["parsed"], row["detail"]) for row in rows if row["history"][-1]["rung"] != "smaller"} <= {
        ("no JSON here", "{}", "no JSON object in the answer")}
    assert all(row["raw"].startswith("no JSON here") for row in rows)


def test_a_refused_question_is_asked_again_by_the_next_run(statements, statement_contract, store):
    extract(statements, statement_contract, store, Scripted(lambda question: Reply("", Finish.ERROR, error="HTTP 400")))
    report, rows = extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    assert report.counts["model_calls"] == QUESTIONS
    assert {row["parse_status"] for row in rows} == {"ok"}


def test_a_crop_that_does_not_fit_into_memory_is_asked_in_halves(statements, statement_contract, store):
    def script(question):
        big = question.image.height > 120
        return Reply("", Finish.ERROR, error=OUT_OF_MEMORY) if big else SOUND

    _, rows = extract(statements, statement_contract, store, Scripted(script))
    four_lines = rows[1]
    assert [entry["rung"] for entry in four_lines["history"]] == ["plain", "smaller"]
    assert json.loads(four_lines["parsed"]) == {"supplier": "Brook Valley Energy"}


def test_the_halves_of_a_crop_keep_the_room_that_the_whole_was_given(statements, statement_contract, store):
    asked = []

    def script(question):
        asked.append(question.max_new_tokens)
        return Reply(TRUNCATED, Finish.LENGTH)

    _, rows = extract(statements, prompted(statement_contract, max_new_tokens=100), store, Scripted(script))
    assert [entry["rung"] for entry in rows[1]["history"]] == ["plain", "longer", "smaller"]
    assert set(asked) == {100, 400}
    assert asked.count(100) == QUESTIONS


def test_an_answer_of_nulls_says_nothing(statements, statement_contract, store):
    said = json.dumps(dict.fromkeys(statement_contract.fields))
    report, rows = extract(statements, statement_contract, store, Scripted(lambda question: said))
    assert {(row["parsed"], row["parse_status"]) for row in rows} == {("{}", "ok")}
    assert (report.counts["answers"], report.counts["failed"]) == (0, 0)


def test_a_null_of_one_half_does_not_hide_what_the_other_says(statements, statement_contract, store):
    contract = Contract.model_validate({
        "name": "c", "title": "C", "fields": {"service": {"type": "group", "fields": {"address": {}, "period": {}}}},
        "chunking": statement_contract.chunking.model_dump(), "prompt": {"max_new_tokens": 100},
    })
    halves = []

    def script(question):
        if question.image.height > 150:
            return "?"
        halves.append(question)
        return '{"service":{"address":null,"period":"May"}}' if len(halves) % 2 else '{"service":{"address":"1 Main St","period":null}}'

    _, rows = extract(statements, contract, store, Scripted(script))
    table = next(row for row in rows if [entry["rung"] for entry in row["history"]] == ["plain", "stricter", "smaller"])
    assert json.loads(table["parsed"]) == {"service": {"address": "1 Main St", "period": "May"}}


def test_the_halves_of_a_table_are_joined_in_order(statements, statement_contract, store):
    seen = []

    def script(question):
        if question.image.height > 150:
            return "?"
        seen.append(question)
        return json.dumps({"charges": [{"name": f"row {len(seen)}"}]})

    contract = prompted(statement_contract, max_new_tokens=100)
    _, rows = extract(statements, contract, store, Scripted(script))
    table = next(row for row in rows if [entry["rung"] for entry in row["history"]] == ["plain", "stricter", "smaller"])
    names = [item["name"] for item in json.loads(table["parsed"])["charges"]]
    assert len(names) == 2
    assert names == sorted(names)


def test_an_endpoint_that_is_gone_fails_the_shard_and_keeps_what_it_said(statements, statement_contract, store):
    def script(question):
        return ModelUnavailable("gone") if len(runtime.questions) > 3 else SOUND

    runtime = Scripted(script)
    with pytest.raises(ModelUnavailable):
        extract(statements, statement_contract, store, runtime)
    assert store.stats().answers == 3


def test_a_contract_of_high_detail_asks_for_more_tiles(statements, statement_contract, store):
    runtime = Scripted(lambda question: SOUND)
    chunking = statement_contract.chunking.model_copy(update={"detail": "high"})
    options = OPTIONS.model_copy(update={"min_side_px": None})
    extract(statements, statement_contract.model_copy(update={"chunking": chunking}), store, runtime, options)
    assert {question.max_crops for question in runtime.questions} == {24}
    assert min(min(question.image.size) for question in runtime.questions) >= 378


def test_the_prompt_shows_the_words_only_where_the_contract_says_so(statements, statement_contract, store):
    runtime = Scripted(lambda question: SOUND)
    contract = prompted(statement_contract, template=None, style=PromptStyle.TUTORIAL)
    _, rows = extract(statements, contract, store, runtime)
    assert "Extract information from this section: Brook Valley Energy in JSON format." in [q.prompt for q in runtime.questions]
    assert {row["hinted"] for row in rows} == {True}


def test_tokens_and_seconds_have_a_price_once(statements, statement_contract, store):
    options = OPTIONS.model_copy(update={"price_per_hour": 3600.0, "price_per_million_completion_tokens": 1e6})
    _, rows = extract(statements, statement_contract, store, Scripted(lambda question: SOUND), options)
    assert [row["cost"] for row in rows] == [10.5] * QUESTIONS + [0.0]
    _, rows = extract(statements, statement_contract, store, Scripted(lambda question: SOUND), options)
    assert {row["cost"] for row in rows} == {0.0}


def test_equal_crops_are_asked_once(statements, statement_contract, store, monkeypatch):
    same = Image.effect_noise((200, 120), 80).convert("RGB")
    monkeypatch.setattr("octavo.extraction.vlm.windows.crop", lambda *given: same)
    runtime = Scripted(lambda question: SOUND)
    report, rows = extract(statements, statement_contract, store, runtime, OPTIONS.model_copy(update={"window_crops": 64}))
    assert [pixels_digest(q.image) for q in runtime.questions] == [pixels_digest(same)]
    assert (report.counts["model_calls"], len(rows)) == (1, CHUNKS)


def test_a_page_that_cannot_be_rendered_any_more_is_told_and_the_others_are_read(statements, statement_contract, store, monkeypatch):
    from octavo.extraction.vlm import windows
    from octavo.model.errors import Quarantined, Reason

    real, calls = windows.page_image, []

    def changed(document, media_type, page):
        calls.append(document)
        if len(calls) == 1:
            raise Quarantined(Reason.CHANGED_DURING_RUN, "another file")
        return real(document, media_type, page)

    monkeypatch.setattr(windows, "page_image", changed)
    _, rows = extract(statements, statement_contract, store, Scripted(lambda question: SOUND))
    assert [row["parse_status"] for row in rows] == ["failed"] * 5 + ["ok"] * 5
    assert rows[0]["detail"] == "changed_during_run: another file"
