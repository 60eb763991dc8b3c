"""The stage against a server that behaves as vLLM's code does."""

import json

import pytest
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.prompts import answer_schema
from octavo.extraction.vlm.retries import LONGER, MOST_NEW_TOKENS
from octavo.model import contracts
from octavo.model.errors import SettingsError
from octavo.model.settings import CONTRACTS_FOLDER
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore
from tests.molmo.endpoint import serving
from tests.molmo.test_openai import options
from tests.molmo.vllm import KNOWN, Vllm

CHUNKS = 10


@pytest.fixture
def extract(statements, statement_contract, tmp_path):
    def run(server, **rule):
        contract = statement_contract.model_copy(update={"prompt": statement_contract.prompt.model_copy(update=rule)})
        with serving(server) as endpoint:
            report = vlm.run(statements, "p0000", contract, options(endpoint), AnswerStore(UPath(tmp_path / "answers")))
        return report, fs.read_table(statements.shard("extract_molmo", "p0000")).to_pylist(), endpoint.bodies
    return run


@pytest.mark.parametrize("known", [pytest.param(None, id="ignores what it does not know"), pytest.param(KNOWN, id="refuses it")])
def test_every_chunk_is_answered_with_its_tokens(extract, known):
    report, rows, bodies = extract(Vllm(known=known), stop=("\n\n",), max_crops=4)
    assert {(row["parse_status"], row["finish"], row["prompt_tokens"]) for row in rows} == {("ok", "stop", 1032)}
    assert (len(rows), report.counts["failed"]) == (CHUNKS, 0)
    assert {json.dumps(body["mm_processor_kwargs"]) for body in bodies} == {'{"max_crops": 4}'}


@pytest.mark.parametrize("name", [contract.name for contract in contracts.load_all(CONTRACTS_FOLDER)])
def test_the_schema_of_every_contract_is_taken(name):
    contract = contracts.find(name, CONTRACTS_FOLDER)
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": answer_schema(contract), "strict": True}}
    limit = max(contract.prompt.max_new_tokens, min(MOST_NEW_TOKENS, contract.prompt.max_new_tokens * LONGER))
    body = {"model": "m", "messages": [], "temperature": 0, "max_tokens": limit, "response_format": schema}
    status, _, answer = Vllm()(1, body)
    assert status == 200, answer


def test_an_answer_that_is_cut_off_is_asked_again_with_more_tokens(extract):
    def long(schema):
        return json.dumps({"supplier": " ".join(map(str, range(50))), "customer": " ".join(map(str, range(50, 99)))}, separators=(",", ":"))

    _, rows, bodies = extract(Vllm(long), max_new_tokens=40)
    assert {row["finish"] for row in rows} == {"stop"}
    assert {tuple(entry["rung"] for entry in row["history"]) for row in rows} == {("plain", "longer")}
    assert {body["max_tokens"] for body in bodies} == {40, 160}


def test_a_server_whose_context_is_shorter_than_an_answer_may_be_is_an_error_of_the_settings(extract):
    with pytest.raises(SettingsError, match=r"max_tokens=2048 cannot be .* max_model_len=1500.*give the server a longer context"):
        extract(Vllm(max_model_len=1500), max_new_tokens=2048)


def test_a_server_without_structured_outputs_gives_answers_all_the_same_and_it_is_said(extract, caplog):
    _, rows, _ = extract(Vllm(lambda schema: 'Here it is: {"supplier": "A"}', constrains=False))
    assert {row["parse_status"] for row in rows} == {"repaired"}
    assert caplog.text.count("does not hold its model to the contract's schema") == 1
