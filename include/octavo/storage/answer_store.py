"""The answer store: what models have said, so that no question is ever paid for twice.

    {root}/000000000064-3f9c….parquet      one immutable segment; its name starts with its number of rows

An answer's key is the sha256 of everything that it depends on: the crop's pixels, the prompt, the model,
its revision and how it decodes. Every flush writes one segment, sorted by key; a writer folds its own
segments into one when it closes, and segments of a like size are folded together as they add up, so
there are always few files, and a look-up touches only the row groups whose range of keys holds one.

Writers never wait for one another. Where two have answered the same question, the first one's answer
counts, for every reader. A fresh run (``since``) does not see older answers, and its own replace them.
Corrections are not kept here.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image
from upath import UPath

from octavo.model.errors import StoreUnavailable
from octavo.storage import answer_segments as segments
from octavo.storage.answer_segments import SEGMENT, AnswerSegment, SegmentReplaced, StoredAnswer

# Segments of a like size (within this factor) that are folded into one. More means fewer rewrites, and
# more files to search: sixteen keeps a million answers in fewer than 60 files and rewrites each about 3 times.
FANOUT = 16
SMALLEST_ROWS = 64
# Rows past which a segment is not folded again: rewriting it would take a task too long.
LARGEST_ROWS = 1 << 20
READERS = 8             # segments searched side by side; an object store answers each in tens of milliseconds
LISTINGS = 5            # times that a folder is listed anew when it changes while it is read
CHOSEN_BY = ["written", "model", "revision", "contract", "document"]  # columns that ``Choice`` looks at


@dataclass(frozen=True, slots=True)
class Group:
    """The answers of one model, revision and contract; ``first`` and ``last`` say when they were given."""

    model: str
    revision: str | None
    contract: str | None
    answers: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Stats:
    """What the store holds; of equal questions the answer that counts."""

    answers: int
    segments: int
    bytes: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which answers: those that fit all that is given.

    ``before``: written before this time. ``model``, ``revision``: of this one. ``contract``, ``document``:
    first asked for it. At least one must be given.
    """

    before: datetime | None = None
    model: str | None = None
    revision: str | None = None
    contract: str | None = None
    document: str | None = None

    def __post_init__(self) -> None:
        if all(value is None for value in asdict(self).values()):
            raise ValueError("a choice of answers needs a condition: before, model, revision, contract or document")

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which of ``rows`` are meant."""
        mask = pa.chunked_array([pa.array([True] * rows.num_rows, pa.bool_())])
        if self.before is not None:
            mask = pc.and_(mask, pc.less(rows["written"], int(self.before.timestamp() * 1e9)))
        for name in CHOSEN_BY[1:]:
            if (wanted := getattr(self, name)) is not None:
                mask = pc.and_(mask, pc.fill_null(pc.equal(rows[name], wanted), False))
        return mask


class AnswerStore:
    """Answers by key, shared by all runs; safe for any number of readers and writers on any machines.

    Args:
        root: ``settings.answer_store``.
        since: a fresh run's start: older answers are not seen, and new ones replace them. All tasks of
            the run must pass the same time. None for every other run.
    """

    def __init__(self, root: UPath, since: datetime | None = None) -> None:
        self.root = root
        self.since = math.floor(since.timestamp()) if since else 0
        self._known: dict[str, AnswerSegment] = {}

    def get(self, keys: Iterable[bytes]) -> dict[bytes, StoredAnswer]:
        """The stored answers of any of ``keys``.

        Raises:
            StoreUnavailable: the folder changes faster than it can be read.
        """
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        table = segments.first_writers(self._over_all(lambda segment: segment.find(wanted), SEGMENT.empty_table()))
        return {row["key"]: StoredAnswer.of(row) for row in table.to_pylist() if row["since"] >= self.since}

    def stats(self) -> Stats:
        """Count what is there; reads every segment, but for the answers' texts."""
        columns = ["key", "since", "written", "model", "revision", "contract", "prompt_tokens", "completion_tokens", "seconds"]
        empty = SEGMENT.empty_table().select(columns)
        table = segments.first_writers(self._over_all(lambda segment: segment.read(columns), empty))
        groups = table.group_by(["model", "revision", "contract"]).aggregate([("key", "count"), ("written", "min"), ("written", "max")])
        files = segments.listed(self.root)
        return Stats(
            answers=table.num_rows,
            segments=len(files),
            bytes=sum(segment.path.stat().st_size for segment in files),
            prompt_tokens=pc.sum(table["prompt_tokens"]).as_py() or 0,
            completion_tokens=pc.sum(table["completion_tokens"]).as_py() or 0,
            seconds=round(pc.sum(table["seconds"]).as_py() or 0.0, 3),
            groups=tuple(sorted((_group(row) for row in groups.to_pylist()), key=lambda group: (group.model, group.last, str(group)))),
        )

    def count(self, choice: Choice) -> int:
        """How many answers ``prune`` would remove.

        Raises:
            StoreUnavailable: the folder changes faster than it can be read.
        """
        table = self._over_all(lambda segment: segment.read(["key", *CHOSEN_BY]), SEGMENT.empty_table().select(["key", *CHOSEN_BY]))
        return int(pc.count_distinct(table.filter(choice.mask(table))["key"]).as_py())

    def prune(self, choice: Choice) -> int:
        """Remove the answers that are chosen; returns how many.

        What persons said (corrections) is not kept here, so it is never removed.

        Raises:
            StoreUnavailable: the folder changes faster than it can be read.
        """
        removed: set[bytes] = set()
        # Another process may fold an answer into a new segment meanwhile, so look until nothing is left.
        for _ in range(LISTINGS):
            found = False
            for segment in segments.listed(self.root):
                try:
                    mask = choice.mask(segment.read(CHOSEN_BY))
                    if not pc.any(mask).as_py():
                        continue
                    table = segment.read()
                except SegmentReplaced:
                    found = True
                    continue
                found = True
                removed.update(table.filter(mask)["key"].to_pylist())
                kept = table.filter(pc.invert(mask))
                if kept.num_rows:
                    segments.write(self.root, kept)
                segment.remove()
            if not found:
                break
        else:
            raise StoreUnavailable(f"{self.root}: other processes keep folding answers; prune again when no run is going on")
        segments.sweep(self.root)
        return len(removed)

    def fold(self, everything: bool = False) -> int:
        """Fold segments of a like size together where there are ``FANOUT`` of them; returns the number of files less.

        Args:
            everything: fold all of them, up to ``LARGEST_ROWS`` each.
        """
        before = len(segments.listed(self.root))
        while group := self._group(everything):
            if segments.fold(self.root, group) is None:
                break
        return before - len(segments.listed(self.root))

    def _group(self, everything: bool) -> list[AnswerSegment]:
        """Segments that should be one."""
        tiers: dict[int, list[AnswerSegment]] = {}
        for segment in segments.listed(self.root):
            if segment.rows < LARGEST_ROWS:
                tier = 0 if everything else math.floor(math.log(max(segment.rows, SMALLEST_ROWS) / SMALLEST_ROWS, FANOUT))
                tiers.setdefault(tier, []).append(segment)
        for _, group in sorted(tiers.items()):
            if everything:
                rows = 0
                fitting = [segment for segment in group if (rows := rows + segment.rows) <= LARGEST_ROWS]
                return fitting if len(fitting) > 1 else []
            if len(group) >= FANOUT:
                return group[:FANOUT]
        return []

    def _over_all(self, look: Callable[[AnswerSegment], pa.Table], empty: pa.Table) -> pa.Table:
        """What ``look`` finds in all segments of one moment; ``empty`` where there is none."""
        for _ in range(LISTINGS):
            now = [self._known.get(segment.path.name, segment) for segment in segments.listed(self.root)]
            self._known = {segment.path.name: segment for segment in now}
            try:
                return self._gathered(look, now) if now else empty
            except SegmentReplaced:
                continue
        raise StoreUnavailable(f"{self.root}: segments changed {LISTINGS} times while they were read")

    @staticmethod
    def _gathered(look: Callable[[AnswerSegment], pa.Table], now: Sequence[AnswerSegment]) -> pa.Table:
        with ThreadPoolExecutor(min(READERS, len(now))) as pool:
            return pa.concat_tables(pool.map(look, now))


