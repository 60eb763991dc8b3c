"""What the Molmo runtime does on a card, in one run; it says nothing about accuracy.

    python bench/molmo_card.py --json > card.jsonl
    python bench/molmo_card.py --device cpu --size 50m --masks 400      tries the script where there is no card

``--size 4b`` has the proportions of the released Molmo2-4B and random bfloat16 weights, made on the device; it wants 30 GiB.
Each figure is printed as soon as it is known, so what came before an error is kept.

- ``versions``: of everything that matters, the card and its driver; ``current``: the process's current device once the model is on it.
- ``fixture_loops``: the trained fixture, held to a schema, in batches whose rows loop, meet a stop text, end, or run into the limit, in
  every order: how many batches ended as they should, of how many, and in how many all rows had the tokens that they have alone.
  ``loops``: the same by the random model.
- ``fixture``: its answers that are right, held to the contract's schema, alone and in one batch, of how many.
- ``masks``: milliseconds to lay a mask on the scores of that many rows, by xgrammar's back ends: ``torch_native``, which is used,
  and ``triton``, its own choice on CUDA, with the seconds of its first call, which compiles; or why it does not run.
- ``held``: milliseconds a step of a batch, free and held to the schema of a receipt.
- ``detail``: a page of A4 at 300 dpi in up to 8 and 24 tiles: prompt tokens, seconds until the first token of a batch of such pages,
  and the peak of the card's memory.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import metadata
from itertools import permutations
from pathlib import Path
from typing import Any

import molmo as bench  # bench/molmo.py
import torch
import xgrammar
from PIL import Image

from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.extraction.vlm.protocol import Question, Reply
from octavo.extraction.vlm.runtimes import torch_parts
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.extraction.vlm.windows import padded, shrunk
from octavo.model import contracts
from octavo.model.tiling import HIGH_TILES, MAX_TILES, TILE_SIDE
from tests.molmo.with_torch.driving import WAYS, drive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", choices=bench.SIZES, default="4b", help="of the random model")
    parser.add_argument("--masks", type=int, default=151_936, help="tokens that a mask covers")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 16, 32], help="rows of the masks and of the held batches")
    parser.add_argument("--pages", type=int, default=4, help="pages of a batch in ``detail``")
    parser.add_argument("--new-tokens", type=int, default=64, help="of an answer in ``held``")
    parser.add_argument("--keep", type=Path, help="folder that keeps the random model for the next run")
    parser.add_argument("--json", action="store_true", help="print each figure as one JSON object on a line")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for name, value in figures(options):
        print(json.dumps({name: value}) if options.json else f"{name}: {value}", flush=True)


def figures(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Each figure's name and value, as they come."""
    device = options.device
    yield "versions", versions(device)
    runtime = opened(bench.FIXTURE / "tiny-molmo2", device)
    yield "fixture_loops", loops(runtime)
    runtime.close()
    yield "fixture", fixture(device)
    yield "masks", {rows: masks(rows, options.masks, device) for rows in options.rows}
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)) / f"molmo2-{options.size}"
        if not folder.is_dir():
            bench.random_model(folder, options.size, device)
        runtime = opened(folder, device)
        runtime._generate([Question(Image.new("RGB", (400, 400), "white"), "Read.", None, 2)])  # loads the weights
        yield "current", str(torch.cuda.current_device()) if torch.cuda.is_initialized() else "cpu"
        yield "loops", loops(runtime)
        yield "held", {rows: held(runtime, rows, options.new_tokens) for rows in options.rows}
        yield "detail", {tiles: detail(runtime, tiles, options.pages) for tiles in (MAX_TILES, HIGH_TILES)}
        runtime.close()


def opened(model: Path, device: str) -> Molmo2:
    return Molmo2(bench.runtime_options(model, device).model_copy(update={"batch_size": 64}))


def versions(device: str) -> dict[str, str]:
    found = {name: metadata.version(name) for name in ("torch", "torchvision", "transformers", "xgrammar", "triton")}
    found["cuda"] = str(torch.version.cuda)
    if device.startswith("cuda"):
        found["card"] = torch.cuda.get_device_name(torch.device(device))
        found["driver"] = next(iter(_driver()), "unknown")
    return found


