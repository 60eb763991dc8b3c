"""Molmo's tests. Those in ``with_torch`` need requirements.txt, which `make test` installs."""

import datetime as dt
import json
from pathlib import Path

import pytest
from upath import UPath

from octavo.chunking import stage as chunking
from octavo.ingest import stage as ingest
from octavo.model import contracts
from octavo.model.entities import Partition
from octavo.model.settings import Settings
from octavo.reading import stage as reading
from octavo.storage.workspace import Workspace

FIXTURE = Path(__file__).parent.parent / "data" / "molmo2-fixture"

@pytest.fixture(scope="session")
def statement_contract():
    return contracts.load(FIXTURE / "fixture_statement.yaml")


@pytest.fixture(scope="session")
def expected():
    return json.loads((FIXTURE / "expected.json").read_text())


@pytest.fixture(scope="session")
def statements(tmp_path_factory, statement_contract):
    """A workspace in which the fixture's two statements were read and cut, as one shard: p0000."""
    root = tmp_path_factory.mktemp("statements")
    settings = Settings(lake=str(root), processes=1)
    space = Workspace.open(settings.workspaces, Partition("fixture_statement", dt.date(2026, 10, 20)), "r1")
    ingest.run(space, statement_contract, UPath(FIXTURE / "documents"), settings)
    assert list(space.plan.page_shards) == ["p0000"]
    reading.run(space, "p0000", settings)
    chunking.run(space, "p0000", statement_contract.chunking)
    return space
