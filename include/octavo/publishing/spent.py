"""What a run spent: of every chunk, added up to its page, its document and the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]

# Columns of the ledger that add up. Tokens are those of the answers, whoever paid for them; seconds and cost are this run's.
SUMS = ("seconds", "prompt_tokens", "completion_tokens", "cost", "chunks_asked", "chunks_cached")
_DIGITS = {"seconds": 4, "cost": 8}


def of_chunk(answer: Row) -> Row:
    """What one extractor's answer about one chunk took. An extractor without a model asks nobody."""
    spent = {name: answer[name] for name in ("attempts", "seconds", "prompt_tokens", "completion_tokens", "cost", "cached")}
    if answer["model"] is not None and answer["attempts"]:
        spent |= {"chunks_asked": int(not answer["cached"]), "chunks_cached": int(bool(answer["cached"]))}
    return spent


def added(rows: Iterable[Row]) -> Row:
    """The sums over rows of one level; a column that none of them has is left out."""
    sums: Row = {}
    for row in rows:
        for name in SUMS:
            if row.get(name) is not None:
                sums[name] = sums.get(name, 0) + row[name]
    return {name: round(value, _DIGITS[name]) if name in _DIGITS else value for name, value in sums.items()}


def with_pages(rows: list[Row]) -> list[Row]:
    """A shard's rows, each page's followed by those of its chunks, with the sums of the chunks on the page."""
    page: Row = {}
    chunks: list[Row] = []
    done: list[Row] = []
    for row in [*rows, {"level": "page"}]:
        if row["level"] == "page":
            done += [{**page, **added([page, *chunks])}, *chunks] if page else []
            page, chunks = row, []
        else:
            chunks.append(row)
    return done