def _driver() -> list[str]:
    listed = Path("/proc/driver/nvidia/version")
    return listed.read_text().splitlines()[:1] if listed.exists() else []


def loops(runtime: Molmo2) -> dict[str, int]:
    """Of how many held batches the rows ended as they should, and had the tokens that they have alone."""
    asking = partial(drive, runtime, runtime.model.get_output_embeddings())
    alone = {way: asking([way])[0] for way in WAYS}
    ended = same = 0
    orders = list(permutations(WAYS))
    for ways in orders:
        replies = asking(ways)
        ended += [reply.finish for reply in replies] == [WAYS[way][1] for way in ways]
        same += [reply.token_ids for reply in replies] == [alone[way].token_ids for way in ways]
    return {"batches": len(orders), "ended_as_they_should": ended, "tokens_as_alone": same}


def fixture(device: str) -> dict[str, int]:
    """The trained fixture's answers that are right."""
    with tempfile.TemporaryDirectory() as scratch:
        return bench.fixture(device, Path(scratch))["bfloat16" if device.startswith("cuda") else "float32"]


def masks(rows: int, vocabulary: int, device: str) -> dict[str, Any]:
    """Milliseconds of each back end, the median of 50 calls."""
    scores = torch.randn(rows, vocabulary, device=device)
    mask = xgrammar.allocate_token_bitmask(rows, vocabulary).random_(-2**31, 2**31 - 1)
    found: dict[str, Any] = {}
    for backend in ("torch_native", "triton" if device.startswith("cuda") else "cpu"):
        def lay(backend: str = backend) -> float:
            started = time.perf_counter()
            xgrammar.apply_token_bitmask_inplace(scores, mask.to(scores.device), backend=backend)
            if scores.is_cuda:
                torch.cuda.synchronize(scores.device)
            return time.perf_counter() - started

        try:
            first = lay()
            found[backend] = {"ms": round(1000 * statistics.median(lay() for _ in range(50)), 3), "first_call_seconds": round(first, 2)}
        except (RuntimeError, OSError, ImportError, AttributeError, AssertionError, subprocess.CalledProcessError) as error:
            found[backend] = f"does not run: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return found


def held(runtime: Molmo2, rows: int, new_tokens: int) -> dict[str, float]:
    """Milliseconds a step with and without the schema; random weights seldom end an answer, and loops are not looked for."""
    contract = contracts.find("receipt", bench.ROOT / "include" / "octavo" / "contracts")
    images = [Image.effect_noise((600, 400), 90).convert("RGB") for _ in range(rows)]
    found, least = {}, torch_parts.LEAST_TOKENS
    torch_parts.LEAST_TOKENS = sys.maxsize
    try:
        for name, schema in (("free_ms", None), ("held_ms", answer_schema(contract))):
            asked = [Question(image, prompt(contract, "page", ""), schema, new_tokens) for image in images]
            runtime._generate([replace(question, max_new_tokens=2) for question in asked])
            first, _ = seconds(runtime, [replace(question, max_new_tokens=1) for question in asked])
            took, replies = seconds(runtime, asked)
            written = max(reply.completion_tokens for reply in replies)
            found[name] = round(1000 * (took - first) / max(1, written - 1), 2)
    finally:
        torch_parts.LEAST_TOKENS = least
    return found


def detail(runtime: Molmo2, tiles: int, pages: int) -> dict[str, Any]:
    page = Image.effect_noise((2480, 3508), 90).convert("RGB")
    asked = [Question(shrunk(padded(page, TILE_SIDE), tiles), "Read this.", None, 1, max_crops=tiles) for _ in range(pages)]
    runtime._generate(asked[:1])
    bench.reset_peak()
    took, replies = seconds(runtime, asked)
    return {"prompt_tokens": replies[0].prompt_tokens, "first_token_seconds": round(took, 2), "pages": pages, **bench.peak()}


def seconds(runtime: Molmo2, asked: list[Question]) -> tuple[float, list[Reply]]:
    started = time.monotonic()
    replies = runtime._generate(asked)
    return time.monotonic() - started, replies


if __name__ == "__main__":
    main()
