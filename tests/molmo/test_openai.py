import base64
import datetime as dt
import email.utils
import io
import logging
import threading
import time
from dataclasses import replace

import pytest
from PIL import Image
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Finish, Question
from octavo.extraction.vlm.runtimes import openai
from octavo.model.errors import Cancelled, ModelUnavailable, SettingsError
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore
from tests.molmo.endpoint import completion, serving

SECRET = "sk-very-secret-1234"
BUSY = (503, {"Retry-After": "0"}, "busy")


def options(endpoint, **changes):
    given = {"runtime": "openai", "model": "m", "base_url": endpoint.url, "api_key": SECRET, "timeout_seconds": 5, "patience_seconds": 5}
    return RuntimeOptions(**{**given, **changes})


def questions(count=1, **changes):
    return [Question(Image.new("RGB", (120 + n, 112), "white"), f"Read {n}.", {"type": "object"}, 64, **changes) for n in range(count)]


def ask(endpoint, asked, **changes):
    runtime = openai.OpenAI(options(endpoint, **changes))
    try:
        found = dict(reply for batch in runtime.ask(asked) for reply in batch)
    finally:
        runtime.close()
    return [found[place] for place in range(len(asked))]


def test_a_question_is_one_chat_request_with_image_prompt_and_schema():
    with serving(lambda n, body: completion()) as endpoint:
        reply, = ask(endpoint, questions())
    body, = endpoint.bodies
    picture, text = body["messages"][0]["content"]
    image = Image.open(io.BytesIO(base64.b64decode(picture["image_url"]["url"].removeprefix("data:image/png;base64,"))))
    assert (image.size, text["text"], body["model"], body["temperature"], body["max_tokens"]) == ((120, 112), "Read 0.", "m", 0, 64)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert not {"stop", "mm_processor_kwargs"} & set(body)
    assert endpoint.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert (reply.text, reply.finish, reply.calls) == ('{"supplier":"A"}', Finish.STOP, 1)
    assert (reply.prompt_tokens, reply.completion_tokens) == (430, 9)


def test_stop_strings_and_tiles_are_sent_only_where_asked_for():
    with serving(lambda n, body: completion()) as endpoint:
        ask(endpoint, questions(stop=("\n\n",), max_crops=4))
    assert (endpoint.bodies[0]["stop"], endpoint.bodies[0]["mm_processor_kwargs"]) == (["\n\n"], {"max_crops": 4})


@pytest.mark.parametrize(("text", "finish", "expected"), [
    pytest.param("{", "length", Finish.LENGTH, id="cut off"), pytest.param("no " * 100, "length", Finish.LOOP, id="a loop"),
    pytest.param("{}", "stop", Finish.STOP, id="done"),
])
def test_why_an_answer_ended(text, finish, expected):
    with serving(lambda n, body: completion(text, finish)) as endpoint:
        assert ask(endpoint, questions())[0].finish is expected


@pytest.mark.parametrize("failure", [
    pytest.param((429, {"Retry-After": "0"}, "slow down"), id="429"), pytest.param((500, {"Retry-After": "0"}, "oops"), id="500"),
    pytest.param(BUSY, id="503"), pytest.param(None, id="the connection dies"), pytest.param((200, {}, "<html>proxy"), id="no JSON"),
    pytest.param((200, {}, {"choices": []}), id="no choices"),
])
def test_what_passes_is_tried_again(failure):
    with serving(lambda n, body: failure if n < 3 else completion()) as endpoint:
        reply, = ask(endpoint, questions())
    assert (reply.finish, reply.calls, len(endpoint.bodies)) == (Finish.STOP, 3, 3)


def test_an_endpoint_that_hangs_is_left_and_asked_again():
    released = threading.Event()

    def script(number, body):
        if number == 1:
            released.wait(10)
        return completion()

    with serving(script) as endpoint:
        reply, = ask(endpoint, questions(), timeout_seconds=0.3)
        released.set()
    assert (reply.finish, reply.calls) == (Finish.STOP, 2)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_respected(form):
    def script(number, body):
        later = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2), usegmt=True)
        return (429, {"Retry-After": "1" if form == "seconds" else later}, "") if number == 1 else completion()

    with serving(script) as endpoint:
        ask(endpoint, questions())
    assert endpoint.times[1] - endpoint.times[0] >= 0.95


