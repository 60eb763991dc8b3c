"""Measure the Molmo runtime's plumbing on a random Molmo2; it says nothing about accuracy.

    python bench/molmo.py [--json] [--docs FOLDER] [--new-tokens 64] [--device cpu] [--threads 1]
    python bench/molmo.py --json --size 4b --device cuda --batches 1 8 32 --crop 1000x600 [--keep FOLDER]

``--size 50m`` is small enough for a CPU, ``4b`` has the proportions of the released Molmo2-4B (4.85 billion parameters in
bfloat16, made on the device) and wants a card. ``--keep`` keeps the random model and what was read for the next run, which reads anew
where the documents, the contract or the code have changed.

- ``batches``: for each batch size the seconds until the first token (crops prepared and prompts read) and milliseconds for each
  further step of a batch, tokens written per second, the peak of the card's memory, and the share of answers that have the
  tokens that they have alone and in a second run. Random weights have more near-ties than trained ones.
- ``batch8_ratio``: time of the crops one by one, divided by their time in batches of 8. A batch gains while answers are
  written, since each step reads all weights once for eight; it gains nothing while prompts are read, which is bound by
  arithmetic on a CPU. Tiles are 126 px, so that writing takes most of the time, as it does on a card, where prompts are read
  quickly; with 378 px tiles on a core, reading the prompt takes nearly all of it. On a CPU one thread computes and its CPU
  seconds count: the threads of one operation wait for each other, so with two of them and other programs on the
  machine the waiting is measured, and not the batches.
- ``stage``: for each batch size from 8 the stage's pages per second on the first ``--documents`` documents, on an empty
  answer store, and ``outside_generate``, the share of its wall time that is not spent in the model's ``generate``
  (pages rendered, crops cut and prepared, answers parsed and stored).
- ``fixture``: answers of the trained fixture that are right on the device, of how many, alone, in a batch and in reverse.
- ``tokens_per_page``: prompt tokens that the images of a page cost Molmo2 (378 px tiles, as released), for each way of
  cutting pages, on the documents in ``--docs`` (default: the samples). Text tokens come on top and are alike for all.
- ``documents`` and ``pages`` are those that ``tokens_per_page`` is about.

The bench ends with an error unless every answer of ``batches`` has its length, every stage has called the model, the
fixture has been asked, and there are pages and tokens.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import proof
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction import vlm
from octavo.extraction.vlm.options import MIN_SIDE_PX, RuntimeOptions
from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.extraction.vlm.protocol import Question
from octavo.extraction.vlm.runtimes import torch_parts
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.extraction.vlm.windows import crop, windows
from octavo.ingest import stage as ingest
from octavo.model import contracts, tiling
from octavo.model.contracts import Contract, Strategy
from octavo.model.digest import digest
from octavo.model.entities import Box, Partition
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage import fs
from octavo.storage.answer_store import AnswerStore
from octavo.storage.workspace import Workspace
from octavo.workflows import change_detection

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "data" / "molmo2-fixture"
PROMPT = "Return what this part of the page says as one JSON object. Leave out what it does not show."
# For each size: side of the tiles in pixels, words that the tokenizer knows, and what differs from transformers' own Molmo2Config
# (which has the parts of Molmo2-8B).
SIZES: dict[str, tuple[int, int, dict[str, dict[str, int]]]] = {
    "50m": (126, 400, {
        "vision_config": {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 4,
                          "num_key_value_heads": 4, "head_dim": 64},
        "adapter_config": {"hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64,
                           "intermediate_size": 1024, "text_hidden_size": 768},
        "text_config": {"hidden_size": 768, "num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 64, "num_hidden_layers": 6,
                        "intermediate_size": 2048},
    }),
    "4b": (378, 8000, {
        "adapter_config": {"intermediate_size": 9728, "text_hidden_size": 2560},
        "text_config": {"hidden_size": 2560, "intermediate_size": 9728, "vocab_size": 151_936},
    }),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--docs", type=Path, default=ROOT / "samples" / "landing", help="folder of documents")
    parser.add_argument("--contract", default="receipt", help="contract whose prompt and locale are used")
    parser.add_argument("--size", choices=SIZES, default="50m", help="of the random model")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], help="batch sizes; 1 and 8 give the ratio")
    parser.add_argument("--crop", default="240x112", help="width and height of the crops of ``batches``, pixels")
    parser.add_argument("--new-tokens", type=int, default=64, help="of every answer")
    parser.add_argument("--documents", type=int, default=2, help="documents of the first shard that the stage reads")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of torch on the CPU; default: one where the model runs on it, else torch's own")
    parser.add_argument("--keep", type=Path, help="folder that keeps the random model and what was read, for the next run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    proof.need("torch", "transformers")
    logging.disable(logging.WARNING)
    import torch

    if options.threads or options.device == "cpu":
        torch.set_num_threads(options.threads or 1)
    torch_parts.LEAST_TOKENS = sys.maxsize  # random weights repeat themselves, and every answer shall have its length
    with tempfile.TemporaryDirectory() as scratch:
        contract = contracts.find(options.contract, ROOT / "include" / "octavo" / "contracts")
        kept = options.keep or Path(scratch)
        workspace = read(options.docs, contract, kept)
        model = kept / f"molmo2-{options.size}"
        if not model.is_dir():
            unfinished = model.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            random_model(unfinished, options.size, options.device)
            unfinished.rename(model)
        figures: dict[str, Any] = {
            **measure(model, workspace, contract, options),
            "fixture": told("fixture", fixture(options.device, Path(scratch))),
            "tokens_per_page": {strategy.value: tokens_per_page(workspace, contract, strategy) for strategy in Strategy},
            **counted(workspace), "threads": torch.get_num_threads(),
        }
    proof.some("tokens of a page", **figures["tokens_per_page"])
    proof.show(figures, options.json)


def measure(model: Path, workspace: Workspace, contract: Contract, options: argparse.Namespace) -> dict[str, Any]:
    """All that the random model is asked for, loaded once."""
    runtime = Timed(runtime_options(model, options.device))
    started = time.monotonic()
    parameters = sum(tensor.numel() for tensor in runtime.model.parameters())
    loading = time.monotonic() - started
    answers: dict[int, list[tuple[int, ...]]] = {}
    batches = {size: told(f"batch {size}", batch_figures(runtime, size, answers, options)) for size in options.batches}
    ratio = {"batch8_ratio": round(batches[1]["seconds_per_crop"] / batches[8]["seconds_per_crop"], 2)} if {1, 8} <= set(batches) else {}
    stage = {
        size: told(f"stage {size}", stage_figures(runtime, size, workspace, contract, options)) for size in options.batches if size >= 8
    }
    loaded = {"versions": runtime.versions, "parameters": parameters, "load_seconds": round(loading, 1)}
    runtime.close()
    return {**loaded, "batches": batches, **ratio, "stage": stage}


def told(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    """The figures, said on the way: a run on a card takes minutes."""
    print(f"{name}: {figures}", file=sys.stderr, flush=True)
    return figures


def read(docs: Path, contract: Contract, kept: Path) -> Workspace:
    """Ingest and read all documents, unless just these were before; shards are cut into chunks later, once per strategy."""
    settings = Settings(lake=str(kept / "lake"))
    state = digest([change_detection.files_of(UPath(docs), settings), change_detection.rules_of(contract, settings, ["molmo"])])
    workspace = Workspace.open(settings.workspaces, Partition(contract.name, dt.date(2026, 1, 1)), f"bench-{state[:16]}")
    if not workspace.documents.exists():
        ingest.run(workspace, contract, UPath(docs), settings)
    for shard in workspace.plan.page_shards:
        if not workspace.shard("read", shard).exists():
            reading.run(workspace, shard, settings)
    counted(workspace)
    return workspace


def counted(workspace: Workspace) -> dict[str, int]:
    """How many documents and pages were read; ends the bench unless these are all, and there are some."""
    documents = fs.read_table(workspace.documents, ["pages"])["pages"].to_pylist()
    read_pages = sum(fs.count_rows(workspace.shard("read", shard)) for shard in workspace.plan.page_shards)
    proof.same("the documents", pages=sum(documents), read_pages=read_pages)
    return {"documents": len(documents), "pages": read_pages}


def random_model(folder: Path, size: str, device: str) -> None:
    """A Molmo2 with the proportions of the released ones between its parts, and random weights."""
    import torch

    sys.path.insert(0, str(ROOT))
    from transformers import Molmo2Config, Molmo2ForConditionalGeneration, Molmo2ImageProcessor

    from scripts.train_fixture import make_model

    tile, words, parts = SIZES[size]
    texts = [PROMPT] if words == 400 else [path.read_text(encoding="utf-8") for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("bench/*.py")]]
    tiny, processor = make_model(texts, words)
    side = tile // 14
    margin = round(side * 4 / 27)  # as the released tiles overlap: 4 of 27 patches
    processor.image_processor = Molmo2ImageProcessor(size={"height": tile, "width": tile}, overlap_margins=[margin, margin])
    config = {name: value for name, value in tiny.config.to_dict().items() if name != "model_type"}
    config["vision_config"] = {"image_size": [tile, tile], "patch_size": 14, "num_position_embeddings": side * side}
    config["adapter_config"] = {"vision_feature_layer": [-1, -2] if size == "50m" else [24, 18]}
    config["text_config"] = {name: config["text_config"][name] for name in ("vocab_size", "rope_parameters", "max_position_embeddings")}
    for name, differing in parts.items():
        config[name] |= differing
    torch.manual_seed(0)
    with torch.device(device):
        torch.set_default_dtype(torch_parts.dtype("auto", torch.device(device)))
        model = Molmo2ForConditionalGeneration(Molmo2Config(**config))
        torch.set_default_dtype(torch.float32)
    model.generation_config = tiny.generation_config
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


class Timed(Molmo2):
    """Adds up the time within the model's ``generate``."""

    generating = 0.0

    def _generate(self, questions: list[Question]) -> Any:
        real = self.model.generate

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.monotonic()
            try:
                return real(*args, **kwargs)
            finally:
                self.generating += time.monotonic() - started

        self.model.generate = timed
        try:
            return super()._generate(questions)
        finally:
            self.model.generate = real

    def batches_of(self, size: int) -> None:
        self._options = self._options.model_copy(update={"batch_size": size})


