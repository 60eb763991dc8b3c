"""Find the tables of an evaluation set's pages and write their cells, one line a document.

    python bench/tables.py SET_DIR OUT.jsonl [--state DIR]

SET_DIR is a folder with ``docs/``; nothing else of it is read. A line is ``{"file", "tables": [{"page", "box", "header_rows", "cells":
[{"text", "row": [first, last], "col": [first, last]}]}]}``, rows and columns from 0. ``--state`` keeps what was read for the next run.

The bench says how many pages and tables these are and the processor time a page, and ends with an error unless every page that could be
read was looked at and there are tables.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import proof
from pages import read_set

from octavo.model.entities import Page
from octavo.page.tables import tables_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path, help="folder with docs/")
    parser.add_argument("out", type=Path, help="tables, one JSON object a document")
    parser.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    options = parser.parse_args()
    documents: dict[str, list[dict[str, Any]]] = {}
    pages, seconds = 0, 0.0
    with read_set(options.set_dir / "docs", options.state) as found:
        for uri, _, page in found.pages():
            started = time.process_time()
            tables = as_cells(page)
            seconds += time.process_time() - started
            documents.setdefault(f"docs/{Path(uri).name}", []).extend(tables)
            pages += 1
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", encoding="utf-8") as out:
        for file, tables in sorted(documents.items()):
            out.write(json.dumps({"file": file, "tables": tables}, ensure_ascii=False) + "\n")
    count = sum(map(len, documents.values()))
    print(f"{len(documents)} documents, {pages} pages, {count} tables, {1000 * seconds / max(1, pages):.1f} ms a page; {found.counts}")
    proof.some(str(options.out), documents=len(documents), pages=pages, tables=count)
    proof.same("pages", read=found.counts["pages"], looked_at=pages)
    return 0


def as_cells(page: Page) -> list[dict[str, Any]]:
    """The page's tables as the scorer reads them."""
    return [
        {
            "page": page.number, "box": list(table.box), "header_rows": table.header_rows,
            "cells": [
                {"text": " ".join(page.words[word].text for word in cell.words), "row": list(cell.rows), "col": list(cell.columns)}
                for cell in table.cells
            ],
        }
        for table in tables_of(page)
    ]


if __name__ == "__main__":
    raise SystemExit(main())