def test_at_most_so_many_requests_run_at_a_time():
    def script(number, body):
        time.sleep(0.05)
        return completion()

    with serving(script) as endpoint:
        replies = ask(endpoint, questions(12), concurrency=3)
    assert len(replies) == 12
    assert 2 <= endpoint.busiest <= 3


FASTAPI = {"detail": [{"loc": ["body", "response_format", "type"], "msg": "Input should be 'text'", "type": "literal_error"}]}


@pytest.mark.parametrize(("refusal", "changes", "field", "remedy"), [
    pytest.param((400, {}, {"error": {"message": "Unknown parameter: 'mm_processor_kwargs'.", "param": "mm_processor_kwargs"}}),
                 {"max_crops": 24}, "mm_processor_kwargs", "leave detail and max_crops out", id="as OpenAI says it"),
    pytest.param((422, {}, {"detail": "Unexpected fields in the request: {'mm_processor_kwargs'}"}),
                 {"max_crops": 24}, "mm_processor_kwargs", "leave detail and max_crops out", id="as transformers serve says it"),
    pytest.param((422, {}, FASTAPI), {}, "response_format", "OCTAVO_MOLMO_CONSTRAIN=false", id="as FastAPI says it"),
    pytest.param((400, {}, {"error": {"message": "The provided JSON schema contains features not supported by xgrammar.", "param": None}}),
                 {}, "response_format", "OCTAVO_MOLMO_CONSTRAIN=false", id="the schema, as vLLM says it"),
    pytest.param((400, {}, "'stop' is not supported by this model"), {"stop": ("x",)}, "stop", "leave stop out", id="in plain words"),
])
def test_a_server_that_refuses_a_field_is_an_error_of_the_settings(refusal, changes, field, remedy):
    with serving(lambda n, body: refusal) as endpoint, pytest.raises(SettingsError) as caught:
        ask(endpoint, questions(1, **changes))
    said = str(caught.value)
    assert f"refuses every question because of the field {field} (HTTP {refusal[0]}: " in said
    assert remedy in said
    assert not caught.value.retryable


@pytest.mark.parametrize("said", [
    pytest.param("no vision tower", id="word for word"),
    pytest.param("Input length ({}) exceeds model's maximum context length (1024)", id="with numbers of each question, as vLLM"),
])
def test_a_refusal_in_the_same_words_three_times_before_any_answer_ends_the_task(said):
    refuse = lambda n, body: (400, {}, said.format(1100 + n))  # noqa: E731
    with serving(refuse) as endpoint, pytest.raises(SettingsError, match=f"HTTP 400: {said[:12]}"):
        ask(endpoint, questions(12), concurrency=1)
    assert 3 <= len(endpoint.bodies) <= 5  # what was on its way when the third came


@pytest.mark.parametrize("script", [
    pytest.param(lambda n, body: (400, {}, "'response_format' is bad") if n > 1 else completion(), id="something was answered before"),
    pytest.param(lambda n, body: (400, {}, f"a {('dark', 'flat', 'long', 'small', 'wide')[n - 1]} picture"), id="each for its own reason"),
    pytest.param(lambda n, body: (413, {}, "too large"), id="another status"),
])
def test_refusals_that_are_about_questions_fail_alone(script):
    with serving(script) as endpoint:
        replies = ask(endpoint, questions(5), concurrency=1)
    assert sum(reply.finish is Finish.ERROR for reply in replies) >= 4


@pytest.mark.parametrize(("text", "ignored"), [
    pytest.param("The total is 12.00.", True, id="prose"), pytest.param('```json\n{"a": 1}\n```', True, id="code marks"),
    pytest.param('{"b": 1}', True, id="a member that the schema does not have"), pytest.param('{"a": 1}', False, id="the schema's"),
])
def test_a_server_that_ignores_the_schema_is_noticed_and_said_once(text, ignored, caplog):
    schema = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    asked = [replace(question, schema=schema) for question in questions(8)]
    with serving(lambda n, body: completion(text)) as endpoint:
        runtime = openai.OpenAI(options(endpoint))
        found = [reply for batch in runtime.ask(asked) for _, reply in batch]
        runtime.close()
    assert runtime.ignores_schema is ignored
    assert caplog.text.count("does not hold its model to the contract's schema") == ignored
    assert {reply.text for reply in found} == {text}


