"""The UI in a real browser. ``OCTAVO_SCREENSHOTS=docs/images`` keeps pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from scripts.api import AirflowApi
from tests.e2e.conftest import USERS, Airflow

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
HOSTILE = "<img src=x onerror=document.title='stolen'>.pdf"
DAY = "2026-11-04"
HOSTILE_DAY = "2026-11-06"


@pytest.fixture(scope="module")
def run(airflow: Airflow) -> str:
    return airflow.succeed("invoice", DAY)


@pytest.fixture(scope="module")
def browser(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"), executable_path="/usr/bin/chromium", args=FLAGS, viewport={"width": 1280, "height": 800}
        )
        context.add_cookies([{"name": "_token", "value": airflow.api.token, "url": airflow.stack.url}])
        yield context
        context.close()


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("OCTAVO_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"ui-{name}.png")


def test_the_grid_of_a_dag_shows_its_stages(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice/runs/{run}")
    for stage in ("ingest", "read", "merge", "validate", "publish"):
        expect(page.get_by_text(stage, exact=False).first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    picture(page, "grid")


def test_the_trigger_form_offers_the_parameters(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice")
    page.get_by_role("button", name="Trigger").first.click(timeout=30_000)
    for parameter in ("day", "documents", "extractor", "chunking"):
        expect(page.get_by_text(parameter, exact=True).first).to_be_visible(timeout=30_000)


def test_the_octavo_page_shows_the_day(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/plugin/octavo")
    frame = page.frame_locator("iframe")
    row = frame.locator("tr", has_text=DAY)
    expect(row.get_by_text("passed")).to_be_visible(timeout=30_000)
    row.locator("summary").click()
    expect(row.get_by_text("password_required")).to_be_visible()
    picture(page, "octavo")
    row.get_by_text("Data Docs").click()
    expect(frame.get_by_text("invoice: amount_total").first).to_be_visible(timeout=30_000)
    expect(frame.get_by_text("Unsuccessful Expectations")).to_be_visible()
    picture(page, "report")


def test_a_file_name_cannot_smuggle_markup_into_the_octavo_page(airflow: Airflow, browser: BrowserContext) -> None:
    folder = airflow.landing / "invoice" / HOSTILE_DAY.replace("-", "/")
    folder.mkdir(parents=True)
    (folder / HOSTILE).write_bytes(b"")
    airflow.finish("invoice", airflow.run("invoice", HOSTILE_DAY))
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/plugin/octavo")
    frame = page.frame_locator("iframe")
    row = frame.locator("tr", has_text=HOSTILE_DAY)
    row.locator("summary").click(timeout=30_000)
    expect(row.get_by_text(HOSTILE)).to_be_visible()
    assert frame.locator("img").count() == 0
    assert page.title() != "stolen"


def test_the_octavo_page_asks_who_is_there(airflow: Airflow, run: str) -> None:
    paths = ("/octavo/", "/octavo/style.css", f"/octavo/reports/invoice/{DAY}/index.html")
    assert {httpx.get(airflow.stack.url + path).status_code for path in paths} == {401}
    viewer = AirflowApi(airflow.stack.url, ("viewer", USERS["viewer"]))
    assert {viewer.client.get(path).status_code for path in paths} == {200}
    policy = viewer.client.get("/octavo/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert viewer.client.get(f"/octavo/reports/invoice/{DAY}/..%2F..%2F..%2Fvar%2Fsecrets.json").status_code == 404
    assert viewer.client.get(f"/octavo/reports/nobody/{DAY}/index.html").status_code == 404
