"""What Molmo2's own processor makes of the crops that it is given, with the released checkpoints' settings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoTokenizer, Molmo2ImageProcessor, Molmo2Processor, Molmo2VideoProcessor

from octavo.extraction.vlm.protocol import Question
from octavo.extraction.vlm.runtimes.molmo2 import MARKUP_TOKENS, Molmo2
from octavo.extraction.vlm.windows import padded, shrunk
from octavo.model import tiling
from octavo.model.tiling import HIGH_TILES, MAX_TILES, SHARED_SIDE, TILE_SIDE
from tests.molmo.with_torch.conftest import MODEL

IMAGES = Molmo2ImageProcessor()
A4 = (2480, 3508)
sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
tiles = st.sampled_from([MAX_TILES, HIGH_TILES])


def processor(low_columns):
    """A processor of the released size; ``low_columns`` is its ``use_single_crop_col_tokens``."""
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    chat = (MODEL / "chat_template.jinja").read_text()
    return Molmo2Processor(IMAGES, Molmo2VideoProcessor(), tokenizer, chat_template=chat, use_single_crop_col_tokens=low_columns)


def grid(width, height, most):
    """Rows and columns of tokens of the canvas, by the processor's own code."""
    found, count = IMAGES.get_image_grid_and_crops(height, width, {"max_crops": most})
    return found[2:], count


@pytest.mark.parametrize(("size", "most", "released", "default"), [
    pytest.param((300, 100), None, 410, 424, id="the least"), pytest.param(A4, None, 992, 1006, id="a page"),
    pytest.param((200, 3000), None, 1400, 1414, id="the longest strip, upright"),
    pytest.param(A4, 24, 2823, 2837, id="a page in high detail"),
])
def test_the_released_checkpoints_have_no_column_tokens_in_their_whole_view(options, runtime, size, most, released, default):
    """Their processor_config.json says ``use_single_crop_col_tokens: false``; a processor made without it has 14 more."""
    image = Image.new("RGB", size, "white")
    asked = Question(image, "Read this.", None, 5, max_crops=most)
    for low_columns, tokens in ((False, released), (None, default)):
        opened = Molmo2(options)
        opened.__dict__.update(model=runtime.model, processor=processor(low_columns))
        ids = opened._inputs([asked])["input_ids"][0].tolist()
        marks = {opened.processor.tokenizer.convert_tokens_to_ids(mark) for mark in ("<im_patch>", "<im_col>", "<im_start>", "<im_end>")}
        assert sum(token in marks | {opened.processor.tokenizer.convert_tokens_to_ids("<low_res_im_start>")} for token in ids) == tokens
        assert 0 <= opened.tokens(asked) - len(ids) - 5 <= MARKUP_TOKENS
    assert tiling.tokens(*size, most or MAX_TILES) == released


@settings(max_examples=150, deadline=None)
@given(size=sizes, most=tiles)
def test_tiles_and_canvas_are_the_processors(size, most):
    width, height = max(SHARED_SIDE + 1, size[0]), max(SHARED_SIDE + 1, size[1])
    rows, columns = tiling.grid(width, height, most)
    across, down = tiling.canvas(width, height, most)
    assert grid(width, height, most) == ([-(-(down // 14) // 2), -(-(across // 14) // 2)], rows * columns + 1)


@settings(max_examples=150, deadline=None)
@given(size=sizes, most=tiles)
def test_filling_a_crop_up_to_a_tile_costs_no_token(size, most):
    width, height = (max(SHARED_SIDE + 1, side) for side in size)
    assert grid(max(width, TILE_SIDE), max(height, TILE_SIDE), most) == grid(width, height, most)


@settings(max_examples=60, deadline=None)
@given(size=st.tuples(st.integers(378, 3000), st.integers(378, 3000)), most=tiles)
def test_a_crop_that_was_shrunk_is_cut_into_the_same_tiles_and_not_shrunk_again(size, most):
    image = shrunk(Image.new("L", size), most)
    across, down = tiling.canvas(*size, most)
    assert grid(*image.size, most) == grid(*size, most)
    assert image.size == (min(size[0], across), min(size[1], down))


def test_a_strip_that_was_filled_up_is_not_stretched():
    strip = (1654, SHARED_SIDE)
    assert tiling.canvas(*strip)[1] / strip[1] == pytest.approx(3.375)
    across, down = tiling.canvas(*padded(Image.new("RGB", strip), TILE_SIDE).size)
    assert (down / TILE_SIDE, round(across / strip[0], 2)) == (1, 1.03)


def test_fine_lines_survive_shrinking_where_the_processor_alone_breaks_them():
    """Hairlines 1 px wide, 4 px apart: evenly grey from afar."""
    pixels = np.full((A4[1], A4[0]), 255, dtype=np.uint8)
    pixels[:, ::4] = 0
    page = Image.fromarray(pixels).convert("RGB")

    def unevenness(image):
        canvas = IMAGES(images=[image], return_tensors="pt")["pixel_values"][1:]  # without the view of the whole
        return float(canvas.std())

    assert unevenness(page) > 10 * unevenness(shrunk(page, MAX_TILES))
