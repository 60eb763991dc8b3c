"""Speed of the read stage beside the programs that it is built on or could be replaced by.

    python bench/reading.py [--docs FOLDER] [--rounds N] [--json]

**Scans** (PNG, JPEG, TIFF, WebP, BMP, GIF): profile ``fast`` beside Tesseract itself, run in parallel on the same pages with the
same settings. First a file is made of every page: its own, where Tesseract takes it as it is, or a grey PGM, upright and of the
size at which the read stage has it recognised. Then, N times in turn, the read stage reads the documents into an empty reading
store, without keeping pictures of the pages, and ``xargs -P CORES tesseract FILE OUT tsv`` reads those files, with one thread
each. ``ratio_to_raw_tesseract`` is the read stage's pages per second, all of its own work included, over raw Tesseract's;
``cpu_ratio`` is the same in processor time, which a machine that is busy with other things does not distort.
``cpu_ratio_same_files`` is that where raw Tesseract gets the files that the read stage writes, which it reads quicker: what is
left then is the read stage's own. ``best_cost`` is the processor time of the read stage with profile ``best`` over that with
profile ``fast``, on the same pages.

**Born-digital PDFs** (those whose every page has a text layer that is trusted, and no picture that is read beside it), in
processor time, the quickest of N and at least five runs, taken in turn: what a reading child does with each page, from opening the file to
the row with words and boxes, beside ``pdfplumber``'s ``extract_words`` in this process and beside ``pdftotext -bbox`` (poppler),
started once a file.
``born_digital_vs_pdfplumber`` and ``born_digital_vs_pdftotext`` are their time over ours.

The bench counts pages and words of all of them, and ends with an error unless each round has read every page anew, raw Tesseract has
written a table for every page that is not blank, and all three readers of text layers have found words on the same number of pages.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import proof
from pages import read_counts
from PIL import Image
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model.contracts import Contract, FieldSpec
from octavo.model.entities import Partition, Report
from octavo.model.errors import Quarantined
from octavo.model.settings import Settings
from octavo.page import images, pdf
from octavo.reading import picture, regions, text_layer, worker
from octavo.reading import stage as reading
from octavo.reading.page_objects import objects
from octavo.reading.tesseract import CONFIG
from octavo.storage import fs
from octavo.storage.workspace import Workspace

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
MAX_PIXELS = Settings().limits.page_pixels  # asked for once: a child is told it
# Formats and modes that Tesseract reads by itself.
OWN_FILES = {"image/jpeg": ("L", "RGB"), "image/png": ("L", "RGB", "1"), "image/bmp": ("L", "RGB")}
IMAGE_FILES = tuple(f"**/*{suffix}" for suffix in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--docs", type=Path, default=SAMPLES, help="folder of documents (default: the samples)")
    parser.add_argument("--rounds", type=int, default=1, help="how often both are timed, in turn")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    proof.need("pdfplumber", programs=["tesseract", "xargs", "pdftotext"])
    proof.show(measure(options.docs, options.rounds) | born_digital(options.docs, max(5, options.rounds)), options.json)
    return 0


def measure(docs: Path, rounds: int) -> dict[str, float | int]:
    cores = os.cpu_count() or 1
    raw = our_cpu = raw_cpu = same_cpu = best_cpu = 0.0
    fast_reports: list[Report] = []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        workspace = Workspace.open(UPath(root), Partition("bench", dt.date(2000, 1, 1)), "reading")
        contract = Contract(name="bench", title="Bench", files=IMAGE_FILES, fields={"text": FieldSpec()})
        ingested = ingest.run(workspace, contract, UPath(docs), Settings(state=scratch))
        pages = ingested.counts["pages"]
        jobs, same_jobs = prepared(workspace, root)
        proof.some(f"images under {docs}", pages=pages, pages_that_are_not_blank=len(jobs), rounds=rounds)
        for number in range(rounds):
            settings = Settings(state=str(root / f"state{number}"), processes=cores, ocr_profile="fast", page_images=False)
            before = cpu_seconds()
            fast = [reading.run(workspace, shard, settings) for shard in workspace.plan.page_shards]
            our_cpu += cpu_seconds() - before
            prove(f"round {number + 1}, profile fast", workspace, [ingested, *fast], len(jobs))
            seconds, cpu, raw_words = tesseract(jobs, cores)
            raw, raw_cpu = raw + seconds, raw_cpu + cpu
            _, cpu, same_words = tesseract(same_jobs, cores)
            same_cpu += cpu
            settings, before = settings.model_copy(update={"ocr_profile": "best"}), cpu_seconds()
            best = [reading.run(workspace, shard, settings) for shard in workspace.plan.page_shards]
            best_cpu += cpu_seconds() - before
            prove(f"round {number + 1}, profile best", workspace, [ingested, *best], len(jobs))
            fast_reports += fast
    ours, counts = sum(report.seconds for report in fast_reports), Report.total(fast_reports)
    return {
        "pages": pages, "reads": counts["reads"], "prepared_pages": len(jobs), "cores": cores, "rounds": rounds,
        "words": counts["words"] // rounds, "raw_tesseract_words": raw_words, "raw_tesseract_words_same_files": same_words,
        "pages_per_second": round(rounds * len(jobs) / ours, 3),
        "raw_tesseract_pages_per_second": round(rounds * len(jobs) / raw, 3),
        "ratio_to_raw_tesseract": round(raw / ours, 3), "cpu_ratio": round(raw_cpu / our_cpu, 3),
        "cpu_ratio_same_files": round(same_cpu / our_cpu, 3), "best_cost": round(best_cpu / our_cpu, 2),
    }


def prove(what: str, workspace: Workspace, reports: list[Report], prepared_pages: int) -> None:
    """End the bench unless the read stage has just read all pages, and took those for blank that Tesseract was not given."""
    counts = read_counts(workspace, reports)
    blank_and_prepared = counts["blank"] + prepared_pages
    proof.same(what, pages=counts["pages"], reads=counts["reads"], blank_pages_and_those_of_tesseract=blank_and_prepared)
    proof.none(what, pages_that_could_not_be_read=counts["unreadable"])
    proof.some(what, words=counts["words"])


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def prepared(workspace: Workspace, root: Path) -> tuple[list[tuple[str, int | None]], list[tuple[str, int | None]]]:
    """The files that raw Tesseract is given, and their dpi; then those that the read stage would write of the same pages."""
    jobs: list[tuple[str, int | None]] = []
    same: list[tuple[str, int | None]] = []
    for row in fs.read_table(workspace.documents).to_pylist():
        for number in range(1, row["pages"] + 1):
            folder = root / "prepared" / f"{row['document'][:12]}-{number}"
            folder.mkdir(parents=True)
            with images.open_image(Path(row["uri"]), row["media_type"], 1 << 40) as image:
                frame = images.seek(image, number, 1 << 40)
                own = image.mode in OWN_FILES.get(row["media_type"], ()) and frame.orientation == 1 and frame.stretch == (1.0, 1.0)
                page, pixels = worker.look(image, frame, enlarge=True)
            if not picture.is_blank(pixels):
                source = picture.prepare(pixels, folder, (page.width, page.height), page.dpi, enlarge=True)
                same.append((str(source.path), source.dpi))
                if own and source.scale == 1.0:
                    jobs.append((row["uri"], source.dpi))
                else:
                    with Image.open(source.path) as grey:
                        grey.save(folder / "page.pgm", format="PPM")
                    jobs.append((str(folder / "page.pgm"), source.dpi))
    return jobs, same


def tesseract(jobs: list[tuple[str, int | None]], cores: int) -> tuple[float, float, int]:
    """Seconds and processor seconds that raw Tesseract takes for the files, ``cores`` at a time, and the words that it finds."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            f"{file}\0{folder}/{index}\0{'--dpi' if dpi else '-l'}\0{dpi or 'eng'}\0" for index, (file, dpi) in enumerate(jobs)
        ]
        command = ["xargs", "-0", "-n", "4", "-P", str(cores), "sh", "-c", f'exec tesseract "$0" "$1" "$2" "$3" -l eng {CONFIG} tsv']
        started, before = time.monotonic(), cpu_seconds()
        single_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        subprocess.run(command, input="".join(lines).encode(), env=single_thread, stderr=subprocess.DEVNULL, check=True)
        seconds, cpu = time.monotonic() - started, cpu_seconds() - before
        tables = [path.read_text(encoding="utf-8") for path in Path(folder).glob("*.tsv")]
        words = sum(row.startswith("5\t") and bool(row.rpartition("\t")[2].strip()) for table in tables for row in table.splitlines())
        proof.same("raw Tesseract", files=len(jobs), tables=len(tables))
        proof.some("raw Tesseract", words=words)
        return seconds, cpu, words


