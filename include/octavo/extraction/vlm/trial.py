"""Asking a model one thing, as the stage would ask it: whether it and its runtime do what the stage needs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

from PIL import Image, ImageDraw

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.extraction.vlm.protocol import Question, Reply, Runtime
from octavo.extraction.vlm.runtimes import open_runtime
from octavo.extraction.vlm.windows import crop
from octavo.model.contracts import Contract, Strategy
from octavo.model.entities import Box
from octavo.model.errors import ModelUnavailable
from octavo.model.tiling import HIGH_TILES

# Somebody waits for the answer.
PATIENCE_SECONDS, TIMEOUT_SECONDS = 5.0, 60.0
# Fields that only some contracts need, what of a question sends them, and the tokens of an answer that nobody reads.
OPTIONAL: dict[str, dict[str, Any]] = {"mm_processor_kwargs": {"max_crops": HIGH_TILES}, "stop": {"stop": ("\n\n",)}}
FEW_TOKENS = 8
RECEIPT = Contract.model_validate({"name": "trial", "title": "Receipts", "fields": {"total": {"type": "money"}}})


def question_of(contract: Contract, image: Image.Image, options: RuntimeOptions) -> Question:
    """What is asked about ``image`` as one chunk, a page, without its words."""
    rule = contract.prompt
    schema = answer_schema(contract) if options.constrain else None
    shown = crop(image, Box(0, 0, *image.size), rule.max_height_px, options.least_side_px, options.tiles(contract))
    most = rule.max_crops or contract.chunking.tiles
    return Question(shown, prompt(contract, Strategy.PAGE, ""), schema, rule.max_new_tokens, rule.stop, most)


def try_endpoint(options: RuntimeOptions) -> str:
    """Ask the endpoint for the total of a small receipt, then again with each field that only some contracts need.

    A model that runs in the task's process is not asked: whoever calls this has no card, as a rule.

    Returns:
        What the server did and which of those fields it refused, for people.

    Raises:
        SettingsError: the server refuses the key, the model or a field of every question.
        ModelUnavailable: it does not answer, or refuses the question.
    """
    if options.runtime != "openai":
        return f"the options fit together; {options.model} runs in the tasks' process, where python -m octavo molmo-try asks it"
    image = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(image).text((30, 70), "TOTAL  12.50", fill="black", font_size=48)
    waiting = {"patience_seconds": PATIENCE_SECONDS, "timeout_seconds": min(TIMEOUT_SECONDS, options.timeout_seconds)}
    asked = question_of(RECEIPT, image, options)
    with closing(open_runtime(options.model_copy(update=waiting))) as runtime:
        reply = _replies(runtime, [asked])[0]
        if reply.error:
            raise ModelUnavailable(f"{options.base_url} refuses the question: {reply.error}")
        more = [replace(asked, max_new_tokens=FEW_TOKENS, **changes) for changes in OPTIONAL.values()]
        refused = [f"{field} ({said.error})" for field, said in zip(OPTIONAL, _replies(runtime, more), strict=True) if said.error]
    if not options.constrain:
        held = "it was not asked to hold its model to a schema"
    elif getattr(runtime, "ignores_schema", False):
        held = "it does not hold its model to the contract's schema: answers are parsed as they come"
    else:
        held = "it holds its model to the contract's schema, as far as one answer shows"
    takes = f"it refuses {', '.join(refused)}: contracts must not ask for that" if refused else f"it takes {' and '.join(OPTIONAL)}"
    return (
        f"{options.model} at {options.base_url} answered {reply.text[:80]!r} in {reply.seconds:.1f} s, "
        f"{reply.prompt_tokens} prompt tokens; {held}; {takes}"
    )


def _replies(runtime: Runtime, asked: list[Question]) -> list[Reply]:
    found = dict(reply for batch in runtime.ask(asked) for reply in batch)
    return [found[place] for place in range(len(asked))]
