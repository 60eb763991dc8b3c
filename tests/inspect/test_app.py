"""The web app by itself: every route asks who is there, and nothing is told of what the user may not read."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from upath import UPath

from octavo.merging.confidence import shipped
from octavo.model.entities import Partition
from octavo.storage import fs
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from tests.inspect.conftest import DAY, HOSTILE_NAME, Shelf


class Editor:
    """Somebody who may edit the DAG."""

    def get_name(self) -> str:
        return "editor"


# What Airflow lists: the DAGs with the contracts that they publish, and those of them that the user may read.
PUBLISHING = {"octavo_letter": {"letter"}, "own": {"letter", "bill"}, "octavo_receipt": {"receipt"}}
READABLE = {dag: contracts for dag, contracts in PUBLISHING.items() if dag != "octavo_receipt"}
WRITES = ["/document/{document_id}/fields", "/day/rebuild", "/run/requeue"]
TASKS = ("read&map_index=0", "merge&map_index=0", "validate", "publish", "read&map_index={MAP_INDEX}", "<script>x</script>&map_index=-1")
SCRIPT_FREE = ("<script>", "<img", 'href="javascript:')


@pytest.fixture(scope="module")
def app() -> FastAPI:
    from octavo_airflow.ui.app import app

    return app


@pytest.fixture
def client(app: FastAPI, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    from airflow.api_fastapi.core_api.security import get_user

    from octavo_airflow.ui import access, dag_index
    from octavo_airflow.ui import app as pages

    monkeypatch.setattr(pages, "run_started", lambda dag, run: None)  # there is no database
    monkeypatch.setenv("OCTAVO_LAKE", shelf.settings.lake)
    monkeypatch.setenv("OCTAVO_CONTRACTS", shelf.settings.contracts)
    monkeypatch.setattr(dag_index, "publishing", lambda: PUBLISHING)
    monkeypatch.setattr(dag_index, "rebuilding", {"letter": "octavo_letter.remerge"}.get)
    monkeypatch.setattr(dag_index, "stage", lambda dag, task: (task, "letter"))
    monkeypatch.setattr(dag_index, "takes", lambda dag, *params: dag == "octavo_letter")
    allowed = ("octavo_letter", "octavo_letter.remerge", "own")
    for ask in ("may_edit", "may_run"):
        monkeypatch.setattr(access, ask, lambda user, dag: dag in allowed and user.get_name() == "editor")
    outer = FastAPI()
    outer.mount("/somewhere/octavo", app)
    monkeypatch.setitem(app.dependency_overrides, get_user, Editor)
    monkeypatch.setitem(app.dependency_overrides, access.readable_dags, lambda: READABLE)
    with TestClient(outer, base_url="http://test/somewhere/octavo/") as made:
        yield made


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def test_every_route_asks_for_airflows_user_and_openapi_lists_it(app: FastAPI) -> None:
    from airflow.api_fastapi.core_api.security import get_user

    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert len(routes) == len(app.routes) > 8, "a route that is none of FastAPI's own would ask nobody"
    assert [route.path for route in routes if get_user not in set(calls(route.dependant))] == []
    assert {route.path.replace(":path", "") for route in routes} == set(app.openapi()["paths"])
    assert [route.path for route in routes if route.methods != {"GET"}] == WRITES


def test_every_route_that_writes_looks_where_the_form_came_from(app: FastAPI) -> None:
    from octavo_airflow.ui import access

    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.methods != {"GET"}]
    assert [route.path for route in routes if access.from_here not in set(calls(route.dependant))] == []


@pytest.mark.parametrize(("accept", "path", "answer"), [
    pytest.param("text/html,*/*", "library?value=17", (307, "/auth/login?next=/somewhere/octavo/library?value=17"), id="a browser"),
    pytest.param("application/json", "api/library", (401, None), id="a program"),
])
def test_who_has_no_login_is_led_to_it_and_back(
    accept: str, path: str, answer: tuple[int, str | None], client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.api_fastapi.core_api.security import get_user

    from octavo_airflow.ui import access

    def nobody() -> None:
        raise HTTPException(401, "Not authenticated")

    monkeypatch.setitem(app.dependency_overrides, get_user, nobody)
    monkeypatch.delitem(app.dependency_overrides, access.readable_dags)
    manager = SimpleNamespace(get_url_login=lambda next_url: f"/auth/login?next={next_url}")
    monkeypatch.setattr(access, "get_auth_manager", lambda: manager)
    found = client.get(path, headers={"accept": accept, "host": "elsewhere.example"}, follow_redirects=False)
    assert (found.status_code, found.headers.get("location")) == answer
    assert "frame-ancestors 'self'" in found.headers["content-security-policy"]


@pytest.mark.parametrize("path", [
    pytest.param("document/{0}?contract=receipt", id="a contract that may not be read"),
    pytest.param("document/../../secrets", id="a path for an id"),
    pytest.param("document/..%2F..%2Fsecrets.json", id="an encoded path"),
    pytest.param("document/{0}?run=..", id="a path for a run"),
    pytest.param("page/{0}/99.jpg", id="a page that is not there"),
    pytest.param("static/..%2Fhtml.py", id="a file beside the static ones"),
    pytest.param("run?dag_id=octavo_receipt&run_id=r1", id="a run of a DAG that may not be read"),
    pytest.param("api/run?dag_id=octavo_letter&run_id=nobody", id="a run that is not there"),
    pytest.param("reports/letter/2026-11-04/..%2F..%2Fx", id="a path among the reports"),
    pytest.param("contract/receipt", id="a contract of somebody else"),
    pytest.param("contract/..%2F..%2Fsecrets", id="a path for a contract"),
    pytest.param("contract/letter.yaml", id="a file for a contract"),
    pytest.param("api/contract/receipt", id="a contract of somebody else as JSON"),
    pytest.param("table?contract=receipt&day=2026-11-04", id="a table that may not be read"),
    pytest.param("table?contract=..%2Fletter&day=2026-11-04", id="a path for a table"),
    pytest.param("table?contract=letter&day=2026-11-05", id="a day without a table"),
    pytest.param("task?dag_id=octavo_receipt&run_id=r1&task_id=read", id="a task of a DAG that may not be read"),
    pytest.param("api/task?dag_id=octavo_letter&run_id=..&task_id=read&map_index=0", id="a path for a task's run"),
])
def test_what_may_not_be_read_or_is_not_there_is_not_found(client: TestClient, shelf: Shelf, path: str) -> None:
    assert client.get(path.format(shelf.friendly)).status_code == 404


def test_pages_carry_a_policy_without_inline_script_and_links_follow_the_mount(client: TestClient, shelf: Shelf) -> None:
    run = f"run?dag_id=octavo_letter&run_id={shelf.run}"
    task = run.replace("run?", "task?", 1)
    paths = (
        "", "library?value=17", f"document/{shelf.hostile}", run, "run?dag_id=other&run_id=x", "review", "contract/letter",
        "contract?dag_id=octavo_letter", "contract?dag_id=octavo_..%2Fletter",
        "contract?dag_id=octavo_letter.review", "contract?dag_id=<script>",
        "table?contract=letter&day=2026-11-04", *(f"{task}&task_id={name}" for name in TASKS),
        f"{task}&task_id=read&map_index=99999999999999",
    )
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert [bad for bad in SCRIPT_FREE if bad in answer.text] == []
        assert 'href="/somewhere/octavo/library"' in answer.text
    assert HOSTILE_NAME.replace("<", "&lt;").split(">")[0].replace("'", "&#39;") in client.get("library").text


def test_pictures_and_json_come_by_id(client: TestClient, shelf: Shelf) -> None:
    picture = client.get(f"page/{shelf.friendly}/2.jpg")
    assert (picture.status_code, picture.headers["content-type"], picture.content[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    found = client.get("api/library", params={"field": "total"}).json()
    assert [hit["document"] for hit in found["hits"]] == [shelf.friendly]
    shown = client.get(f"api/document/{shelf.friendly}", params={"page": 2}).json()
    assert {field["path"]: field["value"] for field in shown["fields"]}["total"] == "17.60"
    assert (shown["page"]["number"], shown["page"]["picture"]) == (2, True)
    assert client.get("api/run", params={"dag_id": "octavo_letter", "run_id": shelf.run}).json()["published"] is True
    assert "/library" in client.get("openapi.json").json()["paths"]


def said(shelf: Shelf, **more: str) -> dict[str, str]:
    return {"contract": "letter", "day": DAY.isoformat(), "field": "total", "action": "correct", "value": "17.65", **more}


HERE = {"sec-fetch-site": "same-origin"}


def test_a_correction_is_kept_shown_as_waiting_and_wins_the_next_run(client: TestClient, shelf: Shelf) -> None:
    path = f"document/{shelf.friendly}/fields"
    answer = client.post(path, data=said(shelf), headers=HERE, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"/somewhere/octavo/document/{shelf.friendly}?page=2&field=total")
    [kept] = CorrectionStore(shelf.settings.correction_store).history(shelf.friendly)
    assert (kept.field, kept.value, kept.typed, kept.by, kept.previous) == ("total", "17.65", "17.65", "editor", "17.60")
    assert kept.anchor
    assert "17.65" in client.get(f"document/{shelf.friendly}").text
    assert client.get(f"api/document/{shelf.friendly}").json()["waiting"]["total"]["value"] == "17.65"


@pytest.mark.parametrize(("more", "headers", "status"), [
    pytest.param({}, {"sec-fetch-site": "cross-site"}, 403, id="another site's page"),
    pytest.param({}, {"sec-fetch-site": "same-site"}, 403, id="a neighbour's page"),
    pytest.param({}, {"origin": "http://evil.example"}, 403, id="another origin, from an older browser"),
    pytest.param({}, {}, 403, id="nobody knows from where"),
    pytest.param({"contract": "receipt"}, HERE, 404, id="a contract that may not be read"),
    pytest.param({"value": "a lot"}, HERE, 422, id="a value of another type"),
    pytest.param({"field": "../../x"}, HERE, 422, id="a field that the contract lacks"),
    pytest.param({"action": "delete"}, HERE, 422, id="an action that there is not"),
])
def test_what_must_not_be_kept_is_refused(
    client: TestClient, shelf: Shelf, more: dict[str, str], headers: dict[str, str], status: int
) -> None:
    answer = client.post(f"document/{shelf.hostile}/fields", data=said(shelf, **more), headers=headers, follow_redirects=False)
    assert answer.status_code == status, answer.text
    assert CorrectionStore(shelf.settings.correction_store).history(shelf.hostile) == []


@pytest.mark.parametrize(("path", "data"), [
    pytest.param("document/{0}/fields", {"field": "total", "action": "correct", "value": "17.65"}, id="a correction"),
    pytest.param("day/rebuild", {}, id="rebuilding a day"),
    pytest.param("run/requeue", {"dag_id": "octavo_letter", "run_id": "r", "reason": "any"}, id="requeueing"),
])
def test_who_may_only_read_sees_no_form_and_can_write_nothing(
    client: TestClient, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, path: str, data: dict[str, str]
) -> None:
    from octavo_airflow.ui import access

    pages = [f"document/{shelf.hostile}", "review", f"run?dag_id=octavo_letter&run_id={shelf.run}"]
    assert ['method="post"' in client.get(page).text for page in pages] == [True, True, True]
    about = {"contract": "letter", "day": DAY.isoformat(), **data}
    assert client.post(path.format(shelf.hostile), data=about, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    monkeypatch.setattr(access, "may_edit", lambda user, dag: False)
    assert ['method="post"' in client.get(page).text for page in pages] == [False, False, False]
    answer = client.post(path.format(shelf.hostile), data=about, headers=HERE, follow_redirects=False)
    assert (answer.status_code, "may not edit" in answer.text) == (403, True)
    assert CorrectionStore(shelf.settings.correction_store).history(shelf.hostile) == []


@pytest.mark.parametrize(("path", "more", "status"), [
    pytest.param("day/rebuild", {"contract": "receipt"}, 404, id="a contract that may not be read"),
    pytest.param("day/rebuild", {"contract": "../letter"}, 404, id="a path for a contract"),
    pytest.param("day/rebuild", {"contract": "bill"}, 409, id="a contract that no DAG rebuilds"),
    pytest.param("day/rebuild", {"day": "../.."}, 422, id="a path for a day"),
    pytest.param("run/requeue", {"dag_id": "octavo_receipt"}, 404, id="a DAG that may not be read"),
    pytest.param("run/requeue", {"dag_id": "letter"}, 404, id="a DAG of somebody else"),
    pytest.param("run/requeue", {"reason": "<script>"}, 422, id="a reason that there is not"),
    pytest.param("run/requeue", {"dag_id": "own"}, 409, id="a DAG that does not ask what to try again"),
])
def test_no_run_is_started_of_what_is_not_the_users(client: TestClient, path: str, more: dict[str, str], status: int) -> None:
    data = {"contract": "letter", "day": DAY.isoformat(), "dag_id": "octavo_letter", "run_id": "r", "reason": "any", **more}
    assert client.post(path, data=data, headers=HERE, follow_redirects=False).status_code == status


def test_who_may_edit_but_not_start_runs_cannot_start_any(client: TestClient, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from octavo_airflow.ui import access

    monkeypatch.setattr(access, "may_run", lambda user, dag: False)
    data = {"contract": "letter", "day": DAY.isoformat(), "dag_id": "octavo_letter", "run_id": "r", "reason": "any"}
    for path in ("day/rebuild", "run/requeue"):
        answer = client.post(path, data=data, headers=HERE, follow_redirects=False)
        assert (answer.status_code, "may not start a run" in answer.text) == (403, True)
    assert "requeue" not in client.get(f"run?dag_id=octavo_letter&run_id={shelf.run}").text


def test_an_answer_in_the_queue_leads_to_the_next_value_with_the_same_filters(client: TestClient, shelf: Shelf) -> None:
    store = CorrectionStore(shelf.settings.correction_store)
    before = client.get("api/review", params={"contract": "letter", "day": DAY.isoformat()}).json()
    [first, *rest] = before["items"]
    data = {
        "contract": "letter", "day": DAY.isoformat(), "field": first["field"], "action": "correct", "value": "", "back": "review",
        "of_contract": "letter", "of_day": DAY.isoformat(), "at": "0",
    }
    try:
        answer = client.post(f"document/{first['document']}/fields", data=data, headers=HERE, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/somewhere/octavo/review?contract=letter&day=2026-11-04&page=1")
        after = client.get("api/review", params={"contract": "letter", "day": DAY.isoformat()}).json()
        assert [item["field"] for item in after["items"]] == [item["field"] for item in rest]
        assert [(one["contract"], one["values"]) for one in after["answered"]] == [("letter", 1)]
        assert "Rebuild the day" in client.get("review").text
    finally:
        store.remove(first["document"])


def test_the_queue_and_the_contract_show_nothing_of_what_may_not_be_read(
    app: FastAPI, client: TestClient, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from octavo_airflow.ui import access

    monkeypatch.setitem(app.dependency_overrides, access.readable_dags, lambda: {"octavo_receipt": {"receipt"}})
    found = client.get("api/review").json()
    assert (found["items"], found["rows"], found["answered"]) == ([], 0, [])
    assert client.get("api/review", params={"contract": "letter"}).json()["items"] == []
    assert client.get("contract/letter").status_code == 404


def test_a_contract_is_shown_with_all_that_follows_from_it(client: TestClient) -> None:
    shown = client.get("api/contract/letter").json()
    assert '"Remark"' in shown["source"]
    assert "- total (money)" in shown["prompt"]
    assert '"maxLength"' in shown["schema"]
    assert [(one["name"], one["type"]) for one in shown["columns"]][-1] == ("total", "decimal128(18, 2)")
    [day] = shown["days"]
    assert (day["day"], day["gate"], day["documents"], day["quarantined_count"]) == (DAY.isoformat(), "passed", 3, 1)
    assert "<svg" in client.get("contract/letter").text


def test_a_contract_shows_what_another_accept_at_would_do_to_its_last_day(client: TestClient, shelf: Shelf) -> None:
    table = fs.read_table(Lake(UPath(shelf.settings.lake)).table("fields", Partition("letter", DAY)), ["verdict", "confidence"])
    accepted = [row["confidence"] for row in table.to_pylist() if row["verdict"] == "accepted"]
    threshold = client.get("api/contract/letter").json()["threshold"]
    assert (threshold["day"], float(threshold["accept_at"])) == (DAY.isoformat(), float(shipped().accept_at))
    tried = [confidence for confidence, count in threshold["counts"] for _ in range(count)]
    assert sorted(float(one) for one in tried if float(one) >= float(threshold["accept_at"])) == sorted(map(float, accepted))
    wrong = sum(1 - confidence for confidence in accepted)
    assert f"{len(accepted)} of {len(tried)} values accepted, of these some {round(wrong, 1)} wrong" in client.get("contract/letter").text


def test_publish_shows_the_table_and_a_task_whose_workspace_is_gone_says_so(client: TestClient, shelf: Shelf) -> None:
    run = {"dag_id": "octavo_letter", "run_id": shelf.run}
    table = client.get("api/task", params={**run, "task_id": "publish"}).json()["table"]
    assert (table["rows"], set(table["documents"])) == (2, {shelf.friendly, shelf.hostile})
    assert "17.6" in str(table["cells"])
    assert "workspace is gone" in client.get("task", params={**run, "task_id": "read", "map_index": "0"}).text


def test_a_run_of_ones_own_dag_shows_its_documents_and_no_button_that_it_would_not_understand(client: TestClient, shelf: Shelf) -> None:
    page = client.get(f"run?dag_id=own&run_id={shelf.run}").text
    assert "friendly.pdf" in page
    assert "requeue" not in page
    assert f"run_id={shelf.run}&amp;contract=bill" in page, "the DAG publishes two contracts"
    assert "requeue" in client.get(f"run?dag_id=octavo_letter&run_id={shelf.run}").text
    contract = client.get("contract?dag_id=own")
    assert contract.status_code == 404, "its first contract, bill, has no file"
    assert [f"/somewhere/dags/{dag}" in client.get("contract/letter").text for dag in PUBLISHING] == [True, True, False]


def test_rights_to_one_contract_are_none_to_rebuild_another(app: FastAPI, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of Airflow by the DAGs of the contract at hand, for a user who may read one contract and edit and rebuild another."""
    from octavo_airflow.ui import access, dag_index

    asked: list[tuple[str, str]] = []

    class Manager:
        def is_authorized_dag(self, method: str, details: Any, user: Any, access_entity: Any = None) -> bool:
            asked.append((method, details.id))
            return details.id in ("letters", "letters.remerge")

        def get_authorized_dag_ids(self, user: Any, method: str) -> set[str]:
            return {"letters", "letters.review", "letters.remerge", "bills.review", "other"}

    monkeypatch.setattr(access, "get_auth_manager", Manager)
    dags = {"letters": {"letter"}, "bills": {"bill"}, "close": {"bill", "note"}}
    monkeypatch.setattr(dag_index, "publishing", lambda: dags)
    monkeypatch.setattr(dag_index, "rebuilding", {"letter": "letters.remerge", "bill": "bills.remerge"}.get)
    user: Any = Editor()
    assert access.may_rebuild(user, "letter", dags)
    assert asked == [("PUT", "letters"), ("POST", "letters.remerge")]
    asked.clear()
    assert not access.may_rebuild(user, "bill", dags)
    assert asked == [("PUT", "bills"), ("PUT", "close")]
    assert not access.may_rebuild(user, "note", dags), "no DAG rebuilds it"
    assert access.readable_dags(user) == {"letters": {"letter"}}
    assert access.readable_contracts(access.readable_dags(user)) == {"letter"}