def born_digital(docs: Path, rounds: int) -> dict[str, float | int]:
    """The text layer's speed; nothing where the folder has no born-digital PDF."""
    files = {path: pages for path in sorted(docs.glob("**/*.pdf")) if (pages := pages_with_layer(path))}
    if not files:
        return {"born_digital_pages": 0}
    works = (read_layers, read_with_pdfplumber, read_with_pdftotext)
    words = {"ours": read_layers(files), "pdfplumber": read_with_pdfplumber(files), "pdftotext": words_of_pdftotext(files)}
    proof.same("pages with a text layer", pages=sum(files.values()), **{name: len(found) for name, found in words.items()})
    proof.some("words of text layers", **{name: sum(found) for name, found in words.items()})
    ours, plumber, poppler = (min(times) for times in zip(*([timed(work, files) for work in works] for _ in range(rounds)), strict=True))
    return {
        "born_digital_pages": sum(files.values()), "born_digital_words": {name: sum(found) for name, found in words.items()},
        "born_digital_pages_per_second": round(sum(files.values()) / ours, 1),
        "born_digital_vs_pdfplumber": round(plumber / ours, 2), "born_digital_vs_pdftotext": round(poppler / ours, 2),
    }


def timed(work: Callable[[dict[Path, int]], object], files: dict[Path, int]) -> float:
    """Processor seconds of ``work`` and of the programs that it starts."""
    before = cpu_seconds()
    work(files)
    return cpu_seconds() - before


