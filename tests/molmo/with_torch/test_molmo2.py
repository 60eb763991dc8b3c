"""The molmo2 runtime on a tiny checkpoint of the real classes, with the real processor and the real ``generate``."""

import json
import weakref
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from upath import UPath

from octavo.extraction import vlm
from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Finish
from octavo.extraction.vlm.retries import OUT_OF_MEMORY
from octavo.extraction.vlm.runtimes import torch_parts
from octavo.extraction.vlm.runtimes.lease import take
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.extraction.vlm.runtimes.torch_parts import LOOK_EVERY, LoopWatch
from octavo.model.answer_json import LEAST_TOKENS
from octavo.model.errors import Cancelled, ModelUnavailable, SettingsError
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore
from tests.molmo.with_torch.conftest import MODEL


def answers(runtime, questions):
    """Replies in the questions' order."""
    found = dict(reply for batch in runtime.ask(questions) for reply in batch)
    return [found[place] for place in range(len(questions))]


def tokens(runtime, questions):
    return [reply.token_ids for reply in answers(runtime, questions)]


def free(questions):
    return [replace(question, schema=None) for question in questions]


@pytest.mark.parametrize("constrained", [pytest.param(True, id="held to the schema"), pytest.param(False, id="free")])
def test_the_fixture_says_what_it_was_taught(runtime, questions, expected, constrained):
    replies = answers(runtime, questions if constrained else free(questions))
    assert [json.loads(reply.text) for reply in replies] == [chunk["answer"] for chunk in expected["chunks"]]
    assert {reply.finish for reply in replies} == {Finish.STOP}


@pytest.mark.parametrize(("batch_size", "constrained"), [
    pytest.param(8, True, id="eight, held to the schema"), pytest.param(3, False, id="three, free"),
])
def test_a_batch_has_the_tokens_that_its_questions_have_one_by_one(options, runtime, questions, batch_size, constrained):
    asked = questions if constrained else free(questions)
    # Prompts of other lengths too, so that there is something to pad.
    asked = [replace(question, prompt=question.prompt + " Now." * (place % 4)) for place, question in enumerate(asked)]
    one_by_one = [tokens(runtime, [question])[0] for question in asked]
    batched = Molmo2(options.model_copy(update={"batch_size": batch_size}))
    batched.__dict__.update(model=runtime.model, processor=runtime.processor)
    assert tokens(batched, asked) == one_by_one
    assert tokens(batched, asked[::-1]) == one_by_one[::-1]
    assert len(set(map(len, one_by_one))) > 1


