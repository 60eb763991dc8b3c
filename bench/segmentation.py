"""What Tesseract's page segmentation modes are worth on an evaluation set: words found, fields contained, processor time.

    python bench/segmentation.py SET_DIR [--modes 3 4 6 11] [--every 2] [--poor 0.75]

SET_DIR is a folder of images with ``docs/`` and ``truth.jsonl``; for the measures see ``ocr.py``. ``cost`` is the processor time of
Tesseract ÷ that of the first mode. ``surest`` is a second look: the pages that the first mode reads with a mean confidence (over
characters) below ``--poor`` are read in all other modes too, and the reading with most characters that were read with confidence is kept.
The bench counts documents and, by mode, words, and ends with an error unless every mode has read words and taken time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from pathlib import Path

import proof
from ocr import measure
from pages import truth

from octavo.ingest.inspection import HEAD_BYTES, media_type_of
from octavo.model.entities import Word
from octavo.model.settings import Limits
from octavo.page import images
from octavo.reading import tesseract
from octavo.reading.recogniser import mean_confidence
from octavo.reading.recognition import prepare, read_characters
from octavo.reading.worker import look
from octavo.storage.children import SINGLE_THREAD

MAX_PIXELS = Limits().page_pixels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path)
    parser.add_argument("--modes", nargs="+", default=["3", "4", "6", "11"])
    parser.add_argument("--every", type=int, default=1, help="take only every so many-th document")
    parser.add_argument("--poor", type=float, default=0.75)
    options = parser.parse_args()
    proof.need(programs=["tesseract"])
    os.environ.update(SINGLE_THREAD)
    lines = truth(options.set_dir)[:: options.every]
    read: dict[str, dict[str, tuple[list[Word], float]]] = {}
    for row in lines:
        read[row["file"]] = read_by_modes(options.set_dir / row["file"], options.modes)
    for mode in options.modes:
        proof.some(f"mode {mode}", documents=len(read), words=sum(len(by_mode[mode][0]) for by_mode in read.values()),
                   seconds=sum(by_mode[mode][1] for by_mode in read.values()))
    first = options.modes[0]
    base = sum(by_mode[first][1] for by_mode in read.values())
    for mode in options.modes:
        report(mode, lines, {file: by_mode[mode][0] for file, by_mode in read.items()}, sum(m[mode][1] for m in read.values()) / base)
    poor = {file for file, by_mode in read.items() if mean_confidence(by_mode[first][0]) < options.poor}
    surest = {
        file: max((words for words, _ in by_mode.values()), key=read_characters) if file in poor else by_mode[first][0]
        for file, by_mode in read.items()
    }
    more = sum(seconds for file in poor for mode, (_, seconds) in read[file].items() if mode != first)
    report(f"surest ({len(poor)} pages)", lines, surest, 1 + more / base)
    return 0


def read_by_modes(file: Path, modes: list[str]) -> dict[str, tuple[list[Word], float]]:
    """The words of an image's first page by mode, and the seconds of processor time they took."""
    found = {}
    with file.open("rb") as stream:
        media_type = media_type_of(stream.read(HEAD_BYTES))
    with tempfile.TemporaryDirectory() as folder, images.open_image(file, media_type, MAX_PIXELS) as image:
        reading, pixels = look(image, images.seek(image, 1, MAX_PIXELS), True)
        page = prepare(reading, pixels, Path(folder) / "page", tesseract.Tesseract("eng"))
        for mode in modes:
            tesseract.CONFIG = f"--psm {mode}"
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            words = tesseract.Tesseract("eng").recognise(page.source.path) if page else []
            found[mode] = (words, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    return found


def report(name: str, lines: list[dict[str, object]], words: dict[str, list[Word]], cost: float) -> None:
    measured = measure(lines, {file: [word.text for word in found] for file, found in words.items()})
    print(json.dumps({"mode": name, **measured, "words": sum(map(len, words.values())), "cost": round(cost, 2)}))


if __name__ == "__main__":
    raise SystemExit(main())
