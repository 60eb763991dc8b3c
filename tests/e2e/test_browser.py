"""The UI in a real browser. ``OCTAVO_SCREENSHOTS=docs/images`` keeps pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from scripts.api import AirflowApi
from tests.documents import text_pdf
from tests.e2e.conftest import USERS, Airflow

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
HOSTILE = "<img src=x onerror=document.title='stolen'>.pdf"
HOSTILE_TEXT = (
    "Invoice number: <script>document.title='stolen'</script>", "Total: '\"><svg/onload=document.title='stolen'>", "javascript:stolen",
)
WRITES = "/document/{document_id}/fields"
SIZES = ((1280, 800), (1920, 1080))
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


def pictures(page: Page, name: str) -> None:
    """Pictures at both sizes, light and dark, where somebody wants to look at them."""
    if os.environ.get("OCTAVO_SCREENSHOTS"):
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(800)
                picture(page, f"{name}-{width}-{scheme}")


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


def test_from_the_grid_to_the_evidence_of_a_field(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice/runs/{run}")
    page.locator("a[href$='/plugin/octavo-run']").click(timeout=60_000)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("password_required").first).to_be_visible(timeout=30_000)
    expect(frame.get_by_role("heading", name="Gate")).to_be_visible()
    pictures(page, "run")
    page.set_viewport_size({"width": 1280, "height": 800})
    frame.get_by_role("link", name="invoice_0001.pdf").click()
    field = frame.locator("li.field", has_text="amount_total")
    field.get_by_role("link", name="amount_total").hover()
    box = frame.locator(".evidence a.lit")
    expect(box).to_have_count(1)
    box.hover()
    expect(frame.locator("li.field.lit", has_text="amount_total")).to_have_count(1)
    field.get_by_role("link", name="amount_total").click()
    expect(frame.locator("li.field.selected", has_text="amount_total")).to_have_count(1)
    shown = frame.locator("svg image")
    expect(shown).to_have_count(1)
    assert page.request.get(airflow.stack.url + str(shown.get_attribute("href"))).headers["content-type"] == "image/jpeg"
    pictures(page, "document")
    assert errors == []
    page.close()


def test_a_link_to_a_field_opens_its_page_and_keys_walk_through_the_fields(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0000.pdf"))
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/octavo/document/{document}?field=amount_total")
    expect(page.get_by_text("page 2 of 2")).to_be_visible()
    expect(page.locator("html.show-evidence .evidence a.selected")).to_have_count(1)
    before = page.locator("li.field.selected").get_attribute("id")
    page.keyboard.press("j")
    assert page.locator("li.field.selected").get_attribute("id") == f"f{int(str(before)[1:]) + 1}"
    page.keyboard.press("k")
    width = page.locator("svg").first.bounding_box()["width"]  # type: ignore[index]
    page.keyboard.press("+")
    assert page.locator("svg").first.bounding_box()["width"] > 1.2 * width  # type: ignore[index]
    page.keyboard.press("0")
    page.keyboard.press("p")
    expect(page.get_by_text("page 1 of 2")).to_be_visible()
    expect(page.locator("html.show-evidence")).to_have_count(1)  # the script is there
    expect(page.locator(".layer.words rect").first).to_be_hidden()
    page.keyboard.press("w")
    expect(page.locator(".layer.words rect").first).to_be_visible()
    pictures(page, "words")
    page.close()


def test_a_correction_wins_the_days_next_run(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0003.pdf"))
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/octavo/document/{document}?field=buyer")
    field = page.locator("li.field.selected")
    field.get_by_label("value of buyer").fill("The Buyer Ltd")
    field.get_by_role("button", name="Correct").click()
    expect(page.locator("li.field.selected .said")).to_contain_text("admin says: The Buyer Ltd")
    airflow.succeed("invoice", DAY)
    page.reload()
    expect(page.locator("li.field.selected .value")).to_have_text("The Buyer Ltd")
    expect(page.locator("li.field.selected .said")).to_have_count(0)
    pictures(page, "corrected")
    page.close()


def test_the_library_finds_a_value_and_leads_to_where_it_stands(airflow: Airflow, browser: BrowserContext, run: str) -> None:
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/octavo/library")
    page.get_by_label("contract").select_option("invoice")
    page.get_by_label("field", exact=True).fill("invoice_number")
    page.get_by_label("value has").fill("INV-2026-04100")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="invoice_0000.pdf").click()
    expect(page.locator("li.field.selected", has_text="INV-2026-04100")).to_have_count(1)
    page.goto(f"{airflow.stack.url}/octavo/library")
    pictures(page, "library")
    page.close()


def test_a_file_name_cannot_smuggle_markup_into_the_octavo_page(airflow: Airflow, browser: BrowserContext) -> None:
    folder = airflow.landing / "invoice" / HOSTILE_DAY.replace("-", "/")
    folder.mkdir(parents=True)
    text_pdf(folder / HOSTILE, [HOSTILE_TEXT])
    (folder / f"empty {HOSTILE}").write_bytes(b"")
    run = airflow.run("invoice", HOSTILE_DAY)
    airflow.finish("invoice", run)
    page = browser.new_page()
    page.goto(f"{airflow.stack.url}/plugin/octavo")
    frame = page.frame_locator("iframe")
    row = frame.locator("tr", has_text=HOSTILE_DAY)
    row.locator("summary").click(timeout=30_000)
    expect(row.get_by_text(f"empty {HOSTILE}")).to_be_visible()
    assert frame.locator("img").count() == 0
    assert page.title() != "stolen"
    page.goto(f"{airflow.stack.url}/octavo/run?dag_id=octavo_invoice&run_id={quote(run)}")
    expect(page.get_by_text(f"empty {HOSTILE}").first).to_be_visible()
    page.get_by_role("link", name=HOSTILE, exact=True).click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    assert page.locator("img, script:not([src]), svg svg").count() == 0
    page.get_by_label("words").check()
    assert page.title() == HOSTILE, "the title is the file's name, as text; a script would have changed it"
    page.goto(f"{airflow.stack.url}/octavo/library?name={quote('<img')}")
    assert page.locator("img").count() == 0
    assert page.title() == "Octavo: library"


def test_every_route_asks_who_is_there_and_lets_a_viewer_look(airflow: Airflow, run: str) -> None:
    viewer = AirflowApi(airflow.stack.url, ("viewer", USERS["viewer"]))
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0000.pdf"))
    values = {
        "document_id": document, "number": "1", "contract": "invoice", "day": DAY, "path": "index.html", "name": "octavo.css",
    }
    routes = viewer.client.get("/octavo/openapi.json").json()["paths"]
    assert {"/", "/library", "/document/{document_id}", "/run", "/openapi.json"} <= set(routes)
    assert {route: set(methods) - {"get"} for route, methods in routes.items() if set(methods) != {"get"}} == {WRITES: {"post"}}
    said = {"contract": "invoice", "day": DAY, "field": "amount_total", "action": "correct", "value": "1.00"}
    here = {"sec-fetch-site": "same-origin"}
    assert httpx.post(f"{airflow.stack.url}/octavo{WRITES.format(**values)}", data=said, headers=here).status_code == 401
    assert viewer.client.post(f"/octavo{WRITES.format(**values)}", data=said, headers=here).status_code == 403
    for route in set(routes) - {WRITES}:
        path = "/octavo" + route.format(**values) + (f"?dag_id=octavo_invoice&run_id={quote(run)}" if route.endswith("run") else "")
        assert httpx.get(airflow.stack.url + path).status_code == 401, path
        answer = viewer.client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy or "script" not in policy
        assert viewer.client.post(path).status_code == 405, path
    assert "<form" not in viewer.client.get(f"/octavo/document/{document}").text
    assert viewer.client.get(f"/octavo/reports/invoice/{DAY}/..%2F..%2F..%2Fvar%2Fsecrets.json").status_code == 404
    assert viewer.client.get(f"/octavo/reports/nobody/{DAY}/index.html").status_code == 404
