"""Batches that are held to a schema, with rows that end in every way and in every order."""

from dataclasses import replace
from itertools import permutations

import pytest
import torch
import xgrammar
from PIL import Image

from octavo.extraction.vlm.prompts import answer_schema
from octavo.extraction.vlm.protocol import Finish, Question
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.extraction.vlm.runtimes.torch_parts import GrammarMask
from octavo.model.contracts import Contract
from octavo.model.errors import Cancelled

SCHEMA = {
    "type": "object", "properties": {"name": {"type": "string", "maxLength": 300}}, "required": ["name"], "additionalProperties": False,
}
STOP, LIMIT = "bb", 72
LETTERS = "cdefghijklmnopqrstuvwxyz"
# How a row goes on within the string, by the number of the token, and how it ends: a loop after 64 tokens, the others sooner or later.
WAYS = {
    "loops": (lambda step: "a", Finish.LOOP),
    "stop text": (lambda step: "b" if step > 30 else LETTERS[step * step % 23], Finish.STOP),
    "ends": (lambda step: '"' if step > 20 else LETTERS[step * step % 23], Finish.STOP),
    "too long": (lambda step: LETTERS[(step * step + step // 7) % 23], Finish.LENGTH),
}


@pytest.fixture(scope="module")
def driven(options, runtime):
    """Asks a batch whose rows write as ``WAYS`` says, as far as the grammar lets them."""
    opened = Molmo2(options)
    opened.__dict__.update(model=runtime.model, processor=runtime.processor)
    tokenizer, head = runtime.processor.tokenizer, runtime.model.get_output_embeddings()

    def drive(ways, before=lambda step: None, **changes):
        steps = []

        def prefer(module, inputs, output):
            steps.append(None)
            before(len(steps))
            output = output.clone()
            for row, way in enumerate(ways):
                output[row, ..., tokenizer.convert_tokens_to_ids(WAYS[way][0](len(steps)))] += 1e4
            return output

        asked = Question(Image.new("RGB", (120, 112), "white"), "Read this.", SCHEMA, LIMIT, (STOP,))
        handle = head.register_forward_hook(prefer)
        try:
            # The answers of one ``ask`` are one batch, in the questions' order: they are of one size.
            found = dict(reply for batch in opened.ask([replace(asked, **changes) for _ in ways]) for reply in batch)
        finally:
            handle.remove()
        return [found[place] for place in range(len(ways))]

    drive.runtime = opened
    return drive


@pytest.fixture(scope="module")
def alone(driven):
    """Each way's reply to a question that is asked alone."""
    return {way: driven([way])[0] for way in WAYS}


@pytest.mark.parametrize("ways", [pytest.param(ways, id=", ".join(ways)) for ways in permutations(["loops", "stop text", "ends"])])
def test_a_row_that_ends_by_itself_ends_no_other_and_each_has_the_tokens_that_it_has_alone(driven, alone, ways):
    ways = [*ways, "too long"]
    replies = driven(ways)
    assert [reply.finish for reply in replies] == [WAYS[way][1] for way in ways]
    assert [reply.token_ids for reply in replies] == [alone[way].token_ids for way in ways]
    by_way = dict(zip(ways, (reply.text for reply in replies), strict=True))
    assert by_way["loops"].startswith('{"name":"aaaa')
    assert by_way["ends"].endswith('"}')
    assert STOP not in by_way["stop text"]


def test_a_batch_that_is_called_off_after_a_row_has_ended_stops_at_the_next_token(driven):
    seen = []

    def before(step):
        seen.append(step)
        if step == 40:  # "ends" has ended at 24, "stop text" at 32
            driven.runtime.cancel()

    try:
        with pytest.raises(Cancelled):
            driven(["ends", "loops", "stop text"], before)
    finally:
        driven.runtime._cancelled = False
    assert max(seen) == 40


def test_every_id_that_ends_an_answer_is_allowed_where_the_grammar_is_done(runtime):
    """The tokenizer names one, the model's generation config may name another."""
    tokenizer = runtime.processor.tokenizer
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=runtime._vocabulary)
    grammar = xgrammar.GrammarCompiler(info).compile_json_schema('{"const": 1}')
    mask = GrammarMask(grammar, 1, runtime._vocabulary, {pad, end})
    one = tokenizer.convert_tokens_to_ids("1")
    first = mask(torch.tensor([[0]]), torch.zeros(1, runtime._vocabulary))
    assert torch.isfinite(first).nonzero()[:, 1].tolist() == [one]
    second = mask(torch.tensor([[0, one]]), torch.zeros(1, runtime._vocabulary))
    assert torch.isfinite(second).nonzero()[:, 1].tolist() == sorted({pad, end})


@pytest.mark.parametrize(("said", "fits"), [
    pytest.param('{"name":null,"amount":null,"rows":null,"group":null}', True, id="nothing"),
    pytest.param('{"name":"A","rows":[{"amount":null},{"amount":"1"}],"group":{"amount":null}}', True, id="nothing within"),
    pytest.param('{"amount":"1’234.50"}', True, id="a typographic apostrophe"),
    pytest.param('{"amount":"1\u00a0234,50"}', True, id="a no-break space"),
    pytest.param('{"amount":"1\u202f234,50"}', True, id="a narrow no-break space"),
    pytest.param('{"amount":"1 x 4.50"}', True, id="a number of times"),
    pytest.param('{"amount":""}', False, id="an empty text"), pytest.param('{"name":""}', False, id="an empty name"),
    pytest.param('{"amount":"see page 3 of the annex"}', False, id="words"),
    pytest.param('{"name": "A"}', False, id="a space after a colon"),
    pytest.param('{"name":"A", "amount":"1"}', False, id="a space after a comma"),
])
def test_what_a_held_model_may_say(runtime, said, fits):
    amount = {"amount": {"type": "money"}}
    contract = Contract.model_validate({"name": "c", "title": "C", "fields": {
        "name": {}, **amount, "rows": {"type": "list", "fields": amount}, "group": {"type": "group", "fields": amount},
    }})
    grammar, = runtime._grammars.processors(answer_schema(contract), 1, {2})
    matcher, = grammar._matchers
    assert (matcher.accept_string(said) and matcher.accept_token(2)) is fits


def test_the_mask_is_laid_on_without_a_kernel_that_has_to_be_compiled(driven, monkeypatch):
    """xgrammar's own choice is Triton on CUDA, which compiles when it first runs: Airflow's image has no compiler."""
    chosen, real = [], xgrammar.apply_token_bitmask_inplace

    def apply(*args, **kwargs):
        chosen.append(kwargs.get("backend"))
        return real(*args, **kwargs)

    monkeypatch.setattr(xgrammar, "apply_token_bitmask_inplace", apply)
    driven(["ends"])
    assert set(chosen) == {"torch_native"}