def runtime_options(model: Path, device: str, dtype: str = "auto") -> RuntimeOptions:
    side = None if model.name == "molmo2-4b" else MIN_SIDE_PX  # the tiles of the others are smaller than the released ones
    return RuntimeOptions(
        model=str(model), device=device, dtype=dtype, batch_size=1, batch_tokens=1 << 20, rounds=1, min_side_px=side,
    )


def batch_figures(runtime: Timed, size: int, answers: dict[int, list[tuple[int, ...]]], options: argparse.Namespace) -> dict[str, Any]:
    """Crops of one size, in batches of ``size``, the faster run of two. ``answers`` keeps the tokens of each size."""
    from PIL import Image

    width, height = map(int, options.crop.split("x"))
    images = [Image.effect_noise((width + 4 * number, height), 90).convert("RGB") for number in range(max(4, size))]
    clock = time.process_time if options.device == "cpu" and options.threads in (None, 1) else time.monotonic
    runtime.batches_of(size)
    ends = runtime.model.generation_config
    ends.suppress_tokens = sorted(torch_parts.end_tokens(ends))

    def timed(new_tokens: int) -> tuple[float, list[tuple[int, ...]], int]:
        asked = [Question(image, PROMPT, None, new_tokens) for image in images]
        started = clock()
        found = dict(reply for batch in runtime.ask(asked) for reply in batch)
        return clock() - started, [found[place].token_ids for place in range(len(asked))], found[0].prompt_tokens

    timed(2)  # loads what is loaded lazily
    reset_peak()
    first, (one, said, prompt_tokens), (two, again, _) = timed(1)[0], timed(options.new_tokens), timed(options.new_tokens)
    ends.suppress_tokens = None
    proof.same(f"batch {size}", **{name: sum(map(len, tokens)) for name, tokens in (("tokens", said), ("tokens_in_a_second_run", again))},
               tokens_asked_for=len(images) * options.new_tokens)
    answers[size] = said
    seconds, rounds = min(one, two), len(images) / size
    alone = answers.get(1)
    figures = {
        "prompt_tokens": prompt_tokens, "seconds_per_crop": round(seconds / len(images), 4),
        "first_token_seconds": round(first / rounds, 3), "step_ms": round((seconds - first) / rounds / (options.new_tokens - 1) * 1000, 2),
        "tokens_per_second": round(len(images) * options.new_tokens / seconds, 1),
        "as_in_a_second_run": share_alike(said, again), **peak(),
    }
    return figures | ({"as_alone": share_alike(said, alone)} if alone else {})


