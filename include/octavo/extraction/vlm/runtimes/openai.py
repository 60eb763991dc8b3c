"""Runtime ``openai``: any server with the OpenAI chat API, vLLM above all.

What passes (429, 5xx, a timeout, a lost connection) is tried again with growing pauses, as ``Retry-After``
says where it does, for ``patience_seconds``. A question that the server refuses for itself fails alone; a server that
refuses what every question has in common, before it has answered any, ends the task.
The key goes into the request's header and nowhere else.
"""

from __future__ import annotations

import base64
import email.utils
import io
import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from http import HTTPStatus
from typing import Any

import httpx
import tenacity
from PIL import Image

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Finish, Identity, Question, Reply
from octavo.model.answer_json import cut_loop
from octavo.model.errors import Cancelled, ModelUnavailable, SettingsError

log = logging.getLogger(__name__)
CONNECT_SECONDS = 10.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
WRONG_SETTINGS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
REFUSING = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
SAME_REFUSALS = 3       # in the same words but for numbers, before any answer: it is not the questions
CHECKED_ANSWERS = 5     # the first ones are held against the schema that was sent along
SHOWN_CHARACTERS = 200  # of a server's error text
DIGITS = re.compile(r"\d+")
SCHEMA_WORDS = re.compile(r"\b(response_format|json.?schema|grammar)\b", re.IGNORECASE)
# Fields that not every server takes, and what a user can do about each. A refusal of the first three is never about one question.
REMEDIES = {
    "response_format": "set OCTAVO_MOLMO_CONSTRAIN=false, or serve the model with structured outputs",
    "mm_processor_kwargs": "leave detail and max_crops out of the contract's prompt, and set the tiles where the server is started",
    "stop": "leave stop out of the contract's prompt",
    "max_tokens": "lower the contract's prompt.max_new_tokens, or give the server a longer context",
}
LOOK_EVERY_SECONDS = 0.5  # whether the work was called off


class _Passing(Exception):
    """A failure that may be over soon; ``pause`` is what the server asked for, seconds."""

    def __init__(self, text: str, pause: float | None = None) -> None:
        super().__init__(text, pause)
        self.text = text
        self.pause = pause


