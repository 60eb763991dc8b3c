"""OCR of one page: a first look, and a second one where it is askew or the first saw little.

The first look is at the page as it is, or at a cleaned picture where its print is faint or dotted. The second straightens a skewed page,
turns one that lies on its side or upside down, or looks at the other of the page as it is and cleaned. It is only believed where it
reads more than the first, and its boxes are mapped back into the page's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from octavo.model.entities import Box, OcrReason, Word, union
from octavo.model.errors import Quarantined
from octavo.page.images import Affine, then, turned
from octavo.reading import deskew, picture, picture_rulings, rulings
from octavo.reading.recogniser import GUESSED_WORD, Recogniser, lies, without_guesses
from octavo.reading.rulings import PageLines

GOOD_WORD = 0.6  # confidence from which on a word counts as read
BETTER = 1.2     # a second look has to read so many times as many characters to be believed
WHITE = 255


@dataclass
class Reading:
    """One page as it is being read; for the meaning of its parts see ``entities.Page``."""

    width: int
    height: int
    dpi: int | None
    rotation: int
    transform: Affine
    words: Sequence[Word]
    text_source: str
    blank: bool = False
    skew: float = 0.0
    hidden_words: int = 0
    aside_words: int = 0
    ocr_reason: OcrReason | None = None
    lines: PageLines = field(default_factory=PageLines)

    def turn(self, degrees: int) -> None:
        """Turn the (wordless) frame with its lines clockwise by a multiple of 90 degrees."""
        step = {
            90: (0.0, 1.0, -1.0, 0.0, float(self.height), 0.0),
            180: (-1.0, 0.0, 0.0, -1.0, float(self.width), float(self.height)),
            270: (0.0, -1.0, 1.0, 0.0, 0.0, float(self.width)),
        }[degrees]
        self.transform = then(self.transform, step)
        self.lines = rulings.turned(self.lines, step)
        self.rotation = (self.rotation + degrees) % 360
        if degrees != 180:
            self.width, self.height = self.height, self.width


@dataclass
class Recognition:
    """A page that waits for OCR, or the part of it that its text layer does not say. ``failure`` says why there was none.

    ``source`` is what is looked at first, ``plain`` the page as it is where that is cleaned. ``skew`` is the picture's, in degrees;
    ``part`` a box of the page, None for all of it.
    """

    reading: Reading
    source: picture.OcrInput
    skew: float = 0.0
    part: Box | None = None
    plain: picture.OcrInput | None = None
    failure: Quarantined | None = None


def prepare(reading: Reading, image: Image.Image, folder: Path, recogniser: Recogniser) -> Recognition | None:
    """Make a page ready for OCR; None for a blank one.

    Args:
        reading: the page; its width and height are the frame's.
        image: the upright page, possibly smaller than the frame.
        folder: where to write; it is made.
        recogniser: for which.
    """
    reading.text_source = "ocr"
    if picture.is_blank(image):
        reading.blank = True
        return None
    ink = deskew.ink_of(image)
    reading.skew = deskew.angle_of(ink)
    reading.lines = picture_rulings.read(image, (reading.width, reading.height), reading.skew, reading.dpi)
    folder.mkdir(parents=True)
    source = picture.prepare(image, folder, (reading.width, reading.height), reading.dpi, recogniser.enlarges)
    if ink.dark or not 0 < ink.depth < recogniser.cleans:
        return Recognition(reading, source, reading.skew)
    clean = source.beside("clean")
    clean.write(picture.cleaned(_grey(source)))
    return Recognition(reading, clean, reading.skew, plain=source)


def prepare_part(reading: Reading, image: Image.Image, parts: Sequence[Box], folder: Path, recogniser: Recogniser) -> Recognition | None:
    """Make parts of a page ready for OCR, whose other words are known; None for blank ones.

    Args:
        reading: the page with its words.
        image: the page, of its frame's size.
        parts: at least one.
        folder: where to write; it is made.
        recogniser: for which.
    """
    around = union(parts)
    shown = Image.new("L", image.size, WHITE)
    for part in parts:
        shown.paste(image.crop(part), part[:2])
    shown = shown.crop(around)
    if picture.is_blank(shown):
        return None
    skew = deskew.angle_of(deskew.ink_of(shown))
    found = picture_rulings.read(shown, shown.size, skew, reading.dpi)
    reading.lines = rulings.both(reading.lines, rulings.moved(found, around.x0, around.y0))
    folder.mkdir(parents=True)
    source = picture.prepare(shown, folder, shown.size, reading.dpi, recogniser.enlarges)
    return Recognition(reading, source, skew, around)


def recognise(pages: Sequence[Recognition], recogniser: Recogniser) -> None:
    """Fill in the words of pages, as ``prepare`` left them."""
    words = recogniser.recognise_all([page.source.path for page in pages]) if len(pages) > 1 else None
    for number, page in enumerate(pages):
        try:
            _fill(page, recogniser.recognise(page.source.path) if words is None else words[number], recogniser)
        except Quarantined as error:
            page.failure = error


def _fill(page: Recognition, first: Sequence[Word], recogniser: Recogniser) -> None:
    reading = page.reading
    first = _straightened(page.source, page.skew, first, recogniser)
    if page.part is not None:
        _add(reading, page.part, picture.into_frame(first, page.source.scale, page.part.width, page.part.height))
        return
    reading.words = picture.into_frame(first, page.source.scale, reading.width, reading.height)
    if recogniser.is_poor(first):
        _look_again(page, first, recogniser)
    reading.words = without_guesses(reading.words)


def _add(reading: Reading, part: Box, found: Sequence[Word]) -> None:
    """Add the words of a part of the page to those of the page's text layer, but none that the layer has and no guesses."""
    moved = _moved([word for word in found if word.confidence >= GUESSED_WORD], part)
    added = [word for word in moved if not any(_same_place(word.box, known.box) for known in reading.words)]
    if added:
        reading.words = (*reading.words, *added)
        reading.text_source = "mixed"


