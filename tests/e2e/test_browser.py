"""The UI in a real browser. ``OCTAVO_SCREENSHOTS=docs/images`` keeps pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from playwright.sync_api import Page, expect

from scripts.api import AirflowApi
from tests import days
from tests.documents import text_pdf
from tests.e2e.browsing import barriers, picture, pictures
from tests.e2e.conftest import HOSTILE, USERS, Airflow

# A line about each: the gate lets the document pass, so that the lake has it. The sign before the amount due sends that to review.
HOSTILE_TEXT = (
    "<script>document.title='stolen'</script> Trading LTD", "Invoice number: 48213", "Invoice date: 12/03/2026", "Total amount: 17.60",
    "'\"><svg/onload=document.title='stolen'>", "javascript:document.title='stolen'", "Amount due: ~9.99",
)
WRITES = ("/document/{document_id}/fields", "/day/rebuild", "/run/requeue")
# What pages must be asked with.
QUERIES = {
    "/run": ("dag_id", "run_id"), "/task": ("dag_id", "run_id", "task_id", "map_index"), "/table": ("contract", "day"),
    "/contract": ("dag_id",),
}
# The place of the focused element in the document, and whether something shows it.
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  if (one === document.body) return [-1, true];
  return [[...document.querySelectorAll("*")].indexOf(one), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
}"""
SMUGGLED = "img, iframe, object, script:not([src]), svg svg, [onload], [onerror], a[href^='javascript:']"
DAY = "2026-11-04"
HOSTILE_DAY = "2026-11-06"


@pytest.fixture(scope="module")
def run(airflow: Airflow) -> str:
    return airflow.succeed("invoice", DAY)


@pytest.fixture
def published(airflow: Airflow, run: str) -> str:
    """The run whose tables the day has now: the workspaces of those before it are gone."""
    manifest = airflow.lake / "_published" / "contract=invoice" / f"day={DAY}.json"
    return str(json.loads(manifest.read_text())["run"])


def test_bad_files_are_quarantined_with_their_reason_and_the_day_goes_on(airflow: Airflow, run: str) -> None:
    truth = [json.loads(line) for line in (airflow.landing.parent / "truth.jsonl").read_text().splitlines()]
    expected = {Path(t["file"]).name: t["reason"] for t in truth if t["contract"] == "invoice" and t["outcome"] == "quarantined"}
    documents = airflow.rows("documents", "invoice", DAY)
    found = {Path(row["uri"]).name: row["reason"] for row in documents if row["status"] == "quarantined"}
    assert found == expected
    assert {"empty_file", "password_required", "truncated", "mislabelled"} <= set(found.values())
    assert len(airflow.rows("invoice", "invoice", DAY)) == len([t for t in truth if t["contract"] == "invoice"]) - len(expected)


def test_the_grid_of_a_dag_shows_its_stages(airflow: Airflow, page: Page, run: str) -> None:
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice/runs/{run}")
    for stage in ("ingest", "read", "merge", "validate", "publish"):
        expect(page.get_by_text(stage, exact=False).first).to_be_visible()
    picture(page, "grid")


def test_the_trigger_form_offers_the_parameters(airflow: Airflow, page: Page, run: str) -> None:
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice")
    page.get_by_role("button", name="Trigger").first.click()
    for parameter in ("day", "documents", "extractor", "chunking"):
        expect(page.get_by_text(parameter, exact=True).first).to_be_visible()


def test_the_octavo_page_shows_the_day(airflow: Airflow, page: Page, run: str) -> None:
    page.goto(f"{airflow.stack.url}/plugin/octavo")
    frame = page.frame_locator("iframe")
    row = frame.locator("tr", has_text=DAY)
    expect(row.get_by_text("passed")).to_be_visible()
    row.locator("summary").click()
    expect(row.get_by_text("password_required")).to_be_visible()
    picture(page, "octavo")
    row.get_by_text("Data Docs").click()
    expect(frame.get_by_text("invoice: amount_total").first).to_be_visible()
    expect(frame.get_by_text("Unsuccessful Expectations")).to_be_visible()
    picture(page, "report")


def test_from_the_grid_to_the_evidence_of_a_field(airflow: Airflow, page: Page, run: str) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice/runs/{run}")
    page.locator("a[href$='/plugin/octavo-run']").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("password_required").first).to_be_visible()
    expect(frame.get_by_role("heading", name="Gate")).to_be_visible()
    pictures(page, "run")
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


