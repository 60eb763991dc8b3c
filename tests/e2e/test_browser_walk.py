"""A person at work: from the grid of a DAG to the evidence of a value, its correction, the rebuilt record and a file that is tried again.

Pictures of each step, at two sizes, light and dark, are kept in ``build/screenshots``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browsing import pictures
from tests.e2e.conftest import Airflow

CONTRACT, DAY = "walked", "2026-11-01"
BUYER = "The Buyer Ltd"


def started(page: Page, dag: str) -> str:
    """Follow the link to the run that was just started; its id."""
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("status")).to_contain_text(f"{dag} was started")
    link = frame.get_by_role("status").get_by_role("link")
    run = link.inner_text()
    link.click()
    page.wait_for_url(f"**/dags/{dag}/runs/**")
    return run


def test_a_person_walks_from_the_grid_to_a_corrected_record_and_a_requeued_file(
    airflow: Airflow, page: Page
) -> None:
    samples, folder = airflow.landing / "invoice/2026/11/04", airflow.landing / CONTRACT / DAY.replace("-", "/")
    folder.mkdir(parents=True)
    for name in ("invoice_0001.pdf", "cut_off.pdf"):
        shutil.copy(samples / name, folder)
    run = airflow.succeed(CONTRACT, DAY)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    frame = page.frame_locator("iframe")

    page.goto(f"{airflow.stack.url}/dags/octavo_{CONTRACT}")
    bar = page.locator(f"a[href='/dags/octavo_{CONTRACT}/runs/{run}/']")
    expect(bar).to_be_visible()
    pictures(page, "walk-1-grid", always=True)
    bar.click()
    page.locator("a[href$='/plugin/octavo-run']").click()
    expect(frame.get_by_role("heading", name="Quarantine")).to_be_visible()
    pictures(page, "walk-2-run", always=True)

    frame.get_by_role("link", name="invoice_0001.pdf").click()
    field = frame.locator("li.field", has_text="buyer").first
    field.get_by_role("link", name="buyer").click()
    expect(frame.locator("li.field.selected", has_text="buyer")).to_have_count(1)
    expect(frame.locator(".evidence a.selected")).to_have_count(1)
    pictures(page, "walk-3-evidence", always=True)

    frame.get_by_label("value of buyer").fill(BUYER)
    frame.locator("li.field.selected").get_by_role("button", name="Correct").click()
    expect(frame.locator("li.field.selected .said")).to_contain_text(f"admin says: {BUYER}")
    pictures(page, "walk-4-corrected", always=True)

    frame.get_by_role("link", name="Review", exact=True).click()
    frame.get_by_label("day").fill(DAY)
    frame.get_by_role("button", name="Show").click()
    expect(frame.locator("li.item")).to_have_count(1)
    expect(frame.locator("li.item.selected", has_text="conflicting")).to_have_count(1)
    pictures(page, "walk-5-review", always=True)
    page.keyboard.press("y")
    expect(frame.get_by_text("Nothing waits for a person here")).to_be_visible()
    frame.get_by_role("button", name="Rebuild the day").click()
    remerge = started(page, f"octavo_{CONTRACT}.remerge")
    assert airflow.api.wait(f"octavo_{CONTRACT}.remerge", remerge, 300) == "success"

    document = next(row["document"] for row in airflow.rows("documents", CONTRACT, DAY) if row["uri"].endswith("invoice_0001.pdf"))
    assert {row["buyer"] for row in airflow.rows(CONTRACT, CONTRACT, DAY)} == {BUYER}
    page.goto(f"{airflow.stack.url}/octavo/document/{document}?contract={CONTRACT}&day={DAY}&field=buyer")
    expect(page.locator("li.field.selected .value")).to_have_text(BUYER)
    expect(page.locator(".said")).to_have_count(0)
    page.get_by_text(f"Record as it stands in the table {CONTRACT}").click()
    expect(page.locator("dl.record dd", has_text=BUYER)).to_be_visible()
    pictures(page, "walk-6-record", always=True)

    shutil.copy(samples / "invoice_0003.pdf", folder / "cut_off.pdf")
    page.goto(f"{airflow.stack.url}/dags/octavo_{CONTRACT}/runs/{run}/plugin/octavo-run")
    expect(frame.get_by_text("The day was published again by")).to_be_visible()
    frame.get_by_role("button", name="requeue what failed for truncated").click()
    again = started(page, f"octavo_{CONTRACT}")
    assert airflow.finish(CONTRACT, again) == "success", airflow.why(CONTRACT, again)
    page.locator("a[href$='/plugin/octavo-run']").click()
    expect(frame.get_by_role("link", name="cut_off.pdf")).to_be_visible()
    expect(frame.get_by_role("heading", name="Quarantine")).to_have_count(0)
    pictures(page, "walk-7-requeued", always=True)
    assert {Path(row["uri"]).name for row in airflow.rows(CONTRACT, CONTRACT, DAY)} == {"invoice_0001.pdf", "cut_off.pdf"}
    assert errors == []