def pages_with_layer(path: Path) -> int:
    """The number of pages of a PDF whose pages all have a trusted text layer and no picture to be read beside it; else 0."""
    try:
        document = pdf.open_pdf(path)
    except Quarantined:
        return 0
    try:
        for number in range(1, len(document) + 1):
            with pdf.open_page(document, number) as page:
                items = objects(page)
                layer = text_layer.read(page, items)
                if text_layer.doubt(page, items, layer) or regions.unread(page, items, layer.words(page, pdf.DPI), pdf.DPI):
                    return 0
        return len(document)
    except Quarantined:
        return 0
    finally:
        document.close()


def read_layers(files: dict[Path, int]) -> list[int]:
    """How many words each page has."""
    asked = {"profile": "best", "languages": "eng", "max_pixels": MAX_PIXELS, "max_words": 20_000, "previews": False}
    words = []
    for path, pages in files.items():
        for number in range(1, pages + 1):
            page = {"path": str(path), "document": path.name, "media_type": pdf.MEDIA_TYPE, "page": number, "flaw": None}
            words += [len(row["words"]) for row in worker.handle({**asked, "pages": [page]})["rows"]]
    return words


def read_with_pdfplumber(files: dict[Path, int]) -> list[int]:
    """How many words each page has."""
    import pdfplumber

    words = []
    for path in files:
        with pdfplumber.open(path) as document:
            for page in document.pages:
                words.append(len(page.extract_words()))
                page.close()
    return words


def read_with_pdftotext(files: dict[Path, int]) -> None:
    for path in files:
        subprocess.run(["pdftotext", "-bbox", str(path), os.devnull], stderr=subprocess.DEVNULL, check=True)


def words_of_pdftotext(files: dict[Path, int]) -> list[int]:
    """How many words each page has; not timed, since this process takes part in it."""
    found = [subprocess.run(["pdftotext", "-bbox", str(path), "-"], capture_output=True, check=True).stdout for path in files]
    return [page.count(b"<word ") for text in found for page in text.split(b"<page ")[1:]]


if __name__ == "__main__":
    raise SystemExit(main())
