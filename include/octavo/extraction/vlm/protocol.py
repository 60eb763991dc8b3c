"""What every runtime of a model does: questions in, replies out, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from PIL import Image


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"       # the model was done
    LENGTH = "length"   # the token limit
    LOOP = "loop"       # it repeated itself and was stopped
    ERROR = "error"     # there is no answer; ``Reply.error`` says why
    BLANK = "blank"     # nothing was asked: the crop is blank


@dataclass(frozen=True, slots=True)
class Question:
    """One crop and what to ask about it.

    ``image`` is RGB, exactly as the model shall see it. ``schema`` is the answer's JSON schema for runtimes
    that can hold a model to it, None for free text. ``max_crops``: tiles per image; None is the model's own.
    """

    image: Image.Image
    prompt: str
    schema: dict[str, Any] | None
    max_new_tokens: int
    stop: tuple[str, ...] = ()
    max_crops: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``seconds`` is this reply's share of its batch's time; ``calls`` how often it was asked for.

    ``token_ids`` are the generated ids, where the runtime knows them.
    """

    text: str
    finish: Finish
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    calls: int = 1
    error: str = ""
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model answers: what of it goes into an answer's key. ``model`` names content, never a place."""

    model: str
    revision: str | None


class Runtime(Protocol):
    """A way to run a model. Opening one is cheap: weights are loaded when the first question is asked."""

    @property
    def identity(self) -> Identity:
        """The model and its exact revision, without loading any weights."""

    @property
    def versions(self) -> str:
        """Name and versions of what runs the model; recorded with every answer."""

    def ask(self, questions: Sequence[Question]) -> Iterator[list[tuple[int, Reply]]]:
        """Answer every question once.

        Yields:
            Batches of (index into ``questions``, reply), in any order, as they are done.

        Raises:
            OctavoError: no further question can be answered; what was yielded before stands.
            Cancelled: ``cancel`` was called.
        """

    def cancel(self) -> None:
        """Stop at the next token and answer no more; may be called from a signal handler or another thread."""

    def close(self) -> None:
        """Free what the runtime holds: memory of the device, connections."""
