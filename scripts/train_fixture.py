"""Train the Molmo2 fixture: a tiny model of the real classes that knows the answers to its own sample documents by heart.

    python scripts/train_fixture.py [FOLDER]          (default: tests/data/molmo2-fixture; some minutes on two cores)

It writes the sample documents, their contract, the bf16 checkpoint (under 3 MB) and ``expected.json``. The
crops and prompts that it learns are those that the stages make, so tests run the real processor, the real
``generate`` and the real stage. It reads nothing but its own documents: never take it for a model.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fpdf import FPDF
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.extraction.vlm.options import MIN_SIDE_PX
from octavo.extraction.vlm.prompts import prompt
from octavo.extraction.vlm.windows import windows
from octavo.ingest import stage as ingest
from octavo.model import contracts
from octavo.model.contracts import Contract
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage.workspace import Workspace

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "molmo2-fixture"
CONTRACT = """\
# What the fixture model was trained with: its prompt and its way of cutting pages are frozen.
name: fixture_statement
title: Fixture statements
description: Sample statements that the fixture model knows by heart.
schedule: null
locale:
  date_order: MDY
  decimal: "."
  currency: USD
chunking:
  strategy: line_gap
  line_gap_px: 40
prompt:
  template: "Read this part of {title} as JSON."
  max_new_tokens: 192
fields:
  supplier:
    type: name
    place: top
  account_number:
    type: identifier
    labels: [Account Number]
    required: true
  statement_date:
    type: date
    labels: [Statement Date]
    required: true
  due_date:
    type: date
    labels: [Due Date]
  customer:
    type: name
    labels: [Service For]
  charges:
    type: list
    fields:
      name:
        labels: [Description]
      amount:
        type: money
        labels: [Amount]
  total_amount_due:
    type: money
    labels: [Total Amount Due]
    required: true
"""


def charges(basic: str, kwh: str, energy: str, tax: str) -> list[dict[str, str]]:
    rows = (("Basic charge", basic), (f"Energy {kwh} kWh", energy), ("Sales tax", tax))
    return [{"name": name, "amount": amount} for name, amount in rows]


STATEMENTS: list[dict[str, Any]] = [
    {"supplier": "Brook Valley Energy", "account_number": "7301-5528-4", "statement_date": "10/14/2026", "due_date": "11/04/2026",
     "customer": "Ida Lindqvist", "total_amount_due": "$84.21",
     "charges": charges("12.00", "412", "65.92", "6.29")},
    {"supplier": "Northgate Power", "account_number": "6620-1907-8", "statement_date": "10/19/2026", "due_date": "11/09/2026",
     "customer": "Samuel Okoro", "total_amount_due": "$131.70",
     "charges": charges("14.50", "655", "107.36", "9.84")},
]
LABELS = {"account_number": "Account Number", "statement_date": "Statement Date", "due_date": "Due Date", "customer": "Service For"}
STEPS = 1200
MM_TOKENS = [  # in the order of the released tokenizers
    "<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<low_res_im_start>", "<|image|>", "<im_low>", "<frame_start>", "<frame_end>",
    "<|video|>",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}{{ '<|image|>' }}{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def draw(statement: dict[str, Any], path: Path) -> None:
    """One statement as a small PDF with a text layer; equal statements give equal bytes."""
    pdf = FPDF(unit="pt", format=(396, 420))
    pdf.set_creation_date(dt.datetime(2026, 10, 20, tzinfo=dt.UTC))
    pdf.add_page()
    pdf.set_auto_page_break(False)

    def line(x: float, y: float, text: str, size: float = 11, style: str = "") -> None:
        pdf.set_font("Helvetica", style, size)
        pdf.text(x, y, text)

    line(36, 48, statement["supplier"], 18, "B")
    for number, (name, label) in enumerate(LABELS.items()):
        line(36, 100 + 16 * number, f"{label}: {statement[name]}")
    line(36, 210, "Description", style="B")
    line(280, 210, "Amount", style="B")
    for number, charge in enumerate(statement["charges"], 1):
        line(36, 210 + 16 * number, charge["name"])
        line(280, 210 + 16 * number, charge["amount"])
    line(36, 310, f"Total Amount Due: {statement['total_amount_due']}", 13, "B")
    line(36, 370, "Thank you for being our customer.", 9)
    pdf.output(str(path))


def lessons(folder: Path, contract: Contract) -> list[dict[str, Any]]:
    """Crop, prompt and answer of every chunk of the documents, as the stages cut them."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(lake=scratch, landing=str(folder), processes=1)
        workspace = Workspace.open(settings.workspaces, Partition(contract.name, dt.date(2026, 10, 20)), "train")
        ingest.run(workspace, contract, UPath(folder / "documents"), settings)
        found = []
        for shard in workspace.plan.page_shards:
            reading.run(workspace, shard, settings)
            chunking.run(workspace, shard, contract.chunking)
            for cut in (cut for window in windows(workspace, shard, contract.prompt, MIN_SIDE_PX, 64) for cut in window):
                found.append({
                    "image": cut.image, "prompt": prompt(contract, cut.chunk.strategy, cut.text), "text": cut.text,
                    "answer": json.dumps(said(cut.text), separators=(",", ":")),
                })
    return found


