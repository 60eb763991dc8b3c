"""Child processes: what they hold of their parent, and what they leave behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from octavo.model.deadline import TimedOut, within
from octavo.storage.children import Child, environment, serve

SECRETS = {
    "AIRFLOW__CORE__FERNET_KEY": "k1", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "k2", "AIRFLOW_CONN_BUCKET": "k3",
    "AWS_SECRET_ACCESS_KEY": "k4",
    "OCTAVO_MOLMO_API_KEY": "k5", "OCTAVO_PDF_PASSWORDS": "k6", "OCTAVO_STACK_TOKEN": "k7", "SOME_TOKEN_OF_TOMORROW": "k8",
}


def test_a_child_holds_nothing_of_its_parents_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OCTAVO_LEXICONS", "/words")
    with Child(__name__, 1 << 30) as child:
        held = child.call({}, 30)["environment"]
    assert set(SECRETS) & set(held) == set()
    assert held["OCTAVO_LEXICONS"] == "/words"
    with Child(__name__, 1 << 30, ("OCTAVO_PDF_PASSWORDS",)) as child:
        assert set(SECRETS) & set(child.call({}, 30)["environment"]) == {"OCTAVO_PDF_PASSWORDS"}


def test_the_environment_of_children_names_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": "/bin", "LC_ALL": "C", "OCTAVO_LIMIT_PAGES": "3", "HTTPS_PROXY": "http://u:p@proxy"})
    assert environment() == {"PATH": "/bin", "LC_ALL": "C", "OCTAVO_LIMIT_PAGES": "3"}


def test_an_answer_to_a_call_that_was_interrupted_is_not_taken_for_the_next_calls() -> None:
    with Child(__name__, 1 << 30) as child:
        assert child.call({"say": "ready"}, 30)["said"] == "ready"
        with pytest.raises(TimedOut), within(0.2):
            child.call({"say": "late", "after": 0.5}, 30)
        time.sleep(0.6)
        assert child.call({"say": "next"}, 30)["said"] == "next"


def handle(request: dict[str, Any]) -> dict[str, Any]:
    time.sleep(request.get("after", 0))
    return {"environment": dict(os.environ), "said": request.get("say")}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    serve(handle)
