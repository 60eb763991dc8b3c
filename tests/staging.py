"""Workspaces as the stages would leave them, without running OCR: for tests of what comes after."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.entities import Box, Outcome, Partition
from octavo.model.errors import Superseded
from octavo.publishing import publish as publishing
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.storage.workspace import Workspace, cut_into_shards

DAY = dt.date(2026, 11, 2)
CONTRACT = Contract.model_validate({
    "name": "receipt",
    "title": "Receipts",
    "fields": {"company": {"required": True}, "total": {"type": "money", "labels": ["Total"]}},
})
BOX = Box(10, 10, 90, 30)._asdict()


def document_id(number: int) -> str:
    return f"{number:064x}"


def reading(document: str, page: int, text: str, outcome: str = Outcome.OK, reason: str | None = None) -> dict[str, Any]:
    words = [{"text": part, **BOX, "confidence": 0.5 + 0.1 * i, "source": "ocr"} for i, part in enumerate(text.split())]
    return {
        "document": document, "page": page, "width": 100, "height": 200, "dpi": 200, "rotation": 0,
        "transform": [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], "text_source": "ocr", "words": words, "outcome": outcome,
        "reason": reason, "detail": None, "seconds": 0.25, "cached": False,
    }


def field(document: str, path: str, value: str | None, verdict: str = "accepted") -> dict[str, Any]:
    return {
        "document": document, "field": path, "matched": True, "value": value, "support": "exact", "verdict": verdict,
        "reason": "beside its label", "page": 1, "chunk": 0, "evidence": [{"page": 1, **BOX}], "extractor": "layout", "losers": [],
        "contract_hash": CONTRACT.hash,
    }


def workspace(root: Path, run: str = "r1", contract: Contract = CONTRACT) -> Workspace:
    return Workspace.open(UPath(root), Partition(contract.name, DAY), run)


def fill(
    space: Workspace,
    documents: Mapping[int, Sequence[str]],
    *,
    contract: Contract = CONTRACT,
    shard_pages: int = 64,
    quarantined: Sequence[int] = (),
    verdict: str = "accepted",
    skip: Sequence[str] = (),
) -> Workspace:
    """Write every stage's files for ``documents``: number → the text of each page ("" = an empty page, None = lost).

    ``skip`` names stages whose files are left out, as if their task had failed.
    """
    space.pin(contract)
    ids = {document_id(n): pages for n, pages in documents.items()}
    rows = [_document(document, len(pages)) for document, pages in ids.items()]
    rows += [_document(document_id(n), 0, Outcome.QUARANTINED, "corrupt") for n in quarantined]
    fs.write_rows(space.documents, sorted(rows, key=lambda row: str(row["document"])), schemas.DOCUMENTS)
    plan = cut_into_shards([(document, len(pages)) for document, pages in sorted(ids.items())], shard_pages)
    space.write_plan(plan)
    for shard, spans in plan.page_shards.items():
        pages = [(s.document, n, ids[s.document][n - 1]) for s in spans for n in range(s.first, s.last + 1)]
        read = [reading(d, n, t or "", *_page_end(t)) for d, n, t in pages]
        chunks = [_chunk(d, n, t) for d, n, t in pages if t]
        answers = [_answer(d, n) for d, n, t in pages if t]
        for stage, content, schema in (
            ("read", read, schemas.READINGS), ("chunk", chunks, schemas.CHUNKS), ("extract_layout", answers, schemas.ANSWERS),
        ):
            if stage not in skip:
                fs.write_rows(space.shard(stage, shard), content, schema)
    for shard, names in plan.document_shards.items():
        if "merge" not in skip:
            merged = [field(d, "total", "1.00", verdict) for d in names]
            fs.write_rows(space.shard("fields", shard), merged, schemas.FIELDS)
            records = [{"document": d, "uri": f"{d}.png", "contract_hash": contract.hash, "company": "ACME"} for d in names]
            fs.write_rows(space.shard("records", shard), records, schemas.record_schema(contract))
            fs.write_rows(space.shard("corrections", shard), [], schemas.CORRECTIONS)
    return space


def publish_at_once(spaces: Sequence[Workspace], lake: Lake) -> str:
    """Publish staged days of one partition, all at a time; returns the run that the manifest names, once all of its tables lie there."""

    def publish(space: Workspace) -> None:
        with suppress(Superseded):
            publishing.run(space, CONTRACT, lake)

    threads = [threading.Thread(target=publish, args=(space,)) for space in spaces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    manifest = lake.published(spaces[0].partition)
    assert manifest is not None
    for name, entry in manifest["tables"].items():
        assert fs.sha256_of(lake.table(name, spaces[0].partition)) == entry["sha256"]
    return str(manifest["run"])


def _document(document: str, pages: int, status: str = Outcome.OK, reason: str | None = None) -> dict[str, Any]:
    return {
        "document": document, "uri": f"{document}.png", "copies": [], "media_type": "image/png", "bytes": 10,
        "pages": pages, "status": status, "reason": reason,
    }


def _page_end(text: str | None) -> tuple[str, str | None]:
    if text is None:
        return Outcome.QUARANTINED, "timeout"
    return (Outcome.OK, None) if text else (Outcome.EMPTY, "blank_page")


def _chunk(document: str, page: int, text: str) -> dict[str, Any]:
    ids = list(range(len(text.split())))
    return {"document": document, "page": page, "chunk": 0, **BOX, "strategy": "page", "words": len(ids), "word_ids": ids, "text": text}


def _answer(document: str, page: int) -> dict[str, Any]:
    return {
        "document": document, "page": page, "chunk": 0, **BOX, "extractor": "layout", "hinted": False, "raw": "{}",
        "parsed": '{"total": "1.00"}', "parse_status": "ok", "attempts": 1, "seconds": 0.0, "cached": False,
    }
