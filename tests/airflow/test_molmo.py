"""The model's tasks in Airflow: their connection, their place, their size, and how they end."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import pytest
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowFailException

from octavo.model.errors import Cancelled, SettingsError
from octavo.model.settings import Settings
from octavo_airflow.connection import FIELDS, connection_type
from octavo_airflow.hooks import MolmoHook
from octavo_airflow.operators import MolmoExtractOperator, MolmoShardsOperator, placement
from octavo_airflow.params import run_params
from scripts.stack import free_port
from tests.molmo.endpoint import serving
from tests.molmo.vllm import KNOWN, Vllm
from tests.staging import CONTRACT, fill, workspace

SECRET = "sk-very-secret-1234"


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes ``MolmoHook`` find this connection."""
    def connect(conn_type: str = "octavo_molmo", **given: Any) -> None:
        extra = json.dumps(given.pop("extra", {}))
        connection = Connection(conn_id="model", conn_type=conn_type, extra=extra, **given)
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    for name in ("MODEL", "RUNTIME", "BASE_URL", "API_KEY"):
        monkeypatch.delenv(f"OCTAVO_MOLMO_{name}", raising=False)
    return connect


@pytest.mark.parametrize(("given", "url"), [
    pytest.param({"host": "http://vllm:8000/v1"}, "http://vllm:8000/v1", id="a whole URL"),
    pytest.param({"host": "vllm", "port": 8000}, "http://vllm:8000/v1", id="host and port"),
    pytest.param({"host": "models.example", "schema": "https"}, "https://models.example/v1", id="host and scheme"),
])
def test_a_connection_with_a_host_is_an_endpoint(connected: Any, given: dict[str, Any], url: str) -> None:
    connected(password=SECRET, extra={"model": "m", "concurrency": 4}, **given)
    options = MolmoHook("model").options()
    assert (options.runtime, options.base_url, options.model, options.concurrency) == ("openai", url, "m", 4)
    assert options.api_key.get_secret_value() == SECRET
    assert SECRET not in repr(options) + str(options)


def test_a_connection_without_a_host_is_a_model_in_the_tasks_process(connected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_MOLMO_BATCH_SIZE", "3")
    connected(extra={"model": "allenai/Molmo2-4B", "revision": "abc", "runtime": "", "price_per_hour": 2.5})
    options = MolmoHook("model").options()
    assert (options.runtime, options.model, options.revision, options.price_per_hour) == ("molmo2", "allenai/Molmo2-4B", "abc", 2.5)
    assert options.batch_size == 3  # what the connection does not say comes from the environment


@pytest.mark.parametrize(("conn_type", "extra", "said"), [
    pytest.param("http", {"model": "m"}, "is of type http", id="another type"),
    pytest.param("octavo_molmo", {}, "model", id="no model"),
    pytest.param("octavo_molmo", {"model": "m", "runtime": "openai"}, "base_url", id="an endpoint without a host"),
])
def test_a_connection_that_names_no_model_is_refused(connected: Any, conn_type: str, extra: dict[str, Any], said: str) -> None:
    connected(conn_type, password=SECRET, extra=extra)
    with pytest.raises(SettingsError, match=said) as refused:
        MolmoHook("model").options()
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("server", "well", "said"), [
    pytest.param(Vllm(), True, "it holds its model to the contract's schema", id="it does what is asked"),
    pytest.param(Vllm(lambda schema: "12.50", constrains=False), True, "does not hold its model to the contract's schema", id="no schema"),
    pytest.param(Vllm(known=KNOWN), True, "it takes mm_processor_kwargs and stop", id="every field"),
    pytest.param(Vllm(known=KNOWN - {"mm_processor_kwargs"}), True, "it refuses mm_processor_kwargs (HTTP 400: ", id="no tiles"),
    pytest.param(Vllm(known=KNOWN - {"stop"}), True, "it refuses stop (HTTP 400: ", id="no stop texts"),
    pytest.param(Vllm(known=KNOWN - {"response_format"}), False, "because of the field response_format", id="refused"),
    pytest.param(Vllm(model="another"), False, "refuses model 'm' with HTTP 404", id="another model"),
    pytest.param(Vllm(max_model_len=100), False, "max_tokens=512 cannot be greater than max_model_len=100", id="a short context"),
])
def test_the_test_of_a_connection_asks_as_a_task_would(connected: Any, server: Vllm, well: bool, said: str) -> None:
    with serving(server) as endpoint:
        connected(host=endpoint.url, password=SECRET, extra={"model": "m"})
        assert MolmoHook("model").test_connection() == (well, ANY)
        told = MolmoHook("model").test_connection()[1]
    assert said in told
    assert SECRET not in told


def test_the_test_of_a_connection_does_not_wait_long_for_an_endpoint_that_is_not_there(
    connected: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("octavo.extraction.vlm.trial.PATIENCE_SECONDS", 0.1)
    connected(host=f"http://127.0.0.1:{free_port()}/v1", extra={"model": "m"})
    well, said = MolmoHook("model").test_connection()
    assert not well
    assert "answered nothing" in said


def test_the_test_of_a_connection_loads_no_weights(connected: Any) -> None:
    connected(extra={"model": "allenai/Molmo2-4B"})
    well, said = MolmoHook("model").test_connection()
    assert well
    assert "runs in the tasks' process" in said


def test_a_connection_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="there is no connection nowhere; add one of type octavo_molmo"):
        MolmoHook("nowhere").options()


