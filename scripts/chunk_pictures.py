"""Draws docs/images/chunks-*.png: one sample page as every strategy cuts it. ``python -m scripts.chunk_pictures``."""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

from PIL import Image
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.ingest import stage as ingest
from octavo.model.contracts import Chunking, Contract, FieldSpec, Strategy
from octavo.model.entities import Page, Partition
from octavo.model.settings import Settings
from octavo.page.rendering import page_image
from octavo.reading import stage as reading
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace
from octavo.views import files

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples/landing/generic/2026/11/05/courier_0000.pdf"
WIDTH = 520     # pixels of a picture
COLOURS = 32    # of its palette: it has to be small


def main() -> None:
    page, picture = read(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
    for strategy in Strategy:
        chunks = chunking.cut(page, Chunking(strategy=strategy), lambda: picture)
        drawn = files.draw_chunks(picture, [word.box for word in page.words], chunks)
        size = (WIDTH, round(WIDTH * drawn.height / drawn.width))
        target = ROOT / "docs/images" / f"chunks-{strategy.value}.png"
        drawn.resize(size, Image.Resampling.LANCZOS).quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
        sys.stdout.write(f"{target.relative_to(ROOT)}: {len(chunks)} chunks, {target.stat().st_size:,} bytes\n")


def read(file: Path) -> tuple[Page, Image.Image]:
    """The first page of a document, and its picture."""
    contract = Contract(name="picture", title="Picture", files=(file.name,), fields={"text": FieldSpec()})
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(UPath(scratch), Partition("picture", dt.date(2000, 1, 1)), "one")
        ingest.run(workspace, contract, UPath(file.parent), Settings(state=scratch))
        reading.run(workspace, "p0000", Settings(state=scratch))
        row = fs.read_table(workspace.shard("read", "p0000")).to_pylist()[0]
        [document] = fs.read_table(workspace.documents).to_pylist()
    page = schemas.page_from_row(row)
    return page, page_image(UPath(document["uri"]), document["media_type"], page)


if __name__ == "__main__":
    main()
