"""The pages under the permissions of Flask-AppBuilder, in Chromium: a check of ``scripts/matrix.sh``, called as ``matrix_fab.py DAY``.

An anonymous visitor is led to the login and back, and gets nothing; a viewer and an editor walk every route; the viewer can write nothing,
the editor corrects a value, rebuilds the day and tries files again. Needs a day of ``octavo_receipt`` in the lake, and
``AIRFLOW__CORE__AUTH_MANAGER`` in the environment. Prints one cell of the table; ends with an error where something failed.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from playwright.sync_api import BrowserContext, Page, sync_playwright

DAG, CONTRACT = "octavo_receipt", "receipt"
ROLES = {"viewer": "Viewer", "editor": "User"}
PASSWORD = "only-for-this-check"
START_SECONDS = 120
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
HERE = {"sec-fetch-site": "same-origin"}


def airflow(*command: str) -> str:
    """A command of Airflow's; what it prints."""
    done = subprocess.run([Path(sys.executable).with_name("airflow"), *command], capture_output=True, text=True, check=False)
    ensure(done.returncode == 0, f"airflow {command[0]} {command[1]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def ensure(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Airflow's API server on a free port; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("airflow")), "api-server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=sys.stderr, start_new_session=True) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"{url}/api/v2/monitor/health", timeout=5).status_code == 200:
                        break
                ensure(time.monotonic() < deadline and process.poll() is None, f"the API server did not come up within {START_SECONDS} s")
                time.sleep(0.5)
            yield url
        finally:
            process.terminate()


def login(page: Page, url: str, user: str) -> None:
    """Ask for a page without a login, log in, and be back at that page."""
    page.goto(f"{url}/octavo/library?contract={CONTRACT}")
    ensure("/auth/login" in page.url, f"an anonymous visitor was led to {page.url}")
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[type=submit], button[type=submit]").first.click()
    page.wait_for_url(f"{url}/octavo/library?contract={CONTRACT}")
    page.get_by_role("heading", name="Library").wait_for()


def addresses(url: str, context: BrowserContext, day: str, run: str) -> tuple[list[str], str]:
    """Every route that shows something, with what it has to be asked with; and the id of a document."""
    found = context.request.get(f"{url}/octavo/api/library?contract={CONTRACT}").json()["hits"]
    document = next(hit["document"] for hit in found if hit["status"] == "ok")
    routes = context.request.get(f"{url}/octavo/openapi.json").json()["paths"]
    task = {"dag_id": DAG, "run_id": run, "task_id": "read", "map_index": "0"}
    queries = {
        "/run": {"dag_id": DAG, "run_id": run}, "/task": task, "/table": {"contract": CONTRACT, "day": day}, "/contract": {"dag_id": DAG},
    }
    values = {"document_id": document, "number": 1, "contract": CONTRACT, "day": day, "path": "index.html"}
    shown = [
        "/octavo" + route.format(**values, name=CONTRACT if "/contract/" in route else "octavo.css")
        + (f"?{urlencode(query)}" if (query := queries.get(route.removeprefix("/api"))) else "")
        for route, methods in routes.items() if "get" in methods
    ]
    return shown, document


def walk(context: BrowserContext, url: str, paths: list[str]) -> None:
    """Open every address."""
    page = context.new_page()
    for path in paths:
        answer: Any = page.goto(url + path)
        ensure(answer.status == 200, f"{path} answered {answer.status}")
    page.close()


def main(day: str) -> str:
    for name, role in ROLES.items():
        airflow("users", "create", "--username", name, "--role", role, "--password", PASSWORD, "--email", f"{name}@example.org",
                "--firstname", name, "--lastname", role)
    for role in ROLES.values():  # by itself FAB lets neither of these roles list plugins, and so shows them no page in a tab
        airflow("roles", "add-perms", role, "--action", "can_read", "--resource", "Plugins")
    airflow("dags", "reserialize")
    with server() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        people = {name: browser.new_context() for name in (*ROLES, "anonymous")}
        for name in ROLES:
            login(people[name].new_page(), url, name)
        viewer, editor, anonymous = people["viewer"], people["editor"], people["anonymous"]
        run = str(viewer.request.get(f"{url}/octavo/api/table?contract={CONTRACT}&day={day}").json()["run"])
        paths, document = addresses(url, viewer, day, run)
        for name in ROLES:
            walk(people[name], url, paths)
        for path in paths:
            ensure(anonymous.request.get(url + path, max_redirects=0).status == 401, f"{path} tells an anonymous visitor something")
            page = anonymous.new_page()
            page.goto(url + path)
            ensure("/auth/login" in page.url, f"{path} led a browser without a login to {page.url}")
            page.close()

        said: dict[str, str | float | bool] = {
            "contract": CONTRACT, "day": day, "field": "total", "action": "correct", "value": "1.00", "dag_id": DAG, "run_id": run,
            "reason": "any",
        }
        for path in (f"document/{document}/fields", "day/rebuild", "run/requeue"):
            for who, status in ((anonymous, 401), (viewer, 403)):
                answer = who.request.post(f"{url}/octavo/{path}", form=said, headers=HERE, max_redirects=0)
                ensure(answer.status == status, f"{path} answered {answer.status}")
        shown = f"{url}/octavo/document/{document}?contract={CONTRACT}&day={day}&field=total"
        page = viewer.new_page()
        page.goto(shown)
        ensure(page.locator("form[method=post]").count() == 0, "a viewer is shown a form")
        page = editor.new_page()
        page.goto(shown)
        page.get_by_label("value of total").fill("1.00")
        page.locator("li.field.selected").get_by_role("button", name="Correct").click()
        page.locator("li.field.selected .said", has_text="editor says: 1.00").wait_for()
        page.get_by_role("button", name="Rebuild the day").click()
        page.get_by_role("status").get_by_text(re.compile("was started")).wait_for()
        for name in ROLES:
            page = people[name].new_page()
            page.goto(f"{url}/dags/{DAG}/runs/{quote(run, safe='')}/plugin/octavo-run")
            page.frame_locator("iframe").get_by_role("link", name="receipt_0000", exact=False).first.wait_for()
    return f"{len(paths)} routes, a viewer, an editor and nobody"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1]) + "\n")
