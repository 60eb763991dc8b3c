"""How each strategy cuts generated papers, tables and account statements, of which everything is known.

    python bench/columns.py [--pages 100] [--json]

The pages are those of ``tests/chunking/generated.py``, by seed; no OCR is involved. Interleaves: a region of text is left and
entered again with one other region between. Row cuts: rows of tables, and labels with their values, whose words lie in several
chunks. Tokens and legibility are Molmo2's (``octavo.chunking.layout``).

The bench ends with an error unless every strategy has cut the same words of the same pages and put each word into a chunk, and the tables
and statements have rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import groupby

import proof

from octavo.chunking import layout, simple
from octavo.chunking.layout import crop_cost, is_legible
from octavo.model.contracts import Chunking
from octavo.model.entities import Chunk, Page
from tests.chunking.generated import Drawn, paper, statement, table

COUNTS = ("pages", "words", "rows")
Cut = Callable[[Page, Chunking], list[Chunk]]
CUTS: dict[str, Cut] = {"layout": layout.cut, "line_gap": simple.line_gap, "quadrants": simple.quadrants, "page": simple.whole_page}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pages", type=int, default=100, help="pages of each kind (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    kinds = {make.__name__: [make(seed) for seed in range(options.pages)] for make in (paper, table, statement)}
    proof.some("every kind", pages=options.pages)
    found = {name: {kind: measure(pages, cut) for kind, pages in kinds.items()} for name, cut in CUTS.items()}
    for kind in kinds:
        proof.same(f"words of {kind}", **{name: by_kind[kind]["words"] for name, by_kind in found.items()})
    proof.some("rows", **{kind: found["layout"][kind]["rows"] for kind in ("table", "statement")})
    if options.json:
        print(json.dumps(found))
        return 0
    columns = [name for name in next(iter(found["layout"].values())) if name not in COUNTS]
    print(f"| strategy | pages | {' | '.join(name.replace('_', ' ') for name in columns)} |\n|{' --- |' * (len(columns) + 2)}")
    for name, by_kind in found.items():
        for kind, row in by_kind.items():
            print(f"| {name} | {kind} | {' | '.join(f'{row[column]:g}' for column in columns)} |")
    for kind, row in found["layout"].items():
        print(f"{kind}: {', '.join(f'{row[name]:,} {name}' for name in COUNTS)}")
    return 0


def measure(pages: list[Drawn], cut: Cut) -> dict[str, float]:
    """Means over the pages of one kind."""
    words = chunks = interleaved = cut_rows = rows = legible = shown = tokens = 0
    for drawn in pages:
        page = drawn.page
        made = cut(page, Chunking())
        of = {index: chunk.number for chunk in made for index in chunk.words}
        proof.same("a page", words=len(page.words), words_in_chunks=len(of))
        rows += len(drawn.rows)
        cut_rows += sum(len({of[index] for index in row}) > 1 for row in drawn.rows)
        interleaved += interleaves(drawn, made)
        words += len(page.words)
        chunks += len(made)
        for chunk in made:
            cost, scale = crop_cost(chunk.box.width, chunk.box.height)
            tokens += cost
            legible += sum(is_legible(page.words[index].box.height, scale) for index in chunk.words)
            shown += sum(chunk.box.holds(word.box.center) for word in page.words)
    return {
        "chunks_a_page": round(chunks / len(pages), 2), "tokens_a_page": round(tokens / len(pages)), "legible": round(legible / words, 4),
        "seen_times": round(shown / words, 3), "rows_cut": round(cut_rows / max(1, rows), 4),
        "interleaves_per_1000_words": round(1000 * interleaved / words, 2), "pages": len(pages), "words": words, "rows": rows,
    }


def interleaves(drawn: Drawn, chunks: list[Chunk]) -> int:
    region = {index: number for number, part in enumerate(drawn.regions) for index in part}
    met = [number for number, _ in groupby(region[index] for chunk in chunks for index in chunk.words if index in region)]
    return sum(met[place] == met[place + 2] for place in range(len(met) - 2))


if __name__ == "__main__":
    raise SystemExit(main())
