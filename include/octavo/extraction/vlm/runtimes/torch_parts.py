"""What the in-process runtimes share: devices, grammars, noticing loops, and turning tokens into replies.

torch, transformers and xgrammar are imported within functions: the core runs without them.
"""

from __future__ import annotations

import gc
import json
import logging
import os
from collections.abc import Callable, Sequence
from importlib import metadata, util
from typing import TYPE_CHECKING, Any

from octavo.extraction.vlm.prompts import SEPARATORS
from octavo.extraction.vlm.protocol import Finish, Reply
from octavo.extraction.vlm.runtimes.lease import Lease, folder, take
from octavo.model.answer_json import LEAST_TOKENS, tail_unit
from octavo.model.errors import SettingsError, ToolMissing

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

NEEDED = ("torch", "torchvision", "transformers", "xgrammar")
# Steps between two looks for loops; looking costs more than a step of a small model.
LOOK_EVERY = 16

# torch's words for a driver that is older than its CUDA.
TOO_OLD = "driver on your system is too old"
# How CUDA and the libraries under torch end for want of memory, beside torch's own OutOfMemoryError; the first and the last were seen
# on a card that another process had filled.
TOO_LARGE = ("CUDNN_STATUS_", "CUBLAS_STATUS_", "CUDA error: out of memory")


def check(runtime: str, *more: str) -> None:
    """Raises ``ToolMissing`` where a library is not installed."""
    missing = [name for name in (*NEEDED, *more) if util.find_spec(name) is None]
    if missing:
        raise ToolMissing(f"runtime {runtime} needs {', '.join(missing)}; install requirements.txt, or use runtime openai")


def versions(runtime: str, used: torch.device) -> str:
    """``molmo2 torch 2.14.1 transformers 5.23.0 xgrammar 0.2.8 cpu``."""
    return " ".join([runtime, *(f"{name} {metadata.version(name)}" for name in NEEDED if name != "torchvision"), device_name(used)])


def devices(name: str) -> list[torch.device]:
    """The devices that a setting allows, best first: ``auto`` and ``cuda`` are any card, ``auto`` without one is the CPU.

    Raises:
        SettingsError: there is no such device, or there are cards that the driver or the libraries keep from being used.
    """
    import torch

    count = torch.cuda.device_count()
    # A driver that is too old can look like no card: where NVML is not asked (slices) or fails, CUDA itself counts none.
    refusal = "" if name == "cpu" or (count and torch.cuda.is_available()) else _refusal()
    if name == "auto" and not count and TOO_OLD not in refusal:
        log.warning("no CUDA device is to be seen (%s): the model runs on the CPU; OCTAVO_MOLMO_DEVICE=cuda makes that an error", refusal)
        name = "cpu"
    try:
        chosen = torch.device("cuda" if name == "auto" else name)
    except RuntimeError as error:
        raise SettingsError(f"device {name!r} is not known; use auto, cpu, cuda or cuda:N") from error
    if chosen.type != "cuda":
        return [chosen]
    if refusal and (count or TOO_OLD in refusal):
        raise SettingsError(
            f"torch {torch.__version__} for CUDA {torch.version.cuda} cannot use the cards of this machine: {refusal} Update the NVIDIA "
            f"driver to one for CUDA {torch.version.cuda} or later (nvidia-smi shows which CUDA a driver is for), install "
            "a torch that was built for the driver's, or run on the CPU on purpose with OCTAVO_MOLMO_DEVICE=cpu"
        )
    if count:
        torch.cuda.init()
        count = torch.cuda.device_count()  # before, NVML was asked, which counts cards that are split into slices (MIG)
    if (chosen.index or 0) >= count:
        raise SettingsError(f"device {name} was asked for, and this machine shows {count} CUDA devices{f': {refusal}' if refusal else ''}")
    return [torch.device("cuda", index) for index in (range(count) if chosen.index is None else [chosen.index])]