def test_the_tokens_are_those_of_the_models_own_calls(runtime, questions):
    question = questions[1]
    chat = [{"role": "user", "content": [{"type": "image", "image": question.image}, {"type": "text", "text": question.prompt}]}]
    inputs = runtime.processor.apply_chat_template(chat, tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    output = runtime.model.generate(**inputs, max_new_tokens=question.max_new_tokens, do_sample=False)
    reply = answers(runtime, free([question]))[0]
    assert list(reply.token_ids) == output[0, inputs["input_ids"].shape[1]:].tolist()
    assert reply.prompt_tokens == inputs["input_ids"].shape[1]


@pytest.mark.parametrize("size", [(300, 112), (800, 300), (1200, 1600), (112, 900)])
@pytest.mark.parametrize("max_crops", [None, 2])
def test_a_questions_cost_is_known_before_it_is_asked(runtime, size, max_crops):
    from octavo.extraction.vlm.protocol import Question
    from octavo.extraction.vlm.runtimes.molmo2 import MARKUP_TOKENS

    question = Question(Image.new("RGB", size, "white"), "Read this.", None, 5, max_crops=max_crops)
    real = runtime._inputs([question])["input_ids"].shape[1] + 5
    assert real <= runtime.tokens(question) <= real + MARKUP_TOKENS


def test_a_constrained_answer_is_valid_json_even_of_a_model_that_knows_nothing(runtime, questions, statement_contract):
    from octavo.extraction.vlm.parsing import parse

    noise = Image.effect_noise((500, 300), 120).convert("RGB")
    replies = answers(runtime, [replace(questions[0], image=noise, prompt="Sing a song.")])
    parsed = parse(replies[0].text, statement_contract)
    assert set(parsed.value) <= set(statement_contract.fields)
    assert replies[0].finish in (Finish.STOP, Finish.LENGTH, Finish.LOOP)


def test_an_answer_that_is_cut_off_says_so(runtime, questions):
    reply = answers(runtime, [replace(questions[1], max_new_tokens=7)])[0]
    assert (reply.finish, reply.completion_tokens, len(reply.token_ids)) == (Finish.LENGTH, 7, 7)


def test_stop_strings_end_an_answer_in_a_batch(runtime, questions):
    asked = [replace(question, stop=('",',)) for question in free(questions[:3])]
    replies = answers(runtime, asked)
    assert replies[1].text == '{"account_number":"7301-5528-4'
    assert replies[1].finish is Finish.STOP


def test_a_runtime_that_is_called_off_stops_at_the_next_token_and_keeps_what_it_said_before(options, runtime, questions):
    """Half-way through the second batch, as a signal handler would."""
    busy = Molmo2(options.model_copy(update={"batch_size": 5}))
    busy.__dict__.update(model=runtime.model, processor=runtime.processor)
    asking, steps = busy.ask(free(questions)), []
    assert len(next(asking)) == 5

    def step(module, inputs, output):
        steps.append(None)
        if len(steps) == 3:
            busy.cancel()

    handle = runtime.model.get_output_embeddings().register_forward_hook(step)
    try:
        with pytest.raises(Cancelled):
            next(asking)
    finally:
        handle.remove()
    assert len(steps) == 3
    with pytest.raises(Cancelled):
        next(busy.ask(questions))


def test_a_closed_runtime_holds_neither_weights_nor_card(options, monkeypatch):
    released = []
    monkeypatch.setattr(torch_parts, "lease", lambda allowed: (torch.device("cpu"), SimpleNamespace(release=lambda: released.append(1))))
    opened = Molmo2(options)
    weights = weakref.ref(next(opened.model.parameters()))
    assert weights() is not None
    opened.close()
    assert weights() is None
    assert released == [1]


def test_a_run_on_cards_leases_one_and_a_run_on_the_cpu_none(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda one: SimpleNamespace(uuid=f"GPU-{one.index}"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda one: "fake card")
    monkeypatch.setattr(torch_parts, "folder", lambda: tmp_path)
    monkeypatch.setattr(torch_parts, "take", partial(take, wait_seconds=0))
    current = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda one: current.append(str(one)))
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    allowed = torch_parts.devices("auto")
    (first, one), (second, two) = torch_parts.lease(allowed), torch_parts.lease(allowed)
    assert [str(first), str(second)] == ["cuda:0", "cuda:1"] == current
    assert torch_parts.devices("cuda:1") == [torch.device("cuda:1")]
    assert torch_parts.lease(torch_parts.devices("cpu")) == (torch.device("cpu"), None)
    assert one is not None
    assert two is not None


def test_slices_of_one_card_are_leased_apart(monkeypatch, tmp_path):
    """As with MIG: a process sees one slice, as cuda:0, and CUDA may give the card's id for each."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", lambda one: None)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda one: SimpleNamespace(uuid="GPU-1"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda one: "fake card MIG 1g.10gb")
    monkeypatch.setattr(torch_parts, "folder", lambda: tmp_path)
    monkeypatch.setattr(torch_parts, "take", partial(take, wait_seconds=0))
    held = []
    for slice_ in ("MIG-a", "MIG-GPU-1/2/0"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", slice_)
        held.append(torch_parts.lease(torch_parts.devices("cuda"))[1])
    with pytest.raises(SettingsError, match="every one is in use"):
        torch_parts.lease(torch_parts.devices("cuda"))
    assert len(held) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["MIG-GPU-1_2_0.lock", "MIG-a.lock"]


def test_cards_are_counted_as_cuda_shows_them_and_not_as_the_driver_lists_them(monkeypatch):
    """With MIG the driver lists every card, and CUDA shows a process one slice."""
    counts = [4]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: counts[-1])
    monkeypatch.setattr(torch.cuda, "init", lambda: counts.append(1))
    assert torch_parts.devices("cuda") == [torch.device("cuda:0")]


@pytest.mark.parametrize("error", [
    pytest.param(torch.OutOfMemoryError("CUDA out of memory"), id="torch says so"),
    pytest.param(RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), id="cuDNN on a card that others have filled"),
    pytest.param(torch.AcceleratorError("CUDA error: out of memory"), id="CUDA says so"),
])
def test_when_memory_runs_out_the_batch_is_halved_until_it_fits(options, runtime, questions, expected, error, monkeypatch):
    small = Molmo2(options)
    small.__dict__.update(model=runtime.model, processor=runtime.processor)
    fits, real, sizes = 4, Molmo2._generate, []

    def scarce(self, batch):
        sizes.append(len(batch))
        if len(batch) > fits:
            raise error
        return real(self, batch)

    monkeypatch.setattr(Molmo2, "_generate", scarce)
    replies = answers(small, questions)
    assert [json.loads(reply.text) for reply in replies] == [chunk["answer"] for chunk in expected["chunks"]]
    assert max(sizes) > fits


@pytest.mark.parametrize(("error", "becomes", "says"), [
    pytest.param("CUDNN_STATUS_INTERNAL_ERROR", ModelUnavailable, "cpu fails on a single crop: CUDNN_STATUS", id="of the device"),
    pytest.param("mat1 and mat2 shapes cannot be multiplied", RuntimeError, "shapes cannot be multiplied", id="of the code"),
])
def test_an_error_that_smaller_batches_do_not_mend_ends_the_task(options, runtime, questions, error, becomes, says, monkeypatch):
    broken = Molmo2(options)
    broken.__dict__.update(model=runtime.model, processor=runtime.processor)

    def fail(self, batch):
        raise RuntimeError(error)

    monkeypatch.setattr(Molmo2, "_generate", fail)
    with pytest.raises(becomes, match=says):
        answers(broken, questions)


def test_a_crop_that_fits_into_no_memory_fails_alone(options, runtime, questions, monkeypatch):
    small = Molmo2(options)
    small.__dict__.update(model=runtime.model, processor=runtime.processor)
    real = Molmo2._generate

    def scarce(self, batch):
        if any(question is questions[2] for question in batch):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, batch)

    monkeypatch.setattr(Molmo2, "_generate", scarce)
    replies = answers(small, questions)
    assert [reply.error for reply in replies] == ["", "", OUT_OF_MEMORY] + [""] * 7


def test_attention_is_not_left_to_cudnn_whose_second_run_had_other_tokens(options):
    torch.backends.cuda.enable_cudnn_sdp(True)
    opened = Molmo2(options)
    assert opened.model is not None
    assert not torch.backends.cuda.cudnn_sdp_enabled()
    opened.close()


def test_a_card_that_is_too_full_to_tell_how_full_it_is_ends_no_error_message(monkeypatch):
    def full(device):
        raise torch.AcceleratorError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", full)
    assert torch_parts.free_memory(torch.device("cuda")) == ", which had no memory free"
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3 << 30, 80 << 30))
    assert torch_parts.free_memory(torch.device("cuda")) == ", which had 3.0 of 80.0 GiB free"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), torch.AcceleratorError("CUDA error: out of memory")])
def test_a_model_that_does_not_fit_is_loaded_once_and_ends_the_task_with_a_remedy(options, questions, error, monkeypatch):
    """Nothing is asked about smaller batches: no size of a batch makes room for the weights."""
    from transformers import Molmo2ForConditionalGeneration

    loads = []

    def full(self, device):
        loads.append(device)
        raise error

    monkeypatch.setattr(Molmo2ForConditionalGeneration, "to", full)
    with pytest.raises(SettingsError, match="does not fit into the memory of cpu; end what else uses it"):
        list(Molmo2(options).ask(questions))
    assert len(loads) == 1


def test_a_looping_row_is_stopped_and_a_finished_one_is_not_taken_for_it():
    watch = LoopWatch(width=2, rows=3, ends={99})
    steps = LEAST_TOKENS + LOOK_EVERY
    looping, done, busy = [7] * steps, [1, 99] + [0] * (steps - 2), list(range(100, 100 + steps))
    ids = torch.tensor([[5, 5, *row] for row in (looping, done, busy)])
    assert watch(ids, None).tolist() == [True, False, False]


def test_a_model_that_repeats_itself_is_stopped_long_before_its_limit(options, runtime, questions, monkeypatch):
    """The weights are the fixture's, with an output layer that prefers one token for ever."""
    head, favourite = runtime.model.get_output_embeddings(), runtime.processor.tokenizer.convert_tokens_to_ids("0")
    handle = head.register_forward_hook(lambda module, inputs, output: output.index_fill(-1, torch.tensor([favourite]), 1e4))
    try:
        reply = answers(runtime, free([replace(questions[0], max_new_tokens=1000)]))[0]
    finally:
        handle.remove()
    assert reply.finish is Finish.LOOP
    assert reply.completion_tokens < 100


def test_the_whole_stage_reads_the_fixtures_statements_and_a_second_run_loads_no_model(
    statements, statement_contract, options, expected, tmp_path, monkeypatch,
):
    store = AnswerStore(UPath(tmp_path / "answers"))
    report = vlm.run(statements, "p0000", statement_contract, options, store)
    rows = fs.read_table(statements.shard("extract_molmo", "p0000")).to_pylist()
    assert [json.loads(row["parsed"]) for row in rows] == [chunk["answer"] for chunk in expected["chunks"]]
    assert (report.counts["model_calls"], {row["parse_status"] for row in rows}) == (9, {"ok"})
    assert rows[0]["model"] == "tiny-molmo2"
    assert rows[0]["revision"].startswith("sha256-")
    monkeypatch.setattr(Molmo2, "model", property(lambda self: pytest.fail("the model was loaded")))
    assert vlm.run(statements, "p0000", statement_contract, options, store).counts["model_calls"] == 0


def test_a_folder_is_known_by_its_content_not_by_its_place(options, tmp_path):
    import shutil

    copy = tmp_path / "tiny-molmo2"
    shutil.copytree(MODEL, copy)
    assert Molmo2(options.model_copy(update={"model": str(copy)})).identity == Molmo2(options).identity
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert Molmo2(options.model_copy(update={"model": str(copy)})).identity != Molmo2(options).identity


def test_a_model_that_is_not_there_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SettingsError, match="does not exist"):
        Molmo2(RuntimeOptions(runtime="molmo2", model=str(tmp_path / "none")))
    with pytest.raises(SettingsError, match="HF_HOME"):
        Molmo2(RuntimeOptions(runtime="molmo2", model="allenai/no-such-model"))


