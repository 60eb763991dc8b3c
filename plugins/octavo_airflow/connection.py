"""The form of the connection to a model. Airflow reads it while it discovers providers, so nothing of Airflow is imported here."""

from __future__ import annotations

from typing import Any

CONNECTION_TYPE = "octavo_molmo"
HOOK_NAME = "Octavo: Molmo model"
# Fields of the form beside host and key: name, label, JSON schema, help. Each is an option of the runtime.
FIELDS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("model", "Model", {"type": ["string", "null"]}, "Name on the Hugging Face hub, a local folder, or the server's name for it."),
    ("runtime", "Runtime", {"type": ["string", "null"], "enum": [None, "openai", "molmo2", "molmo-0924"]},
     "Empty: openai where a host is given, else molmo2 in the task's process."),
    ("revision", "Revision", {"type": ["string", "null"]}, "Commit or tag; pins the model. molmo-0924 needs it."),
    ("trust_remote_code", "Trust remote code", {"type": ["boolean", "null"], "default": False},
     "molmo-0924: run the code that comes with the model."),
    ("concurrency", "Concurrency", {"type": ["integer", "null"], "minimum": 1}, "openai: most requests at a time."),
    ("timeout_seconds", "Timeout, seconds", {"type": ["number", "null"]}, "openai: longest wait for one answer."),
    ("price_per_hour", "Price per hour", {"type": ["number", "null"]}, "Of the device or server; fills the cost columns."),
    ("price_per_million_prompt_tokens", "Price per million prompt tokens", {"type": ["number", "null"]}, ""),
    ("price_per_million_completion_tokens", "Price per million answer tokens", {"type": ["number", "null"]}, ""),
)


def connection_type() -> dict[str, Any]:
    """The type and its form, as Airflow's ``connection-types`` want it."""
    return {
        "connection-type": CONNECTION_TYPE,
        "hook-class-name": "octavo_airflow.hooks.MolmoHook",
        "hook-name": HOOK_NAME,
        "ui-field-behaviour": {
            "hidden-fields": ["login", "schema", "extra"],
            "relabeling": {"host": "Host or URL", "password": "API key"},
            "placeholders": {"host": "http://vllm:8000/v1", "password": "only where the server asks for one"},
        },
        "conn-fields": {name: {"label": label, "schema": schema, "description": text or label} for name, label, schema, text in FIELDS},
    }