class OpenAI:
    """A model behind an endpoint. Safe for use from one thread; it runs ``concurrency`` requests side by side."""

    def __init__(self, options: RuntimeOptions) -> None:
        url = httpx.URL(options.base_url or "")
        if url.scheme not in ("http", "https") or not url.host:
            raise SettingsError(f"base_url {options.base_url!r} is no http or https URL; it looks like http://host:8000/v1")
        if url.userinfo:
            raise SettingsError("base_url holds a user or password, which would end in logs; use api_key")
        self._options = options
        self._key = options.api_key.get_secret_value() if options.api_key else ""
        self._url = str(url).rstrip("/") + "/chat/completions"
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(options.timeout_seconds, connect=min(CONNECT_SECONDS, options.timeout_seconds)),
            limits=httpx.Limits(max_connections=options.concurrency),
        )
        self._stopped = threading.Event()
        self._cancelled = False
        self._last_success = time.monotonic()
        self._lock = threading.Lock()
        self._answered = False
        self._refusals: Counter[str] = Counter()
        self._checked = 0
        self.ignores_schema = False  # whether an answer showed that the server does not hold its model to a schema
        self.identity = Identity(options.model, options.revision)
        self.versions = f"openai httpx {httpx.__version__}"

    def ask(self, questions: Sequence[Question]) -> Iterator[list[tuple[int, Reply]]]:
        """Answer side by side; see ``protocol.Runtime``.

        Raises:
            SettingsError: the server refuses the key or does not know the model.
            ModelUnavailable: nothing was answered for ``patience_seconds``.
            Cancelled: ``cancel`` was called.
        """
        pool = ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="octavo-openai")
        try:
            waiting: dict[Future[Reply], int] = {pool.submit(self._reply, question): place for place, question in enumerate(questions)}
            done: list[tuple[int, Reply]] = []
            while waiting:
                ready, _ = wait(waiting, LOOK_EVERY_SECONDS, FIRST_COMPLETED)
                for future in ready:
                    done.append((waiting.pop(future), future.result()))
                if self._cancelled:
                    raise Cancelled("cancelled; answers that were given before are kept")
                if len(done) >= self._options.concurrency or not waiting:
                    yield done
                    done = []
        except (SettingsError, ModelUnavailable, Cancelled):
            if done:
                yield done  # what was answered before the failure is paid for
            raise
        except KeyboardInterrupt:
            self._cancelled = True
            raise
        finally:
            self._stopped.set()
            pool.shutdown(wait=not self._cancelled, cancel_futures=True)  # a request under way may take ``timeout_seconds``
            if not self._cancelled:
                self._stopped.clear()

    def _reply(self, question: Question) -> Reply:
        """Ask until there is an answer, or no hope of one."""
        started = time.monotonic()
        body = self._body(question)
        attempts = 0
        try:
            for attempt in tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(_Passing), wait=_pause,
                stop=tenacity.stop_after_delay(self._options.patience_seconds) | tenacity.stop_when_event_set(self._stopped),
                sleep=tenacity.sleep_using_event(self._stopped), before_sleep=self._note, reraise=True,
            ):
                with attempt:
                    attempts += 1
                    answer = self._post(body)
        except _Passing as error:
            if not self._stopped.is_set() and self._last_success < started:
                raise ModelUnavailable(
                    f"{self._options.base_url} answered nothing for {self._options.patience_seconds:.0f} s (last: {error.text}); "
                    "see whether the server runs, then run this again: answers that were given are kept"
                ) from None
            return Reply("", Finish.ERROR, calls=attempts, seconds=time.monotonic() - started, error=error.text)
        except _Refused as error:
            self._weigh(error)
            return Reply("", Finish.ERROR, calls=attempts, seconds=time.monotonic() - started, error=error.text)
        self._last_success = time.monotonic()
        self._answered = True
        reply = _read(answer, attempts, time.monotonic() - started)
        self._check(question, reply)
        return reply

    def _weigh(self, refusal: _Refused) -> None:
        """Raises ``SettingsError`` for a refusal of every question: none was answered, and it is of a field or repeats itself."""
        with self._lock:
            if self._answered or refusal.status not in REFUSING:
                return
            words = DIGITS.sub("", refusal.text)
            self._refusals[words] += 1
            own = refusal.field in REMEDIES and refusal.field != "max_tokens"
            if not own and self._refusals[words] < SAME_REFUSALS:
                return
        named = f" because of the field {refusal.field}" if refusal.field else ""
        remedy = REMEDIES.get(refusal.field, "python -m octavo molmo-try asks one question in the same way")
        raise SettingsError(f"{self._options.base_url} refuses every question{named} ({refusal.text}); {remedy}")

    def _check(self, question: Question, reply: Reply) -> None:
        """Notice, by its first answers, a server that takes a schema and does not hold its model to it; say so once."""
        with self._lock:
            if question.schema is None or reply.finish is not Finish.STOP or self._checked >= CHECKED_ANSWERS:
                return
            self._checked += 1
            if self.ignores_schema or _fits(reply.text, question.schema):
                return
            self.ignores_schema = True
        log.warning(
            "%s does not hold its model to the contract's schema (response_format): an answer has another form. Answers are parsed as "
            "they come, and more of them will be of no use; serve the model with structured outputs", self._options.base_url,
        )

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._client.post(self._url, json=body)
        except httpx.TransportError as error:
            raise _Passing(f"{type(error).__name__}: {self._shown(str(error))}") from None
        status = response.status_code
        if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Passing(f"HTTP {status}: {self._shown(response.text)}", _retry_after(response.headers.get("Retry-After")))
        if status in WRONG_SETTINGS:
            raise SettingsError(
                f"{self._options.base_url} refuses model {self._options.model!r} with HTTP {status} ({self._shown(response.text)}); "
                "check base_url (it usually ends in /v1), model and api_key"
            )
        if status != HTTPStatus.OK:
            raise _Refused(status, f"HTTP {status}: {self._shown(response.text)}", _field(response.text, body))
        try:
            answer: dict[str, Any] = response.json()
            answer["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            raise _Passing(f"no chat completion in the answer: {self._shown(response.text)}") from None
        return answer

    def _body(self, question: Question) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._options.model, "temperature": 0, "max_tokens": question.max_new_tokens,
            "messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": _data_url(question.image)}}, {"type": "text", "text": question.prompt},
            ]}],
        }
        if question.schema is not None:
            answer = {"name": "answer", "schema": question.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": answer}
        if question.stop:
            body["stop"] = list(question.stop)
        if question.max_crops is not None:
            body["mm_processor_kwargs"] = {"max_crops": question.max_crops}  # vLLM's name for it
        return body

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0
        log.warning("attempt %d failed: %s; again in %.1f s", state.attempt_number, getattr(error, "text", error), pause)

    def _shown(self, text: str) -> str:
        """The start of a server's text, on one line and without the key."""
        text = " ".join(text.split())
        return (text.replace(self._key, "***") if self._key else text)[:SHOWN_CHARACTERS]

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class _Refused(Exception):
    """The server will not answer this question, however often it is asked. ``field``: of the request, where the server names one."""

    def __init__(self, status: int, text: str, field: str) -> None:
        super().__init__(status, text, field)
        self.status = status
        self.text = text
        self.field = field


_exponential = tenacity.wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)


def _pause(state: tenacity.RetryCallState) -> float:
    """What the server asked for; without that, a random pause that doubles."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Passing) and error.pause is not None:
        return error.pause
    return float(_exponential(state))


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait as a ``Retry-After`` header says, in seconds or as a date; None for neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _field(text: str, body: dict[str, Any]) -> str:
    """The field of ``body`` that a refusal is about: as the server names it, or as its words do; empty for none.

    A refused schema is one of ``response_format``, which is how it was sent.
    """
    try:
        named = _named(json.loads(text))
    except ValueError:
        named = ""
    if named in body:
        return named
    quoted = next((name for name in REMEDIES if name in body and re.search(rf"['\"`]{name}\b", text)), "")
    return quoted or ("response_format" if "response_format" in body and SCHEMA_WORDS.search(text) else "")


def _named(said: Any) -> str:
    """The first part of ``param`` of OpenAI's error, of ``loc`` of FastAPI's."""
    error, detail = (said.get("error"), said.get("detail")) if isinstance(said, dict) else (None, None)
    if isinstance(error, dict):
        path = str(error.get("param")).split(".")
    else:
        path = [str(part) for part in detail[0].get("loc", ())] if isinstance(detail, list) and detail else []
    return next((part for part in path if part != "body"), "")


def _fits(text: str, schema: dict[str, Any]) -> bool:
    """Whether an answer can have been held to the schema: one JSON object, with no other members."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and set(value) <= set(schema.get("properties", value))


def _data_url(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _read(answer: dict[str, Any], attempts: int, seconds: float) -> Reply:
    choice, usage = answer["choices"][0], answer.get("usage") or {}
    text = choice["message"]["content"] or ""
    finish = Finish.STOP
    if choice.get("finish_reason") == "length":
        finish = Finish.LOOP if cut_loop(text)[1] else Finish.LENGTH
    return Reply(text, finish, int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0), round(seconds, 6), attempts)