def _same_place(a: Box, b: Box) -> bool:
    return a.holds(b.center) or b.holds(a.center)


def _straightened(source: picture.OcrInput, angle: float, words: Sequence[Word], recogniser: Recogniser) -> Sequence[Word]:
    """What is read of a file once it is straightened, boxes in its pixels; ``words`` where it is level or they are the surer ones."""
    if abs(angle) < recogniser.straightens:
        return words
    grey = _grey(source)
    level = deskew.straightened(grey, angle)
    if level is None:
        return words
    target = source.beside("straight")
    target.write(level)
    found = recogniser.recognise(target.path)
    if _certainty(found) <= _certainty(words):
        return words
    return deskew.in_skewed(found, angle, level.size, grey.size)


def _look_again(page: Recognition, first: Sequence[Word], recogniser: Recogniser) -> None:
    reading, source = page.reading, page.source
    grey = _grey(source)
    close = picture.print_box(grey) if not first else None
    if close is not None:
        reading.words = picture.into_frame(_look_closer(page, grey, close, recogniser), source.scale, reading.width, reading.height)
        return
    degrees = recogniser.rotation(source.path, first)
    again = source.beside("again")
    other = turned(grey, degrees) if degrees else picture.cleaned(grey) if page.plain is None else _grey(page.plain)
    again.write(other)
    angle = deskew.angle_of(deskew.ink_of(other))
    words = _straightened(again, angle, recogniser.recognise(again.path), recogniser)
    if read_characters(words) > BETTER * read_characters(first):
        reading.skew = angle
        if degrees:
            reading.turn(degrees)
            if angle:  # its lines were looked for as if they were level
                reading.lines = picture_rulings.read(other, (reading.width, reading.height), angle, reading.dpi)
        reading.words = picture.into_frame(words, again.scale, reading.width, reading.height)


def _grey(source: picture.OcrInput) -> Image.Image:
    with Image.open(source.path) as image:
        return image.convert("L")


def _look_closer(page: Recognition, grey: Image.Image, close: Box, recogniser: Recogniser) -> list[Word]:
    """The words of a part of the file that is recognised, boxes in the file's pixels."""
    closer = page.source.beside("closer")
    closer.write(grey.crop(close))
    return _moved(recogniser.recognise(closer.path), close)


def _moved(words: Sequence[Word], part: Box) -> list[Word]:
    """Words of a part of a picture with their boxes in the whole one."""
    moved = (Box(b.x0 + part.x0, b.y0 + part.y0, b.x1 + part.x0, b.y1 + part.y0) for b in (word.box for word in words))
    return [word._replace(box=box) for word, box in zip(words, moved, strict=True)]


def read_characters(words: Sequence[Word]) -> int:
    """How many characters were read with confidence, in words that do not lie on their side."""
    return sum(len(word.text) for word in words if word.confidence >= GOOD_WORD and not lies(word))


def _certainty(words: Sequence[Word]) -> float:
    """How many characters were read with confidence, each counted by it."""
    return sum(len(word.text) * word.confidence for word in words if word.confidence >= GOOD_WORD and not lies(word))
