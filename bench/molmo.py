"""Measure the Molmo runtime's plumbing on a random Molmo2 of about 50 million parameters; it says nothing about accuracy.

    python bench/molmo.py [--json] [--docs FOLDER] [--crops 16] [--new-tokens 64] [--device cpu] [--threads 1]

- ``batch8_ratio``: time of the crops one by one, divided by their time in batches of 8. A batch gains while answers are
  written, since each step reads all weights once for eight; it gains nothing while prompts are read, which is bound by
  arithmetic on a CPU. Tiles are 126 px, so that writing takes most of the time, as it does on a card, where prompts are read
  quickly; with 378 px tiles on a core, reading the prompt takes nearly all of it. On a CPU one thread computes and its CPU
  seconds count: the threads of one operation wait for each other, so with two of them and other programs on the
  machine the waiting is measured, and not the batches.
- ``outside_generate``: share of the stage's wall time that is not spent in the model's ``generate`` (pages rendered,
  crops cut and prepared, answers parsed and stored), on sample documents and an empty answer store.
- ``tokens_per_page``: prompt tokens that the images of a page cost Molmo2 (378 px tiles, as released), for each way of
  cutting pages, on the documents in ``--docs`` (default: the samples). Text tokens come on top and are alike for all.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from upath import UPath

from octavo import chunking, contracts, ingest, reading, storage
from octavo.answer_store import AnswerStore
from octavo.config import Settings
from octavo.contracts import Contract, Strategy
from octavo.extraction import molmo
from octavo.extraction.molmo.crops import crop
from octavo.extraction.molmo.options import MIN_SIDE_PX, RuntimeOptions
from octavo.extraction.molmo.protocol import Question
from octavo.extraction.molmo.runtimes.molmo2 import Molmo2
from octavo.model import Box, Partition
from octavo.workspace import Workspace

ROOT = Path(__file__).parent.parent
PROMPT = "Return what this part of the page says as one JSON object. Leave out what it does not show."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--docs", type=Path, default=ROOT / "samples" / "landing", help="folder of documents")
    parser.add_argument("--contract", default="receipt", help="contract whose prompt and locale are used")
    parser.add_argument("--crops", type=int, default=16)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--tile", type=int, default=126, help="side of the random model's tiles, pixels; a multiple of 14")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        contract = contracts.find(options.contract, ROOT / "include" / "contracts")
        workspace = read(options.docs, contract, Path(scratch))
        model = Path(scratch) / "molmo2-50m"
        parameters = random_model(model, options.tile)
        figures: dict[str, Any] = {
            "batch8_ratio": batch_ratio(model, options),
            "outside_generate": outside_generate(workspace, contract, model, options),
            "tokens_per_page": {strategy.value: tokens_per_page(workspace, contract, strategy) for strategy in Strategy},
            "parameters": parameters, "device": options.device, "threads": options.threads,
        }
    print(json.dumps(figures) if options.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


def read(docs: Path, contract: Contract, scratch: Path) -> Workspace:
    """Ingest and read all documents; shards are cut into chunks later, once per strategy."""
    settings = Settings(lake=str(scratch / "lake"))
    workspace = Workspace.open(settings.workspaces, Partition(contract.name, dt.date(2026, 1, 1)), "bench")
    ingest.run(workspace, contract, UPath(docs), settings)
    for shard in workspace.plan.page_shards:
        reading.run(workspace, shard, settings)
    return workspace


def random_model(folder: Path, tile: int) -> int:
    """A Molmo2 of released proportions between its parts, random weights; returns its parameters."""
    import torch

    sys.path.insert(0, str(ROOT))
    from transformers import Molmo2Config, Molmo2ForConditionalGeneration, Molmo2ImageProcessor

    from scripts.train_fixture import make_model

    tiny, processor = make_model([PROMPT])
    side = tile // 14
    margin = round(side * 4 / 27)  # as the released tiles overlap: 4 of 27 patches
    processor.image_processor = Molmo2ImageProcessor(size={"height": tile, "width": tile}, overlap_margins=[margin, margin])
    config = tiny.config.to_dict()
    config["vision_config"] |= {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 4,
                                "num_key_value_heads": 4, "head_dim": 64, "image_size": [tile, tile], "patch_size": 14,
                                "num_position_embeddings": side * side}
    config["adapter_config"] |= {"hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64,
                                 "intermediate_size": 1024, "text_hidden_size": 768}
    config["text_config"] |= {"hidden_size": 768, "num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 64,
                              "num_hidden_layers": 6, "intermediate_size": 2048}
    config["text_config"].pop("rope_scaling_layers")  # follows from the number of layers
    torch.manual_seed(0)
    model = Molmo2ForConditionalGeneration(Molmo2Config(**{name: value for name, value in config.items() if name != "model_type"}))
    model.generation_config = tiny.generation_config
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return sum(tensor.numel() for tensor in model.parameters())


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


def runtime_options(model: Path, device: str, batch_size: int) -> RuntimeOptions:
    return RuntimeOptions(runtime="molmo2", model=str(model), device=device, batch_size=batch_size, batch_tokens=1 << 20)


def batch_ratio(model: Path, options: argparse.Namespace) -> float:
    """One by one divided by batches of 8, over the same strips of text, each side's faster run of two."""
    from PIL import Image

    images = [Image.effect_noise((240 + 4 * number, 112), 90).convert("RGB") for number in range(options.crops)]
    asked = [Question(image, PROMPT, None, options.new_tokens) for image in images]
    seconds: dict[int, float] = {}
    clock = time.process_time if options.device == "cpu" and options.threads == 1 else time.monotonic
    for size in (1, 8):
        runtime = Molmo2(runtime_options(model, options.device, size))
        list(runtime.ask(asked[:1]))  # load and warm up
        for _ in range(2):
            started = clock()
            list(runtime.ask(asked))
            seconds[size] = min(seconds.get(size, 1e9), clock() - started)
        runtime.close()
    return round(seconds[1] / seconds[8], 2)


