"""The stage: chunks of a shard in, answers out, window by window and retry by retry; or of several shards for one task of a model."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from octavo.extraction.vlm.asking import Asked, Asker, Said
from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.parsing import FAILED, parse
from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.extraction.vlm.protocol import Finish, Question, Runtime
from octavo.extraction.vlm.retries import LONGER, MOST_NEW_TOKENS, Attempt, WayToAsk, best, joined, next_way
from octavo.extraction.vlm.runtimes import open_runtime
from octavo.extraction.vlm.windows import Cut, is_blank, windows
from octavo.model.contracts import Contract, Strategy
from octavo.model.entities import ParseStatus, Report
from octavo.page.tables import Table, header_elsewhere, tables_of
from octavo.storage import fs, schemas
from octavo.storage.answer_store import AnswerStore, AnswerWriter
from octavo.storage.workspace import Workspace

EXTRACTOR = "molmo"
log = logging.getLogger(__name__)

Progress = Callable[[int], None]
"""Called with the number of chunks that are done so far, about: a chunk may be asked about several times."""


def run(
    workspace: Workspace,
    shard: str,
    contract: Contract,
    options: RuntimeOptions,
    store: AnswerStore,
    *,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the answers of a page shard: one row per chunk, whatever became of it.

    A chunk whose answer cannot be parsed is a ``failed`` row with its raw text. Answers are in the store
    as soon as their batch is done, so a task that is killed and run again asks only what was in flight.

    Args:
        workspace: the shard must have been read and cut; rows go to ``workspace.shard("extract_molmo", shard)``.
        shard: a page shard.
        contract: prompt and fields.
        options: which model, and how much at once.
        store: where answers are kept.
        runtime: an open one, to be used for several shards; None opens one for this call.
        progress: called with the number of chunks that are done, as answers come.

    Returns:
        counts ``chunks``, ``answers`` (rows with a value), ``model_calls``, ``store_hits``, ``blank``,
        ``failed``, ``prompt_tokens`` and ``completion_tokens`` (of the calls).

    Raises:
        WorkspaceError: the shard was not read or not cut into chunks.
        OctavoError: the model or its endpoint is not to be had.
    """
    started = time.monotonic()
    engine = runtime or open_runtime(options)
    total = fs.count_rows(workspace.shard("chunk", shard)) if workspace.shard("chunk", shard).exists() else 0
    counts = dict.fromkeys(("chunks", "answers", "model_calls", "store_hits", "blank", "failed", "prompt_tokens", "completion_tokens"), 0)
    rows: list[dict[str, Any]] = []
    begun = 0

    def answered(count: int) -> None:
        nonlocal begun
        begun += count
        if progress is not None:
            progress(min(begun, total))

    try:
        with AnswerWriter(store) as writer:
            asker = Asker(engine, store, writer, contract.name, answered)
            shape = options.least_side_px, options.window_crops, options.tiles(contract)
            for window in windows(workspace, shard, contract.prompt, *shape):
                rows += Window(window, contract, options, asker, engine).rows()
                begun = len(rows)
                answered(0)
                log.info("%s: %d of %d chunks, %s", shard, len(rows), total, _pace(asker.counts, time.monotonic() - started))
    finally:
        if runtime is None:
            engine.close()
    fs.write_rows(workspace.shard(f"extract_{EXTRACTOR}", shard), rows, schemas.ANSWERS)
    counts |= asker.counts
    counts["chunks"] = len(rows)
    counts["answers"] = sum(row["parsed"] not in (None, "{}") for row in rows)
    counts["blank"] = sum(row["parse_status"] == ParseStatus.BLANK for row in rows)
    counts["failed"] = sum(row["parse_status"] == ParseStatus.FAILED for row in rows)
    seconds = round(time.monotonic() - started, 3)
    log.info(
        "%s: model %s revision %s, %d chunks, %d blank, %d failed, %s", shard, engine.identity.model, engine.identity.revision, len(rows),
        counts["blank"], counts["failed"], _pace(asker.counts, seconds),
    )
    return Report(f"extract_{EXTRACTOR}", counts, seconds, sum(row["cost"] for row in rows))


def _pace(counts: Mapping[str, int], seconds: float) -> str:
    written = counts.get("completion_tokens", 0)
    calls, hits = counts.get("model_calls", 0), counts.get("store_hits", 0)
    return f"{calls} calls, {hits} store hits, {written} tokens written, {written / max(seconds, 1e-3):.1f} tokens/s"


@dataclass
class Case:
    """One chunk with the attempts at it, and what they took."""

    cut: Cut
    attempts: list[Attempt] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    cached: bool = True

    def add(self, way: WayToAsk, said: list[Said], asked: list[Asked], contract: Contract, options: RuntimeOptions) -> None:
        """Note what was said at one attempt: one reply, or one per half of the crop."""
        replies = [one.reply for one in said]
        parts = [parse(reply.text, contract) if reply.finish is not Finish.ERROR else FAILED for reply in replies]
        worst = next((reply for reply in replies if reply.finish is not Finish.STOP), replies[0])
        self.attempts.append(Attempt(way, joined(parts, contract) if len(parts) > 1 else parts[0], worst.finish, worst.error))
        self.raws.append("\n".join(reply.text for reply in replies))
        self.prompts.append("\n".join(one.question.prompt for one in asked))
        for one in said:
            self.prompt_tokens += one.reply.prompt_tokens
            self.completion_tokens += one.reply.completion_tokens
            if not one.cached:
                self.cached = False
                self.seconds += one.reply.seconds
                self.cost += options.cost(one.reply.seconds, one.reply.prompt_tokens, one.reply.completion_tokens)


