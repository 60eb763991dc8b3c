"""The fixture behind ``transformers serve``, a real OpenAI-compatible server that is not ours, read through ``openai``."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Reply
from octavo.extraction.vlm.runtimes.openai import OpenAI
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


@pytest.mark.parametrize("dies", [pytest.param(False, id="undisturbed"), pytest.param(True, id="killed and started again half-way")])
def test_a_server_gives_the_rows_that_the_model_gives_in_process(
    server, statements, statement_contract, expected, tmp_path, monkeypatch, dies,
):
    options = RuntimeOptions(
        runtime="openai", model=str(MODEL), base_url=f"{server.url}/v1", concurrency=4, timeout_seconds=60, patience_seconds=START_SECONDS,
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