def test_a_question_that_is_refused_fails_alone():
    with serving(lambda n, body: (400, {}, "too long") if "Read 1." in str(body) else completion()) as endpoint:
        replies = ask(endpoint, questions(3))
    assert [reply.finish for reply in replies] == [Finish.STOP, Finish.ERROR, Finish.STOP]
    assert replies[1].error == "HTTP 400: too long"


def test_a_question_that_keeps_failing_while_others_are_answered_fails_alone():
    with serving(lambda n, body: BUSY if "Read 1." in str(body) else (time.sleep(0.2), completion())[1]) as endpoint:
        replies = ask(endpoint, questions(3), patience_seconds=1, concurrency=2)
    assert [reply.finish for reply in replies] == [Finish.STOP, Finish.ERROR, Finish.STOP]
    assert replies[1].error.startswith("HTTP 503")


def test_an_endpoint_that_is_gone_is_an_error_that_may_pass():
    with serving(lambda n, body: BUSY) as endpoint, pytest.raises(ModelUnavailable, match="HTTP 503") as caught:
        ask(endpoint, questions(2), patience_seconds=0.5)
    assert caught.value.retryable


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_is_an_error_of_the_settings(status):
    refusal = (status, {}, f"key {SECRET} is wrong")
    with serving(lambda n, body: refusal) as endpoint, pytest.raises(SettingsError, match=f"HTTP {status}") as caught:
        ask(endpoint, questions(4))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", ["vllm:8000", "ftp://host/v1", "", "http://user:secret@host/v1"])
def test_a_base_url_that_cannot_be_used_is_refused(url):
    with pytest.raises((SettingsError, ValueError)) as caught:
        openai.OpenAI(RuntimeOptions(runtime="openai", model="m", base_url=url))
    assert "secret" not in str(caught.value)


def test_a_runtime_that_is_called_off_does_not_wait_for_an_endpoint_that_hangs():
    released = threading.Event()

    def script(number, body):
        if number > 2:
            released.wait(30)
        return completion()

    with serving(script) as endpoint:
        runtime = openai.OpenAI(options(endpoint, concurrency=2, timeout_seconds=30))
        asking = runtime.ask(questions(6))
        assert len(next(asking)) == 2
        threading.Timer(0.2, runtime.cancel).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            next(asking)
        assert time.monotonic() - started < 10
        released.set()
        runtime.close()


def test_the_key_is_in_no_log_and_no_table(statements, statement_contract, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    script = lambda n, body: (400, {}, f"bad {n} {SECRET}") if n in (1, 3) else (completion() if n > 4 else BUSY)  # noqa: E731
    with serving(script) as endpoint:
        vlm.run(statements, "p0000", statement_contract, options(endpoint), AnswerStore(UPath(tmp_path / "answers")))
    assert len(endpoint.bodies) >= 9
    rows = fs.read_table(statements.shard("extract_molmo", "p0000")).to_pylist()
    assert any("HTTP 400" in str(row["detail"]) for row in rows)
    assert SECRET not in caplog.text + str(rows) + repr(options(endpoint))
    assert all(SECRET.encode() not in path.read_bytes() for path in (tmp_path / "answers").iterdir())


def test_a_server_that_dies_half_way_and_comes_back_gives_the_same_rows(statements, statement_contract, tmp_path):
    def rows(store, endpoint):
        runtime_options = options(endpoint, concurrency=2, patience_seconds=20)
        vlm.run(statements, "p0000", statement_contract, runtime_options, AnswerStore(UPath(tmp_path / store)))
        found = fs.read_table(statements.shard("extract_molmo", "p0000")).to_pylist()
        return [(row["chunk"], row["parsed"], row["parse_status"], row["raw"]) for row in found]

    def script(number, body):
        return completion(f'{{"supplier":"{len(body["messages"][0]["content"][0]["image_url"]["url"])}"}}')

    with serving(script) as endpoint:
        undisturbed = rows("a", endpoint)
    down = threading.Event()

    def dying(number, body):
        if number == 4:
            down.set()
        return None if down.is_set() else script(number, body)

    threading.Timer(3, lambda: setattr(second, "script", script)).start()
    with serving(dying) as second:
        assert rows("b", second) == undisturbed
    assert down.is_set()