def test_every_field_of_the_form_is_an_option_of_the_runtime() -> None:
    from octavo.extraction.vlm import RuntimeOptions

    assert {name for name, *_ in FIELDS} <= set(RuntimeOptions.model_fields)
    assert set(connection_type()["conn-fields"]) == {name for name, *_ in FIELDS}


@pytest.mark.parametrize(("connection", "conn_id", "found"), [
    pytest.param("", None, None, id="none"), pytest.param("", "site", "site", id="the setting's"),
    pytest.param("mine", "site", "mine", id="the run's before the setting's"),
])
def test_a_run_uses_the_connection_that_it_is_given(
    connection: str, conn_id: str | None, found: str | None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OCTAVO_MOLMO_MODEL", raising=False)
    if conn_id:
        monkeypatch.setenv("OCTAVO_MOLMO_CONN_ID", conn_id)
    task = MolmoShardsOperator(task_id="t", contract="receipt", day="2026-11-02", extractor="auto", connection=connection)
    assert task.molmo_connection == found
    assert task.extractors == (("layout", "molmo") if found else ("layout",))


def test_a_contract_may_name_the_connection_of_its_model() -> None:
    given = CONTRACT.model_copy(update={"connection": "molmo_large"})
    assert run_params(given)["connection"].value == "molmo_large"
    assert run_params(CONTRACT)["connection"].value is None


def test_where_a_models_tasks_run_is_a_matter_of_settings() -> None:
    assert placement(Settings()) == {"pool": "molmo_gpu", "pool_slots": 1, "queue": "gpu"}
    given = Settings(molmo_queue="cards", molmo_pool_slots=2, molmo_pod_template="/etc/octavo/gpu-pod.yaml")
    assert placement(given) == {
        "pool": "molmo_gpu", "pool_slots": 2, "queue": "cards", "executor_config": {"pod_template_file": "/etc/octavo/gpu-pod.yaml"}}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose workspace has three page shards of 16 pages, and the context of its tasks."""
    monkeypatch.setenv("OCTAVO_LAKE", str(tmp_path))
    space = workspace(Settings().workspaces, "r1")
    fill(space, {1: ["a"] * 48}, shard_pages=16)
    assert list(space.plan.page_shards) == ["p0000", "p0001", "p0002"]
    return {
        "run_id": "r1",
        "dag_run": SimpleNamespace(partition_key=None, data_interval_start=None, logical_date=None),
    }


@pytest.mark.parametrize(("pages", "tasks"), [
    pytest.param("1024", [["p0000", "p0001", "p0002"]], id="all pages fit one task"),
    pytest.param("32", [["p0000", "p0001"], ["p0002"]], id="two shards a task"),
    pytest.param("1", [["p0000"], ["p0001"], ["p0002"]], id="never less than a page shard"),
])
def test_tasks_of_the_model_are_sized_apart_from_reading(
    run: Any, pages: str, tasks: list[list[str]], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCTAVO_MOLMO_SHARD_PAGES", pages)
    task = MolmoShardsOperator(task_id="t", contract="receipt", day="2026-11-02", extractor="molmo", connection="model")
    assert task.execute(run) == tasks


class Endless:
    """A runtime that writes for ever, until it is called off."""

    versions = "endless 1"

    def __init__(self) -> None:
        from octavo.extraction.vlm.protocol import Identity

        self.identity = Identity("endless", None)
        self.cancelled, self.asked, self.closed = threading.Event(), threading.Event(), False

    def ask(self, questions: Any) -> Any:
        self.asked.set()
        if not self.cancelled.wait(60):
            yield []
        raise Cancelled("cancelled")

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed = True


def test_a_task_that_is_killed_calls_its_model_off_and_closes_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    runtime = Endless()
    monkeypatch.setattr("octavo.extraction.vlm.runtimes.open_runtime", lambda options: runtime)
    monkeypatch.setenv("OCTAVO_MOLMO_MODEL", "endless")
    monkeypatch.setattr("octavo.extraction.vlm.windows.page_image", lambda *given: Image.effect_noise((100, 200), 90).convert("RGB"))
    task = MolmoExtractOperator(task_id="t", contract="receipt", day="2026-11-02", extractor="molmo", connection="", shards=["p0000"])
    task.on_kill()  # before anything runs it has nothing to stop
    threading.Thread(target=lambda: runtime.asked.wait(30) and task.on_kill(), daemon=True).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        task.execute(run)
    assert time.monotonic() - started < 30
    assert runtime.closed


def test_too_few_cards_fail_the_task_at_once(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> Any:
        raise SettingsError("1 card is here and every one is in use")

    monkeypatch.setattr("octavo.extraction.vlm.run_shards", refuse)
    monkeypatch.setattr("octavo.extraction.vlm.runtimes.open_runtime", lambda options: Endless())
    monkeypatch.setenv("OCTAVO_MOLMO_MODEL", "m")
    with pytest.raises(AirflowFailException, match="1 card is here"):
        MolmoExtractOperator(task_id="t", contract="receipt", day="2026-11-02", extractor="molmo", shards=["p0000"]).execute(run)
