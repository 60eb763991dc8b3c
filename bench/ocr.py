"""How much of the truth the words of an evaluation set contain, whatever an extractor would make of them.

    python bench/ocr.py SET_DIR [--json] [--state DIR]

SET_DIR is a folder with ``docs/`` and ``truth.jsonl``. Containment of a field: the share of documents whose text,
with everything but letters and digits removed, contains the field's true value likewise (dates as printed). Word
recall, where the truth has words (``entities``) or lines: the share of true words found, each as often as it occurs. A
word is a run of letters and digits on both sides, since truths disagree on whether ``872,055.53`` has spaces in it;
``printed_word_recall`` takes words as the truth's spaces part them. The bench counts documents, pages, words, and what of the truth it
looked for (``true_values``, ``true_words``), and ends with an error unless every page was read or found in the reading store, every file
of the truth is there, and there is something to look for.
"""

from __future__ import annotations

import argparse
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import proof
from pages import read_set, truth

from octavo.page.index import runs_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    options = parser.parse_args()
    lines = truth(options.set_dir)
    texts: dict[str, list[str]] = defaultdict(list)
    with read_set(options.set_dir / "docs", options.state) as found:
        for uri, _, page in found.pages():
            texts[f"docs/{Path(uri).name}"] += [word.text for word in page.words]
    without = sum(row["file"] not in texts for row in lines)
    result = {**found.counts, "documents_without_pages": without, **measure(lines, texts)}
    proof.some("the set", words=found.counts["words"])
    proof.show(result, options.json)
    return 0


def measure(truth: list[dict[str, Any]], texts: dict[str, list[str]]) -> dict[str, float | int]:
    contained: dict[str, list[bool]] = defaultdict(list)
    runs, printed = [0, 0], [0, 0]
    for row in truth:
        words = texts.get(row["file"], [])
        text = normalised("".join(words))
        for field, value in (row.get("fields") or {}).items():
            if isinstance(value, str) and normalised(value):
                contained[field].append(normalised(value) in text)
        true = true_words(row)
        count(runs, [run for word in true for run in runs_of(word)], [run for word in words for run in runs_of(word)])
        count(printed, list(filter(None, map(normalised, true))), list(map(normalised, words)))
    result: dict[str, float | int] = {
        "documents": len(truth), "true_values": sum(map(len, contained.values())), "true_words": runs[0],
    }
    proof.some("the truth", documents=len(truth), true_values_and_words=result["true_values"] + result["true_words"])
    result |= {field: round(sum(hits) / len(hits), 3) for field, hits in contained.items()}
    if runs[0]:
        result |= {"word_recall": round(runs[1] / runs[0], 3), "printed_word_recall": round(printed[1] / printed[0], 3)}
    return result


def count(totals: list[int], true: list[str], seen: list[str]) -> None:
    """Add how many true words there are, and how many of them were seen."""
    wanted = Counter(true)
    totals[0] += len(true)
    totals[1] += (wanted & Counter(seen)).total()


def true_words(row: dict[str, Any]) -> list[str]:
    lines = [line["text"] for line in row.get("lines") or []] + [entity["text"] for entity in row.get("entities") or []]
    return [word for line in lines for word in line.split()]


def normalised(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


if __name__ == "__main__":
    raise SystemExit(main())