def test_a_link_to_a_field_opens_its_page_and_keys_walk_through_the_fields(airflow: Airflow, page: Page, run: str) -> None:
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0000.pdf"))
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


def test_a_correction_wins_the_days_next_run(airflow: Airflow, page: Page, run: str) -> None:
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0003.pdf"))
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


def test_the_library_finds_a_value_and_leads_to_where_it_stands(airflow: Airflow, page: Page, run: str) -> None:
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


def test_a_file_name_cannot_smuggle_markup_into_the_octavo_page(airflow: Airflow, page: Page) -> None:
    folder = airflow.landing / "invoice" / HOSTILE_DAY.replace("-", "/")
    folder.mkdir(parents=True)
    text_pdf(folder / HOSTILE, [HOSTILE_TEXT])
    (folder / f"empty {HOSTILE}").write_bytes(b"")
    run = airflow.succeed("invoice", HOSTILE_DAY)
    page.goto(f"{airflow.stack.url}/plugin/octavo")
    frame = page.frame_locator("iframe")
    row = frame.locator("tr", has_text=HOSTILE_DAY)
    row.locator("summary").click()
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


def test_what_strangers_wrote_stays_text_on_every_page(airflow: Airflow, page: Page, run: str) -> None:
    runs = airflow.api.get("dags/octavo_invoice/dagRuns", limit=100, order_by="-run_after")["dag_runs"]
    hostile = next(one["dag_run_id"] for one in runs if (one["conf"] or {}).get("day") == HOSTILE_DAY)
    about = f"dag_id=octavo_invoice&run_id={quote(hostile)}"
    document = airflow.api.client.get("/octavo/api/library", params={"name": "<img", "contract": "invoice"}).json()["hits"][0]["document"]
    canary: list[str] = []
    page.on("dialog", lambda dialog: canary.append(dialog.message))
    for path, text in (
        (f"review?contract=invoice&day={HOSTILE_DAY}", HOSTILE),
        (f"review?contract={quote('<script>')}&field={quote(HOSTILE)}", "Nothing waits"),
        (f"table?contract=invoice&day={HOSTILE_DAY}", HOSTILE), (f"task?{about}&task_id=publish&map_index=-1", HOSTILE),
        (f"task?{about}&task_id=read&map_index=0", HOSTILE), (f"task?{about}&task_id={quote(HOSTILE)}&map_index=javascript:1", HOSTILE),
        ("contract/strict", HOSTILE), (f"contract?dag_id={quote(HOSTILE)}", HOSTILE), ("", HOSTILE),
        (f"run?{about}&started={quote(HOSTILE)}", HOSTILE),
        (f"document/{document}?field={quote(HOSTILE)}&started={quote(HOSTILE)}", HOSTILE),
    ):
        page.goto(f"{airflow.stack.url}/octavo/{path}")
        expect(page.locator("body")).to_contain_text(text)
        assert page.locator(SMUGGLED).count() == 0, path
        assert page.title() != "stolen", path
    assert canary == []


def test_a_task_leads_to_its_documents_its_table_and_the_dag_to_its_contract(
    airflow: Airflow, page: Page, published: str
) -> None:
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice/runs/{published}/tasks/read/mapped/0")
    expect(page.get_by_text(f"{DAY} p0000: 8 pages").first).to_be_visible()
    page.locator("a[href$='/plugin/octavo-task']").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="invoice_0001.pdf")).to_be_visible()
    pictures(page, "task")
    page.goto(f"{airflow.stack.url}/octavo/task?dag_id=octavo_invoice&run_id={quote(published)}&task_id=publish&map_index={{MAP_INDEX}}")
    expect(page.locator("tbody tr", has_text="INV-2026-04100")).to_have_count(1)
    button = page.locator("button[data-copy]").first
    button.click()
    expect(button).to_have_text("copied")
    assert "read_parquet" in str(page.evaluate("getSelection().toString()"))
    pictures(page, "table")
    page.goto(f"{airflow.stack.url}/octavo/task?dag_id=octavo_invoice&run_id={quote(published)}&task_id=validate&map_index=-1")
    page.get_by_role("link", name="Data Docs of the day").click()
    expect(page.get_by_text("Unsuccessful Expectations")).to_be_visible()
    page.goto(f"{airflow.stack.url}/dags/octavo_invoice")
    page.locator("a[href$='/plugin/octavo-contract']").click()
    expect(frame.get_by_role("heading", name="What a model is asked about a chunk")).to_be_visible()
    slider, output = frame.get_by_label("accept_at"), frame.locator(".threshold output")
    expect(output).to_contain_text("values accepted, of these some")
    slider.fill("0")
    total = re.search(r"(\d+) of (\d+)", output.inner_text())
    assert total
    assert total[1] == total[2]
    slider.fill("1")
    expect(output).to_contain_text(f"1.000: 0 of {total[2]} values accepted, of these some 0.0 wrong")
    pictures(page, "contract")


