"""Extractor ``layout``: fields from label/value geometry, places and tables, without a model.

It looks at one whole page at a time and knows the contract, never a template: values stand right of
or below a label, in a column under a header, or at the place that the contract names. Answers say
what was found where; whether it may be believed is the merge stage's to decide.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from octavo import schemas, storage
from octavo.contracts import Contract, FieldSpec, Kind
from octavo.extraction.layout.candidates import Candidate, View, scalar
from octavo.extraction.layout.pairs import pairs
from octavo.extraction.layout.places import placed
from octavo.extraction.layout.tables import rows
from octavo.model import Chunk, Page, ParseStatus, Report
from octavo.workspace import Workspace

EXTRACTOR = "layout"
# Bump when answers change for the same words: it stands in the answers as their revision.
REVISION = "1"


def run(workspace: Workspace, shard: str, contract: Contract) -> Report:
    """Write the answers of a page shard: one row per chunk, an empty object where nothing was found.

    Raises:
        WorkspaceError: the shard was not read or not cut into chunks.
    """
    started = time.monotonic()
    chunks: dict[tuple[str, int], list[Chunk]] = {}
    for row in workspace.read(workspace.shard("chunk", shard)).to_pylist():
        chunks.setdefault((row["document"], row["page"]), []).append(schemas.chunk_from_row(row))
    counts = {"chunks": 0, "answers": 0, "model_calls": 0, "store_hits": 0}

    def answers() -> Iterator[dict[str, Any]]:
        for row in workspace.read(workspace.shard("read", shard)).to_pylist():
            page = schemas.page_from_row(row)
            for chunk, parsed in answer(page, chunks.get((page.document, page.number), []), contract):
                counts["chunks"] += 1
                counts["answers"] += bool(parsed)
                yield _row(page, chunk, parsed)

    storage.write_rows(workspace.shard(f"extract_{EXTRACTOR}", shard), answers(), schemas.ANSWERS)
    return Report(f"extract_{EXTRACTOR}", counts, round(time.monotonic() - started, 3))


def answer(page: Page, chunks: list[Chunk], contract: Contract) -> list[tuple[Chunk, dict[str, Any]]]:
    """What the page's chunks say, one entry per chunk; a value is given to the chunk that holds its first word."""
    said: dict[int, dict[str, Any]] = {chunk.number: {} for chunk in chunks}
    home = {word: chunk.number for chunk in reversed(chunks) for word in chunk.words}
    if page.words and chunks:
        for name, first, value in extract(page, contract):
            parsed = said[home.get(first, chunks[0].number)]
            if isinstance(value, list) and isinstance(parsed.get(name), list):
                parsed[name] = parsed[name] + value
            elif isinstance(value, dict):
                parsed[name] = {**parsed.get(name, {}), **value}
            else:
                parsed[name] = value
    return [(chunk, said[chunk.number]) for chunk in chunks]


def extract(page: Page, contract: Contract) -> Iterator[tuple[str, int, Any]]:
    """(field, index of the value's first word, JSON value) for everything the page has, in the contract's order."""
    view = View(page, contract)
    for name, spec in contract.fields.items():
        if spec.type is Kind.GENERATED:
            continue
        if spec.type is Kind.PAIRS:
            for pair in pairs(view):
                yield name, pair.words[0], [{"key": pair.key, "value": pair.value}]
        elif spec.type is Kind.LIST:
            for found in rows(view, name, spec):
                yield name, found.words[0], [found.values]
        elif spec.type is Kind.GROUP:
            for inner, leaf in spec.fields.items():
                best = _candidates(view, f"{name}.{inner}", leaf)
                if best:
                    yield name, best[0].words[0], {inner: _json(best)}
        else:
            best = _candidates(view, name, spec)
            if best:
                yield name, best[0].words[0], _json(best)


def _candidates(view: View, path: str, spec: FieldSpec) -> list[Candidate]:
    if spec.type in (Kind.GENERATED, Kind.LIST, Kind.GROUP, Kind.PAIRS):
        return []
    return scalar(view, path, spec) or placed(view, spec)


def _json(found: list[Candidate]) -> Any:
    texts = [candidate.text for candidate in found]
    return texts[0] if len(texts) == 1 else texts


def _row(page: Page, chunk: Chunk, parsed: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(parsed, ensure_ascii=False)
    return {
        "document": page.document, "page": page.number, "chunk": chunk.number, **chunk.box._asdict(),
        "extractor": EXTRACTOR, "hinted": False, "raw": text, "parsed": text,
        "parse_status": (ParseStatus.OK if parsed else ParseStatus.BLANK).value, "attempts": 1,
        "model": None, "revision": REVISION, "prompt_hash": None, "prompt_tokens": 0, "completion_tokens": 0,
        "seconds": 0.0, "cost": 0.0, "cached": False,
    }