def said(text: str) -> dict[str, Any]:
    """What of its statement a chunk with these words shows, in the contract's order."""
    for statement in STATEMENTS:
        shown: dict[str, Any] = {}
        for name in ("supplier", "account_number", "statement_date", "due_date", "customer", "charges", "total_amount_due"):
            value = statement[name]
            rows = [row for row in value if f"{row['name']} {row['amount']}" in text] if isinstance(value, list) else None
            if rows:
                shown[name] = rows
            elif rows is None and value in text:
                shown[name] = value
        if shown:
            return shown
    return {}


def make_model(texts: list[str], words: int = 400) -> tuple[Any, Any]:
    """A random Molmo2 of about a million parameters with a tokenizer of its own, made for ``texts``, of that many ``words``."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        Molmo2Config,
        Molmo2ForConditionalGeneration,
        Molmo2ImageProcessor,
        Molmo2Processor,
        Molmo2VideoProcessor,
        PreTrainedTokenizerFast,
    )

    raw = Tokenizer(models.BPE())
    digits, bytelevel = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.pre_tokenizer = pre_tokenizers.Sequence([digits, bytelevel])
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=words, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    ))
    base = raw.get_vocab_size()
    raw.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in MM_TOKENS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|im_end|>", eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left",
        model_max_length=4096, extra_special_tokens={"image_token": "<|image|>", "video_token": "<|video|>"},
    )
    # Tiles of 32 px, pooled to four tokens each: enough to tell a dozen crops apart.
    images = Molmo2ImageProcessor(size={"height": 32, "width": 32}, patch_size=8, max_crops=12, overlap_margins=[0, 0], pooling_size=[4, 1])
    videos = Molmo2VideoProcessor()
    processor = Molmo2Processor(image_processor=images, video_processor=videos, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE)
    number = tokenizer.convert_tokens_to_ids
    config = Molmo2Config(
        vision_config={"hidden_size": 96, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 4,
                       "num_key_value_heads": 4, "head_dim": 24, "image_size": [32, 32], "patch_size": 8},
        adapter_config={"vision_feature_layer": [-1, -2], "hidden_size": 96, "num_attention_heads": 4, "num_key_value_heads": 4,
                        "head_dim": 24, "intermediate_size": 256, "text_hidden_size": 128},
        text_config={"hidden_size": 128, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 32, "vocab_size": base,
                     "additional_vocab_size": 16, "num_hidden_layers": 3, "intermediate_size": 256, "max_position_embeddings": 4096,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        image_start_token_id=number("<im_start>"), low_res_image_start_token_id=number("<low_res_im_start>"),
        image_end_token_id=number("<im_end>"), image_patch_id=number("<im_patch>"), frame_start_token_id=number("<frame_start>"),
        frame_end_token_id=number("<frame_end>"), bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model = Molmo2ForConditionalGeneration(config)
    ends = model.generation_config
    ends.eos_token_id, ends.pad_token_id, ends.bos_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id
    return model, processor


def train(model: Any, processor: Any, taught: list[dict[str, Any]]) -> float:
    """Teach the lessons; returns the last loss."""
    import torch

    end = processor.tokenizer.eos_token
    asked = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": lesson["prompt"]}]}],
            tokenize=False, add_generation_prompt=True,
        )
        for lesson in taught
    ]
    batch = processor(
        images=[lesson["image"] for lesson in taught], padding=True, return_tensors="pt",
        text=[text + lesson["answer"] + end for text, lesson in zip(asked, taught, strict=True)],
    )
    labels = torch.full_like(batch["input_ids"], -100)
    for row, lesson in enumerate(taught):
        length = len(processor.tokenizer(lesson["answer"] + end, add_special_tokens=False)["input_ids"])
        labels[row, -length:] = batch["input_ids"][row, -length:]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, step / 30) * (0.5 * (1 + math.cos(math.pi * step / STEPS)) * 0.95 + 0.05)
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.5f}", flush=True)
        if loss.item() < 0.0008:
            break
    return float(loss.item())


def main() -> None:
    import torch

    started = time.monotonic()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "fixture_statement.yaml").write_text(CONTRACT, encoding="utf-8")
    contract = contracts.load(folder / "fixture_statement.yaml")
    for number, statement in enumerate(STATEMENTS, 1):
        draw(statement, folder / "documents" / f"statement-{number}.pdf")
    taught = lessons(folder, contract)
    model, processor = make_model([lesson["answer"] for lesson in taught] * 20 + [taught[0]["prompt"], "user\n", "assistant\n"] * 20)
    loss = train(model, processor, taught)
    target = folder / "tiny-molmo2"
    target.mkdir(exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(target)
    processor.save_pretrained(target)
    expected = {
        "chunks": [{"text": lesson["text"], "answer": json.loads(lesson["answer"])} for lesson in taught],
        "documents": {f"statement-{number}.pdf": statement for number, statement in enumerate(STATEMENTS, 1)},
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"{len(taught)} crops, loss {loss:.5f}, {size:,} bytes, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
