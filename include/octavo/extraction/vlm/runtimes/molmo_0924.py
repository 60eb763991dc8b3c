"""Runtime ``molmo-0924``: the family of September 2024 (MolmoE-1B, Molmo-7B-O, -7B-D, -72B) in this process.

It runs the code that comes with the checkpoint, so it needs ``trust_remote_code`` and a pinned revision.
Batches are padded on the right with -1, as the family's own code expects it.
"""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import Any

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Question, Reply
from octavo.extraction.vlm.runtimes import torch_parts
from octavo.extraction.vlm.runtimes.compat_0924 import remote_class, without_tensorflow
from octavo.extraction.vlm.runtimes.in_process import InProcess
from octavo.model.errors import SettingsError

PADDING = -1
# The family's tiles: 336 px that overlap by 112, each pooled to 12 x 12 tokens and a column token per row.
TILE_PX, TILE_TOKENS, MAX_CROPS = 224, 12 * 13 + 2, 12
MARKUP_TOKENS = 16


class Molmo0924(InProcess):
    """A Molmo-0924 checkpoint, by its own code."""

    name = "molmo-0924"

    def __init__(self, options: RuntimeOptions) -> None:
        if not (options.trust_remote_code and options.revision):
            raise SettingsError("molmo-0924 runs code that comes with the model: set trust_remote_code, and revision to what you trust")
        torch_parts.check(self.name, "einops")
        super().__init__(options)
        self._revision = options.revision

    @cached_property
    def processor(self) -> Any:
        from transformers import AutoProcessor

        with without_tensorflow():
            return AutoProcessor.from_pretrained(self._options.model, revision=self._revision, trust_remote_code=True)

    @cached_property
    def model(self) -> Any:
        name, revision = self._options.model, self._revision
        return self._placed(
            lambda dtype: remote_class(name, revision).from_pretrained(name, revision=revision, dtype=dtype, use_safetensors=True))

    @property
    def _vocabulary(self) -> int:
        config = self.model.config
        return int(getattr(config, "embedding_size", None) or config.vocab_size)

    def tokens(self, question: Question) -> int:
        """Prompt and answer tokens of a question, at most."""
        tiles = math.ceil(question.image.width / TILE_PX) * math.ceil(question.image.height / TILE_PX)
        picture = (1 + min(tiles, question.max_crops or MAX_CROPS)) * TILE_TOKENS
        return picture + len(self.processor.tokenizer(question.prompt)["input_ids"]) + MARKUP_TOKENS + question.max_new_tokens

    def _generate(self, questions: list[Question]) -> list[Reply]:
        """The replies to a batch of questions that differ in image and prompt only."""
        import torch
        from transformers import GenerationConfig

        started = time.monotonic()
        first, tokenizer = questions[0], self.processor.tokenizer
        inputs = {name: tensor.to(self._device) for name, tensor in collated([self._processed(question) for question in questions]).items()}
        inputs["images"] = inputs["images"].to(self.model.dtype)
        width = inputs["input_ids"].shape[1]
        ends = {tokenizer.eos_token_id}
        padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        watch = torch_parts.LoopWatch(width, len(questions), ends, lambda: self._cancelled)
        stopping: dict[str, Any] = {"stopping_criteria": [watch]}
        settings = {
            "max_new_tokens": first.max_new_tokens, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": padding, "use_cache": True,
        }
        if first.stop:
            stopping["tokenizer"] = tokenizer
            settings["stop_strings"] = list(first.stop)
        with torch.inference_mode():
            output = self.model.generate_from_batch(
                inputs, GenerationConfig(**settings),
                logits_processor=self._grammars.processors(first.schema, len(questions), ends), **stopping,
            )
        prompts = (inputs["input_ids"] != PADDING).sum(dim=1).tolist()
        seconds = time.monotonic() - started
        return torch_parts.replies(output[:, width:].tolist(), prompts, tokenizer, ends, watch.looping, first.stop, seconds)

    def _processed(self, question: Question) -> dict[str, Any]:
        options = {} if question.max_crops is None else {"images_kwargs": {"max_crops": question.max_crops}}
        return dict(self.processor.process(images=[question.image], text=question.prompt, **options))


def collated(examples: list[dict[str, Any]]) -> dict[str, Any]:
    """The tensors of several ``process`` calls as one batch, each padded at the end of its first dimension."""
    import torch

    return {
        name: torch.nn.utils.rnn.pad_sequence([example[name] for example in examples], batch_first=True, padding_value=PADDING)
        for name in examples[0]
    }
