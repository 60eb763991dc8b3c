"""DAGs of somebody else's under the real scheduler: Octavo's tasks as a group, bare operators, and DAGs under another prefix."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import pictures
from tests.e2e.conftest import RUN_SECONDS, Airflow, until

CONTRACT = "owned"


@pytest.mark.parametrize(("dag", "read", "day", "document", "rows"), [
    pytest.param("own_group", f"{CONTRACT}.read", "2026-11-02", "receipt_0000", 2, id="a group of tasks"),
    pytest.param("own_operators", "read", "2026-11-03", "receipt_", 1, id="bare operators"),
])
def test_a_dag_of_ones_own_publishes_a_day_and_its_tabs_lead_to_documents_and_back(
    airflow: Airflow, page: Page, dag: str, read: str, day: str, document: str, rows: int
) -> None:
    until(lambda: airflow.api.has_dag(dag))
    run = airflow.api.trigger(dag)
    state = airflow.api.wait(dag, run, RUN_SECONDS)
    assert state == "success", airflow.api.tasks(dag, run)
    assert len(airflow.rows(CONTRACT, CONTRACT, day)) == rows
    events = airflow.api.get("assets/events", source_dag_id=dag, limit=100)["asset_events"]
    assert {event["name"]: event["extra"]["rows"] for event in events}[f"{CONTRACT}/{CONTRACT}"] == rows

    page.goto(f"{airflow.stack.url}/dags/{dag}/runs/{quote(run)}")
    page.locator("a[href$='/plugin/octavo-run']").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name=document).first).to_be_visible()
    pictures(page, f"own-{dag}")
    frame.get_by_role("link", name=CONTRACT, exact=True).click()
    for other in ("own_group", "own_operators", f"docs_{CONTRACT}", f"octavo_{CONTRACT}"):
        expect(frame.get_by_role("link", name=f"its DAG {other}", exact=True)).to_be_visible()
    frame.get_by_role("link", name=f"its DAG {dag}", exact=True).click()
    page.wait_for_url(f"**/dags/{dag}")
    page.goto(f"{airflow.stack.url}/octavo/task?dag_id={dag}&run_id={quote(run)}&task_id={read}&map_index=0")
    expect(page.get_by_role("link", name=document).first).to_be_visible()


def test_dags_under_another_prefix_are_known_to_the_pages(airflow: Airflow, page: Page) -> None:
    dag = f"docs_{CONTRACT}"
    until(lambda: airflow.api.has_dag(dag))
    run = airflow.api.trigger(dag, day="2026-11-03")
    assert airflow.api.wait(dag, run, RUN_SECONDS) == "success"
    page.goto(f"{airflow.stack.url}/octavo/run?dag_id={dag}&run_id={quote(run)}")
    expect(page.get_by_role("link", name="receipt_").first).to_be_visible()
    page.get_by_role("link", name=run).click()
    page.wait_for_url(f"**/dags/{dag}/runs/**")