def test_the_log_of_a_task_is_folded_and_its_page_says_what_it_does(airflow: Airflow, run: str) -> None:
    events = [str(event["event"]) for event in airflow.api.log("octavo_invoice", run, "read", 1, 0)]
    groups = [text.removeprefix("::group::") for text in events if text.startswith("::group::")]
    assert {"settings", "counts"} <= set(groups)
    assert "shard: p0000" in events
    tasks = airflow.api.get("dags/octavo_invoice/tasks")["tasks"]
    assert [task["task_id"] for task in tasks if not task["doc_md"]] == []


@pytest.mark.parametrize("path", [
    pytest.param("", id="days"), pytest.param("library", id="library"), pytest.param("review", id="review queue"),
    pytest.param("document/{document}?field=amount_total", id="document"), pytest.param("run?{about}", id="run"),
    pytest.param("task?{about}&task_id=merge&map_index=0", id="task with a shard"),
    pytest.param("task?{about}&task_id=validate&map_index=-1", id="gate"), pytest.param("table?contract=invoice&day=" + DAY, id="table"),
    pytest.param("contract/invoice", id="contract"), pytest.param("run?dag_id=other&run_id=x", id="note"),
])
def test_axe_finds_no_barrier_and_the_keyboard_reaches_everything_in_order(
    airflow: Airflow, page: Page, published: str, path: str
) -> None:
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0000.pdf"))
    page.goto(f"{airflow.stack.url}/octavo/" + path.format(document=document, about=f"dag_id=octavo_invoice&run_id={quote(published)}"))
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    assert barriers(page) == []
    page.evaluate("() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); }")
    page.locator("header strong").click()
    places = []
    for _ in range(12):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(FOCUSED)
        if place < 0:  # past the last
            break
        places.append(place)
        assert outline, f"no visible focus on element {place}"
    assert len(set(places)) >= 3
    assert places == sorted(places)  # a field for a date has several stops


def test_every_route_asks_who_is_there_and_lets_a_viewer_look(airflow: Airflow, run: str) -> None:
    viewer = AirflowApi(airflow.stack.url, ("viewer", USERS["viewer"]))
    document = next(row["document"] for row in airflow.rows("documents", "invoice", DAY) if row["uri"].endswith("invoice_0000.pdf"))
    values = {
        "document_id": document, "number": "1", "contract": "invoice", "day": DAY, "path": "index.html",
    }
    routes = viewer.client.get("/octavo/openapi.json").json()["paths"]
    assert {"/", "/library", "/document/{document_id}", "/run", "/openapi.json"} <= set(routes)
    assert {(route, *(set(methods) - {"get"})) for route, methods in routes.items() if set(methods) != {"get"}} == {
        (write, "post") for write in WRITES
    }
    said = {
        "contract": "invoice", "day": DAY, "field": "amount_total", "action": "correct", "value": "1.00", "dag_id": "octavo_invoice",
        "run_id": run, "reason": "any",
    }

    def started() -> int:
        """Runs that writes about the contract have started."""
        rebuilt = days.runs(airflow.api, "octavo_invoice.remerge")
        return len(rebuilt) + len(days.runs(airflow.api, "octavo_invoice"))

    before = started()
    for write in WRITES:
        path = f"/octavo{write.format(**values)}"
        assert httpx.post(airflow.stack.url + path, data=said, headers={"sec-fetch-site": "same-origin"}).status_code == 401, path
        assert viewer.client.post(path, data=said, headers={"sec-fetch-site": "same-origin"}).status_code == 403, path
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {}):
            assert airflow.api.client.post(path, data=said, headers=headers).status_code == 403, (path, headers)
    assert started() == before
    asked = {"dag_id": "octavo_invoice", "run_id": run, "task_id": "read", "map_index": "0", "contract": "invoice", "day": DAY}
    for route in set(routes) - set(WRITES):
        query = QUERIES.get(route.removeprefix("/api"), ())
        path = "/octavo" + route.format(**values, name="invoice" if "/contract/" in route else "octavo.css") + (
            "?" + urlencode({name: asked[name] for name in query}) if query else ""
        )
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
