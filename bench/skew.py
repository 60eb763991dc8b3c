"""What straightening skewed pages is worth: the pages of an evaluation set, turned by some degrees and read with and without it.

    python bench/skew.py SET_DIR [--profile best|fast] [--every N] [--degrees -7 4 11] [--json]

SET_DIR is a folder with ``docs/`` of single pictures and ``truth.jsonl`` with fields. ``as is``: the page is read as it lies;
``straightened``: as the read stage reads it. ``contained`` is the share of true fields that the text contains
(letters and digits only, see ``bench/ocr.py``), ``angle error`` the mean difference in degrees between the angle found and that
of the turn, which takes in how the page lay before. The bench counts pages, words and true fields (``true_values``), and ends
with an error unless there are some of each.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import proof
import numpy as np
from ocr import normalised
from pages import truth
from PIL import Image

from octavo.reading.recogniser import Recogniser
from octavo.reading.recognition import Reading, prepare, recognise

LARGE = 2480  # pixels: wider pages are reduced to this before they are turned, as A4 at 300 dpi


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set_dir", type=Path)
    parser.add_argument("--profile", choices=("best", "fast"), default="fast")
    parser.add_argument("--every", type=int, default=8, help="take every so-manieth document (default: %(default)s)")
    parser.add_argument("--degrees", type=float, nargs="+", default=[-7, 4, 11])
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    recogniser = engine(options.profile)
    documents = truth(options.set_dir)[:: options.every]
    for degrees in options.degrees:
        result = {"degrees": degrees, "pages": len(documents), **measure(options.set_dir, documents, degrees, recogniser)}
        print(json.dumps(result) if options.json else "  ".join(f"{name} {value}" for name, value in result.items()), flush=True)
    return 0


def engine(profile: str) -> Any:
    if profile == "best":
        from octavo.reading.rapid_ocr import RapidOcr

        return RapidOcr()
    from octavo.reading.tesseract import Tesseract

    proof.need(programs=["tesseract"])
    return Tesseract("eng")


def measure(folder: Path, documents: list[dict[str, Any]], degrees: float, recogniser: Any) -> dict[str, float]:
    contained: dict[str, list[bool]] = defaultdict(list)
    errors: list[float] = []
    words = {"as is": 0, "straightened": 0}
    least = recogniser.straightens
    for document in documents:
        page = turned(folder / document["file"], degrees)
        for name, bound in (("as is", math.inf), ("straightened", least)):
            recogniser.straightens = bound
            reading = read(page, recogniser)
            words[name] += len(reading.words)
            text = normalised("".join(word.text for word in reading.words))
            contained[name] += [normalised(v) in text for v in document["fields"].values() if isinstance(v, str) and normalised(v)]
        errors.append(abs(reading.skew - degrees))
    recogniser.straightens = least
    values = len(contained["straightened"])
    proof.some(f"{degrees:g} degrees", pages=len(errors), true_values=values, words_straightened=words["straightened"])
    return {
        **{name: round(mean(hits), 3) for name, hits in contained.items()}, "angle error": round(mean(errors), 2), "true_values": values,
        **{f"words, {name}": count for name, count in words.items()},
    }


def turned(file: Path, degrees: float) -> Image.Image:
    with Image.open(file) as image:
        page = image.convert("L")
    if page.width > LARGE:
        page = page.resize((LARGE, page.height * LARGE // page.width))
    paper = int(np.median(np.asarray(page)))
    return page.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)


def read(page: Image.Image, recogniser: Recogniser) -> Reading:
    reading = Reading(*page.size, None, 0, (1, 0, 0, 1, 0, 0), (), "ocr")
    with tempfile.TemporaryDirectory() as scratch:
        waiting = prepare(reading, page, Path(scratch) / "page", recogniser)
        if waiting is not None:
            recognise([waiting], recogniser)
    return reading


if __name__ == "__main__":
    raise SystemExit(main())
