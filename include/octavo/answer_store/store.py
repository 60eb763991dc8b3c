"""Looking answers up, and keeping the store small."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from octavo.answer_store import segments
from octavo.answer_store.rows import SEGMENT, StoredAnswer
from octavo.answer_store.segments import Segment, SegmentGone
from octavo.errors import StoreUnavailable

# Segments of a like size (within this factor) that are folded into one. More means fewer rewrites, and
# more files to search: sixteen keeps a million answers in fewer than 60 files and rewrites each about 3 times.
FANOUT = 16
SMALLEST_ROWS = 64
# Rows past which a segment is not folded again: rewriting it would take a task too long.
LARGEST_ROWS = 1 << 20
READERS = 8             # segments searched side by side; an object store answers each in tens of milliseconds
LISTINGS = 5            # times that a folder is listed anew when it changes while it is read


@dataclass(frozen=True)
class Stats:
    """What the store holds. ``models`` counts answers by (model, revision)."""

    answers: int
    segments: int
    bytes: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    models: dict[tuple[str, str | None], int]


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
        self._known: dict[str, Segment] = {}

    def get(self, keys: Iterable[bytes]) -> dict[bytes, StoredAnswer]:
        """The stored answers of any of ``keys``.

        Raises:
            StoreUnavailable: the folder changes faster than it can be read.
        """
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        table = segments.first_writers(self._over_all(lambda segment: segment.find(wanted)))
        return {row["key"]: StoredAnswer.of(row) for row in table.to_pylist() if row["since"] >= self.since}

    def stats(self) -> Stats:
        """Count what is there; reads every segment, but for the answers' texts."""
        columns = ["key", "model", "revision", "prompt_tokens", "completion_tokens", "seconds"]
        table = self._over_all(lambda segment: segment.read(columns))
        groups = table.group_by(["model", "revision"]).aggregate([("key", "count_distinct")]).to_pylist()
        files = segments.listed(self.root)
        return Stats(
            answers=pc.count_distinct(table["key"]).as_py(),
            segments=len(files),
            bytes=sum(segment.path.stat().st_size for segment in files),
            prompt_tokens=pc.sum(table["prompt_tokens"]).as_py() or 0,
            completion_tokens=pc.sum(table["completion_tokens"]).as_py() or 0,
            seconds=round(pc.sum(table["seconds"]).as_py() or 0.0, 3),
            models={(row["model"], row["revision"]): row["key_count_distinct"] for row in groups},
        )

    def prune(self, *, before: datetime | None = None, model: str | None = None, document: str | None = None) -> int:
        """Remove the answers that fit all of the given conditions; returns how many.

        Args:
            before: written before this time.
            model: of this model.
            document: first asked for this document.

        Raises:
            ValueError: no condition is given.
            StoreUnavailable: the folder changes faster than it can be read.
        """
        if before is None and model is None and document is None:
            raise ValueError("prune needs a condition: before, model or document")

        def goes(table: pa.Table) -> pa.ChunkedArray:
            mask = pa.chunked_array([pa.array([True] * table.num_rows, pa.bool_())])
            if before is not None:
                mask = pc.and_(mask, pc.less(table["written"], int(before.timestamp() * 1e9)))
            if model is not None:
                mask = pc.and_(mask, pc.equal(table["model"], model))
            if document is not None:
                mask = pc.and_(mask, pc.equal(table["document"], document))
            return mask

        removed: set[bytes] = set()
        # Another process may fold an answer into a new segment meanwhile, so look until nothing is left.
        for _ in range(LISTINGS):
            found = False
            for segment in segments.listed(self.root):
                try:
                    mask = goes(segment.read(["written", "model", "document"]))
                    if not pc.any(mask).as_py():
                        continue
                    table = segment.read()
                except SegmentGone:
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

    def _group(self, everything: bool) -> list[Segment]:
        """Segments that should be one."""
        tiers: dict[int, list[Segment]] = {}
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

    def _over_all(self, look: Callable[[Segment], pa.Table]) -> pa.Table:
        """What ``look`` finds in all segments of one moment."""
        for _ in range(LISTINGS):
            now = [self._known.get(segment.path.name, segment) for segment in segments.listed(self.root)]
            self._known = {segment.path.name: segment for segment in now}
            try:
                return self._gathered(look, now)
            except SegmentGone:
                continue
        raise StoreUnavailable(f"{self.root}: segments changed {LISTINGS} times while they were read")

    @staticmethod
    def _gathered(look: Callable[[Segment], pa.Table], now: Sequence[Segment]) -> pa.Table:
        if not now:
            return SEGMENT.empty_table()
        with ThreadPoolExecutor(min(READERS, len(now))) as pool:
            return pa.concat_tables(pool.map(look, now))