def _refusal() -> str:
    """Why CUDA cannot be used, in torch's words."""
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        return " ".join(str(error).split())
    return "torch does not say why."


def lease(allowed: Sequence[torch.device]) -> tuple[torch.device, Lease | None]:
    """A device of those for this task alone, with its lease; the CPU is shared.

    Raises:
        SettingsError: other tasks have all of them.
    """
    import torch

    if allowed[0].type != "cuda":
        return allowed[0], None
    cards = [(_card(one), f"{one} ({device_name(one)})") for one in allowed]
    taken = take(cards, folder())
    torch.cuda.set_device(allowed[taken.place])  # libraries that launch on the current card use the leased one
    return allowed[taken.place], taken


def _card(one: torch.device) -> str:
    """An id that names a card whatever a process calls it. A slice (MIG) has its own, by which it was made visible."""
    import torch

    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    name = shown[one.index] if one.index < len(shown) else ""
    return name.replace("/", "_") if name.startswith("MIG-") else str(torch.cuda.get_device_properties(one).uuid)


def device_name(used: torch.device) -> str:
    import torch

    return str(torch.cuda.get_device_name(used) if used.type == "cuda" else used.type)


def is_too_large(error: RuntimeError) -> bool:
    """Whether it is for want of memory, so that fewer crops at a time may help."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in TOO_LARGE)


def free_memory(used: torch.device) -> str:
    """``, which had 3.2 of 79.2 GiB free``; nothing for a device whose memory is not its own."""
    import torch

    if used.type != "cuda":
        return ""
    try:
        free, total = torch.cuda.mem_get_info(used)
    except RuntimeError:  # a card without any memory left does not even tell
        return ", which had no memory free"
    return f", which had {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"


def dtype(name: str, used: torch.device) -> torch.dtype:
    """The weights' type; ``auto`` is bfloat16 on CUDA and float32 elsewhere."""
    import torch

    if name == "auto":
        name = "bfloat16" if used.type == "cuda" else "float32"
    chosen: torch.dtype = getattr(torch, name)
    return chosen


def empty_cache(used: torch.device) -> None:
    """Give freed memory of the device back to its other users."""
    import torch

    gc.collect()
    if used.type == "cuda":
        torch.cuda.empty_cache()


def schema_text(schema: dict[str, Any] | None) -> str:
    return json.dumps(schema) if schema else ""


class Grammars:
    """Compiled JSON schemas for one tokenizer.

    Args:
        tokenizer: of the model.
        vocabulary: width of the model's output layer, which may differ from the tokenizer's size.
    """

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary)
        self._compiler = xgrammar.GrammarCompiler(info)
        self._vocabulary = vocabulary
        self._compiled: dict[str, Any] = {}

    def processors(self, schema: dict[str, Any] | None, rows: int, ends: set[int]) -> list[GrammarMask]:
        """What holds one ``generate`` call to ``schema``; nothing for None. It keeps state: one call, one list.

        Args:
            rows: of the batch.
            ends: ids that end an answer.
        """
        if schema is None:
            return []
        text = schema_text(schema)
        if text not in self._compiled:
            self._compiled[text] = self._compiler.compile_json_schema(text, any_whitespace=False, separators=SEPARATORS)
        return [GrammarMask(self._compiled[text], rows, self._vocabulary, ends)]


