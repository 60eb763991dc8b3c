"""Cut the pages of an evaluation set and write what came out, one line a page.

    python bench/chunks.py SET_DIR STRATEGY OUT.jsonl [--state DIR]

SET_DIR is a folder with ``docs/``; nothing else of it is read. STRATEGY is page, quadrants, line_gap, layout or
segments. A line is ``{"file", "page", "width", "height", "chunks": [{"bbox", "words"}], "words"}``; words are
``{"id", "text", "bbox"}``, boxes in pixels of the page. ``--state`` keeps what was read for the next run.

The bench says how many pages, words and chunks these are, and ends with an error unless every page that could be read has a line and
there are words and chunks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import proof
from pages import read_set
from upath import UPath

from octavo.chunking.stage import cut
from octavo.model.contracts import Chunking, Strategy
from octavo.model.entities import Page
from octavo.page.rendering import page_image


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path, help="folder with docs/")
    parser.add_argument("strategy", type=Strategy, choices=list(Strategy))
    parser.add_argument("out", type=Path, help="chunks, one JSON object a page")
    parser.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    options = parser.parse_args()
    rule = Chunking(strategy=options.strategy)
    pages = unreadable = words = chunks = 0
    with read_set(options.set_dir / "docs", options.state) as found, options.out.open("w", encoding="utf-8") as out:
        for uri, media_type, page in found.pages():
            if not page.width:  # it could not be read
                unreadable += 1
                continue
            line = as_line(f"docs/{Path(uri).name}", uri, media_type, page, rule)
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            pages, words, chunks = pages + 1, words + len(line["words"]), chunks + len(line["chunks"])
    print(f"{pages} pages, {words} words, {chunks} chunks; without a line, since they could not be read: {unreadable}; {found.counts}")
    proof.some(str(options.out), pages=pages, words=words, chunks=chunks)
    return 0


def as_line(file: str, uri: str, media_type: str, page: Page, rule: Chunking) -> dict[str, Any]:
    words = [{"id": index, "text": word.text, "bbox": list(word.box)} for index, word in enumerate(page.words)]
    chunks = cut(page, rule, lambda: page_image(UPath(uri), media_type, page))
    return {
        "file": file, "page": page.number, "width": page.width, "height": page.height, "words": words,
        "chunks": [{"bbox": list(chunk.box), "words": [words[index] for index in chunk.words]} for chunk in chunks],
    }


if __name__ == "__main__":
    raise SystemExit(main())
