"""The molmo-0924 runtime on a stand-in whose remote code has the interface of the 2024 family."""

import json
import shutil
from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image, ImageDraw
from transformers import AutoConfig, AutoTokenizer, GenerationConfig

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Finish, Question
from octavo.extraction.vlm.runtimes.compat_0924 import remote_class
from octavo.extraction.vlm.runtimes.molmo_0924 import PADDING, Molmo0924, collated
from octavo.model.errors import SettingsError
from tests.molmo.conftest import FIXTURE
from tests.molmo.with_torch.driving import WAYS, assert_as_alone, drive

STANDIN = FIXTURE.parent / "molmo-0924-standin"


@pytest.fixture(scope="module", params=[pytest.param(0, id="dense"), pytest.param(8, id="mixture of experts")])
def folder(request, tmp_path_factory):
    """The stand-in with random weights and the fixture's tokenizer."""
    target = tmp_path_factory.mktemp("hub") / f"molmo-standin-{request.param}"
    shutil.copytree(STANDIN, target)
    settings = {**json.loads((STANDIN / "config.json").read_text()), "moe_num_experts": request.param}
    (target / "config.json").write_text(json.dumps(settings))
    AutoTokenizer.from_pretrained(FIXTURE / "tiny-molmo2").save_pretrained(target)
    config = AutoConfig.from_pretrained(target, trust_remote_code=True)
    torch.manual_seed(3)
    model = remote_class(str(target), "main")(config)
    for name, tensor in model.named_parameters():
        if tensor.dim() == 2:  # large enough that image, words and places all show in the tokens
            tensor.data.normal_(0, 1 if name.startswith(("words", "places", "eye")) else 0.3)
    model.save_pretrained(target)
    (target / "config.json").write_text(json.dumps(settings))
    return target


@pytest.fixture(scope="module")
def runtime(folder):
    return Molmo0924(RuntimeOptions(runtime="molmo-0924", model=str(folder), revision="main", trust_remote_code=True, device="cpu"))


@pytest.fixture(scope="module")
def questions():
    found = []
    for place, width in enumerate((300, 150, 900, 450, 200)):
        image = Image.new("RGB", (width, 112), (250 - 40 * place, 255, 200))
        ImageDraw.Draw(image).text((5, 5 + 15 * place), f"Total {place}", fill="black", font_size=30)
        found.append(Question(image, "Read" + " this" * place, None, 12))
    return found


def by_the_tutorial(runtime, question):
    """The calls of the family's model card, one image at a time."""
    processed = runtime.processor.process(images=[question.image], text=question.prompt)
    inputs = {name: tensor.unsqueeze(0) for name, tensor in processed.items()}
    settings = GenerationConfig(max_new_tokens=question.max_new_tokens, stop_strings=runtime.processor.tokenizer.eos_token)
    output = runtime.model.generate_from_batch(inputs, settings, tokenizer=runtime.processor.tokenizer)
    return output[0, inputs["input_ids"].size(1):].tolist()


def tokens(runtime, questions):
    found = dict(reply for batch in runtime.ask(questions) for reply in batch)
    return [list(found[place].token_ids) for place in range(len(questions))]


def test_alone_and_in_a_batch_the_tokens_are_those_of_the_tutorials_calls(runtime, questions):
    wanted = [by_the_tutorial(runtime, question) for question in questions]
    assert len({tuple(row) for row in wanted}) > 1
    assert [tokens(runtime, [question])[0] for question in questions] == wanted
    assert tokens(runtime, questions) == wanted
    assert tokens(runtime, questions[::-1]) == wanted[::-1]


def test_answers_can_be_held_to_a_schema(runtime, questions):
    schema = {"type": "object", "properties": {"n": {"type": "string", "maxLength": 3}}, "additionalProperties": False, "required": ["n"]}
    asked = [replace(question, schema=schema, max_new_tokens=40) for question in questions]
    replies = [reply for batch in runtime.ask(asked) for _, reply in batch]
    assert all(reply.text.startswith('{"n":"') for reply in replies)
    assert {reply.finish for reply in replies} == {Finish.STOP}


@pytest.mark.parametrize("turn", [pytest.param(1, id="in order"), pytest.param(-1, id="in reverse")])
def test_a_held_row_that_ends_by_itself_ends_no_other(runtime, turn):
    asking, ways = partial(drive, runtime, runtime.model.head), list(WAYS)[::turn]
    assert_as_alone(asking(ways), ways, {way: asking([way])[0] for way in ways})


def test_rows_of_a_batch_are_padded_at_their_end():
    long = {"input_ids": torch.tensor([1, 2, 3]), "images": torch.ones(2, 4, 3)}
    batch = collated([long, {"input_ids": torch.tensor([4]), "images": torch.ones(1, 4, 3)}])
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, PADDING, PADDING]]
    assert batch["images"].shape == (2, 2, 4, 3)
    assert (batch["images"][1, 1] == PADDING).all()


@pytest.mark.parametrize("given", [
    pytest.param({"trust_remote_code": False, "revision": "main"}, id="not trusted"),
    pytest.param({"trust_remote_code": True, "revision": None}, id="not pinned"),
])
def test_remote_code_runs_only_when_it_is_trusted_and_pinned(folder, given):
    with pytest.raises((SettingsError, ValueError), match="trust_remote_code"):
        Molmo0924(RuntimeOptions(runtime="molmo-0924", model=str(folder), **given))