class Window:
    """Chunks that are asked about together: all in the first way, then those that need it in their next."""

    def __init__(self, cuts: list[Cut], contract: Contract, options: RuntimeOptions, asker: Asker, runtime: Runtime) -> None:
        self._cases = [Case(cut) for cut in cuts]
        self._contract = contract
        self._options = options
        self._asker = asker
        self._runtime = runtime
        self._schema = answer_schema(contract) if options.constrain else None
        self._tables: dict[tuple[str, int], tuple[Table, ...]] = {}  # of each page, as far as a chunk needs them

    def rows(self) -> Iterator[dict[str, Any]]:
        """The answers' rows, in the chunks' order."""
        open_cases = [case for case in self._cases if case.cut.image is not None and not is_blank(case.cut.image)]
        while open_cases:
            ways = [(case, next_way(case.attempts, self._options.rounds)) for case in open_cases]
            steps = [(case, way, self._questions(case, way)) for case, way in ways if way]
            said = iter(self._asker.ask([one for _, _, asked in steps for one in asked]))
            for case, way, asked in steps:
                case.add(way, [next(said) for _ in asked], asked, self._contract, self._options)
            open_cases = [case for case, _, _ in steps]
        for case in self._cases:
            yield self._row(case)

    def _questions(self, case: Case, way: WayToAsk) -> list[Asked]:
        rule = self._contract.prompt
        shape = rule.max_height_px, self._options.least_side_px, self._options.tiles(self._contract)
        cuts = case.cut.halves(*shape) if way is WayToAsk.SMALLER else [case.cut]
        longer = any(entry.finish is Finish.LENGTH for entry in case.attempts)
        stricter = way is WayToAsk.STRICTER or any(entry.way is WayToAsk.STRICTER for entry in case.attempts)
        return [Asked(cut.page.document, self._question(cut, cut.image, longer, stricter)) for cut in cuts if cut.image is not None]

    def _question(self, cut: Cut, image: Image.Image, longer: bool, stricter: bool) -> Question:
        rule = self._contract.prompt
        limit = max(rule.max_new_tokens, min(MOST_NEW_TOKENS, rule.max_new_tokens * LONGER)) if longer else rule.max_new_tokens
        text = prompt(self._contract, cut.chunk.strategy, cut.text, stricter, self._header(cut))
        return Question(image, text, self._schema, limit, rule.stop, rule.max_crops or self._contract.chunking.tiles)

    def _header(self, cut: Cut) -> str:
        """What heads the columns of the chunk's tables and stands in another chunk."""
        if cut.chunk.strategy != Strategy.LAYOUT or len(cut.chunk.words) == len(cut.page.words):
            return ""
        page = cut.page.document, cut.page.number
        if page not in self._tables:
            self._tables[page] = tables_of(cut.page)
        return header_elsewhere(cut.page, self._tables[page], cut.chunk.words)

    def _row(self, case: Case) -> dict[str, Any]:
        chunk, identity = case.cut.chunk, self._runtime.identity
        row = {
            "document": case.cut.page.document, "page": case.cut.page.number, "chunk": chunk.number, **chunk.box._asdict(),
            "extractor": EXTRACTOR, "hinted": self._contract.prompt.hinted, "model": identity.model, "revision": identity.revision,
            "attempts": len(case.attempts), "prompt_tokens": case.prompt_tokens, "completion_tokens": case.completion_tokens,
            "seconds": round(case.seconds, 4), "cost": case.cost, "cached": case.cached and bool(case.attempts),
            "history": [{"rung": t.way, "finish": t.finish, "parse_status": t.parsed.status, "detail": _detail(t)} for t in case.attempts],
        }
        if not case.attempts:
            blank = case.cut.image is not None
            status, finish = (ParseStatus.BLANK, Finish.BLANK) if blank else (ParseStatus.FAILED, Finish.ERROR)
            return {**row, "raw": "", "parsed": "{}", "parse_status": status, "finish": finish, "detail": case.cut.problem or None}
        chosen = best(case.attempts)
        place = case.attempts.index(chosen)
        return {
            **row, "raw": case.raws[place], "parsed": json.dumps(chosen.parsed.value, ensure_ascii=False),
            "parse_status": chosen.parsed.status, "finish": chosen.finish, "detail": _detail(chosen),
            "prompt_hash": hashlib.sha256(case.prompts[place].encode()).hexdigest(),
        }


def _detail(entry: Attempt) -> str | None:
    return entry.error or "; ".join(entry.parsed.problems) or None


def run_shards(
    workspace: Workspace, shards: Sequence[str], contract: Contract, options: RuntimeOptions, store: AnswerStore, runtime: Runtime,
) -> Report:
    """Write the answers of several page shards by one model, which is loaded once; counts as of ``run``, added up."""
    started = time.monotonic()
    reports = []
    for number, shard in enumerate(shards, 1):
        log.info("shard %s, %d of %d", shard, number, len(shards))
        reports.append(run(workspace, shard, contract, options, store, runtime=runtime))
    seconds, cost = round(time.monotonic() - started, 3), sum(report.cost for report in reports)
    return Report(f"extract_{EXTRACTOR}", Report.total(reports), seconds, cost)


def grouped(pages: Mapping[str, int], most_pages: int) -> list[list[str]]:
    """Page shards, in order, for the tasks of a model: loading one takes as long as many pages.

    Args:
        pages: of each page shard.
        most_pages: of a task; a single page shard may have more.

    Returns:
        Lists of neighbouring shards, each shard exactly once.
    """
    groups: list[list[str]] = []
    room = 0
    for shard, count in pages.items():
        if not groups or count > room:
            groups.append([])
            room = most_pages
        groups[-1].append(shard)
        room -= count
    return groups
