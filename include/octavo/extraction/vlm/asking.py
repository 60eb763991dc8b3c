"""Putting questions: first to the answer store, then to the model, and into the store what it says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from octavo.extraction.vlm.protocol import Finish, Question, Reply, Runtime
from octavo.model.digest import digest
from octavo.storage.answer_segments import StoredAnswer
from octavo.storage.answer_store import AnswerStore, AnswerWriter, answer_key, pixels_digest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a document's crop."""

    document: str
    question: Question


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, and whether it came from the store."""

    reply: Reply
    cached: bool


class Asker:
    """Answers questions from the store or by the model.

    ``counts``: ``model_calls`` and ``store_hits`` in questions, ``prompt_tokens`` and ``completion_tokens``
    of the calls. ``progress`` is called with the number of questions answered by each batch.
    """

    def __init__(
        self, runtime: Runtime, store: AnswerStore, writer: AnswerWriter, contract: str, progress: Callable[[int], None] | None = None,
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._writer = writer
        self._contract = contract
        self._progress = progress
        self.counts: Counter[str] = Counter()

    def ask(self, asked: Sequence[Asked]) -> list[Said]:
        """The answer to each question, in their order; equal questions are put once.

        What the model says is in the store, batch by batch, before the next batch is asked. A question
        that failed is not kept: the next run asks it again.
        """
        keys = [self._key(one.question) for one in asked]
        said = {key: Said(_reply(answer), True) for key, answer in self._store.get(keys).items()}
        self.counts["store_hits"] += sum(key in said for key in keys)
        missing: dict[bytes, Asked] = {}
        for key, one in zip(keys, asked, strict=True):
            if key not in said:
                missing.setdefault(key, one)
        if missing:
            replies = self._call(missing)
            # Another task may have been faster with the same question: the first answer counts, for everyone.
            first = self._store.get(key for key, reply in replies.items() if reply.finish is not Finish.ERROR)
            for key, reply in replies.items():
                same = first.get(key)
                said[key] = Said(replace(reply, text=same.raw, finish=Finish(same.finish)) if same else reply, False)
        paid: set[bytes] = set()
        answers = []
        for key in keys:  # a question that came twice is paid for once
            answers.append(replace(said[key], cached=True) if key in paid else said[key])
            paid.add(key)
        return answers

    def _call(self, missing: dict[bytes, Asked]) -> dict[bytes, Reply]:
        keys = list(missing)
        replies: dict[bytes, Reply] = {}
        for batch in self._runtime.ask([one.question for one in missing.values()]):
            for place, reply in batch:
                key = keys[place]
                replies[key] = reply
                self.counts["model_calls"] += 1
                self.counts["prompt_tokens"] += reply.prompt_tokens
                self.counts["completion_tokens"] += reply.completion_tokens
                if reply.finish is not Finish.ERROR:
                    self._writer.put(key, self._stored(reply, missing[key].document))
            self._writer.flush()
            if self._progress:
                self._progress(len(batch))
        return replies

    def _key(self, question: Question) -> bytes:
        decoding = {
            "max_new_tokens": question.max_new_tokens, "stop": list(question.stop), "max_crops": question.max_crops,
            "schema": digest(question.schema) if question.schema else None,
        }
        identity = self._runtime.identity
        return answer_key(pixels_digest(question.image), question.prompt, identity.model, identity.revision, decoding)

    def _stored(self, reply: Reply, document: str) -> StoredAnswer:
        identity = self._runtime.identity
        return StoredAnswer(
            reply.text, reply.finish.value, reply.prompt_tokens, reply.completion_tokens, reply.seconds, reply.calls,
            identity.model, identity.revision, self._runtime.versions, document, self._contract,
        )


def _reply(answer: StoredAnswer) -> Reply:
    return Reply(answer.raw, Finish(answer.finish), answer.prompt_tokens, answer.completion_tokens)
