"""The fields of one document in order, few of them as objects at a time: a list over thousands of pages has hundreds of thousands."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator

from octavo.model.entities import Field

# Fields packed together; most documents have fewer and are never packed. Measured on long invoices: 22 bytes a packed field, some 540
# as objects.
BLOCK_FIELDS = 2048
FASTEST = 1


class Packed:
    """Fields, in the order in which they were appended; they can be gone through as often as wanted, not changed."""

    def __init__(self, fields: Iterable[Field] = ()) -> None:
        self._blocks: list[bytes] = []
        self._last: list[Field] = []
        for field in fields:
            self.append(field)

    def append(self, field: Field) -> None:
        self._last.append(field)
        if len(self._last) == BLOCK_FIELDS:
            self._blocks.append(zlib.compress(pickle.dumps(self._last, pickle.HIGHEST_PROTOCOL), FASTEST))
            self._last = []

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK_FIELDS + len(self._last)

    def __iter__(self) -> Iterator[Field]:
        for block in self._blocks:
            yield from pickle.loads(zlib.decompress(block))
        yield from self._last