def share_alike(some: list[tuple[int, ...]], others: list[tuple[int, ...]]) -> float:
    """Of the answers that both have; the shorter list's."""
    return round(statistics.mean(one == other for one, other in zip(some, others, strict=False)), 3)


def reset_peak() -> None:
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()


def peak() -> dict[str, float]:
    """The most memory of the card that tensors had since ``reset_peak``."""
    import torch

    return {"peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)} if torch.cuda.is_initialized() else {}


def stage_figures(runtime: Timed, size: int, workspace: Workspace, contract: Contract, options: argparse.Namespace) -> dict[str, Any]:
    """The stage on a few documents of the first shard, in batches of ``size``, the model loaded beforehand."""
    import pyarrow.compute as pc

    shard = next(iter(workspace.plan.page_shards))
    chunking.run(workspace, shard, contract.chunking)
    chunks = fs.read_table(workspace.shard("chunk", shard))
    few = chunks.filter(pc.is_in(chunks["document"], value_set=pc.unique(chunks["document"])[:options.documents]))
    fs.write_table(workspace.shard("chunk", shard), [few], few.schema)
    pages = len({(row["document"], row["page"]) for row in few.select(["document", "page"]).to_pylist()})
    asking = contract.model_copy(update={"prompt": contract.prompt.model_copy(update={"max_new_tokens": options.new_tokens})})
    runtime.batches_of(size)
    runtime.generating = 0.0
    reset_peak()
    with tempfile.TemporaryDirectory() as scratch:
        own = runtime_options(Path(f"molmo2-{options.size}"), options.device)
        report = vlm.run(workspace, shard, asking, own, AnswerStore(UPath(scratch)), runtime=runtime)
    made = {name: report.counts[name] for name in ("model_calls", "completion_tokens")}
    proof.some(f"the stage in batches of {size}", pages=pages, **made)
    return {
        "pages": pages, "crops": report.counts["model_calls"], "pages_per_second": round(pages / report.seconds, 3),
        "prompt_tokens": report.counts["prompt_tokens"], "completion_tokens": report.counts["completion_tokens"],
        "outside_generate": round(1 - runtime.generating / report.seconds, 4), **peak(),
    }


def fixture(device: str, scratch: Path) -> dict[str, dict[str, int]]:
    """How many of the trained fixture's answers are right on the device, by the weights' type."""
    contract = contracts.load(FIXTURE / "fixture_statement.yaml")
    workspace = read(FIXTURE / "documents", contract, scratch)
    shard = next(iter(workspace.plan.page_shards))
    chunking.run(workspace, shard, contract.chunking)
    cuts = [cut for window in windows(workspace, shard, contract.prompt, MIN_SIDE_PX, 64) for cut in window]
    wanted = [chunk["answer"] for chunk in json.loads((FIXTURE / "expected.json").read_text())["chunks"]]
    asked = [
        Question(cut.image, prompt(contract, cut.chunk.strategy, cut.text), answer_schema(contract), contract.prompt.max_new_tokens)
        for cut in cuts if cut.image
    ]
    proof.same("the fixture", questions=len(asked), answers_expected=len(wanted))
    found: dict[str, dict[str, int]] = {}
    for dtype in ("bfloat16", "float32"):
        runtime = Timed(runtime_options(FIXTURE / "tiny-molmo2", device, dtype))
        found[dtype] = {"of": len(wanted)}
        for way, size, order in (("alone", 1, 1), ("batch", 8, 1), ("reversed", 8, -1)):
            runtime.batches_of(size)
            said = dict(reply for batch in runtime.ask(asked[::order]) for reply in batch)
            texts = [said[place].text for place in range(len(asked))][::order]
            found[dtype][way] = sum(json.loads(text) == answer for text, answer in zip(texts, wanted, strict=True))
        runtime.close()
    return found


def tokens_per_page(workspace: Workspace, contract: Contract, strategy: Strategy) -> float:
    """Mean image tokens of a page's crops, pages without chunks counted as none."""
    tokens: list[int] = []
    for shard in workspace.plan.page_shards:
        chunking.run(workspace, shard, contract.chunking.model_copy(update={"strategy": strategy}))
        read_pages = fs.read_table(workspace.shard("read", shard), ["document", "page"]).to_pylist()
        pages = {(row["document"], row["page"]): 0 for row in read_pages}
        for row in fs.read_table(workspace.shard("chunk", shard)).to_pylist():
            pages[row["document"], row["page"]] += tiling.tokens(*crop_size(Box(row["x0"], row["y0"], row["x1"], row["y1"])))
        tokens += pages.values()
    return round(statistics.mean(tokens), 1)


def crop_size(box: Box) -> tuple[int, int]:
    """Width and height of a chunk's crop away from the page's edges, filled up to the least side."""
    from PIL import Image

    return crop(Image.new("L", (box.x1 + 64, box.y1 + 64)), box, None, MIN_SIDE_PX).size


if __name__ == "__main__":
    main()
