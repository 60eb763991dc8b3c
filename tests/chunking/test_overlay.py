"""The picture of how a page was cut."""

from __future__ import annotations

import numpy as np
from PIL import Image

from octavo.model.entities import Box, Chunk
from octavo.views import files

SIZE = (400, 600)


def at(picture: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    red, green, blue = np.asarray(picture)[y, x].tolist()
    return red, green, blue


def test_every_chunk_is_framed_and_every_word_outlined_in_its_chunks_colour() -> None:
    words = [Box(60, 50, 120, 70), Box(60, 300, 120, 320), Box(200, 500, 260, 520)]
    chunks = [Chunk(0, Box(50, 40, 300, 90), (0,), "layout"), Chunk(1, Box(50, 290, 300, 340), (1,), "layout")]
    drawn = files.draw_chunks(Image.new("L", SIZE, 255), words, chunks)
    assert drawn.size == SIZE
    for chunk, word in zip(chunks, words, strict=False):
        assert at(drawn, chunk.box.x1 - 1, chunk.box.y0 + 10) == files.COLOURS[chunk.number]
        nearest = min(files.COLOURS, key=lambda c: sum(abs(a - b) for a, b in zip(c, at(drawn, word.x1 - 1, word.y0 + 5), strict=True)))
        assert nearest == files.COLOURS[chunk.number]  # the chunk's tint lies over it
    assert at(drawn, 259, 510) == files.FREE_WORD
    assert at(drawn, 350, 200) == (255, 255, 255)


def test_a_number_that_has_no_room_beside_its_box_stands_within_the_page() -> None:
    drawn = files.draw_chunks(Image.new("L", SIZE, 255), [], [Chunk(11, Box(0, 0, *SIZE), (), "page")])
    label = np.argwhere((np.asarray(drawn)[5:-5, 5:-5] == files.COLOURS[5]).all(axis=2))  # within the frame only the number has it
    assert len(label) > 50
    assert label[:, 0].max() < 60
    assert label[:, 1].min() > SIZE[0] - 60
