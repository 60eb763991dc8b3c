"""A small lake with a friendly document of two pages and a hostile one, published once for all tests of this folder."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

import pytest
from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.settings import Settings
from octavo.views.library import Search, search
from octavo.workflows import pipeline
from tests.documents import text_pdf

DAY = dt.date(2026, 11, 4)
SPECIFIED = {
    "name": "letter", "title": "Letters", "files": ["**/*.pdf"],
    "fields": {
        "number": {"type": "text", "labels": ["Invoice number"]}, "remark": {"type": "text", "labels": ["Remark"]},
        "total": {"type": "money", "labels": ["Total amount"]},
    },
}
CONTRACT = Contract.model_validate(SPECIFIED)
HOSTILE_NAME = "<img src=x onerror=document.title='stolen'>.pdf"
HOSTILE = ("<script>document.title='stolen'</script>", "javascript:document.title='stolen'", "'\"><svg/onload=document.title='stolen'>")


@dataclass(frozen=True)
class Shelf:
    """The lake, and the ids of its documents."""

    settings: Settings
    friendly: str
    hostile: str
    run: str


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    root = tmp_path_factory.mktemp("shelf")
    landing = root / "landing"
    landing.mkdir()
    text_pdf(landing / "friendly.pdf", [["HARBOUR COFFEE LTD", "Invoice number: 48213"], ["Total amount 17.60", "Thank you"]])
    text_pdf(landing / HOSTILE_NAME, [["Invoice number: " + HOSTILE[0], "Remark: " + HOSTILE[2], "Remark: " + HOSTILE[1]]])
    (landing / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    (root / "contracts").mkdir()
    (root / "contracts" / "letter.yaml").write_text(json.dumps(SPECIFIED))  # JSON is YAML
    settings = Settings(lake=str(root / "lake"), contracts=str(root / "contracts"), processes=1, ocr_profile="fast")
    result = pipeline.run_day(CONTRACT, UPath(landing), DAY, settings)
    assert result.published
    hits = {hit.name: hit.document for hit in search(settings, {"letter"}, Search()).hits}
    return Shelf(settings, hits["friendly.pdf"], hits[HOSTILE_NAME], result.run)
