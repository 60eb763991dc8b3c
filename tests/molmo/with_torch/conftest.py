import pytest
import torch

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.prompts import answer_schema, prompt
from octavo.extraction.vlm.protocol import Question
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.extraction.vlm.windows import windows
from tests.molmo.conftest import FIXTURE

MODEL = FIXTURE / "tiny-molmo2"


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Threads of a model this small wait for each other more than they compute."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def options():
    return RuntimeOptions(runtime="molmo2", model=str(MODEL), device="cpu", min_side_px=112)  # as the fixture was trained


@pytest.fixture(scope="session")
def runtime(options):
    opened = Molmo2(options)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def questions(statements, statement_contract):
    """The fixture's questions in the order of ``expected["chunks"]``, constrained to the contract's schema."""
    cuts = [cut for window in windows(statements, "p0000", statement_contract.prompt, 112, 64) for cut in window]
    schema = answer_schema(statement_contract)
    texts = [prompt(statement_contract, cut.chunk.strategy, cut.text) for cut in cuts]
    return [Question(cut.image, text, schema, statement_contract.prompt.max_new_tokens) for cut, text in zip(cuts, texts, strict=True)]
