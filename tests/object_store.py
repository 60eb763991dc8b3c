"""An S3-speaking server on loopback that can be told to fail, for tests of object stores over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import fsspec.config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUSY = b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


# What a client has to have in its environment; ``AWS_ENDPOINT_URL`` is the server's address.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1",
}


def impatient(seconds: float) -> dict[str, Any]:
    """fsspec's settings for S3 with which a client waits so long for an answer."""
    return {**fsspec.config.conf["s3"], "config_kwargs": {"connect_timeout": seconds, "read_timeout": seconds}}


@dataclass
class Faults:
    """What the server does to its clients.

    ``busy_every``: each so-many-th request is answered 503. ``hang_every``: each so-many-th is answered after
    ``hang_seconds``, when its client has given up. ``down``: every request is answered 503.
    """

    busy_every: int = 0
    hang_every: int = 0
    hang_seconds: float = 0.0
    down: bool = False
    requests: int = 0
    failed: int = 0
    hung: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> str:
        with self.lock:
            self.requests += 1
            if self.down or (self.busy_every and self.requests % self.busy_every == 0):
                self.failed += 1
                return "busy"
            if self.hang_every and self.requests % self.hang_every == 0:
                self.hung += 1
                return "hang"
            return "fine"


@contextmanager
def server() -> Iterator[tuple[str, Faults]]:
    """The server's address, and its faults, until the block ends."""
    faults, app = Faults(), DomainDispatcherApplication(create_backend_app)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        what = faults.next()
        if what == "busy":
            start("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", str(len(BUSY)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [BUSY]
        if what == "hang":
            time.sleep(faults.hang_seconds)
        answer: Iterable[bytes] = app(environ, start)
        return answer

    running = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}", faults
    finally:
        running.shutdown()
        thread.join(10)
