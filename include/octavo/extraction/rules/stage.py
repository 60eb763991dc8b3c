"""Extractor ``layout``: fields from label/value geometry, places and tables, without a model.

It looks at one whole page at a time and knows the contract, never a template: values stand right of
or below a label, in a column under a header, or at the place that the contract names. Answers say
what was found where; whether it may be believed is the merge stage's to decide.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from octavo.extraction.rules import tables
from octavo.extraction.rules.key_value_pairs import pairs
from octavo.extraction.rules.ranking import ranked
from octavo.extraction.rules.scalars import scalar
from octavo.extraction.rules.unlabelled import placed
from octavo.model.contracts import Contract, FieldSpec, Kind, Place
from octavo.model.deadline import TimedOut, within
from octavo.model.entities import Chunk, Page, ParseStatus, Report
from octavo.model.settings import Limits
from octavo.page.record_starts import RecordStarts
from octavo.page.view import Printed, Proposal, View
from octavo.storage import fs, schemas
from octavo.storage.workspace import BLOCK_PAGES, Workspace

log = logging.getLogger(__name__)

EXTRACTOR = "layout"
# Bump when answers change for the same words: it stands in the answers as their revision.
REVISION = "3"
# A page's best value is left out when it fits less than this share of the block's best.
WEAK = 0.75


class FieldProposal(NamedTuple):
    """A value found on a page: the field, the index of its first word, and the value: JSON, but ``Printed`` in place of texts."""

    field: str
    word: int
    value: Any


def run(workspace: Workspace, shard: str, contract: Contract, limits: Limits | None = None) -> Report:
    """Write the answers of a page shard: one row per chunk, an empty object where nothing was found.

    A document that takes longer than ``limits.document_seconds`` has no answers from there on.

    Raises:
        WorkspaceError: the shard was not read or not cut into chunks.
    """
    started = time.monotonic()
    chunks: dict[tuple[str, int], list[Chunk]] = {}
    for row in workspace.read(workspace.shard("chunk", shard)).to_pylist():
        chunks.setdefault((row["document"], row["page"]), []).append(schemas.chunk_from_row(row))
    counts = {"chunks": 0, "answers": 0, "model_calls": 0, "store_hits": 0}

    def rows() -> Iterator[dict[str, Any]]:
        readings = workspace.read(workspace.shard("read", shard))
        spent: dict[str, float] = {}
        for block in _blocks(schemas.pages_of(readings)):
            document, begun = block[0].document, time.monotonic()
            try:
                with within(seconds - spent.get(document, 0.0)):
                    extracted = extract(block, contract)
            except TimedOut:
                late.add(document)
                log.warning("%s: no fields from page %d on, after %g s; raise limits.document_seconds", document, block[0].number, seconds)
                extracted = [[] for _ in block]
            spent[document] = spent.get(document, 0.0) + time.monotonic() - begun
            for page, found in zip(block, extracted, strict=True):
                for chunk, answer in answers(found, chunks.get((page.document, page.number), [])):
                    counts["chunks"] += 1
                    counts["answers"] += bool(answer)
                    yield _row(page, chunk, answer, document in late)

    seconds, late = (limits or Limits()).document_seconds, set[str]()
    fs.write_rows(workspace.shard(f"extract_{EXTRACTOR}", shard), rows(), schemas.ANSWERS)
    workspace.keep_timeouts(f"extract_{EXTRACTOR}", shard, late)
    return Report(f"extract_{EXTRACTOR}", counts, round(time.monotonic() - started, 3))


def _blocks(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Pages of one document that are looked at together; their borders do not depend on the shard's size."""
    for _, block in groupby(pages, key=lambda page: (page.document, (page.number - 1) // BLOCK_PAGES)):
        yield list(block)


def answers(found: Sequence[FieldProposal], chunks: Sequence[Chunk]) -> list[tuple[Chunk, dict[str, Any]]]:
    """What a page's chunks say, one entry per chunk, in the chunks' reading order.

    A value is given to the chunk that holds its first word.
    """
    answered: dict[int, dict[str, Any]] = {chunk.number: {} for chunk in chunks}
    home = {word: chunk.number for chunk in reversed(chunks) for word in chunk.words}
    place = {word: at for at, word in enumerate(word for chunk in chunks for word in chunk.words)}
    for field, word, value in sorted(found, key=lambda one: place.get(one.word, len(place))) if chunks else ():
        _add(answered[home.get(word, chunks[0].number)], field, value)
    return [(chunk, answered[chunk.number]) for chunk in chunks]


def _add(answer: dict[str, Any], name: str, value: Any) -> None:
    """Add a value to an answer: what a group has to the group, rows to the rows that are there."""
    if isinstance(value, dict):
        for inner, part in value.items():
            _add(answer.setdefault(name, {}), inner, part)
    elif isinstance(value, list) and isinstance(value[0], dict):
        answer[name] = [*answer.get(name, []), *value]
    else:
        answer[name] = value


def extract(block: Sequence[Page], contract: Contract) -> list[list[FieldProposal]]:
    """What each page of a block of pages has, in the contract's order. Pages of different records are not looked at together.

    A value that only stands where the contract says (``place``) counts when no page of the record has the
    field's label, and of labelled values those far weaker than the record's best are left out.
    """
    views = (View(page, contract) for page in block)
    return [found for _, pages in RecordStarts(contract).records(views, lambda view: view) for found in _extract(list(pages), contract)]


def _extract(views: Sequence[View], contract: Contract) -> list[list[FieldProposal]]:
    """What each page of one record in a block has."""
    found: list[list[FieldProposal]] = [[] for _ in views]
    for name, spec in contract.fields.items():
        for out, said in zip(found, _said(views, name, spec), strict=True):
            out += [FieldProposal(name, word, value) for word, value in said]
    return found


def _said(views: Sequence[View], path: str, spec: FieldSpec) -> list[list[tuple[int, Any]]]:
    """The values of a field on each page, each with its first word."""
    match spec.type:
        case Kind.GENERATED:
            return [[] for _ in views]
        case Kind.PAIRS:
            return [[(pair.key.words[0], [{"key": pair.key, "value": pair.value}]) for pair in pairs(view)] for view in views]
        case Kind.LIST:
            return [[(row.first, [row.values]) for row in rows] for rows in tables.rows(views, path, spec)]
        case Kind.GROUP:
            found: list[list[tuple[int, Any]]] = [[] for _ in views]
            for name, leaf in spec.fields.items():
                for out, said in zip(found, _said(views, f"{path}.{name}", leaf), strict=True):
                    out += [(word, {name: value}) for word, value in said]
            return found
        case _:
            return [[(best[0].words[0], _value(best))] if best else [] for best in _scalar(views, path, spec)]


def _scalar(views: Sequence[View], path: str, spec: FieldSpec) -> list[list[Proposal]]:
    """The candidates of a scalar field on each page, best first."""
    labelled = [scalar(view, path, spec) for view in views]
    if spec.type is Kind.NAME and spec.place is not None:
        # a name's label may be a word of a sentence ("from"), so the place always has its say
        labelled = [ranked([*best, *placed(view, spec)], spec) for view, best in zip(views, labelled, strict=True)]
    elif not any(labelled):
        labelled = [placed(view, spec) for view in views]
        if spec.place is Place.BOTTOM:
            # the bottom of a document is on its last page that has such a value
            last = max((n for n, best in enumerate(labelled) if best), default=-1)
            labelled = [best if n == last else [] for n, best in enumerate(labelled)]
    top = max((best[0].score for best in labelled if best), default=0.0)
    return [best if best and best[0].score >= WEAK * top else [] for best in labelled]


def _value(found: list[Proposal]) -> Printed | list[Printed]:
    printed = [candidate.printed for candidate in found]
    return printed[0] if len(printed) == 1 else printed


def json_of(answer: Any, part: Callable[[Printed], Any]) -> Any:
    """An answer as JSON, with a part of each ``Printed`` in its place."""
    if isinstance(answer, Printed):
        return part(answer)
    if isinstance(answer, dict):
        return {name: json_of(value, part) for name, value in answer.items()}
    return [json_of(value, part) for value in answer]


def _row(page: Page, chunk: Chunk, answer: dict[str, Any], is_late: bool) -> dict[str, Any]:
    status = ParseStatus.OK if answer else ParseStatus.TIMED_OUT if is_late else ParseStatus.BLANK
    text = json.dumps(json_of(answer, lambda printed: printed.text), ensure_ascii=False)
    return {
        "document": page.document, "page": page.number, "chunk": chunk.number, **chunk.box._asdict(),
        "extractor": EXTRACTOR, "hinted": False, "raw": text, "parsed": text,
        "word_ids": json.dumps(json_of(answer, lambda printed: printed.words)),
        "parse_status": status.value, "attempts": 1,
        "model": None, "revision": REVISION, "prompt_hash": None, "prompt_tokens": 0, "completion_tokens": 0,
        "seconds": 0.0, "cost": 0.0, "cached": False,
    }