def test_a_device_that_is_not_there_is_a_clear_error(options, questions):
    with pytest.raises(SettingsError, match="CUDA devices"):
        list(Molmo2(options.model_copy(update={"device": "cuda:99"})).ask(questions[:1]))
    with pytest.raises(SettingsError, match="not known"):
        list(Molmo2(options.model_copy(update={"device": "gpu"})).ask(questions[:1]))


TOO_OLD = "The NVIDIA driver on your system is too old (found version 12020). Please update your GPU driver by downloading a new version."


@pytest.mark.parametrize("count", [
    pytest.param(1, id="NVML counts the card"), pytest.param(0, id="NVML is not asked for slices, or fails"),
])
@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0"])
def test_a_card_whose_driver_is_too_old_is_an_error_with_both_versions_and_never_a_run_on_the_cpu(device, count, monkeypatch):
    """As torch answers there: CUDA cannot be initialised."""
    def init():
        raise RuntimeError(TOO_OLD)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(SettingsError) as refused:
        torch_parts.devices(device)
    said = str(refused.value)
    assert "found version 12020" in said
    assert f"torch {torch.__version__} for CUDA {torch.version.cuda}" in said
    assert "Update the NVIDIA driver" in said
    assert not refused.value.retryable


def test_a_worker_that_is_to_have_a_card_and_has_none_does_not_run_on_the_cpu(options, questions, monkeypatch):
    def init():
        raise RuntimeError("Found no NVIDIA driver on your system.")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(SettingsError, match="device cuda was asked for, and this machine shows 0 CUDA devices: Found no NVIDIA driver"):
        list(Molmo2(options.model_copy(update={"device": "cuda"})).ask(questions[:1]))


