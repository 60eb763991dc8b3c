"""Pages as typesetters make them, with what is true of them: papers in columns, tables, account statements.

Every page comes from a seed. Lengths are pixels of a page of 1,654 x 2,339 (A4 at 200 dpi); a letter is about half as wide
as the line is high. ``regions`` are runs of words (indices) that a person reads one after the other, in that order; ``rows``
are the rows of tables, label and value of a form among them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from octavo.model.entities import Box, Page, Source, Word

WIDTH, HEIGHT, MARGIN = 1654, 2339, 120


@dataclass
class Drawn:
    """A page while it is made."""

    words: list[Word] = field(default_factory=list)
    regions: list[list[int]] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return Page("d" * 64, 1, WIDTH, HEIGHT, 200, 0, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), tuple(self.words))

    def text(self, text: str, x: float, y: float, height: float, align: str = "left") -> list[int]:
        """Write one line; ``align`` says which end ``x`` is. Returns the indices of its words."""
        widths = [width_of(word, height) for word in text.split()]
        space = 0.3 * height
        if align == "right":
            x -= sum(widths) + space * (len(widths) - 1)
        made = []
        for word, width in zip(text.split(), widths, strict=True):
            made.append(len(self.words))
            self.words.append(Word(word, Box(round(x), round(y), round(x + width), round(y + height)), 1.0, Source.TEXT_LAYER))
            x += width + space
        return made


def width_of(word: str, height: float) -> float:
    return max(4.0, 0.48 * height * len(word))


def word(rng: random.Random) -> str:
    return "".join(rng.choice("etaoinshrdlu") for _ in range(min(13, 1 + int(rng.expovariate(0.25)))))


def amount(rng: random.Random) -> str:
    return f"{rng.uniform(1, 9999):,.2f}"


def paragraph(drawn: Drawn, rng: random.Random, x: float, y: float, width: float, height: float, leading: float, lines: int) -> list[int]:
    """Lines of words that fill ``width``, justified or ragged, the last one shorter."""
    made, justified = [], rng.random() < 0.5
    for number in range(lines):
        wanted = width * (rng.uniform(0.2, 0.9) if number == lines - 1 else 1.0)
        words = [word(rng)]
        while sum(width_of(w, height) for w in words) + 0.3 * height * len(words) + width_of(following := word(rng), height) < wanted:
            words.append(following)
        start = len(drawn.words)
        made += drawn.text(" ".join(words), x, y + number * leading, height)
        if justified and number < lines - 1 and len(words) > 3:  # spread what is left over the spaces
            spare = (x + width - drawn.words[-1].box.x1) / (len(words) - 1)
            for place, index in enumerate(range(start, len(drawn.words))):
                old = drawn.words[index]
                shift = round(place * spare)
                drawn.words[index] = Word(old.text, Box(old.box.x0 + shift, old.box.y0, old.box.x1 + shift, old.box.y1), 1.0, old.source)
    return made


def paper(seed: int) -> Drawn:
    """A title, two or three columns of paragraphs with headings, sometimes a wide footer; columns on one grid or not."""
    rng, drawn = random.Random(f"paper {seed}"), Drawn()
    columns = rng.choice((2, 2, 2, 3))
    height = rng.uniform(15, 24) if columns == 2 else rng.uniform(14, 18)
    leading, gutter = height * rng.uniform(1.15, 1.6), height * rng.uniform(1.2, 3.5)
    drawn.regions.append(drawn.text("An opening title that runs over both of the columns below", MARGIN, 120, 1.6 * height))
    top = 120 + 5 * height
    if rng.random() < 0.5:
        drawn.regions.append(paragraph(drawn, rng, MARGIN, top, WIDTH - 2 * MARGIN, height, leading, rng.randint(2, 5)))
        top += 8 * leading
    width = (WIDTH - 2 * MARGIN - (columns - 1) * gutter) / columns
    bottom = HEIGHT - 300 if rng.random() < 0.7 else top + rng.uniform(14, 30) * leading
    for column in range(columns):
        x, y = MARGIN + column * (width + gutter), top + (rng.uniform(0, leading) if rng.random() < 0.5 else 0)
        text: list[int] = []
        while y < bottom:
            if rng.random() < 0.4:
                text += drawn.text("A heading", x, y, height)
                y += 1.5 * leading
            lines = min(rng.randint(3, 12), max(1, int((bottom - y) / leading)))
            text += paragraph(drawn, rng, x, y, width, height, leading, lines)
            y += (lines + rng.choice((0, 0.5, 1))) * leading
        drawn.regions.append(text)
    if rng.random() < 0.6:
        drawn.regions.append(drawn.text("a footer with the number of the page and the journal's name 17", MARGIN, HEIGHT - 150, height))
    return drawn


def table(seed: int) -> Drawn:
    """A caption and a table of text and numbers, narrow or over the whole page, some of its cells empty."""
    rng, drawn = random.Random(f"table {seed}"), Drawn()
    height = rng.uniform(16, 26)
    pitch = height * rng.uniform(1.25, 2.4)
    drawn.regions.append(drawn.text("A caption that says what the table shows", MARGIN, 150, height))
    rest = _rows(drawn, rng, 150 + 3 * pitch, height, pitch, rng.randint(1, 3), rng.randint(0, 5), rng.randint(5, 40))
    drawn.regions.append(rest)
    return drawn


def statement(seed: int) -> Drawn:
    """An account statement: an address beside labels and values, then bookings with dates, text, amounts and a balance."""
    rng, drawn = random.Random(f"statement {seed}"), Drawn()
    height = rng.uniform(16, 24)
    pitch = height * rng.uniform(1.3, 2.2)
    drawn.regions.append(drawn.text("City and Harbour Bank", MARGIN, 110, 1.5 * height))
    for number, label in enumerate(("Account number", "Statement date", "Page", "Opening balance")):
        y = 260 + number * pitch
        drawn.text(" ".join(word(rng) for _ in range(rng.randint(1, 4))), MARGIN, y, height)
        row = drawn.text(label, 950, y, height) + drawn.text(amount(rng), WIDTH - MARGIN, y, height, "right")
        drawn.rows.append(row)
    _rows(drawn, rng, 300 + 6 * pitch, height, pitch, 2, 2, rng.randint(6, 45), dates=True)
    return drawn


def _rows(
    drawn: Drawn, rng: random.Random, top: float, height: float, pitch: float, texts: int, numbers: int, count: int, dates: bool = False,
) -> list[int]:
    """Rows of a table until the page ends: a date, ``texts`` cells of words, ``numbers`` right-aligned amounts."""
    right = WIDTH - MARGIN if rng.random() < 0.7 else WIDTH * 0.7
    step = min(9.5 * height, (right - MARGIN) * 0.5 / max(1, numbers))
    first = MARGIN + (6.5 * height if dates else 0)
    widest = (right - numbers * step - first) / texts
    made: list[int] = []
    for number in range(count):
        y = top + number * pitch
        if y > HEIGHT - 200:
            break
        row: list[int] = []
        if dates:
            row += drawn.text(f"{rng.randint(1, 28):02d} Nov 26", MARGIN, y, height)
        for cell in range(texts):
            words = [word(rng)]
            while len(words) < rng.randint(1, 7):
                words.append(word(rng))
            while len(words) > 1 and sum(width_of(w, height) + 0.3 * height for w in words) > widest - 1.5 * height:
                words.pop()
            row += drawn.text(" ".join(words), first + cell * widest, y, height)
        for cell in range(numbers):
            if rng.random() < 0.85:
                row += drawn.text(amount(rng), right - (numbers - 1 - cell) * step, y, height, "right")
        drawn.rows.append(row)
        made += row
    return made
