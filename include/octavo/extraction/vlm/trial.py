"""Asking a model one thing, as the stage would ask it: whether it and its runtime do what the stage needs."""

from __future__ import annotations

from contextlib import closing

from PIL import Image, ImageDraw

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.extraction.vlm.protocol import Question
from octavo.extraction.vlm.runtimes import open_runtime
from octavo.extraction.vlm.windows import crop
from octavo.model.contracts import Contract, Strategy
from octavo.model.entities import Box
from octavo.model.errors import ModelUnavailable

# Somebody waits for the answer.
PATIENCE_SECONDS, TIMEOUT_SECONDS = 5.0, 60.0
RECEIPT = Contract.model_validate({"name": "trial", "title": "Receipts", "fields": {"total": {"type": "money"}}})


def question_of(contract: Contract, image: Image.Image, options: RuntimeOptions) -> Question:
    """What is asked about ``image`` as one chunk, a page, without its words."""
    rule = contract.prompt
    schema = answer_schema(contract) if options.constrain else None
    shown = crop(image, Box(0, 0, *image.size), rule.max_height_px, options.least_side_px, options.tiles(contract))
    most = rule.max_crops or contract.chunking.tiles
    return Question(shown, prompt(contract, Strategy.PAGE, ""), schema, rule.max_new_tokens, rule.stop, most)


def try_endpoint(options: RuntimeOptions) -> str:
    """Ask the endpoint for the total of a small receipt; what it did, for people.

    A model that runs in the task's process is not asked: whoever calls this has no card, as a rule.

    Raises:
        SettingsError: the server refuses the key, the model or a field of the question.
        ModelUnavailable: it does not answer, or refuses the question.
    """
    if options.runtime != "openai":
        return f"the options fit together; {options.model} runs in the tasks' process, where python -m octavo molmo-try asks it"
    image = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(image).text((30, 70), "TOTAL  12.50", fill="black", font_size=48)
    waiting = {"patience_seconds": PATIENCE_SECONDS, "timeout_seconds": min(TIMEOUT_SECONDS, options.timeout_seconds)}
    with closing(open_runtime(options.model_copy(update=waiting))) as runtime:
        (_, reply), = next(iter(runtime.ask([question_of(RECEIPT, image, options)])))
    if reply.error:
        raise ModelUnavailable(f"{options.base_url} refuses the question: {reply.error}")
    if not options.constrain:
        held = "it was not asked to hold its model to a schema"
    elif getattr(runtime, "ignores_schema", False):
        held = "it does not hold its model to the contract's schema: answers are parsed as they come"
    else:
        held = "it holds its model to the contract's schema, as far as one answer shows"
    return (
        f"{options.model} at {options.base_url} answered {reply.text[:80]!r} in {reply.seconds:.1f} s, "
        f"{reply.prompt_tokens} prompt tokens; {held}"
    )
