"""What rulings of a PDF's paths and of a picture have in common: how pieces become lines, and which lines count.

A piece is a row of five floats: start and end along the line, its place across the line at both, and its thickness; pixels of a level
page. For level pieces ``along`` is x and ``across`` y, for upright ones the other way round.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from octavo.model.entities import Box, CheckBox, Page, Ruling, Word
from octavo.page.level import levelled

Pieces = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# All lengths in points. Pieces across whose middles lie that near each other are of one line; of a double line they are 1.5 apart.
SAME_LINE = 0.6
TOUCHING = 1.5          # gap between the ends of pieces of one line, and between a line's end and the line that it meets
DASH, DASH_GAP = 8.0, 6.0  # longest dash, and widest gap between two
# Shortest line that counts by itself, and shortest between two others: the dividers of a row of small print.
SHORTEST, SHORTEST_BETWEEN = 9.0, 4.0
THICKEST = 6.0          # thicker ones are bars and areas
SLENDER = 3.0           # a line is so many times as long as thick
# So many parallel lines of equal ends that follow each other this closely are a bar code, a hatching or millimetre paper.
CODE_LINES, CODE_GAP = 8, 6.0
MOST_RULINGS = 1000     # of a page, the longest ones: a table of 100 rows and 20 columns has 122
# An underline goes with its words: shares of their height by which it may begin and end beside them and lie below their boxes.
BESIDE, BELOW = 0.35, 0.45
UNDERLINED = 0.6        # least share of a line's length with words over it, or words that it runs through
EDGE = 0.2              # share of a word's height at its upper and lower edge that is not its middle


@dataclass(frozen=True, slots=True)
class PageLines:
    """Rulings and check boxes of one page, and what was left out of them, in words."""

    rulings: tuple[Ruling, ...] = ()
    checks: tuple[CheckBox, ...] = ()
    left_out: str | None = None


def joined(pieces: Pieces, point: float) -> Pieces:
    """The lines that pieces of one direction make: those that touch, overlap or follow each other as dashes are one.

    Args:
        pieces: n x 5, in any order.
        point: pixels of a point.
    """
    if len(pieces) < 2:
        return pieces
    across = (pieces[:, 2] + pieces[:, 3]) / 2
    order = np.argsort(across, kind="stable")
    cuts = np.flatnonzero(np.diff(across[order]) > SAME_LINE * point) + 1
    ordered = pieces[order].tolist()
    lines: list[list[float]] = []
    for start, end in itertools.pairwise((0, *cuts.tolist(), len(ordered))):
        lines += _chained(sorted(ordered[start:end]), point)
    return np.array(lines, np.float64).reshape(len(lines), 5)


def _chained(pieces: list[list[float]], point: float) -> list[list[float]]:
    """The lines of pieces that lie on one straight line, in the order of their starts."""
    done: list[list[float]] = []
    last = 0.0  # length of the piece that the line ends with
    inked = 0.0
    for start, end, first, second, width in pieces:
        length = end - start
        dashes = max(length, last) <= DASH * point
        if done and start - done[-1][1] <= (DASH_GAP if dashes else TOUCHING) * point:
            line = done[-1]
            line[4] = (line[4] * inked + width * length) / (inked + length) if inked + length else max(line[4], width)
            inked += length
            if end > line[1]:
                line[1], line[3], last = end, second, length
        else:
            done.append([start, end, first, second, width])
            last = inked = length
    return done


def chosen(level: Pieces, upright: Pieces, point: float, shortest: tuple[float, float] = (SHORTEST, SHORTEST)) -> tuple[Pieces, Pieces]:
    """The lines that count, of joined ones of both directions: long and thin enough, and no bars of a code.

    Args:
        level: all level ones.
        upright: all upright ones.
        point: pixels of a point.
        shortest: level and upright line that counts by itself, points.
    """
    level, upright = _thin(level, point), _thin(upright, point)
    long_level, long_upright = level[_lengths(level) >= shortest[0] * point], upright[_lengths(upright) >= shortest[1] * point]
    short_level, short_upright = level[_lengths(level) < shortest[0] * point], upright[_lengths(upright) < shortest[1] * point]
    return (
        _without_codes(np.concatenate((long_level, _between(short_level, long_upright, point))), point),
        _without_codes(np.concatenate((long_upright, _between(short_upright, long_level, point))), point),
    )


def _lengths(pieces: Pieces) -> Pieces:
    lengths: Pieces = pieces[:, 1] - pieces[:, 0]
    return lengths


def _thin(pieces: Pieces, point: float) -> Pieces:
    """The pieces that are thin and no dots."""
    shortest = np.maximum(SHORTEST_BETWEEN * point, SLENDER * pieces[:, 4])
    kept: Pieces = pieces[(pieces[:, 4] <= THICKEST * point) & (_lengths(pieces) >= shortest)]
    return kept


def _between(short: Pieces, others: Pieces, point: float) -> Pieces:
    """The short pieces that end at lines of the other direction on both sides."""
    if not len(short) or not len(others):
        return short[:0]
    place, near = (short[:, 2] + short[:, 3]) / 2, TOUCHING * point
    spans = (others[:, 0] - near <= place[:, None]) & (place[:, None] <= others[:, 1] + near)
    middle = (others[:, 2] + others[:, 3]) / 2
    met = [(spans & (np.abs(middle - short[:, end, None]) <= near + others[:, 4] / 2)).any(axis=1) for end in (0, 1)]
    kept: Pieces = short[met[0] & met[1]]
    return kept


def _without_codes(pieces: Pieces, point: float) -> Pieces:
    """The lines without the bars of codes, hatchings and fine grids."""
    if len(pieces) < CODE_LINES:
        return pieces
    alike = np.rint(pieces[:, :2] / (3 * point))
    across = (pieces[:, 2] + pieces[:, 3]) / 2
    order = np.lexsort((across, alike[:, 1], alike[:, 0]))
    apart = (np.diff(alike[order], axis=0) != 0).any(axis=1) | (np.diff(across[order]) > CODE_GAP * point)
    starts = np.flatnonzero(np.append(True, apart))
    sizes = np.diff(np.append(starts, len(order)))
    lines: Pieces = pieces[np.sort(order[np.repeat(sizes < CODE_LINES, sizes)])]
    return lines


def rulings_of(level: Pieces, upright: Pieces, width: int, height: int) -> tuple[list[Ruling], int]:
    """The longest ``MOST_RULINGS`` lines as rulings within a page, and how many there are.

    Args:
        level: of the page as it is, skewed or not.
        upright: likewise.
        width: of the page, pixels.
        height: of the page, pixels.
    """
    points = np.concatenate((level[:, (0, 2, 1, 3, 4)], upright[:, (2, 0, 3, 1, 4)]))
    longest = np.argsort(np.hypot(points[:, 2] - points[:, 0], points[:, 3] - points[:, 1]), kind="stable")[::-1][:MOST_RULINGS]
    whole = np.rint(points[longest]).astype(int)
    whole[:, :4] = np.clip(whole[:, :4], 0, (width, height, width, height))
    rulings = [Ruling(x0, y0, x1, y1, max(1, thick)) for x0, y0, x1, y1, thick in whole.tolist()]
    return in_order(ruling for ruling in rulings if ruling.length), len(points)


def too_many(lines: int) -> str | None:
    """What is said of a page with more than ``MOST_RULINGS`` lines."""
    return f"rulings: the longest {MOST_RULINGS:,} of {lines:,} are kept" if lines > MOST_RULINGS else None


def in_order(rulings: Iterable[Ruling]) -> list[Ruling]:
    """From the top down, then from the left; each once."""
    return sorted(set(rulings), key=lambda one: (one.y0, one.x0, one.y1, one.x1, one.width))


def outside(rulings: Sequence[Ruling], checks: Sequence[CheckBox]) -> list[Ruling]:
    """The rulings that are no sides of check boxes and no strokes of the marks in them."""
    return [ruling for ruling in rulings if not any(_is_of(ruling, check.box) for check in checks)]


def _is_of(ruling: Ruling, box: Box) -> bool:
    near = 2 + ruling.width
    inside_x = box.x0 - near <= min(ruling.x0, ruling.x1) and max(ruling.x0, ruling.x1) <= box.x1 + near
    return inside_x and box.y0 - near <= min(ruling.y0, ruling.y1) and max(ruling.y0, ruling.y1) <= box.y1 + near


def _without_print(page: Page) -> tuple[Ruling, ...]:
    """The page's rulings but those that go with its words: underlines from the first word's start to the last one's end, and what runs
    through the middle of words, as strokes do and rows of small print in scans.
    """
    if not page.rulings or not page.words:
        return page.rulings
    level = levelled(page) if page.skew else page
    boxes = np.array([word.box for word in level.words], np.float64)
    pairs = zip(page.rulings, level.rulings, strict=True)
    return tuple([shown for shown, ruling in pairs if not ruling.level or not _is_print(ruling, boxes)])


def _is_print(ruling: Ruling, boxes: Pieces) -> bool:
    height, place = boxes[:, 3] - boxes[:, 1], (ruling.y0 + ruling.y1) / 2
    near = (boxes[:, 1] < place) & (place <= boxes[:, 3] + BELOW * height + ruling.width)
    words = boxes[near & (boxes[:, 0] < ruling.x1) & (ruling.x0 < boxes[:, 2])]
    if not len(words):
        return False
    covered = np.minimum(words[:, 2], ruling.x1) - np.maximum(words[:, 0], ruling.x0)
    height = words[:, 3] - words[:, 1]
    through = (words[:, 1] + EDGE * height <= place) & (place <= words[:, 3] - EDGE * height)
    if covered[through].sum() >= UNDERLINED * ruling.length:
        return True
    edge = BESIDE * float(np.median(height)) + ruling.width
    from_to = abs(words[:, 0].min() - ruling.x0) <= edge and abs(words[:, 2].max() - ruling.x1) <= edge
    return bool(from_to and covered.sum() >= UNDERLINED * ruling.length)


def with_words(lines: PageLines, page: Page) -> PageLines:
    """What a page's lines are once its words are known: no underlines, and the check boxes that are printed as characters among the others.

    Args:
        lines: of the page.
        page: with its words and its skew.
    """
    page = replace(page, rulings=lines.rulings)
    return replace(lines, rulings=_without_print(page), checks=_checks_with_words(lines.checks, page.words))


LOWER = 0.75            # share of a word's height that its small letters stay below
# Characters that are a check box, empty and ticked, and marks that tick the box that they stand in, or are one by themselves.
EMPTY, TICKED, MARKS = "☐□❏❐❑❒▢", "☑☒🗹🗵", "✓✔✗✘✕✖"
_SHOWN = frozenset(EMPTY + TICKED + MARKS)
TYPED_MARKS = frozenset(("x", "X", "✓", "✔", "✗", "✘", "✕", "✖", "×", "•", "●", "■"))  # what people and form fields put into a box


def _checks_with_words(checks: Sequence[CheckBox], words: Sequence[Word]) -> tuple[CheckBox, ...]:
    """The check boxes with those that words show as characters, and ticked where a word in them is a mark."""
    if not checks and not any(not _SHOWN.isdisjoint(word.text) for word in words if not word.text.isascii()):
        return ()
    marks = [word.box for word in words if word.text in TYPED_MARKS]
    letters = [word.box for word in words if word.text not in TYPED_MARKS and _SHOWN.isdisjoint(word.text)]
    drawn = [
        check._replace(ticked=check.ticked or any(_holds_mark(check.box, mark) for mark in marks))
        for check in checks if not any(_is_letter(check.box, word) for word in letters)
    ]
    printed = [found for word in words for found in _printed(word) if not any(_holds_mark(check.box, found.box) for check in drawn)]
    return tuple(sorted({*drawn, *printed}, key=_place))


def _is_letter(box: Box, word: Box) -> bool:
    """Whether a box is a letter of a word: within it, and lower than it or with letters on both sides."""
    if not word.holds(box.center) or box.height > word.height + 2:
        return False
    return box.height < LOWER * word.height or (box.x0 - word.x0 > box.width / 2 and word.x1 - box.x1 > box.width / 2)


def _holds_mark(box: Box, mark: Box) -> bool:
    return box.holds(mark.center) or mark.holds(box.center)


def _printed(word: Word) -> Iterator[CheckBox]:
    """The check boxes that a word's first and last characters are; of a word with letters a square of the word's height."""
    text, box = word.text, word.box
    for character, at_start in ((text[0], True), (text[-1], False)) if len(text) > 1 else ((text, True),):
        if character in _SHOWN:
            side = box.width if len(text) == 1 else min(box.width, box.height)
            place = Box(box.x0, box.y0, box.x0 + side, box.y1) if at_start else Box(box.x1 - side, box.y0, box.x1, box.y1)
            yield CheckBox(place, character not in EMPTY)


def turned(lines: PageLines, affine: tuple[float, float, float, float, float, float]) -> PageLines:
    """The lines of a page that is turned by a multiple of 90 degrees.

    Args:
        lines: of the page before.
        affine: (a, b, c, d, e, f) of the turn: x' = ax + cy + e, y' = bx + dy + f.
    """
    a, b, c, d, e, f = affine

    def there(x: int, y: int) -> tuple[int, int]:
        return round(a * x + c * y + e), round(b * x + d * y + f)

    moved = [_directed(*there(line.x0, line.y0), *there(line.x1, line.y1), line.width) for line in lines.rulings]
    checks = []
    for (x0, y0, x1, y1), ticked in lines.checks:
        xs, ys = zip(there(x0, y0), there(x1, y1), strict=True)
        checks.append(CheckBox(Box(min(xs), min(ys), max(xs), max(ys)), ticked))
    return replace(lines, rulings=tuple(in_order(moved)), checks=tuple(sorted(checks, key=_place)))


def _directed(x0: int, y0: int, x1: int, y1: int, width: int) -> Ruling:
    """A ruling from left to right, or from top to bottom."""
    one = Ruling(x0, y0, x1, y1, width)
    return Ruling(x1, y1, x0, y0, width) if (x1 < x0 if one.level else y1 < y0) else one


def _place(check: CheckBox) -> tuple[int, int]:
    return check.box.y0, check.box.x0


def moved(lines: PageLines, x: int, y: int) -> PageLines:
    """The lines of a part of a page, in the page."""
    return replace(
        lines, rulings=tuple(Ruling(r.x0 + x, r.y0 + y, r.x1 + x, r.y1 + y, r.width) for r in lines.rulings),
        checks=tuple(CheckBox(Box(b.x0 + x, b.y0 + y, b.x1 + x, b.y1 + y), ticked) for b, ticked in lines.checks),
    )


def both(first: PageLines, second: PageLines) -> PageLines:
    """The lines of a page and those of its pictures, each once."""
    notes = [note for note in (first.left_out, second.left_out) if note]
    checks = [*first.checks, *(check for check in second.checks if not any(_holds_mark(known.box, check.box) for known in first.checks))]
    return PageLines(
        tuple(in_order(itertools.chain(first.rulings, second.rulings))), tuple(sorted(checks, key=_place)),
        "; ".join(notes) or None,
    )


def tangent(degrees: float) -> float:
    """How far a line falls on a pixel to the right."""
    return math.tan(math.radians(degrees))