def outside_generate(workspace: Workspace, contract: Contract, model: Path, options: argparse.Namespace) -> float:
    """Share of the stage's time outside ``generate``, the model loaded beforehand; on a few documents of the first shard."""
    shard = next(iter(workspace.plan.page_shards))
    documents = workspace.plan.page_shards[shard][:2]
    chunking.run(workspace, shard, contract.chunking)
    chunks = storage.read_table(workspace.shard("chunk", shard))
    import pyarrow.compute as pc

    few = chunks.filter(pc.is_in(chunks["document"], value_set=pc.unique(chunks["document"])[:len(documents)]))
    storage.write_table(workspace.shard("chunk", shard), [few], few.schema)
    asking = contract.model_copy(update={"prompt": contract.prompt.model_copy(update={"max_new_tokens": options.new_tokens})})
    runtime = Timed(runtime_options(model, options.device, 8))
    runtime.model, runtime.processor  # noqa: B018  # loaded beforehand
    with tempfile.TemporaryDirectory() as scratch:
        unconstrained = runtime_options(model, options.device, 8).model_copy(update={"rounds": 1})
        report = molmo.run(workspace, shard, asking, unconstrained, AnswerStore(UPath(scratch)), runtime=runtime)
    return round(1 - runtime.generating / report.seconds, 4)


def tokens_per_page(workspace: Workspace, contract: Contract, strategy: Strategy) -> float:
    """Mean image tokens of a page's crops, pages without chunks counted as none."""
    from transformers import Molmo2ImageProcessor

    images = Molmo2ImageProcessor()
    tokens: list[int] = []
    for shard in workspace.plan.page_shards:
        chunking.run(workspace, shard, contract.chunking.model_copy(update={"strategy": strategy}))
        read_pages = storage.read_table(workspace.shard("read", shard), ["document", "page"]).to_pylist()
        pages = {(row["document"], row["page"]): 0 for row in read_pages}
        for row in storage.read_table(workspace.shard("chunk", shard)).to_pylist():
            width, height = crop_size(Box(row["x0"], row["y0"], row["x1"], row["y1"]))
            low_rows, low_columns, rows, columns = images.get_image_grid_and_crops(height, width)[0]
            pages[row["document"], row["page"]] += low_rows * (low_columns + 1) + rows * (columns + 1) + 4
        tokens += pages.values()
    return round(statistics.mean(tokens), 1)


def crop_size(box: Box) -> tuple[int, int]:
    """Width and height of a chunk's crop away from the page's edges, filled up to the least side."""
    from PIL import Image

    return crop(Image.new("L", (box.x1 + 64, box.y1 + 64)), box, None, MIN_SIDE_PX).size


if __name__ == "__main__":
    main()
