"""Words of a page image through RapidOCR: PP-OCR's models, run by ONNX Runtime on one thread.

RapidOCR finds lines and reads each; words come from the spaces it reads, and from the white gaps in the line's
picture where it reads none. Boxes are the ink's, like Tesseract's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from octavo.model.entities import Box, Source, Word
from octavo.reading.recogniser import LYING_SHARE, lying_share, mean_confidence
from octavo.reading.word_segmentation import Letter, words_of

# Lines are looked for on the page reduced to this side, pixels: larger costs more and finds no more. They are read from
# the page as it is.
DETECTION_SIDE = 1440
# Lines are read one by one and hardly padded: a line then reads the same whatever else is on the page, in less time and memory.
LINE_SHAPE = [3, 48, 160]  # channels, height, least width
LINE_SCORE = 0.5  # RapidOCR's own bound (text_score): below, a line is a guess
TALL = 1.5        # a line so many times as high as wide was turned before it was read (rapidocr.utils.process_img)
# Mean over characters. Measured on receipts and forms: pages read the right way up lie above 0.73, the wrong way below 0.29.
POOR_CONFIDENCE = 0.5
EDGE = 0.35       # share of a line's picture, from its upper and lower edge, that neighbouring lines may reach into
CONTRAST = 40     # grey levels between a line's paper and its print; with less, its ink is not told from its paper

Pixels = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


class RapidOcr:
    """The recogniser of profile ``best``."""

    enlarges = False   # lines are brought to the models' size anyway
    cleans = 0.0       # it reads faint print as it is
    straightens = 2.0  # degrees; measured: bench/results/reading.md

    def recognise(self, path: Path) -> list[Word]:
        """See ``Recogniser``; line by line from the top."""
        with Image.open(path) as image:
            page: Pixels = np.repeat(np.asarray(image.convert("L"))[:, :, None], 3, axis=2)
        quads = self._engine(page, use_det=True, use_cls=False, use_rec=False).boxes
        if quads is None or not len(quads):
            return []
        pictures = self._engine.crop_text_regions(page, quads)
        read = self._engine.recognize_txt(pictures)
        size = (page.shape[1], page.shape[0])
        words: list[Word] = []
        for quad, picture, text, score, info in zip(quads, pictures, read.txts, read.scores, read.word_results, strict=True):
            if score >= LINE_SCORE and text.strip():
                words += _line_words(quad, picture, _letters(text, info), info.line_txt_len, size)
        return words

    def recognise_all(self, paths: Sequence[Path]) -> list[list[Word]]:
        """See ``Recogniser``."""
        return [self.recognise(path) for path in paths]

    def is_poor(self, words: Sequence[Word]) -> bool:
        """See ``Recogniser``."""
        return not words or lying_share(words) > LYING_SHARE or mean_confidence(words) < POOR_CONFIDENCE

    def rotation(self, path: Path, words: Sequence[Word]) -> int:
        """See ``Recogniser``. Lines that run down the page are read upright, those that run up or stand on their head are not."""
        if not words:
            return 0
        upright = mean_confidence(words) >= POOR_CONFIDENCE
        if lying_share(words) > LYING_SHARE:
            return 270 if upright else 90
        return 0 if upright else 180

    @cached_property
    def _engine(self) -> Any:
        """RapidOCR with the models of its wheel."""
        from rapidocr import RapidOCR  # noqa: PLC0415  # a second, and only pages that need OCR

        engine = RapidOCR(params={
            "Global.log_level": "critical", "Global.max_side_len": DETECTION_SIDE, "Global.return_word_box": True,
            "Rec.rec_batch_num": 1, "Rec.rec_img_shape": LINE_SHAPE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        })
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)  # it warns of every page without text
        return engine


def _letters(text: str, info: Any) -> list[Letter]:
    """The line's characters with the time step of the recogniser at which each was read; spaces have none."""
    steps = iter(step for columns in info.word_cols for step in columns)
    return [
        Letter(character, confidence, None if character.isspace() else next(steps))
        for character, confidence in zip(text, info.confs, strict=True)
    ]


def _line_words(quad: Points, picture: Pixels, letters: Sequence[Letter], steps: float, frame: tuple[int, int]) -> list[Word]:
    """The line's words, boxes in the page's frame."""
    height, width = picture.shape[:2]
    found = words_of(letters, _ink(picture), width / steps)
    return [Word(text, _on_page(area, quad, (width, height), frame), confidence, Source.OCR) for text, area, confidence in found]


def _ink(picture: Pixels) -> npt.NDArray[np.bool_]:
    """Which pixels of a line's picture are print: the smaller of the two sides of Otsu's threshold."""
    grey = picture[:, :, 0]
    low, high = np.percentile(grey, (2, 98))
    if high - low < CONTRAST:
        return np.ones(grey.shape, bool)
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    dark: npt.NDArray[np.bool_] = grey <= level
    return _without_neighbours(dark if 2 * int(dark.sum()) <= dark.size else ~dark)


def _without_neighbours(ink: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Without the feet and heads of the lines above and below, which reach into the picture from its edges."""
    height = ink.shape[0]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    top, bottom = stats[:, cv2.CC_STAT_TOP], stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT]
    foreign = ((top == 0) & (bottom <= EDGE * height)) | ((bottom == height) & (top >= (1 - EDGE) * height))
    foreign[0] = False  # the paper
    return ink if not foreign.any() or foreign.sum() == count - 1 else ink & ~foreign[labels]


def _on_page(area: Box, quad: Points, size: tuple[int, int], frame: tuple[int, int]) -> Box:
    """An area of a line's upright picture as a box of the page, at least a pixel wide and high."""
    width, height = size
    corners = np.array([(x, y) for x in (area.x0, area.x1) for y in (area.y0, area.y1)], np.float64)
    start, right, _, down = quad.astype(np.float64)
    if np.linalg.norm(down - start) >= TALL * np.linalg.norm(right - start):  # the picture's x ran up the page
        points = start + (1 - corners[:, 1:] / height) * (right - start) + (corners[:, :1] / width) * (down - start)
    else:
        points = start + (corners[:, :1] / width) * (right - start) + (corners[:, 1:] / height) * (down - start)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    left, top = min(frame[0] - 1, max(0, int(x0))), min(frame[1] - 1, max(0, int(y0)))
    return Box(left, top, min(frame[0], max(left + 1, int(-(-x1 // 1)))), min(frame[1], max(top + 1, int(-(-y1 // 1)))))
