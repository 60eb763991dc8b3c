"""Keys and values of a form: what stands beside, below or in a column under something that reads like a question."""

from __future__ import annotations

from dataclasses import dataclass

from octavo.extraction.layout.candidates import View, trimmed


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value as printed, and the words of both."""

    key: str
    value: str
    words: tuple[int, ...]


def pairs(view: View) -> list[Pair]:
    """The page's pairs, top to bottom."""
    found: list[Pair] = []
    for line in view.lines:
        parts = list(line.segments)
        for n, part in enumerate(parts):
            words = view.page.words
            colon = next((k for k, i in enumerate(part.words) if words[i].text.endswith(":")), None)
            if colon is None:
                continue
            value = part.words[colon + 1:] or (parts[n + 1].words if n + 1 < len(parts) else ())
            key, cut = trimmed(view.page, part.words[:colon + 1]), trimmed(view.page, value)
            if key and cut:
                found.append(Pair(key.text, cut.text, key.words + cut.words))
    return found
