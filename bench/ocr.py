"""How much of the truth the words of an evaluation set contain, whatever an extractor would make of them.

    python bench/ocr.py SET_DIR [--json] [--state DIR]

SET_DIR is a folder with ``docs/`` and ``truth.jsonl``. Containment of a field: the share of documents whose text,
with everything but letters and digits removed, contains the field's true value likewise (dates as printed). Word
recall, where the truth has words (``entities``) or lines: the share of true words found, each as often as it occurs.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pages import read_set


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    options = parser.parse_args()
    texts: dict[str, list[str]] = defaultdict(list)
    with read_set(options.set_dir / "docs", options.state) as found:
        for uri, _, page in found.pages():
            texts[f"docs/{Path(uri).name}"] += [word.text for word in page.words]
    with (options.set_dir / "truth.jsonl").open(encoding="utf-8") as stream:
        result = measure([json.loads(line) for line in stream], texts)
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:20} {value}")
    return 0


def measure(truth: list[dict[str, Any]], texts: dict[str, list[str]]) -> dict[str, float | int]:
    contained: dict[str, list[bool]] = defaultdict(list)
    wanted = got = 0
    for row in truth:
        words = texts.get(row["file"], [])
        text = normalised("".join(words))
        for field, value in (row.get("fields") or {}).items():
            if isinstance(value, str) and normalised(value):
                contained[field].append(normalised(value) in text)
        true = Counter(filter(None, map(normalised, true_words(row))))
        seen = Counter(map(normalised, words))
        wanted += sum(true.values())
        got += sum(min(count, seen[word]) for word, count in true.items())
    result: dict[str, float | int] = {"documents": len(truth)}
    result |= {field: round(sum(hits) / len(hits), 3) for field, hits in contained.items()}
    if wanted:
        result["word_recall"] = round(got / wanted, 3)
    return result


def true_words(row: dict[str, Any]) -> list[str]:
    lines = [line["text"] for line in row.get("lines") or []] + [entity["text"] for entity in row.get("entities") or []]
    return [word for line in lines for word in line.split()]


def normalised(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


if __name__ == "__main__":
    raise SystemExit(main())