def test_a_run_that_falls_back_to_the_cpu_says_so_and_why(monkeypatch, caplog):
    def init():
        raise RuntimeError("Found no NVIDIA driver on your system.")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "init", init)
    assert torch_parts.devices("auto") == [torch.device("cpu")]
    assert "no CUDA device is to be seen (Found no NVIDIA driver on your system.): the model runs on the CPU" in caplog.text
    caplog.clear()
    assert torch_parts.devices("cpu") == [torch.device("cpu")]
    assert caplog.text == ""


@pytest.mark.usefixtures("any_confidence")
def test_merged_the_fixtures_answers_are_its_statements_every_value_accepted(statements, statement_contract, options, expected, tmp_path):
    from octavo.extraction.rules import stage as rules
    from octavo.merging import stage as merging

    vlm.run(statements, "p0000", statement_contract, options, AnswerStore(UPath(tmp_path / "answers")))
    rules.run(statements, "p0000", statement_contract)
    report = merging.run(statements, "d0000", statement_contract, ("layout", "molmo"))
    records = fs.read_table(statements.shard("records", "d0000")).to_pylist()
    uris = {row["document"]: row["uri"].rsplit("/", 1)[1] for row in fs.read_table(statements.documents).to_pylist()}
    wanted = expected["documents"]
    assert len(records) == len(wanted)
    for record in records:
        statement = wanted[uris[record["document"]]]
        assert (record["supplier"], record["account_number"], record["customer"]) == (
            statement["supplier"], statement["account_number"], statement["customer"])
        assert record["statement_date"].strftime("%m/%d/%Y") == statement["statement_date"]
        assert f"${record['total_amount_due']}" == statement["total_amount_due"]
        assert [{"name": row["name"], "amount": str(row["amount"])} for row in record["charges"]] == statement["charges"]
    assert report.counts["accepted"] == report.counts["fields"]
