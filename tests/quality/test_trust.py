"""Whether a day can be believed as a whole: shares of distrusted values, lost pages and useless answers."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.model.errors import GateFailed
from octavo.publishing import gate
from octavo.storage import fs, schemas
from octavo.storage.workspace import Workspace
from tests.quality.test_gate import contract, failed, name, record, stage


def judged(folder: Path, verdicts: list[str], outcomes: list[str], statuses: list[str], **bounds: float) -> dict[str, tuple[int, int]]:
    used = contract(**bounds)
    space: Workspace = stage(folder, [record(1)], used)
    fields: list[dict[str, Any]] = [
        {"document": name(1), "field": f"f{n}", "matched": True, "value": "x", "verdict": verdict} for n, verdict in enumerate(verdicts)
    ]
    fields += [  # neither a key of no field, nor a required value that is missing, is a value of the contract
        {"document": name(1), "field": "free", "matched": False, "value": "x", "verdict": "unsupported"},
        {"document": name(1), "field": "gone", "matched": True, "value": None, "verdict": "unsupported"},
    ]
    pages = [{"document": name(1), "page": n + 1, "outcome": outcome} for n, outcome in enumerate(outcomes)]
    answers = [{"document": name(1), "page": 1, "chunk": n, "parse_status": status} for n, status in enumerate(statuses)]
    documents = [{"document": name(1), "uri": "1", "pages": len(outcomes), "status": "ok"}]
    for table, rows, schema in (
        ("fields", fields, schemas.FIELDS), ("pages", pages, schemas.PAGES), ("answers", answers, schemas.ANSWERS),
        ("documents", documents, schemas.DOCUMENTS),
    ):
        fs.write_rows(space.staged(table), rows, schema)
    with contextlib.suppress(GateFailed):
        gate.run(space, used, UPath(folder / "reports"))
    return failed({entry["name"]: entry for entry in gate.read_result(space)["expectations"]})


GOOD: tuple[list[str], list[str], list[str]] = (["accepted"] * 4, ["ok"] * 4, ["ok"] * 4)


@pytest.mark.parametrize(("verdicts", "outcomes", "statuses", "bounds", "broken"), [
    pytest.param(["accepted", "unsupported", "conflicting", "ambiguous", "paraphrase"], *GOOD[1:], {"max_untrusted_share": 0.4},
                 {"at most 40% of the values are unsupported or conflicting": (2, 4)}, id="values"),
    pytest.param(GOOD[0], ["ok", "quarantined", "ok", "empty"], GOOD[2], {"max_lost_pages_share": 0.2},
                 {"at most 20% of the pages are quarantined": (1, 4)}, id="pages"),
    pytest.param(*GOOD[:2], ["failed", "failed", "ok", "blank"], {"max_fallback_share": 0.25},
                 {"at most 25% of the answers are of no use": (2, 4)}, id="answers"),
    pytest.param(["unsupported"], ["quarantined"], ["failed"], {}, {}, id="no bound is no check"),
    pytest.param(["unsupported", "accepted"], *GOOD[1:], {"max_untrusted_share": 0.5}, {}, id="just within"),
])
def test_a_day_past_a_bound_is_refused(
    tmp_path: Path, verdicts: list[str], outcomes: list[str], statuses: list[str], bounds: dict[str, float], broken: dict[str, Any],
) -> None:
    assert judged(tmp_path, verdicts, outcomes, statuses, **bounds) == broken


def test_distrust_stops_the_day_even_where_failing_rows_go_to_review(tmp_path: Path) -> None:
    used = contract(max_untrusted_share=0.1, failing_rows="review")
    space = stage(tmp_path, [record(1), record(2, number="X-7")], used)
    bad = [{"document": name(1), "field": "total", "matched": True, "value": "x", "verdict": "unsupported"}]
    fs.write_rows(space.staged("fields"), bad, schemas.FIELDS)
    with pytest.raises(GateFailed, match="at most 10% of the values"):
        gate.run(space, used, UPath(tmp_path / "reports"))
