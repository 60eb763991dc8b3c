"""What runs a model in this process, whichever family it is of: batches, memory that runs out, and closing."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Finish, Identity, Question, Reply
from octavo.extraction.vlm.retries import OUT_OF_MEMORY
from octavo.extraction.vlm.runtimes import torch_parts
from octavo.extraction.vlm.runtimes.identity import identify
from octavo.extraction.vlm.runtimes.lease import Lease
from octavo.model.errors import Cancelled, ModelUnavailable, SettingsError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


class InProcess(ABC):
    """A checkpoint in this process; loaded at the first question."""

    name: str

    def __init__(self, options: RuntimeOptions) -> None:
        self._options = options
        self.identity: Identity = identify(options.model, options.revision)
        self._cancelled = False
        self._lease: Lease | None = None
        torch_parts.check(self.name)

    @cached_property
    def versions(self) -> str:
        return torch_parts.versions(self.name, self._device)

    @cached_property
    def _device(self) -> torch.device:
        chosen, self._lease = torch_parts.lease(torch_parts.devices(self._options.device))
        return chosen

    @cached_property
    @abstractmethod
    def processor(self) -> Any:
        """The checkpoint's processor, with its tokenizer as ``tokenizer``."""

    @cached_property
    @abstractmethod
    def model(self) -> Any:
        """The checkpoint on its device."""

    @property
    @abstractmethod
    def _vocabulary(self) -> int:
        """Width of the model's output layer."""

    @abstractmethod
    def tokens(self, question: Question) -> int:
        """Prompt and answer tokens of a question, at most."""

    @abstractmethod
    def _generate(self, questions: list[Question]) -> list[Reply]:
        """The replies to a batch of questions that differ in image and prompt only."""

    def _placed(self, load: Callable[[torch.dtype], Any]) -> Any:
        """The checkpoint that ``load`` gives, on the device and ready to generate.

        Raises:
            SettingsError: it cannot be loaded, or the device has too little memory for it.
        """
        import torch

        started = time.monotonic()
        model, device = self._options.model, self._device
        dtype, free = torch_parts.dtype(self._options.dtype, device), torch_parts.free_memory(device)
        # cuDNN's attention gave other tokens in a second run, and failed where 74,000 image tokens were pooled at once (H200, torch 2.11).
        torch.backends.cuda.enable_cudnn_sdp(False)
        try:
            placed = load(dtype).to(device).eval()
        except (OSError, ValueError, KeyError) as error:
            raise SettingsError(f"model {model!r} cannot be loaded by runtime {self.name}: {error}") from error
        except RuntimeError as error:
            if not torch_parts.is_too_large(error):
                raise
            raise SettingsError(
                f"model {model!r} as {dtype} does not fit into the memory of {device}{free}; end what else uses it, or take a smaller model"
            ) from error
        seconds = time.monotonic() - started
        log.info("loaded %s %s on %s as %s in %.1f s", self.identity.model, self.identity.revision, device, dtype, seconds)
        return placed

    @cached_property
    def _grammars(self) -> torch_parts.Grammars:
        return torch_parts.Grammars(self.processor.tokenizer, self._vocabulary)

    def ask(self, questions: Sequence[Question]) -> Iterator[list[tuple[int, Reply]]]:
        """Answer in batches of like settings and size; see ``protocol.Runtime``."""
        alike: dict[tuple[object, ...], list[int]] = {}
        for place, question in enumerate(questions):
            settings = (question.max_new_tokens, question.stop, question.max_crops, torch_parts.schema_text(question.schema))
            alike.setdefault(settings, []).append(place)
        for places in alike.values():
            sizes = [self.tokens(questions[place]) for place in places]
            for batch in batches(sizes, self._options.batch_size, self._options.batch_tokens):
                chosen = [places[index] for index in batch]
                log.debug("batch of %d, up to %d tokens each", len(chosen), max(sizes[index] for index in batch))
                yield from self._answered(chosen, questions)

    def _answered(self, places: list[int], questions: Sequence[Question]) -> Iterator[list[tuple[int, Reply]]]:
        """Answer a batch; where the device's memory does not do, its halves.

        Raises:
            ModelUnavailable: the device fails on a single crop, for want of memory or for another reason.
        """
        import torch

        try:
            replies = self._generate([questions[place] for place in places]) if not self._cancelled else []
        except RuntimeError as error:  # OutOfMemoryError is one
            if not torch_parts.is_too_large(error):
                raise
            if len(places) == 1 and not isinstance(error, torch.OutOfMemoryError):
                free = torch_parts.free_memory(self._device)
                raise ModelUnavailable(f"{self._device}{free} fails on a single crop: {error}; end what else uses it") from error
            replies = None
        if self._cancelled:  # the answers of this batch were cut off
            raise Cancelled("cancelled; answers that were given before are kept")
        if replies is not None:
            yield list(zip(places, replies, strict=True))
            return
        torch_parts.empty_cache(self._device)  # outside the handler: its traceback holds the batch's tensors
        if len(places) == 1:
            log.warning("one crop of %d x %d px does not fit into the device's memory", *questions[places[0]].image.size)
            yield [(places[0], Reply("", Finish.ERROR, error=OUT_OF_MEMORY))]
            return
        log.warning("a batch of %d does not fit into the device's memory; asking its halves", len(places))
        middle = len(places) // 2
        yield from self._answered(places[:middle], questions)
        yield from self._answered(places[middle:], questions)

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        """Give the weights' memory back, and then the device."""
        for name in ("model", "processor", "_grammars"):
            self.__dict__.pop(name, None)
        if "_device" in self.__dict__:
            torch_parts.empty_cache(self.__dict__.pop("_device"))
        if self._lease:
            self._lease.release()
            self._lease = None


def batches(tokens: Sequence[int], batch_size: int, batch_tokens: int) -> list[list[int]]:
    """Group questions of a like size, largest first, so that memory runs out at once or not at all.

    Args:
        tokens: prompt and answer tokens of each question, the most it can come to.
        batch_size: most questions of a batch.
        batch_tokens: most tokens of a batch, every question padded to its largest; a single question may have more.

    Returns:
        Indices into ``tokens``, each exactly once.
    """
    cut: list[list[int]] = []
    for place in sorted(range(len(tokens)), key=lambda index: (-tokens[index], index)):
        last = cut[-1] if cut else []
        if last and len(last) < batch_size and (len(last) + 1) * tokens[last[0]] <= batch_tokens:
            last.append(place)
        else:
            cut.append([place])
    return cut
