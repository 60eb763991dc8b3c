import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from octavo.extraction.vlm.options import RuntimeOptions, identity
from octavo.extraction.vlm.runtimes.in_process import batches
from octavo.extraction.vlm.windows import MARGIN_PX, crop, halves, is_blank, padded
from octavo.model.contracts import Contract
from octavo.model.entities import Box
from octavo.model.tiling import canvas


def paper(size=(400, 300), colour="white"):
    return Image.new("RGB", size, colour)


def test_a_crop_has_its_box_and_a_margin_within_the_page():
    page = paper()
    page.putpixel((100, 50), (255, 0, 0))
    image = crop(page, Box(100, 50, 300, 250), None, 0)
    assert image.size == (200 + 2 * MARGIN_PX, 200 + 2 * MARGIN_PX)
    assert image.getpixel((MARGIN_PX, MARGIN_PX)) == (255, 0, 0)
    assert crop(page, Box(0, 0, 400, 300), None, 0).size == page.size


def test_a_thin_crop_is_filled_up_with_its_own_background():
    page = paper(colour=(240, 230, 200))
    ImageDraw.Draw(page).text((60, 110), "Total 12.00", fill="black")
    image = crop(page, Box(50, 100, 350, 130), None, 112)
    assert image.size == (316, 112)
    assert image.getpixel((300, 111)) == (240, 230, 200)
    assert np.array_equal(np.asarray(image)[:46], np.asarray(crop(page, Box(50, 100, 350, 130), None, 0)))


@pytest.mark.parametrize(("given", "side"), [
    pytest.param({}, 378, id="molmo2"), pytest.param({"runtime": "openai", "base_url": "http://h/v1"}, 378, id="an endpoint"),
    pytest.param({"runtime": "molmo-0924", "trust_remote_code": True, "revision": "r"}, 112, id="molmo-0924 fills up by itself"),
    pytest.param({"min_side_px": 50}, 50, id="as it is set"),
])
def test_crops_are_filled_up_to_what_the_family_would_stretch(given, side):
    options = RuntimeOptions(model="m", **given)
    assert options.least_side_px == identity(options)["min_side_px"] == side


def test_a_crop_larger_than_the_models_canvas_is_shrunk_to_it_with_a_filter():
    page = paper((1600, 2400))
    ImageDraw.Draw(page).line((803, 0, 803, 2400), fill="black")
    whole = Box(0, 0, 1600, 2400)
    assert crop(page, whole, None, 378).size == (1600, 2400)
    image = crop(page, whole, None, 378, 8)
    assert image.size == canvas(1600, 2400) == (644, 1176)
    assert crop(page, whole, None, 378, 24).size == (1176, 1708)
    line = np.asarray(image.convert("L"))[600]
    assert 100 < line.min() < 200  # a thin line pales, and is not lost or doubled


@pytest.mark.parametrize(("runtime", "contract", "tiles"), [
    pytest.param("molmo2", {}, 8, id="as trained"), pytest.param("molmo2", {"chunking": {"detail": "high"}}, 24, id="high detail"),
    pytest.param("molmo2", {"chunking": {"detail": "high"}, "prompt": {"max_crops": 12}}, 12, id="as the prompt says"),
    pytest.param("molmo-0924", {}, None, id="molmo-0924 shrinks properly itself"),
])
def test_a_contract_says_into_how_many_tiles_its_crops_are_cut(runtime, contract, tiles):
    options = RuntimeOptions(model="m", runtime=runtime, trust_remote_code=True, revision="r")
    assert options.tiles(Contract.model_validate({"name": "c", "title": "C", "fields": {"a": {}}, **contract})) == tiles


def test_an_image_that_is_large_enough_stays_as_it_is():
    image = paper()
    assert padded(image, 112) is image


def test_a_tall_crop_is_scaled_to_the_height_limit():
    assert crop(paper((400, 1200)), Box(0, 0, 400, 1200), 800, 112).size == (267, 800)


@pytest.mark.parametrize(("draw", "blank"), [
    pytest.param(lambda d: None, True, id="paper"),
    pytest.param(lambda d: d.rectangle((0, 0, 400, 300), fill=(230, 225, 210)), True, id="tinted paper"),
    pytest.param(lambda d: d.text((150, 140), ".", fill="black", font_size=20), False, id="a full stop"),
    pytest.param(lambda d: d.text((10, 10), "faint", fill=(200, 200, 200), font_size=20), False, id="faint grey text"),
])
def test_only_paper_is_blank(draw, blank):
    image = paper()
    draw(ImageDraw.Draw(image))
    assert is_blank(image) is blank


def test_paper_grain_is_no_ink():
    grain = np.random.default_rng(1).normal(235, 6, (300, 400)).clip(0, 255).astype(np.uint8)
    assert is_blank(Image.fromarray(grain))


def test_a_chunk_is_halved_between_lines_nearest_to_its_middle():
    words = [Box(0, 0, 50, 20), Box(60, 2, 90, 22), Box(0, 30, 50, 50), Box(0, 60, 50, 80)]
    assert halves(Box(0, 0, 100, 80), words) == [(Box(0, 0, 100, 26), [0, 1]), (Box(0, 26, 100, 80), [2, 3])]


def test_a_line_is_halved_between_words():
    words = [Box(0, 0, 40, 20), Box(60, 0, 100, 20)]
    assert halves(Box(0, 0, 100, 20), words) == [(Box(0, 0, 50, 20), [0]), (Box(50, 0, 100, 20), [1])]


@pytest.mark.parametrize("words", [pytest.param([], id="no words"), pytest.param([Box(0, 0, 9, 9)], id="one word")])
def test_what_cannot_be_cut_comes_back_whole(words):
    assert halves(Box(0, 0, 100, 20), words) == [(Box(0, 0, 100, 20), list(range(len(words))))]


boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.integers(0, 90)] * 2, *[st.integers(1, 30)] * 2)


@given(st.lists(boxes, max_size=12))
def test_halves_hold_every_word_once(words):
    parts = halves(Box(0, 0, 120, 120), words)
    assert sorted(index for _, part in parts for index in part) == list(range(len(words)))
    assert all(part for _, part in parts) or not words


@given(st.lists(st.integers(1, 3000), max_size=60), st.integers(1, 16), st.integers(500, 20_000))
def test_batches_hold_every_question_once_within_their_bounds(tokens, size, budget):
    cut = batches(tokens, size, budget)
    assert sorted(place for batch in cut for place in batch) == list(range(len(tokens)))
    for batch in cut:
        assert len(batch) <= size
        assert len(batch) == 1 or len(batch) * max(tokens[place] for place in batch) <= budget


def test_batches_are_of_a_like_size_and_start_with_the_largest():
    assert batches([10, 1000, 12, 990], 2, 10_000) == [[1, 3], [2, 0]]
