"""Cutting questions into batches that a device can hold."""

from __future__ import annotations

from collections.abc import Sequence


def batches(tokens: Sequence[int], batch_size: int, batch_tokens: int) -> list[list[int]]:
    """Group questions of a like size, largest first, so that memory runs out at once or not at all.

    Args:
        tokens: prompt and answer tokens of each question, the most it can come to.
        batch_size: most questions of a batch.
        batch_tokens: most tokens of a batch, every question padded to its largest; a single question may have more.

    Returns:
        Indices into ``tokens``, each exactly once.
    """
    cut: list[list[int]] = []
    for place in sorted(range(len(tokens)), key=lambda index: (-tokens[index], index)):
        last = cut[-1] if cut else []
        if last and len(last) < batch_size and (len(last) + 1) * tokens[last[0]] <= batch_tokens:
            last.append(place)
        else:
            cut.append([place])
    return cut
