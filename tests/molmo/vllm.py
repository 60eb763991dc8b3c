"""A server that takes and refuses what vLLM 0.33's does, as its protocol and its exception handlers say (read, not run)."""

import json
from itertools import count

import jsonschema

# Fields of ChatCompletionRequest that are sent here; vLLM ignores fields that it does not know.
KNOWN = {"model", "messages", "temperature", "max_tokens", "response_format", "stop", "mm_processor_kwargs"}


def nothing(schema):
    """An answer of the schema in which nothing is said."""
    return json.dumps(dict.fromkeys(schema.get("properties", {})), separators=(",", ":"))


class Vllm:
    """A script for ``serving``.

    Args:
        answer: the answer's text from the schema that was sent along, {} without one.
        model, max_model_len, images: as the server was started.
        known: fields that it takes; None ignores the others, as vLLM does, a set refuses them, as OpenAI does.
        constrains: whether it holds its model to a schema.
    """

    def __init__(self, answer=nothing, model="m", max_model_len=8192, images=1, known=None, constrains=True):
        self.answer, self.model, self.max_model_len, self.images = answer, model, max_model_len, images
        self.known, self.constrains = known, constrains
        self._ids = count()

    def __call__(self, number, body):
        refusal = self._refusal(body)
        if refusal:
            status, kind, message, param = refusal
            return status, {}, {"error": {"message": message, "type": kind, "param": param, "code": status}}
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        text = self.answer(schema)
        if self.constrains and schema:
            jsonschema.validate(json.loads(text), schema)
        prompt, written = 992 + 40, len(text) // 3 + 1
        limit = min(body["max_tokens"], self.max_model_len - prompt)
        message = {"role": "assistant", "content": text if written <= limit else text[:3 * limit], "refusal": None, "tool_calls": []}
        return 200, {}, {
            "id": f"chatcmpl-{next(self._ids)}", "object": "chat.completion", "created": 1, "model": self.model,
            "choices": [{
                "index": 0, "message": message, "logprobs": None, "stop_reason": None,
                "finish_reason": "stop" if written <= limit else "length",
            }],
            "usage": {
                "prompt_tokens": prompt, "total_tokens": prompt + min(written, limit), "completion_tokens": min(written, limit),
                "prompt_tokens_details": None,
            },
        }

    def _refusal(self, body):
        """Status, type, message and parameter of the error, or nothing."""
        extra = sorted(set(body) - self.known) if self.known is not None else []
        if extra:
            return 400, "invalid_request_error", f"Unknown parameter: '{extra[0]}'.", extra[0]
        if not isinstance(body.get("max_tokens"), int):
            return 400, "Bad Request", "1 validation error:\n  {'type': 'int_type', 'loc': 'body.max_tokens'}", "body.max_tokens"
        if body["model"] != self.model:
            return 404, "NotFoundError", f"The model `{body['model']}` does not exist.", "model"
        form = body.get("response_format")
        if form and form.get("type") == "json_schema" and not form.get("json_schema"):
            said = "When response_format type is 'json_schema', the 'json_schema' field must be provided."
            return 400, "BadRequestError", said, "response_format"
        if form and _unsupported(form["json_schema"]["schema"]):
            return 400, "BadRequestError", "The provided JSON schema contains features not supported by xgrammar.", None
        if body["max_tokens"] > self.max_model_len:
            wanted = body["max_tokens"]
            said = f"max_tokens={wanted} cannot be greater than max_model_len={self.max_model_len}. Please request fewer output tokens."
            return 400, "BadRequestError", f"{said} (parameter=max_tokens, value={wanted})", "max_tokens"
        shown = [part for message in body["messages"] for part in message["content"] if part["type"] == "image_url"]
        if len(shown) > self.images:
            return 400, "BadRequestError", f"At most {self.images} image(s) may be provided in one prompt.", "image"
        return None


def _unsupported(schema):
    """Whether a schema holds what xgrammar would not enforce; vLLM refuses it where xgrammar is the back end that was named."""
    if isinstance(schema, list):
        return any(_unsupported(inner) for inner in schema)
    if not isinstance(schema, dict):
        return False
    types = schema.get("type", [])
    bounded = {"minLength", "maxLength"} & set(schema)
    return bool(
        ("string" in types and {"pattern", "format"} & set(schema) and bounded)
        or ({"integer", "number"} & set([types] if isinstance(types, str) else types) and "multipleOf" in schema)
        or ("array" in types and {"uniqueItems", "contains", "minContains", "maxContains"} & set(schema))
        or len(schema.get("allOf", [])) > 1
        or any(_unsupported(inner) for inner in schema.values())
    )