class GrammarMask:
    """A logits processor of transformers: holds each row of a batch to a grammar until the row has ended.

    ``generate`` writes padding into a row that has ended, by a loop or a stop text as much as by the grammar, until the last
    row of the batch ends. No grammar allows for padding: the row is let go, and the others stay held.

    The mask is laid on by torch's own operators on every device. xgrammar's default on CUDA is a Triton kernel, which needs a
    C compiler at run time and is launched on the process's current card, whichever card the scores are on.
    """

    def __init__(self, grammar: Any, rows: int, vocabulary: int, ends: set[int]) -> None:
        import xgrammar

        self._matchers = [xgrammar.GrammarMatcher(grammar, override_stop_tokens=sorted(ends)) for _ in range(rows)]
        self._mask = xgrammar.allocate_token_bitmask(rows, vocabulary)
        self._held = set(range(rows))
        self._begun = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import xgrammar

        if self._begun:
            self._accept(input_ids[:, -1].tolist())
        self._begun = True
        for row in self._held:
            self._matchers[row].fill_next_token_bitmask(self._mask, row)
        if self._held:
            xgrammar.apply_token_bitmask_inplace(scores, self._mask.to(scores.device), backend="torch_native")
        return scores

    def _accept(self, tokens: list[int]) -> None:
        """Take the last token of each row; let those go that have ended."""
        for row in sorted(self._held):
            matcher = self._matchers[row]
            if not matcher.accept_token(tokens[row]) or matcher.is_terminated():
                self._held.discard(row)
                self._mask[row] = -1  # every token is allowed


def end_tokens(generation: Any) -> set[int]:
    """The ids that end an answer, from a model's generation config."""
    ends = generation.eos_token_id
    return set(ends if isinstance(ends, list) else [ends])


class LoopWatch:
    """A stopping criterion of transformers: ends those rows of a batch that repeat themselves, or all when they are called off.

    Args:
        width: tokens of the padded prompts.
        rows: of the batch.
        ends: ids that end an answer; what follows one is padding, and no loop.
        cancelled: whether all of it is called off.
    """

    def __init__(self, width: int, rows: int, ends: set[int], cancelled: Callable[[], bool] = lambda: False) -> None:
        self._width = width
        self._ends = ends
        self._cancelled = cancelled
        self.looping = [False] * rows

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        import torch

        if self._cancelled():
            return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        done = input_ids.shape[1] - self._width
        if done >= LEAST_TOKENS and done % LOOK_EVERY == 0:
            for row, tokens in enumerate(input_ids[:, self._width:].tolist()):
                if not self.looping[row] and self._ends.isdisjoint(tokens):
                    self.looping[row] = bool(tail_unit(tokens, LEAST_TOKENS))
        return torch.tensor(self.looping, dtype=torch.bool, device=input_ids.device)


def replies(
    rows: Sequence[list[int]], prompt_tokens: Sequence[int], tokenizer: Any, ends: set[int], looping: Sequence[bool], stops: Sequence[str],
    seconds: float,
) -> list[Reply]:
    """Generated ids of a batch as replies; the batch's time is shared out by tokens written.

    Args:
        rows: ids after the prompt, padded on the right once a row was done.
        ends: ids that end an answer.
        looping: rows that were stopped for repeating themselves.
        stops: texts that end an answer.
    """
    found = []
    for ids, loop in zip(rows, looping, strict=True):
        ids, finish = _ended(ids, ends, loop, tokenizer.pad_token_id)
        text = tokenizer.decode(ids, skip_special_tokens=True)
        cut = min((text.index(stop) for stop in stops if stop in text), default=None)
        found.append((ids, text, finish) if cut is None else (ids, text[:cut], Finish.STOP))
    total = sum(len(ids) + 1 for ids, _, _ in found)
    return [
        Reply(text, finish, prompt, len(ids), round(seconds * (len(ids) + 1) / total, 6), token_ids=tuple(ids))
        for (ids, text, finish), prompt in zip(found, prompt_tokens, strict=True)
    ]


def _ended(ids: list[int], ends: set[int], loop: bool, padding: int | None) -> tuple[list[int], Finish]:
    """A row up to its end token, which stays, and without the padding behind it."""
    end = next((place for place, token in enumerate(ids) if token in ends), None)
    if end is not None and not loop:
        return ids[:end + 1], Finish.STOP
    while ids and (ids[-1] == padding or ids[-1] in ends):
        ids = ids[:-1]
    return ids, Finish.LOOP if loop else Finish.LENGTH
