"""Words of a page image through Tesseract, by pytesseract.

Tesseract gets the path of a file, never pixels: pytesseract would save those as PNG, which costs more than
everything else around the recognition.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from octavo.model.entities import Box, Source, Word
from octavo.model.errors import Quarantined, Reason
from octavo.reading.recogniser import LYING_SHARE, lying_share, mean_confidence, without_guesses
from octavo.storage.children import die_with_parent

# pytesseract imports pandas only to offer data frames; not finding it, a child starts in half the time and memory.
_hide_pandas = "pandas" not in sys.modules
if _hide_pandas:
    sys.modules["pandas"] = None  # type: ignore[assignment]

import pytesseract  # noqa: E402
from pytesseract import pytesseract as internals  # noqa: E402

if _hide_pandas:
    del sys.modules["pandas"]

# Fully automatic page segmentation, Tesseract's own default, for every kind of page. Measured (bench/results/reading.md): no other mode is
# better on receipts, a second look in other modes costs more than it finds, and 11 (sparse text) finds "words" in noise.
CONFIG = "--psm 3"
# Measured on receipts: of 60 pages the 5 that Tesseract hardly reads lie below one of these, and nothing that it reads well.
POOR_CONFIDENCE = 0.5   # mean over characters
FEW_WORDS = 30
WORD_LEVEL = 5  # of Tesseract's TSV
ROTATE_CONFIDENCE = 1.0  # Tesseract's orientation score; right answers on clean scans lie above 2


def bind_to_this_process() -> None:
    """Have every ``tesseract`` that pytesseract starts die with this process, even if it is killed."""
    plain, parent = internals.subprocess_args, os.getpid()

    def bound(include_stdout: bool = True) -> dict[str, Any]:
        return {**plain(include_stdout), "preexec_fn": lambda: die_with_parent(parent)}

    internals.subprocess_args = bound


class Tesseract:
    """The recogniser of profile ``fast``.

    Args:
        languages: Tesseract's names, joined by ``+``.
    """

    enlarges = True    # small print wants doubling
    cleans = 70.0      # grey levels; measured: bench/results/reading.md
    straightens = 2.0  # degrees; measured: bench/results/reading.md

    def __init__(self, languages: str) -> None:
        self._languages = languages

    def recognise(self, path: Path) -> list[Word]:
        """See ``Recogniser``; in Tesseract's reading order.

        Raises:
            Quarantined: page_unreadable, out_of_memory or reader_crashed, as Tesseract ended.
        """
        return [word for words in self._pages(path).values() for word in without_guesses(words)]

    def recognise_all(self, paths: Sequence[Path]) -> list[list[Word]] | None:
        """See ``Recogniser``; from one start of Tesseract, which takes it 0.15 s."""
        listing = paths[0].with_name("pages.txt")
        listing.write_text("".join(f"{path}\n" for path in paths))
        try:
            pages = self._pages(listing)
        except Quarantined:
            return None
        if sorted(pages) != list(range(1, len(paths) + 1)):
            return None
        return [without_guesses(pages[number]) for number in sorted(pages)]

    def is_poor(self, words: Sequence[Word]) -> bool:
        """See ``Recogniser``."""
        return len(words) < FEW_WORDS or lying_share(words) > LYING_SHARE or mean_confidence(words) < POOR_CONFIDENCE

    def rotation(self, path: Path, words: Sequence[Word]) -> int:
        """See ``Recogniser``; as Tesseract's orientation detection sees it, whatever the words are."""
        try:
            found = pytesseract.image_to_osd(str(path), output_type=pytesseract.Output.DICT)
        except pytesseract.TesseractError:  # too few characters to tell
            return 0
        return int(found["rotate"]) % 360 if found.get("orientation_conf", 0.0) >= ROTATE_CONFIDENCE else 0

    def _pages(self, path: Path) -> dict[int, list[Word]]:
        """The words of a file, or of the files that a list names, by the number of the page."""

        def table() -> str:  # not by image_to_data, which first asks Tesseract for its version
            return str(pytesseract.run_and_get_output(str(path), "tsv", self._languages, f"-c tessedit_create_tsv=1 {CONFIG}"))

        try:
            try:
                return _words_by_page(table())
            except pytesseract.TesseractError as error:
                if error.status >= 0:
                    raise
                return _words_by_page(table())  # whoever killed it may not have meant this page
        except pytesseract.TesseractError as error:
            raise _ended(error) from error


def _words_by_page(table: str) -> dict[int, list[Word]]:
    """The words of a TSV, which has a row for each page, block, paragraph, line and word. Confidence in whole percents."""
    pages: dict[int, list[Word]] = {}
    for row in table.split("\n")[1:]:
        if not row:
            continue
        level, page, _, _, _, _, *box, confidence, text = row.split("\t")
        words = pages.setdefault(int(page), [])
        left, top, width, height = map(int, box)
        if int(level) == WORD_LEVEL and text.strip() and width > 0 and height > 0:
            words.append(Word(text.strip(), Box(left, top, left + width, top + height), int(float(confidence)) / 100, Source.OCR))
    return pages


def _ended(error: pytesseract.TesseractError) -> Quarantined:
    text = str(error.message)[-200:]
    if "bad_alloc" in text or "no memory" in text.lower():
        return Quarantined(Reason.OUT_OF_MEMORY, f"tesseract: {text}; raise limits.child_bytes")
    if error.status < 0:
        return Quarantined(Reason.READER_CRASHED, f"tesseract ended by signal {-error.status}: {text}")
    return Quarantined(Reason.PAGE_UNREADABLE, f"tesseract: {text}")
