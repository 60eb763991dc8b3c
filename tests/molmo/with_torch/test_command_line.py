"""The command line with the trained fixture as its model."""

import json

import pytest
from PIL import Image

from tests.command_line import octavo, summary
from tests.molmo.conftest import FIXTURE
from tests.molmo.endpoint import serving
from tests.molmo.vllm import KNOWN, Vllm
from tests.molmo.with_torch.conftest import MODEL


@pytest.fixture(autouse=True)
def _as_the_fixture_was_trained(monkeypatch):
    monkeypatch.setenv("OCTAVO_MOLMO_MIN_SIDE_PX", "112")


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """Arguments of a run over the fixture's statements, with the model as second witness."""
    lake = tmp_path_factory.mktemp("lake")
    what = ("run", FIXTURE / "fixture_statement.yaml", FIXTURE / "documents")
    return (*what, "--lake", lake, "--day", "2026-10-20", "--model", MODEL, "--json")


def test_a_second_run_asks_the_model_nothing(road):
    first, second = summary(octavo(*road)), summary(octavo(*road))
    assert first["published"] is second["published"] is True
    assert first["model_calls"] > 0
    assert (second["model_calls"], second["store_hits"]) == (0, second["chunks"])
    assert summary(octavo(*road, "--fresh"))["model_calls"] == first["model_calls"]


def test_the_model_alone_answers_too(road):
    assert summary(octavo(*road, "--extractor", "molmo"))["published"] is True


def test_molmo_try_prints_the_answer_and_the_token_ids(tmp_path, questions):
    image = tmp_path / "crop.png"
    questions[0].image.save(image)
    asked = ("molmo-try", image, "--runtime", "molmo2", "--model", MODEL, "--prompt", questions[0].prompt, "--token-ids")
    text, ids = octavo(*asked).stdout.splitlines()
    assert isinstance(json.loads(text), dict)
    assert all(token.isdigit() for token in ids.split())
    few = octavo(*asked, "--max-new-tokens", "3").stdout.splitlines()[-1]
    assert few.split() == ids.split()[:3]


def test_molmo_try_asks_what_a_run_of_a_contract_would_ask(tmp_path, questions, expected):
    image = tmp_path / "crop.png"
    questions[0].image.save(image)
    tried = octavo("molmo-try", image, "--model", MODEL, "--contract", FIXTURE / "fixture_statement.yaml")
    assert json.loads(tried.stdout) == expected["chunks"][0]["answer"], tried.stderr
    assert octavo("molmo-try", image, "--model", MODEL).exit_code == 2


def test_molmo_try_shows_first_what_a_server_refuses_or_ignores(tmp_path):
    image = tmp_path / "crop.png"
    Image.new("RGB", (200, 120), "white").save(image)
    asked = ("molmo-try", image, "--runtime", "openai", "--model", "m", "--contract", "receipt", "--base-url")
    with serving(Vllm(known=KNOWN - {"response_format"})) as endpoint:
        refused = octavo(*asked, endpoint.url)
    assert refused.exit_code == 4
    assert "because of the field response_format (HTTP 400: " in refused.stderr
    with serving(Vllm(lambda schema: "Total: 12.50", constrains=False)) as endpoint:
        ignored = octavo(*asked, endpoint.url)
    assert ignored.stdout == "Total: 12.50\n"
    assert "does not hold its model to the contract's schema" in ignored.stderr


@pytest.mark.parametrize(("options", "says"), [
    pytest.param(["--runtime", "openai"], "needs base_url", id="no address"),
    pytest.param(["--runtime", "molmo-0924"], "trust_remote_code", id="no trust"),
])
def test_options_that_do_not_fit_end_with_a_remedy(road, options, says):
    result = octavo(*road, *options)
    assert result.exit_code == 4
    assert says in result.stderr
