"""What extractor ``layout`` costs on a page of many words, and how that grows with them.

    python bench/words.py [--contracts invoice generic …] [--most 20000] [--repeat 2] [--json]

The pages are made here: a table of items, running text in sentences, labels with values, and a sheet that is as wide as it is high, each
of 1,250 words and of twice as many until ``--most``. Nothing is read. ``exponent`` is the slope of log seconds over log words, by least
squares over all sizes: 1 is linear. A page of the same words twice as long takes two to the exponent times as long.

The bench ends with an error unless every page had the words that it was to have, and answers were found on those that have any.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import proof

from octavo.extraction.rules.stage import extract
from octavo.model.contracts import Contract, load
from octavo.model.entities import Box, Page, Source, Word
from octavo.model.settings import CONTRACTS_FOLDER

LEAST = 1250
CHARACTER, HEIGHT, PITCH = 10, 20, 34  # pixels: a letter, a word, from line to line
Texts = list[tuple[int, str]]  # of one line: the left edge in pixels, and what begins there
NOUNS = ("Cable", "Timber", "Bracket", "Filter", "Gasket", "Paint", "Switch", "Ladder", "Valve", "Hinge")


def items(line: int) -> Texts:
    """A table: a header, then a number, a description of two words, a quantity, a price and an amount."""
    if line == 0:
        return [(100, "Pos"), (200, "Description"), (700, "Quantity"), (900, "Unit price"), (1200, "Amount")]
    price = 3 + line % 17
    name = f"{NOUNS[line % 10]} {NOUNS[line // 10 % 10].lower()}"
    return [(100, str(line)), (200, name), (700, str(line % 9 + 1)), (900, f"{price}.50"), (1200, f"{(line % 9 + 1) * price}.90")]


def prose(line: int) -> Texts:
    """Running text with a label, a date or an amount in it here and there."""
    said = ("due on 12 March 2026", "the total of 17.50", "invoice no 4711", "that was delivered")[line % 4]
    return [(100, f"The {NOUNS[line % 10].lower()} of line {line} and {said} is held to be of a kind that was agreed by all of them")]


def labels(line: int) -> Texts:
    """A form: labels with their values, in two columns."""
    names = ("Invoice date", "Total", "Reference", "Customer", "Due date", "Tax", "Phone", "Contact")
    values = (f"{line % 28 + 1}/03/2026", f"{line}.20", f"AB-{line}", f"{NOUNS[line % 10]} Trading Ltd")
    return [(100, f"{names[line % 8]}:"), (400, values[line % 4]), (900, names[(line + 3) % 8]), (1300, values[(line + 1) % 4])]


def sheet(across: int) -> Callable[[int], Texts]:
    """A sheet of so many columns of figures, under a header."""
    def line_of(line: int) -> Texts:
        return [(100 + 160 * n, f"Col{n}" if line == 0 else f"{(line * 31 + n * 17) % 900}.{n % 10}0") for n in range(across)]
    return line_of


def page_of(words: int, line_of: Callable[[int], Texts]) -> Page:
    """The first ``words`` words of as many lines as that takes."""
    found = [word for _, word in zip(range(words), _words(line_of), strict=False)]
    right, bottom = max(word.box.x1 for word in found), max(word.box.y1 for word in found)
    return Page("d" * 64, 1, right + 100, bottom + 100, 200, 0, (1, 0, 0, 1, 0, 0), tuple(found))


def _words(line_of: Callable[[int], Texts]) -> Iterator[Word]:
    line = 0
    while True:
        y = 100 + PITCH * line
        for left, text in line_of(line):
            x = left
            for part in text.split():
                yield Word(part, Box(x, y, x + CHARACTER * len(part), y + HEIGHT), 1.0, Source.TEXT_LAYER)
                x += CHARACTER * (len(part) + 1)
        line += 1


def seconds_of(page: Page, contract: Contract, repeat: int) -> tuple[float, int]:
    """The least time of extracting from the page, in seconds of a processor, and how many values were found."""
    best, found = math.inf, 0
    for _ in range(repeat):
        started = time.process_time()
        found = sum(map(len, extract([page], contract)))
        best = min(best, time.process_time() - started)
    return best, found


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of the straight line nearest to log seconds over log sizes."""
    xs, ys = [math.log(size) for size in sizes], [math.log(one) for one in seconds]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / sum((x - x_mean) ** 2 for x in xs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--contracts", nargs="+", default=["invoice", "generic"], help="shipped ones by name, or files")
    parser.add_argument("--most", type=int, default=20000, help="words of the longest page (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=2, help="the least time of so many runs counts (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sizes = [options.most]
    while sizes[0] >= 2 * LEAST:
        sizes.insert(0, sizes[0] // 2)
    figures: dict[str, str | float] = {}
    for name in options.contracts:
        path = Path(name) if name.endswith(".yaml") else CONTRACTS_FOLDER / f"{name}.yaml"
        contract = load(path)
        seconds_of(page_of(LEAST, items), contract, 1)  # patterns are compiled, lexicons loaded
        values = 0
        for kind in ("items", "prose", "labels", "sheet"):
            times = []
            for size in sizes:
                page = page_of(size, {"items": items, "prose": prose, "labels": labels, "sheet": sheet(math.isqrt(size))}[kind])
                proof.same(f"{kind} page", words=size, words_on_page=len(page.words))
                took, found = seconds_of(page, contract, options.repeat)
                times.append(took)
                values += found
                figures[f"{contract.name}_{kind}_{size}_s"] = round(took, 3)
            figures[f"{contract.name}_{kind}_exponent"] = round(exponent(sizes, times), 2) if len(sizes) > 1 else 0.0
        proof.some(contract.name, values=values)
    proof.show(figures, options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
