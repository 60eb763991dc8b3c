"""Which model a name stands for, found without loading its weights: reruns whose answers are known load nothing."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from octavo.extraction.vlm.protocol import Identity
from octavo.model.errors import SettingsError

log = logging.getLogger(__name__)

COMMIT = re.compile(r"[0-9a-f]{40}")
# Read from each end of a weights file: hashing gigabytes for every task would take longer than loading them.
SAMPLE_BYTES = 1 << 20
# Files of a checkpoint folder that decide its answers.
_CONTENT = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt", ".py")


def identify(model: str, revision: str | None) -> Identity:
    """The identity of a hub model (name and commit) or of a local folder (its name and a digest of its content).

    Raises:
        SettingsError: it is neither a folder nor to be found on the hub or in its cache.
    """
    folder = Path(model)
    if folder.is_dir():
        return Identity(folder.resolve().name, f"sha256-{folder_digest(folder)[:32]}")
    if model.startswith((".", "/", "~")):
        raise SettingsError(f"model folder {model} does not exist")
    if revision and COMMIT.fullmatch(revision):
        return Identity(model, revision)
    log.warning("model %s is named without a commit: whoever may write to it decides what runs; pin it (OCTAVO_MOLMO_REVISION)", model)
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:  # the cache's folder of a file is named after its commit; offline the cache alone is asked
        config = Path(hf_hub_download(model, "config.json", revision=revision))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise SettingsError(
            f"model {model!r} (revision {revision or 'main'}) is no folder, and neither on the Hugging Face hub "
            f"nor in its cache (HF_HOME): {error}"
        ) from error
    return Identity(model, config.parent.name)


def folder_digest(folder: Path) -> str:
    """sha256 over names, sizes and content of a checkpoint's files; of large ones, over both their ends."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix not in _CONTENT or not path.is_file():
            continue
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}:".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(SAMPLE_BYTES))
            if size > SAMPLE_BYTES:
                stream.seek(max(SAMPLE_BYTES, size - SAMPLE_BYTES))
                digest.update(stream.read())
    return digest.hexdigest()
