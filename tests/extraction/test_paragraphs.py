"""Running text, column by column, in reading order: what `generic` finds beside keys and values."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from octavo.extraction.rules.running_text import paragraphs
from octavo.model import contracts
from octavo.model.settings import CONTRACTS_FOLDER
from octavo.page.view import View
from tests.command_line import octavo
from tests.grid import page

SAMPLES = Path(__file__).parents[2] / "samples" / "landing" / "generic"
COLUMNS = """
The ferry crossed the river      The engine was built in the
eleven times a day.              same town.


It carried farmers too.          It ran on coal.
"""


def test_lines_close_below_one_another_are_one_paragraph_and_columns_stay_apart() -> None:
    view = View(page(COLUMNS), contracts.find("generic", CONTRACTS_FOLDER))
    assert [one.text for one in paragraphs(view)] == [
        "The ferry crossed the river eleven times a day.", "The engine was built in the same town.",
        "It carried farmers too.", "It ran on coal.",
    ]


def test_a_two_column_page_is_read_down_its_columns(tmp_path: Path) -> None:
    assert octavo("run", "generic", SAMPLES, "--lake", tmp_path).exit_code == 0
    row = pq.read_table(next((tmp_path / "generic").rglob("*.parquet"))).to_pylist()[0]
    starts = [item["paragraph"].split()[0] for item in row["text"]]
    assert starts == ["The", "The", "For", "Visiting", "The", "The", "The", "Next", "A"]
