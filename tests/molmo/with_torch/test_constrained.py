"""Batches that are held to a schema, with rows that end in every way and in every order."""

from functools import partial
from itertools import permutations

import pytest
import torch
import xgrammar

from octavo.extraction.vlm.prompts import answer_schema
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.extraction.vlm.runtimes.torch_parts import GrammarMask
from octavo.model.contracts import Contract
from octavo.model.errors import Cancelled
from tests.molmo.with_torch.driving import WAYS, assert_as_alone, drive


@pytest.fixture(scope="module")
def driven(options, runtime):
    """Asks a batch whose rows write as ``WAYS`` says, as far as the grammar lets them."""
    opened = Molmo2(options)
    opened.__dict__.update(model=runtime.model, processor=runtime.processor)
    asking = partial(drive, opened, runtime.model.get_output_embeddings())
    asking.runtime = opened
    return asking


@pytest.fixture(scope="module")
def alone(driven):
    """Each way's reply to a question that is asked alone."""
    return {way: driven([way])[0] for way in WAYS}


@pytest.mark.parametrize("ways", [pytest.param(ways, id=", ".join(ways)) for ways in permutations(WAYS)])
def test_a_row_that_ends_by_itself_ends_no_other_and_each_has_the_tokens_that_it_has_alone(driven, alone, ways):
    assert_as_alone(driven(ways), ways, alone)


@pytest.mark.parametrize("ways", [pytest.param(ways, id=", ".join(ways)) for ways in permutations(["ends", "loops", "stop text"])])
def test_a_batch_that_is_called_off_after_rows_have_ended_stops_at_the_next_token(driven, ways):
    seen = []

    def before(step):
        seen.append(step)
        if step == 40:  # "ends" has ended at 24, "stop text" at 32
            driven.runtime.cancel()

    try:
        with pytest.raises(Cancelled):
            driven(ways, before)
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