def _group(row: dict[str, Any]) -> Group:
    first, last = (datetime.fromtimestamp(row[f"written_{end}"] / 1e9, UTC) for end in ("min", "max"))
    return Group(row["model"], row["revision"], row["contract"], row["key_count"], first, last)


def pixels_digest(image: Image.Image) -> bytes:
    """sha256 of an image's size and RGB pixels; how the file encoded them does not count."""
    pixels = image.convert("RGB")
    return hashlib.sha256(f"{pixels.width}x{pixels.height}:".encode() + pixels.tobytes()).digest()


def answer_key(pixels: bytes, prompt: str, model: str, revision: str | None, decoding: Mapping[str, object]) -> bytes:
    """32 bytes that name a question put to a model.

    Args:
        pixels: ``pixels_digest`` of the crop, as cut from the page.
        prompt: the whole text that goes with it.
        model: its name, or a digest of its weights; never a path, which says nothing about content.
        revision: of the model; None where the server does not say.
        decoding: what else decides the answer: token limit, grammar, stop strings, image options. JSON values.
    """
    parts = [pixels.hex(), prompt, model, revision, decoding]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).digest()


class AnswerWriter:
    """Writes one task's answers; a context manager that folds its segments into one at the end.

    ``put`` as answers come, ``flush`` after each batch.
    """

    def __init__(self, store: AnswerStore) -> None:
        self._store = store
        self._rows: dict[bytes, dict[str, Any]] = {}
        self._mine: list[AnswerSegment] = []

    def put(self, key: bytes, answer: StoredAnswer) -> None:
        """Take an answer; it is kept after the next ``flush``."""
        self._rows[key] = answer.row(key, self._store.since, time.time_ns())

    def flush(self) -> None:
        """Keep what was put since the last flush: when this returns, the answers are there for everyone."""
        if self._rows:
            self._mine.append(segments.write(self._store.root, pa.Table.from_pylist(list(self._rows.values()), schema=SEGMENT)))
            self._rows.clear()
        if len(self._mine) >= 64:
            self._fold()

    def _fold(self) -> None:
        if len(self._mine) > 1:
            folded = segments.fold(self._store.root, self._mine)
            self._mine = [folded] if folded else []

    def __enter__(self) -> AnswerWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()
        if kind is None:
            self._fold()
            self._store.fold()
