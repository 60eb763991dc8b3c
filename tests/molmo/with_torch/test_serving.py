"""The fixture behind ``transformers serve``, a real OpenAI-compatible server that is not ours, read through ``openai``."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from PIL import Image
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Question, Reply
from octavo.extraction.vlm.runtimes.openai import OpenAI
from octavo.model.errors import SettingsError
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore
from scripts.stack import free_port
from tests.molmo.with_torch.conftest import MODEL

START_SECONDS = 180


class Server:
    """``transformers serve`` on a port of its own; it can be killed and started again."""

    def __init__(self, log):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.start()

    def start(self):
        command = [str(Path(sys.executable).with_name("transformers")), "serve", str(MODEL), "--device", "cpu", "--port", str(self.port)]
        with self.log.open("ab") as log:
            environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return httpx.get(f"{self.url}/health").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.5)
        raise AssertionError(self.log.read_text()[-2000:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    serving = Server(tmp_path_factory.mktemp("serve") / "log.txt")
    serving.wait()
    yield serving
    serving.kill()


def test_a_field_that_the_server_does_not_know_ends_the_task_with_its_words(server):
    options = RuntimeOptions(runtime="openai", model=str(MODEL), base_url=f"{server.url}/v1", timeout_seconds=60, patience_seconds=60)
    opened = OpenAI(options)
    asked = Question(Image.new("RGB", (120, 112), "white"), "Read.", None, 4, max_crops=24)
    with pytest.raises(SettingsError, match=r"because of the field mm_processor_kwargs \(HTTP 422: .*Unexpected fields"):
        list(opened.ask([asked]))
    opened.close()


def test_a_server_that_ignores_the_schema_is_noticed(server, questions):
    """The fixture writes the JSON that it was taught, so the schema asks for something else."""
    options = RuntimeOptions(runtime="openai", model=str(MODEL), base_url=f"{server.url}/v1", timeout_seconds=60, patience_seconds=60)
    opened = OpenAI(options)
    other = {"type": "object", "properties": {"other": {"type": "string"}}, "additionalProperties": False}
    list(opened.ask([replace(questions[0], schema=other)]))
    opened.close()
    assert opened.ignores_schema


@pytest.mark.parametrize("dies", [pytest.param(False, id="undisturbed"), pytest.param(True, id="killed and started again half-way")])
def test_a_server_gives_the_rows_that_the_model_gives_in_process(
    server, statements, statement_contract, expected, tmp_path, monkeypatch, dies,
):
    options = RuntimeOptions(
        runtime="openai", model=str(MODEL), base_url=f"{server.url}/v1", concurrency=4, timeout_seconds=60, patience_seconds=START_SECONDS,
        min_side_px=112,
    )
    answered = threading.Semaphore(0)
    real = OpenAI._reply

    def noticed(self, question) -> Reply:
        reply = real(self, question)
        answered.release()
        return reply

    monkeypatch.setattr(OpenAI, "_reply", noticed)

    def disturb():
        for _ in range(3):
            answered.acquire()
        server.kill()
        server.start()

    disturber = threading.Thread(target=disturb)
    if dies:
        disturber.start()
    report = vlm.run(statements, "p0000", statement_contract, options, AnswerStore(UPath(tmp_path / "answers")))
    rows = fs.read_table(statements.shard("extract_molmo", "p0000")).to_pylist()
    assert [json.loads(row["parsed"]) for row in rows] == [chunk["answer"] for chunk in expected["chunks"]]
    assert (report.counts["failed"], {row["parse_status"] for row in rows}) == (0, {"ok"})
    if dies:
        disturber.join()
