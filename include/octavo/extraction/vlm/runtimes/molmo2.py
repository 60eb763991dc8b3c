"""Runtime ``molmo2``: the Molmo2 family in this process, on the classes that transformers has for it.

Batches are padded on the left and decoded greedily, so an answer in a batch has the same tokens as the
same answer alone (exactly in fp32; in bf16 near-ties can flip).
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

from octavo.extraction.vlm.protocol import Question, Reply
from octavo.extraction.vlm.runtimes import torch_parts
from octavo.extraction.vlm.runtimes.in_process import InProcess

# Tokens of the chat's markup around a prompt.
MARKUP_TOKENS = 16


class Molmo2(InProcess):
    """A Molmo2 checkpoint of any size."""

    name = "molmo2"

    @cached_property
    def processor(self) -> Any:
        from transformers import AutoProcessor

        processor = AutoProcessor.from_pretrained(self._options.model, revision=self._options.revision)
        processor.tokenizer.padding_side = "left"
        return processor

    @cached_property
    def model(self) -> Any:
        from transformers import AutoModelForImageTextToText

        def load(dtype: Any) -> Any:
            # Other formats of weights can run code when they are loaded.
            model = AutoModelForImageTextToText.from_pretrained(
                self._options.model, revision=self._options.revision, dtype=dtype, use_safetensors=True)
            if model.config.model_type != self.name:
                raise ValueError(f"it is a {model.config.model_type}, not a Molmo2; choose another runtime")
            return model

        return self._placed(load)

    @property
    def _vocabulary(self) -> int:
        return int(self.model.config.text_config.vocab_size)

    def tokens(self, question: Question) -> int:
        """Prompt and answer tokens of a question, at most."""
        image = self.processor.image_processor
        options = {} if question.max_crops is None else {"max_crops": question.max_crops}
        grid, _ = image.get_image_grid_and_crops(question.image.height, question.image.width, options)
        low_rows, low_columns, rows, columns = (int(side) for side in grid)
        canvas, whole = self.processor.image_use_col_tokens, self.processor.use_single_crop_col_tokens
        column, low_column = bool(canvas), bool(canvas if whole is None else whole)  # one per row; a start and an end per view
        picture = low_rows * (low_columns + low_column) + rows * (columns + column) + 4
        return picture + len(self.processor.tokenizer(question.prompt)["input_ids"]) + MARKUP_TOKENS + question.max_new_tokens

    def _generate(self, questions: list[Question]) -> list[Reply]:
        """The replies to a batch of questions that differ in image and prompt only."""
        import torch

        started = time.monotonic()
        first = questions[0]
        inputs = self._inputs(questions).to(self._device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        width = inputs["input_ids"].shape[1]
        ends = torch_parts.end_tokens(self.model.generation_config)
        watch = torch_parts.LoopWatch(width, len(questions), ends, lambda: self._cancelled)
        stopping: dict[str, Any] = {"stopping_criteria": [watch]}
        if first.stop:
            stopping |= {"stop_strings": list(first.stop), "tokenizer": self.processor.tokenizer}
        with torch.inference_mode():
            output = self.model.generate(
                **inputs, max_new_tokens=first.max_new_tokens, do_sample=False,
                logits_processor=self._grammars.processors(first.schema, len(questions), ends), **stopping,
            )
        prompts = inputs["attention_mask"].sum(dim=1).tolist()
        return torch_parts.replies(
            output[:, width:].tolist(), prompts, self.processor.tokenizer, ends, watch.looping, first.stop, time.monotonic() - started,
        )

    def _inputs(self, questions: list[Question]) -> Any:
        """The processor's tensors for a batch, padded on the left; images are cut into tiles on the device, which is faster there."""
        text = [
            self.processor.apply_chat_template(
                [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question.prompt}]}],
                tokenize=False, add_generation_prompt=True,
            )
            for question in questions
        ]
        crops = questions[0].max_crops
        options = {} if crops is None else {"max_crops": crops}
        images = [question.image for question in questions]
        return self.processor(images=images, text=text, padding=True, return_tensors="pt", device=self._device, **options)
