"""The key of an answer: a digest of all that it depends on, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from PIL import Image


def pixels_digest(image: Image.Image) -> bytes:
    """sha256 of an image's size and RGB pixels; how the file encoded them does not count."""
    pixels = image.convert("RGB")
    return hashlib.sha256(f"{pixels.width}x{pixels.height}:".encode() + pixels.tobytes()).digest()


def answer_key(pixels: bytes, prompt: str, model: str, revision: str | None, decoding: Mapping[str, object]) -> bytes:
    """32 bytes that name a question put to a model.

    Args:
        pixels: ``pixels_digest`` of the crop, as cut from the page.
        prompt: the whole text that goes with it.
        model: its name, or a digest of its weights; never a path, which says nothing about content.
        revision: of the model; None where the server does not say.
        decoding: what else decides the answer: token limit, grammar, stop strings, image options. JSON values.
    """
    parts = [pixels.hex(), prompt, model, revision, decoding]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).digest()
